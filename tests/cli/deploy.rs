//! What ships is what runs: the sample configuration, and the demonstration.

use std::process::Command;

use crate::support::{World, program};

#[test]
fn serve_accepts_the_sample_configuration_that_ships() {
    let world = World::new();
    let mut node = world.node("exercise-usa", "USA");
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/portcullis.toml")).unwrap();
    // Only the port differs: tests that run beside this one may have the sample's.
    let port = format!("127.0.0.1:{}", node.port);
    std::fs::write(node.config(), shipped.replace("127.0.0.1:4433", &port)).unwrap();
    node.serve();
    node.until_serving();
    assert!(node.stop());
    node.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn the_sample_configuration_shows_every_key_with_its_default() {
    let world = World::new();
    let node = world.node("exercise-usa", "USA");
    let shown = std::fs::read_to_string(node.config()).unwrap();
    let config = portcullis::config::Config::read(&node.config()).unwrap();
    // A key that is shown commented out says its default: writing it out changes nothing.
    let spelled_out: String = shown
        .lines()
        .map(|line| {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let is_key = bare.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
            format!("{}\n", if is_key { bare } else { line })
        })
        .collect();
    assert_ne!(spelled_out, shown);
    std::fs::write(node.config(), spelled_out).unwrap();
    assert_eq!(portcullis::config::Config::read(&node.config()).unwrap(), config);
}

#[test]
fn the_unit_does_not_start_a_node_again_that_is_stopped() {
    let unit = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/portcullis.service")).unwrap();
    assert!(unit.lines().any(|line| line == "Restart=on-failure"));
    assert!(unit.lines().any(|line| line == "RestartPreventExitStatus=3"));
}

/// `@system-service` alone has no seccomp(2) in every version of systemd, and then no filter process would read anything.
#[test]
fn the_unit_lets_filter_processes_confine_themselves() {
    let unit = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/portcullis.service")).unwrap();
    let allowed = unit.lines().find_map(|line| line.strip_prefix("SystemCallFilter=@")).unwrap();
    assert!(allowed.split(' ').any(|call| call == "seccomp"), "{allowed}");
}

#[test]
fn the_demonstration_goes_as_expected_at_every_step() {
    let output = Command::new(program()).args(["--format", "json", "demo"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(report["ok"], true, "{said}");
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.len() >= 15, "{said}");
    for step in steps {
        assert_eq!(step["ok"], true, "{step}");
        assert!(["step", "expected", "observed"].iter().all(|k| step[k].as_str().is_some_and(|t| !t.is_empty())));
    }
}
