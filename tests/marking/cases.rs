//! The shared cases of the marking engine, compared field by field.

use std::collections::BTreeSet;

use portcullis::marking::{
    Checked, Config, DocumentDate, Expansion, Kind, Marking, PortionForRollup, Profile, Register, RollupOptions, Rules,
    UnclassifiedPolicy, roll_up,
};
use serde_json::Value;

const CASES: &str = include_str!("../vectors/marking/cases.jsonl");
const SPANS: &str = include_str!("../vectors/marking/span-cases.jsonl");
/// Names in trees, and English in lists: what is a mark, and under which conditions.
const NAMES: &str = include_str!("../vectors/marking/name-cases.jsonl");
const CUI: &str = include_str!("../vectors/marking/cui-cases.jsonl");
const ROLLUPS: &str = include_str!("../vectors/marking/rollup-cases.jsonl");

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a case is JSON"))
}

fn rules(case: &Value) -> Rules<'static> {
    let date = match case["as_of"].as_str() {
        None => DocumentDate::Known("2022-12-01".parse().expect("a date")),
        Some("unknown") => DocumentDate::Unknown,
        Some(day) => DocumentDate::Known(day.parse().expect("a date")),
    };
    let words = |key: &str| -> BTreeSet<String> {
        case["config"][key].as_array().into_iter().flatten().filter_map(|w| w.as_str().map(str::to_owned)).collect()
    };
    let config = Config { unpublished_sci: words("unpublished_sci"), nac_activities: words("nac") };
    let profile = if case["profile"] == "CUI" { Profile::Cui } else { Profile::Ic };
    let expansion = if case["expansion"] == "manual2016" { Expansion::Manual2016 } else { Expansion::Ismcat };
    let unclassified =
        if case["unclassified_policy"] == "manual" { UnclassifiedPolicy::Manual } else { UnclassifiedPolicy::Ism88 };
    Rules::new(Register::compiled_in(), date)
        .with_config(config)
        .with_profile(profile)
        .with_expansion(expansion)
        .with_unclassified_policy(unclassified)
}

fn kind(case: &Value) -> Kind {
    if case["kind"] == "portion" { Kind::Portion } else { Kind::Banner }
}

fn check(case: &Value) -> Checked {
    let rules = rules(case);
    let banner: Option<Marking> =
        case["banner_context"].as_str().map(|b| rules.parse_banner(b).expect("the context is a valid banner"));
    rules.check(case["input"].as_str().expect("an input"), kind(case), banner.as_ref())
}

fn strings<T: ToString>(values: impl IntoIterator<Item = T>) -> Value {
    values.into_iter().map(|v| v.to_string()).collect()
}

