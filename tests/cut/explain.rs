//! Cuts as shown to people: the verdict on each tearline, and two cuts side by side.

use portcullis::cut::{self, Cut, Fate, Terms, cut_for, tearline_for};
use portcullis::marking::{Level, PartnerKind, PartnerRights, Register};
use portcullis::product::{Bounds, Product, Style};

const HYPHENS: &str = "------------------------";

/// A product with one paragraph in each tearline, below the given banner.
fn product(tearlines: &[(&str, &str)]) -> Product {
    let tearlines: Vec<String> = tearlines.iter().map(|(banner, text)| format!("{banner}\n\n{text}\n")).collect();
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE Group\nDate: 2026-11-20\nKind: report\n\n{}",
        tearlines.join(&format!("\n{HYPHENS}\n\n"))
    );
    Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in()).unwrap_or_else(|f| panic!("{f:#?}"))
}

fn link(id: &str) -> PartnerRights {
    PartnerRights::new(id, PartnerKind::Country, Level::Secret, [])
}

fn explain(product: &Product, id: &str, terms: &Terms, from: usize) -> cut::Explanation {
    cut::explain(product, &link(id), terms, from, &Bounds::default(), Register::compiled_in())
}

fn cut(product: &Product, id: &str) -> Cut {
    cut_for(product, &link(id), &Terms::default(), 0, &Bounds::default(), Register::compiled_in()).unwrap()
}

const THREE: [(&str, &str); 3] = [
    ("SECRET//NOFORN", "(S//NF) EXERCISE source."),
    ("SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR) EXERCISE for one."),
    ("SECRET//REL TO USA, AUS, GBR", "(S//REL TO USA, AUS, GBR) EXERCISE for two."),
];

#[test]
fn each_tearline_is_told_to_go_to_be_refused_or_not_to_be_asked_for() {
    let fates = |explanation: &cut::Explanation| explanation.tearlines.iter().map(|t| t.fate).collect::<Vec<_>>();
    let gbr = explain(&product(&THREE), "GBR", &Terms::default(), 0);
    assert_eq!(fates(&gbr), [Fate::Refused, Fate::Goes, Fate::NotAsked]);
    let lower = explain(&product(&THREE), "GBR", &Terms::default(), 2);
    assert_eq!(fates(&lower), [Fate::PassedOver, Fate::PassedOver, Fate::Goes]);
    let codes: Vec<&str> = gbr.tearlines[0].reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, ["NOT-RELEASABLE"]);
    assert!(gbr.tearlines[1].reasons.is_empty() && gbr.tearlines[2].reasons.is_empty());
}

#[test]
fn what_the_terms_stop_is_the_tearline_that_would_go_and_no_other() {
    let bounds = Bounds { bytes_max: 10, ..Bounds::default() };
    let register = Register::compiled_in();
    let told = cut::explain(&product(&THREE), &link("GBR"), &Terms::default(), 0, &bounds, register);
    assert!(told.cut.is_err());
    let fates: Vec<Fate> = told.tearlines.iter().map(|t| t.fate).collect();
    assert_eq!(fates, [Fate::Refused, Fate::Refused, Fate::NotAsked]);
    let codes: Vec<Vec<&str>> =
        told.tearlines.iter().map(|t| t.reasons.iter().map(|reason| reason.code.as_str()).collect()).collect();
    assert_eq!(codes, [vec!["NOT-RELEASABLE"], vec!["TERMS"], vec![]]);
}

#[test]
fn which_tearline_a_partner_would_get_follows_from_the_marks() {
    let product = product(&THREE);
    let of = |id: &str, from: usize| tearline_for(&product, &link(id), from, Register::compiled_in());
    assert_eq!([of("GBR", 0), of("GBR", 2), of("AUS", 0), of("DEU", 0)], [Some(1), Some(2), Some(2), None]);
}

