//! Commands that are killed, or whose disk fails, between any two of their steps: what they make is there whole or not at
//! all, the next command goes on from there, and nothing is undone of which it is not known whether it is on record.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{self, Answer, Node, World, block_on, program};
use async_trait::async_trait;
use portcullis::config::Replacement;
use portcullis::digest::Digest;
use portcullis::edge::{DeliveryFailure, KeyGate, PayloadSource, StopSignal, Transport};
use portcullis::gateway::DecidedRequests;
use portcullis::ident::PartnerId;
use portcullis::ledger::{Entry, EntryKind};
use portcullis::store::{Commit, Exchange, ExchangeState};
use portcullis::wire::{KeyAnswer, Offer};

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
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

/// Runs a command of a node while no sync of its write-ahead log works.
fn with_failing_syncs(node: &Node, arguments: &[&str]) -> Answer {
    let (config, wal) = (node.config().display().to_string(), node.folder.join("store/portcullis.db-wal"));
    let arguments = [&["--format", "json", "--config", &config], arguments].concat();
    tampered("fsync,fdatasync:error=EIO", Some(&wal), &arguments)
}

/// A product that was delivered to `them`: its exchange.
fn delivered(world: &World, us: &mut Node, them: &mut Node, id: &str) -> String {
    let file = world.product(id, BANNER, PORTION);
    let exchange = world.release(us, &[file], &them.name).text("/exchanges/0/exchange").to_owned();
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
    exchange
}

