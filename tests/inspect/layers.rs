//! Replaces each filter in turn with one that passes everything: what only that filter had stopped is exactly what
//! `docs/INSPECTION.md` lists as having a single defence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::support::{self, outward, prepare, product_text, read, settings, settings_for};
use crate::vectors::{self, Vector};
use portcullis::inspect::FilterName;

/// Returns everything that stops the vector by itself: reading, preparation for the cut, and each filter.
fn layers(vector: &Vector) -> BTreeSet<&'static str> {
    let settings = settings_for(vector);
    let Ok(product) = read(&product_text(vector)) else { return BTreeSet::from(["reading"]) };
    let mut layers: BTreeSet<_> = support::findings(&product, &settings).into_iter().map(FilterName::as_str).collect();
    // Rebuilding removes the fault, or makes it visible to the filters after it.
    if prepare(&product, &settings).map_or(true, |anew| anew.product != product) {
        layers.insert("rewriting");
    }
    layers
}

fn kind(vector: &Vector) -> String {
    vector.name.split('_').next().unwrap_or_default().to_owned()
}

fn hostile() -> Vec<Vector> {
    let mut all = vectors::read_all("inspect");
    all.retain(|v| !v.expected().is_empty() && !v.name.starts_with("sound"));
    all
}

#[test]
fn what_one_filter_alone_stops_is_exactly_what_the_table_says() {
    let mut kinds: BTreeMap<String, Vec<(String, BTreeSet<&'static str>)>> = BTreeMap::new();
    for vector in hostile() {
        let layers = layers(&vector);
        assert!(!layers.is_empty(), "{} is stopped by nothing", vector.name);
        kinds.entry(kind(&vector)).or_default().push((vector.name.clone(), layers));
    }
    let mut table = String::from("| kind | inputs | stopped by, of them | by one alone |\n|---|---|---|---|\n");
    for (kind, inputs) in &kinds {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut alone: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, layers) in inputs {
            layers.iter().for_each(|layer| *counts.entry(layer).or_default() += 1);
            if let (1, Some(layer)) = (layers.len(), layers.first()) {
                *alone.entry(layer).or_default() += 1;
            }
        }
        let list = |counts: &BTreeMap<&str, usize>| {
            let all: Vec<String> = counts.iter().map(|(layer, count)| format!("{layer} {count}")).collect();
            if all.is_empty() { "none".to_owned() } else { all.join(", ") }
        };
        writeln!(table, "| `{kind}` | {} | {} | {} |", inputs.len(), list(&counts), list(&alone)).unwrap();
    }
    let page = include_str!("../../docs/INSPECTION.md");
    assert!(page.contains(&table), "docs/INSPECTION.md must hold this table:\n\n{table}");
}

#[test]
fn nothing_passes_when_any_one_filter_says_yes_but_what_is_said_to_have_one_defence() {
    for vector in hostile() {
        let settings = settings_for(&vector);
        let Ok(product) = read(&product_text(&vector)) else { continue };
        let layers = layers(&vector);
        for &name in FilterName::OUTBOUND {
            let passes = outward(&product, Some(name), &settings).is_empty();
            let alone = layers.iter().all(|l| *l == name.as_str() || *l == "rewriting");
            assert_eq!(passes, alone, "{} without {name}", vector.name);
        }
    }
}

/// While a filter is replaced, the result is never a proof of inspection.
#[test]
fn no_proof_is_made_while_a_filter_is_left_out() {
    let sound = vectors::read_all("inspect").into_iter().find(|v| v.name == "sound").unwrap();
    let product = read(&product_text(&sound)).unwrap();
    assert!(support::inspect_all(&product, None, &settings()).is_ok());
    for &name in FilterName::OUTBOUND {
        assert!(support::inspect_all(&product, Some(name), &settings()).is_err(), "{name}");
    }
}
