//! The shipped policy decides every shipped case as the case says, and every rule is shown by a case.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use portcullis::policy::{Membership, Policies, cases};

fn outcomes() -> Vec<(String, cases::Outcome)> {
    let (policies, membership) = (Policies::shipped().unwrap(), Membership::shipped().unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy/cases");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let outcomes = cases::run(&text, &policies, &membership).unwrap_or_else(|e| panic!("{name}: {e}"));
        all.extend(outcomes.into_iter().map(|o| (name.clone(), o)));
    }
    all
}

#[test]
fn every_case_is_decided_as_it_says() {
    let faults: Vec<String> = outcomes()
        .into_iter()
        .filter_map(|(file, o)| o.fault.map(|fault| format!("{file}: {}: {fault}", o.name)))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_rule_decides_a_case_and_every_refusal_has_a_neighbouring_permit() {
    let outcomes = outcomes();
    assert!(outcomes.len() >= 60);
    let decided: BTreeSet<&str> = outcomes.iter().flat_map(|(_, o)| o.rules.iter().map(String::as_str)).collect();
    for rule in Policies::shipped().unwrap().rules() {
        assert!(decided.contains(rule.id.as_str()), "no case shows the rule `{}`", rule.id);
    }
    let mut permits: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, outcome) in &outcomes {
        *permits.entry(file).or_default() += usize::from(outcome.permit);
    }
    assert!(permits.values().all(|n| *n > 0), "a file of cases without a permit: {permits:?}");
}

#[test]
fn a_forbidding_rule_refuses_alone_in_some_case() {
    // Otherwise deleting it would change no decision that the cases show. Those that cannot act alone only explain.
    let explains = ["relido-alone", "display-only", "own-country"];
    let alone: BTreeSet<String> =
        outcomes().into_iter().filter(|(_, o)| o.rules.len() == 1).flat_map(|(_, o)| o.rules).collect();
    for rule in Policies::shipped().unwrap().rules().filter(|r| !explains.contains(&r.id.as_str())) {
        assert!(alone.contains(&rule.id), "no case in which `{}` alone decides", rule.id);
    }
}

/// A case as it is asked, with everything that the base gives it.
struct Asked {
    name: String,
    permits: bool,
    rules: BTreeSet<String>,
    facts: toml::Table,
}

fn asked(text: &str) -> Vec<Asked> {
    let file: toml::Table = text.parse().unwrap();
    let cases = file["case"].as_array().unwrap().iter().map(|case| {
        let mut facts = file["base"].as_table().unwrap().clone();
        facts.extend(case.as_table().unwrap().clone());
        let mut take = |key: &str| facts.remove(key).unwrap();
        let (name, expect, rules) = (take("name"), take("expect"), take("rules"));
        let rules = rules.as_array().unwrap().iter().map(|r| r.as_str().unwrap().to_owned()).collect();
        Asked { name: name.as_str().unwrap().into(), permits: expect.as_str() == Some("permit"), rules, facts }
    });
    cases.collect()
}

/// The facts in which two cases differ.
fn differing<'a>(one: &'a Asked, other: &'a Asked) -> BTreeSet<&'a str> {
    let keys = one.facts.keys().chain(other.facts.keys());
    keys.filter(|key| one.facts.get(*key) != other.facts.get(*key)).map(String::as_str).collect()
}

#[test]
fn every_rule_decides_a_refusal_and_the_permit_beside_it_differs_in_one_fact() {
    // A kind must be agreed as well as stated, and banner and portions carry one mark between them.
    let in_two_facts = ["covert-action", "military-information", "display-only"];
    // These say more about what another rule refuses too: beside a permit that close, they never decide alone.
    let explain = ["noforn", "relido-alone", "display-only"];
    let files: Vec<Vec<Asked>> = cases::SHIPPED.iter().map(|(_, text)| asked(text)).collect();
    for rule in Policies::shipped().unwrap().rules() {
        let facts_max = if in_two_facts.contains(&&*rule.id) { 2 } else { 1 };
        let beside = files.iter().find_map(|cases| {
            let decides = |case: &&Asked| case.rules.contains(&rule.id);
            let refusals = cases.iter().filter(|case| {
                let alone = explain.contains(&&*rule.id) || case.rules.len() == 1;
                !case.permits && (rule.permits || (decides(case) && alone))
            });
            let permits = || cases.iter().filter(|case| case.permits && (!rule.permits || decides(case)));
            let mut pairs = refusals.flat_map(|refusal| permits().map(move |permit| (refusal, permit)));
            pairs.find(|(refusal, permit)| (1..=facts_max).contains(&differing(refusal, permit).len()))
        });
        let (refusal, permit) =
            beside.unwrap_or_else(|| panic!("no permit stands beside a refusal that shows the rule `{}`", rule.id));
        assert!(!refusal.name.is_empty() && !permit.name.is_empty());
    }
}
