//! A running server's configuration: read again on SIGHUP, and checked beforehand.

use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::{Node, World, program};

fn hang_up(node: &Node) {
    assert!(Command::new("kill").args(["-HUP", &node.pid().to_string()]).status().unwrap().success());
}

/// Waits until the log has `text` for the `times`th time.
#[track_caller]
fn until_logged(node: &Node, text: &str, times: usize) {
    node.until(&["status"], |_| node.log_text().matches(text).count() >= times);
}

/// The line of the log with `text`, as JSON.
fn logged(node: &Node, text: &str) -> serde_json::Value {
    let log = node.log_text();
    let line = log.lines().rev().find(|line| line.contains(text)).unwrap_or_else(|| panic!("`{text}` is not in {log}"));
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_hangup_reloads_the_configuration_and_never_ends_the_server() {
    let world = World::new();
    let (mut us, _them) = world.pair();
    us.serve();
    us.until_serving();
    let pid = us.pid();
    // Nothing was changed.
    hang_up(&us);
    until_logged(&us, "configuration reloaded", 1);
    assert_eq!(logged(&us, "configuration reloaded")["changed"], 0);

    // What may change takes effect; what may not is named, and stays.
    us.reconfigure("# filter = \"info\"", "filter = \"portcullis=debug\"");
    us.reconfigure("# product_bytes = 16777216", "product_bytes = 2048");
    us.reconfigure("# attempts_per_minute = 60", "attempts_per_minute = 120");
    us.reconfigure("# request_days_max = 90", "request_days_max = 1");
    us.reconfigure("# spool = \"store/spool\"", "spool = \"store/elsewhere\"");
    us.reconfigure("# reserve_bytes = 67108864", "reserve_bytes = 0");
    hang_up(&us);
    until_logged(&us, "configuration reloaded", 2);
    let reloaded = logged(&us, "configuration reloaded");
    assert_eq!((reloaded["changed"].as_u64(), reloaded["need_restart"].as_u64()), (Some(4), Some(2)), "{reloaded}");
    for (setting, from, to) in [
        ("log.filter", "info", "portcullis=debug"),
        ("limits.product_bytes", "16777216", "2048"),
        ("limits.attempts_per_minute", "60", "120"),
        ("gateway.request_days_max", "90", "1"),
    ] {
        let line = logged(&us, &format!("\"setting\":\"{setting}\""));
        assert_eq!((line["from"].as_str(), line["to"].as_str()), (Some(from), Some(to)), "{line}");
        assert_eq!(line["message"], "setting changed");
    }
    for setting in ["store.spool", "store.reserve_bytes"] {
        let line = logged(&us, &format!("\"setting\":\"{setting}\""));
        assert!(line["message"].as_str().unwrap().contains("restart") && line["level"] == "WARN", "{line}");
    }
    // The new filter is in force: debug events of ours are logged from now on.
    until_logged(&us, "\"level\":\"DEBUG\"", 1);

    // A file with faults is refused, with each of them, and the configuration in force stays.
    us.reconfigure("request_days_max = 1\n", "request_days_max = 0\nno_such_setting = 1\n");
    hang_up(&us);
    until_logged(&us, "configuration not reloaded", 1);
    let refused = logged(&us, "configuration not reloaded");
    let faults = refused["faults"].as_str().unwrap();
    assert!(faults.contains("request_days_max") && faults.contains("no_such_setting"), "{refused}");
    us.reconfigure("request_days_max = 0\nno_such_setting = 1\n", "request_days_max = 1\n");
    us.reconfigure("filter = \"portcullis=debug\"", "filter = \"portcullis=loud\"");
    hang_up(&us);
    until_logged(&us, "configuration not reloaded", 2);
    assert!(logged(&us, "configuration not reloaded")["faults"].as_str().unwrap().contains("portcullis=loud"));
    // No file at all is one with a fault.
    let kept = us.folder.join("kept.toml");
    std::fs::rename(us.config(), &kept).unwrap();
    hang_up(&us);
    us.until_logged("portcullis.toml: not found");
    std::fs::rename(&kept, us.config()).unwrap();

    assert_eq!(us.pid(), pid);
    assert!(us.stop(), "it serves until SIGTERM");
}

#[test]
fn a_hangup_while_the_server_starts_does_not_end_it() {
    let world = World::new();
    let mut node = world.node("exercise-usa", "USA");
    node.serve();
    // As soon as it has its signals, and while it opens the node.
    let blocked = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap_or("0").to_owned();
        u64::from_str_radix(&caught, 16).unwrap_or(0) & 1 != 0
    };
    while !blocked(node.pid()) {
        std::thread::yield_now();
    }
    hang_up(&node);
    node.until_serving();
    until_logged(&node, "configuration reloaded", 1);
    assert!(node.stop());
}

