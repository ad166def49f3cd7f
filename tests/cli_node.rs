//! A node's folder from the command line: what `init` makes and refuses, what `serve` needs, what `ledger verify` finds.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Node, World, program};

/// Every file under a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

fn keys(node: &Node) -> BTreeMap<PathBuf, Vec<u8>> {
    files(&node.folder.join("keys"))
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn init_makes_keys_that_only_the_owner_reads_and_no_two_nodes_share() {
    let world = World::new();
    let (one, other) = (world.node("exercise-one", "USA"), world.node("exercise-two", "USA"));
    assert_eq!(keys(&one).len(), 7);
    for node in [&one, &other] {
        assert!(keys(node).keys().all(|key| mode(key) == 0o600), "{:?}", keys(node).keys());
        assert_eq!(mode(&node.folder), 0o700);
        assert_eq!(mode(&node.folder.join("store/portcullis.db")), 0o600);
        node.run(&["ledger", "verify"]).expect(0);
    }
    let all: Vec<Vec<u8>> = keys(&one).into_values().chain(keys(&other).into_values()).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "every key is a key of its own");
}

#[test]
fn init_refuses_what_exists_and_touches_nothing() {
    let world = World::new();
    let node = world.node("exercise-usa", "USA");
    let before = files(&node.folder);
    let empty = world.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let dangling = world.path("link");
    std::os::unix::fs::symlink(world.path("nowhere"), &dangling).unwrap();
    for folder in [&node.folder, &empty, &dangling] {
        let output = Command::new(program())
            .arg("init")
            .arg(folder)
            .args(["--name", "exercise-other", "--organisation", "EXERCISE", "--contact", "EXERCISE desk"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("nothing was touched") && said.contains("name a folder that does not exist"), "{said}");
    }
    assert_eq!(files(&node.folder), before);
    assert!(files(&empty).is_empty() && !world.path("nowhere").exists());
}

#[test]
fn refuses_a_key_file_that_others_can_read_and_says_what_to_do() {
    let world = World::new();
    let node = world.node("exercise-usa", "USA");
    for name in ["signing", "payload", "storage", "ledger", "node"] {
        let key = node.folder.join(format!("keys/{name}.key"));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = node.run(&["serve"]).expect(3);
        for part in [&*format!("keys/{name}.key"), "mode 644", "replace the key", "set mode 600"] {
            assert!(refused.stderr.contains(part), "{}", refused.stderr);
        }
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    node.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn reports_every_fault_of_a_configuration_at_once_with_its_line() {
    let world = World::new();
    let node = world.node("exercise-usa", "USA");
    let good = std::fs::read_to_string(node.config()).unwrap();
    let text = good
        .replace("code = \"USA\"", "code = \"usa\"")
        .replace("profile = \"cnsa2\"", "profile = \"fast\"")
        .replace("# poll_ms = 100", "poll_ms = -1")
        .replace("# filter = \"info\"", "filtre = \"info\"");
    std::fs::write(node.config(), &text).unwrap();
    let refused = node.run_human(&["serve"]).expect(2);
    let lines: Vec<usize> = refused
        .stderr
        .lines()
        .filter_map(|line| line.split("portcullis.toml:").nth(1)?.split(':').next()?.parse().ok())
        .collect();
    let expected: Vec<usize> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| good.lines().all(|g| g != *line))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(lines, expected, "{}", refused.stderr);
    assert_eq!(lines.len(), 4);
    let missing = Command::new(program()).arg("--config").arg(world.path("none.toml")).arg("serve").output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("portcullis init"));
}

#[test]
fn refuses_to_serve_one_folder_twice() {
    let world = World::new();
    let mut node = world.node("exercise-usa", "USA");
    node.serve();
    node.until_serving();
    let second = node.run(&["serve"]).expect(3);
    assert!(second.stderr.contains("another process serves this node already"), "{}", second.stderr);
    assert!(node.stop(), "SIGTERM ends the first with status 0");
    node.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn ledger_verify_finds_a_flipped_byte_anywhere_in_the_log() {
    let world = World::new();
    let node = world.node("exercise-usa", "USA");
    world.officers(&node);
    node.run(&["ledger", "verify"]).expect(0);
    let database = node.folder.join("store/portcullis.db");
    // What the write-ahead log holds is moved into the file itself by whoever closes it last; the flip must hit that.
    support::sql(&database, "PRAGMA wal_checkpoint(TRUNCATE)");
    let good = std::fs::read(&database).unwrap();
    let opened = node.open();
    let entries: Vec<Vec<u8>> = support::block_on(async {
        let entries = opened.store().entries(0, 100).await.unwrap().iter().map(|r| r.entry.to_bytes()).collect();
        opened.store().close().await;
        entries
    });
    assert_eq!(entries.len(), 11, "the node, its first policy, its founding and those who were enrolled");
    for entry in entries {
        // The last byte is inside a text, so that the entry still reads: only its hash gives it away. A copy may stand in
        // what a page has free since its rows were moved, so that the entry is flipped wherever it stands.
        let mut bad = good.clone();
        let places: Vec<usize> =
            good.windows(entry.len()).enumerate().filter(|(_, w)| *w == entry).map(|(at, _)| at).collect();
        assert!(!places.is_empty(), "an entry stands in the file as it is hashed");
        places.iter().for_each(|at| bad[at + entry.len() - 1] ^= 0x01);
        std::fs::write(&database, &bad).unwrap();
        let answer = node.run(&["ledger", "verify"]).expect(1);
        assert!(answer.value["ok"] == false && !answer.list("/problems").is_empty(), "{}", answer.stdout);
    }
    std::fs::write(&database, &good).unwrap();
    node.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn ledger_verify_finds_a_row_that_was_rewritten_behind_the_ledger() {
    let world = World::new();
    let node = world.node("exercise-usa", "USA");
    world.officers(&node);
    node.run(&["officer", "revoke", "exercise-officer-2"]).expect(0);
    node.run(&["ledger", "verify"]).expect(0);
    support::sql(
        &node.folder.join("store/portcullis.db"),
        "UPDATE officer SET state = 'active' WHERE id = 'exercise-officer-2'",
    );
    let answer = node.run(&["ledger", "verify"]).expect(1);
    assert!(answer.stdout.contains("exercise-officer-2"), "{}", answer.stdout);
}

#[test]
fn a_product_is_bounded_in_every_direction_as_configured() {
    let world = World::new();
    let (us, _) = world.pair();
    let file = |id: &str, portions: usize, tearlines: usize| {
        let portion = "(S//REL TO USA, GBR) EXERCISE.\n\n";
        let tearline = format!("SECRET//REL TO USA, GBR\n\n{}", portion.repeat(portions));
        let body = vec![tearline; tearlines].join("------------------------\n\n");
        let head = format!(
            "Id: EXERCISE-{id}\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE desk\nDate: 2026-11-20\nKind: report"
        );
        world.file(&format!("{id}.txt"), &format!("PORTCULLIS PRODUCT 1\n{head}\n\n{}\n", body.trim_end()))
    };
    let submit = |file: &str| {
        let key = us.key("exercise-producer");
        let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
        us.run(&[&["submit", file], &terms[..]].concat())
    };
    us.reconfigure("# portions = 2000", "portions = 3");
    us.reconfigure("# tearlines = 16", "tearlines = 2");
    submit(&file("FITS", 3, 2)).expect(0);
    for (id, portions, tearlines) in [("PORTIONS", 4, 1), ("TEARLINES", 1, 3)] {
        let refused = submit(&file(id, portions, tearlines)).expect(1);
        assert!(refused.stdout.contains("P-BOUNDS"), "{}", refused.stdout);
    }
    us.reconfigure("# depth = 16", "depth = 65");
    let unreadable = submit(&file("DEPTH", 1, 1)).expect(2);
    assert!(unreadable.stderr.contains("`depth` must be a whole number from 8 to 64"), "{}", unreadable.stderr);
}
