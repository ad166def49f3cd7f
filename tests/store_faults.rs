//! What the embedded store does when processes die, disks fill or fail, and its file is altered.
//!
//! A test that needs a second process runs this same program again: the test `child` does what the environment says.

#[path = "support/not_run.rs"]
mod not_run;
mod store_support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use portcullis::digest::Digest;
use portcullis::ledger::{EntryKind, Frontier, LedgerFault, LedgerKey, Origin, SignedCheckpoint, leaf_hash};
use portcullis::sign::{Algorithm, LocalSigner, Signer};
use portcullis::store::*;
use rusqlite::params;
use store_support::*;

const TASK: &str = "PORTCULLIS_TEST_CHILD";
/// The number of a child that only reads, on a read-only disk.
const LOOKS: u16 = u16::MAX;

/// Commits exchanges `from..` until it is killed, fails or has made 400, and prints the number of each once it is
/// durable; then how it ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (folder, from) = task.split_once('#').expect("a folder and a number");
    let from: u16 = from.parse().expect("a number");
    let signer = Arc::new(LocalSigner::from_pkcs8(&std::fs::read(Path::new(folder).join("key")).unwrap()).unwrap());
    let store = SqliteStore::open(&Path::new(folder).join("store.db"), signer).await.expect("a store");
    if from == LOOKS {
        assert_whole(&store).await;
        let refused = put(&store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await;
        assert!(matches!(refused, Err(StoreError::Stopped { .. })), "{refused:?}");
        println!("durable {}\ndone", store.counts().await.unwrap().exchanges.values().sum::<u64>());
        return;
    }
    for n in from..from + 400 {
        let outcome = put(&store, outbound(n, "exercise-gbr"), EntryKind::ExchangeRequested, ex(n)).await;
        match outcome {
            Ok(_) => println!("durable {n}"),
            Err(StoreError::Broken { .. }) => {
                let again = put(&store, outbound(n + 1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(n + 1)).await;
                assert!(matches!(again, Err(StoreError::Broken { .. })), "a broken store took a write: {again:?}");
                println!("broken");
                // As one that was killed: nothing is closed.
                std::process::exit(0);
            }
            Err(error) => panic!("{error}"),
        }
    }
    println!("done");
}

/// A store whose key children can read.
async fn shared() -> (Place, SqliteStore) {
    let key = LocalSigner::generate(Algorithm::Ed25519).unwrap();
    let signer: Arc<dyn Signer> = Arc::new(LocalSigner::from_pkcs8(&key).unwrap());
    let place = Place { folder: tempfile::tempdir().unwrap(), signer };
    std::fs::write(place.folder.path().join("key"), &*key).unwrap();
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    (place, store)
}

fn arguments(command: &mut Command, place: &Place, from: u16) -> Child {
    let task = format!("{}#{from}", place.folder.path().display());
    let command = command.args(["child", "--exact", "--nocapture", "--test-threads=1"]).env(TASK, task);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("this program runs again")
}

fn spawn(place: &Place, from: u16) -> Child {
    arguments(&mut Command::new(std::env::current_exe().unwrap()), place, from)
}

/// Reads what a child says, up to the `stop`th durable commit, at which it is killed; returns the last number.
fn listen(child: &mut Child, stop: usize) -> (Option<u16>, String) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut last, mut end, mut count) = (None, String::new(), 0);
    for line in lines.map_while(Result::ok) {
        if let Some((_, number)) = line.split_once("durable ") {
            last = number.parse().ok();
            count += 1;
            if count == stop {
                child.kill().unwrap();
            }
        } else if ["done", "broken"].contains(&line.as_str()) {
            end = line;
        }
    }
    child.wait().unwrap();
    (last, end)
}

