//! Reads a mark of controlled unclassified information (spec 1.12): `CUI` or `CONTROLLED`, categories, limited dissemination
//! controls.
//!
//! It is read under its own profile only; a CUI word inside an intelligence mark is refused (ISM-ID-00478). The only
//! intelligence mark allowed in a CUI document is the portion mark `(U)`.

use super::codes::ListKind;
use super::{Kind, Reader};
use crate::marking::diagnostic::RuleCode;
use crate::marking::model::cui::{
    ATTORNEY_CLIENT, ATTORNEY_WP, DISPLAY_ONLY, FED_ONLY, FEDCON, LDC, Ldc, NOFORN, PRIVILEGE, REL, RELIDO, bare,
    counterpart,
};
use crate::marking::model::{Control, Cui, Level, Marking, System};

/// Pairs that contradict each other: the FD&R pairs of 1.6, and who may hold it at all.
const EXCLUSIVE: [(u8, u8); 9] = [
    (NOFORN, REL),
    (NOFORN, RELIDO),
    (DISPLAY_ONLY, NOFORN),
    (DISPLAY_ONLY, RELIDO),
    (FED_ONLY, FEDCON),
    (FED_ONLY, REL),
    (FEDCON, REL),
    (DISPLAY_ONLY, FED_ONLY),
    (DISPLAY_ONLY, FEDCON),
];

/// Reads a CUI mark into `reader`, and records the faults.
pub(super) fn read(reader: &mut Reader<'_, '_>) {
    let body = reader.body;
    let mut segments = body.split("//");
    let class = segments.next().unwrap_or_default();
    // In a CUI document with portion marks, content that is neither classified nor CUI has this mark (32 CFR 2002.20).
    if reader.kind == Kind::Portion && body == "U" {
        reader.draft.level = Some(Level::Unclassified);
        reader.draft.marking = Marking::bare(System::Us, Level::Unclassified);
        return;
    }
    match (class, reader.kind) {
        ("CUI", _) | ("CONTROLLED", Kind::Banner) => {}
        ("CONTROLLED", Kind::Portion) => reader.fault(RuleCode::Form, class, "banner form in a portion; write CUI"),
        ("", _) => reader.fault(RuleCode::ClassMissing, body, "begin with CUI"),
        _ => {
            reader.fault(RuleCode::ClassUnknown, class, "not a CUI mark; begin with CUI");
            return;
        }
    }
    reader.draft.level = Some(Level::Unclassified);
    reader.draft.marking = Marking::bare(System::Cui, Level::Unclassified);
    let mut cui = Cui::default();
    let mut parts = Vec::new();
    let mut controls_seen = false;
    for (i, segment) in segments.enumerate() {
        if segment.is_empty() {
            let at = reader.offset(segment);
            let part = &body[at.saturating_sub(2)..at];
            reader.fault(RuleCode::Separator, part, "a segment is missing between the separators");
            continue;
        }
        let first = segment.split('/').next().unwrap_or_default();
        if find(first).is_some() {
            if controls_seen {
                reader.fault(RuleCode::CategoryRepeated, segment, "write the dissemination controls once");
            }
            controls_seen = true;
            controls(reader, segment, &mut cui, &mut parts);
        } else if controls_seen {
            if category(reader, first) {
                let hint = "the order is CUI, categories, dissemination controls";
                reader.fault(RuleCode::CategoryOrder, segment, hint);
            } else {
                reader.fault(RuleCode::TokenUnknown, first, unknown_control(first));
            }
        } else if i > 0 {
            if category(reader, first) {
                reader.fault(RuleCode::CategoryRepeated, segment, "write the categories once");
            } else {
                reader.fault(RuleCode::TokenUnknown, first, unknown_control(first));
            }
        } else {
            categories(reader, segment, &mut cui);
        }
    }
    check(reader, &cui, &parts);
    reader.draft.marking.cui = Some(Box::new(cui));
}

/// The hint for a word that is not a limited dissemination control.
fn unknown_control(word: &str) -> String {
    if word == "REL" {
        return "write the list out: REL TO USA and at least one other".to_owned();
    }
    match LDC.iter().find(|l| l.banner.eq_ignore_ascii_case(word)) {
        Some(known) => format!("write {}, in upper and lower case", known.banner),
        None => "not a limited dissemination control".to_owned(),
    }
}

fn category(reader: &Reader<'_, '_>, word: &str) -> bool {
    let words = &reader.rules.register.cui;
    match word.strip_prefix("SP-") {
        Some(token) => words.specified.binary_search_by(|t| (**t).cmp(token)).is_ok(),
        None => words.basic.binary_search_by(|t| (**t).cmp(word)).is_ok(),
    }
}

