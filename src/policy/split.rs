//! Policy's own reading of a canonical marking: it splits the text and looks the pieces up in its own table.
//!
//! It repairs nothing and checks no order or form; the marking engine does. What it does not know makes the whole
//! mark not understood, and a rule refuses that.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::cui;
use super::items::{atomic, compartments, system, take_eyes_only};
use super::membership::{Known, Membership};

/// What one mark says, in the words the rules use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// 0 unclassified, 1 restricted, 2 confidential, 3 secret, 4 top secret.
    pub level: i64,
    /// Whether every piece was known.
    pub understood: bool,
    /// Whether it says nothing besides a United States classification.
    pub bare: bool,
    /// Controls by banner abbreviation.
    pub controls: BTreeSet<String>,
    /// Control systems, as `SCI:SI`.
    pub compartments: BTreeSet<String>,
    /// Special access programmes, as `SAP:NAME`.
    pub programs: BTreeSet<String>,
    /// Acknowledged foreign sources and owners; but for NATO, a joint mark's owners and the United States.
    pub sources: BTreeSet<String>,
    /// Whether NATO owns it.
    pub nato_owned: bool,
    /// The owners of a joint mark.
    pub joint: BTreeSet<String>,
    /// Whether the United States own it: every mark of theirs but an unclassified one that says nothing else.
    pub states: bool,
    /// Whether NATO information is in it.
    pub nato: bool,
    /// Whether a foreign source is concealed.
    pub concealed: bool,
    /// Countries it may be released to, organisations expanded; without the United States.
    pub countries: BTreeSet<String>,
    /// Organisations it names for release.
    pub organisations: BTreeSet<String>,
    /// Everybody whom it names for release, as it names them.
    pub named: BTreeSet<String>,
    /// Whether it is a mark of CUI.
    pub cui: bool,
    /// Codes it may be displayed to, organisations and their members both; without the United States.
    pub display: BTreeSet<String>,
}

/// Every control that is not a list, by its title, banner abbreviation and portion mark.
pub(super) const CONTROLS: &[(&str, &[&str])] = &[
    ("DCNI", &["DOD UNCLASSIFIED CONTROLLED NUCLEAR INFORMATION", "DOD UCNI", "DCNI"]),
    ("UCNI", &["DOE UNCLASSIFIED CONTROLLED NUCLEAR INFORMATION", "DOE UCNI", "UCNI"]),
    ("TFNI", &["TRANSCLASSIFIED FOREIGN NUCLEAR INFORMATION", "TFNI"]),
    ("ATOMAL", &["ATOMAL"]),
    ("RSEN", &["RISK SENSITIVE", "RSEN", "RS"]),
    ("FOUO", &["FOR OFFICIAL USE ONLY", "FOUO"]),
    ("ORCON", &["ORIGINATOR CONTROLLED", "ORCON", "OC"]),
    ("ORCON-USGOV", &["ORIGINATOR CONTROLLED-USGOV", "ORCON-USGOV", "OC-USGOV"]),
    ("IMCON", &["CONTROLLED IMAGERY", "IMCON", "IMC"]),
    ("NOFORN", &["NOT RELEASABLE TO FOREIGN NATIONALS", "NOFORN", "NF"]),
    ("PROPIN", &["CAUTION-PROPRIETARY INFORMATION INVOLVED", "PROPIN", "PR"]),
    ("RELIDO", &["RELEASABLE BY INFORMATION DISCLOSURE OFFICIAL", "RELIDO"]),
    ("DSEN", &["DEA SENSITIVE", "DSEN"]),
    ("RAWFISA", &["RAW FOREIGN INTELLIGENCE SURVEILLANCE ACT", "RAWFISA"]),
    ("FISA", &["FOREIGN INTELLIGENCE SURVEILLANCE ACT", "FISA"]),
    ("LIMDIS", &["LIMITED DISTRIBUTION", "LIMDIS", "DS"]),
    ("EXDIS", &["EXCLUSIVE DISTRIBUTION", "EXDIS", "XD"]),
    ("NODIS", &["NO DISTRIBUTION", "NODIS", "ND"]),
    ("SBU", &["SENSITIVE BUT UNCLASSIFIED", "SBU"]),
    ("SBU NOFORN", &["SENSITIVE BUT UNCLASSIFIED NOFORN", "SBU NOFORN", "SBU-NF"]),
    ("LES", &["LAW ENFORCEMENT SENSITIVE", "LES"]),
    ("LES NOFORN", &["LAW ENFORCEMENT SENSITIVE NOFORN", "LES NOFORN", "LES-NF"]),
    ("SSI", &["SENSITIVE SECURITY INFORMATION", "SSI"]),
];