async fn assert_whole(store: &SqliteStore) -> BTreeMap<(Direction, ExchangeState), u64> {
    let verification = store.verify().await.unwrap();
    assert!(verification.is_good(), "{verification}");
    store.counts().await.unwrap().exchanges
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let (place, store) = shared().await;
    store.close().await;
    let mut from = 0;
    for stop in [1, 2, 3, 7, 20, 41] {
        let mut child = spawn(&place, from);
        let (last, _) = listen(&mut child, stop);
        let last = last.expect("a child that committed at least once");
        let store = place.open().await.unwrap();
        assert!(store.exchange(&ex(last)).await.unwrap().is_some(), "acknowledged and lost");
        let kept = assert_whole(&store).await[&(Direction::Out, ExchangeState::Requested)];
        // At most the one commit that was not acknowledged is there beyond it.
        assert!(u64::from(last) < kept && kept <= u64::from(last) + 2, "{kept} kept, {last} acknowledged");
        from = u16::try_from(kept).unwrap();
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_one_ledger() {
    let (place, store) = shared().await;
    let before = store.generations().await.unwrap();
    let (mut one, mut two) = (spawn(&place, 1000), spawn(&place, 2000));
    for n in 0..100 {
        put(&store, outbound(n, "exercise-gbr"), EntryKind::ExchangeRequested, ex(n)).await.unwrap();
    }
    let other = std::thread::spawn(move || listen(&mut two, usize::MAX).1);
    assert_eq!(listen(&mut one, usize::MAX).1, "done");
    assert_eq!(other.join().unwrap(), "done");
    assert_eq!(assert_whole(&store).await[&(Direction::Out, ExchangeState::Requested)], 900);
    assert_eq!(store.head().await.unwrap().size(), 901);
    assert!(store.generations().await.unwrap().all >= before.all + 800, "another process's commits were not noticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_is_never_retried_into_success() {
    if !not_run::can_trace() {
        return;
    }
    let (place, store) = shared().await;
    store.close().await;
    // All syncs from one on fail, or a single one: later results prove nothing in either case.
    for (when, rest) in [(8, "+"), (15, "+"), (8, ""), (15, "")] {
        let mut strace = Command::new("strace");
        let inject = format!("inject=fsync,fdatasync:error=EIO:when={when}{rest}");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &inject]);
        strace.arg(std::env::current_exe().unwrap());
        let from = 1000 * (when + u16::from(rest.is_empty()));
        let mut child = arguments(&mut strace, &place, from);
        let (last, end) = listen(&mut child, usize::MAX);
        assert_eq!(end, "broken");
        assert_log_is_synced_before_it_is_read(&place, from + 500);
        let store = place.open().await.unwrap();
        assert!(store.earlier_sync_failure().is_some(), "nobody is told that a sync failed");
        SqliteStore::clear_earlier_sync_failure(&place.db());
        if let Some(last) = last {
            assert!(store.exchange(&ex(last)).await.unwrap().is_some(), "acknowledged and lost");
        }
        assert_whole(&store).await;
        store.close().await;
    }
}

/// After a failed sync the kernel may consider pages clean that are not on disk. The next process that opens the store
/// rewrites every byte of the log, and syncs it, before SQLite reads the database.
fn assert_log_is_synced_before_it_is_read(place: &Place, from: u16) {
    let log = place.folder.path().join("store.db-wal");
    let length = std::fs::metadata(&log).expect("what was committed is in the log").len();
    assert!(length > 0);
    let trace = place.folder.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-s", "0", "-e", "trace=openat,pwrite64,fsync,fdatasync", "-o"]).arg(&trace);
    let mut child = arguments(strace.arg(std::env::current_exe().unwrap()), place, from);
    assert!(listen(&mut child, 1).0.is_some());
    let trace = std::fs::read_to_string(trace).unwrap();
    let calls: Vec<&str> = trace.lines().filter(|line| line.contains("/store.db")).collect();
    let read =
        calls.iter().position(|call| call.contains("openat") && call.contains("/store.db\"")).expect("it is opened");
    let (mut written, mut synced) = (0, false);
    for call in calls[..read].iter().filter(|call| call.contains("store.db-wal>")) {
        match call.contains("pwrite64") {
            true => written += call.rsplit("= ").next().unwrap().trim().parse::<u64>().unwrap(),
            false => synced = call.contains("sync") && call.ends_with("= 0") && written == length,
        }
    }
    assert!(synced, "{written} of {length} bytes of the log were written again: {calls:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_the_commit_and_harms_nothing() {
    let (place, store) = shared().await;
    store.close().await;
    let bytes_max = std::fs::metadata(place.db()).unwrap().len() + 64 * 4096;
    let store = SqliteStore::open_bounded(&place.db(), place.signer.clone(), bytes_max).await.unwrap();
    let mut taken = 0u16;
    let refused = loop {
        let mut row = outbound(taken, "exercise-gbr");
        row.purpose = Some("EXERCISE ".repeat(400));
        match put(&store, row, EntryKind::ExchangeRequested, ex(taken)).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 1000, "the bound was never reached");
    };
    assert_eq!(refused, StoreError::Full);
    assert_eq!(assert_whole(&store).await[&(Direction::Out, ExchangeState::Requested)], u64::from(taken));
    assert_eq!(store.exchange(&ex(taken)).await.unwrap(), None);
    store.close().await;
    // Once there is space again, commits succeed without reopening.
    let store = place.open().await.unwrap();
    put(&store, outbound(taken, "exercise-gbr"), EntryKind::ExchangeRequested, ex(taken)).await.unwrap();
    assert_whole(&store).await;
}

/// Runs a program in a mount namespace in which this folder is read-only.
fn without_writes(folder: &Path) -> Command {
    let mount = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", mount, "sh"]).arg(folder);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opens_a_store_on_a_read_only_disk_for_reading() {
    let (place, store) = shared().await;
    put(&store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    store.close().await;
    if !without_writes(place.folder.path()).arg("true").stderr(Stdio::null()).status().is_ok_and(|s| s.success()) {
        not_run::not_permitted("nothing can be mounted, so that no disk refuses writes");
        return;
    }
    let log = place.folder.path().join("store.db-wal");
    for left in [false, true] {
        if left {
            assert!(listen(&mut spawn(&place, 10), 3).0.is_some());
        }
        assert_eq!(log.exists(), left);
        let mut command = without_writes(place.folder.path());
        let mut child = arguments(command.arg(std::env::current_exe().unwrap()), &place, LOOKS);
        let (kept, end) = listen(&mut child, usize::MAX);
        assert_eq!(end, "done");
        assert!(if left { kept >= Some(4) } else { kept == Some(1) }, "{kept:?}");
    }
    assert_whole(&place.open().await.unwrap()).await;
}

/// A closed store with 600 entries about 20 exchanges, a partner, two officers, a request and an approval: a copy of the one
/// that is made once.
async fn history() -> Place {
    static MADE: tokio::sync::OnceCell<(Vec<u8>, Arc<dyn Signer>)> = tokio::sync::OnceCell::const_new();
    let (bytes, signer) = MADE.get_or_init(make_history).await;
    let place = Place { signer: signer.clone(), ..Place::new() };
    std::fs::write(place.db(), bytes).unwrap();
    std::fs::set_permissions(place.db(), std::fs::Permissions::from_mode(0o600)).unwrap();
    place
}

async fn make_history() -> (Vec<u8>, Arc<dyn Signer>) {
    let place = Place::new();
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    let alice = add_officer(&store, "alice").await;
    put(&store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    for n in 1..=20 {
        let mut row = outbound(n, "exercise-gbr");
        row.request = Some(rq(1));
        put(&store, row, EntryKind::ExchangeRequested, ex(n)).await.unwrap();
    }
    let statement = b"EXERCISE approval".to_vec();
    let approval = Approval { request: rq(1), exchange: ex(1), officer: alice, statement, given: NOW };
    put(&store, approval, EntryKind::ApprovalGiven, ex(1)).await.unwrap();
    put(&store, sealed(read(&store, 1).await), EntryKind::ExchangeSealed, ex(1)).await.unwrap();
    let setting = Setting { name: "policy".into(), value: vec![1], changed: NOW, version: Version::NEW };
    put(&store, setting, EntryKind::PolicyChanged, "policy").await.unwrap();
    for n in 0..574 {
        store.commit(Commit::new().entry(note(EntryKind::Alarm, format!("exercise-{n}")))).await.unwrap();
    }
    assert_eq!(store.head().await.unwrap().size(), 600);
    assert_whole(&store).await;
    store.close().await;
    (std::fs::read(place.db()).unwrap(), place.signer.clone())
}

#[tokio::test]
async fn refuses_to_open_with_another_ledger_key() {
    let mut place = history().await;
    place.signer = signer();
    assert!(matches!(place.open().await, Err(StoreError::WrongKey { .. })));
}

#[tokio::test]
async fn refuses_to_overwrite_a_store_or_open_none() {
    let place = history().await;
    let node = "exercise-usa".parse().unwrap();
    let again = SqliteStore::create(&place.db(), &node, place.signer.clone(), NOW).await;
    assert!(matches!(again, Err(StoreError::Place { .. })));
    let none = SqliteStore::open(&place.folder.path().join("none.db"), place.signer.clone()).await;
    assert!(matches!(none, Err(StoreError::Place { .. })));
    assert_eq!(std::fs::metadata(place.db()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn opens_a_store_of_an_earlier_version_and_refuses_one_of_a_later_version() {
    let place = history().await;
    // As the rows stood then: with their documents in them, but for the headers, which came later.
    place.meddle(
        "CREATE TABLE later AS SELECT exchange, header FROM document; \
         ALTER TABLE exchange ADD COLUMN manifest BLOB; ALTER TABLE exchange ADD COLUMN receipt BLOB; \
         ALTER TABLE exchange ADD COLUMN partner_checkpoint TEXT; \
         UPDATE exchange SET manifest = document.manifest, receipt = document.receipt, \
         partner_checkpoint = document.partner_checkpoint FROM document WHERE document.exchange = exchange.seq; \
         DROP VIEW whole_exchange; DROP TABLE document; DROP TABLE payload; DROP TABLE print; \
         DROP INDEX exchange_unanswered; ALTER TABLE exchange DROP COLUMN unanswered; \
         ALTER TABLE officer DROP COLUMN declared; ALTER TABLE request DROP COLUMN objective; \
         ALTER TABLE request DROP COLUMN engages; ALTER TABLE request DROP COLUMN supports_outcome; PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = replace(sql, ' ''delivered-after-stop'',', '') WHERE name = 'exchange'; \
         PRAGMA writable_schema = RESET",
    );
    place.meddle(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN NOT NULL); \
         INSERT INTO _sqlx_migrations VALUES (1, TRUE), (10, TRUE), (60, TRUE); PRAGMA user_version = 0",
    );
    place.open().await.unwrap().close().await;
    place.meddle(
        "UPDATE document SET header = later.header FROM later WHERE later.exchange = document.exchange; \
         DROP TABLE later",
    );
    let store = place.open().await.unwrap();
    assert_whole(&store).await;
    store.close().await;
    place.meddle("PRAGMA user_version = 1000");
    assert!(matches!(place.open().await, Err(StoreError::Place { why, .. }) if why.contains("unknown schema version")));
}

#[tokio::test]
async fn closing_leaves_one_file_that_is_whole() {
    let place = history().await;
    let store = place.open().await.unwrap();
    put(&store, outbound(30, "exercise-gbr"), EntryKind::ExchangeRequested, ex(30)).await.unwrap();
    // At the same time, so that there are several connections to close.
    let read = tokio::join!(store.verify(), store.verify(), store.counts(), store.head());
    assert!(read.0.is_ok() && read.1.is_ok() && read.2.is_ok() && read.3.is_ok());
    store.close().await;
    let log = place.folder.path().join("store.db-wal");
    assert!(!log.exists(), "what was committed is still in the log");
    let again = put(&store, outbound(31, "exercise-gbr"), EntryKind::ExchangeRequested, ex(31)).await;
    assert_eq!(again, Err(StoreError::Closed));
    assert_eq!(store.head().await, Err(StoreError::Closed));
}

#[tokio::test]
async fn a_store_that_was_not_closed_leaves_one_file_too() {
    let place = history().await;
    let store = place.open().await.unwrap();
    put(&store, outbound(30, "exercise-gbr"), EntryKind::ExchangeRequested, ex(30)).await.unwrap();
    let asked = tokio::join!(store.verify(), store.counts());
    assert!(asked.0.is_ok() && asked.1.is_ok());
    drop(store);
    assert!(!place.folder.path().join("store.db-wal").exists(), "what was committed is still in the log");
}

#[tokio::test]
async fn refuses_to_open_with_a_checkpoint_that_does_not_match_the_tree() {
    for sql in [
        "DROP TRIGGER ledger_never_deleted; DELETE FROM ledger WHERE n = 599",
        "INSERT INTO ledger SELECT 600, time, kind, subject, bytes FROM ledger WHERE n = 599",
        "UPDATE head SET note = replace(note, '600', '599')",
        "UPDATE head SET note = (SELECT note FROM checkpoint ORDER BY size LIMIT 1)",
        "DELETE FROM head",
        "DROP TRIGGER ledger_hash_never_altered; UPDATE ledger_hash SET hash = zeroblob(32)",
    ] {
        let place = history().await;
        place.meddle(sql);
        let refused = place.open().await;
        assert!(refused.is_err(), "opened after: {sql}");
    }
}

#[tokio::test]
async fn the_ledger_is_only_added_to() {
    let place = history().await;
    for sql in ["UPDATE ledger SET time = 0 WHERE n = 1", "DELETE FROM ledger", "DELETE FROM ledger_hash"] {
        assert!(database(&place.db()).execute_batch(sql).is_err(), "{sql}");
    }
}

async fn fault_after(sql: &'static str) -> Option<LedgerFault> {
    let place = history().await;
    place.meddle(
        "DROP TRIGGER ledger_never_altered; DROP TRIGGER ledger_never_deleted; DROP TRIGGER ledger_hash_never_altered",
    );
    place.meddle(sql);
    let store = place.open().await.expect("the right edge of the tree is untouched");
    let verification = store.verify().await.unwrap();
    assert!(!verification.is_good(), "not noticed: {sql}");
    verification.ledger
}

#[tokio::test]
async fn verification_names_the_first_entry_that_disagrees() {
    let altered = |index| Some(LedgerFault::Altered { index });
    let subject = "UPDATE ledger SET subject = 'exercise-x' WHERE n = 41";
    assert_eq!(fault_after(subject).await, altered(41));
    let time = "UPDATE ledger SET time = time + 1 WHERE n = 42";
    assert_eq!(fault_after(time).await, altered(42));
    let kind = "UPDATE ledger SET kind = 'exchange.sent' WHERE n = 43";
    assert_eq!(fault_after(kind).await, altered(43));
    let bytes = "UPDATE ledger SET bytes = (SELECT bytes FROM ledger WHERE n = 200) WHERE n = 40";
    assert_eq!(fault_after(bytes).await, altered(40));
    let swapped = "UPDATE ledger SET n = -1 WHERE n = 30; UPDATE ledger SET n = 30 WHERE n = 31; \
                   UPDATE ledger SET n = 31 WHERE n = -1";
    assert_eq!(fault_after(swapped).await, altered(30));
    let gap = "DELETE FROM ledger WHERE n = 77";
    assert_eq!(fault_after(gap).await, altered(77));
    let leaf = "UPDATE ledger_hash SET hash = randomblob(32) WHERE position = 0";
    assert_eq!(fault_after(leaf).await, altered(0));
    // Position 2 is the node over entries 0 and 1, written with entry 1.
    let node = "UPDATE ledger_hash SET hash = randomblob(32) WHERE position = 2";
    assert_eq!(fault_after(node).await, Some(LedgerFault::Stored { index: 1 }));
    let garbage = "UPDATE ledger SET bytes = x'a0' WHERE n = 12";
    assert!(matches!(fault_after(garbage).await, Some(LedgerFault::Entry { index: 12, .. })));
}

#[tokio::test]
async fn locates_a_ledger_rewritten_with_all_its_hashes_between_stored_checkpoints() {
    let place = history().await;
    // An intruder without the key, while the store is open: entry 300 says something else and every hash is computed anew;
    // the head cannot be, nor a checkpoint that was kept.
    let store = place.open().await.unwrap();
    let mut entries = store.entries(0, 1000).await.unwrap();
    let other = note(EntryKind::Alarm, "exercise-other");
    entries[300].bytes = other.to_bytes();
    let mut frontier = Frontier::empty();
    let hashes: Vec<_> = entries.iter().flat_map(|entry| frontier.append(leaf_hash(&entry.bytes))).collect();
    place.meddle("DROP TRIGGER ledger_never_altered; DROP TRIGGER ledger_hash_never_altered");
    rewrite(&place.db(), &other.to_bytes(), "exercise-other", &hashes);
    let verification = store.verify().await.unwrap();
    assert_eq!(verification.ledger, Some(LedgerFault::Root { first: 256, end: 512 }));
    store.close().await;
    // Whoever opens it finds that its right edge is not the head's.
    place.meddle("PRAGMA wal_checkpoint(TRUNCATE)");
    let refused = place.open().await.err();
    assert!(matches!(refused, Some(StoreError::Ledger(LedgerFault::Root { .. }))), "{refused:?}");
}

#[tokio::test]
async fn finds_an_altered_stored_checkpoint() {
    let root = "UPDATE checkpoint SET note = replace(note, 'exercise-usa', 'exercise-gbr') WHERE size = 256";
    assert!(matches!(fault_after(root).await, Some(LedgerFault::Checkpoint(_))));
    let size =
        "UPDATE checkpoint SET note = replace(note, char(10) || '512' || char(10), char(10) || '500' || char(10))";
    assert!(matches!(fault_after(size).await, Some(LedgerFault::Checkpoint(_))));
}

fn rewrite(db: &Path, bytes: &[u8], subject: &str, hashes: &[portcullis::digest::Digest]) {
    let conn = database(db);
    let sql = "UPDATE ledger SET bytes = ?1, subject = ?2 WHERE n = 300";
    conn.execute(sql, params![bytes, subject]).unwrap();
    for (position, hash) in (0i64..).zip(hashes) {
        let sql = "UPDATE ledger_hash SET hash = ?2 WHERE position = ?1";
        conn.execute(sql, params![position, hash.as_bytes()]).unwrap();
    }
}

#[tokio::test]
async fn finds_rows_that_do_not_match_the_ledger() {
    for sql in [
        "UPDATE exchange SET state = 'cancelled' WHERE rowid = 2",
        "UPDATE exchange SET partner = 'exercise-nor' WHERE rowid = 2",
        "UPDATE exchange SET marking = 'UNCLASSIFIED' WHERE rowid = 1",
        "UPDATE document SET manifest = x'00' WHERE exchange = 1",
        "UPDATE document SET receipt = x'00' WHERE exchange = 1",
        "DELETE FROM document WHERE exchange = 1",
        "UPDATE exchange SET cut_digest = zeroblob(32) WHERE rowid = 1",
        "UPDATE exchange SET payload_digest = zeroblob(32) WHERE rowid = 1",
        "UPDATE exchange SET payload_size = payload_size + 1 WHERE rowid = 1",
        "UPDATE exchange SET payload = (SELECT id FROM exchange WHERE rowid = 2) || '.envelope' WHERE rowid = 1",
        "UPDATE document SET header = x'00' WHERE exchange = 1",
        "UPDATE exchange SET expires = expires + 1 WHERE rowid = 2",
        "UPDATE exchange SET precedence = precedence + 1 WHERE rowid = 2",
        "UPDATE exchange SET title = 'EXERCISE other' WHERE rowid = 2",
        "UPDATE exchange SET request = NULL WHERE rowid = 3",
        "DELETE FROM exchange WHERE rowid = 20",
        "INSERT INTO exchange SELECT 99, 'ex-01a202b2c500700080000000000fffff', direction, partner, request, state, \
         precedence, cut_digest, cut_size, marking, product_id, title, title_marking, subjects, contact, purpose, \
         NULL, NULL, NULL, attempts, next_attempt, expires, created, updated, refusal, reason, policy_digest, register_digest, NULL, NULL, 1, kind, about, recalled, recall_code, superseded_by, opened, \
         taken, NULL FROM exchange LIMIT 1",
        "UPDATE approval SET statement = x'00'",
        "DELETE FROM approval",
        "UPDATE approval SET exchange = (SELECT id FROM exchange WHERE rowid = 7)",
        "UPDATE request SET purpose = 'EXERCISE other'",
        "UPDATE request SET state = 'approved'",
        "UPDATE partner SET agreement = x'00'",
        "UPDATE partner SET crl = x'00'",
        "INSERT INTO partner SELECT 'exercise-nor', state, description, agreement, crl, added, changed, 1 FROM partner",
        "UPDATE officer SET roles = '[\"senior-disclosure-officer\"]'",
        "UPDATE officer SET valid_until = valid_until + 1",
        "UPDATE officer SET certificates = x'00'",
        "UPDATE exchange SET recalled = 1, recall_code = 'other'",
        "UPDATE exchange SET superseded_by = id",
        "UPDATE exchange SET taken = 1",
        "UPDATE request SET supersedes = id",
        "INSERT INTO statement SELECT 1, id, 'recall', 'exercise', x'00', 1 FROM request LIMIT 1",
        "UPDATE setting SET value = x'00'",
    ] {
        let place = history().await;
        meddle_unbound(&place.db(), sql);
        let store = place.open().await.unwrap();
        let verification = store.verify().await.unwrap();
        assert!(verification.ledger.is_none() && !verification.disagreements.is_empty(), "not noticed: {sql}");
        store.close().await;
    }
}

#[tokio::test]
async fn compares_the_size_of_a_partners_checkpoint_with_its_signed_text() {
    let place = Place::new();
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    let key = LedgerKey::new(Origin::of_node(&"exercise-gbr".parse().unwrap()), place.signer.public().clone()).unwrap();
    let head = SignedCheckpoint::sign(7, Digest::of(b"EXERCISE"), &key, &*place.signer).unwrap();
    let witness = TrafficChange::Witness { partner: "exercise-gbr".parse().unwrap(), head };
    store.commit(Commit::new().change(witness)).await.unwrap();
    assert_whole(&store).await;
    meddle_unbound(&place.db(), "UPDATE witness SET size = 6");
    let found = store.verify().await.unwrap().disagreements;
    assert!(matches!(&found[..], [one] if (one.recorded.as_str(), one.found.as_str()) == ("7", "6")), "{found:?}");
    store.close().await;
}

/// Meddles with foreign keys off, as the sqlite3 shell has them.
fn meddle_unbound(db: &Path, sql: &str) {
    let conn = database(db);
    conn.pragma_update(None, "foreign_keys", false).unwrap();
    assert!(conn.execute(sql, ()).unwrap() > 0, "{sql} changed nothing");
}
