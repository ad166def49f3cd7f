//! Reads the classification and the segments of an intelligence mark into [`Mark`].

use jiff::civil::Date;

use super::Mark;
use super::items::{atomic, compartments, system, take_eyes_only};
use super::vocabulary::{CONTROLS, FOREIGN_LEVELS, LEVELS, NATO_LEVELS};
use crate::policy::membership::{Membership, Party};

pub(super) struct Reader<'a> {
    membership: &'a Membership,
    date: Option<Date>,
    pub mark: Mark,
    pub understood: bool,
    released: bool,
}

impl<'a> Reader<'a> {
    pub fn new(membership: &'a Membership, date: Option<Date>) -> Self {
        Reader { membership, date, mark: Mark::default(), understood: true, released: false }
    }
}

impl Reader<'_> {
    pub fn us_class(&mut self, class: &str) {
        match find(LEVELS, class) {
            Some(level) => self.mark.level = level,
            None => self.unknown(),
        }
    }

    pub fn foreign_class(&mut self, class: &str) {
        if let Some(level) = find(NATO_LEVELS, class) {
            self.mark.level = level;
            self.mark.nato = true;
            self.mark.nato_owned = true;
        } else if let Some(joint) = class.strip_prefix("JOINT ") {
            // A joint product's owners agreed to give it to each other: each is a source for everybody else.
            match without_level(joint, LEVELS) {
                Some((level, owners)) => {
                    self.mark.level = level;
                    for owner in owners.split(' ') {
                        if self.membership.look_up(owner, self.date).is_none() {
                            self.unknown();
                        }
                        self.mark.joint.insert(owner.to_owned());
                    }
                }
                None => self.unknown(),
            }
        } else {
            self.owned_class(class);
        }
    }

    fn owned_class(&mut self, class: &str) {
        let Some((owners, level)) = class.rsplit_once(' ').map(|(o, l)| (o.strip_suffix(" TOP").unwrap_or(o), l))
        else {
            return self.unknown();
        };
        let top = class.ends_with(" TOP SECRET");
        match find(LEVELS, level).or_else(|| find(FOREIGN_LEVELS, level)) {
            Some(_) if top => self.mark.level = 4,
            Some(level) => self.mark.level = level,
            None => return self.unknown(),
        }
        if owners == "FGI" {
            self.mark.concealed = true;
        } else {
            self.understood &= owners.split(' ').all(|code| self.membership.look_up(code, self.date).is_some());
            owners.split(' ').for_each(|owner| self.source(owner));
        }
    }

    pub fn segment(&mut self, segment: &str) {
        if let Some(programs) =
            segment.strip_prefix("SPECIAL ACCESS REQUIRED-").or_else(|| segment.strip_prefix("SAR-"))
        {
            return self.programs(programs);
        }
        if segment == "FGI" {
            self.mark.concealed = true;
            return;
        }
        if let Some(sources) = segment.strip_prefix("FGI ") {
            let known = |code| self.membership.is_source(code, self.date);
            self.understood &= sources.split(' ').all(known);
            return sources.split(' ').for_each(|code| self.source(code));
        }
        let (eyes, rest) = take_eyes_only(segment);
        if let Some(codes) = eyes {
            self.release(codes.split('/'));
        }
        rest.into_iter().for_each(|item| self.item(item));
    }

    pub fn item(&mut self, item: &str) {
        if let Some(list) = item.strip_prefix("REL TO ") {
            self.release(list.split(", "));
        } else if let Some(list) = item.strip_prefix("DISPLAY ONLY ") {
            self.display(list.split(", "));
        } else if let Some((control, _)) = CONTROLS.iter().find(|(_, names)| names.contains(&item)) {
            self.mark.nato |= *control == "ATOMAL";
            self.mark.controls.insert((*control).to_owned());
        } else if let Some(controls) = atomic(item) {
            self.mark.controls.extend(controls.iter().map(|c| (*c).to_owned()));
        } else if let Some(system) = system(item) {
            self.mark.nato |= matches!(system, "BALK" | "BOHEMIA");
            self.mark.compartments.insert(format!("SCI:{system}"));
            // Whoever has the system has no compartment of it.
            self.mark.compartments.extend(compartments(item, system));
        } else {
            self.unknown();
        }
    }

    fn programs(&mut self, programs: &str) {
        for program in programs.split('/') {
            let mut parts = program.split('-');
            let name = parts.next().unwrap_or_default();
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ') {
                self.unknown();
            }
            self.mark.programs.insert(format!("SAP:{name}"));
            for part in parts {
                let (compartment, subs) = part.split_once(' ').unwrap_or((part, ""));
                self.mark.programs.insert(format!("SAP:{name}-{compartment}"));
                let subs = subs.split(' ').filter(|sub| !sub.is_empty());
                self.mark.programs.extend(subs.map(|sub| format!("SAP:{name}-{compartment} {sub}")));
            }
        }
    }

    fn source(&mut self, code: &str) {
        self.mark.nato |= code == "NATO";
        self.mark.sources.insert(code.to_owned());
    }

    fn release<'c>(&mut self, codes: impl Iterator<Item = &'c str>) {
        // Two release lists in one mark have no agreed meaning.
        if std::mem::replace(&mut self.released, true) {
            self.unknown();
        }
        for code in codes {
            self.mark.named.insert(code.to_owned());
            match self.membership.look_up(code, self.date) {
                Some(Party::Country) => {
                    self.mark.countries.insert(code.to_owned());
                }
                Some(Party::Organisation(members)) => {
                    self.mark.organisations.insert(code.to_owned());
                    self.mark.countries.extend(members.into_iter().filter(|m| *m != "USA").map(str::to_owned));
                }
                None => self.unknown(),
            }
        }
    }

    fn display<'c>(&mut self, codes: impl Iterator<Item = &'c str>) {
        for code in codes.filter(|c| *c != "USA") {
            self.mark.display.insert(code.to_owned());
            match self.membership.look_up(code, self.date) {
                Some(Party::Country) => {}
                Some(Party::Organisation(members)) => {
                    self.mark.display.extend(members.into_iter().filter(|m| *m != "USA").map(str::to_owned));
                }
                None => self.unknown(),
            }
        }
    }

    pub fn unknown(&mut self) {
        self.understood = false;
    }
}

fn find(table: &[(&str, i64)], name: &str) -> Option<i64> {
    table.iter().find(|(n, _)| *n == name).map(|(_, level)| *level)
}

/// `SECRET CAN GBR USA` as its level and the rest.
fn without_level<'t>(text: &'t str, table: &[(&str, i64)]) -> Option<(i64, &'t str)> {
    table.iter().find_map(|(name, level)| Some((*level, text.strip_prefix(name)?.strip_prefix(' ')?)))
}