/// Control systems by every name a mark may give them.
pub(super) const LEVELS: &[(&str, i64)] = &[
    ("TOP SECRET", 4),
    ("SECRET", 3),
    ("CONFIDENTIAL", 2),
    ("UNCLASSIFIED", 0),
    ("TS", 4),
    ("S", 3),
    ("C", 2),
    ("U", 0),
];

const FOREIGN_LEVELS: &[(&str, i64)] = &[("RESTRICTED", 1), ("R", 1)];

const NATO_LEVELS: &[(&str, i64)] = &[
    ("COSMIC TOP SECRET", 4),
    ("NATO SECRET", 3),
    ("NATO CONFIDENTIAL", 2),
    ("NATO RESTRICTED", 1),
    ("NATO UNCLASSIFIED", 0),
    ("CTS", 4),
    ("NS", 3),
    ("NC", 2),
    ("NR", 1),
    ("NU", 0),
];

/// Splits a banner, or a portion mark in parentheses, of a document of `date`.
pub(super) fn split(text: &str, membership: &Membership, date: Option<Date>) -> Split {
    let text = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    let mut reader = Reader { membership, date, split: Split::default(), understood: true, released: false };
    let (foreign, rest) = match text.strip_prefix("//") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut segments = rest.split("//");
    // INVARIANT: splitting any text yields at least one piece.
    let class = segments.next().expect("a split yields a piece");
    if !foreign && matches!(class, "CUI" | "CONTROLLED") {
        cui::read(segments, &mut reader);
        return Split { understood: reader.understood, cui: true, states: true, ..reader.split };
    }
    if foreign {
        reader.foreign_class(class)
    } else {
        reader.us_class(class)
    }
    let mut bare = !foreign;
    for segment in segments {
        bare = false;
        reader.segment(segment);
    }
    let says_nothing = bare && reader.split.level == 0;
    let states = !(foreign || says_nothing);
    Split { understood: reader.understood, bare, states, ..reader.split }
}

pub(super) struct Reader<'a> {
    membership: &'a Membership,
    date: Option<Date>,
    pub(super) split: Split,
    understood: bool,
    released: bool,
}

