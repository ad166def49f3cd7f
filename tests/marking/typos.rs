//! One slip in a valid mark (spec 1.2 f): it is refused, or reads the same, or releases to no more partners under no fewer
//! conditions. What reads as another true code, name or level is counted and shown: no reader can tell those.
//!
//! And the fixes that the engine offers: none adds a country, owner or organisation, removes a control or lowers a level.
//!
//! `PORTCULLIS_CASES` raises the number of cases for a long run.

use std::collections::BTreeSet;

use portcullis::marking::{Condition, DocumentDate, Kind, Marking, Register, Rules, System};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::classes::Classes;

const CASES: &str = include_str!("../vectors/marking/cases.jsonl");
/// What the cases have little of: what releases, under conditions of every kind.
const RELEASED: &[&str] = &[
    "TOP SECRET//SI-ABC-DEF/TK//REL TO USA, FVEY",
    "TOP SECRET//SI-ABC ABCD-DEF//SAR-BP-123 456/CA-XYZ//REL TO USA, AUS, CAN, GBR",
    "SECRET//SAR-BP/CA/TC//REL TO USA, GBR, NATO",
    "SECRET//SAR-BUTTER POPCORN//FGI DEU GBR//IMCON/REL TO USA, DEU, GBR",
    "SECRET//TK//RD-SIGMA 14 18//FGI CAN NATO//RSEN/REL TO USA, CAN, NATO",
    "SECRET//SI//FRD//ORCON/REL TO USA, FVEY//LES/SSI",
    "CONFIDENTIAL//PROPIN/REL TO USA, KOR/DISPLAY ONLY JPN",
    "SECRET//FGI//REL TO USA, ACGU/RELIDO/FISA",
    "UNCLASSIFIED//REL TO USA, FVEY//LES",
    "UNCLASSIFIED//REL TO USA, GBR//SBU",
    "//JOINT SECRET CAN GBR USA//TK//REL TO USA, CAN, GBR",
    "//CAN GBR SECRET//REL TO USA, CAN, GBR",
    "//NATO SECRET//ATOMAL//REL TO USA, NATO",
    "//COSMIC TOP SECRET//BOHEMIA//ORCON/REL TO USA, NATO",
    "(TS//SI-ABC-DEF/TK//REL TO USA, FVEY)",
    "(TS//SI-G ABCD EFGH-XYZ//OC/REL TO USA, GBR)",
    "(S//SAR-BP-123/CA-XYZ YYY//REL TO USA, GBR)",
    "(S//SI/TK//RD-SG 14//FGI DEU//RS/IMC/REL TO USA, DEU, GBR)",
    "(S//FGI CAN GBR//OC/REL TO USA, CAN, GBR//LES)",
    "(S//PR/REL TO USA, GBR/FISA//SSI)",
    "(//JOINT S CAN GBR USA//SI//REL TO USA, FVEY)",
    "(//CAN GBR R//REL TO USA, CAN, GBR)",
    "(//NS//REL TO USA, NATO)",
    "(U//REL TO USA, FVEY//LES)",
    "CUI//REL TO USA, GBR",
    "CUI//LEI//NOCON/REL TO USA, FVEY",
    "CUI//SP-CTI/SP-EXPT/LEI//DL ONLY/REL TO USA, CAN, GBR",
    "CUI//PRIVILEGE//Attorney-Client/REL TO USA, GBR",
    "CUI//SP-NNPI//REL TO USA, GBR",
    "CUI//PRVCY//DISPLAY ONLY AUS, GBR",
    "(CUI//SP-CTI//NOCON/REL TO USA, GBR)",
];
const SEPARATORS: [&str; 8] = ["", " ", "/", "//", "-", ",", ", ", "///"];

fn date() -> DocumentDate {
    DocumentDate::Known("2022-12-01".parse().expect("a date"))
}

fn rules() -> Rules<'static> {
    Rules::new(Register::compiled_in(), date())
}

