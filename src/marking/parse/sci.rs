//! SCI systems with compartments and sub-compartments, and special access programs (M16 H.4, H.5).

use super::{Kind, Need, Reader};
use crate::marking::diagnostic::RuleCode;
use crate::marking::model::{Control, ControlSet, Level, SciSystem};
use crate::marking::register::{Row, SciRows};

/// The register's row of a compartment, or why it is not one.
struct Compartment<'r> {
    row: Option<&'r Row>,
    hint: Option<&'static str>,
}

impl<'t> Reader<'t, '_> {
    /// Reads an item of a published system, `head` being the system's own text.
    pub(super) fn read_sci(&mut self, item: &'t str, head: &'t str, system: SciSystem, in_portion: bool) {
        let rules = self.rules;
        let rows = &rules.register.rows.sci;
        if self.kind == Kind::Portion && !in_portion {
            self.fault(RuleCode::Form, item, format!("banner form in a portion; write {}", system.abbreviation()));
        }
        let mut out = self.open_item(item.len());
        out.push_str(system.abbreviation());
        let bare = item.len() == head.len();
        let mut need = Row { floor: Level::Confidential, ..*system_row(rows, system) };
        need.floor = need.floor.max(system_row(rows, system).floor);
        if !bare {
            let mut before: Option<&str> = None;
            for part in item[head.len() + 1..].split('-') {
                let mut words = part.split(' ');
                let written = words.next().unwrap_or_default();
                let id = self.compartment_id(system, written);
                order(self, before, id, written, "compartments ascend");
                before = Some(id);
                let known = compartment(rows, system, id);
                if let Some(hint) = known.hint {
                    self.fault(RuleCode::SciCompartment, written, hint);
                }
                if is_free(system, id) {
                    self.check_name(written, || format!("{}-{id}", system.abbreviation()));
                }
                if let Some(row) = known.row {
                    merge(&mut need, row);
                }
                out.push('-');
                out.push_str(id);
                let mut sub_before: Option<&str> = None;
                for sub in words {
                    order(self, sub_before, sub, sub, "sub-compartments ascend");
                    sub_before = Some(sub);
                    self.check_name(sub, || format!("{}-{id} {sub}", system.abbreviation()));
                    match sub_row(rows, system, id, sub) {
                        Ok(Some(row)) => merge(&mut need, &row),
                        Ok(None) => {}
                        Err(_) if self.is_named(&format!("{}-{id} {sub}", system.abbreviation())) => {}
                        Err(hint) => self.fault(RuleCode::SciCompartment, sub, hint),
                    }
                    out.push(' ');
                    out.push_str(sub);
                }
            }
        } else if system == SciSystem::Hcs {
            self.fault(RuleCode::WarnHcsBare, item, "name the compartment: HCS-O, HCS-P or HCS-X");
        } else if system == SciSystem::Rsv {
            self.fault(RuleCode::Requires, item, "needs a compartment of three characters");
        }
        self.close_item(out);
        self.draft.needs.push(Need { item, row: need });
    }

    /// Reads an item of an unpublished system the operator configured: only its form can be checked.
    pub(super) fn read_unpublished(&mut self, item: &'t str) {
        let mut out = self.open_item(item.len());
        let mut before: Option<&str> = None;
        for (i, part) in item.split('-').enumerate() {
            if i > 0 {
                out.push('-');
                let mut words = part.split(' ');
                let id = words.next().unwrap_or_default();
                order(self, before, id, id, "compartments ascend");
                before = Some(id);
                if id.is_empty() {
                    self.fault(RuleCode::SciCompartment, part, "a compartment is missing");
                }
                self.check_name(part, || format!("{}-{part}", item.split('-').next().unwrap_or_default()));
                let mut sub_before: Option<&str> = None;
                for sub in words {
                    order(self, sub_before, sub, sub, "sub-compartments ascend");
                    sub_before = Some(sub);
                }
            }
            out.push_str(part);
        }
        self.close_item(out);
        let row = Row { floor: Level::Confidential, ..Row::default() };
        self.draft.needs.push(Need { item, row });
    }

    /// Reads BALK or BOHEMIA, which stand in the SCI position.
    pub(super) fn read_nato_sci(&mut self, item: &'t str, control: Control) {
        let mut out = self.open_item(item.len());
        out.push_str(item);
        self.close_item(out);
        self.note(control, item);
    }

    /// Starts the canonical text of the next item behind those already read.
    fn open_item(&mut self, len: usize) -> String {
        let sci = std::mem::take(&mut self.draft.marking.sci);
        let mut out = String::from(sci);
        out.reserve_exact(if out.is_empty() { len } else { len + 1 });
        if !out.is_empty() {
            out.push('/');
        }
        out
    }

    fn close_item(&mut self, out: String) {
        self.draft.marking.sci = out.into_boxed_str();
    }

    /// The abbreviation of a compartment that has a banner title.
    fn compartment_id(&mut self, system: SciSystem, written: &'t str) -> &'t str {
        let Some((_, id)) = system.compartment_titles().iter().find(|(title, _)| *title == written) else {
            return written;
        };
        if self.kind == Kind::Portion {
            self.fault(RuleCode::Form, written, format!("banner form in a portion; write {id}"));
        }
        id
    }

    /// Reads one program of a SAP segment, without the indicator.
    pub(super) fn read_program(&mut self, item: &'t str, spelled_out: bool) {
        if self.kind == Kind::Portion && spelled_out {
            self.fault(RuleCode::Form, item, "banner form in a portion; write SAR- and the program's abbreviation");
        }
        let sap = std::mem::take(&mut self.draft.marking.sap);
        let before = sap.rsplit('/').next().filter(|p| !p.is_empty()).map(str::to_owned);
        let mut out = String::from(sap);
        out.reserve_exact(item.len() + usize::from(!out.is_empty()));
        if !out.is_empty() {
            out.push('/');
        }
        let mut parts = item.split('-');
        let program = parts.next().unwrap_or_default();
        let shaped = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if program.is_empty() || !program.split(' ').all(shaped) {
            let part = self.or_before(item, 1);
            self.fault(RuleCode::TokenUnknown, part, "a program identifier is letters and digits");
        }
        self.check_name(program, || format!("SAR-{program}"));
        if self.kind == Kind::Portion && program.contains(' ') {
            self.fault(RuleCode::Form, program, "portions use the program's abbreviation");
        }
        if let Some(before) = before {
            let last = before.split('-').next().unwrap_or_default();
            match last.cmp(program) {
                std::cmp::Ordering::Greater => self.fault(RuleCode::Order, item, "programs ascend"),
                std::cmp::Ordering::Equal => self.doubled(item, "name each program once"),
                std::cmp::Ordering::Less => {}
            }
        }
        let mut compartment_before: Option<&str> = None;
        for part in parts {
            let mut words = part.split(' ');
            let id = words.next().unwrap_or_default();
            order(self, compartment_before, id, id, "compartments ascend");
            compartment_before = Some(id);
            if !shaped(id) {
                self.fault(RuleCode::TokenUnknown, part, "a program compartment is letters and digits");
            }
            self.check_name(part, || format!("SAR-{program}-{part}"));
            let mut sub_before: Option<&str> = None;
            for sub in words {
                order(self, sub_before, sub, sub, "sub-compartments ascend");
                sub_before = Some(sub);
                if !shaped(sub) {
                    self.fault(RuleCode::TokenUnknown, sub, "a program sub-compartment is letters and digits");
                }
            }
        }
        out.push_str(item);
        self.draft.marking.sap = out.into_boxed_str();
        let row = self.rules.register.rows.sap;
        self.draft.needs.push(Need { item, row });
    }
}