fn finish(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{} {what} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn agrees_with_every_marking_case_on_every_field() {
    let mut wrong = Vec::new();
    for case in lines(CASES) {
        let checked = check(&case);
        let parsed = checked.marking.as_ref().map(|m| m.parsed(kind(&case)));
        let answers = [
            ("valid", Value::from(checked.is_valid())),
            ("codes", strings(checked.codes())),
            ("warnings", strings(checked.warnings())),
            ("parsed", serde_json::to_value(parsed).expect("an answer is JSON")),
            ("effective_fdr", checked.effective_fdr.clone().into()),
            ("releasable_to", strings(checked.releasable_to)),
            ("displayable_to", strings(checked.displayable_to)),
            ("unresolved_codes", strings(checked.unresolved_codes)),
            ("conditions", strings(checked.conditions)),
        ];
        for (field, answer) in answers {
            if case[field] != answer {
                wrong.push(format!("{} {} {field}: {} <> {answer}", case["id"], case["input"], case[field]));
            }
        }
    }
    finish("marking cases", &wrong);
}

#[test]
fn points_at_the_exact_bytes() {
    let mut wrong = Vec::new();
    for case in lines(SPANS) {
        let checked = check(&case);
        let span = |v: &Value| v.as_u64().expect("an offset") as usize;
        let (from, to) = (span(&case["span_bytes"][0]), span(&case["span_bytes"][1]));
        let hint = case["hint"].as_str().unwrap_or_default();
        let found = checked
            .diagnostics
            .iter()
            .any(|d| case["code"] == d.code.as_str() && d.span == (from..to) && d.hint == hint);
        if !found {
            wrong.push(format!(
                "{} {} {} {from}..{to} {hint}: {:?}",
                case["id"], case["input"], case["code"], checked.diagnostics
            ));
        }
    }
    finish("span cases", &wrong);
}

#[test]
fn agrees_with_every_cui_case() {
    let mut wrong = Vec::new();
    for case in lines(CUI) {
        let checked = check(&case);
        let parsed = checked.marking.as_ref().map(|m| m.parsed(kind(&case)));
        let answers = [
            ("valid", Value::from(checked.is_valid())),
            ("parsed", serde_json::to_value(parsed).expect("an answer is JSON")),
            ("releasable_to", strings(checked.releasable_to.clone())),
        ];
        for (field, answer) in answers {
            if case[field] != answer {
                wrong.push(format!(
                    "{} {} {field}: {} <> {answer} {:?}",
                    case["id"], case["input"], case[field], checked.diagnostics
                ));
            }
        }
        if let Some(code) = case["reason"].as_str().filter(|r| r.starts_with("E-")) {
            let code = code.split(':').next().unwrap_or_default();
            if !checked.codes().iter().any(|c| c.as_str() == code) {
                wrong.push(format!("{} {}: {code} <> {:?}", case["id"], case["input"], checked.codes()));
            }
        }
    }
    finish("CUI cases", &wrong);
}

#[test]
fn rolls_every_case_up_to_its_banner() {
    let mut wrong = Vec::new();
    for case in lines(ROLLUPS) {
        let rules = rules(&case);
        let context: Option<Marking> =
            case["banner_context"].as_str().map(|b| rules.parse_banner(b).expect("a banner"));
        let portions: Vec<(Marking, bool)> = case["portions"]
            .as_array()
            .expect("portions")
            .iter()
            .map(|p| {
                let mark = p["mark"].as_str().expect("a mark");
                let marking = rules.parse_portion(mark, context.as_ref()).unwrap_or_else(|e| panic!("{mark}: {e}"));
                (marking, p["exclude_from_rollup"] == true)
            })
            .collect();
        let parts: Vec<PortionForRollup<'_>> =
            portions.iter().map(|(marking, excluded)| PortionForRollup { marking, excluded: *excluded }).collect();
        let options =
            RollupOptions { joint: case["product"] == "JOINT", analytic: case["dap"] == true, level_at_least: None };
        let banner = roll_up(&rules, &parts, options).map(|b| b.to_string());
        if banner.as_deref() != Ok(case["banner"].as_str().expect("a banner")) {
            wrong.push(format!("{} {} {banner:?}", case["id"], case["banner"]));
        }
    }
    finish("roll-up cases", &wrong);
}

#[test]
fn accepts_nothing_that_does_not_print_back_to_itself() {
    for case in lines(CASES).chain(lines(CUI)) {
        let checked = check(&case);
        let Some(marking) = checked.marking else { continue };
        let rules = rules(&case);
        let canonical = checked.canonical.expect("a valid mark has a canonical text");
        let again = match kind(&case) {
            Kind::Banner => rules.parse_banner_canonical(&canonical),
            Kind::Portion => rules.parse_portion(&canonical, None),
        };
        assert_eq!(again.as_ref(), Ok(&marking), "{canonical}");
        if kind(&case) == Kind::Banner {
            assert_eq!(rules.parse_banner(&marking.banner_titled()), Ok(marking));
        }
    }
}

#[test]
fn words_of_the_register_are_no_names_each_name_is_a_condition_of_its_own_and_english_is_no_code() {
    let mut wrong = Vec::new();
    for case in lines(NAMES) {
        let checked = check(&case);
        let fix = checked.diagnostics.iter().find_map(|d| d.fix.as_ref()).map(|fix| fix.replacement.clone());
        let answers = [
            ("valid", Value::from(checked.is_valid())),
            ("codes", strings(checked.codes())),
            ("conditions", strings(checked.conditions)),
            ("fix", fix.into()),
        ];
        for (field, answer) in answers {
            if case[field] != answer {
                wrong.push(format!("{} {} {field}: {} <> {answer}", case["id"], case["input"], case[field]));
            }
        }
    }
    finish("cases of names", &wrong);
}
