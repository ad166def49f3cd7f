//! What must hold of rules before they are in force: the same planted mistakes that the prover refutes are found over the
//! finite facts, and no rule that forbids can be left out unnoticed.

use std::collections::BTreeSet;
use std::path::Path;

use cedar_policy::PolicySet;
use portcullis::policy::{Policies, PolicyFault, obligations};

/// The shipped rules with some left out and others put in, as text.
fn rules(without: &BTreeSet<String>, with: &str) -> String {
    let shipped: PolicySet = Policies::SHIPPED_RULES.parse().unwrap();
    let kept = shipped.policies().filter(|policy| !without.contains(policy.annotation("id").unwrap()));
    kept.map(|policy| format!("{policy}\n")).collect::<String>() + with
}

fn ids(text: &str) -> BTreeSet<String> {
    let set: PolicySet = text.parse().unwrap();
    set.policies().map(|policy| policy.annotation("id").unwrap().to_owned()).collect()
}

fn unmet(rules: &str) -> Vec<String> {
    let policies = Policies::load(Policies::SHIPPED_SCHEMA, rules).unwrap();
    obligations::unmet_proofs(&policies).unwrap().into_iter().map(|unmet| unmet.obligation).collect()
}

#[test]
fn every_planted_mistake_is_found_by_the_statement_that_it_breaks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/policy/planted");
    let mut planted = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let expected = text.lines().find_map(|line| line.strip_prefix("// expect: ")).unwrap();
        let found = unmet(&rules(&ids(&text), &text));
        assert!(found.iter().any(|obligation| obligation == expected), "expected `{expected}`, found {found:?}");
        planted += 1;
    }
    assert!(planted >= 16);
    assert_eq!(unmet(&rules(&BTreeSet::new(), "")), [""; 0]);
}

#[test]
fn a_rule_that_forbids_is_not_left_out_unnoticed_or_kept_in_name_only() {
    // This one only explains what another refuses too.
    let only_explains = "relido-alone";
    for rule in Policies::shipped().unwrap().rules().filter(|rule| !rule.permits) {
        let left_out = Policies::load(Policies::SHIPPED_SCHEMA, &rules(&[rule.id.clone()].into(), ""));
        let hollow = format!(
            "@id(\"{}\") @about(\"local\") @sentence(\"EXERCISE\") \
             forbid (principal, action, resource) when {{ resource.bytes == -7 }};",
            rule.id
        );
        let hollow = Policies::load(Policies::SHIPPED_SCHEMA, &rules(&[rule.id.clone()].into(), &hollow));
        let proofs = |policies: &Policies| obligations::unmet_proofs(policies).unwrap();
        match &left_out {
            Err(PolicyFault::Missing(missing)) => assert_eq!(*missing, rule.id),
            Err(other) => panic!("{}: {other}", rule.id),
            Ok(policies) => assert!(!proofs(policies).is_empty(), "`{}` can be left out", rule.id),
        }
        let found = proofs(&hollow.unwrap());
        assert!(!found.is_empty() || rule.id == only_explains, "`{}` can be hollowed out", rule.id);
    }
}

#[test]
fn sixteen_rules_dropped_are_named() {
    let part_four = [
        "noforn",
        "display-only",
        "relido-alone",
        "atomic-energy",
        "nuclear-controlled",
        "transclassified-nuclear",
        "fisa",
        "raw-fisa",
        "nodis-exdis",
        "covert-action",
        "military-information",
        "senior-for-top-secret",
        "senior-for-compartments",
        "senior-for-relido",
        "senior-for-atomic-energy",
        "senior-for-shared-words",
    ];
    for dropped in part_four {
        let loaded = Policies::load(Policies::SHIPPED_SCHEMA, &rules(&[dropped.to_owned()].into(), ""));
        assert!(matches!(loaded, Err(PolicyFault::Missing(missing)) if missing == dropped), "{dropped}");
    }
    assert!(Policies::load(Policies::SHIPPED_SCHEMA, &rules(&BTreeSet::new(), "")).is_ok());
}
