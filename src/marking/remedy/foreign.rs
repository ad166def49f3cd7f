//! Marks of other countries and organisations, and their equivalent form here.

use std::collections::BTreeSet;

use super::country_names::short_name;
use super::lenient::{Draft, Owner};
use super::{Ask, Remedy, RemedyKind, plain};
use crate::marking::model::Level;

/// A known foreign mark: its text, its owner, its equivalent level, and the advice.
struct Known {
    written: &'static str,
    owner: &'static str,
    level: Option<Level>,
    said: &'static str,
}

const fn known(written: &'static str, owner: &'static str, level: Option<Level>, said: &'static str) -> Known {
    Known { written, owner, level, said }
}

const NO_EQUIVALENT: &str = "it has no US equivalent; ask its owner how to protect it";

/// Whole texts, in upper case. Equivalents are those that the owners publish; where there is none, the advice is to ask.
const WHOLE: &[Known] = &[
    known("OFFICIAL", "GBR", None, "OFFICIAL is a mark of the United Kingdom and of Australia"),
    known("OFFICIAL-SENSITIVE", "GBR", None, "OFFICIAL-SENSITIVE is a mark of the United Kingdom"),
    known("OFFICIAL SENSITIVE", "GBR", None, "OFFICIAL SENSITIVE is a mark of the United Kingdom"),
    known("OFFICIAL: SENSITIVE", "AUS", None, "OFFICIAL: Sensitive is a mark of Australia"),
    known("OFFICIAL:SENSITIVE", "AUS", None, "OFFICIAL: Sensitive is a mark of Australia"),
    known("UNOFFICIAL", "AUS", None, "UNOFFICIAL is a mark of Australia"),
    known("PROTECTED", "AUS", None, "PROTECTED is a mark of Australia"),
    known("PROTECTED A", "CAN", None, "PROTECTED A is a mark of Canada"),
    known("PROTECTED B", "CAN", None, "PROTECTED B is a mark of Canada"),
    known("PROTECTED C", "CAN", None, "PROTECTED C is a mark of Canada"),
    known("IN CONFIDENCE", "NZL", None, "IN CONFIDENCE is a mark of New Zealand"),
    known("IN-CONFIDENCE", "NZL", None, "IN CONFIDENCE is a mark of New Zealand"),
    known("SENSITIVE", "NZL", None, "SENSITIVE is a mark of New Zealand"),
    known(
        "RESTRICTED",
        "NZL",
        None,
        "RESTRICTED is not a US level; New Zealand and others use it with their code in front, such as `//NZL RESTRICTED`",
    ),
    known("PROTECT", "GBR", None, "PROTECT was a mark of the United Kingdom"),
    known(
        "OFFICIAL-SENSITIVE COMMERCIAL",
        "GBR",
        None,
        "OFFICIAL-SENSITIVE COMMERCIAL is a mark of the United Kingdom",
    ),
    known("HIGHLY PROTECTED", "AUS", None, "HIGHLY PROTECTED was a mark of Australia"),
    known("CABINET-IN-CONFIDENCE", "AUS", None, "CABINET-IN-CONFIDENCE was a mark of Australia"),
    known("STRENGT HEMMELIG", "NOR", Some(Level::TopSecret), "STRENGT HEMMELIG is a mark of Norway"),
    known("HEMMELIG", "NOR", Some(Level::Secret), "HEMMELIG is a mark of Norway, and one of Denmark"),
    known("GIZLI", "TUR", Some(Level::Secret), "GIZLI is a mark of Turkey"),
    known("TAJNE", "POL", Some(Level::Secret), "TAJNE is a mark of Poland"),
    known("SECRETO", "ESP", Some(Level::TopSecret), "SECRETO is a mark of Spain"),
    known("RESERVADO", "ESP", Some(Level::Secret), "RESERVADO is a mark of Spain"),
    known("ZEER GEHEIM", "NLD", Some(Level::TopSecret), "ZEER GEHEIM is a mark of the Netherlands"),
    known("STRENG GEHEIM", "DEU", Some(Level::TopSecret), "STRENG GEHEIM is a mark of Germany"),
    known("GEHEIM", "DEU", Some(Level::Secret), "GEHEIM is a mark of Germany"),
    known("VS-VERTRAULICH", "DEU", Some(Level::Confidential), "VS-VERTRAULICH is a mark of Germany"),
    known(
        "VS-NUR FÜR DEN DIENSTGEBRAUCH",
        "DEU",
        Some(Level::Restricted),
        "VS-NUR FÜR DEN DIENSTGEBRAUCH is a mark of Germany",
    ),
    known(
        "VS-NUR FUER DEN DIENSTGEBRAUCH",
        "DEU",
        Some(Level::Restricted),
        "VS-NUR FUER DEN DIENSTGEBRAUCH is a mark of Germany",
    ),
    known("VS-NFD", "DEU", Some(Level::Restricted), "VS-NFD is a mark of Germany"),
    known("TRES SECRET DEFENSE", "FRA", Some(Level::TopSecret), "TRES SECRET DEFENSE is a mark of France"),
    known("TRÈS SECRET DÉFENSE", "FRA", Some(Level::TopSecret), "TRÈS SECRET DÉFENSE is a mark of France"),
    known("TRES SECRET", "FRA", Some(Level::TopSecret), "TRES SECRET is a mark of France"),
    known("TRÈS SECRET", "FRA", Some(Level::TopSecret), "TRÈS SECRET is a mark of France"),
    known("SECRET DEFENSE", "FRA", Some(Level::Secret), "SECRET DEFENSE is a mark of France"),
    known("SECRET DÉFENSE", "FRA", Some(Level::Secret), "SECRET DÉFENSE is a mark of France"),
    known("CONFIDENTIEL DEFENSE", "FRA", Some(Level::Confidential), "CONFIDENTIEL DEFENSE is a mark of France"),
    known("CONFIDENTIEL DÉFENSE", "FRA", Some(Level::Confidential), "CONFIDENTIEL DÉFENSE is a mark of France"),
    known("DIFFUSION RESTREINTE", "FRA", Some(Level::Restricted), "DIFFUSION RESTREINTE is a mark of France"),
    known("SEGRETISSIMO", "ITA", Some(Level::TopSecret), "SEGRETISSIMO is a mark of Italy"),
    known("SEGRETO", "ITA", Some(Level::Secret), "SEGRETO is a mark of Italy"),
    known("RISERVATISSIMO", "ITA", Some(Level::Confidential), "RISERVATISSIMO is a mark of Italy"),
    known("RISERVATO", "ITA", Some(Level::Restricted), "RISERVATO is a mark of Italy"),
    known("STG. GEHEIM", "NLD", Some(Level::Secret), "STG. GEHEIM is a mark of the Netherlands"),
    known("STG. ZEER GEHEIM", "NLD", Some(Level::TopSecret), "STG. ZEER GEHEIM is a mark of the Netherlands"),
];

