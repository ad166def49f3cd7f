//! The pipeline's own rules: every filter, in order, and no filter's failure is consent.

use super::*;
use crate::inspect::{Hidden, SHARED_WORDS};
use crate::marking::PartnerRights;
use crate::product::{Bounds, NoContents, Product};
use crate::rebuild::Limits;

const SAMPLE: &[u8] = include_bytes!("../../../samples/EXERCISE-small.txt");

struct PassAll(FilterName);

impl Filter for PassAll {
    fn name(&self) -> FilterName {
        self.0
    }

    fn examine(&self, _: &Subject<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

struct Panics(FilterName);

impl Filter for Panics {
    fn name(&self) -> FilterName {
        self.0
    }

    fn examine(&self, _: &Subject<'_>) -> Vec<Finding> {
        panic!("a filter fails")
    }
}

fn cut() -> (Product, Cut) {
    let (bounds, register) = (Bounds::default(), Register::compiled_in());
    let product = Product::read(SAMPLE, &bounds, register).unwrap();
    let cut = crate::cut::cut_for(&product, &link(), &crate::cut::Terms::default(), 0, &bounds, register).unwrap();
    (product, cut)
}

fn link() -> PartnerRights {
    PartnerRights::new("GBR", crate::marking::PartnerKind::Country, crate::marking::Level::Secret, [])
}

fn run_these(filters: &[&dyn Filter]) -> Result<Inspected, Refused> {
    let ((_, cut), settings, compared) = (cut(), Settings::default(), Comparison::default());
    let subject = Subject {
        cut: &cut,
        contents: &NoContents,
        source: None,
        register: Register::compiled_in(),
        settings: &settings,
        texts: &[],
        compared: &compared,
        folds: &FoldCache::with_budget(1000),
    };
    run(filters, FilterName::INBOUND, &subject)
}

fn pass_all() -> [PassAll; 6] {
    std::array::from_fn(|n| PassAll(FilterName::INBOUND[n]))
}

#[test]
fn passes_when_every_filter_in_its_order_passes() {
    let [a, b, c, d, e, f] = pass_all();
    let inspected = run_these(&[&a, &b, &c, &d, &e, &f]).unwrap();
    assert_eq!(inspected.attestations().iter().map(Attestation::filter).collect::<Vec<_>>(), FilterName::INBOUND);
}

#[test]
fn refuses_when_a_filter_is_missing_repeated_or_out_of_order() {
    let [a, b, c, d, e, f] = pass_all();
    for filters in [
        &[&a as &dyn Filter, &b, &c, &d, &e][..],
        &[&b, &a, &c, &d, &e, &f],
        &[&a, &a, &c, &d, &e, &f],
        &[&a, &b, &c, &d, &e, &f, &f],
        &[],
    ] {
        let refused = run_these(filters).unwrap_err();
        assert!(refused.findings.iter().all(|f| f.code == "inspect.failed"));
    }
}

#[test]
fn refuses_when_a_filter_panics_and_attests_nothing_after_it() {
    let [a, _, c, d, e, f] = pass_all();
    let refused = run_these(&[&a, &Panics(FilterName::Words), &c, &d, &e, &f]).unwrap_err();
    assert_eq!(refused.findings.len(), 1);
    assert_eq!(refused.findings[0].code, "inspect.failed");
    assert_eq!(refused.attestations.len(), 1, "only the filter before it attested");
}

#[test]
fn other_settings_give_other_attestations() {
    let (product, cut) = cut();
    let source = Source { product: &product, tearline: 1, register: Register::compiled_in(), link: &link() };
    let plain = Settings::default();
    let listed = Settings {
        words: vec!["PORTCULLIS WORDS 1\nName: exercise\nMarking: SECRET//NOFORN\nheron seven\n".parse().unwrap()],
        ..Settings::default()
    };
    let (a, b) =
        (outbound(&cut, source, &NoContents, &plain).unwrap(), outbound(&cut, source, &NoContents, &listed).unwrap());
    assert_ne!(a.settings(), b.settings());
    assert!(a.attestations().iter().zip(b.attestations()).all(|(x, y)| x.digest() != y.digest()));
}

#[test]
fn settings_that_differ_in_anything_that_decides_have_another_digest() {
    let plain = Settings::default().digest();
    let list = |word: &str| format!("PORTCULLIS WORDS 1\nName: exercise\nMarking: SECRET//NOFORN\n{word}\n");
    let with = |word: &str| Settings { words: vec![list(word).parse().unwrap()], ..Settings::default() };
    let others = [
        with("heron seven"),
        with("heron eight"),
        Settings { bounds: Bounds { title_chars_max: 7, ..Bounds::default() }, ..Settings::default() },
        Settings { hidden: Hidden::Strip, ..Settings::default() },
        Settings { shared_words: SHARED_WORDS + 1, ..Settings::default() },
        Settings { limits: Limits { bytes_max: 7, ..Limits::default() }, ..Settings::default() },
        Settings { filter: Some(Digest::of(b"EXERCISE")), ..Settings::default() },
    ];
    let digests: std::collections::BTreeSet<Digest> = others.iter().map(Settings::digest).chain([plain]).collect();
    assert_eq!(digests.len(), others.len() + 1);
    // The neighbour: whose turn it is decides on no file.
    assert_eq!(Settings::default().for_party("exercise-gbr").digest(), plain);
}
