//! What the register's rows say, as masks the checks can apply; and whether the rows fit this engine at all.

use std::collections::BTreeMap;

use super::files::{MarkingRow, RegisterError, RegisterFile, row_fault};
use super::{Row, Rows, SciRows};
use crate::marking::model::{Code, Control, ControlSet, Level};

/// Turns the rows into masks, and refuses a file whose forms differ from what the engine prints.
pub(super) fn rows(file: &RegisterFile, faults: &mut Vec<RegisterError>) -> Rows {
    let by_id: BTreeMap<&str, &MarkingRow> = file.markings.iter().map(|m| (m.id.as_str(), m)).collect();
    let known: BTreeMap<&str, Control> = Control::ALL.iter().map(|c| (c.id(), *c)).collect();
    let mut row = |id: &str| -> Row {
        let Some(marking) = by_id.get(id) else {
            faults.push(row_fault("register.json", "there is no marking", id, "restore the file"));
            return Row::default();
        };
        let mask = |ids: &[String]| -> ControlSet {
            // Requirements on structure (a parent system, a compartment, NATO) have no control: the parser holds them.
            ids.iter().filter_map(|i| known.get(i.split(" (").next().unwrap_or(i))).copied().collect()
        };
        let level = |text: &Option<String>, absent: Level| {
            text.as_deref().map_or(Some(absent), Level::from_abbreviation).unwrap_or(absent)
        };
        Row {
            floor: level(&marking.class_min, Level::Unclassified),
            ceiling: level(&marking.class_max, Level::TopSecret),
            requires: mask(&marking.requires),
            forbids: mask(&marking.forbids),
        }
    };
    let mut controls: Vec<Row> = Control::ALL.iter().map(|c| row(c.id())).collect();
    let sci = SciRows {
        hcs: row("HCS"),
        hcs_o: row("HCS-O"),
        hcs_p: row("HCS-P"),
        hcs_p_sub: row("HCS-P-sub"),
        hcs_x: row("HCS-X"),
        klm: row("KLM"),
        klm_r: row("KLM-R"),
        klm_comp: row("KLM-comp"),
        mvl: row("MVL"),
        rsv: row("RSV"),
        si: row("SI"),
        si_comp: row("SI-comp"),
        si_g: row("SI-G"),
        si_g_sub: row("SI-G-sub"),
        tk: row("TK"),
        tk_blfh: row("TK-BLFH"),
        tk_idit: row("TK-IDIT"),
        tk_kand: row("TK-KAND"),
        bur: row("BUR"),
    };
    let (joint, sap) = (row("JOINT"), row("SAR"));

    for from in 0..controls.len() {
        for to in controls[from].forbids.iter() {
            controls[to as usize].forbids.insert(Control::ALL[from]);
        }
    }
    let mut rows = Rows { joint, sap, sci, ..Rows::default() };
    for (i, control) in Control::ALL.iter().enumerate() {
        for level in Level::ALL {
            if level < controls[i].floor {
                rows.too_low[level as usize].insert(*control);
            }
            if level > controls[i].ceiling {
                rows.too_high[level as usize].insert(*control);
            }
        }
        if !controls[i].requires.is_empty() || !controls[i].forbids.is_empty() {
            rows.conditional.insert(*control);
        }
    }
    rows.controls = controls;
    rows.sigma = by_id.get("RD-SG").map(|m| m.values.clone()).unwrap_or_default();
    rows.eyes =
        by_id.get("EYES").map(|m| m.countries.iter().filter_map(|c| Code::new(c)).collect()).unwrap_or_default();
    forms(file, &known, faults);
    rows
}

fn forms(file: &RegisterFile, known: &BTreeMap<&str, Control>, faults: &mut Vec<RegisterError>) {
    let mut order = None;
    for marking in &file.markings {
        let Some(&control) = known.get(marking.id.as_str()) else {
            if matches!(marking.category.as_str(), "dissem" | "aea") {
                let remedy = "the meaning of this control is not known; use a matching release";
                faults.push(row_fault("register.json", "this engine does not know the control", &marking.id, remedy));
            }
            continue;
        };
        // Controls whose text holds a list or a number are printed by shape, so their forms are not compared.
        let by_shape = [Control::Rel, Control::Eyes, Control::DisplayOnly, Control::RdSg, Control::FrdSg];
        if !by_shape.contains(&control) {
            let abbreviation = marking.banner_abbr.as_deref().or(marking.title.as_deref());
            for (what, found, expected) in [
                ("the title", marking.title.as_deref(), control.title()),
                ("the banner form", abbreviation, control.banner()),
                ("the portion form", marking.portion.as_deref(), control.portion()),
            ] {
                if found != Some(expected) {
                    let found = found.unwrap_or("nothing").to_owned();
                    let (id, expected) = (marking.id.clone(), expected.to_owned());
                    faults.push(RegisterError::Form { id, what, found, expected });
                }
            }
        }
        let before = order.replace((control.category(), control));
        if before.is_some_and(|b| b.0 == control.category() && b.1 > control) {
            let remedy = "Register order is part of the engine; use a matching release";
            faults.push(row_fault("register.json", "out of Register order:", &marking.id, remedy));
        }
    }
}
