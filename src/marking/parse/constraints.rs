//! The rules between the parts of one mark (spec 1.6), checked after the whole mark is read.

use super::{Kind, Reader};
use crate::marking::diagnostic::RuleCode;
use crate::marking::model::{Category, Control, ControlSet, Level, System};
use crate::marking::releasability::audience;

/// The controls that supersede FOUO, besides the non-IC ones (ISM-ID-00327).
const SUPERSEDES_FOUO: ControlSet =
    ControlSet::DISSEM.without(ControlSet::FDR).without(ControlSet::of(&[Control::Fouo]));

impl<'t> Reader<'t, '_> {
    /// Checks every rule between the parts of the mark, and records the faults.
    pub(super) fn check_constraints(&mut self) {
        if let Some(level) = self.draft.level {
            self.check_levels(level);
        }
        self.check_needs();
        self.check_conditional();
        if self.has(Control::Fouo) && self.controls().intersects(SUPERSEDES_FOUO.union(ControlSet::NONIC)) {
            let part = self.read_at(Control::Fouo);
            self.fault(RuleCode::FouoSuperseded, part, "leave FOUO out: another control supersedes it");
        }
        if self.kind == Kind::Banner && self.has(Control::Pr) && !self.controls().intersects(ControlSet::FDR) {
            let part = self.read_at(Control::Pr);
            self.fault(RuleCode::Requires, part, "needs a foreign disclosure marking in a banner");
        }
        self.check_system();
        self.check_warnings();
    }

    /// Lowest and highest classification of every control.
    fn check_levels(&mut self, level: Level) {
        let rows = &self.rules.register.rows;
        let low = rows.too_low[level as usize].intersection(self.controls());
        let high = rows.too_high[level as usize].intersection(self.controls());
        if !low.is_empty() {
            self.report_low(low);
        }
        for control in high.iter() {
            let part = self.read_at(control);
            let hint = format!("{} only with UNCLASSIFIED", self.named(control));
            self.fault(RuleCode::ClassCeiling, part, hint);
        }
        for i in 0..self.draft.needs.len() {
            let (item, floor) = (self.draft.needs[i].item, self.draft.needs[i].row.floor);
            if level < floor {
                self.report_low_item(item, floor);
            }
        }
    }

    /// An SCI item below its floor, or the first of the programs, which share one floor and one indicator.
    #[cold]
    fn report_low_item(&mut self, item: &'t str, floor: Level) {
        let programs = self.category_text("SAR-").or_else(|| self.category_text("SPECIAL ACCESS REQUIRED-"));
        let within = |s: &&str| (self.offset(s)..self.offset(s) + s.len()).contains(&self.offset(item));
        match programs.filter(within) {
            None => self.fault(RuleCode::ClassFloor, item, floor_hint(item, floor)),
            Some(segment) => {
                let span = self.span(segment);
                if !self.diagnostics.iter().any(|d| d.code == RuleCode::ClassFloor && d.span == span) {
                    self.fault_at(RuleCode::ClassFloor, span, floor_hint("a special access program", floor));
                }
            }
        }
    }

    #[cold]
    fn report_low(&mut self, low: ControlSet) {
        for control in low.iter() {
            // A part of restricted data is reported once, with the highest floor of its item.
            let part = self.read_at(control);
            let floor = self.rules.register.row(control).floor;
            let higher = low.iter().any(|c| {
                c != control
                    && std::ptr::eq(self.read_at(c), part)
                    && (self.rules.register.row(c).floor, c) > (floor, control)
            });
            if !higher {
                self.fault(RuleCode::ClassFloor, part, floor_hint(part, floor));
            }
        }
    }

    /// What each SCI and SAP item requires and forbids.
    fn check_needs(&mut self) {
        for i in 0..self.draft.needs.len() {
            let (item, row) = (self.draft.needs[i].item, self.draft.needs[i].row);
            let missing = row.requires.without(self.controls());
            if !missing.is_empty() {
                let hint = format!("needs {}", self.join(missing));
                self.fault(RuleCode::Requires, item, hint);
            }
            let clash = row.forbids.intersection(self.controls());
            if !clash.is_empty() {
                let hint = format!("excludes {}", self.join(clash));
                self.exclusive(item, hint, "ISM-ID-00341/00362/00363/00470");
            }
        }
    }

    /// What controls require and forbid among themselves.
    fn check_conditional(&mut self) {
        let present = self.controls();
        for control in present.intersection(self.rules.register.rows.conditional).iter() {
            let row = *self.rules.register.row(control);
            let missing = row.requires.without(present);
            // A modifier's parent is part of its own text, so what can be missing is another control.
            if !missing.is_empty() {
                let (part, hint) = (self.read_at(control), format!("needs {}", self.join(missing)));
                self.fault(RuleCode::Requires, part, hint);
            }
            // Each pair is reported once, at the later control.
            for other in row.forbids.intersection(present).iter().filter(|o| *o < control) {
                let (one, two) = (self.read_at(other), self.read_at(control));
                let later = if self.offset(one) > self.offset(two) { one } else { two };
                let hint = format!("{} and {} exclude each other", self.named(other), self.named(control));
                self.exclusive(later, hint, exclusion(other, control));
            }
        }
    }

    fn check_system(&mut self) {
        let system = self.draft.marking.system;
        let foreign = matches!(system, System::NonUs | System::Nato);
        if foreign && self.has_seen(Category::Fgi) {
            let named = self.category_text("FGI").or_else(|| self.category_text("FOREIGN GOVERNMENT"));
            let part = named.unwrap_or(self.draft.class);
            self.fault(RuleCode::FgiOnNonus, part, "the owners of a foreign mark are its sources; leave FGI out");
        }
        if self.controls().intersects(ControlSet::NATO) && !self.draft.marking.may_hold_nato() {
            for control in self.controls().intersection(ControlSet::NATO).iter() {
                let part = self.read_at(control);
                self.fault(RuleCode::NatoControl, part, "only NATO information carries this; add FGI NATO");
            }
        }
        if system == System::Joint {
            self.check_joint();
        }
    }

    fn check_joint(&mut self) {
        let row = self.rules.register.rows.joint;
        let class = self.draft.class;
        for control in self.controls().intersection(row.forbids).iter() {
            let part = self.read_at(control);
            self.exclusive(part, "JOINT information is releasable to its owners", "M16 H.3");
        }
        for i in 0..self.draft.needs.len() {
            let item = self.draft.needs[i].item;
            if item == "HCS" || item.starts_with("HCS-") {
                self.exclusive(item, "HCS is never JOINT", "M16 H.3");
            }
        }
        if !self.draft.inherits {
            let owners = self.draft.marking.owners.clone();
            if !owners.contains("USA") {
                self.fault(RuleCode::JointNoUsa, class, "USA is an owner of every JOINT mark");
            }
            if owners.iter().count() < 2 {
                self.fault(RuleCode::JointOwners, class, "name at least two owners");
            }
        }
        let owners = match self.draft.marking.owners.as_str() {
            "" => "its owners".to_owned(),
            named => named.replace(' ', ", "),
        };
        // EYES lists read as REL TO; both name who may have it.
        if !self.has(Control::Rel) && !self.has(Control::Eyes) {
            let whole = self.whole.clone();
            self.fault_at(RuleCode::Requires, whole, format!("JOINT needs REL TO covering {owners}"));
        } else if !audience::covers_owners(self.rules, &self.draft.marking) {
            let control = if self.has(Control::Rel) { Control::Rel } else { Control::Eyes };
            let part = self.read_at(control);
            self.fault(RuleCode::JointRel, part, format!("add every owner: {owners}"));
        }
    }

    fn check_warnings(&mut self) {
        let nf = self.has(Control::Nf);
        for control in [Control::Rd, Control::Frd] {
            if self.has(control) && !nf {
                let part = self.read_at(control);
                self.fault(RuleCode::WarnAeaNf, part, "add NOFORN, or record the Atomic Energy Act agreement");
            }
        }
        if !nf {
            let klamath = |i: &&str| *i == "KLM" || i.starts_with("KLM-") || i.starts_with("KLAMATH");
            let items: Vec<&str> = self.draft.needs.iter().map(|n| n.item).filter(klamath).collect();
            for item in items {
                self.fault(RuleCode::WarnKlmNf, item, "add NOFORN, or have the program's release authority");
            }
        }
        let (register, date) = (self.rules.register, self.rules.date);
        for control in [Control::Rel, Control::DisplayOnly] {
            let marking = &self.draft.marking;
            let list = if control == Control::Rel { &marking.rel_to } else { &marking.display_to };
            let undated = register.undated(list, date).collect::<Vec<_>>().join(", ");
            if self.has(control) && !undated.is_empty() {
                let hint = format!("name the countries in place of {undated}, or make sure who belonged to it then");
                let part = self.read_at(control);
                self.fault(RuleCode::WarnMembershipUndated, part, hint);
            }
        }
        let foreign = matches!(self.draft.marking.system, System::NonUs | System::Nato);
        if foreign && self.has(Control::Relido) {
            let part = self.read_at(Control::Relido);
            self.fault(RuleCode::WarnRelidoNonus, part, "the owner decides on release; leave RELIDO out");
        }
    }

    /// Records that two controls exclude each other, with the source that says so of these two.
    #[cold]
    fn exclusive(&mut self, part: &str, hint: impl Into<String>, rule: &'static str) {
        self.fault(RuleCode::Exclusive, part, hint);
        if let Some(last) = self.diagnostics.last_mut() {
            last.rule = rule;
        }
    }

    /// The segment that begins with `word`.
    fn category_text(&self, word: &str) -> Option<&'t str> {
        self.body.split("//").filter(|s| !std::ptr::eq(*s, self.draft.class)).find(|s| s.starts_with(word))
    }

    fn join(&self, controls: ControlSet) -> String {
        let kind = self.kind;
        let name = |c: Control| if kind == Kind::Portion { c.portion() } else { c.banner() };
        controls.iter().map(name).collect::<Vec<_>>().join(" and ")
    }
}

