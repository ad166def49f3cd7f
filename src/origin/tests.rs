use super::fingerprints::{Passage, RUNS_MAX};
use super::*;
use crate::digest::Digest;
use crate::ident::{ExchangeId, PartnerId};
use crate::time::Time;

const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

fn key() -> FingerprintKey {
    FingerprintKey::derived_from(b"EXERCISE")
}

fn printed(texts: &[&str]) -> Fingerprints {
    let (mut printed, mut kept) = (Fingerprints::default(), 0);
    let named = texts.iter().enumerate().map(|(i, text)| Passage::substantive(format!("paragraph {}", i + 1), text));
    printed.add(&key(), &mut kept, named);
    printed
}

fn partner(name: &str) -> PartnerId {
    name.parse().unwrap()
}

/// Returns an index in which these partners each sent a text, in exchanges numbered in this order.
fn sent(by: &[(&str, &Fingerprints)]) -> Index {
    let mut known = Index::default();
    for (number, (name, printed)) in by.iter().enumerate() {
        let exchange = ExchangeId::new(NOW, [number as u8; 10]);
        for print in printed.to_set() {
            known.add(print, Sender::from(partner(name)), exchange);
        }
    }
    known
}

fn words(range: std::ops::Range<usize>) -> String {
    range.map(|n| format!("word{n}x")).collect::<Vec<_>>().join(" ")
}

fn found(text: &[&str], known: &Index) -> Option<(bool, usize, String)> {
    let found = printed(text).matches(known, &partner("receiver"));
    found.into_values().next().map(|f| (f.whole, f.words, f.place))
}

#[test]
fn finds_a_whole_paragraph_in_other_case_spacing_and_punctuation_and_no_other() {
    let known = sent(&[("one", &printed(&["The harbour master counted 17 gulls, two seals and a dog."]))]);
    for text in [
        "The harbour master counted 17 gulls, two seals and a dog.",
        "THE HARBOUR-MASTER COUNTED 17 GULLS; TWO SEALS AND A DOG!",
        "the har bour master counted l7 gulls two seals and a dog",
    ] {
        assert_eq!(found(&[text], &known).map(|f| f.0), Some(true), "{text}");
    }
    assert_eq!(found(&["A harbour clerk counted 16 gulls, one seal and no dog."], &known), None);
}

#[test]
fn says_how_long_a_run_is_and_where_it_begins_and_says_nothing_of_a_shorter_one() {
    let known = sent(&[("one", &printed(&[&words(0..60)]))]);
    let holding = |from, to| format!("ours and {} ours again", words(from..to));
    assert_eq!(found(&["ours", &holding(10, 34)], &known), Some((false, 24, "paragraph 2".into())));
    assert_eq!(found(&[&holding(10, 18)], &known), Some((false, 8, "paragraph 1".into())));
    assert_eq!(found(&[&holding(10, 17)], &known), None);
}

#[test]
fn a_run_is_found_however_it_is_cut_into_paragraphs() {
    let known = sent(&[("one", &printed(&[&words(0..40)]))]);
    let short: Vec<String> = (0..40).step_by(5).map(|n| words(n..n + 5)).collect();
    let short: Vec<&str> = short.iter().map(String::as_str).collect();
    assert_eq!(found(&short, &known), Some((false, 40, "paragraph 1".into())));
}

#[test]
fn a_run_is_one_although_the_partner_sent_its_halves_by_two_exchanges() {
    let (first, second) = (printed(&[&words(0..20)]), printed(&[&words(0..40)]));
    let known = sent(&[("one", &first), ("one", &second)]);
    assert_eq!(found(&[&format!("a b {}", words(0..40))], &known).map(|f| f.1), Some(40));
}

#[test]
fn what_one_sent_that_was_removed_since_is_news_to_whoever_has_its_name_now() {
    let text = words(0..40);
    let (sent, exchange) = (printed(&[&text]), ExchangeId::new(NOW, [0; 10]));
    for (former, news) in [(false, 0), (true, 1)] {
        let mut known = Index::default();
        let sender = Sender { partner: partner("receiver"), former };
        sent.to_set().into_iter().for_each(|print| known.add(print, sender.clone(), exchange));
        assert_eq!(printed(&[&text]).matches(&known, &partner("receiver")).len(), news);
    }
}

#[test]
fn what_the_receiver_sent_too_is_no_news_to_it() {
    let text = words(0..40);
    let known = sent(&[("one", &printed(&[&text])), ("receiver", &printed(&[&text]))]);
    assert_eq!(found(&[&text], &known), None);
    let other = printed(&[&text]).matches(&known, &partner("other"));
    assert_eq!(other.keys().map(|sender| sender.partner.as_str()).collect::<Vec<_>>(), ["one", "receiver"]);
}

#[test]
fn prints_of_one_node_mean_nothing_at_another() {
    let mut theirs = Fingerprints::default();
    theirs.add(
        &FingerprintKey::derived_from(b"OTHER"),
        &mut 0,
        [Passage::substantive("paragraph 1".to_owned(), &words(0..40))],
    );
    assert!(printed(&[&words(0..40)]).to_set().is_disjoint(&theirs.to_set()));
    assert!(!format!("{:?}", key()).contains("EXERCISE"));
}