fn kinds(node: &Node, subject: &str) -> Vec<EntryKind> {
    let node = node.open();
    block_on(async {
        let entries = node.store().entries_about(subject).await.unwrap();
        node.store().close().await;
        entries.iter().map(|recorded| recorded.entry.kind()).collect()
    })
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
    if support::not_run::can_trace() {
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
fn a_file_that_could_not_be_written_is_in_nobodys_way() {
    let world = World::new();
    let key = world.path("exercise.key").display().to_string();
    let new_key = ["officer", "new-key", &key];
    if support::not_run::can_trace() {
        // The private key, its name, and the public key beside it.
        for (call, moment) in [("fsync", 1), ("renameat2", 1), ("fsync", 2), ("fsync", 3), ("renameat2", 2)] {
            let full = tampered(&format!("{call}:error=ENOSPC:when={moment}"), None, &new_key);
            assert_eq!(full.status, 3, "{call} {moment}: {}", full.stdout);
            assert_eq!(names(world.folder.path()), [""; 0], "{call} {moment}");
        }
    }
    let made = Command::new(program()).args(new_key).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(names(world.folder.path()), ["exercise.key", "exercise.key.pub"]);
    // A kill or a power cut between the two files leaves the first: the next try completes it.
    let public = std::fs::read(format!("{key}.pub")).unwrap();
    std::fs::remove_file(format!("{key}.pub")).unwrap();
    let other = Command::new(program()).args(new_key).args(["--algorithm", "ed25519"]).output().unwrap();
    assert_eq!(other.status.code(), Some(1), "a key of another kind is not what was asked for");
    let made = Command::new(program()).args(["--format", "json"]).args(new_key).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(String::from_utf8_lossy(&made.stdout).contains("\"made\": false"), "{made:?}");
    assert_eq!(std::fs::read(format!("{key}.pub")).unwrap(), public);
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

/// Signs a change in a process of its own, which reviewed the file and waits for its turn at it when this returns.
fn sign_and_wait(node: &Node, change: &str, key: &str) -> Child {
    let mut command = Command::new(program());
    command.arg("--config").arg(node.config()).args(["change", "sign", change, "--yes", "--key", key]);
    let mut signing = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let process = signing.id().to_string();
    let waits = |line: &str| line.contains("->") && line.split_whitespace().any(|word| word == process);
    while !fs::read_to_string("/proc/locks").unwrap().lines().any(waits) {
        assert_eq!(signing.try_wait().unwrap(), None, "it did not wait");
        std::thread::yield_now();
    }
    signing
}

#[test]
fn two_who_sign_one_file_at_the_same_moment_have_both_signed_it() {
    let world = World::new();
    let node = world.node_of("exercise-usa", "USA", "classical");
    let propose = |name: &str| {
        let file = world.path("words").join(format!("{name}.txt"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, format!("PORTCULLIS WORDS 1\nName: EXERCISE\nMarking: UNCLASSIFIED\nexercise {name}\n"))
            .unwrap();
        world.propose(&node, &[file.display().to_string()])
    };
    let (change, another) = (propose("first"), propose("second"));
    let [one, two] = world.deciders(&node).map(|officer| world.key(&officer));
    let copy = world.path("copy.json").display().to_string();
    fs::copy(&change, &copy).unwrap();
    node.run(&["change", "sign", &copy, "--yes", "--key", &two]).expect(0);
    let turn = Replacement::begin(Path::new(&change), 0o600).unwrap();
    let signing = sign_and_wait(&node, &change, &one);
    turn.finish(&fs::read(&copy).unwrap()).unwrap();
    assert!(signing.wait_with_output().unwrap().status.success());
    // What takes the file's place meanwhile is not what was reviewed, and is not signed.
    let turn = Replacement::begin(Path::new(&another), 0o600).unwrap();
    let signing = sign_and_wait(&node, &another, &one);
    turn.finish(&fs::read(&copy).unwrap()).unwrap();
    let refused = signing.wait_with_output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no longer the change that was shown"), "{refused:?}");
    // Of those who apply it at the same moment one does, and the others are refused.
    let apply = || {
        let mut command = Command::new(program());
        command.arg("--config").arg(node.config()).args(["change", "apply", &change]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let applying: Vec<Child> = (0..4).map(|_| apply()).collect();
    let ended: Vec<_> = applying.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let of = |status| ended.iter().filter(|output| output.status.code() == Some(status)).count();
    assert_eq!((of(0), of(1)), (1, 3), "{ended:?}");
}

#[test]
fn what_is_taken_is_on_record_before_any_of_it_is_there_and_can_be_taken_again() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let exchange = delivered(&world, &mut us, &mut them, "TAKEN");
    let place = world.path("taken.txt");
    let take = ["inbox", "take", &exchange, "--out", place.to_str().unwrap()];
    let plain = |folder: &Path| {
        let files = names(folder).into_iter().map(|name| folder.join(name)).filter(|path| path.is_file());
        files.filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("EXERCISE text of TAKEN"))).count()
    };
    let before = plain(world.folder.path());
    if support::not_run::can_trace() {
        // It may be on record and may not be: nothing is written, and nothing is undone.
        let failed = with_failing_syncs(&them, &take).expect(3);
        assert!(failed.stderr.contains("not known whether the taking of"), "{}", failed.stderr);
        assert!(failed.stderr.contains(&format!("status {exchange}")), "{}", failed.stderr);
        assert_eq!(plain(world.folder.path()), before);
    }
    assert!(them.run_until("taken-recorded", &take));
    assert!(kinds(&them, &exchange).contains(&EntryKind::InboxTaken));
    assert_eq!((plain(world.folder.path()), place.exists()), (before, false), "plaintext without its name");
    // The place that cannot be written is known before anything is on record.
    let taken = |node: &Node| kinds(node, &exchange).iter().filter(|kind| **kind == EntryKind::InboxTaken).count();
    let recorded = taken(&them);
    let nowhere = world.path("nowhere/taken.txt");
    them.run(&["inbox", "take", &exchange, "--out", nowhere.to_str().unwrap()]).expect(1);
    assert_eq!(taken(&them), recorded);
    them.run(&take).expect(0);
    assert_eq!(taken(&them), recorded + 1);
    assert!(plain(world.folder.path()) > before);
    assert!(fs::read_to_string(&place).unwrap().contains("EXERCISE text of TAKEN"));
    them.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_submission_of_unknown_outcome_says_its_number_and_keeps_what_belongs_to_it() {
    let world = World::new();
    let (us, _them) = world.pair();
    let folder = world.path("ATTACHED");
    let bytes = "EXERCISE sighting at berth 4.\n".repeat(64);
    fs::create_dir_all(folder.join("attachments")).unwrap();
    fs::write(folder.join("attachments/sightings.txt"), &bytes).unwrap();
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-ATTACHED\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\n\n{BANNER}\n\n{PORTION} EXERCISE, attached.\n\n\
         {PORTION} ATTACHMENT sightings.txt text/plain {} {}\n",
        bytes.len(),
        Digest::of(bytes.as_bytes())
    );
    fs::write(folder.join("product.txt"), text).unwrap();
    let (folder, key) = (folder.display().to_string(), us.key("exercise-producer"));
    let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    let submit = [&["submit", &folder], &terms[..]].concat();
    let spool = us.folder.join("store/spool");
    let files = || names(&spool).iter().filter(|name| name.contains("rq-")).count();
    let empty = files();
    if support::not_run::can_trace() {
        let failed = with_failing_syncs(&us, &submit).expect(3);
        let number = failed.stderr.split('`').find(|part| part.starts_with("rq-")).unwrap_or_default().to_owned();
        assert!(failed.stderr.contains(&format!("`status {number}`")), "{}", failed.stderr);
        assert!(files() >= empty + 2, "the text and its attachment stay: it may be on record");
        let found = us.run(&["status", &number]);
        assert!([0, 2].contains(&found.status), "{}{}", found.stdout, found.stderr);
    }
    // The neighbour: what is refused is on no record as a request, and nothing of it stays.
    let before = files();
    let refused =
        us.run(&[&["submit", &folder], &terms[..], &["--supersedes", "rq-00000000000000000000000000000000"]].concat());
    assert_ne!(refused.status, 0, "{}", refused.stdout);
    assert_eq!(files(), before);
    let submitted = us.run(&submit).expect(0);
    us.run(&["status", submitted.text("/request")]).expect(0);
    assert!(files() > before);
}

/// Bytes with one bit of their last one flipped.
fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    *bytes.last_mut().unwrap() ^= 1;
    bytes
}

#[test]
fn a_key_that_is_another_than_on_record_is_found_before_it_is_used() {
    let world = World::new();
    let (node, other) = (world.made("exercise-usa", "USA", "cnsa2"), world.made("exercise-gbr", "GBR", "cnsa2"));
    let file = |node: &Node, name: &str| node.folder.join(format!("keys/{name}.key"));
    let found = |name: &str, key: &[u8]| {
        let (place, kept) = (file(&node, name), fs::read(file(&node, name)).unwrap());
        fs::write(&place, key).unwrap();
        let refused = node.run(&["cert", "show"]).expect(3);
        fs::write(&place, kept).unwrap();
        refused.stderr
    };
    for name in ["signing", "payload", "storage", "node"] {
        let said = found(name, &fs::read(file(&other, name)).unwrap());
        for part in [&*format!("{name}.key"), "holds another key", "fingerprint", "from its backup"] {
            assert!(said.contains(part), "{name}: `{part}` is not in {said}");
        }
    }
    // A seed with one flipped bit is a key as good as any, and another one.
    let seed = pem::parse(fs::read_to_string(file(&node, "signing")).unwrap()).unwrap();
    let seed = pem::encode(&pem::Pem::new("PRIVATE KEY", flipped(seed.contents().to_vec())));
    let said = found("signing", seed.as_bytes());
    assert!(said.contains("signing.key"), "{said}");
    node.run(&["cert", "show"]).expect(0);
    // The authorities' keys are held against their certificates when they are used.
    for name in ["ca", "officers"] {
        let (place, kept) = (file(&node, name), fs::read(file(&node, name)).unwrap());
        fs::write(&place, fs::read(file(&other, name)).unwrap()).unwrap();
        let said = node.run(&["cert", "refresh-list"]).expect(3).stderr;
        fs::write(&place, kept).unwrap();
        assert!(said.contains(&format!("{name}.key")) && said.contains("from its backup"), "{said}");
    }
    // A certificate that is gone is put back: another authority in its place would undo what the first one certified.
    let (officers, aside) = (node.folder.join("certs/officers.pem"), node.folder.join("officers.pem"));
    fs::rename(&officers, &aside).unwrap();
    let said = node.run(&["cert", "refresh-list"]).expect(3).stderr;
    assert!(said.contains("officers.pem") && said.contains("from its backup"), "{said}");
    fs::rename(&aside, &officers).unwrap();
    // A head that cannot be read is no head that differs: nothing is known, and nobody is told to accept a loss.
    let (head, aside) = (node.folder.join("store/spool/head"), world.path("head"));
    fs::rename(&head, &aside).unwrap();
    fs::create_dir(&head).unwrap();
    let said = node.run(&["status"]).expect(3).stderr;
    assert!(said.contains("spool/head` cannot be read") && !said.contains("resume"), "{said}");
    fs::remove_dir(&head).unwrap();
    fs::rename(&aside, &head).unwrap();
    // A renewal changes what is on record with the key.
    node.run(&["cert", "renew"]).expect(0);
    node.run(&["cert", "show"]).expect(0);
    node.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_receipt_that_does_not_verify_is_signed_again_and_never_replayed() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let file = world.product("AGAIN", BANNER, PORTION);
    let exchange = world.release(&us, &[file], &them.name).text("/exchanges/0/exchange").to_owned();
    them.serve();
    us.serve_until("receipt-here");
    us.until_dead();
    assert!(them.stop());
    // As a key with a flipped bit signed it: on record, and nobody's receipt.
    let opened = them.open_live();
    block_on(async {
        let row = opened.store().exchange(&exchange.parse().unwrap()).await.unwrap().unwrap();
        let entry = Entry::new(opened.now(), EntryKind::ExchangeReceipted, row.id, "gateway");
        let receipt = Some(flipped(row.receipt.clone().unwrap()));
        let damaged = Exchange { receipt, ..row };
        opened.store().commit(Commit::new().change(damaged).entry(entry)).await.unwrap();
        opened.store().close().await;
    });
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
    assert_eq!(us.exchange(&exchange).receipt, them.exchange(&exchange).receipt);
    let receipted = kinds(&them, &exchange).into_iter().filter(|kind| *kind == EntryKind::ExchangeReceipted).count();
    assert_eq!(receipted, 3, "signed, damaged, signed again");
    assert_eq!(kinds(&them, &exchange).iter().filter(|kind| **kind == EntryKind::ExchangeReceived).count(), 1);
    them.run(&["ledger", "verify"]).expect(0);
}

/// The file of a notice that waits in the spool.
fn notice_file(node: &Node, notice: &str) -> PathBuf {
    let spool = node.folder.join("store/spool");
    let name = names(&spool).into_iter().find(|name| name.contains(notice)).expect("its file");
    spool.join(name)
}

#[test]
fn a_notice_of_a_recall_that_is_lost_is_made_again_and_its_partner_told() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.keep_payloads_in_files();
    let exchanges = ["GONE", "DAMAGED", "UNKNOWN"].map(|id| delivered(&world, &mut us, &mut them, id));
    let key = world.key("exercise-officer-1");
    fn recall<'a>(exchange: &'a str, key: &'a str) -> [&'a str; 6] {
        ["recall", exchange, "--why", "incorrect", "--key", key]
    }
    let notices = [&exchanges[0], &exchanges[1]]
        .map(|exchange| us.run(&recall(exchange, &key)).expect(0).text("/notices/0/exchange").to_owned());
    // Of an order that may be on record no notice is removed: whichever it is, its partner is told.
    let unknown = recall(&exchanges[2], &key);
    if support::not_run::can_trace() {
        let failed = with_failing_syncs(&us, &unknown).expect(3);
        assert!(failed.stderr.contains("not known whether the recall of"), "{}", failed.stderr);
    }
    let again = us.run(&unknown);
    assert!(again.status == 0 || again.stderr.contains("recalled already"), "{}", again.stderr);
    fs::remove_file(notice_file(&us, &notices[0])).unwrap();
    let damaged = notice_file(&us, &notices[1]);
    fs::write(&damaged, flipped(fs::read(&damaged).unwrap())).unwrap();
    us.serve();
    them.serve();
    for exchange in &exchanges {
        us.until(&["status", exchange], |a| a.text("/answer").starts_with("never opened"));
    }
    for notice in &notices {
        assert_eq!(us.run(&["status", notice]).expect(0).text("/state"), "cancelled");
    }
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}

