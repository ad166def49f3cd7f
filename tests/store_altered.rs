//! What somebody else writes into the database while the store is open: it is not taken for recorded by the next change,
//! and nothing is committed under a schema that could undo it.

mod store_support;

use std::sync::Arc;

use portcullis::ledger::EntryKind;
use portcullis::store::*;
use portcullis::time::{Clock, FixedClock};
use store_support::*;

/// A stop order, with what to write into the database so that it would change nothing there, and what takes that back.
struct Order {
    change: Change,
    kind: EntryKind,
    subject: String,
    before: &'static str,
    after: &'static str,
}

/// A store with one row of each kind that is decided upon, and an order about each.
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

/// An order that finds its own outcome in the database would leave nothing on record of it, and could be taken back there
/// without a trace.
#[tokio::test]
async fn an_order_that_finds_its_outcome_written_into_the_database_is_refused_and_said() {
    let place = Place::new();
    let store = ProvedStore::over(Arc::new(place.create().await), clock());
    for Order { change, kind, subject, before, after } in orders(&store).await {
        place.meddle(before);
        let refused = put(&store, change.clone(), kind, &subject).await;
        assert!(matches!(&refused, Err(StoreError::Altered { .. })), "{before}: {refused:?}");
        place.meddle(after);
        let alarm = store.entries_about(&subject).await.unwrap().pop().unwrap().entry;
        assert_eq!(alarm.kind(), EntryKind::Alarm, "{before}");
        assert!(store.verify().await.unwrap().is_good(), "{before}");
        // The neighbour: on the row as the ledger has it, the same order is recorded with what it changes.
        put(&store, change, kind, &subject).await.unwrap();
        let entry = store.entries_about(&subject).await.unwrap().pop().unwrap().entry;
        assert!(entry.detail().iter().any(|(name, _)| name.starts_with("row.")), "{before}: {entry:?}");
    }
    store.close().await;
}

/// Two processes that find the same at once say it once; what comes after something else was said is said again.
#[tokio::test]
async fn an_alarm_that_the_last_one_about_its_subject_said_is_left_out() {
    let place = Place::new();
    let store = place.create().await;
    let other = place.open().await.unwrap();
    let alarm = |what: &str| Commit::new().entry(note(EntryKind::Alarm, "exercise-gbr").with("altered", what));
    let said = async || store.entries_about("exercise-gbr").await.unwrap().len();
    let (one, two) = tokio::join!(store.commit(alarm("a").only_news()), other.commit(alarm("a").only_news()));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(said().await, 1);
    store.commit(alarm("b").only_news()).await.unwrap();
    other.commit(alarm("a").only_news()).await.unwrap();
    assert_eq!(said().await, 3);
    // Without asking for news alone, all is said.
    store.commit(alarm("a")).await.unwrap();
    assert_eq!(said().await, 4);
    assert!(store.verify().await.unwrap().is_good());
    other.close().await;
    store.close().await;
}

/// A trigger can put back what was committed, the head of the ledger with it.
#[tokio::test]
async fn nothing_is_committed_under_a_schema_that_is_not_the_layouts() {
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

/// Whoever renames the database under a server, and puts a copy in its place for everybody else, has two records.
#[tokio::test]
async fn nothing_is_read_or_committed_once_another_file_stands_where_the_store_was_opened() {
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
