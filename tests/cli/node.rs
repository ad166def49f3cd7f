//! A node's folder from the command line: what `init` makes and refuses, what `serve` needs, what `ledger verify` finds.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{self, Node, World, program};

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
        assert!(said.contains("nothing was changed") && said.contains("name a folder that does not exist"), "{said}");
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
        for part in [&*format!("keys/{name}.key"), "mode 644", "replace the key", "set its mode to 600"] {
            assert!(refused.stderr.contains(part), "{}", refused.stderr);
        }
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    // A key that this does not read is checked all the same, and so is the folder of all of them.
    for (part, mode, said) in [("keys/ca.key", 0o640, "chmod 600"), ("keys", 0o750, "chmod 700")] {
        let place = node.folder.join(part);
        let own = std::fs::metadata(&place).unwrap().permissions();
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(mode)).unwrap();
        for command in ["status", "serve"] {
            let refused = node.run(&[command]).expect(3);
            assert!(refused.stderr.contains(said) && refused.stderr.contains(part), "{}", refused.stderr);
        }
        std::fs::set_permissions(&place, own).unwrap();
    }
    node.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_private_key_that_an_interrupted_renewal_left_is_gone_after_the_next_start() {
    let world = World::new();
    let mut node = world.node("exercise-usa", "USA");
    let left = node.folder.join("keys/node.00112233.new");
    portcullis::config::write_secret(&left, b"EXERCISE").unwrap();
    node.serve();
    node.until_serving();
    assert!(node.stop());
    assert!(!left.exists());
    let keys = |node: &Node| std::fs::read_dir(node.folder.join("keys")).unwrap().count();
    let before = keys(&node);
    node.run(&["cert", "renew"]).expect(0);
    assert_eq!(keys(&node), before, "a renewal leaves nothing beside the key");
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

/// A disk that went read-only is when an operator looks most.
#[test]
fn what_is_on_record_can_be_seen_on_a_disk_that_takes_no_writes() {
    let world = World::new();
    let node = world.node("exercise-usa", "USA");
    world.officers(&node);
    let run = |arguments: &[&str]| {
        let mount = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@""#;
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", mount, "sh"]).arg(&node.folder);
        command.args(arguments).output().unwrap()
    };
    if !run(&["true"]).status.success() {
        support::not_run::not_permitted("nothing can be mounted here, so that no disk refuses writes");
        return;
    }
    let (program, config) = (program(), node.config());
    let (program, config) = (program.to_str().unwrap(), config.to_str().unwrap());
    for (command, exit) in [
        (&["status"][..], 0),
        (&["ledger", "verify"], 0),
        (&["ledger", "show"], 0),
        (&["inbox", "list"], 0),
        (&["officer", "revoke", "exercise-officer-2"], 3),
        (&["serve"], 3),
    ] {
        let mut arguments = vec![program, "--config", config];
        arguments.extend(command);
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(exit), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
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
    assert_eq!(
        entries.len(),
        13,
        "the node, its first policy, its heads, its keys, its founding and those who were enrolled"
    );
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

#[test]
fn a_command_that_is_given_the_wrong_thing_names_the_right_one() {
    let world = World::new();
    let node = world.made("exercise-usa", "USA", "cnsa2");
    let [one, two] = world.deciders(&node);
    world.public_key(&one);
    world.public_key(&two);
    let folder = Command::new(program()).arg("--config").arg(&node.folder).arg("status").output().unwrap();
    assert_eq!(folder.status.code(), Some(2));
    let said = String::from_utf8_lossy(&folder.stderr).into_owned();
    assert!(said.contains("is a folder: name the file") && said.contains("exercise-usa/portcullis.toml"), "{said}");
    let product = world.product("EARLY", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d", "--key", &world.key(&one)];
    let early = node.run(&[&["submit", &product], &terms[..]].concat()).expect(1);
    assert!(early.stderr.contains("not founded") && early.stderr.contains("found propose"), "{}", early.stderr);
    // A file that is there is refused by whatever would write one, and stays as it is.
    let there = world.file("there", "EXERCISE");
    for command in [&["officer", "new-key", &there] as &[&str], &["partner", "export", "--out", &there]] {
        let refused = node.run(command).expect(1);
        assert!(refused.stderr.contains("exists: name a file that does not"), "{}", refused.stderr);
    }
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "EXERCISE");
    let wrong = node.run(&["approve", "--import", &there]).expect(2);
    assert!(wrong.stderr.contains(&there) && wrong.stderr.contains("approve --offline"), "{}", wrong.stderr);
    // A founding is no change, and a change is in force once.
    let founding = world.path("founding.json").display().to_string();
    let officer =
        |id: &str, role: &str| format!("id={id},name=EXERCISE {id},role={role},key-file={}.pub", world.key(id));
    let both = [officer(&one, "disclosure-officer"), officer(&two, "senior-disclosure-officer")];
    let propose = ["found", "propose", "--officer", &both[0], "--officer", &both[1], "--out", &founding];
    node.run(&propose).expect(0);
    let no_change = node.run(&["change", "sign", &founding, "--yes", "--key", &world.key(&one)]).expect(1);
    assert!(no_change.stderr.contains("this is a founding: sign it with `found sign`"), "{}", no_change.stderr);
    let nobody = node.run(&["found", "sign", &founding, "--key", &world.key(&one)]).expect(1);
    assert!(nobody.stderr.contains("standard input is not a terminal"), "{}", nobody.stderr);
    world.public_key("exercise-stranger");
    // Whose key it is comes first: nobody reads a text in order to be refused.
    let stranger = node.run(&["found", "sign", &founding, "--key", &world.key("exercise-stranger")]).expect(1);
    assert!(stranger.stderr.contains("no officer in the founding has key"), "{}", stranger.stderr);
    node.run(&["found", "sign", &founding, "--yes", "--key", &world.key(&one), "--key", &world.key(&two)]).expect(0);
    node.run(&["found", "apply", &founding]).expect(0);
    let change = world.path("change.json").display().to_string();
    node.run(&["officer", "renew", &one, "--valid-for", "30d", "--out", &change]).expect(0);
    let stranger = node.run(&["change", "sign", &change, "--key", &world.key("exercise-stranger")]).expect(1);
    assert!(stranger.stderr.contains("no officer is enrolled"), "{}", stranger.stderr);
    node.run(&["change", "sign", &change, "--yes", "--key", &world.key(&one), "--key", &world.key(&two)]).expect(0);
    node.run(&["change", "apply", &change]).expect(0);
    let twice = node.run(&["change", "apply", &change]).expect(1);
    assert!(twice.stderr.contains("change 1 is in force since 20"), "{}", twice.stderr);
    let sign_it = node.run(&["found", "sign", &change, "--yes", "--key", &world.key(&one)]).expect(1);
    assert!(sign_it.stderr.contains("`change sign`"), "{}", sign_it.stderr);
}

#[test]
fn what_is_signed_for_is_shown_by_the_fingerprints_that_people_compare() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let [one, two] = world.deciders(&us);
    let file = |name: &str| world.path(name).display().to_string();
    // A new key of somebody who is enrolled: both are shown, as `officer new-key` and `officer show` print them.
    let new = us.run(&["officer", "new-key", &world.key("exercise-new")]).expect(0);
    let old = us.run(&["officer", "show", &one]).expect(0).text("/keys/0").to_owned();
    let change = file("renew.json");
    us.run(&["officer", "renew", &one, "--key", new.text("/public_key"), "--out", &change]).expect(0);
    let shown = us.run(&["change", "show", &change]).expect(1);
    assert_eq!(shown.text("/fingerprints/0/part"), format!("officer/{one}"));
    assert_eq!(shown.text("/fingerprints/0/before/0"), old);
    assert_eq!(shown.text("/fingerprints/0/after/0"), new.text("/fingerprint"));
    let said = us.run_human(&["change", "show", &change]).expect(1).stdout;
    assert!(said.contains(&format!("the key in force: {old}")), "{said}");
    assert!(said.contains(&format!("the key proposed: {}", new.text("/fingerprint"))), "{said}");
    // A partner: the description's, as its operator reads it out; and the ledger key is the same wherever it is shown.
    let description = world.file("gbr.json", &them.run(&["partner", "export"]).expect(0).stdout);
    let (ours, theirs) =
        (us.run(&["partner", "fingerprint"]).expect(0), them.run(&["partner", "fingerprint"]).expect(0));
    let agreement = world.file("agreement.toml", &support::agreement("USA", "GBR", &[]));
    let (change, print) = (file("partner.json"), theirs.text("/description"));
    let add = ["partner", "add", &description, "--agreement", &agreement, "--confirm", print, "--out", &change];
    let proposed = us.run(&add).expect(0);
    assert_eq!(proposed.text("/fingerprints/0/after/0"), print, "{}", proposed.stdout);
    assert!(proposed.list("/fingerprints/0/before").is_empty());
    assert_eq!(proposed.text("/set/instance"), ours.text("/ledger_key"));
    assert_ne!(ours.text("/ledger_key"), theirs.text("/ledger_key"));
    let said = us.run_human(&["change", "show", &change]).expect(1).stdout;
    let in_groups = us.run_human(&["partner", "fingerprint"]).expect(0).stdout;
    let in_groups = in_groups.lines().find_map(|line| line.trim().strip_prefix("ledger key")).unwrap().trim();
    assert!(said.contains(&format!("ledger key   {in_groups}")), "{said}");
    // A founding: everybody's.
    let made = world.made("exercise-nor", "NOR", "cnsa2");
    let founding = file("founding.json");
    let officer =
        |id: &str, role: &str| format!("id={id},name=EXERCISE {id},role={role},key-file={}.pub", world.key(id));
    let both = [officer(&one, "disclosure-officer"), officer(&two, "senior-disclosure-officer")];
    made.run(&["found", "propose", "--officer", &both[0], "--officer", &both[1], "--out", &founding]).expect(0);
    let shown = made.run(&["found", "show", &founding]).expect(1);
    let fingerprint = |id: &str| world.public_key(id).fingerprint().to_string();
    assert_eq!(shown.list("/fingerprints").len(), 2);
    assert_eq!(shown.text("/fingerprints/0/after/0"), fingerprint(&one));
    assert_eq!(shown.text("/fingerprints/1/after/0"), fingerprint(&two));
}