#[test]
fn a_very_long_text_keeps_fewer_prints_and_still_shows_every_long_run() {
    let long = words(0..RUNS_MAX + 20_000);
    let theirs = printed(&[&long]);
    assert!(theirs.to_set().len() < RUNS_MAX / 2, "{}", theirs.to_set().len());
    let known = sent(&[("one", &theirs)]);
    for from in (RUNS_MAX..RUNS_MAX + 19_000).step_by(997) {
        let run = found(&[&format!("ours {} ours", words(from..from + LONG_WORDS))], &known);
        assert!(run.is_some_and(|run| run.1 >= LONG_WORDS), "words from {from} on were not found as a long run");
    }
}

#[test]
fn a_text_without_spaces_is_known_again_by_its_characters() {
    let theirs: String = (0x4e11..0x4e11 + 60).filter_map(char::from_u32).collect();
    let part = |from, to| theirs.chars().skip(from).take(to - from).collect::<String>();
    let known = sent(&[("one", &printed(&[&theirs]))]);
    assert_eq!(found(&[&theirs], &known).map(|f| f.0), Some(true));
    assert_eq!(
        found(&[&format!("EXERCISE\u{3001}{}\u{3002}", part(10, 35))], &known),
        Some((false, 25, "paragraph 1".into()))
    );
    assert_eq!(found(&[&format!("EXERCISE{}", part(10, 18))], &known), Some((false, 8, "paragraph 1".into())));
    assert_eq!(found(&[&part(10, 17)], &known), None);
}

#[test]
fn a_short_paragraph_of_long_words_is_whole_and_a_short_line_of_the_head_is_not() {
    let text = "Counterintelligence headquarters reorganised everything";
    let known = sent(&[("one", &printed(&[text]))]);
    assert_eq!(found(&[text], &known).map(|f| (f.0, f.1)), Some((true, 4)));
    assert_eq!(found(&["Counterintelligence headquarters reorganised nothing"], &known), None);
    let head = |text| {
        let mut printed = Fingerprints::default();
        printed.add(&key(), &mut 0, [Passage { name: "contact".into(), text, substantive: false }]);
        printed
    };
    assert!(head(text).to_set().is_empty());
    let long = "EXERCISE one two three four five six seven";
    assert!(!head(long).to_set().is_empty() && head(&long[..long.len() - 6]).to_set().is_empty());
}

#[test]
fn notes_and_signs_hide_no_run_whichever_side_has_them() {
    let plain = words(0..40);
    let every_seventh = |glue: &str| {
        let mark = |(n, word): (usize, &str)| format!("{word}{}", if n % 7 == 6 { glue } else { "" });
        plain.split(' ').enumerate().map(mark).collect::<Vec<_>>().join(" ")
    };
    for glue in ["\u{b9}", "\u{b2}", "\u{aa}", "\u{bd}", "\u{ae}", "\u{2122}", "!", "$", "@", "\u{20ac}"] {
        let noted = every_seventh(glue);
        for (theirs, ours) in [(&plain, &noted), (&noted, &plain)] {
            let known = sent(&[("one", &printed(&[theirs]))]);
            assert_eq!(found(&[ours], &known).map(|f| (f.0, f.1)), Some((true, 40)), "{glue}");
        }
    }
    let known = sent(&[("one", &printed(&[&plain]))]);
    assert_eq!(found(&[&plain.replace('o', "\u{1d0f}").replace("wo", "w\u{254}")], &known).map(|f| f.1), Some(40));
    assert_eq!(found(&[&every_seventh("x")], &known), None);
}

#[test]
fn a_table_with_one_row_more_is_known_again() {
    let rows: String = (0..12).map(|n| format!("EXERCISE port {n},gulls{n},{n}\n")).collect();
    let table = |more: &str| format!("place,bird,count\n{more}{rows}");
    let known = sent(&[("one", &printed(&[&table("")]))]);
    assert!(found(&[&table("EXERCISE quay,seals,2\n")], &known).is_some_and(|f| f.1 >= LONG_WORDS));
    assert_eq!(found(&["place,bird,count\nEXERCISE quay,seals,2\n"], &known), None);
}

#[test]
fn a_text_that_is_no_cut_has_its_paragraphs_without_their_marks_and_the_files_it_names() {
    let (paragraph, file) = (words(0..9), Digest::of(b"EXERCISE"));
    let text = format!("NO CUT\nTitle: (U) {}\n\n(S//REL TO USA)\n{paragraph}\n\nATTACHMENT {file} x\n", words(20..29));
    let known = sent(&[("one", &Fingerprints::of_text(&text, &key()))]);
    assert_eq!(found(&[&paragraph], &known).map(|f| f.0), Some(true));
    assert_eq!(found(&[&words(20..29)], &known).map(|f| f.0), Some(true));
    assert_eq!(found(&[&words(0..8)], &known).map(|f| (f.0, f.1)), Some((false, 8)));
    assert_eq!(found(&[&words(30..45)], &known), None);
    assert!(
        Fingerprints::of_text(&text, &key()).to_set().contains(&key().fingerprint("bytes", [&file.as_bytes()[..]]))
    );
}
