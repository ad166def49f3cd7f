//! Every inspection vector is stopped at the stage and by the filters that its header states, outbound and inbound.

use std::collections::BTreeSet;

use crate::support::{self, inward, outward, prepare, product_text, read, settings_for};
use crate::vectors::{self, Vector};
use portcullis::cut::{Cut, NotACut};
use portcullis::marking::Register;
use portcullis::product::Bounds;

/// Returns the findings for the vector as it is, in a cut.
fn found(vector: &Vector) -> BTreeSet<String> {
    let settings = settings_for(vector);
    let product = match read(&product_text(vector)) {
        Ok(product) => product,
        Err(faults) => return faults,
    };
    let inward = inward(&product, None, &settings);
    let mut outward = outward(&product, None, &settings);
    // Only the canary has no inbound counterpart; it reports what it cannot read as not comparable.
    outward.remove("canary.unread");
    assert_eq!(inward, outward, "{}: the same filters work inward", vector.name);
    inward
}

/// Returns the result of preparing the vector's attachment: the codes by which it is refused, or `rebuilt`.
fn prepared(vector: &Vector) -> String {
    let settings = settings_for(vector);
    let Ok(product) = read(&product_text(vector)) else { return "refused".into() };
    match prepare(&product, &settings) {
        Err(refused) => refused.findings.iter().map(|f| f.code).collect::<Vec<_>>().join(" "),
        Ok(prepared) => {
            let codes = outward(&prepared.product, None, &settings);
            let kept = support::cut(&prepared.product);
            let absent = vector.value("absent");
            let bytes = kept.attachments().iter().filter_map(|a| a.inline());
            for bytes in bytes {
                let there = !absent.is_empty() && bytes.windows(absent.len()).any(|w| w == absent.as_bytes());
                assert!(!there, "{}: `{absent}` is still there", vector.name);
            }
            if codes.is_empty() { "rebuilt".into() } else { codes.into_iter().collect::<Vec<_>>().join(" ") }
        }
    }
}

fn told(codes: &BTreeSet<String>) -> String {
    if codes.is_empty() { "pass".into() } else { codes.iter().cloned().collect::<Vec<_>>().join(" ") }
}

#[test]
fn every_vector_is_stopped_where_it_says() {
    let all = vectors::read_all("inspect");
    let hostile = all.iter().filter(|v| !v.expected().is_empty() && !v.name.starts_with("sound")).count();
    assert!(hostile >= 350, "only {hostile} hostile inputs");
    let mut wrong = Vec::new();
    for vector in &all {
        let found = told(&found(vector));
        if found != told(&vector.expected().into_iter().collect()) {
            wrong.push(format!("{} expect: {found}", vector.name));
        }
        if !vector.value("attachment").is_empty() {
            let prepared = prepared(vector);
            if prepared != vector.value("prepared") {
                wrong.push(format!("{} prepared: {prepared}", vector.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ from what their heads say:\n{}", wrong.len(), wrong.join("\n"));
}

/// Every known kind of hostile input has examples; the kind is the beginning of a vector's name.
#[test]
fn every_kind_of_hostile_input_has_its_examples() {
    let all = vectors::read_all("inspect");
    for (kind, least) in [
        ("bomb", 20),
        ("polyglot", 20),
        ("bidi", 10),
        ("homoglyph", 8),
        ("pdfhidden", 20),
        ("pdf", 60),
        ("pdforder", 10),
        ("exif", 20),
        ("trailing", 12),
        ("archive", 12),
        ("path", 4),
        ("json", 25),
        ("stix", 6),
        ("kind", 30),
        ("stated", 30),
        ("xml", 10),
        ("invisible", 10),
        ("words", 12),
        ("type", 40),
    ] {
        let count = all.iter().filter(|v| v.name.starts_with(kind) && !v.expected().is_empty()).count();
        assert!(count >= least, "{kind}: {count}, and at least {least} are asked for");
    }
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