impl Reader<'_> {
    fn us_class(&mut self, class: &str) {
        match find(LEVELS, class) {
            Some(level) => self.split.level = level,
            None => self.unknown(),
        }
    }

    fn foreign_class(&mut self, class: &str) {
        if let Some(level) = find(NATO_LEVELS, class) {
            self.split.level = level;
            self.split.nato = true;
            self.split.nato_owned = true;
        } else if let Some(joint) = class.strip_prefix("JOINT ") {
            // A joint product's owners agreed to give it to each other: each is a source for everybody else.
            match without_level(joint, LEVELS) {
                Some((level, owners)) => {
                    self.split.level = level;
                    for owner in owners.split(' ') {
                        if self.membership.look_up(owner, self.date).is_none() {
                            self.unknown();
                        }
                        self.split.joint.insert(owner.to_owned());
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
            Some(_) if top => self.split.level = 4,
            Some(level) => self.split.level = level,
            None => return self.unknown(),
        }
        if owners == "FGI" {
            self.split.concealed = true;
        } else {
            self.understood &= owners.split(' ').all(|code| self.membership.look_up(code, self.date).is_some());
            owners.split(' ').for_each(|owner| self.source(owner));
        }
    }

    fn segment(&mut self, segment: &str) {
        if let Some(programs) =
            segment.strip_prefix("SPECIAL ACCESS REQUIRED-").or_else(|| segment.strip_prefix("SAR-"))
        {
            return self.programs(programs);
        }
        if segment == "FGI" {
            self.split.concealed = true;
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

    pub(super) fn item(&mut self, item: &str) {
        if let Some(list) = item.strip_prefix("REL TO ") {
            self.release(list.split(", "));
        } else if let Some(list) = item.strip_prefix("DISPLAY ONLY ") {
            self.display(list.split(", "));
        } else if let Some((control, _)) = CONTROLS.iter().find(|(_, names)| names.contains(&item)) {
            self.split.nato |= *control == "ATOMAL";
            self.split.controls.insert((*control).to_owned());
        } else if let Some(controls) = atomic(item) {
            self.split.controls.extend(controls.iter().map(|c| (*c).to_owned()));
        } else if let Some(system) = system(item) {
            self.split.nato |= matches!(system, "BALK" | "BOHEMIA");
            self.split.compartments.insert(format!("SCI:{system}"));
            // Whoever has the system has no compartment of it.
            self.split.compartments.extend(compartments(item, system));
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
            self.split.programs.insert(format!("SAP:{name}"));
            for part in parts {
                let (compartment, subs) = part.split_once(' ').unwrap_or((part, ""));
                self.split.programs.insert(format!("SAP:{name}-{compartment}"));
                let subs = subs.split(' ').filter(|sub| !sub.is_empty());
                self.split.programs.extend(subs.map(|sub| format!("SAP:{name}-{compartment} {sub}")));
            }
        }
    }

    fn source(&mut self, code: &str) {
        self.split.nato |= code == "NATO";
        self.split.sources.insert(code.to_owned());
    }

    fn release<'c>(&mut self, codes: impl Iterator<Item = &'c str>) {
        // Two release lists in one mark have no agreed meaning.
        if std::mem::replace(&mut self.released, true) {
            self.unknown();
        }
        for code in codes {
            self.split.named.insert(code.to_owned());
            match self.membership.look_up(code, self.date) {
                Some(Known::Country) => {
                    self.split.countries.insert(code.to_owned());
                }
                Some(Known::Organisation(members)) => {
                    self.split.organisations.insert(code.to_owned());
                    self.split.countries.extend(members.into_iter().filter(|m| *m != "USA").map(str::to_owned));
                }
                None => self.unknown(),
            }
        }
    }

    fn display<'c>(&mut self, codes: impl Iterator<Item = &'c str>) {
        for code in codes.filter(|c| *c != "USA") {
            self.split.display.insert(code.to_owned());
            match self.membership.look_up(code, self.date) {
                Some(Known::Country) => {}
                Some(Known::Organisation(members)) => {
                    self.split.display.extend(members.into_iter().filter(|m| *m != "USA").map(str::to_owned));
                }
                None => self.unknown(),
            }
        }
    }

    pub(super) fn unknown(&mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Split {
        split(text, &Membership::shipped().unwrap(), Some("2022-12-01".parse().unwrap()))
    }

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn reads_every_category_of_a_mark() {
        let mark = read(
            "TOP SECRET//SI-G ABCD-XYZ/TK//SAR-EXERCISE//RD-CNWDI-SIGMA 14//FGI DEU NATO//ORCON/REL TO USA, AUS, FVEY//LES",
        );
        assert!(mark.understood && !mark.bare);
        assert_eq!(mark.level, 4);
        assert_eq!(mark.compartments, set(&["SCI:SI", "SCI:SI-G", "SCI:SI-XYZ", "SCI:TK"]));
        assert_eq!(mark.programs, set(&["SAP:EXERCISE"]));
        assert_eq!(mark.controls, set(&["RD", "CNWDI", "SIGMA", "ORCON", "LES"]));
        assert_eq!(mark.sources, set(&["DEU", "NATO"]));
        assert_eq!(mark.countries, set(&["AUS", "CAN", "GBR", "NZL", "USA"]));
        assert_eq!(mark.organisations, set(&["FVEY"]));
    }

    #[test]
    fn reads_foreign_joint_and_nato_classes() {
        assert_eq!(read("//DEU TOP SECRET//REL TO USA, DEU").level, 4);
        assert_eq!(read("//DEU R//REL TO USA, DEU").level, 1);
        assert!(read("(//FGI S)").concealed);
        let nato = read("(//NS//REL TO USA, NATO)");
        assert!(nato.understood && nato.nato && nato.nato_owned && nato.sources.is_empty() && !nato.states);
        let joint = read("//JOINT SECRET CAN GBR USA//REL TO USA, CAN, GBR");
        assert!(joint.understood && joint.sources.is_empty() && !joint.states);
        assert_eq!(joint.joint, set(&["CAN", "GBR", "USA"]));
        assert!(
            read("SECRET//FGI NATO//REL TO USA, NATO").states && !read("SECRET//FGI NATO//REL TO USA, NATO").nato_owned
        );
        assert!(read("(U//FOUO)").states && !read("(U)").states && read("(C)").states);
    }

    #[test]
    fn an_owner_that_is_no_country_is_a_source_in_lists_of_sources_and_nowhere_else() {
        let mark = read("SECRET//FGI AX1 DEU//REL TO USA, GBR");
        assert!(mark.understood && mark.sources == set(&["AX1", "DEU"]));
        for text in [
            "//AX1 S//REL TO USA, GBR",
            "SECRET//REL TO USA, AX1",
            "//JOINT S AX1 USA//REL TO USA, AX1",
            "SECRET//FGI QQQ",
        ] {
            assert!(!read(text).understood, "`{text}`");
        }
    }

    #[test]
    fn nato_information_stays_so_whatever_else_the_mark_says() {
        for text in [
            "//NS//ATOMAL//ORCON/RELIDO",
            "SECRET//ATOMAL//ORCON",
            "//CTS//BOHEMIA/SI",
            "TOP SECRET//BALK/SI",
            "SECRET//FGI NATO",
            "SECRET//FGI NATO DEU",
            "SECRET//FGI DEU NATO",
            "//NS//FGI DEU",
        ] {
            assert!(read(text).nato, "`{text}`");
        }
        for text in ["SECRET//ORCON", "SECRET//SI/TK", "SECRET//FGI DEU", "//DEU S"] {
            assert!(!read(text).nato, "`{text}`");
        }
    }

    #[test]
    fn a_program_is_named_in_capitals_digits_and_spaces() {
        for text in ["SECRET//SAR-BUTTERED POPCORN", "SECRET//SAR-A1", "SECRET//SAR-BP/CD", "SECRET//SAR-BP-ABC/CD"] {
            assert!(read(text).understood, "`{text}`");
        }
        for text in ["SECRET//SAR-", "SECRET//SAR-BP/", "SECRET//SAR-/BP", "SECRET//SAR-Bp", "SECRET//SAR-B_P"] {
            assert!(!read(text).understood, "`{text}`");
        }
        let parts = ["SAP:BP", "SAP:BP-ABC", "SAP:BP-ABC QQ", "SAP:BP-ABC Y", "SAP:CD"];
        assert_eq!(read("SECRET//SAR-BP-ABC QQ Y/CD").programs, set(&parts));
    }

    #[test]
    fn reads_the_legacy_eyes_only_list_among_other_items() {
        let mark = read("SECRET//ORCON/USA/GBR/AUS EYES ONLY/FISA");
        assert!(mark.understood);
        assert_eq!(mark.countries, set(&["AUS", "GBR", "USA"]));
        assert_eq!(mark.controls, set(&["ORCON", "FISA"]));
        let alone = read("SECRET//USA/GBR EYES ONLY");
        assert!(alone.understood);
        assert_eq!(alone.countries, set(&["GBR", "USA"]));
        for text in ["SECRET//XUSA/GBR EYES ONLY", "SECRET//GBR EYES ONLY", "SECRET//ORCONUSA/GBR EYES ONLY"] {
            assert!(!read(text).understood, "`{text}` was understood");
        }
    }

    #[test]
    fn does_not_understand_what_it_does_not_know() {
        for text in [
            "",
            "SECRET//",
            "SECRET//XYZZY",
            "SECRET//REL",
            "SECRET//REL TO USA, QQQ",
            "SECRET//REL TO USA,GBR",
            "SECRET//REL TO USA, ISAF",
            "SECRET//REL TO USA, GBR/REL TO USA, FRA",
            "secret//NOFORN",
            "RESTRICTED",
            "SECRET//SI-",
            "SECRET//RD-SIGMA",
            "SECRET//RD-SIGMA ",
            "SECRET//RD-SIGMA X",
            "SECRET//RD-SIGMA 14  15",
            "SECRET//RDX",
            "SECRET//ACCM-EXERCISE",
            "//QQQ S",
            "//JOINT S",
            "SECRET //NOFORN",
        ] {
            assert!(!read(text).understood, "`{text}` was understood");
        }
        assert!(read("SECRET//NOFORN").understood);
    }

    #[test]
    fn only_a_bare_us_class_is_bare() {
        assert!(read("(U)").bare && read("SECRET").bare);
        assert!(!read("(U//FOUO)").bare && !read("//DEU S").bare);
    }
}