/// A partner that takes whatever it is offered. While the key is asked for, somebody else may hold the store.
struct Taking {
    database: PathBuf,
    held: AtomicBool,
    keys: Mutex<Vec<bool>>,
}

#[async_trait]
impl Transport for Taking {
    async fn deliver(
        &self,
        _: &PartnerId,
        _: Offer,
        _: Box<dyn PayloadSource>,
        key: KeyGate,
        _: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        let holder = self.held.load(Ordering::SeqCst).then(|| {
            let holder = rusqlite::Connection::open(&self.database).unwrap();
            holder.execute_batch("BEGIN IMMEDIATE").unwrap();
            holder
        });
        let left = matches!(key().await, KeyAnswer::Send(Some(_)));
        drop(holder);
        self.keys.lock().unwrap().push(left);
        Err(if left { DeliveryFailure::LinkDown } else { DeliveryFailure::Withdrawn })
    }

    fn link_failure(&self, _: &PartnerId) -> Option<String> {
        None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_put_on_record_when_it_is_sent_is_tried_again_and_not_held() {
    let world = World::new();
    let (us, _them) = world.pair();
    let file = world.product("BUSY", BANNER, PORTION);
    let exchange = world.release(&us, &[file], "exercise-gbr").text("/exchanges/0/exchange").parse().unwrap();
    let config = portcullis::config::Config::read(&us.config()).unwrap();
    let opened = portcullis::gateway::Node::open(config, Arc::new(portcullis::system::SystemClock)).await;
    let node = Arc::new(opened.unwrap());
    let roster = node.store().generations().await.unwrap().roster;
    let mut seen = DecidedRequests::default();
    while node.release_approved(&mut seen, roster).await.unwrap() {}
    let (database, keys) = (us.folder.join("store/portcullis.db"), Mutex::default());
    let partner = Taking { database, held: true.into(), keys };
    let due = node.store().due(node.now(), 8).await.unwrap().remove(0);
    node.attempt(&partner, due.clone()).await.unwrap();
    let row = node.store().exchange(&exchange).await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts), (ExchangeState::Queued, 0), "{:?}", row.reason);
    let reason = row.reason.unwrap_or_default();
    assert!(reason.contains("could not be decided or recorded") && reason.contains("store is locked"), "{reason}");
    // Its neighbour: with the store free the key leaves.
    partner.held.store(false, Ordering::SeqCst);
    node.attempt(&partner, due).await.unwrap();
    assert_eq!(*partner.keys.lock().unwrap(), [false, true]);
    let about = node.store().entries_about(&exchange.to_string()).await.unwrap();
    assert!(about.iter().all(|recorded| recorded.entry.kind() != EntryKind::ReleaseHeld));
    node.store().close().await;
}