/// The marks of the European Union, in either or both of its languages.
const EUROPEAN: [(&str, Level); 8] = [
    ("TOP SECRET", Level::TopSecret),
    ("TRES SECRET UE", Level::TopSecret),
    ("TRÈS SECRET UE", Level::TopSecret),
    ("RESTRICTED", Level::Restricted),
    ("RESTREINT UE", Level::Restricted),
    ("CONFIDENTIAL", Level::Confidential),
    ("CONFIDENTIEL UE", Level::Confidential),
    ("SECRET", Level::Secret),
];

/// Controls that only one country uses, anywhere in a mark, with that country.
const CAVEATS: [(&str, &str); 14] = [
    ("AGAO", "AUS"),
    ("AUSTEO", "AUS"),
    ("AUSTRALIAN EYES ONLY", "AUS"),
    ("NZEO", "NZL"),
    ("NEW ZEALAND EYES ONLY", "NZL"),
    ("CEO", "CAN"),
    ("CANADIAN EYES ONLY", "CAN"),
    ("UK EYES ONLY", "GBR"),
    ("UKEO", "GBR"),
    ("UK EYES A", "GBR"),
    ("UK EYES B", "GBR"),
    ("SPECIAL FRANCE", "FRA"),
    ("SPÉCIAL FRANCE", "FRA"),
    ("LOCSEN", "GBR"),
];

