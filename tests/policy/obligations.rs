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
fn an_exclusion_that_is_kept_in_name_only_breaks_a_statement() {
    // `relido-alone` only explains what another rule refuses too; that no other is spare is for `portcullis-prove --spare`.
    for rule in
        ["noforn", "display-only", "covert-action", "raw-fisa", "nato-owner-consent", "network", "senior-for-fisa"]
    {
        let hollow = format!(
            "@id(\"{rule}\") @about(\"local\") @sentence(\"EXERCISE\") \
             forbid (principal, action, resource) when {{ resource.bytes == -7 }};"
        );
        let found = unmet(&rules(&[rule.to_owned()].into(), &hollow));
        assert!(!found.is_empty(), "`{rule}` can be hollowed out");
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
