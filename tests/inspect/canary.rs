//! The canary refuses a cut that contains anything of its source but the selected tearline, whatever the cause.

use std::collections::BTreeSet;

use portcullis::cut::{Cut, Terms, cut_for};
use portcullis::inspect::{self, Settings, Source};
use portcullis::marking::{Level, PartnerKind, PartnerRights, Register};
use portcullis::product::{Bounds, NoContents, Product};

const HYPHENS: &str = "------------------------";

/// Returns the source: the upper tearline has a long sentence, a short title and a protected name.
fn source(below: &str) -> Product {
    read(&format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-2026-0009\nTitle: (S//NF) Night ferry\nOriginator: EXERCISE Group\nDate: 2026-11-20\n\
         Kind: report\nProtected: GREY STORK\n\nSECRET//NOFORN\n\n\
         (S//NF) The third engineer of the night ferry counts the crates and tells us every week.\n\n\
         (S//NF) GREY STORK is paid in stamps.\n\n{HYPHENS}\n\n{below}"
    ))
}

/// Returns a product of one tearline, as a faulty assembler might create it.
fn alone(title: &str, paragraphs: &[&str]) -> Product {
    let body: String = paragraphs.iter().map(|p| format!("\n(S//REL) {p}\n")).collect();
    read(&format!(
        "PORTCULLIS PRODUCT 1\nId: X-1\nTitle: (S//REL) {title}\nOriginator: EXERCISE Group\nDate: 2026-11-20\nKind: report\n\n\
         SECRET//REL TO USA, GBR\n{body}"
    ))
}

const BELOW: &str = "SECRET//REL TO USA, GBR\nTitle: (S//REL) EXERCISE: a ferry\n\n(S//REL) EXERCISE. Crates arrive at the harbour by ferry.\n";

fn read(text: &str) -> Product {
    Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in()).unwrap_or_else(|f| panic!("{f:#?}"))
}

fn gbr() -> PartnerRights {
    PartnerRights::new("GBR", PartnerKind::Country, Level::Secret, [])
}

fn cut(product: &Product) -> Cut {
    cut_for(product, &gbr(), &Terms::default(), 0, &Bounds::default(), Register::compiled_in()).unwrap()
}

fn codes(cut: &Cut, product: &Product, tearline: usize) -> BTreeSet<&'static str> {
    let source = Source { product, tearline, register: Register::compiled_in(), link: &gbr() };
    let inspected = inspect::outbound(cut, source, &NoContents, &Settings::default());
    inspected.err().map_or_else(BTreeSet::new, |r| r.findings.iter().map(|f| f.code).collect())
}

#[test]
fn passes_the_cut_that_was_assembled_from_its_tearline() {
    let product = source(BELOW);
    assert_eq!(codes(&cut(&product), &product, 1), BTreeSet::new());
}

#[test]
fn refuses_a_run_of_words_from_above_the_line() {
    let product = source(BELOW);
    let leak = "EXERCISE. the third ENGINEER of the night-ferry counts\nthe crates.";
    let codes = codes(&cut(&alone("EXERCISE: a ferry", &[leak])), &product, 1);
    assert!(codes.contains("canary.run") && codes.contains("canary.stranger"), "{codes:?}");
}

#[test]
fn eight_words_in_a_row_from_above_the_line_are_a_run_and_seven_are_none() {
    let product = source(BELOW);
    let found = |leak: &str| codes(&cut(&alone("EXERCISE: a ferry", &[leak])), &product, 1);
    for leak in [
        // The first eight words of a paragraph, the last eight, and eight in its middle, alone and within other words.
        "The third engineer of the night ferry counts",
        "EXERCISE. The third engineer of the night ferry counts boxes.",
        "EXERCISE: counts the crates and tells us every week.",
        "EXERCISE: of the night ferry counts the crates and nobody knows.",
    ] {
        assert!(found(leak).contains("canary.run"), "{leak}: {:?}", found(leak));
    }
    for leak in
        ["EXERCISE. The third engineer of the night ferry paints.", "EXERCISE: the crates and tells us every week."]
    {
        assert!(!found(leak).contains("canary.run"), "{leak}: {:?}", found(leak));
    }
}

#[test]
fn refuses_a_title_from_above_the_line() {
    let product = source(BELOW);
    let below = "EXERCISE. Crates arrive at the harbour by ferry.";
    let codes = codes(&cut(&alone("Night ferry", &[below])), &product, 1);
    assert!(codes.contains("canary.item") && codes.contains("canary.stranger"), "{codes:?}");
}

#[test]
fn refuses_a_protected_name_and_the_products_own_number() {
    let product = source(BELOW);
    for leak in ["EXERCISE. By grey\nstork.", "EXERCISE. See exercise 2026 0009."] {
        let codes = codes(&cut(&alone("EXERCISE: a ferry", &[leak])), &product, 1);
        assert!(codes.contains("canary.protected"), "{leak}: {codes:?}");
    }
}

#[test]
fn refuses_a_word_that_is_in_no_part_of_the_tearline() {
    let product = source(BELOW);
    let below = "EXERCISE. Crates arrive at the harbour by ferry.";
    assert_eq!(codes(&cut(&alone("EXERCISE: a ferry", &[below])), &product, 1), BTreeSet::new());
    assert_eq!(
        codes(&cut(&alone("EXERCISE: a ferry", &[below, "EXERCISE. Stamps."])), &product, 1),
        BTreeSet::from(["canary.stranger"])
    );
}

#[test]
fn refuses_a_cut_of_one_tearline_claimed_to_be_of_another() {
    let product = source(BELOW);
    let cut = cut(&product);
    assert!(codes(&cut, &product, 0).contains("canary.stranger"));
    assert!(codes(&cut, &product, 7).contains("canary.source"));
}