/// Ascending ASCII at every level of a tree (spec 1.5).
fn order(reader: &mut Reader<'_, '_>, before: Option<&str>, id: &str, written: &str, hint: &str) {
    match before.map(|b| b.cmp(id)) {
        Some(std::cmp::Ordering::Greater) => reader.fault(RuleCode::Order, written, hint),
        Some(std::cmp::Ordering::Equal) => reader.doubled(written, "name each once"),
        _ => {}
    }
}

fn merge(need: &mut Row, row: &Row) {
    need.floor = need.floor.max(row.floor);
    need.requires = need.requires.union(row.requires);
    need.forbids = need.forbids.union(row.forbids);
}

fn system_row(rows: &SciRows, system: SciSystem) -> &Row {
    match system {
        SciSystem::Bur => &rows.bur,
        SciSystem::Hcs => &rows.hcs,
        SciSystem::Klm => &rows.klm,
        SciSystem::Mvl => &rows.mvl,
        SciSystem::Rsv => &rows.rsv,
        SciSystem::Si => &rows.si,
        SciSystem::Tk => &rows.tk,
    }
}

fn alphanumeric(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn compartment<'r>(rows: &'r SciRows, system: SciSystem, id: &str) -> Compartment<'r> {
    let known = |row| Compartment { row: Some(row), hint: None };
    let none = |hint| Compartment { row: None, hint: Some(hint) };
    match (system, id) {
        (SciSystem::Hcs, "O") => known(&rows.hcs_o),
        (SciSystem::Hcs, "P") => known(&rows.hcs_p),
        (SciSystem::Hcs, "X") => known(&rows.hcs_x),
        (SciSystem::Hcs, _) => none("HCS has the compartments O, P and X"),
        (SciSystem::Klm, "R") => known(&rows.klm_r),
        (SciSystem::Klm, id) if !id.is_empty() && alphanumeric(id) => known(&rows.klm_comp),
        (SciSystem::Klm, _) => none("a KLAMATH compartment is letters and digits"),
        (SciSystem::Mvl, _) => none("MARVEL has no compartments"),
        (SciSystem::Rsv, id) if id.len() == 3 && alphanumeric(id) => known(&rows.rsv),
        (SciSystem::Rsv, _) => none("a RESERVE compartment is 3 characters"),
        (SciSystem::Si, "G") => known(&rows.si_g),
        (SciSystem::Si, "ECI") => none("the indicator ECI is banned; write the compartment alone"),
        (SciSystem::Si, id) if matches!(id.len(), 2 | 3) && id.bytes().all(|b| b.is_ascii_uppercase()) => {
            known(&rows.si_comp)
        }
        (SciSystem::Si, _) => none("an SI compartment is G or 2 to 3 letters"),
        (SciSystem::Tk, "BLFH") => known(&rows.tk_blfh),
        (SciSystem::Tk, "IDIT") => known(&rows.tk_idit),
        (SciSystem::Tk, "KAND") => known(&rows.tk_kand),
        // Every TK compartment is NOFORN, so an unknown one requires it as well (ISM-ID-00369..00371).
        (SciSystem::Tk, _) => {
            Compartment { row: Some(&rows.tk_idit), hint: Some("TK has the compartments BLFH, IDIT and KAND") }
        }
        (SciSystem::Bur, "BLG" | "DTP" | "WRG") => known(&rows.bur),
        (SciSystem::Bur, _) => none("BUR has the compartments BLG, DTP and WRG"),
    }
}

