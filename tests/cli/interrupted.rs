//! An interrupted command says so, and never what its unfinished work seemed to find.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::progress::{BYTES, files, package, pair, signal, start, stored, submit};
use crate::support::{Node, World, program};

/// Whether the process has a file of more than 4 MiB in this folder open.
fn reads_from(child: &Child, folder: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", child.id())).into_iter().flatten().flatten();
    let mut places = open.filter_map(|link| fs::read_link(link.path()).ok());
    places.any(|place| place.starts_with(folder) && fs::metadata(&place).is_ok_and(|file| file.len() > 4 << 20))
}

/// Starts a command, sends it a signal as soon as `ready`, and expects `interrupted` and nothing else.
fn interrupted(node: &Node, words: &[&str], (name, status): (&str, i32), ready: impl Fn(&Child) -> bool) {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    let mut child = start(node, &words);
    while !ready(&child) {
        assert!(child.try_wait().unwrap().is_none(), "{words:?} ended before it was interrupted");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, name);
    let output = child.wait_with_output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{words:?}: {said}{failed}");
    assert_eq!((&*said, &*failed), ("", "portcullis: interrupted\n"), "{words:?}");
}

#[test]
fn an_interruption_is_never_reported_as_a_verdict() {
    let world = World::new();
    let (us, _them) = pair(&world);
    let product = package(&world, BYTES);
    let (file, spool) = (product.to_str().unwrap(), us.folder.join("store/spool").canonicalize().unwrap());
    let (before, bytes) = (files(&spool), stored(&spool));
    // Once all of the attachment is stored, it is inspected.
    let inspects = |_: &Child| stored(&spool) >= bytes + BYTES;
    for ended in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        interrupted(&us, &["--format", "human", "product", "check", file], ended, inspects);
        assert_eq!(files(&spool), before);
    }
    interrupted(&us, &["product", "cut", file, "--for", "exercise-gbr"], ("-INT", 130), inspects);
    assert_eq!(files(&spool), before);
    let words = submit(&us, &product);
    let request = us.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(0).text("/request").to_owned();
    let (key, out) = (us.key("exercise-officer-1"), world.path("request.export"));
    let entries = us.run(&["ledger", "show"]).expect(0).list("/entries").len();
    let reads = |child: &Child| reads_from(child, &spool);
    interrupted(&us, &["request", "show", &request], ("-INT", 130), reads);
    interrupted(&us, &["request", "export", &request, "--out", out.to_str().unwrap()], ("-INT", 130), reads);
    interrupted(&us, &["approve", &request, "--key", &key], ("-INT", 130), reads);
    interrupted(&us, &["approve", &request, "--key", &key, "--yes"], ("-INT", 130), reads);
    assert!(!out.exists());
    assert_eq!(us.run(&["ledger", "show"]).expect(0).list("/entries").len(), entries, "nothing is on record");
    us.run(&["approve", &request, "--key", &key, "--yes"]).expect(0);
}

#[test]
fn a_closed_terminal_leaves_nothing_behind_and_nohup_ignores_it() {
    let world = World::new();
    let (us, _them) = pair(&world);
    let (product, spool) = (package(&world, BYTES), us.folder.join("store/spool"));
    let words = submit(&us, &product);
    let (before, bytes) = (files(&spool), stored(&spool));
    let begun = |_: &Child| stored(&spool) >= bytes + (4 << 20);
    interrupted(&us, &words.iter().map(String::as_str).collect::<Vec<_>>(), ("-HUP", 129), begun);
    assert_eq!(files(&spool), before);
    let child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(program())
        .arg("--config")
        .arg(us.config())
        .args(&words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    while !begun(&child) {
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&child, "-HUP");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("rq-"), "{output:?}");
}