fn categories(reader: &mut Reader<'_, '_>, segment: &str, cui: &mut Cui) {
    // Specified categories come first; each group is alphabetical.
    let place = |word: &str| (!word.starts_with("SP-"), word.to_owned());
    let mut before: Option<(bool, String)> = None;
    for word in segment.split('/') {
        if word.is_empty() {
            reader.fault(RuleCode::Separator, word, "nothing between the slashes; remove one");
            continue;
        }
        if find(word).is_some() {
            reader.fault(RuleCode::CategoryMixed, word, "dissemination controls stand behind `//`");
            continue;
        }
        if !category(reader, word) {
            reader.fault(RuleCode::TokenUnknown, word, "not a CUI category");
            continue;
        }
        match before.as_ref().map(|b| b.cmp(&place(word))) {
            Some(std::cmp::Ordering::Greater) => {
                reader.fault(RuleCode::Order, word, "SP- categories first, each group alphabetical");
            }
            Some(std::cmp::Ordering::Equal) => reader.fault(RuleCode::Dup, word, "write each category once"),
            _ => {}
        }
        before = Some(place(word));
        if let Some(control) = counterpart(bare(word)) {
            reader.draft.marking.controls.insert(control);
        }
        cui.categories.push(word.into());
    }
}

fn find(word: &str) -> Option<u8> {
    let matches = |l: &Ldc| {
        let list = matches!(l.banner, "REL TO" | "DISPLAY ONLY");
        word == l.banner
            || word == l.portion
            || (list && word.strip_prefix(l.banner).is_some_and(|r| r.starts_with(' ')))
    };
    LDC.iter().position(matches).map(|i| i as u8)
}

fn controls<'t>(reader: &mut Reader<'t, '_>, segment: &str, cui: &mut Cui, parts: &mut Vec<&'t str>) {
    let mut before: Option<u8> = None;
    let offset = reader.offset(segment);
    let mut at = offset;
    for piece in segment.split('/') {
        // Re-slice the body so that the piece lives as long as it does.
        let word = &reader.body[at..at + piece.len()];
        at += piece.len() + 1;
        if word.is_empty() {
            reader.fault(RuleCode::Separator, word, "nothing between the slashes; remove one");
            continue;
        }
        let Some(found) = find(word) else {
            let mixed = category(reader, word);
            let code = if mixed { RuleCode::CategoryMixed } else { RuleCode::TokenUnknown };
            reader.fault(code, word, unknown_control(word));
            continue;
        };
        let form = &LDC[usize::from(found)];
        let proper = if reader.kind == Kind::Portion { form.portion } else { form.banner };
        if !word.starts_with(proper) {
            reader.fault(RuleCode::Form, word, format!("write {proper}"));
        }
        match before.map(|b| b.cmp(&found)) {
            Some(std::cmp::Ordering::Greater) => reader.fault(RuleCode::Order, word, "controls are alphabetical"),
            Some(std::cmp::Ordering::Equal) => reader.fault(RuleCode::Dup, word, "write each control once"),
            _ => {}
        }
        before = Some(found);
        let list = word.strip_prefix(form.banner).map(|r| r.trim_start_matches(' ')).unwrap_or_default();
        match found {
            REL => reader.read_rel(word, list),
            DISPLAY_ONLY if list.is_empty() => reader.fault(RuleCode::DisplayEmpty, word, "name at least one country"),
            DISPLAY_ONLY => {
                let codes = reader.read_codes(list, ListKind::Display);
                reader.draft.marking.display_to = codes;
                reader.draft.marking.controls.insert(Control::DisplayOnly);
            }
            NOFORN => reader.draft.marking.controls.insert(Control::Nf),
            RELIDO => reader.draft.marking.controls.insert(Control::Relido),
            _ => {}
        }
        cui.controls.push(found);
        parts.push(word);
    }
}

/// What controls require and exclude. `parts` are the words of `cui.controls`, in the same order.
fn check<'t>(reader: &mut Reader<'t, '_>, cui: &Cui, parts: &[&'t str]) {
    let place = |control: u8| cui.controls.iter().position(|c| *c == control);
    for (one, two) in EXCLUSIVE {
        if let (Some(first), Some(second)) = (place(one), place(two)) {
            let (one, two) = (LDC[usize::from(one)].banner, LDC[usize::from(two)].banner);
            let hint = format!("{one} and {two} exclude each other");
            reader.fault(RuleCode::Exclusive, parts[first.max(second)], hint);
        }
    }
    let privileged = cui.categories.iter().any(|c| &**c == PRIVILEGE);
    for control in [ATTORNEY_CLIENT, ATTORNEY_WP] {
        if let Some(at) = place(control).filter(|_| !privileged) {
            reader.fault(RuleCode::Requires, parts[at], "needs the category PRIVILEGE (ISM-ID-00507)");
        }
    }
}
