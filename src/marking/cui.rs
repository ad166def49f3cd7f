//! Controlled unclassified information (spec 1.12): `CUI` or `CONTROLLED`, categories, limited dissemination controls.
//!
//! It is read under its own profile only; a CUI word inside an intelligence mark is refused (ISM-ID-00478).

use super::control::Control;
use super::diagnostic::RuleCode;
use super::level::Level;
use super::parse::{Kind, ListKind, Reader};
use super::print::{self, Form};
use super::value::{Cui, Marking, System};

/// A limited dissemination control: banner form, portion form.
pub(super) struct Ldc {
    pub banner: &'static str,
    pub portion: &'static str,
}

/// In the alphabetical order in which they are written, letter case aside.
pub(super) const LDC: [Ldc; 10] = [
    Ldc { banner: "Attorney-Client", portion: "AC" },
    Ldc { banner: "Attorney-WP", portion: "AWP" },
    Ldc { banner: "DISPLAY ONLY", portion: "DISPLAY ONLY" },
    Ldc { banner: "DL ONLY", portion: "DL ONLY" },
    Ldc { banner: "FED ONLY", portion: "FED ONLY" },
    Ldc { banner: "FEDCON", portion: "FEDCON" },
    Ldc { banner: "NOCON", portion: "NOCON" },
    Ldc { banner: "NOFORN", portion: "NF" },
    Ldc { banner: "REL TO", portion: "REL TO" },
    Ldc { banner: "RELIDO", portion: "RELIDO" },
];

const ATTORNEY_CLIENT: u8 = 0;
const ATTORNEY_WP: u8 = 1;
const DISPLAY_ONLY: u8 = 2;
pub(super) const DL_ONLY: u8 = 3;
const FED_ONLY: u8 = 4;
const FEDCON: u8 = 5;
const NOFORN: u8 = 7;
const REL: u8 = 8;
const RELIDO: u8 = 9;

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

/// The length of the mixed-case word that `text` begins with, or 0.
pub(super) fn mixed_case_prefix(text: &str) -> usize {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    let whole = |word: &&str| text.strip_prefix(*word).is_some_and(ends);
    ["Attorney-Client", "Attorney-WP"].into_iter().find(whole).map_or(0, str::len)
}

pub(super) fn read(reader: &mut Reader<'_, '_>) {
    let body = reader.body;
    let mut segments = body.split("//");
    let class = segments.next().unwrap_or_default();
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
    let mut controls_seen = false;
    for (i, segment) in segments.enumerate() {
        if segment.is_empty() {
            reader.fault(RuleCode::Separator, segment, "a segment is missing between the separators");
            continue;
        }
        let first = segment.split('/').next().unwrap_or_default();
        if find(first).is_some() {
            if controls_seen {
                reader.fault(RuleCode::CategoryRepeated, segment, "write the dissemination controls once");
            }
            controls_seen = true;
            controls(reader, segment, &mut cui);
        } else if controls_seen {
            let known = category(reader, first);
            let code = if known { RuleCode::CategoryOrder } else { RuleCode::TokenUnknown };
            reader.fault(code, segment, "the order is CUI, categories, dissemination controls");
        } else if i > 0 {
            let code = if category(reader, first) { RuleCode::CategoryRepeated } else { RuleCode::TokenUnknown };
            reader.fault(code, segment, "write the categories once");
        } else {
            categories(reader, segment, &mut cui);
        }
    }
    check(reader, &cui);
    reader.draft.marking.cui = Some(Box::new(cui));
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

fn controls(reader: &mut Reader<'_, '_>, segment: &str, cui: &mut Cui) {
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
            reader.fault(code, word, "not a limited dissemination control");
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
    }
}

fn check(reader: &mut Reader<'_, '_>, cui: &Cui) {
    let body = reader.body;
    for (one, two) in EXCLUSIVE {
        if cui.controls.contains(&one) && cui.controls.contains(&two) {
            let (one, two) = (LDC[usize::from(one)].banner, LDC[usize::from(two)].banner);
            reader.fault(RuleCode::Exclusive, body, format!("{one} and {two} exclude each other"));
        }
    }
    let privileged = cui.categories.iter().any(|c| &**c == "PRIVILEGE");
    for control in [ATTORNEY_CLIENT, ATTORNEY_WP] {
        if cui.controls.contains(&control) && !privileged {
            reader.fault(RuleCode::Requires, body, "needs the category PRIVILEGE (ISM-ID-00507)");
        }
    }
}

pub(super) fn print(marking: &Marking, form: Form, out: &mut String) {
    out.push_str(if form == Form::Title { "CONTROLLED" } else { "CUI" });
    let Some(cui) = &marking.cui else { return };
    for (i, category) in cui.categories.iter().enumerate() {
        out.push_str(if i == 0 { "//" } else { "/" });
        out.push_str(category);
    }
    for (i, control) in cui.controls.iter().enumerate() {
        out.push_str(if i == 0 { "//" } else { "/" });
        let words = &LDC[usize::from(*control)];
        out.push_str(if form == Form::Portion { words.portion } else { words.banner });
        let list = match *control {
            REL => &marking.rel_to,
            DISPLAY_ONLY => &marking.display_to,
            _ => continue,
        };
        out.push(' ');
        print::list(list, ", ", out);
    }
}
