//! Help, completion scripts, manual pages and errors, as the program prints them.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{World, program};

fn run(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).env_remove("PORTCULLIS_CONFIG").output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every command, as the lists of commands in the help pages name them.
fn commands() -> Vec<Vec<String>> {
    fn under(path: &[String], found: &mut Vec<Vec<String>>) {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = text(&run(&arguments));
        // The first page lists its commands under the headings of their groups, and the others under one.
        let listed = help.split("\nOptions:").next().unwrap_or_default();
        let listed = match path.is_empty() {
            true => listed.split("\nNode:").nth(1),
            false => listed.split("\nCommands:\n").nth(1),
        };
        for line in listed.unwrap_or_default().lines() {
            let Some(name) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')) else { continue };
            let name = name.split(' ').next().unwrap_or_default();
            if name != "help" && !name.is_empty() {
                let path = [path, &[name.to_owned()]].concat();
                found.push(path.clone());
                under(&path, found);
            }
        }
    }
    let mut found = Vec::new();
    under(&[], &mut found);
    found
}

#[test]
fn every_help_page_ends_with_an_example() {
    let commands = commands();
    assert!(commands.len() > 80, "{commands:?}");
    for command in [&[Vec::new()], &commands[..]].concat() {
        for flag in ["-h", "--help"] {
            let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            arguments.push(flag);
            let output = run(&arguments);
            assert_eq!(output.status.code(), Some(0));
            let help = text(&output);
            let example =
                help.split("\nExample:\n  portcullis ").nth(1).unwrap_or_else(|| panic!("{arguments:?}: {help}"));
            // It can be typed as it stands there: whatever goes on in the next line says so.
            let (last, before) = example
                .trim_end()
                .lines()
                .collect::<Vec<_>>()
                .split_last()
                .map(|(l, b)| (l.to_string(), b.to_vec()))
                .unwrap();
            assert!(!last.ends_with('\\') && before.iter().all(|line| line.ends_with(" \\")), "{help}");
        }
    }
}

#[test]
fn the_first_page_lists_commands_by_noun() {
    let help = text(&run(&["--help"]));
    let headings = [
        "Node",
        "Officers and partners",
        "Products and markings",
        "Requests",
        "Exchanges",
        "Records",
        "Policy",
        "Program",
    ];
    let places: Vec<usize> = headings.map(|heading| help.find(&format!("\n{heading}:\n")).expect(heading)).to_vec();
    assert!(places.is_sorted(), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
    assert!(!help.contains('\u{1b}'), "no colour where nobody sees it");
}

#[test]
fn every_command_has_a_manual_page() {
    let world = World::new();
    let folder = world.path("share/man1");
    let output = run(&["man", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = |name: &str| std::fs::read_to_string(folder.join(format!("{name}.1"))).expect(name);
    assert!(page("portcullis").contains("init") && page("portcullis").starts_with(".ie"), "{}", page("portcullis"));
    let commands = commands();
    for command in &commands {
        let page = page(&format!("portcullis-{}", command.join("-")));
        assert!(page.contains("Example") && page.contains("SYNOPSIS"), "{page}");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), commands.len() + 1);
}

#[test]
fn each_shell_gets_a_completion_script_that_it_reads() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let script = text(&output);
        assert!(script.contains("portcullis") && script.contains("quarantine"), "{shell}");
    }
    assert_eq!(run(&["completions", "cmd"]).status.code(), Some(2));
    // bash offers the commands that begin as typed.
    let offered = "source <(\"$1\" completions bash); COMP_WORDS=(portcullis inbox qu); COMP_CWORD=2; \
                   _portcullis portcullis qu inbox; echo \"${COMPREPLY[@]}\"";
    let bash = Command::new("bash").args(["-c", offered, "bash"]).arg(program()).output();
    match bash {
        Ok(output) => assert_eq!(text(&output).trim(), "quarantine", "{output:?}"),
        Err(_) => {
            crate::support::not_run::not_permitted("there is no bash, so that its completion script was not tried")
        }
    }
}

#[test]
fn what_is_wrong_with_the_arguments_is_json_where_json_is_asked_for() {
    let cases: [&[&str]; 7] = [
        &["--format", "json", "sumbit"],
        &["--format=json", "submit"],
        &["officer", "--format", "json"],
        &["submit", "report.txt", "--expires", "soon", "--format", "jsonl"],
        &["--format", "jsonl", "status", "--no-such-option"],
        &["--format", "json", "product", "check"],
        &["--format", "json", "marking", "check", "--file", "/nonexistent"],
    ];
    for arguments in cases {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let value: serde_json::Value =
            serde_json::from_str(&said).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {said}"));
        assert_eq!(value["exit"], 2);
        let error = value["error"].as_str().unwrap();
        assert!(!error.is_empty() && !error.starts_with("error") && !error.contains("Usage"), "{said}");
    }
    let said = run(&["sumbit"]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.starts_with("error: ") && said.contains("submit"), "{said}");
    // Help is help in every format.
    assert!(text(&run(&["--format", "json", "--help"])).contains("Example:"));
}

#[test]
fn wrong_arguments_are_told_what_is_expected() {
    for (arguments, said) in [
        (&["status", "--limit", "0"][..], "expected a whole number of at least 1"),
        (&["status", "EXERCISE"], "expected the ID of an exchange (`ex-…`) or a request (`rq-…`)"),
    ] {
        for format in ["human", "json"] {
            let output = run(&[arguments, &["--format", format]].concat());
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{error}");
            assert!(error.contains(said), "{error}");
            assert_eq!(error.contains("--help"), format == "human", "{error}");
        }
    }
}

#[test]
fn in_lines_a_list_is_one_line_an_item() {
    let world = World::new();
    let node = world.node("exercise-usa", "USA");
    let command = |format: &str| {
        let output = Command::new(program())
            .args(["--format", format, "--config"])
            .arg(node.config())
            .args(["officer", "list"])
            .output()
            .unwrap();
        text(&output)
    };
    let whole: serde_json::Value = serde_json::from_str(&command("json")).unwrap();
    let items = whole["officers"].as_array().unwrap().clone();
    let lines: Vec<serde_json::Value> =
        command("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, items);
    assert_eq!(items.len(), 2);
}

/// No field of a log line, and no text for people, is written as Rust's debug form: `?field` and `{:?}`.
#[test]
fn logs_and_texts_hold_values_and_no_debug_form() {
    fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let field = regex::Regex::new(r"[=(,]\s*\?[a-z]").unwrap();
    let attribute = regex::Regex::new(r#"#\[error\([^\]]*:\?\}"#).unwrap();
    for path in found {
        let source = std::fs::read_to_string(&path).unwrap();
        assert!(!attribute.is_match(&source), "{}: an error's text", path.display());
        for event in source.split("tracing::").skip(1) {
            let Some(end) = event.find(");").filter(|_| event.contains("!(")) else { continue };
            let event = &event[..end];
            assert!(!field.is_match(event) && !event.contains(":?}"), "{}: tracing::{event}", path.display());
        }
    }
}