/// The source that says that two controls exclude each other (spec 1.6, E-EXCLUSIVE).
fn exclusion(one: Control, two: Control) -> &'static str {
    use Control as C;
    let both = |set: &[C]| set.contains(&one) && set.contains(&two);
    if both(&[C::Nf, C::Rel, C::Eyes]) {
        "M16 H.8; ISM-ID-00033"
    } else if both(&[C::Nf, C::Relido, C::DisplayOnly]) {
        "M16 H.8; ISM-ID-00169"
    } else if both(&[C::Oc, C::Relido]) || both(&[C::OcUsgov, C::Relido]) {
        "M16 H.8; ISM-ID-00325"
    } else if both(&[C::Rd, C::Frd, C::Tfni]) {
        "M16 H.6; ISM-ID-00321"
    } else if both(&[C::Xd, C::Nd, C::Sbu, C::SbuNf]) {
        "M16 H.9; ISM-ID-00038"
    } else if both(&[C::Les, C::LesNf]) {
        "M16 H.9; ISM-ID-00148"
    } else if [one, two].iter().any(|c| matches!(c, C::SbuNf | C::LesNf)) {
        "M16 H.9; ISM-ID-00372"
    } else {
        "M16 H.3-H.9"
    }
}

fn floor_hint(item: &str, floor: Level) -> String {
    match floor {
        Level::TopSecret => format!("{item} needs TOP SECRET"),
        level => format!("{item} needs {} or above", level.title()),
    }
}
