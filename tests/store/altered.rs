//! Changes of the database by another program while the store is open: the next commit does not record them as its own,
//! and nothing is committed under a schema that could undo it.

use std::sync::Arc;

use crate::store_support::*;
use portcullis::ledger::EntryKind;
use portcullis::sign::Signer;
use portcullis::store::*;
use portcullis::time::{Clock, FixedClock};

/// A stop order, with the SQL that writes its outcome into the database beforehand, and the SQL that undoes this.
struct Order {
    change: Change,
    kind: EntryKind,
    subject: String,
    before: &'static str,
    after: &'static str,
}

/// Creates one row of each kind on which decisions depend, and an order about each.
async fn orders(store: &dyn Store) -> Vec<Order> {
    enrol(store, "exercise-gbr").await;
    let alice = add_officer(store, "alice").await;
    put(store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    put(store, outbound(2, "exercise-gbr"), EntryKind::ExchangeRequested, ex(2)).await.unwrap();
    let setting = Setting { name: "policy".into(), value: vec![1], changed: NOW, version: Version::NEW };
    put(store, setting, EntryKind::PolicyChanged, "policy").await.unwrap();
    let gbr = "exercise-gbr".parse().unwrap();
    let partner = store.partner(&gbr).await.unwrap().unwrap();
    let officer = store.officer(&alice).await.unwrap().unwrap();
    let request = store.request(&rq(1)).await.unwrap().unwrap();
    let setting = store.setting("policy").await.unwrap().unwrap();
    let exchange = read(store, 2).await;
    vec![
        Order {
            change: Partner { state: PartnerState::Suspended, ..partner }.into(),
            kind: EntryKind::PartnerSuspended,
            subject: "exercise-gbr".into(),
            before: "UPDATE partner SET state = 'suspended'",
            after: "UPDATE partner SET state = 'active'",
        },
        Order {
            change: Officer { state: OfficerState::Revoked, ..officer }.into(),
            kind: EntryKind::OfficerRevoked,
            subject: "alice".into(),
            before: "UPDATE officer SET state = 'revoked'",
            after: "UPDATE officer SET state = 'active'",
        },
        Order {
            change: Request { state: RequestState::Refused, ..request }.into(),
            kind: EntryKind::RequestRefused,
            subject: rq(1).to_string(),
            before: "UPDATE request SET state = 'refused'",
            after: "UPDATE request SET state = 'open'",
        },
        Order {
            change: Exchange { state: ExchangeState::Cancelled, ..exchange }.into(),
            kind: EntryKind::ExchangeCancelled,
            subject: ex(2).to_string(),
            before: "UPDATE exchange SET state = 'cancelled'",
            after: "UPDATE exchange SET state = 'requested'",
        },
        Order {
            change: Setting { value: vec![2], ..setting }.into(),
            kind: EntryKind::PolicyChanged,
            subject: "policy".into(),
            before: "UPDATE setting SET value = x'02'",
            after: "UPDATE setting SET value = x'01'",
        },
    ]
}

/// An order whose outcome is in the database already would record no change, and could be undone there without a trace.
#[tokio::test]
async fn refuses_an_order_whose_outcome_is_in_the_database_already_and_reports_it() {
    let place = Place::new();
    let store = ProvedStore::new(Arc::new(place.create().await), clock());
    for Order { change, kind, subject, before, after } in orders(&store).await {
        place.meddle(before);
        let refused = put(&store, change.clone(), kind, &subject).await;
        assert!(matches!(&refused, Err(StoreError::Altered { .. })), "{before}: {refused:?}");
        place.meddle(after);
        let alarm = store.entries_about(&subject).await.unwrap().pop().unwrap().entry;
        assert_eq!(alarm.kind(), EntryKind::Alarm, "{before}");
        assert!(store.verify().await.unwrap().is_good(), "{before}");
        // On the row as the ledger has it, the same order is recorded with its changes.
        put(&store, change, kind, &subject).await.unwrap();
        let entry = store.entries_about(&subject).await.unwrap().pop().unwrap().entry;
        assert!(entry.detail().iter().any(|(name, _)| name.starts_with("row.")), "{before}: {entry:?}");
    }
    store.close().await;
}

/// Two processes that find the same difference at once record one alarm; an alarm that differs from the latest is recorded.
#[tokio::test]
async fn skips_an_alarm_that_repeats_the_last_one_about_its_subject() {
    let place = Place::new();
    let store = place.create().await;
    let other = place.open().await.unwrap();
    let alarm = |what: &str| Commit::new().entry(note(EntryKind::Alarm, "exercise-gbr").with("altered", what));
    let said = async || store.entries_about("exercise-gbr").await.unwrap().len();
    let (one, two) =
        tokio::join!(store.commit(alarm("a").skip_repeated_alarms()), other.commit(alarm("a").skip_repeated_alarms()));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(said().await, 1);
    store.commit(alarm("b").skip_repeated_alarms()).await.unwrap();
    other.commit(alarm("a").skip_repeated_alarms()).await.unwrap();
    assert_eq!(said().await, 3);
    // Without `skip_repeated_alarms`, every alarm is recorded.
    store.commit(alarm("a")).await.unwrap();
    assert_eq!(said().await, 4);
    assert!(store.verify().await.unwrap().is_good());
    other.close().await;
    store.close().await;
}

/// A trigger can undo what was committed, including the ledger's checkpoint.
#[tokio::test]
async fn refuses_to_commit_under_an_altered_schema() {
    let place = Place::new();
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    for (change, back) in [
        ("CREATE TRIGGER exercise AFTER UPDATE ON head BEGIN DELETE FROM approval; END", "DROP TRIGGER exercise"),
        ("CREATE TABLE exercise (one)", "DROP TABLE exercise"),
        ("CREATE VIEW exercise AS SELECT 1", "DROP VIEW exercise"),
        (
            "DROP TRIGGER ledger_never_deleted",
            "CREATE TRIGGER ledger_never_deleted BEFORE DELETE ON ledger BEGIN SELECT 1; END",
        ),
    ] {
        place.meddle(change);
        let refused = put(&store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await;
        let named = |what: &str| what.starts_with("the schema");
        assert!(matches!(&refused, Err(StoreError::Damaged { what }) if named(what)), "{change}: {refused:?}");
        let verified = store.verify().await.unwrap();
        assert!(verified.disagreements.iter().any(|d| d.what == "schema"), "{change}");
        // Neither does a process that opens it now.
        let other = place.open().await.unwrap();
        let refused = put(&other, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await;
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{change}");
        other.close().await;
        place.meddle(back);
    }
    // A trigger of the same name that does something else is not the one that was dropped.
    let refused = put(&store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await;
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
    store.close().await;
    let whole = Place::new();
    let store = whole.create().await;
    enrol(&store, "exercise-gbr").await;
    whole.meddle("CREATE TABLE exercise (one); DROP TABLE exercise");
    put(&store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    assert!(store.verify().await.unwrap().is_good());
    store.close().await;
}

/// If the database is renamed under a server and replaced by a copy, other processes write to the copy.
#[tokio::test]
async fn refuses_to_read_or_commit_after_the_database_file_was_replaced() {
    let place = Place::new();
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    for file in ["store.db", "store.db-wal", "store.db-shm"] {
        let (here, aside) = (place.folder.path().join(file), place.folder.path().join("aside"));
        std::fs::rename(&here, &aside).unwrap();
        let put_it = || put(&store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1));
        let replaced = |error: &StoreError| matches!(error, StoreError::Replaced { what } if what == file);
        assert!(store.head().await.is_err_and(|error| replaced(&error)), "{file} is gone");
        std::fs::copy(&aside, &here).unwrap();
        assert!(store.head().await.is_err_and(|error| replaced(&error)), "{file} is a copy");
        assert!(put_it().await.is_err_and(|error| replaced(&error)), "{file}");
        std::fs::rename(&aside, &here).unwrap();
        assert!(store.head().await.is_ok(), "{file} is back");
    }
    put(&store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    store.close().await;
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock::at(NOW))
}

/// Returns everything that checking the file part by part finds.
async fn searched(store: &SqliteStore) -> Vec<Disagreement> {
    let (mut found, mut parts, mut next) = (Vec::new(), 0, Some(Part::FIRST));
    while let Some(part) = next {
        let examined = store.check_part(part).await.unwrap();
        found.extend(examined.found);
        next = examined.next;
        parts += 1;
        assert!(parts < 1000, "the search comes to no end");
    }
    found
}

/// A closed store with rows in every index, and no free space in its pages.
async fn indexed() -> Place {
    let place = Place::new();
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    add_officer(&store, "alice").await;
    put(&store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    for n in 1..=12 {
        let mut row = outbound(n, "exercise-gbr");
        row.request = Some(rq(1));
        row.product_id = Some(format!("EXERCISE-{n}"));
        put(&store, row, EntryKind::ExchangeRequested, ex(n)).await.unwrap();
    }
    store.close().await;
    place.meddle("VACUUM");
    let store = place.open().await.unwrap();
    assert!(store.verify().await.unwrap().is_good());
    assert_eq!((searched(&store).await, store.quick_check(std::time::Duration::MAX).await), (vec![], Ok(vec![])));
    store.close().await;
    place
}

/// Commits between two checks are not damage: the full-text index is reloaded for each check.
#[tokio::test]
async fn commits_between_two_checks_are_not_reported_as_damage() {
    let place = indexed().await;
    let store = place.open().await.unwrap();
    for n in 20..40 {
        put(&store, outbound(n, "exercise-gbr"), EntryKind::ExchangeRequested, ex(n)).await.unwrap();
        let glanced = store.quick_check(std::time::Duration::MAX).await;
        assert_eq!((searched(&store).await, glanced), (vec![], Ok(vec![])), "exchange {n}");
    }
    assert!(store.verify().await.unwrap().is_good());
    store.close().await;
}

/// One flipped bit in an index hides a row from queries that use the index, while the row matches the ledger.
#[tokio::test]
async fn finds_a_flipped_bit_in_an_index() {
    const PAGE: usize = 4096;
    let place = indexed().await;
    let whole = std::fs::read(place.db()).unwrap();
    let roots: Vec<(String, u32)> = {
        let conn = database(&place.db());
        let mut roots = conn.prepare("SELECT name, rootpage FROM sqlite_schema WHERE type = 'index'").unwrap();
        let rows = roots.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut flips = 0;
    for (name, root) in roots {
        let root = root as usize;
        let page = &whole[(root - 1) * PAGE..root * PAGE];
        let word = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
        // A leaf of an index (SQLite's file format, 1.6), without free blocks: its cells fill the page to its end.
        if page[0] != 10 || word(1) != 0 || page[7] != 0 || word(3) == 0 {
            continue;
        }
        for at in (word(5)..PAGE).step_by(331) {
            let mut bytes = whole.clone();
            bytes[(root - 1) * PAGE + at] ^= 1 << (at % 8);
            std::fs::write(place.db(), &bytes).unwrap();
            let Ok(store) = place.open().await else { continue };
            let verified = store.verify().await;
            assert!(verified.as_ref().map_or(true, |v| !v.is_good()), "{name}, byte {at}: {verified:?}");
            assert!(!searched(&store).await.is_empty(), "{name}, byte {at}");
            store.close().await;
            flips += 1;
        }
    }
    assert!(flips >= 8, "{flips} flips");
}

/// To repair a store, an operator needs the complete list of faults.
#[tokio::test]
async fn verification_continues_after_an_entry_that_cannot_be_decoded() {
    let place = indexed().await;
    place.meddle(
        "DROP TRIGGER ledger_never_altered; UPDATE ledger SET bytes = x'00' WHERE n IN (3, 5); \
         UPDATE exchange SET subjects = 'no list' WHERE seq = 7; UPDATE exchange SET marking = 'EXERCISE' WHERE seq = 9; \
         INSERT INTO witness VALUES ('exercise-gbr', 9, 'exercise-gbr' || char(10) || '7' || char(10))",
    );
    let store = place.open().await.unwrap();
    let verified = store.verify().await.unwrap();
    assert!(matches!(verified.ledger, Some(portcullis::ledger::LedgerFault::Entry { index: 3, .. })), "{verified}");
    let said = verified.to_string();
    for expected in
        ["ledger entry 5 is damaged", "column `subjects`", "exchange.marking", "checkpoint of `exercise-gbr`"]
    {
        assert!(said.contains(expected), "{expected} in: {said}");
    }
    assert!(searched(&store).await.iter().any(|found| found.what.starts_with("ledger entries 0 to")));
    store.close().await;
}

/// No list shows an inbound exchange whose row was deleted; only a comparison by identifier finds that.
#[tokio::test]
async fn finds_a_deleted_row_of_an_inbound_exchange() {
    let place = Place::new();
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    let partner: portcullis::ident::PartnerId = "exercise-gbr".parse().unwrap();
    for n in 1..=3 {
        let row = Exchange::new(ex(n), Direction::In, partner.clone(), ExchangeState::Offered, NOW, later(3600));
        put(&store, row, EntryKind::ExchangeOffered, ex(n)).await.unwrap();
    }
    store.close().await;
    place.meddle(&format!("DELETE FROM exchange WHERE id = '{}'", ex(2)));
    let proved = ProvedStore::new(Arc::new(place.open().await.unwrap()), clock());
    let (last, found) = proved.compare_finished(None, 2).await.unwrap();
    let missed: Vec<&str> = found.iter().map(|found| found.what.as_str()).collect();
    assert_eq!((last, missed), (Some(ex(2)), vec![format!("exchange {}", ex(2)).as_str()]));
    assert_eq!(proved.compare_finished(last, 2).await.unwrap(), (Some(ex(3)), vec![]));
    assert_eq!(proved.compare_finished(Some(ex(3)), 2).await.unwrap(), (None, vec![]));
    proved.close().await;
}

/// A long ledger is continued from a snapshot that its key signed, even if its beginning was altered since. Any other
/// file in that place is ignored, and the ledger is read from its first entry.
#[tokio::test]
async fn uses_a_facts_snapshot_only_if_signed_by_the_ledger_key_and_consistent_with_the_checkpoint() {
    let place = Place::new();
    let file = place.folder.path().join("store.db.facts");
    let partner: portcullis::ident::PartnerId = "exercise-gbr".parse().unwrap();
    let (other, aside) = (signer(), place.folder.path().join("aside"));
    // Whether the partner's row is accepted, and whether the whole ledger verifies.
    let reads = async |key: &Arc<dyn Signer>| {
        let store = Arc::new(place.open().await.unwrap());
        let kept = FactsSnapshot::new(file.clone(), key.clone());
        let proved = ProvedStore::new(store, clock()).with_facts_snapshot(kept);
        let read = proved.partner(&partner).await;
        let good = proved.verify().await.unwrap().is_good();
        proved.close().await;
        (read.is_ok(), good)
    };
    let add = async |store: &SqliteStore| {
        let many =
            (0..1200).fold(Commit::new(), |commit, _| commit.entry(note(EntryKind::NodeStarted, "exercise-usa")));
        store.commit(many).await.unwrap();
        store.close().await;
    };
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    add(&store).await;
    // Too short for a snapshot.
    assert_eq!((reads(&place.signer).await, file.exists()), ((true, true), false));
    let older = std::fs::read(place.db()).unwrap();
    add(&place.open().await.unwrap()).await;
    assert_eq!((reads(&place.signer).await, file.exists()), ((true, true), true));
    let (whole, newest) = (std::fs::read(&file).unwrap(), std::fs::read(place.db()).unwrap());

    // The altered beginning is not read; a complete verification finds it.
    place.meddle(
        "DROP TRIGGER ledger_never_altered; UPDATE ledger SET bytes = x'00' WHERE n = 5; \
         CREATE TRIGGER ledger_never_altered BEFORE UPDATE ON ledger \
         BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END",
    );
    assert_eq!(reads(&place.signer).await, (true, false));
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (what, bytes) in [("cut off", &whole[..whole.len() - 1]), ("none", &[]), ("flipped", &flipped)] {
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(reads(&place.signer).await, (false, false), "{what}");
    }
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(reads(&other).await, (false, false), "another key's");
    assert_eq!(reads(&place.signer).await, (true, false));

    // A named pipe does not block, and a folder is ignored.
    std::fs::rename(&file, &aside).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).unwrap();
    assert_eq!(reads(&place.signer).await, (false, false), "a pipe");
    let _ = std::fs::remove_file(&file);
    std::fs::create_dir(&file).unwrap();
    assert_eq!(reads(&place.signer).await, (false, false), "a folder");
    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&aside, &file).unwrap();

    // An older copy of the store than its snapshot is read from the start, and accepted; so is the newest without one.
    for (database, lies) in [(&older, &whole[..]), (&newest, &[])] {
        put_there(&place.db(), database);
        std::fs::write(&file, lies).unwrap();
        assert_eq!(reads(&place.signer).await, (true, true));
    }
}

/// Replaces a file, readable by its owner only.
fn put_there(path: &std::path::Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn refuses_a_restored_copy_next_to_the_log_of_another_database_without_harming_it() {
    let place = Place::new();
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    store.close().await;
    let (db, log) = (place.db(), place.folder.path().join("store.db-wal"));
    let copy = std::fs::read(&db).unwrap();
    // Far more than the copy has, and the process that wrote it does not close the store.
    for round in 0..2u16 {
        let store = place.open().await.unwrap();
        for n in 0..60 {
            let row = outbound(100 * round + n, "exercise-gbr");
            put(&store, row, EntryKind::ExchangeRequested, ex(100 * round + n)).await.unwrap();
        }
        if round == 1 {
            let left = std::fs::read(&log).unwrap();
            store.close().await;
            put_there(&log, &left);
        } else {
            store.close().await;
        }
    }
    let left = std::fs::read(&log).unwrap();
    put_there(&db, &copy);
    for _ in 0..2 {
        // If the log happens to contain everything that its checkpoint depends on, only a complete verification fails.
        match place.open().await {
            Ok(store) => {
                assert!(
                    !store.verify().await.is_ok_and(|verified| verified.is_good()),
                    "a mix of two is taken for whole"
                );
                store.close().await;
            }
            Err(refused) => {
                let refused = refused.to_string();
                assert!(refused.contains("store.db-wal") && refused.contains("put back from a copy"), "{refused}");
            }
        }
        assert!(std::fs::read(&db).unwrap() == copy && std::fs::read(&log).unwrap() == left, "one of them was changed");
    }
    // The log is moved away, as the error advises.
    std::fs::remove_file(&log).unwrap();
    let _ = std::fs::remove_file(place.folder.path().join("store.db-shm"));
    let store = place.open().await.unwrap();
    assert!(store.verify().await.unwrap().is_good());
    store.close().await;
}

#[tokio::test]
async fn reading_does_not_change_the_log() {
    let place = Place::new();
    let store = place.create().await;
    enrol(&store, "exercise-gbr").await;
    let log = place.folder.path().join("store.db-wal");
    let left = std::fs::read(&log).unwrap();
    store.close().await;
    put_there(&log, &left);
    let store = place.open().await.unwrap();
    assert!(store.verify().await.unwrap().is_good());
    store.close().await;
    assert!(std::fs::read(&log).unwrap() == left, "reading brought the log into the database");
    // The first commit does.
    let store = place.open().await.unwrap();
    put(&store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    store.close().await;
    assert!(!log.exists());
}