#[test]
fn a_cut_has_the_mark_of_everything_beneath_its_banner() {
    let cut = cut(&product(&THREE), "AUS");
    let marks: Vec<String> = cut.marks().iter().map(|mark| mark.portion()).collect();
    assert!(marks.contains(&"(S//REL TO USA, AUS, GBR)".to_owned()), "{marks:?}");
    assert_eq!(marks.len(), cut.marked().count());
}

#[test]
fn colours_tell_what_goes_from_what_does_not() {
    let text = THREE.map(|(banner, text)| format!("{banner}\n\n{text}\n")).join(&format!("\n{HYPHENS}\n\n"));
    let told = explain(&product(&THREE), "GBR", &Terms::default(), 0);
    let shown = cut::show(&told, text.as_bytes(), Style::Colour);
    for (colour, line) in [
        ("1;31", "- tearline 1 (SECRET//NOFORN): not releasable"),
        ("31", "- (S//NF) EXERCISE source."),
        ("1;32", "+ tearline 2 (SECRET//REL TO USA, GBR): would be released"),
        ("32", "+ (S//REL TO USA, GBR) EXERCISE for one."),
        ("2", "  (S//REL TO USA, AUS, GBR) EXERCISE for two."),
    ] {
        assert!(shown.contains(&format!("\u{1b}[{colour}m{line}\u{1b}[0m")), "{line}: {shown:?}");
    }
}

#[test]
fn two_cuts_stand_side_by_side_and_long_lines_are_broken_at_spaces() {
    let long = "(S//REL TO USA, GBR) EXERCISE one two three four five six seven eight nine ten eleven twelve \
                abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz.";
    let of_two = "(S//REL TO USA, AUS, GBR) EXERCISE for two.";
    let product = product(&[("SECRET//REL TO USA, GBR", long), ("SECRET//REL TO USA, AUS, GBR", of_two)]);
    let (gbr, aus) = (cut(&product, "GBR"), cut(&product, "AUS"));
    let shown = cut::side_by_side(("gbr", Some(&gbr)), ("aus", Some(&aus)), 103, Style::Plain);
    // Half of the width that remains without ` | `.
    let column = 50;
    let (left, right): (Vec<&str>, Vec<&str>) = shown
        .lines()
        .map(|line| {
            let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
            (line[..at].trim_end(), line.get(at + 3..).unwrap_or_default())
        })
        .unzip();
    assert_eq!(shown.lines().next().unwrap().chars().nth(column + 1), Some('|'), "{shown}");
    assert!(left[0].starts_with("gbr: SECRET//REL TO USA, GBR") && right[0] == "aus: SECRET//REL TO USA, AUS, GBR");
    assert_eq!((left[1], right[1]), ("-".repeat(column).as_str(), "-".repeat(column).as_str()));
    assert!(shown.lines().all(|line| line.chars().count() <= 103), "{shown}");
    // No words are dropped or joined: each side has the words of its cut, long ones in pieces.
    let words = |side: &[&str]| side[2..].join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = |cut: &Cut| {
        let text = String::from_utf8(cut.bytes().to_vec()).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(words(&right), whole(&aus));
    let pieces = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx yzabcdefghijklmnopqrstuvwxyz.";
    let joined = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz.";
    assert_eq!(words(&left), whole(&gbr).replace(joined, pieces));
    // A line is as full as its column allows.
    let broken: Vec<&&str> =
        left.iter().skip_while(|line| !line.starts_with("(S//REL TO USA, GBR) EXERCISE")).collect();
    assert_eq!(*broken[0], "(S//REL TO USA, GBR) EXERCISE one two three four");
    assert_eq!(*broken[1], "five six seven eight nine ten eleven twelve");
    let nothing = cut::side_by_side(("gbr", Some(&gbr)), ("deu", None), 100, Style::Plain);
    assert!(nothing.lines().next().unwrap().ends_with("deu: nothing"), "{nothing}");
}
