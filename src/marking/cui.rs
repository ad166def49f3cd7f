//! Controlled unclassified information (spec 1.12): `CUI` or `CONTROLLED`, categories, limited dissemination controls.
//!
//! It is read under its own profile only; a CUI word inside an intelligence mark is refused (ISM-ID-00478). Of all marks of
//! intelligence, the portion mark `(U)` alone has a place there.

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
pub(super) const NOCON: u8 = 6;
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

/// Categories that hold the very information of an intelligence control, which they bring with them: what that control
/// needs before anything goes (spec 1.9 item 4, 4.2 FD-14) is not lost by marking it as CUI.
const COUNTERPARTS: [(&str, Control); 6] = [
    ("DCNI", Control::Dcni),
    ("FISA", Control::Fisa),
    ("FISAB", Control::Fisa),
    ("PROPIN", Control::Pr),
    ("SSI", Control::Ssi),
    ("UCNI", Control::Ucni),
];

/// Categories of the group "Law Enforcement" of the CUI registry, and those by whose descriptions there it is the same
/// information (enforcement by DHS, arrests, victims and witnesses of crimes): law enforcement sensitive by whichever of them
/// it is marked.
const LAW_ENFORCEMENT: [&str; 26] = [
    "AIV",
    "CHLD",
    "CHRI",
    "CMPRS",
    "CUI-PROVISIONAL-HSEI",
    "CVIC",
    "FUND",
    "INF",
    "INV",
    "IVIC",
    "JUV",
    "LCOMM",
    "LDNA",
    "LEI",
    "LFNC",
    "LNSL",
    "LSCRN",
    "LVIC",
    "PRE",
    "PRIOR",
    "RWRD",
    "SCV",
    "SUB",
    "TRACE",
    "WHSTL",
    "WIT",
];

/// Categories of what another government or an organisation gave under a treaty or agreement that protects it. The mark does
/// not say who, so it counts as a concealed source.
const OF_OTHERS: [&str; 3] = ["CUI-PROVISIONAL-HSAI", "CUI-PROVISIONAL-IAIH", "INTL"];

/// The control whose information a category holds.
fn counterpart(category: &str) -> Option<Control> {
    let found = COUNTERPARTS.iter().find(|(name, _)| *name == category).map(|(_, control)| *control);
    found.or_else(|| LAW_ENFORCEMENT.contains(&category).then_some(Control::Les))
}

/// The category of what is under a legal privilege. The control beside it only says whose.
const PRIVILEGE: &str = "PRIVILEGE";

/// Categories that go to nobody here. The law behind each, or its own description in the CUI registry, says who may have it,
/// or asks for a permission that nothing here records; a release list says nothing of either.
const KEPT: [&str; 21] = [
    "ASYL",    // 8 CFR 208.6
    "BATT",    // 8 USC 1367
    "CENS",    // those who are sworn to the Census
    "CONV",    // the parties of a tax convention
    "CVI",     // whom 6 CFR 27.400 covers
    "FSEC",    // as FinCEN lays down
    "ID",      // not beyond CIA channels
    "JURY",    // secret by Fed. R. Crim. P. 6(e)
    "LPROT",   // whom the order of a court names
    "NNPI",    // beside CUI a marking of the Department of Defense alone: ISM-ID-00535
    "NUC",     // as RECCOM, SGI and SRI
    "PCII",    // whom 6 CFR 29 authorises
    PRIVILEGE, // whoever holds the privilege
    "PSEC",    // an order of secrecy
    "RECCOM",  // on the safety of nuclear facilities of defence
    "SGI",     // whom 42 USC 2011 and after and 10 CFR 73 authorise
    "SRI",     // nuclear security, as SGI
    "STAT",    // the purposes of statistics
    "TAI",     // 26 USC 6103
    "TAX",     // 26 USC 6103
    "VISA",    // 8 USC 1202(f)
];

/// A category without the sign of a specified one.
fn bare(category: &str) -> &str {
    category.strip_prefix("SP-").unwrap_or(category)
}

impl Cui {
    /// The word by which it goes to nobody, whatever release list stands beside it: a privilege of attorney and client, which
    /// whoever holds it has to lift, or a category that is kept. Nothing here records that it was lifted.
    pub(super) fn kept_by(&self) -> Option<&str> {
        let privileged = self.controls.iter().find(|control| [ATTORNEY_CLIENT, ATTORNEY_WP].contains(control));
        let control = privileged.and_then(|control| LDC.get(usize::from(*control))).map(|words| words.banner);
        control.or_else(|| self.categories.iter().map(|c| &**c).find(|category| KEPT.contains(&bare(category))))
    }

    /// Whether others gave it, whom the mark does not name.
    pub(super) fn is_of_others(&self) -> bool {
        self.categories.iter().any(|category| OF_OTHERS.contains(&bare(category)))
    }
}

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
    // What is neither classified nor CUI has this mark in a document of CUI that marks its portions (32 CFR 2002.20).
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

/// What to say of a word that is no limited dissemination control.
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