/// The rules of the profile that a mark is written in.
fn rules_of(text: &str) -> Rules<'static> {
    rules().in_profile_of(text)
}

fn kind(text: &str) -> Kind {
    if text.starts_with('(') { Kind::Portion } else { Kind::Banner }
}

/// Every mark that slips are made in.
fn valid() -> Vec<(String, Marking)> {
    let rows = CASES.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let texts = rows.filter_map(|row| row["input"].as_str().map(str::to_owned));
    let texts = texts.chain(RELEASED.iter().map(|text| (*text).to_owned()));
    let read = |text: String| rules_of(&text).check(&text, kind(&text), None).marking.map(|marking| (text, marking));
    // Those that release count three times: the others lose nothing by a slip.
    let all: Vec<(String, Marking)> = texts.filter_map(read).collect();
    let released = all.iter().filter(|(_, marking)| !marking.rel_to().is_empty()).cloned();
    released.clone().chain(released).chain(all.iter().cloned()).collect()
}

/// Words and what stands between them, in turn.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = vec![String::new()];
    let mut word = true;
    for c in text.chars() {
        if (c.is_ascii_alphanumeric() || c == '_') != word {
            word = !word;
            pieces.push(String::new());
        }
        pieces.last_mut().expect("one").push(c);
    }
    pieces
}

/// One slip: what it was, and the text with it.
fn slip(text: &str, rng: &mut StdRng) -> (&'static str, String) {
    let mut parts = pieces(text);
    let words: Vec<usize> = (0..parts.len()).filter(|at| at % 2 == 0 && !parts[*at].is_empty()).collect();
    let gaps: Vec<usize> = (0..parts.len()).filter(|at| at % 2 == 1).collect();
    let letter = |rng: &mut StdRng| *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".choose(rng).expect("one") as char;
    let word = *words.choose(rng).expect("a mark has a word");
    let chars: Vec<char> = parts[word].chars().collect();
    let at = rng.random_range(0..chars.len());
    match rng.random_range(0..10) {
        0 | 1 if !gaps.is_empty() => {
            parts[*gaps.choose(rng).expect("one")] = (*SEPARATORS.choose(rng).expect("one")).to_owned();
            ("separator", parts.concat())
        }
        2 => {
            let place = rng.random_range(0..=text.len());
            let mut text = text.to_owned();
            if text.as_bytes().get(place) == Some(&b' ') {
                text.remove(place);
            } else {
                text.insert(place, ' ');
            }
            ("space", text)
        }
        3 => {
            parts[word].remove(at);
            ("letter dropped", parts.concat())
        }
        4 => {
            let doubled = chars[at];
            parts[word].insert(at, doubled);
            ("letter doubled", parts.concat())
        }
        5 => {
            parts[word].insert(at, letter(rng));
            ("letter added", parts.concat())
        }
        6 => {
            let mut other = chars.clone();
            if rng.random() && at + 1 < other.len() {
                other.swap(at, at + 1);
            } else {
                other[at] = letter(rng);
            }
            parts[word] = other.into_iter().collect();
            ("letter changed", parts.concat())
        }
        7 => {
            parts[word].clear();
            ("word dropped", parts.concat())
        }
        8 => {
            let between = (*SEPARATORS.choose(rng).expect("one")).to_owned();
            parts[word] = format!("{}{between}{}", parts[word], parts[word]);
            ("word doubled", parts.concat())
        }
        _ => {
            let other = *words.choose(rng).expect("one");
            parts.swap(word, other);
            ("word moved", parts.concat())
        }
    }
}

/// Who may have it or see it.
fn reached(marking: &Marking) -> BTreeSet<String> {
    let text = marking.banner();
    let checked = rules_of(&text).check(&text, Kind::Banner, None);
    let all = [checked.releasable_to, checked.displayable_to, checked.unresolved_codes];
    all.iter().flatten().map(ToString::to_string).collect()
}