/// Whether a compartment has a free name: its system is one whose compartments the register does not list individually, and it
/// is none of those that the register lists.
fn is_free(system: SciSystem, id: &str) -> bool {
    match system {
        SciSystem::Bur | SciSystem::Hcs | SciSystem::Mvl | SciSystem::Tk => false,
        SciSystem::Klm => id != "R",
        SciSystem::Rsv => true,
        SciSystem::Si => !matches!(id, "G" | "EU" | "NK"),
    }
}

/// The row of a sub-compartment, or why there is none.
fn sub_row(rows: &SciRows, system: SciSystem, id: &str, sub: &str) -> Result<Option<Row>, &'static str> {
    let shape = |max: usize| (1..=max).contains(&sub.len()) && alphanumeric(sub);
    match (system, id) {
        (SciSystem::Si, "G") if sub.len() == 4 && alphanumeric(sub) => Ok(Some(rows.si_g_sub)),
        (SciSystem::Si, "G") => Err("a GAMMA sub-compartment is 4 characters"),
        // A compartment of SI has two or three letters. Read as a sub-compartment it would need no accreditation of its own.
        (SciSystem::Si, _) if sub.len() == 4 && alphanumeric(sub) => Ok(None),
        (SciSystem::Si, _) => Err("an SI sub-compartment is 4 characters; write `-` before a compartment"),
        (SciSystem::Hcs, "P") if shape(6) => Ok(Some(rows.hcs_p_sub)),
        (SciSystem::Hcs, "P" | "X") if !shape(6) => Err("an HCS sub-compartment is 1 to 6 characters"),
        (SciSystem::Hcs, "O") => Err("HCS-O has no sub-compartments"),
        (SciSystem::Klm, "R") if shape(6) => Ok(Some(Row {
            // ISM-ID-00470, 00471: under KLM-R it is the sub-compartment that requires ORCON.
            requires: ControlSet::of(&[Control::Oc]),
            forbids: ControlSet::of(&[Control::OcUsgov]),
            ..Row::default()
        })),
        (SciSystem::Rsv, _) => Err("a RESERVE compartment has no sub-compartments"),
        (SciSystem::Bur, _) => Err("a BUR compartment has no sub-compartments"),
        _ if shape(6) => Ok(None),
        _ => Err("a sub-compartment is 1 to 6 characters"),
    }
}