#[test]
fn config_check_says_everything_that_is_wrong_at_once() {
    let world = World::new();
    let mut node = world.node("exercise-usa", "USA");
    let good = node.run(&["config", "check"]).expect(0);
    assert_eq!((good.value["ok"].as_bool(), good.list("/faults").len()), (Some(true), 0), "{}", good.stdout);
    assert!(node.run_human(&["config", "check"]).expect(0).stdout.contains("in order"));
    // The address is this node's own server's.
    node.serve();
    node.until_serving();
    node.run(&["config", "check", node.config().to_str().unwrap()]).expect(0);
    assert!(node.stop());

    let set = |path: &Path, mode: u32| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let part = |name: &str| node.folder.join(name);
    let taken = UdpSocket::bind(("127.0.0.1", node.port)).unwrap();
    set(&part("keys/ledger.key"), 0o644);
    std::fs::write(part("keys/payload.key"), "EXERCISE\n").unwrap();
    std::fs::remove_file(part("certs/crl.pem")).unwrap();
    set(&part("store/portcullis.db"), 0o640);
    set(&part("store/spool"), 0o777);
    node.reconfigure("# filter = \"info\"", "filter = \"portcullis=loud\"");
    node.reconfigure("# poll_ms = 100", "poll_ms = 1");
    let bad = node.run(&["config", "check"]).expect(2);
    let faults: Vec<&str> = bad.list("/faults").iter().map(|fault| fault.as_str().unwrap()).collect();
    for (said, what) in [
        ("portcullis.toml:", "poll_ms"),
        ("log.filter", "portcullis=loud"),
        ("keys.folder", "ledger.key"),
        ("keys.folder", "payload.key"),
        ("certificates.folder", "crl.pem"),
        ("listen.address", "in use"),
        ("store.database", "chmod 600"),
        ("store.spool", "chmod 700"),
    ] {
        assert!(faults.iter().any(|fault| fault.contains(said) && fault.contains(what)), "{said}, {what}: {faults:#?}");
    }
    assert_eq!(faults.len(), 8, "{faults:#?}");
    assert!(node.run_human(&["config", "check"]).expect(2).stdout.contains("8 faults"));
    drop(taken);
    // Another file is one fault, not one for each setting that it lacks.
    let other = world.file("other.toml", "EXERCISE = 1\n[package]\nname = \"exercise\"\n");
    let answer = node.run(&["config", "check", &other]).expect(2);
    assert_eq!(answer.list("/faults").len(), 1, "{}", answer.stdout);
    assert!(answer.text("/faults/0").contains("this is not a node's configuration"), "{}", answer.stdout);
    // What cannot be read, and what is no file.
    let missing = node.run(&["config", "check", "/nonexistent/portcullis.toml"]).expect(2);
    assert!(missing.text("/faults/0").contains("not found"), "{}", missing.stdout);
    node.run(&["config", "check", node.folder.to_str().unwrap()]).expect(2);
    // Another profile than the certificates'.
    let other = world.node("exercise-gbr", "GBR");
    other.reconfigure("profile = \"cnsa2\"", "profile = \"classical\"");
    let answer = other.run(&["config", "check"]).expect(2);
    assert!(answer.text("/faults/0").contains("`profile` in section `[listen]` is `classical`"), "{}", answer.stdout);
}

#[test]
fn the_unit_reloads_by_the_same_signal_once_the_file_was_checked() {
    let unit = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/portcullis.service")).unwrap();
    let reload: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix("ExecReload=")).collect();
    assert!(reload[0].starts_with("/usr/bin/portcullis ") && reload[0].ends_with(" config check"), "{reload:?}");
    assert_eq!(reload[1], "/bin/kill -HUP $MAINPID");
}

/// Its received time is that of its receipt; being taken moves nothing, and the ledger says who took it.
#[test]
fn what_was_taken_keeps_its_received_time_and_the_ledger_says_who_took_it() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let file = world.product("TAKEN", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let exchange = world.release(&us, &[file], "exercise-gbr").text("/exchanges/0/exchange").to_owned();
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    let before = them.run(&["inbox", "list"]).expect(0);
    let received = before.text("/items/0/received").to_owned();
    assert!(!received.is_empty() && before.text("/items/0/taken").is_empty(), "{}", before.stdout);
    let place = |name: &str| world.path(name).display().to_string();
    them.run(&["inbox", "take", &exchange, "--out", &place("one.txt")]).expect(0);
    let after = them.run(&["inbox", "list"]).expect(0);
    let taken = after.text("/items/0/taken").to_owned();
    assert_eq!((after.text("/items/0/received"), after.text("/items/0/state")), (&*received, "taken"));
    assert!(taken > received, "{taken} {received}");
    let by = ["inbox", "take", &exchange, "--out", &place("two.txt"), "--by", "exercise-reader"];
    them.run(&by).expect(0);
    assert_eq!(them.run(&["inbox", "list"]).expect(0).text("/items/0/taken"), taken, "when it was taken first");
    let shown = them.run_human(&["inbox", "list"]).expect(0).stdout;
    assert!(shown.contains(&format!("received {received}")) && shown.contains(&format!("taken {taken}")), "{shown}");

    let account = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let entries = them.run(&["ledger", "show"]).expect(0);
    let took: Vec<_> = entries.list("/entries").iter().filter(|entry| entry["kind"] == "inbox.taken").collect();
    let said = |n: usize, what: &str| took[n]["detail"][what].as_str().unwrap_or_default().to_owned();
    assert_eq!((said(0, "by"), said(0, "account")), (account.trim().to_owned(), account.trim().to_owned()));
    assert_eq!((said(1, "by"), said(1, "account")), ("exercise-reader".to_owned(), account.trim().to_owned()));
    them.run(&["ledger", "verify"]).expect(0);
    assert!(Path::new(&program()).exists() && us.stop() && them.stop());
}