/// The prefixes that countries put before their levels.
const PREFIXES: [(&str, &str); 6] =
    [("UK", "GBR"), ("NZ", "NZL"), ("AUS", "AUS"), ("CAN", "CAN"), ("CANADA", "CAN"), ("AUSTRALIAN", "AUS")];

/// The proposals for a foreign mark; empty where it seems to be a US mark.
pub(super) fn remedies(ask: &Ask<'_, '_>, text: &str) -> Vec<Remedy> {
    let upper = plain(text);
    if let Some(remedy) = traffic_light(&upper) {
        return vec![remedy];
    }
    if upper.starts_with("[SEC=") || upper.starts_with("SEC=") {
        let said = "this is the line of an Australian protective marking (PSPF), as mail carries it";
        return vec![foreign(ask, "AUS", None, &format!("{said}; {NO_EQUIVALENT}"))];
    }
    // With its owner before it, and with spaces around a dash, it is the same.
    let joined = upper.replace(" - ", "-");
    let owned = joined.strip_prefix("//").and_then(|rest| rest.split_once(' ')).map(|(_, mark)| mark.to_owned());
    let known = |known: &&Known| {
        [&upper, &joined].contains(&&known.written.to_owned()) || owned.as_deref() == Some(known.written)
    };
    if let Some(known) = WHOLE.iter().find(known) {
        return vec![foreign(ask, known.owner, known.level, &said(known.said, known.level))];
    }
    if let Some(level) = european(&upper) {
        return vec![european_union(ask, level)];
    }
    if let Some(remedy) = of_a_country(ask, &upper) {
        return vec![remedy];
    }
    without_the_united_states(ask, text).into_iter().collect()
}

fn said(text: &str, level: Option<Level>) -> String {
    if level.is_some() || text.contains("such as `//") { text.to_owned() } else { format!("{text}; {NO_EQUIVALENT}") }
}

/// Whether what was found is a list without the United States, which may also be a faulty US mark.
pub(super) fn may_be_ours(found: &[Remedy]) -> bool {
    found.iter().any(|remedy| remedy.text.starts_with(LEAVES_OUT))
}

/// The beginning of the advice for such a list.
const LEAVES_OUT: &str = "the list does not name the United States";

/// TLP and PAP, which say who may share what and classify nothing.
fn traffic_light(upper: &str) -> Option<Remedy> {
    let scheme = upper.split([':', ' ']).next().filter(|scheme| matches!(*scheme, "TLP" | "PAP"));
    let scheme = scheme.or_else(|| upper.starts_with("TRAFFIC LIGHT PROTOCOL").then_some("TLP"))?;
    let text = if scheme == "TLP" {
        "TLP is the Traffic Light Protocol of FIRST: it says how far recipients may share, and classifies nothing; its \
         originator names a classification and a release list"
    } else {
        "PAP says what recipients may do with an indicator, and classifies nothing; its originator names a classification \
         and a release list"
    };
    Some(Remedy { kind: RemedyKind::Foreign, text: text.to_owned(), mark: None })
}

/// The level of a mark of the European Union.
fn european(upper: &str) -> Option<Level> {
    let bare = upper.replace(" - ", " ");
    let level_of = |text: &str| {
        let english = text.strip_prefix("EU ").or_else(|| text.strip_suffix(" UE").filter(|rest| *rest == "SECRET"));
        let found = EUROPEAN.iter().find(|(written, _)| *written == text && written.ends_with("UE"));
        let found = found.or_else(|| EUROPEAN.iter().find(|(written, _)| english == Some(*written)));
        found.map(|(_, level)| *level)
    };
    bare.split('/').map(|part| level_of(part.trim())).collect::<Option<Vec<_>>>()?.first().copied()
}

fn european_union(ask: &Ask<'_, '_>, level: Level) -> Remedy {
    foreign(ask, "EU", Some(level), "this is a mark of the European Union (Council Decision 2013/488/EU)")
}

