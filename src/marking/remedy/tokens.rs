//! The words of a text, what stands between them, and the countries and phrases of the register that they begin.

use super::super::register::Register;
use super::words::{self, Meaning};

/// What stands before a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    Space,
    Hyphen,
    Comma,
    Slash,
    Double,
}

/// One word, in upper case, and what stands before it.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub text: String,
    pub gap: Gap,
    /// It stood in lower case.
    pub lowered: bool,
    /// Before it stands a sign that a list has no use for, such as a minus, a question mark or a parenthesis.
    pub signed: bool,
}

/// Names of countries that people write for their codes.
const NAMES: [(&str, &str); 40] = [
    ("UK", "GBR"),
    ("GB", "GBR"),
    ("UNITED KINGDOM", "GBR"),
    ("GREAT BRITAIN", "GBR"),
    ("BRITISH", "GBR"),
    ("US", "USA"),
    ("UNITED STATES", "USA"),
    ("AUSTRALIA", "AUS"),
    ("AU", "AUS"),
    ("CANADA", "CAN"),
    ("CA", "CAN"),
    ("CANADIAN", "CAN"),
    ("NEW ZEALAND", "NZL"),
    ("NZ", "NZL"),
    ("JAPAN", "JPN"),
    ("JP", "JPN"),
    ("GERMANY", "DEU"),
    ("GER", "DEU"),
    ("FRANCE", "FRA"),
    ("FR", "FRA"),
    ("ITALY", "ITA"),
    ("SPAIN", "ESP"),
    ("NETHERLANDS", "NLD"),
    ("NORWAY", "NOR"),
    ("DENMARK", "DNK"),
    ("POLAND", "POL"),
    ("TURKEY", "TUR"),
    ("ISRAEL", "ISR"),
    ("FOUR EYES", "ACGU"),
    ("4 EYES", "ACGU"),
    ("4EYES", "ACGU"),
    ("THREE EYES", "TEYE"),
    ("3 EYES", "TEYE"),
    ("3EYES", "TEYE"),
    ("5EYES", "FVEY"),
    ("ROK", "KOR"),
    ("SWEDEN", "SWE"),
    ("FINLAND", "FIN"),
    ("FIVE EYES", "FVEY"),
    ("5 EYES", "FVEY"),
];

/// Splits a text into its words.
pub(super) fn split(text: &str) -> Vec<Word> {
    let signed = |gap: &str| gap.contains(['-', '!', '~', '^', '?', '(', ')', '[', ']', '\u{2013}', '\u{2014}']);
    let mut found: Vec<Word> = Vec::new();
    let (mut word, mut gap) = (String::new(), String::new());
    for c in text.chars().chain(['\n']) {
        if c.is_alphanumeric() || matches!(c, '+' | '_') {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            let lowered = word.chars().any(char::is_lowercase) && !word.chars().any(char::is_uppercase);
            let text = std::mem::take(&mut word).to_uppercase();
            found.push(Word { text, gap: kind_of(&gap), lowered, signed: signed(&gap) });
            gap.clear();
        }
        gap.push(c);
    }
    found
}

fn kind_of(gap: &str) -> Gap {
    match gap.matches('/').count() {
        0 if gap.contains([',', ';']) => Gap::Comma,
        0 if gap.contains(['-', '\u{2013}', '\u{2014}']) => Gap::Hyphen,
        0 => Gap::Space,
        1 => Gap::Slash,
        _ => Gap::Double,
    }
}

/// The code of the country or organisation whose code or name the words begin with, how many words that is, and whether it
/// was a name.
pub(super) fn country(register: &Register, words: &[Word]) -> Option<(String, usize, bool)> {
    let first = words.first()?;
    for width in (1..=3.min(words.len())).rev() {
        if words[1..width].iter().any(|word| word.gap != Gap::Space) {
            continue;
        }
        let name = words[..width].iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
        let by_name = NAMES.iter().find(|(known, _)| *known == name).map(|(_, code)| (*code).to_owned());
        if let Some(code) = by_name.or_else(|| register.code_named(&name)) {
            return Some((code, width, true));
        }
    }
    register.by_code.find(&first.text).map(|_| (first.text.clone(), 1, false))
}

/// The phrase of the register that the words begin with at a place, and how many words that is.
pub(super) fn phrase_at(words: &[Word], at: usize) -> Option<(Meaning, usize)> {
    let rest = words.get(at..)?;
    let texts: Vec<&str> = rest.iter().take(12).map(|word| word.text.as_str()).collect();
    words::phrase(&texts, |n| matches!(rest[n].gap, Gap::Space | Gap::Hyphen))
}
