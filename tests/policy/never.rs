//! What a forbidding rule's sentence says, what it does, and what `policy/never.cedar` says of it are one thing: on every
//! case, the statements that describe it are those of the rules that refuse it.

use std::collections::{BTreeMap, BTreeSet};

use portcullis::policy::{Membership, Policies, Prohibitions, cases};

/// Each forbidding rule, the statements that say what it keeps from happening, and words that its sentence has.
const RULES: &[(&str, &[&str], &[&str])] = &[
    ("not-understood", &["unread-marking"], &["not recognised"]),
    ("not-releasable-to-partner", &["not-covered", "not-covered-organisation"], &["does not name this partner"]),
    ("own-country", &["own-side"], &["own gateway"]),
    ("above-ceiling", &["above-ceiling"], &["above the ceiling"]),
    ("partner-suspended", &["outside-agreement"], &["suspended"]),
    ("direction", &["outside-agreement"], &["nothing be sent"]),
    ("agreement-not-in-force", &["outside-agreement"], &["not in force today"]),
    ("kind-not-agreed", &["outside-agreement"], &["kind"]),
    ("attachment-not-agreed", &["outside-agreement"], &["type of an attachment"]),
    ("too-large", &["outside-agreement"], &["larger"]),
    ("product-from-the-future", &["outside-its-age"], &["after today"]),
    ("product-too-old", &["outside-its-age"], &["older", "not known"]),
    ("request-expired", &["outside-request"], &["expired"]),
    ("request-incomplete", &["outside-request"], &["does not state"]),
    ("request-too-long", &["longer-than-a-year", "clock-in-doubt"], &["longer than a year"]),
    ("not-inspected", &["not-inspected"], &["filters have not passed"]),
    ("clock-in-doubt", &["clock-in-doubt"], &["clock is in doubt"]),
    ("originator-controlled", &["orcon"], &["ORCON", "no consent of the originator"]),
    ("compartments", &["control-systems"], &["control system"]),
    ("special-access", &["special-access"], &["special access programme"]),
    (
        "foreign-source-consent",
        &["third-party", "concealed-source"],
        &["another government", "concealed", "each of them"],
    ),
    ("received-from-another", &["received"], &["came from another partner", "no consent of that partner"]),
    ("nato", &["nato"], &["NATO"]),
    ("nato-owner-consent", &["nato-owner"], &["NATO owns or gave", "every mark names"]),
    ("network", &["outside-network"], &["network"]),
    ("atomal", &["nato"], &["ATOMAL"]),
    ("imagery", &["dissemination"], &["IMCON"]),
    ("risk-sensitive", &["dissemination"], &["RSEN"]),
    ("proprietary", &["dissemination"], &["PROPIN"]),
    ("law-enforcement", &["dissemination"], &["LES"]),
    ("security-sensitive", &["dissemination"], &["SSI"]),
    ("sensitive-unclassified", &["dissemination"], &["SBU"]),
    ("limited-distribution", &["dissemination"], &["LIMDIS"]),
    ("drug-enforcement", &["dissemination"], &["DEA"]),
    ("dissemination-list", &["dissemination"], &["DL ONLY"]),
    ("no-contractors", &["dissemination"], &["NOCON"]),
    ("attorney-privilege", &["kept-unclassified"], &["Attorney-Client"]),
    ("federal-only", &["kept-unclassified"], &["FED ONLY", "FEDCON"]),
    ("naval-nuclear", &["kept-unclassified"], &["naval nuclear"]),
    ("limited-by-law", &["kept-unclassified"], &["whose law", "no release list lifts"]),
    ("nuclear-controlled", &["dissemination"], &["DOD or DOE UCNI"]),
    ("noforn", &["noforn"], &["NOFORN"]),
    ("display-only", &["display-only"], &["look at"]),
    ("relido-alone", &["relido-uncovered"], &["RELIDO"]),
    ("atomic-energy", &["atomic-energy"], &["Restricted or Formerly Restricted"]),
    ("transclassified-nuclear", &["atomic-energy"], &["TFNI"]),
    ("fisa", &["fisa"], &["FISA"]),
    ("raw-fisa", &["fisa"], &["raw FISA"]),
    ("nodis-exdis", &["state-distribution"], &["NODIS, EXDIS"]),
    ("covert-action", &["covert-action"], &["never passes"]),
    ("military-information", &["military-information"], &["military information"]),
    ("two-people", &["without-two-people"], &["Two different people"]),
    ("own-product", &["without-two-people"], &["submitted or originated"]),
    ("out-of-office", &["without-two-people"], &["not in office"]),
    ("senior-for-top-secret", &["without-a-senior-officer"], &["top secret", "senior"]),
    ("senior-for-compartments", &["without-a-senior-officer"], &["control system", "senior"]),
    ("senior-for-relido", &["without-a-senior-officer"], &["RELIDO", "senior"]),
    ("senior-for-atomic-energy", &["without-a-senior-officer"], &["Restricted", "senior"]),
    ("senior-for-nuclear-controlled", &["without-a-senior-officer"], &["UCNI", "senior"]),
    ("senior-for-atomal", &["without-a-senior-officer"], &["ATOMAL", "senior"]),
    ("senior-for-fisa", &["without-a-senior-officer"], &["FISA", "raw", "senior"]),
    ("senior-for-originator-controlled", &["without-a-senior-officer"], &["ORCON", "senior"]),
    ("senior-for-concealed-source", &["without-a-senior-officer"], &["concealed", "senior"]),
    ("senior-for-shared-words", &["without-a-senior-officer"], &["words in common", "senior"]),
    ("senior-for-unusual-attachments", &["without-a-senior-officer"], &["attachment", "senior"]),
];

