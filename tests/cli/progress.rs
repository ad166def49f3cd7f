//! Long work on a terminal shows how far it is; anywhere else it shows nothing; and Ctrl-C leaves nothing behind.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Node, World, program};
use portcullis::digest::Hasher;

/// As large as it takes for nobody to see only the end of it.
pub const BYTES: u64 = 16 << 20;

/// A product in a folder, with one attachment of plain text.
pub fn package(world: &World, bytes: u64) -> PathBuf {
    let folder = world.path("large");
    fs::create_dir_all(folder.join("attachments")).unwrap();
    let mut file = std::io::BufWriter::new(fs::File::create(folder.join("attachments/sightings.txt")).unwrap());
    let (mut hasher, mut written, mut n) = (Hasher::new(), 0, 0u64);
    while written < bytes {
        let line = format!("EXERCISE sighting {n} at berth {}, nothing more to report.\n", n % 97);
        hasher.update(line.as_bytes());
        file.write_all(line.as_bytes()).unwrap();
        (written, n) = (written + line.len() as u64, n + 1);
    }
    drop(file);
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-LARGE\nTitle: (U) EXERCISE large\nOriginator: (U) EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\n\nSECRET//REL TO USA, GBR\n\n(S//REL TO USA, GBR) EXERCISE, attached.\n\n\
         (S//REL TO USA, GBR) ATTACHMENT sightings.txt text/plain {written} {}\n",
        hasher.finish()
    );
    fs::write(folder.join("product.txt"), text).unwrap();
    folder
}

/// Two nodes whose agreement takes such a product.
pub fn pair(world: &World) -> (Node, Node) {
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let changes = [("payload_bytes_max", "1073741824"), ("bytes_per_second", "1073741824"), ("bytes_burst", "4194304")];
    world.enrol(&us, &them, &changes);
    world.enrol(&them, &us, &changes);
    world.officers(&us);
    (us, them)
}

pub fn submit(node: &Node, product: &Path) -> Vec<String> {
    let key = node.key("exercise-producer");
    let words = ["submit", product.to_str().unwrap(), "--key", &key, "--to", "exercise-gbr"];
    let terms = ["--purpose", "EXERCISE", "--expires", "1d"];
    words.iter().chain(&terms).map(ToString::to_string).collect()
}

pub fn start(node: &Node, arguments: &[String]) -> Child {
    // Where the tests themselves were started by `nohup`, SIGHUP would be ignored here as well.
    let mut command = Command::new("env");
    command
        .arg("--default-signal=HUP")
        .arg(program())
        .arg("--config")
        .arg(node.config())
        .args(arguments)
        .env_remove("PORTCULLIS_CONFIG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Every file under a folder.
pub fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path);
        }
    }
    found
}

/// Bytes on the disk of what is being stored in the spool.
pub fn stored(spool: &Path) -> u64 {
    files(spool).iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum()
}

pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn ctrl_c_while_a_large_attachment_is_submitted_leaves_nothing_behind() {
    let world = World::new();
    let (us, _them) = pair(&world);
    let (product, spool) = (package(&world, BYTES), us.folder.join("store/spool"));
    for (name, status, format) in [("-INT", 130, "human"), ("-TERM", 143, "human"), ("-INT", 130, "json")] {
        let (before, entries) = (files(&spool), us.run(&["ledger", "show"]).expect(0).list("/entries").len());
        let (bytes, others) = (stored(&spool), files(&us.folder));
        let mut arguments = submit(&us, &product);
        arguments.splice(0..0, ["--format".to_owned(), format.to_owned()]);
        let child = start(&us, &arguments);
        while stored(&spool) < bytes + (4 << 20) {
            std::thread::sleep(Duration::from_millis(2));
        }
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains("interrupted"), "{said}");
        if format == "json" {
            let value: serde_json::Value = serde_json::from_str(&said).unwrap();
            assert!(value["error"].as_str().unwrap().contains("interrupted"), "{said}");
        }
        assert_eq!(files(&spool), before);
        let beside = |files: BTreeSet<PathBuf>| -> BTreeSet<PathBuf> {
            files.into_iter().filter(|file| !file.to_string_lossy().contains("portcullis.db")).collect()
        };
        assert_eq!(beside(files(&us.folder)), beside(others));
        assert_eq!(us.run(&["ledger", "show"]).expect(0).list("/entries").len(), entries, "nothing is on record");
        assert!(us.run(&["status", "--awaiting"]).expect(0).list("/awaiting").is_empty());
    }
    us.run(&["ledger", "verify"]).expect(0);
    // It was only interrupted.
    let words = submit(&us, &product);
    us.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
}

#[test]
fn ctrl_c_while_a_large_product_is_taken_leaves_no_half_of_it() {
    let world = World::new();
    let (mut us, mut them) = pair(&world);
    let product = package(&world, BYTES);
    let exchange =
        world.release(&us, &[product.display().to_string()], "exercise-gbr").text("/exchanges/0/exchange").to_owned();
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
    let (folder, out) = (world.path("out"), world.path("out/received"));
    fs::create_dir(&folder).unwrap();
    let take = ["inbox", "take", &exchange, "--out", out.to_str().unwrap()].map(str::to_owned);
    let child = start(&them, &take);
    while fs::read_dir(&folder).unwrap().next().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read_dir(&folder).unwrap().next().is_none(), "{:?}", files(&folder));
    them.run(&take.each_ref().map(String::as_str)).expect(0);
    assert!(out.join("attachments/sightings.txt").exists());
}

#[test]
fn ctrl_c_in_a_demonstration_leaves_no_folder_and_no_server() {
    let world = World::new();
    let child = Command::new(program())
        .arg("demo")
        .env("TMPDIR", world.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let serves = || files(world.folder.path()).iter().any(|file| file.extension().is_some_and(|end| end == "lock"));
    while !serves() {
        std::thread::sleep(Duration::from_millis(20));
    }
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read_dir(world.folder.path()).unwrap().next().is_none(), "{:?}", files(world.folder.path()));
}

/// What a command shows on a terminal; `None` where `script`, which makes one, is missing.
fn on_a_terminal(node: &Node, arguments: &[String]) -> Option<(i32, String)> {
    let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
    let (program, config) = (program(), node.config());
    let line = format!("'{}' --config '{}' {}", program.display(), config.display(), words.join(" "));
    let output = Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output();
    let Ok(output) = output else {
        crate::support::not_run::not_run("script is missing; on Debian: apt-get install bsdutils");
        return None;
    };
    Some((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[test]
fn long_work_shows_rate_and_time_left_on_a_terminal_and_nothing_elsewhere() {
    let world = World::new();
    let (us, _them) = pair(&world);
    let product = package(&world, BYTES);
    let words = submit(&us, &product);
    if let Some((status, shown)) = on_a_terminal(&us, &words) {
        assert_eq!(status, 0, "{shown}");
        for part in ["inspecting attachments", "16.00 MiB", "/s", " left"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(shown.contains("rq-"), "and the answer stands below it: {shown}");
        let json = [&["--format".to_owned(), "json".to_owned()], &words[..]].concat();
        let (status, shown) = on_a_terminal(&us, &json).unwrap();
        assert!(status == 0 && !shown.contains("attachments ["), "{shown}");
    }
    let output = start(&us, &words).wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "nothing where nobody looks");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("attachments ["));
}
