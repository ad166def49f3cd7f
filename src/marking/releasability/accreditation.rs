//! The names that the accreditation record of a link may hold: those that [`Condition`](crate::marking::Condition)
//! prints, except those that only a consent meets.

use super::condition::{BY_CONSENT, UNNAMED_PROGRAMS};
use crate::marking::model::SciSystem;
use crate::marking::spelling::edit_distance;

/// The accreditations whose names have no parameter.
pub const STANDING: [&str; 4] = ["AEA-AGREEMENT", "ATOMAL-AGREEMENT", "NATO-READON", "NOCON-ASSURANCE"];

/// The abbreviations of the control systems, NATO's included.
fn systems() -> impl Iterator<Item = &'static str> {
    SciSystem::ALL.into_iter().map(SciSystem::abbreviation).chain(["BALK", "BOHEMIA"])
}

/// Every accreditation name without a free part, such as `SCI:SI`: those of compartments and programs are not listed.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = STANDING.iter().map(|name| (*name).to_owned()).collect();
    names.extend(systems().map(|system| format!("SCI:{system}")));
    names
}

/// Whether a link can be accredited by this name: one of [`names`], a compartment such as `SCI:SI-ABC`, or a program or a part
/// of one, such as `SAP:EXERCISE` and `SAP:EXERCISE-ONE`. Programs that are not named cannot be accredited.
#[must_use]
pub fn is_accreditation(name: &str) -> bool {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    match name.split_once(':') {
        None => STANDING.contains(&name),
        Some(("SCI", tree)) => {
            let mut parts = tree.split('-');
            parts.next().is_some_and(|system| systems().any(|s| s == system)) && parts.all(plain)
        }
        Some(("SAP", program)) if program == UNNAMED_PROGRAMS => false,
        Some(("SAP", tree)) => {
            let (program, compartments) = tree.split_once('-').map_or((tree, None), |(p, rest)| (p, Some(rest)));
            program.split(' ').all(plain) && compartments.is_none_or(|rest| rest.split(['-', ' ']).all(plain))
        }
        Some(_) => false,
    }
}

/// The most similar known name, if any: an accreditation, or a condition that only a consent meets.
#[must_use]
pub fn nearest(name: &str) -> Option<String> {
    let bare = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
    };
    let wanted = bare(name);
    let known = || names().into_iter().chain(BY_CONSENT.iter().map(|name| (*name).to_owned()));
    // In another spelling; then as a part of a name; then within two edits.
    let spelled = || known().find(|known| bare(known) == wanted);
    let tree = || {
        let (kind, rest) = name.split_once(':')?;
        let proper = format!("{}:{}", kind.to_ascii_uppercase(), rest.to_ascii_uppercase());
        is_accreditation(&proper).then_some(proper)
    };
    let part = || known().find(|known| known.split([':', '-']).any(|part| !wanted.is_empty() && part == wanted));
    let slip = || {
        let near = known().map(|known| (edit_distance(&bare(&known), &wanted), known));
        near.filter(|(distance, _)| *distance <= 2).min().map(|(_, known)| known)
    };
    spelled().or_else(tree).or_else(part).or_else(slip)
}

/// A suggestion for an unknown `name`: a clause for the end of an error message.
#[must_use]
pub fn suggestion(name: &str) -> String {
    match nearest(name) {
        Some(meant) if BY_CONSENT.contains(&meant.as_str()) => {
            format!("`{meant}` is a consent, recorded by itself with `change propose --consent NAME=FILE --out CHANGE`")
        }
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("expected {}, `SCI:SYSTEM-COMPARTMENT` or `SAP:NAME`", names().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_conditions_name_and_nothing_else() {
        for name in
            ["NATO-READON", "AEA-AGREEMENT", "SCI:SI", "SCI:SI-EU", "SCI:BALK", "SAP:EXERCISE", "SAP:BUTTER POPCORN"]
        {
            assert!(is_accreditation(name), "{name}");
        }
        for name in
            ["NATO", "ORCON", "SCI:sI", "SCI:XX", "SCI:", "SCI:SI-", "SAP:", "SAP:a", "FGI-CONSENT", "", "SI", "X:Y"]
        {
            assert!(!is_accreditation(name), "{name}");
        }
    }

    #[test]
    fn suggests_what_was_meant() {
        for (written, meant) in [
            ("NATO", Some("NATO-READON")),
            ("ORCON", Some("ORCON-LIST")),
            ("SCI:sI", Some("SCI:SI")),
            ("sci:si-abc", Some("SCI:SI-ABC")),
            ("SI", Some("SCI:SI")),
            ("nato readon", Some("NATO-READON")),
            ("NATO-REDON", Some("NATO-READON")),
            ("LES", Some("ORIGINATOR:LES")),
            ("EXERCISE WEATHER", None),
            ("", None),
        ] {
            assert_eq!(nearest(written).as_deref(), meant, "{written}");
        }
    }
}
