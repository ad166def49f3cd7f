//! Commands that are killed, or whose disk fails, between any two of their steps: what they make is there whole or not at
//! all, the next command goes on from there, and nothing is undone of which it is not known whether it is on record.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Answer, Node, World, block_on, program};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whether strace can trace here; says so where it cannot.
fn can_trace() -> bool {
    let probe = Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let can = probe.is_ok_and(|status| status.success());
    if !can {
        eprintln!("not run: strace is not installed, or may not trace here");
    }
    can
}

/// Runs the program with some of its system calls tampered with: all of them, or those on one file.
fn tampered(inject: &str, on: Option<&Path>, arguments: &[&str]) -> Answer {
    let calls = inject.split(':').next().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &format!("inject={inject}")]);
    if let Some(file) = on {
        strace.arg("-P").arg(file);
    }
    let output = strace.arg(program()).args(arguments).env_remove("PORTCULLIS_CONFIG").stdin(Stdio::null()).output();
    let output = output.unwrap();
    Answer {
        status: output.status.code().unwrap_or(-1),
        value: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_node_is_made_whole_or_not_at_all_wherever_init_is_killed() {
    let world = World::new();
    let place = world.path("exercise-usa");
    let folder = place.display().to_string();
    let init = [
        "init",
        &folder,
        "--name",
        "exercise-usa",
        "--organisation",
        "EXERCISE",
        "--contact",
        "EXERCISE desk",
        "--profile",
        "classical",
    ];
    let mut killed = 0;
    if can_trace() {
        for (call, moments) in [
            ("mkdir,mkdirat", &[1, 2, 4, 8][..]),
            ("renameat2", &[1, 3, 8, 12, 20][..]),
            ("fsync", &[2, 9, 20, 33, 60, 90][..]),
            ("fdatasync", &[1, 2, 3][..]),
            ("pwrite64", &[1, 5, 12][..]),
        ] {
            for moment in moments {
                let answer = tampered(&format!("{call}:signal=KILL:when={moment}"), None, &init);
                if place.exists() {
                    // It was killed when all of it was there, or it came to its end before.
                    fs::remove_dir_all(&place).unwrap();
                } else {
                    assert_ne!(answer.status, 0, "{call} {moment}: {}", answer.stdout);
                    killed += 1;
                }
                assert!(names(world.folder.path()).iter().all(|name| name == ".exercise-usa.new"), "{call} {moment}");
            }
        }
        assert!(killed > 10, "{killed} kills");
    }
    let killed = Command::new(program()).args(init).env("PORTCULLIS_FAULT", "node-made").output().unwrap();
    assert!(killed.status.code().is_none() && !place.exists());
    assert_eq!(names(world.folder.path()), [".exercise-usa.new"]);
    // What they left is no node, and is in nobody's way.
    let made = Command::new(program()).args(init).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(names(world.folder.path()), ["exercise-usa"]);
    let config = place.join("portcullis.toml");
    let verified = Command::new(program()).arg("--config").arg(&config).args(["ledger", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_renewal_that_is_interrupted_leaves_the_old_pair_or_the_new_one() {
    let world = World::new();
    let node = world.made("exercise-usa", "USA", "classical");
    let serial = |node: &Node| node.run(&["cert", "show"]).expect(0).text("/node_serial").to_owned();
    let mut before = serial(&node);
    for (place, renewed) in [("renewal-written", false), ("renewal-recorded", true), ("renewal-key-switched", true)] {
        assert!(node.run_until(place, &["cert", "renew"]), "{place} was not reached");
        // Whatever command is next, it finds the pair that the ledger says; key and certificate belong together.
        let after = serial(&node);
        assert_eq!(after != before, renewed, "{place}");
        let opened = node.open();
        opened.credential().unwrap();
        block_on(opened.store().close());
        let left =
            [node.folder.join("keys"), node.folder.join("certs")].iter().flat_map(|f| names(f)).collect::<Vec<_>>();
        assert!(!left.iter().any(|name| name.contains("next") || name.contains(".new")), "{place}: {left:?}");
        before = after;
    }
    node.run(&["cert", "renew"]).expect(0);
    assert_ne!(serial(&node), before);
    node.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_policy_folder_of_which_a_part_was_written_is_finished_and_an_edit_is_refused() {
    let world = World::new();
    let mut node = world.node_of("exercise-usa", "USA", "classical");
    let list = |name: &str| {
        let text = format!("PORTCULLIS WORDS 1\nName: EXERCISE {name}\nMarking: UNCLASSIFIED\nexercise {name} word\n");
        let file = world.path("lists/words").join(format!("{name}.txt"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let lists = ["first", "second", "third"].map(list);
    let change = world.propose(&node, &lists);
    for officer in world.deciders(&node) {
        node.run(&["change", "sign", &change, "--yes", "--key", &world.key(&officer)]).expect(0);
    }
    assert!(node.run_until("policy-text-written", &["change", "apply", &change]));
    let words = node.folder.join("policy/words");
    let there = || names(&words).into_iter().filter(|name| name.ends_with(".txt")).count();
    assert_eq!(there(), 1, "it was killed after the first");
    // Beside an edit, nothing of it is finished: nobody has signed for the edit.
    let rules = node.folder.join("policy/release.cedar");
    let signed = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, format!("{signed}\n// EXERCISE\n")).unwrap();
    node.serve();
    assert_ne!(node.until_ended(), Some(0));
    assert_eq!(there(), 1);
    fs::write(&rules, signed).unwrap();
    node.serve();
    node.until_serving();
    assert_eq!(there(), 3);
    assert!(node.stop());
}