/// A level with a country before it, or a control that only one country writes.
fn of_a_country(ask: &Ask<'_, '_>, upper: &str) -> Option<Remedy> {
    let around = |text: &str, found: &str| {
        let at = text.find(found)?;
        let before = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        let after = text[at + found.len()..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        (before && after).then(|| format!("{}{}", &text[..at], &text[at + found.len()..]))
    };
    // `US/UK EYES ONLY` is a list.
    if upper.contains("/UK EYES") || upper.contains("/GBR EYES") {
        return None;
    }
    let caveat =
        CAVEATS.iter().find_map(|(written, owner)| around(upper, written).map(|rest| (*written, *owner, rest)));
    let (mut owner, mut rest) = (None, upper.trim_matches('/').to_owned());
    let mut said = String::new();
    if let Some((written, whose, without)) = caveat {
        (owner, rest) = (Some(whose), without);
        said = format!("{written} restricts it to its owner; ask the owner before anybody else receives it");
    }
    let rest = rest.trim_matches([' ', '/', '-']).to_owned();
    let prefix = PREFIXES.iter().find_map(|(written, whose)| {
        let behind = rest.strip_prefix(written).filter(|behind| behind.starts_with([' ', '-']));
        behind.map(|behind| (*whose, behind.trim_start_matches([' ', '-']).to_owned()))
    });
    let bare = match prefix {
        Some((whose, behind)) => {
            owner = Some(whose);
            behind
        }
        None => rest,
    };
    let owner = owner?;
    let name = short_name(ask, owner);
    let level_text = bare.split("//").next().unwrap_or_default().trim_matches([' ', '/']).replace('-', " ");
    let level = Level::from_title(&level_text).or_else(|| Level::from_abbreviation(&level_text));
    let mut text = format!("this is a mark of {name}");
    if !said.is_empty() {
        text = format!("{text}; {said}");
    }
    if level.is_none() || level == Some(Level::Unclassified) {
        text = format!("{text}; {NO_EQUIVALENT}");
    }
    Some(foreign(ask, owner, level, &text))
}

/// A release list without the United States: another country's mark, and its first country is the likeliest owner.
fn without_the_united_states(ask: &Ask<'_, '_>, text: &str) -> Option<Remedy> {
    let mut draft = ask.read_leniently(text)?;
    let list = draft.rel.clone().filter(|list| !list.is_empty() && !list.contains("USA"))?;
    if draft.owner != Owner::Us || !draft.unknown.is_empty() || draft.open {
        return None;
    }
    let words = super::tokenizer::split(&super::bare(text));
    let first = words.iter().find(|word| list.contains(&word.text) && ask.rules.register.is_country(&word.text))?;
    let owner = first.text.clone();
    let name = short_name(ask, &owner).to_owned();
    draft.owner = Owner::Foreign(BTreeSet::from([owner]));
    // A group with the United States in it includes it; otherwise the list does not release to the United States.
    let groups = ["ACGU", "FVEY", "NATO", "TEYE"];
    let us_too = list.iter().any(|code| groups.contains(&code.as_str()));
    let mut text = format!("{LEAVES_OUT}: this seems to be a mark of {name}, or of another country in it");
    if us_too {
        draft.rel.get_or_insert_default().insert("USA".to_owned());
    } else {
        draft.rel = None;
        text.push_str(", whose list does not include the United States; ask its owner");
    }
    let mark = ask.compose(&draft).filter(|mark| ask.accepts(mark));
    Some(Remedy { kind: RemedyKind::Foreign, text, mark })
}

/// A proposal for a mark of `owner`: `//GBR SECRET`.
fn foreign(ask: &Ask<'_, '_>, owner: &str, level: Option<Level>, text: &str) -> Remedy {
    let draft = Draft { owner: Owner::Foreign(BTreeSet::from([owner.to_owned()])), level, ..Draft::new() };
    let mark = level.filter(|level| *level != Level::Unclassified).and_then(|_| ask.compose(&draft));
    Remedy { kind: RemedyKind::Foreign, text: text.to_owned(), mark: mark.filter(|mark| ask.accepts(mark)) }
}
