//! What sender and receiver may conclude, against a network, a partner and a writer of the database that are all hostile,
//! from seeds; and proof that a run finds each check that does not hold.

use crate::sim::enemy::Weakness;
use crate::sim::model::{HAD_ALL, Property, run};

/// Seeds of an ordinary run, and within how many each planted weakness must be found.
const SEEDS: u64 = 24;

#[test]
fn delivered_was_opened_received_was_released_and_no_key_goes_before_its_gate_whoever_is_hostile() {
    let (mut delivered, mut received, mut opened_there, mut repelled, mut altered) = (0, 0, 0, 0, 0);
    for seed in 0..SEEDS {
        let outcome = run(seed, None);
        assert!(outcome.violations.is_empty(), "seed {seed}: {:#?}", outcome.violations);
        delivered += outcome.delivered;
        received += outcome.received;
        opened_there += outcome.opened_there;
        repelled += outcome.repelled;
        altered += outcome.altered;
    }
    let all = [delivered, received, opened_there, repelled, altered];
    assert!(all.iter().all(|count| *count > 0), "the runs try nothing: {all:?}");
}

#[test]
fn every_planted_weakness_is_found_by_the_property_that_it_breaks() {
    let mut missed = Vec::new();
    for (weakness, property) in Weakness::ALL {
        let found: Option<(u64, Property, String)> = (0..SEEDS).find_map(|seed| {
            let violations = run(seed, Some(*weakness)).violations;
            violations.into_iter().next().map(|(property, what)| (seed, property, what))
        });
        match found {
            Some((seed, by, what)) if by == *property => println!("{weakness:?}: seed {seed}: {what}"),
            other => missed.push(format!("{weakness:?}: {other:?}")),
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// What a recipient could have opened is not what it opened: the proof is of the second.
#[test]
fn a_partner_that_has_ciphertext_and_key_and_signs_without_opening_is_found_where_the_proof_is_ignored() {
    let mut violations = (0..SEEDS).flat_map(|seed| run(seed, Some(Weakness::ProofIgnored)).violations);
    let found =
        violations.find(|(property, what)| *property == Property::DeliveredWasOpened && what.ends_with(HAD_ALL));
    assert!(found.is_some(), "no run has a partner that signs for what it could open and did not");
}
