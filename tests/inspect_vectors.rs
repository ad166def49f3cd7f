//! Every inspection vector is stopped where its head says, by exactly the filters its head says, on the way out and
//! on the way in.

#[path = "support/vectors.rs"]
mod vectors;

use std::collections::BTreeSet;

use portcullis::cut::{Cut, NotACut, Terms, cut_for};
use portcullis::inspect::{self, Inspected, Refused, Settings, Source};
use portcullis::marking::{Level, LinkRights, PartnerKind, Register};
use portcullis::product::{Bounds, NoContents, Product};

const WORDS: &str = include_str!("vectors/inspect/words.list");

fn codes(inspected: Result<Inspected, Refused>) -> BTreeSet<String> {
    inspected.err().map_or_else(BTreeSet::new, |r| r.findings.iter().map(|f| f.code.to_owned()).collect())
}

fn found(body: &[u8], settings: &Settings) -> BTreeSet<String> {
    let (bounds, register) = (Bounds::default(), Register::compiled_in());
    let product = match Product::read(body, &bounds, register) {
        Ok(product) => product,
        Err(faults) => return faults.iter().map(|f| format!("read:{}", f.code)).collect(),
    };
    let gbr = LinkRights::new("GBR", PartnerKind::Country, Level::Secret, []);
    // Every type is in the agreement, so that inspection alone stands between it and the partner.
    let attachments = product.tearlines().iter().flat_map(|t| t.attachments()).map(|a| a.media_type().to_owned());
    let terms = Terms { attachments: attachments.collect() };
    let cut = cut_for(&product, &gbr, &terms, 0, &bounds, register).unwrap();
    let source = Source { product: &product, tearline: cut.tearline_index().unwrap(), register };
    let outbound = codes(inspect::outbound(&cut, source, &NoContents, settings));
    assert_eq!(codes(inspect::inbound(&cut, &NoContents, settings)), outbound, "the same filters work inward");
    outbound
}

#[test]
fn every_vector_is_stopped_where_it_says() {
    let settings = Settings { words: vec![WORDS.parse().unwrap()], ..Settings::default() };
    let all = vectors::read_all("inspect");
    let hostile = all.iter().filter(|v| !v.expected().is_empty()).count();
    assert!(hostile >= 120, "only {hostile} hostile inputs");
    let mut wrong = Vec::new();
    for vector in &all {
        let expected: BTreeSet<String> = vector.expected().into_iter().collect();
        let found = found(&vector.body, &settings);
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}, found {found:?}", vector.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn every_cut_vector_reads_or_is_refused_as_it_says() {
    let mut wrong = Vec::new();
    for vector in vectors::read_all("cut") {
        let found = match Cut::read(&vector.body, &Bounds::default(), Register::compiled_in()) {
            Ok(cut) => {
                assert_eq!(cut.bytes(), vector.body, "{}", vector.name);
                "pass".to_owned()
            }
            Err(NotACut::OtherForm) => "other-form".into(),
            Err(NotACut::Number) => "number".into(),
            Err(NotACut::Faults(faults)) => format!("faults:{}", faults[0].code),
        };
        if found != vector.value("expect") {
            wrong.push(format!("{}: expected {}, found {found}", vector.name, vector.value("expect")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