#[test]
fn every_forbidding_rule_is_here_with_its_statements_and_its_sentence_says_what_it_is_about() {
    let (policies, never) = (Policies::shipped().unwrap(), Prohibitions::shipped().unwrap());
    let listed: BTreeSet<&str> = RULES.iter().map(|(rule, ..)| *rule).collect();
    let forbidding: BTreeSet<&str> = policies.rules().filter(|r| !r.permits).map(|r| r.id.as_str()).collect();
    assert_eq!(listed, forbidding);
    let stated: BTreeSet<String> = RULES.iter().flat_map(|(_, of, _)| of.iter().map(|s| (*s).to_owned())).collect();
    assert_eq!(stated, never.ids(), "a statement that no rule answers, or a rule that answers to none");
    for (rule, _, words) in RULES {
        let sentence = &policies.rule(rule).unwrap().sentence;
        for said in *words {
            assert!(sentence.contains(said), "`{rule}` does not say `{said}`: {sentence}");
        }
    }
}

#[test]
fn on_every_case_the_statements_that_describe_it_are_those_of_the_rules_that_refuse_it() {
    let (policies, membership) = (Policies::shipped().unwrap(), Membership::shipped().unwrap());
    let never = Prohibitions::shipped().unwrap();
    let of: BTreeMap<&str, &[&str]> = RULES.iter().map(|(rule, of, _)| (*rule, *of)).collect();
    for (file, text) in cases::SHIPPED {
        for case in cases::questions(text).unwrap() {
            let described = never.describing(&policies, &membership, &case.question).unwrap();
            if case.permit {
                assert!(described.is_empty(), "{file}: `{}` is permitted, and {described:?} describe it", case.name);
                continue;
            }
            for rule in &case.rules {
                let stated = of[rule.as_str()].iter().any(|statement| described.contains(*statement));
                assert!(stated, "{file}: `{}`: `{rule}` refuses what none of its statements describes", case.name);
            }
            for statement in &described {
                let answered = case.rules.iter().any(|rule| of[rule.as_str()].contains(&statement.as_str()));
                assert!(
                    answered,
                    "{file}: `{}`: `{statement}` describes it, and no rule of its own refuses",
                    case.name
                );
            }
        }
    }
}
