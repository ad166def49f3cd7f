//! The marking and cut commands as the program runs them: JSON lines in and out, exit status, and what people see.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::{Value, json};

const CASES: &str = include_str!("../vectors/marking/cases.jsonl");
const SPANS: &str = include_str!("../vectors/marking/span-cases.jsonl");
const CUI: &str = include_str!("../vectors/marking/cui-cases.jsonl");
const ROLLUPS: &str = include_str!("../vectors/marking/rollup-cases.jsonl");
/// Refused marks, with a proposal that must be among those made for each.
const REMEDIES: &str = include_str!("../vectors/marking/remedies.jsonl");
const TEARLINES: &str = include_str!("../vectors/marking/tearline-cases.jsonl");

const CHECK: [&str; 4] = ["marking", "check", "--format", "jsonl"];
const ROLLUP: [&str; 4] = ["marking", "rollup", "--format", "jsonl"];
const SELECT: [&str; 4] = ["cut", "select", "--format", "jsonl"];

/// Runs the program with `input` on its standard input.
fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let input = input.to_vec();
    // The program may stop reading, and what it writes must be read meanwhile.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer ends");
    output
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("an exit status")
}

fn values(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("answers are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("an answer is one line of JSON")).collect()
}

/// The answers to cases, one each, with exit status 0.
fn answers(args: &[&str], cases: &str) -> Vec<(Value, Value)> {
    let output = run(args, cases.as_bytes());
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let cases: Vec<Value> =
        cases.lines().map(|line| serde_json::from_str(line).expect("a case is one line of JSON")).collect();
    let answers = values(&output);
    assert_eq!(answers.len(), cases.len(), "one answer a case");
    cases.into_iter().zip(answers).collect()
}

fn differences(cases: &[(Value, Value)], fields: &[&str], expected: impl Fn(&Value) -> Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for (case, answer) in cases {
        let expected = expected(case);
        for field in ["id"].iter().chain(fields) {
            let stated = if *field == "id" { case.get("id") } else { expected.get(field) };
            if let Some(stated) = stated
                && answer.get(field) != Some(stated)
            {
                wrong.push(format!("{} {field}: stated {stated}, answered {}", case["id"], answer[field]));
            }
        }
    }
    wrong
}

/// The fields of a case that an answer repeats.
const CHECKED: [&str; 9] = [
    "valid",
    "codes",
    "warnings",
    "effective_fdr",
    "releasable_to",
    "displayable_to",
    "unresolved_codes",
    "conditions",
    "parsed",
];

fn check_one(request: &Value) -> Value {
    let output = run(&CHECK, request.to_string().as_bytes());
    assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    values(&output).pop().expect("an answer")
}

#[test]
fn check_answers_every_stated_field_of_every_case() {
    for cases in [CASES, CUI] {
        let wrong = differences(&answers(&CHECK, cases), &CHECKED, Value::clone);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn check_answers_every_span_with_its_code_and_its_hint() {
    for (case, answer) in answers(&CHECK, SPANS) {
        let stated = json!({ "code": case["code"], "span_bytes": case["span_bytes"], "hint": case["hint"] });
        let found = answer["diagnostics"].as_array().expect("an array");
        assert!(found.contains(&stated), "{}: stated {stated}, answered {found:?}", case["id"]);
    }
}

#[test]
fn rollup_answers_every_banner() {
    let wrong = differences(&answers(&ROLLUP, ROLLUPS), &["banner"], Value::clone);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cut_select_answers_every_stated_field_of_every_case() {
    let fields = ["tearline", "product_refused", "refusal", "refused_at", "per_tearline"];
    let wrong = differences(&answers(&SELECT, TEARLINES), &fields, |case| case["expect"].clone());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn answers_hold_the_fields_of_the_contract_and_no_others() {
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let answer = check_one(&json!({ "id": "a", "input": "SERCET", "kind": "banner" }));
    let mut stated: Vec<&str> = ["id", "canonical", "diagnostics", "remedies"].into_iter().chain(CHECKED).collect();
    stated.sort_unstable();
    let mut found = keys(&answer);
    found.sort_unstable();
    assert_eq!(found, stated);
    assert_eq!(keys(&answer["diagnostics"][0]).len(), 3);
    assert_eq!(keys(&answer["remedies"][0]), ["kind", "text", "mark"]);
    let output = run(&ROLLUP, br#"{"id":7,"portions":[{"mark":"(S//NF)"}]}"#);
    let answer = &values(&output)[0];
    assert_eq!(answer, &json!({ "id": 7, "banner": "SECRET//NOFORN", "releasable_to": [], "errors": [] }));
}

#[test]
fn the_format_stands_before_or_behind_the_command() {
    let request = br#"{"id":"a","input":"SECRET//NOFORN","kind":"banner"}"#;
    let expected = run(&CHECK, request).stdout;
    for args in [
        ["--format", "jsonl", "marking", "check"],
        ["--format", "json", "marking", "check"],
        ["marking", "--format", "jsonl", "check"],
    ] {
        let output = run(&args, request);
        assert_eq!((status(&output), &output.stdout), (0, &expected), "{args:?}");
    }
    let output = run(&["--format", "human", "marking", "check", "(S//NF)"], b"");
    assert_eq!((status(&output), output.stdout.as_slice()), (0, &b""[..]));
}

#[test]
fn marks_named_as_arguments_are_answered_as_json_too() {
    let output = run(&["--format", "json", "marking", "check", "SERCET//NOFORN", "(S//NF)"], b"");
    let answers = values(&output);
    assert_eq!(status(&output), 1);
    assert_eq!((&answers[0]["valid"], &answers[1]["valid"]), (&json!(false), &json!(true)));
    assert_eq!(answers[1]["id"], 2);
}

#[test]
fn exit_status_is_zero_whatever_the_lines_say() {
    let output = run(&CHECK, b"{\"id\":1,\"input\":\"nonsense\",\"kind\":\"banner\"}\n");
    assert_eq!((status(&output), &values(&output)[0]["valid"]), (0, &json!(false)));
    let output = run(&ROLLUP, b"{\"id\":1,\"portions\":[]}\n{\"id\":2,\"portions\":[{\"mark\":\"nonsense\"}]}");
    assert_eq!(status(&output), 0);
    let banners: Vec<Value> = values(&output).iter().map(|a| a["banner"].clone()).collect();
    assert_eq!(banners, [Value::Null, Value::Null]);
    let output = run(&CHECK, b"");
    assert_eq!((status(&output), output.stdout.len()), (0, 0));
}

#[test]
fn refuses_input_that_does_not_read_and_answers_the_rest() {
    let good = br#"{"id":"good","input":"(U)","kind":"portion"}"#;
    for bad in [
        &b"not json"[..],
        b"{",
        b"[]",
        b"\"SECRET\"",
        br#"{"id":"no input","kind":"banner"}"#,
        br#"{"id":"no kind","input":"SECRET"}"#,
        br#"{"input":"SECRET","kind":"page"}"#,
        br#"{"input":"SECRET","kind":"banner","as_of":"yesterday"}"#,
        b"{\"input\":\"SECRET\xff\",\"kind\":\"banner\"}",
        b"{\"input\":\"SECRET\",\"kind\":\"banner\",\"unknown\":\"\xff\"}",
        b"\xff\xfe",
    ] {
        let input = [bad, b"\n", good, b"\n"].concat();
        let output = run(&CHECK, &input);
        assert_eq!(status(&output), 2, "{}", String::from_utf8_lossy(bad));
        assert!(String::from_utf8_lossy(&output.stderr).contains("line 1"));
        let answers = values(&output);
        assert_eq!((answers.len(), &answers[0]["id"]), (1, &json!("good")));
    }
    assert_eq!(status(&run(&ROLLUP, b"{\"id\":1}")), 2);
    assert_eq!(status(&run(&SELECT, b"{\"id\":1}")), 2);
}

#[test]
fn an_unreadable_line_is_never_quoted() {
    let output = run(&CHECK, b"EXERCISE-CANARY not json\n{\"input\":\"a\",\"kind\":\"EXERCISE-CANARY\"}");
    assert_eq!(status(&output), 2);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("CANARY"));
}

#[test]
fn blank_lines_and_carriage_returns_are_no_requests() {
    let input = b"\n  \r\n{\"id\":1,\"input\":\"(U)\",\"kind\":\"portion\"}\r\n\t\n{\"id\":2,\"input\":\"(U)\",\"kind\":\"portion\"}";
    let output = run(&CHECK, input);
    let ids: Vec<Value> = values(&output).iter().map(|a| a["id"].clone()).collect();
    assert_eq!((status(&output), ids), (0, vec![json!(1), json!(2)]));
}

#[test]
fn unknown_fields_are_ignored_and_null_ones_are_absent() {
    let plain = check_one(&json!({ "id": "a", "input": "SECRET", "kind": "banner" }));
    let more = json!({ "id": "a", "input": "SECRET", "kind": "banner", "origin": { "of": ["anything"] }, "valid": 3,
        "as_of": null, "profile": null, "config": null, "banner_context": null });
    assert_eq!(check_one(&more), plain);
}

#[test]
fn the_date_of_a_document_decides_its_unmarked_state() {
    let state = |as_of: Value| {
        check_one(&json!({ "input": "SECRET", "kind": "banner", "as_of": as_of }))["effective_fdr"].clone()
    };
    assert_eq!(state(Value::Null), "RELIDO");
    assert_eq!(state(json!("2010-06-28")), "RELIDO");
    assert_eq!(state(json!("2010-06-27")), "NOFORN");
    assert_eq!(state(json!("unknown")), "NOFORN");
}

#[test]
fn profile_config_and_context_are_heeded() {
    let valid = |request: Value| check_one(&request)["valid"].clone();
    assert_eq!(valid(json!({ "input": "CUI//SP-CTI", "kind": "banner", "profile": "CUI" })), true);
    assert_eq!(valid(json!({ "input": "CUI//SP-CTI", "kind": "banner" })), false);
    let sci = "TOP SECRET//123/SI//NOFORN";
    assert_eq!(valid(json!({ "input": sci, "kind": "banner", "config": { "unpublished_sci": ["123"] } })), true);
    assert_eq!(valid(json!({ "input": sci, "kind": "banner" })), false);
    let context = json!({ "input": "(S//REL)", "kind": "portion", "banner_context": "SECRET//REL TO USA, GBR" });
    let answer = check_one(&context);
    assert_eq!((&answer["valid"], &answer["releasable_to"]), (&json!(true), &json!(["GBR"])));
    assert_eq!(valid(json!({ "input": "(S//REL)", "kind": "portion" })), false);
    let unsound = json!({ "input": "(S//REL)", "kind": "portion", "banner_context": "SECRET//REL TO GBR" });
    assert_eq!(valid(unsound), false);
}

#[test]
fn arrays_are_sorted_and_diagnostics_stand_in_order_of_place() {
    let answer = check_one(&json!({ "input": "secret//NOFORN/ORCON/XYZZY//SI", "kind": "banner" }));
    let codes: Vec<&str> = answer["codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert!(codes.is_sorted() && codes.len() == 4, "{codes:?}");
    let starts: Vec<u64> =
        answer["diagnostics"].as_array().unwrap().iter().map(|d| d["span_bytes"][0].as_u64().unwrap()).collect();
    assert!(starts.is_sorted() && starts.len() == 4, "{starts:?}");
    let answer = check_one(&json!({ "input": "SECRET//REL TO USA, GBR, ACGU", "kind": "banner" }));
    assert_eq!(answer["releasable_to"], json!(["AUS", "CAN", "GBR"]));
}

#[test]
fn people_see_the_line_the_exact_bytes_the_rule_and_the_fix() {
    let output = run(&["marking", "check", "SECRET//REL TO GBR, USA"], b"");
    let shown = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    assert_eq!(status(&output), 1);
    let expected = "\
error[E-REL-USA-NOT-FIRST]: the United States must come first in REL TO
 --> argument:1:21
  |
1 | SECRET//REL TO GBR, USA
  |                     ^^^ move USA to the front
  |
  = rule: ISM-ID-00214
  = fix: SECRET//REL TO USA, GBR

";
    assert_eq!(shown, expected);
}

#[test]
fn what_an_author_may_have_meant_is_proposed_by_kind() {
    for line in REMEDIES.lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let (written, kind, mark) = (&case["input"], &case["remedy"], &case["mark"]);
        let request = json!({ "id": 1, "input": written, "kind": case["kind"], "profile": case["profile"] });
        let answer = check_one(&request);
        let remedies = answer["remedies"].as_array().expect("an array");
        let proposed = |remedy: &&Value| remedy["kind"] == *kind && remedy["mark"] == *mark;
        let found = remedies.iter().find(proposed).unwrap_or_else(|| panic!("{written}: {remedies:#?}"));
        let says = case["says"].as_str().expect("a text");
        assert!(found["text"].as_str().expect("a text").contains(says), "{written}: {found}");
        // One diagnostic, and not one for each word.
        if kind == "block" || kind == "fix" {
            assert_eq!(answer["diagnostics"].as_array().expect("an array").len(), 1, "{answer:#}");
        }
    }
    let valid = check_one(&json!({ "id": 1, "input": "SECRET//NOFORN", "kind": "banner" }));
    assert_eq!(valid["remedies"], json!([]));
}

/// One of two that are alike may have been meant as another: which one, only its author knows.
#[test]
fn what_stands_twice_is_proposed_and_never_fixed() {
    for (written, mark) in [
        ("SECRET//NOFORN/NOFORN", "SECRET//NOFORN"),
        ("SECRET//SI/SI//NOFORN", "SECRET//SI//NOFORN"),
        ("SECRET//SAR-BP/BP//NOFORN", "SECRET//SAR-BP//NOFORN"),
        ("SECRET//RD-SIGMA 14 14//NOFORN", "SECRET//RD-SIGMA 14//NOFORN"),
    ] {
        let answer = check_one(&json!({ "id": 1, "input": written, "kind": "banner" }));
        let remedies = answer["remedies"].as_array().expect("an array");
        let kinds: Vec<(&Value, &Value)> = remedies.iter().map(|remedy| (&remedy["kind"], &remedy["mark"])).collect();
        assert_eq!(kinds, [(&json!("rewrite"), &json!(mark))], "{written}");
    }
}

#[test]
fn people_are_shown_the_proposals_and_only_a_fix_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("EXERCISE-marks.txt");
    let file = path.to_str().expect("a UTF-8 path");
    let before =
        "SECRET/NOFORN\nUK SECRET\nTOP SECRET//COMINT//NOFORN\nsecret//noforn\nSECRET//REL TO USA, AUS and NATO\n";
    fs::write(&path, before).expect("written");
    let output = run(&["marking", "check", "--file", file, "--fix", "--write"], b"");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in ["  = rewrite: SECRET//NOFORN\n", "  = foreign: //GBR SECRET\n", "  = legacy: TOP SECRET//SI//NOFORN\n"]
    {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(shown.contains("  = rewrite: SECRET//REL TO USA, AUS, NATO\n") && !shown.contains("AND, AUS"), "{shown}");
    let after = before.replace("secret//noforn", "SECRET//NOFORN");
    assert_eq!((status(&output), fs::read_to_string(&path).expect("read")), (1, after));
}

#[test]
fn fix_shows_a_diff_and_writes_only_when_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("EXERCISE-marks.txt");
    let file = path.to_str().expect("a UTF-8 path");
    let before = "SECRET //NOFORN/ORCON\r\n\n(s//nf)\n(S//REL TO USA, ZZZ)\n(S//REL TO GBR, USA)";
    fs::write(&path, before).expect("written");
    let output = run(&["marking", "check", "--file", file, "--fix"], b"");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("-SECRET //NOFORN/ORCON\n+SECRET//ORCON/NOFORN\n"), "{shown}");
    assert_eq!((status(&output), fs::read_to_string(&path).unwrap().as_str()), (1, before));
    let output = run(&["marking", "check", "--file", file, "--fix", "--write"], b"");
    let after = "SECRET//ORCON/NOFORN\r\n\n(S//NF)\n(S//REL TO USA, ZZZ)\n(S//REL TO USA, GBR)";
    assert_eq!((status(&output), fs::read_to_string(&path).unwrap().as_str()), (1, after));
}

#[test]
fn fix_never_lowers_a_level_and_never_adds_a_country() {
    for mark in [
        "SECRET//REL TO GBR, AUS",
        "SECRET//FOUO",
        "SECRET//REL TO USA",
        "UNCLASSIFIED//SI",
        "SECRET//NOFORN/REL TO USA, GBR",
        "//JOINT SECRET CAN GBR USA//REL TO USA, GBR",
        "SERCET//NOFORN",
        "SECRET//REL TO USA, UK",
        "TOP SECRET//HCS-P//REL TO USA, GBR",
    ] {
        let output = run(&["marking", "check", "--fix", mark], b"");
        assert_eq!(status(&output), 1);
        assert!(!String::from_utf8_lossy(&output.stdout).contains("fix:"), "{mark}");
    }
}
