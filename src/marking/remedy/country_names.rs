//! Names of countries and organisations as people write them, and as proposals show them.

use super::Ask;
use super::tokenizer::{Gap, Word};
use crate::marking::register::Register;

/// Common names of countries, with their codes.
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

/// The common name of a country; the register has the official ones.
pub(super) fn short_name<'a>(ask: &'a Ask<'_, '_>, code: &'a str) -> &'a str {
    match code {
        "AUS" => "Australia",
        "CAN" => "Canada",
        "DEU" => "Germany",
        "FRA" => "France",
        "GBR" => "the United Kingdom",
        "NZL" => "New Zealand",
        "USA" => "the United States",
        _ => ask.rules.register.name_of(code).unwrap_or(code),
    }
}
