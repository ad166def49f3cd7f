//! The list of invisible characters, compared with Unicode's own tables; and each of its characters in every place
//! where text is read or displayed.

use portcullis::approval::Terms;
use portcullis::consent::SourceConsent;
use portcullis::envelope::Precedence;
use portcullis::ident::RequestId;
use portcullis::invisible::{Invisible, is_invisible, is_plain, joins};
use portcullis::ledger::{Entry, EntryKind};
use portcullis::partner::Agreement;
use portcullis::product::confusable::Folded;
use portcullis::time::Time;

/// Characters that by Unicode may be ignored in display, change the direction, are controls, or end a line or
/// paragraph; and the annotation characters (U+FFF9 to U+FFFB).
const OF_UNICODE: &str = r"\A[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Cc}\p{Zl}\p{Zp}\x{FFF9}-\x{FFFB}]\z";

fn characters() -> impl Iterator<Item = char> {
    '\0'..=char::MAX
}

/// Returns every character that is invisible by the Unicode tables of the regex library.
fn unseen() -> Vec<char> {
    let pattern = regex::Regex::new(OF_UNICODE).unwrap();
    let found: Vec<char> = characters().filter(|c| pattern.is_match(c.encode_utf8(&mut [0; 4]))).collect();
    assert!(found.len() > 4_000, "the tables have {} of them", found.len());
    found
}

/// Returns a text with `c` in its middle, surrounded by letters that every field accepts.
fn within(c: char) -> String {
    format!("EXERCISE a{c}b")
}

#[test]
fn the_list_is_unicodes_and_no_more_than_the_sign_of_a_missing_object() {
    let of_unicode = unseen();
    for c in &of_unicode {
        assert!(is_invisible(*c), "U+{:04X} is not on the list", u32::from(*c));
    }
    let more: Vec<char> = characters().filter(|c| is_invisible(*c) && of_unicode.binary_search(c).is_err()).collect();
    // The object replacement character is in none of these tables.
    assert_eq!(more, ['\u{FFFC}'], "these are on the list, and Unicode shows them");
    let bidi = regex::Regex::new(r"\A\p{Bidi_Control}\z").unwrap();
    for c in characters() {
        let turns = bidi.is_match(c.encode_utf8(&mut [0; 4]));
        assert_eq!(Invisible::of(c) == Some(Invisible::Direction), turns, "U+{:04X}", u32::from(c));
    }
}

fn terms(text: &str) -> Terms {
    let now = Time::from_unix_ms(1_795_341_600_000);
    Terms {
        request: RequestId::new(now, [1; 10]),
        submitter: "exercise-analyst".parse().unwrap(),
        originator: "EXERCISE DESK".into(),
        purpose: text.into(),
        legal_basis: "EXERCISE".into(),
        policy_basis: "EXERCISE".into(),
        expires: now.plus(std::time::Duration::from_secs(60)),
        objective: None,
        engages: false,
        supports_outcome: false,
        precedence: Precedence::Routine,
        supersedes: None,
    }
}

const CONSENT: &str = r#"condition = "FGI-CONSENT"
source = "DEU"
consented_by = "EXERCISE desk"
reference = "REFERENCE"
partners = ["exercise-gbr"]
valid_from = 2026-11-01
valid_until = 2026-11-30

[covers]
product = "EXERCISE-1"
"#;

const AGREEMENT: &str = r#"id = "REFERENCE"
ceiling = "S"
kinds = ["report"]
valid_from = "2026-01-01"
valid_until = "2026-12-31"
profile = "cnsa2"
party = { kind = "country", code = "GBR" }
flow = { send = true, receive = true }
"#;

/// Writes a text as a TOML string, whatever it contains.
fn put(into: &str, text: &str) -> String {
    let escaped: String = text.chars().map(|c| format!("\\U{:08X}", u32::from(c))).collect();
    into.replace("REFERENCE", &escaped)
}

#[test]
fn what_is_signed_agreed_or_consented_to_holds_nothing_unseen() {
    let visible = within('\u{e9}');
    assert_eq!(terms(&visible).faults(), []);
    assert!(SourceConsent::parse(&put(CONSENT, &visible)).is_ok());
    assert!(Agreement::parse(&put(AGREEMENT, &visible)).is_ok());
    for c in unseen() {
        let (text, number) = (within(c), u32::from(c));
        assert!(!is_plain(&text, 200), "U+{number:04X}");
        assert_eq!(terms(&text).faults().len(), 1, "U+{number:04X} in the purpose of a release");
        assert!(SourceConsent::parse(&put(CONSENT, &text)).is_err(), "U+{number:04X} in a consent");
        assert!(Agreement::parse(&put(AGREEMENT, &text)).is_err(), "U+{number:04X} in an agreement");
    }
}

#[test]
fn the_ledger_and_what_is_shown_of_it_hold_nothing_unseen() {
    let entry = |text: &str| Entry::new(Time::EPOCH, EntryKind::Alarm, text, text).with("why", text);
    let visible = within('\u{e9}');
    assert_eq!(entry(&visible).subject(), visible);
    for c in unseen() {
        let kept = entry(&within(c));
        for text in [kept.subject(), kept.actor(), &kept.detail()["why"], &kept.to_string()] {
            assert!(!text.contains(c), "U+{:04X} on the ledger", u32::from(c));
        }
    }
}

#[test]
fn a_word_is_found_with_anything_in_it_that_prints_nothing() {
    let whole = Folded::of("EXERCISE Copper Finch");
    for c in unseen().into_iter().filter(|c| joins(*c)) {
        let parted = Folded::of(&format!("EXERCISE Cop{c}per Fi{c}nch"));
        assert_eq!(parted.squeezed(), whole.squeezed(), "U+{:04X}", u32::from(c));
        assert!(parted.words().eq(whole.words()), "U+{:04X} parts a word", u32::from(c));
    }
}