/// What must be met, each source of a consent by itself.
fn conditions(marking: &Marking) -> BTreeSet<String> {
    let each = |condition: Condition| match &condition {
        Condition::FgiConsent { sources, concealed } => {
            let concealed = concealed.then(|| format!("{condition}:concealed"));
            sources.iter().map(|source| format!("{condition}:{source}")).chain(concealed).collect()
        }
        _ => vec![condition.to_string()],
    };
    let owners = marking.owned_by().map(|owner| format!("owner {owner}")).collect::<Vec<_>>();
    marking.conditions().into_iter().flat_map(each).chain(owners).collect()
}

fn is_name(condition: &str) -> bool {
    condition.starts_with("SAP:") || (condition.starts_with("SCI:") && condition.contains('-'))
}

fn is_of_a_code(condition: &str) -> bool {
    condition.starts_with("FGI-CONSENT:") || condition.starts_with("owner ") || condition == "NATO-READON"
}

/// How what was read stands to the mark in which a slip was made.
enum Reading {
    Same,
    /// No more partners, under no fewer conditions.
    NoMore,
    /// Another true level, code or name: which.
    Another(&'static str),
    Wider(String),
}

/// `what` are the slips that were made.
fn judge(marking: &Marking, read: &Marking, what: &[&str]) -> Reading {
    if read == marking {
        return Reading::Same;
    }
    let (before, after) = (conditions(marking), conditions(read));
    let lost: Vec<&String> = before.difference(&after).collect();
    let gained: Vec<&String> = after.difference(&before).collect();
    let who = reached(read);
    let more: Vec<String> = who.difference(&reached(marking)).cloned().collect();
    let moved = what.contains(&"word moved");
    let letters = moved || what.iter().any(|what| what.starts_with("letter"));
    let no_foreign = |marking: &Marking| marking.disclosure_state(date()).to_string() == "NOFORN";
    let other_code = letters && (!more.is_empty() || gained.iter().any(|c| is_of_a_code(c)));
    let other_name = gained.iter().any(|c| is_name(c)) && lost.iter().all(|c| is_name(c));
    let no_more = more.is_empty() && (lost.is_empty() || who.is_empty()) && (!no_foreign(marking) || no_foreign(read));
    let lost_word = what.contains(&"word dropped");
    if read.level() < marking.level() && (letters || lost_word) {
        Reading::Another("another level")
    } else if read.level() < marking.level() {
        Reading::Wider("a lower level".to_owned())
    } else if no_more {
        Reading::NoMore
    } else if letters && marking.system() == System::Cui && more.is_empty() {
        Reading::Another("another category")
    } else if other_code && lost.iter().all(|c| is_of_a_code(c) || is_name(c)) {
        Reading::Another("another code")
    } else if other_name && more.is_empty() {
        Reading::Another("another name")
    } else {
        Reading::Wider(format!("lost {lost:?}, gained {gained:?}, reaches also {more:?}"))
    }
}

fn cases() -> u64 {
    std::env::var("PORTCULLIS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

fn none_is_wider(wider: BTreeSet<String>) {
    let first: Vec<_> = wider.iter().take(40).map(String::as_str).collect();
    assert!(wider.is_empty(), "{} are wider:\n{}", wider.len(), first.join("\n"));
}

#[test]
fn a_slip_is_refused_or_releases_no_more() {
    let (valid, mut rng) = (valid(), StdRng::seed_from_u64(29));
    let classes = Classes::new(20_000, ["refused", "reads the same", "releases no more", "another name"]);
    let (mut wider, mut others) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..cases() {
        classes.case();
        let (text, marking) = valid.choose(&mut rng).expect("one");
        let rules = rules_of(text);
        let (what, slipped) = slip(text, &mut rng);
        let Some(read) = rules.check(&slipped, kind(&slipped), None).marking else {
            classes.saw("refused", true);
            continue;
        };
        let line = format!("{what}: {text} -> {slipped}");
        match judge(marking, &read, &[what]) {
            Reading::Same => classes.saw("reads the same", true),
            Reading::NoMore => classes.saw("releases no more", true),
            Reading::Another(class) => {
                classes.saw(class, true);
                others.insert(format!("{class}: {line}"));
            }
            Reading::Wider(why) => _ = wider.insert(format!("{line} ({why})")),
        }
    }
    // What no reader can tell from what was meant, for whoever wants to see it.
    if std::env::var_os("PORTCULLIS_SHOW").is_some() {
        others.iter().for_each(|line| println!("{line}"));
    }
    none_is_wider(wider);
    classes.hold();
}

#[test]
fn a_fix_releases_no_more_than_what_was_meant() {
    let (valid, mut rng) = (valid(), StdRng::seed_from_u64(30));
    let classes = Classes::new(20_000, ["fixed", "fixed after two slips", "no fix", "English in a list, and no fix"]);
    let mut wider = BTreeSet::new();
    for _ in 0..cases() {
        classes.case();
        let (text, marking) = valid.choose(&mut rng).expect("one");
        let rules = rules_of(text);
        let (first, mut slipped) = fixable(text, &mut rng);
        let mut what = vec![first];
        if rng.random() {
            let (second, twice) = slip(&slipped, &mut rng);
            slipped = twice;
            what.push(second);
        }
        let checked = rules.check(&slipped, kind(&slipped), None);
        let fix = checked.diagnostics.iter().find_map(|d| d.fix.as_ref());
        classes.saw("no fix", !checked.is_valid() && fix.is_none());
        classes.saw("English in a list, and no fix", !checked.is_valid() && fix.is_none() && first == "English");
        let Some(fix) = fix else { continue };
        classes.saw("fixed", true);
        classes.saw("fixed after two slips", what.len() == 2);
        let line = format!("{what:?}: {text} -> {slipped} -> {}", fix.replacement);
        let Some(read) = rules.check(&fix.replacement, kind(&fix.replacement), None).marking else {
            panic!("a fix is no mark: {line}");
        };
        if let Reading::Wider(why) = judge(marking, &read, &what) {
            wider.insert(format!("{line} ({why})"));
        }
    }
    none_is_wider(wider);
    classes.hold();
}

/// A slip of the kind that a fix is offered for, or that looks like one.
fn fixable(text: &str, rng: &mut StdRng) -> (&'static str, String) {
    let mut parts = pieces(text);
    let last = parts.len() - 1;
    match rng.random_range(0..7) {
        0 => ("lower case", text.to_ascii_lowercase()),
        1 => {
            let at = rng.random_range(0..=last / 2) * 2;
            parts[at] = parts[at].to_ascii_lowercase();
            ("a word in lower case", parts.concat())
        }
        2 => {
            let commas: Vec<usize> = (0..parts.len()).filter(|at| parts[*at] == ", " || parts[*at] == " ").collect();
            let english = [
                " and ",
                " AND ",
                ", and ",
                " or ",
                " OR ",
                " and",
                " only, ",
                " to ",
                ", all ",
                " per ",
                " PER ",
                " are ",
                ", not ",
                ", -",
                " (",
                "?, ",
                " nor ",
                ", and per ",
            ];
            let Some(at) = commas.choose(rng) else { return ("none", text.to_owned()) };
            parts[*at] = (*english.choose(rng).expect("one")).to_owned();
            ("English", parts.concat())
        }
        3 => {
            let space = [" //", "// ", " / ", "  "].choose(rng).expect("one");
            let gaps: Vec<usize> = (0..parts.len()).filter(|at| at % 2 == 1).collect();
            let Some(at) = gaps.choose(rng) else { return ("none", text.to_owned()) };
            parts[*at] =
                if parts[*at].starts_with('/') || *space == "  " { (*space).to_owned() } else { parts[*at].clone() };
            ("spaces", parts.concat())
        }
        4 => ("outer space", format!(" {text} ")),
        5 => {
            // Two neighbours of a list or of a segment change places.
            let at = rng.random_range(0..=last / 2) * 2;
            if at + 2 <= last {
                parts.swap(at, at + 2);
            }
            ("order", parts.concat())
        }
        _ => {
            let commas: Vec<usize> = (0..parts.len()).filter(|at| parts[*at] == ", ").collect();
            let Some(at) = commas.choose(rng) else { return ("none", text.to_owned()) };
            parts[*at] = (*[",", " ", "/", ",  ", "; "].choose(rng).expect("one")).to_owned();
            ("list separator", parts.concat())
        }
    }
}

/// The codes of a mark's lists.
fn codes(marking: &Marking) -> BTreeSet<String> {
    let lists = [marking.rel_to(), marking.display_to()];
    let listed = lists.into_iter().flat_map(|list| list.iter().map(str::to_owned).collect::<Vec<_>>());
    listed.chain(marking.sources().map(str::to_owned)).chain(marking.owned_by().map(str::to_owned)).collect()
}

#[test]
fn a_remedy_is_a_mark_that_names_no_country_which_the_text_does_not_name() {
    let (valid, mut rng) = (valid(), StdRng::seed_from_u64(31));
    let classes = Classes::new(20_000, ["with a mark", "words alone"]);
    let mut wrong = BTreeSet::new();
    for _ in 0..cases() {
        classes.case();
        let (text, marking) = valid.choose(&mut rng).expect("one");
        let rules = rules_of(text);
        let (what, mut slipped) = if rng.random() { slip(text, &mut rng) } else { fixable(text, &mut rng) };
        let once = rng.random::<bool>();
        if !once {
            slipped = fixable(&slipped, &mut rng).1;
        }
        let checked = rules.check(&slipped, kind(&slipped), None);
        let words: BTreeSet<String> = pieces(&slipped).into_iter().map(|word| word.to_ascii_uppercase()).collect();
        for remedy in rules.remedies(&slipped, kind(&slipped), None, &checked) {
            classes.saw("words alone", remedy.mark.is_none());
            let Some(mark) = remedy.mark else { continue };
            classes.saw("with a mark", true);
            let Some(read) = rules.check(&mark, kind(&slipped), None).marking else {
                wrong.insert(format!("{slipped} -> {mark}: no mark"));
                continue;
            };
            // Names stand for codes; the United States in a list of its own, NATO in its own forms.
            let named = |code: &String| {
                let by_name = [
                    ("GB", "GBR"),
                    ("CA", "CAN"),
                    ("US", "USA"),
                    ("FR", "FRA"),
                    ("NZ", "NZL"),
                    ("AU", "AUS"),
                    ("JP", "JPN"),
                    ("GER", "DEU"),
                ];
                words.contains(code)
                    || code == "USA"
                    || by_name.iter().any(|(name, meant)| code == meant && words.contains(*name))
                    || (code == "NATO" && words.iter().any(|word| word.starts_with('N') || word.starts_with('C')))
                    || (code == "FGI" && slipped.to_ascii_uppercase().contains("FGI"))
            };
            // After one slip that lost or changed no word, no proposal releases more than what was meant.
            let whole = once && !["letter", "word"].iter().any(|kind| what.starts_with(kind));
            if whole && let Reading::Wider(why) = judge(marking, &read, &[what]) {
                wrong.insert(format!("{what}: {text} -> {slipped} -> {mark}: {why}"));
            }
            let added: Vec<String> = codes(&read).into_iter().filter(|code| !named(code)).collect();
            if !added.is_empty() {
                wrong.insert(format!("{slipped} -> {mark}: names {added:?}"));
            }
        }
    }
    none_is_wider(wrong);
    classes.hold();
}
