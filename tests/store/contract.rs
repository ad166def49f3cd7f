//! The contract of `store::Store`, the same suite for every backend: each case gets a fresh, empty store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::memory;
use crate::store_support::*;
use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::envelope::Precedence;
use portcullis::ident::{ExchangeId, PartnerId, RequestId};
use portcullis::ledger::{EntryKind, Frontier, LedgerKey, Origin, SignedCheckpoint, leaf_hash};
use portcullis::origin::Fingerprint;
use portcullis::store::*;
use portcullis::time::{FixedClock, Time};

macro_rules! contract {
    ($backend:ident, $place:expr) => {
        contract!($backend, $place, [
            a_new_store_is_empty_and_verifies,
            a_commit_is_all_or_nothing,
            refuses_a_row_changed_since_it_was_read,
            refuses_a_row_that_exists_already,
            refuses_an_unrecorded_change,
            refuses_illegal_steps,
            refuses_a_delivery_without_a_receipt,
            refuses_to_replace_a_receipt,
            refuses_a_second_approval_by_the_same_officer,
            a_whole_request_equals_its_parts,
            what_is_approved_waits_in_the_order_of_its_urgency,
            refuses_to_change_a_request,
            refuses_to_bring_back_a_revoked_officer,
            refuses_two_officers_with_one_key,
            refuses_two_officers_of_one_name_who_are_enrolled_at_once,
            rows_come_back_as_they_went_in,
            refuses_a_claim_on_what_is_not_to_be_sent,
            a_claim_keeps_others_out_until_it_ends,
            refuses_what_was_decided_on_a_roster_or_a_setting_that_changed,
            due_is_by_precedence_then_order_and_hides_nobody,
            due_omits_what_must_not_be_sent,
            records_a_receipt_in_any_state_and_under_any_claim,
            due_includes_stopped_exchanges_whose_receipt_is_unknown,
            search_takes_every_word_literally,
            entries_prove_that_they_are_in_the_ledger,
            waiting_commits_share_a_checkpoint_and_fail_individually,
            counters_increase_with_what_they_count,
            listings_filter_and_page,
            a_quota_counts_a_days_exchanges_and_bytes_of_each_partner_and_direction,
            inbound_usage_is_counted_by_state_until_it_is_taken,
            an_older_head_of_a_partner_never_replaces_a_newer_one,
            a_statement_moves_the_roster_and_a_submission_does_not,
            refuses_to_undo_a_recall,
            refuses_to_change_immutable_fields,
            refuses_prints_of_an_unknown_exchange,
            a_refused_offer_may_be_made_again,
            a_short_payload_is_kept_for_as_long_as_it_is_needed,
    deletes_the_header_with_the_transition_after_which_nothing_may_be_sent,
    refuses_to_queue_a_product_without_a_header,
            refuses_an_inline_payload_that_the_row_does_not_name,
            prints_name_the_first_sender_and_are_found_marked_or_plain,
            random_steps_follow_the_table,
        ]);
    };
    ($backend:ident, $place:expr, [$($case:ident),* $(,)?]) => {
        mod $backend {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let place = $place;
                let store: Arc<dyn Store> = Arc::new(place.create().await);
                super::$case(store.clone()).await;
                let verification = store.verify().await.expect("a check");
                assert!(verification.is_good(), "{verification}");
                store.close().await;
            })*
        }
    };
}

contract!(sqlite, Place::new());
contract!(in_memory, InMemory);
contract!(proved, Proved(Place::new()));

/// A store whose rows are compared with its ledger: to its callers it behaves like the backend.
struct Proved(Place);

impl Proved {
    async fn create(&self) -> ProvedStore {
        ProvedStore::new(Arc::new(self.0.create().await), Arc::new(FixedClock::at(NOW)))
    }
}

/// The store that simulations run on.
struct InMemory;

impl InMemory {
    async fn create(&self) -> memory::MemoryStore {
        memory::MemoryStore::create(&"exercise-usa".parse().expect("a node name"), signer(), NOW)
    }
}

async fn a_new_store_is_empty_and_verifies(store: Arc<dyn Store>) {
    assert_eq!(store.head().await.unwrap().size(), 0);
    assert_eq!(store.head().await.unwrap().root(), Frontier::empty().root());
    assert_eq!(store.counts().await.unwrap(), Counts::default());
    assert_eq!(store.node().await.unwrap().id.as_str(), "exercise-usa");
    assert!(store.partners().await.unwrap().is_empty());
}

async fn a_commit_is_all_or_nothing(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let before = store.head().await.unwrap();
    let orphan = outbound(2, "exercise-nobody");
    let commit = Commit::new()
        .change(outbound(1, "exercise-gbr"))
        .change(orphan)
        .entry(note(EntryKind::ExchangeRequested, ex(1)))
        .entry(note(EntryKind::ExchangeRequested, ex(2)));
    assert!(matches!(store.commit(commit).await, Err(StoreError::Illegal { .. })));
    assert_eq!(store.exchange(&ex(1)).await.unwrap(), None);
    assert_eq!(store.head().await.unwrap(), before);
}

async fn refuses_a_row_changed_since_it_was_read(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let (mut one, mut two) = (queue(&*store, 1, "exercise-gbr", Precedence::Routine).await, read(&*store, 1).await);
    one.state = ExchangeState::Cancelled;
    two.state = ExchangeState::Sending;
    put(&*store, one, EntryKind::ExchangeCancelled, ex(1)).await.unwrap();
    let refused = put(&*store, two, EntryKind::ExchangeOffered, ex(1)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(read(&*store, 1).await.state, ExchangeState::Cancelled);
}

async fn refuses_a_row_that_exists_already(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let again = put(&*store, partner("exercise-gbr"), EntryKind::PartnerAdded, "exercise-gbr").await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })));
    put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    let again = put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })));
}

async fn refuses_an_unrecorded_change(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let alone = store.commit(Commit::new().change(outbound(1, "exercise-gbr"))).await;
    assert!(matches!(alone, Err(StoreError::Unrecorded { .. })));
    let elsewhere = put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(2)).await;
    assert!(matches!(elsewhere, Err(StoreError::Unrecorded { .. })));
    // A change of no recorded fact needs no entry.
    let mut row = queue(&*store, 1, "exercise-gbr", Precedence::Routine).await;
    row.attempts = 1;
    row.next_attempt = later(60);
    store.commit(Commit::new().change(row)).await.unwrap();
    assert_eq!(read(&*store, 1).await.attempts, 1);
}

async fn refuses_illegal_steps(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let mut born_queued = sealed(outbound(1, "exercise-gbr"));
    born_queued.receipt = Some(vec![1]);
    let refused = put(&*store, born_queued, EntryKind::ExchangeSealed, ex(1)).await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })));
    put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    for state in ExchangeState::ALL {
        let mut row = sealed(read(&*store, 1).await);
        row.state = *state;
        row.receipt = Some(vec![1]);
        if *state == ExchangeState::Requested
            || is_legal_transition(Direction::Out, Some(ExchangeState::Requested), *state)
        {
            continue;
        }
        let refused = put(&*store, row, EntryKind::ExchangeSealed, ex(1)).await;
        assert!(matches!(refused, Err(StoreError::Illegal { .. })), "requested to {state}: {refused:?}");
    }
    let mut moved = read(&*store, 1).await;
    moved.direction = Direction::In;
    let refused = put(&*store, moved, EntryKind::ExchangeOffered, ex(1)).await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })));
    let mut unsealed = read(&*store, 1).await;
    unsealed.state = ExchangeState::Queued;
    let refused = put(&*store, unsealed, EntryKind::ExchangeSealed, ex(1)).await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })));
}

async fn refuses_a_delivery_without_a_receipt(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let mut row = queue(&*store, 1, "exercise-gbr", Precedence::Routine).await;
    row.state = ExchangeState::Delivered;
    let refused = put(&*store, row.clone(), EntryKind::ExchangeDelivered, ex(1)).await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })));
    row.receipt = Some(b"EXERCISE receipt".to_vec());
    put(&*store, row, EntryKind::ExchangeDelivered, ex(1)).await.unwrap();
}

async fn refuses_to_replace_a_receipt(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let mut row = queue(&*store, 1, "exercise-gbr", Precedence::Routine).await;
    row.state = ExchangeState::Delivered;
    row.receipt = Some(b"EXERCISE receipt".to_vec());
    put(&*store, row, EntryKind::ExchangeDelivered, ex(1)).await.unwrap();
    for other in [Some(b"EXERCISE other".to_vec()), None] {
        let mut row = read(&*store, 1).await;
        row.receipt = other;
        let refused = put(&*store, row, EntryKind::ExchangeDelivered, ex(1)).await;
        assert!(matches!(refused, Err(StoreError::Illegal { .. })));
    }
}

async fn refuses_a_second_approval_by_the_same_officer(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let (alice, bob) = (add_officer(&*store, "alice").await, add_officer(&*store, "bob").await);
    put(&*store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    let mut row = outbound(1, "exercise-gbr");
    row.request = Some(rq(1));
    put(&*store, row, EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    let approval = |officer: &portcullis::ident::OfficerId| Approval {
        request: rq(1),
        exchange: ex(1),
        officer: officer.clone(),
        statement: format!("EXERCISE approval by {officer}").into_bytes(),
        given: NOW,
    };
    let before = store.generations().await.unwrap().approvals;
    put(&*store, approval(&alice), EntryKind::ApprovalGiven, ex(1)).await.unwrap();
    let counted = store.generations().await.unwrap().approvals;
    assert!(counted > before);
    let again = put(&*store, approval(&alice), EntryKind::ApprovalGiven, ex(1)).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })));
    assert_eq!(waiting_of(&*store).await, [(rq(1), 1)]);
    assert_eq!(store.generations().await.unwrap().approvals, counted, "an approval that was refused was counted");
    put(&*store, approval(&bob), EntryKind::ApprovalGiven, ex(1)).await.unwrap();
    assert_eq!(waiting_of(&*store).await, [(rq(1), 2)]);
    assert_eq!(store.approvals(&rq(1)).await.unwrap(), [approval(&alice), approval(&bob)]);
}

async fn a_whole_request_equals_its_parts(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let alice = add_officer(&*store, "alice").await;
    for n in [1, 2] {
        put(&*store, request(n), EntryKind::RequestSubmitted, rq(n)).await.unwrap();
    }
    for (n, of) in [(1, 1), (2, 2), (3, 1)] {
        let row = Exchange { request: Some(rq(of)), manifest: Some(vec![n as u8]), ..outbound(n, "exercise-gbr") };
        put(&*store, row, EntryKind::ExchangeRequested, ex(n)).await.unwrap();
    }
    let approval =
        Approval { request: rq(1), exchange: ex(3), officer: alice, statement: b"EXERCISE".to_vec(), given: NOW };
    put(&*store, approval, EntryKind::ApprovalGiven, ex(3)).await.unwrap();
    for n in [1, 2] {
        let whole = store.whole_request(&rq(n)).await.unwrap().unwrap();
        let filter = ExchangeFilter { request: Some(rq(n)), limit: 10, ..ExchangeFilter::default() };
        assert_eq!(Some(whole.request), store.request(&rq(n)).await.unwrap());
        assert_eq!(whole.exchanges, store.exchanges(&filter).await.unwrap());
        assert_eq!(whole.approvals, store.approvals(&rq(n)).await.unwrap());
        assert_eq!((whole.exchanges.len(), whole.approvals.len()), if n == 1 { (2, 1) } else { (1, 0) });
    }
    assert_eq!(store.whole_request(&rq(3)).await.unwrap(), None);
}

async fn waiting_of(store: &dyn Store) -> Vec<(RequestId, u64)> {
    store.approved_waiting().await.unwrap().iter().map(|waiting| (waiting.request, waiting.approvals)).collect()
}

async fn what_is_approved_waits_in_the_order_of_its_urgency(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let alice = add_officer(&*store, "alice").await;
    let urgency = [Precedence::Routine, Precedence::Routine, Precedence::Flash, Precedence::Priority];
    for (n, precedence) in (1..).zip(urgency) {
        put(&*store, request(n), EntryKind::RequestSubmitted, rq(n)).await.unwrap();
        let row = Exchange { request: Some(rq(n)), precedence, ..outbound(n, "exercise-gbr") };
        put(&*store, row, EntryKind::ExchangeRequested, ex(n)).await.unwrap();
        // Nobody has approved the first.
        if n > 1 {
            let (request, exchange, officer) = (rq(n), ex(n), alice.clone());
            let statement = format!("EXERCISE approval {n}").into_bytes();
            let approval = Approval { request, exchange, officer, statement, given: NOW };
            put(&*store, approval, EntryKind::ApprovalGiven, ex(n)).await.unwrap();
        }
    }
    assert_eq!(waiting_of(&*store).await, [(rq(3), 1), (rq(4), 1), (rq(2), 1)]);
}

async fn refuses_to_change_a_request(store: Arc<dyn Store>) {
    put(&*store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    let mut row = store.request(&rq(1)).await.unwrap().unwrap();
    row.purpose = "EXERCISE another purpose".into();
    let refused = put(&*store, row, EntryKind::RequestApproved, rq(1)).await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })));
    let mut row = store.request(&rq(1)).await.unwrap().unwrap();
    row.state = RequestState::Refused;
    row.reason = Some("EXERCISE reason".into());
    put(&*store, row, EntryKind::RequestRefused, rq(1)).await.unwrap();
    let mut row = store.request(&rq(1)).await.unwrap().unwrap();
    row.state = RequestState::Approved;
    let refused = put(&*store, row, EntryKind::RequestApproved, rq(1)).await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })));
}

async fn refuses_to_bring_back_a_revoked_officer(store: Arc<dyn Store>) {
    let alice = add_officer(&*store, "alice").await;
    let mut row = store.officer(&alice).await.unwrap().unwrap();
    row.state = OfficerState::Revoked;
    put(&*store, row, EntryKind::OfficerRevoked, &alice).await.unwrap();
    let mut row = store.officer(&alice).await.unwrap().unwrap();
    row.state = OfficerState::Active;
    let refused = put(&*store, row, EntryKind::OfficerChanged, &alice).await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })));
}

async fn refuses_two_officers_with_one_key(store: Arc<dyn Store>) {
    let key = signer().public().clone();
    put(&*store, officer("alice", key.clone()), EntryKind::OfficerAdded, "alice").await.unwrap();
    let refused = put(&*store, officer("bob", key), EntryKind::OfficerAdded, "bob").await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })));
    assert_eq!(store.officers().await.unwrap().len(), 1);
}

async fn refuses_two_officers_of_one_name_who_are_enrolled_at_once(store: Arc<dyn Store>) {
    let named = |id: &str, name: &str| Officer { name: name.into(), ..officer(id, signer().public().clone()) };
    let add = |row: Officer| {
        let id = row.id.to_string();
        store.commit(Commit::new().change(row).entry(note(EntryKind::OfficerAdded, id)))
    };
    let (one, other) = (named("alice", "EXERCISE Alex Doe"), named("bob", "Exercise DOE, Alex"));
    let (first, second) = tokio::join!(add(one.clone()), add(other.clone()));
    assert!(first.is_ok(), "{first:?}");
    assert!(matches!(second, Err(StoreError::Illegal { .. })), "{second:?}");
    assert_eq!(store.officers().await.unwrap().len(), 1);
    // Two officers may have one name if either record declares that they are two people; a revoked one stays revoked.
    let declared = portcullis::approval::Declared { distinct_from: [one.id.clone()].into(), ..Default::default() };
    add(Officer { declared, ..other }).await.unwrap();
    let mut row = store.officer(&one.id).await.unwrap().unwrap();
    row.state = OfficerState::Revoked;
    put(&*store, row, EntryKind::OfficerRevoked, "alice").await.unwrap();
    add(named("carol", "EXERCISE Carol")).await.unwrap();
    assert!(matches!(add(named("dave", "exercise carol")).await, Err(StoreError::Illegal { .. })));
    assert_eq!(store.officers().await.unwrap().len(), 3);
}

async fn rows_come_back_as_they_went_in(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let stored = store.partner(&"exercise-gbr".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(Partner { version: Version::NEW, ..stored }, partner("exercise-gbr"));
    put(&*store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    let stored = store.request(&rq(1)).await.unwrap().unwrap();
    assert_eq!(Request { version: Version::NEW, ..stored }, request(1));
    let mut row = sealed(outbound(1, "exercise-gbr"));
    row.state = ExchangeState::Held;
    row.request = Some(rq(1));
    row.precedence = Precedence::Flash;
    row.cut_size = Some(77);
    row.product_id = Some("EXERCISE-0001".into());
    row.title = Some("EXERCISE Harbour \"closing\" — ünïcode".into());
    row.title_marking = Some("U".into());
    row.subjects = vec!["EXERCISE; one".into(), "EXERCISE two".into()];
    row.contact = Some("EXERCISE desk".into());
    row.purpose = Some("EXERCISE purpose".into());
    row.attempts = 3;
    row.partner_checkpoint = Some("EXERCISE checkpoint".into());
    row.refusal = Some("not-releasable".into());
    row.reason = Some("EXERCISE reason".into());
    row.policy_digest = Some(Digest::of(b"EXERCISE policy"));
    row.register_digest = Some(Digest::of(b"EXERCISE register"));
    put(&*store, row.clone(), EntryKind::ReleaseHeld, ex(1)).await.unwrap();
    let stored = read(&*store, 1).await;
    assert_ne!(stored.version, Version::NEW);
    assert_eq!(Exchange { version: Version::NEW, ..stored }, row);
    let setting = Setting { name: "policy".into(), value: vec![0, 1, 255], changed: NOW, version: Version::NEW };
    put(&*store, setting.clone(), EntryKind::PolicyChanged, "policy").await.unwrap();
    let stored = store.setting("policy").await.unwrap().unwrap();
    assert_eq!(Setting { version: Version::NEW, ..stored }, setting);
}

async fn refuses_what_was_decided_on_a_roster_or_a_setting_that_changed(store: Arc<dyn Store>) {
    let put_setting = async |value: &[u8]| {
        let row = store.setting("policy").await.unwrap();
        let version = row.map_or(Version::NEW, |row| row.version);
        let row = Setting { name: "policy".into(), value: value.to_vec(), changed: NOW, version };
        put(&*store, row, EntryKind::PolicyChanged, "policy").await.unwrap();
    };
    let stands = |roster: u64, setting: &str, value: &[u8]| {
        let stands = Precondition { roster, setting: setting.into(), value: Digest::of(value) };
        Commit::new().only_if(stands).entry(note(EntryKind::ExchangeSent, ex(1)))
    };
    let refused = async |commit: Commit| matches!(store.commit(commit).await, Err(StoreError::Conflict { .. }));
    put_setting(b"old").await;
    let old = store.generations().await.unwrap().roster;
    store.commit(stands(old, "policy", b"old")).await.unwrap();
    assert!(refused(stands(old, "policy", b"new")).await);
    assert!(refused(stands(old, "nothing", b"old")).await);
    put_setting(b"new").await;
    assert!(refused(stands(old, "policy", b"old")).await);
    let new = store.generations().await.unwrap().roster;
    assert!(refused(stands(new, "policy", b"old")).await);
    store.commit(stands(new, "policy", b"new")).await.unwrap();
    // Whether or not two commits share a transaction, a decision is recorded before the change it depends on, or not at all.
    for n in 0..20 {
        let roster = store.generations().await.unwrap().roster;
        let name = format!("exercise-{n}");
        let change = put(&*store, partner(&name), EntryKind::PartnerAdded, &name);
        let (changed, stood) = tokio::join!(change, store.commit(stands(roster, "policy", b"new")));
        let changed = changed.unwrap();
        assert!(stood.is_err() || stood.is_ok_and(|stood| stood.first < changed.first));
    }
}

async fn refuses_a_claim_on_what_is_not_to_be_sent(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let claim = |n| {
        let (owner, now, until) = ("alpha".to_owned(), NOW, later(30));
        Commit::new().change(Change::Claim { exchange: ex(n), owner, now, until })
    };
    put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    queue(&*store, 2, "exercise-gbr", Precedence::Routine).await;
    let parked = Exchange { state: ExchangeState::Parked, ..read(&*store, 2).await };
    put(&*store, parked, EntryKind::ExchangeParked, ex(2)).await.unwrap();
    queue(&*store, 3, "exercise-gbr", Precedence::Routine).await;
    for n in [1, 2, 4] {
        assert!(matches!(store.commit(claim(n)).await, Err(StoreError::Conflict { .. })), "exchange {n}");
    }
    store.commit(claim(3)).await.unwrap();
}

async fn a_claim_keeps_others_out_until_it_ends(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    queue(&*store, 1, "exercise-gbr", Precedence::Routine).await;
    let claim = |owner: &str, now: Time, until: Time| {
        let owner = owner.to_owned();
        Commit::new().change(Change::Claim { exchange: ex(1), owner, now, until })
    };
    store.commit(claim("alpha", NOW, later(30))).await.unwrap();
    assert!(matches!(store.commit(claim("beta", later(29), later(60))).await, Err(StoreError::Conflict { .. })));
    assert!(store.due(later(29), 10).await.unwrap().is_empty());
    let mut row = read(&*store, 1).await;
    row.state = ExchangeState::Sending;
    row.updated = later(1);
    let entry = || note(EntryKind::ExchangeOffered, ex(1));
    let by_nobody = Commit::new().change(row.clone()).entry(entry());
    assert!(matches!(store.commit(by_nobody).await, Err(StoreError::Conflict { .. })));
    let by_beta = Commit::new().exchange_by(row.clone(), "beta").entry(entry());
    assert!(matches!(store.commit(by_beta).await, Err(StoreError::Conflict { .. })));
    store.commit(Commit::new().exchange_by(row, "alpha").entry(entry())).await.unwrap();
    // Sending keeps the claim, returning to the queue ends it.
    assert_eq!(read(&*store, 1).await.lease.unwrap().owner, "alpha");
    store.commit(claim("alpha", later(20), later(50))).await.unwrap();
    let mut row = read(&*store, 1).await;
    row.state = ExchangeState::Queued;
    store.commit(Commit::new().exchange_by(row, "alpha").entry(note(EntryKind::ExchangeQueued, ex(1)))).await.unwrap();
    assert_eq!(read(&*store, 1).await.lease, None);
    store.commit(claim("beta", later(21), later(60))).await.unwrap();
    // An expired lease is ignored.
    store.commit(claim("gamma", later(60), later(90))).await.unwrap();
    store.commit(Commit::new().change(Change::Unclaim { exchange: ex(1), owner: "beta".into() })).await.unwrap();
    assert_eq!(read(&*store, 1).await.lease.unwrap().owner, "gamma");
}

async fn due_is_by_precedence_then_order_and_hides_nobody(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    enrol(&*store, "exercise-nor").await;
    for n in 1..=5 {
        queue(&*store, n, "exercise-gbr", Precedence::Routine).await;
    }
    queue(&*store, 6, "exercise-gbr", Precedence::Flash).await;
    queue(&*store, 7, "exercise-nor", Precedence::Routine).await;
    queue(&*store, 8, "exercise-gbr", Precedence::Immediate).await;
    let due: Vec<ExchangeId> = store.due(NOW, 4).await.unwrap().iter().map(|row| row.exchange).collect();
    assert_eq!(due, [ex(6), ex(8), ex(1), ex(2), ex(7)]);
}

async fn due_omits_what_must_not_be_sent(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    enrol(&*store, "exercise-nor").await;
    queue(&*store, 1, "exercise-nor", Precedence::Flash).await;
    let mut suspended = store.partner(&"exercise-nor".parse().unwrap()).await.unwrap().unwrap();
    suspended.state = PartnerState::Suspended;
    put(&*store, suspended, EntryKind::PartnerSuspended, "exercise-nor").await.unwrap();
    let mut waiting = queue(&*store, 2, "exercise-gbr", Precedence::Routine).await;
    waiting.next_attempt = later(10);
    store.commit(Commit::new().change(waiting)).await.unwrap();
    put(&*store, outbound(3, "exercise-gbr"), EntryKind::ExchangeRequested, ex(3)).await.unwrap();
    assert!(store.due(NOW, 10).await.unwrap().is_empty());
    assert_eq!(store.due(later(10), 10).await.unwrap().len(), 1);
    assert!(store.due(later(3600), 10).await.unwrap().is_empty(), "what has expired is not due");
}

async fn records_a_receipt_in_any_state_and_under_any_claim(store: Arc<dyn Store>) {
    use ExchangeState as S;
    enrol(&*store, "exercise-gbr").await;
    let becomes = [S::Held, S::Refused, S::Parked, S::Cancelled, S::Expired];
    for (n, state) in (1..).zip(becomes) {
        let mut row = queue(&*store, n, "exercise-gbr", Precedence::Routine).await;
        row.unanswered = Some(NOW);
        row.state = state;
        put(&*store, row, EntryKind::ExchangeQueued, ex(n)).await.unwrap();
        // It cannot be recorded as if it had not been stopped.
        let mut row = read(&*store, n).await;
        (row.receipt, row.unanswered, row.state) = (Some(b"EXERCISE receipt".to_vec()), None, S::Delivered);
        let refused = put(&*store, row.clone(), EntryKind::ExchangeDelivered, ex(n)).await;
        assert!(matches!(refused, Err(StoreError::Illegal { .. })), "{state}");
        row.state = S::DeliveredAfterStop;
        put(&*store, row, EntryKind::ExchangeDeliveredAfterStop, ex(n)).await.unwrap();
    }
    queue(&*store, 9, "exercise-gbr", Precedence::Routine).await;
    let (exchange, owner) = (ex(9), "alpha".to_owned());
    store.commit(Commit::new().change(Change::Claim { exchange, owner, now: NOW, until: later(60) })).await.unwrap();
    let mut row = read(&*store, 9).await;
    row.reason = Some("EXERCISE".into());
    let refused = put(&*store, row.clone(), EntryKind::ExchangeQueued, ex(9)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "another's row was moved");
    (row.receipt, row.state) = (Some(b"EXERCISE receipt".to_vec()), S::Delivered);
    put(&*store, row, EntryKind::ExchangeDelivered, ex(9)).await.unwrap();
}

async fn due_includes_stopped_exchanges_whose_receipt_is_unknown(store: Arc<dyn Store>) {
    use ExchangeState as S;
    enrol(&*store, "exercise-gbr").await;
    let stopped = [S::Held, S::Refused, S::Cancelled, S::Expired];
    for (n, state) in (1..).zip(stopped) {
        for (n, unanswered) in [(n, Some(NOW)), (n + 10, None)] {
            let mut row = queue(&*store, n, "exercise-gbr", Precedence::Routine).await;
            (row.state, row.unanswered) = (state, unanswered);
            put(&*store, row, EntryKind::ExchangeQueued, ex(n)).await.unwrap();
        }
    }
    let due = store.due(NOW, 10).await.unwrap();
    assert!(due.iter().all(|due| due.receipt_query));
    assert_eq!(due.iter().map(|due| due.exchange).collect::<Vec<_>>(), [ex(1), ex(2), ex(3), ex(4)]);
    // What expired in the queue is not sent, but its receipt is requested.
    let mut late = queue(&*store, 20, "exercise-gbr", Precedence::Flash).await;
    late.unanswered = Some(NOW);
    put(&*store, late, EntryKind::ExchangeSent, ex(20)).await.unwrap();
    queue(&*store, 21, "exercise-gbr", Precedence::Flash).await;
    let due = store.due(later(3600), 10).await.unwrap();
    assert_eq!(due.iter().map(|due| due.exchange).collect::<Vec<_>>(), [ex(20), ex(1), ex(2), ex(3), ex(4)]);
    let claim =
        |n| Commit::new().change(Change::Claim { exchange: ex(n), owner: "alpha".into(), now: NOW, until: later(60) });
    store.commit(claim(2)).await.unwrap();
    assert!(matches!(store.commit(claim(12)).await, Err(StoreError::Conflict { .. })), "nothing is asked of it");
    // After the partner's answer it stays in the state in which it was stopped.
    let mut row = read(&*store, 2).await;
    row.unanswered = None;
    let change = Change::Exchange { row: Box::new(row), by: Some("alpha".into()), sealed: None };
    let unrecorded = store.commit(Commit::new().change(change.clone())).await;
    assert!(matches!(unrecorded, Err(StoreError::Unrecorded { .. })));
    store.commit(Commit::new().change(change).entry(note(EntryKind::ExchangeRefused, ex(2)))).await.unwrap();
    assert!(store.due(later(3600), 10).await.unwrap().iter().all(|due| due.exchange != ex(2)));
}

async fn search_takes_every_word_literally(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let mut row = outbound(1, "exercise-gbr");
    row.title = Some("EXERCISE harbour closing NEAR midnight".into());
    row.subjects = vec!["EXERCISE shipping".into()];
    put(&*store, row, EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    let mut row = outbound(2, "exercise-gbr");
    row.title = Some("EXERCISE railway".into());
    put(&*store, row, EntryKind::ExchangeRequested, ex(2)).await.unwrap();
    let ids = async |words: &str| -> Vec<ExchangeId> {
        store.search(words, 10).await.unwrap().iter().map(|found| found.exchange.id).collect()
    };
    assert_eq!(ids("harbour").await, [ex(1)]);
    assert_eq!(ids("shipping harbour").await, [ex(1)]);
    assert_eq!(ids("harb").await, [ex(1)]);
    assert_eq!(ids("EXERCISE-GBR").await.len(), 2);
    assert!(ids("harbour railway").await.is_empty());
    assert!(store.search("harbour", 10).await.unwrap()[0].snippet.contains("⟦harbour⟧"));
    for hostile in [
        "harbour OR railway",
        "title:harbour",
        "NEAR(harbour railway)",
        "\"",
        "\"\"",
        "harbour\" OR \"railway",
        "*",
        "^harbour",
        "-harbour",
        "(",
        "harbour AND",
        "{title}:harbour",
        "'; DROP TABLE record; --",
        "\0",
        "a\0b",
        "+ +",
    ] {
        let found = store.search(hostile, 10).await.unwrap_or_else(|e| panic!("{hostile:?}: {e}"));
        assert!(found.len() <= 1, "{hostile:?} was taken for an operator");
    }
    // A changed exchange is found by its new words only.
    let mut row = read(&*store, 2).await;
    row.title = Some("EXERCISE airfield".into());
    put(&*store, row, EntryKind::ExchangeRequested, ex(2)).await.unwrap();
    assert_eq!(ids("airfield").await, [ex(2)]);
    assert!(ids("railway").await.is_empty());
}

async fn entries_prove_that_they_are_in_the_ledger(store: Arc<dyn Store>) {
    for n in 0..20u16 {
        store.commit(Commit::new().entry(note(EntryKind::Alarm, format!("exercise-{n}")))).await.unwrap();
    }
    let old = store.head().await.unwrap();
    for n in 20..33u16 {
        store.commit(Commit::new().entry(note(EntryKind::Alarm, format!("exercise-{n}")))).await.unwrap();
    }
    let head = store.head().await.unwrap();
    assert_eq!(head.size(), 33);
    for recorded in store.entries(0, 100).await.unwrap() {
        let proof = store.prove_inclusion(recorded.index, &head).await.unwrap();
        proof.check_inclusion(recorded.index, leaf_hash(&recorded.bytes), head.size(), head.root()).unwrap();
        let other = (recorded.index + 1) % 33;
        assert!(proof.check_inclusion(other, leaf_hash(&recorded.bytes), head.size(), head.root()).is_err());
    }
    let proof = store.prove_consistency(old.size(), &head).await.unwrap();
    proof.check_consistency(old.size(), old.root(), head.size(), head.root()).unwrap();
    assert!(proof.check_consistency(old.size(), head.root(), head.size(), head.root()).is_err());
    assert_eq!(store.entries_about("exercise-7").await.unwrap().len(), 1);
    assert_eq!(store.entries(30, 100).await.unwrap().len(), 3);
}

async fn waiting_commits_share_a_checkpoint_and_fail_individually(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let commit = |n: u16| {
        // Every tenth is for a partner that is not there.
        let partner = if n.is_multiple_of(10) { "exercise-nobody" } else { "exercise-gbr" };
        Commit::new().change(outbound(n, partner)).entry(note(EntryKind::ExchangeRequested, ex(n)))
    };
    let commits = (1..=200u16).map(|n| {
        let store = store.clone();
        let commit = commit(n);
        tokio::spawn(async move { store.commit(commit).await })
    });
    let mut heads = BTreeSet::new();
    let mut places = BTreeSet::new();
    for (n, outcome) in (1..=200u16).zip(futures_util::future::join_all(commits).await) {
        match outcome.unwrap() {
            Ok(committed) => {
                assert!(!n.is_multiple_of(10));
                assert!(places.insert(committed.first), "two commits at the same place");
                assert!(committed.first < committed.head.size());
                heads.insert(committed.head.size());
            }
            Err(error) => assert!(n.is_multiple_of(10) && matches!(error, StoreError::Illegal { .. }), "{n}: {error}"),
        }
    }
    assert_eq!(places, (1..=180).collect());
    assert!(heads.len() < 180, "no two commits shared a transaction");
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.exchanges[&(Direction::Out, ExchangeState::Requested)], 180);
    assert_eq!(counts.entries, 181);
}

async fn counters_increase_with_what_they_count(store: Arc<dyn Store>) {
    let start = store.generations().await.unwrap();
    enrol(&*store, "exercise-gbr").await;
    let enrolled = store.generations().await.unwrap();
    assert!(enrolled.all > start.all && enrolled.roster > start.roster);
    put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    let requested = store.generations().await.unwrap();
    assert!(requested.all > enrolled.all && requested.roster == enrolled.roster);
    let refused = put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await;
    assert!(refused.is_err());
    assert_eq!(store.generations().await.unwrap(), requested);
    assert_eq!((requested.clock_high, requested.approvals), (NOW, start.approvals));
    assert_eq!(store.node().await.unwrap().clock_high, NOW);
}

async fn a_quota_counts_a_days_exchanges_and_bytes_of_each_partner_and_direction(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    enrol(&*store, "exercise-nor").await;
    let (gbr, nor) = ("exercise-gbr".parse::<PartnerId>().unwrap(), "exercise-nor".parse::<PartnerId>().unwrap());
    let (today, tomorrow) = (jiff::civil::date(2026, 11, 22), jiff::civil::date(2026, 11, 23));
    let quota = Usage { exchanges: 3, bytes: 1000 };
    let spend = async |partner: &PartnerId, direction, day, exchanges, bytes| {
        let spend = Spend { partner: partner.clone(), direction, day, usage: Usage { exchanges, bytes }, quota };
        store.commit(Commit::new().change(TrafficChange::Spend(spend))).await
    };
    let out = Direction::Out;
    spend(&gbr, out, today, 1, 400).await.unwrap();
    spend(&gbr, out, today, 1, 600).await.unwrap();
    for (exchanges, bytes) in [(0, 1), (2, 0)] {
        let refused = spend(&gbr, out, today, exchanges, bytes).await;
        assert!(matches!(refused, Err(StoreError::Quota { .. })), "{exchanges} exchanges, {bytes} bytes: {refused:?}");
    }
    let used = async |partner: &PartnerId, day| store.usage(partner, day).await.unwrap();
    assert_eq!(used(&gbr, today).await, [(out, Usage { exchanges: 2, bytes: 1000 })].into());
    spend(&gbr, out, today, 1, 0).await.unwrap();
    // Another direction, another day and another partner each have a quota of their own.
    for (partner, direction, day) in [(&gbr, Direction::In, today), (&gbr, out, tomorrow), (&nor, out, today)] {
        spend(partner, direction, day, 3, 1000).await.unwrap();
    }
    let all = |exchanges, bytes| Usage { exchanges, bytes };
    assert_eq!(used(&gbr, today).await, [(out, all(3, 1000)), (Direction::In, all(3, 1000))].into());
    assert_eq!((used(&gbr, tomorrow).await.len(), used(&nor, today).await.len()), (1, 1));
}

async fn inbound_usage_is_counted_by_state_until_it_is_taken(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    enrol(&*store, "exercise-nor").await;
    let (gbr, nor) = ("exercise-gbr".parse::<PartnerId>().unwrap(), "exercise-nor".parse::<PartnerId>().unwrap());
    let states = [ExchangeState::Receiving, ExchangeState::Received];
    let held = async |partner: &PartnerId| store.inbound_usage(partner, &states).await.unwrap();
    assert_eq!(held(&gbr).await, BTreeMap::new());
    let row = |n: u8, partner: &PartnerId, size| {
        let id = ExchangeId::new(NOW, [n; 10]);
        let mut row = Exchange::new(id, Direction::In, partner.clone(), ExchangeState::Receiving, NOW, NOW);
        row.payload = Some(Payload { spool: SpoolId::Envelope(id), size, digest: Digest::of(b"EXERCISE") });
        row
    };
    let (first, second) = (row(0x10, &gbr, 1 << 20), row(0x20, &gbr, 70_000));
    let commit = async |row: Exchange, kind| {
        let entry = note(kind, row.id);
        store.commit(Commit::new().change(row).entry(entry)).await.unwrap();
    };
    for row in [&first, &second, &row(0x30, &nor, 80_000)] {
        commit(row.clone(), EntryKind::ExchangeReceiving).await;
    }
    let one = |exchanges, bytes| Usage { exchanges, bytes };
    assert_eq!(held(&gbr).await, [(ExchangeState::Receiving, one(2, (1 << 20) + 70_000))].into());
    let mut received = store.exchange(&first.id).await.unwrap().unwrap();
    received.state = ExchangeState::Received;
    commit(received, EntryKind::ExchangeReceived).await;
    let both = [(ExchangeState::Receiving, one(1, 70_000)), (ExchangeState::Received, one(1, 1 << 20))];
    assert_eq!(held(&gbr).await, both.into());
    let mut taken = store.exchange(&first.id).await.unwrap().unwrap();
    taken.state = ExchangeState::Taken;
    commit(taken, EntryKind::InboxTaken).await;
    assert_eq!(held(&gbr).await, [both[0]].into());
    assert_eq!(held(&nor).await, [(ExchangeState::Receiving, one(1, 80_000))].into());
    assert_eq!(store.inbound_usage(&nor, &[ExchangeState::Received]).await.unwrap(), BTreeMap::new());
}

async fn an_older_head_of_a_partner_never_replaces_a_newer_one(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let signer = signer();
    let key = LedgerKey::new(Origin::of_node(&"exercise-gbr".parse().unwrap()), signer.public().clone()).unwrap();
    let head = |size, root: &[u8]| SignedCheckpoint::sign(size, Digest::of(root), &key, &*signer).unwrap();
    let (gbr, nor) = ("exercise-gbr".parse::<PartnerId>().unwrap(), "exercise-nor".parse::<PartnerId>().unwrap());
    let witness = async |head: &SignedCheckpoint| {
        let change = TrafficChange::Witness { partner: gbr.clone(), head: head.clone() };
        store.commit(Commit::new().change(change)).await.unwrap();
        store.partner_checkpoint(&gbr).await.unwrap().unwrap()
    };
    assert_eq!(store.partner_checkpoint(&gbr).await.unwrap(), None);
    let (old, newer, newest) = (head(4, b"four"), head(5, b"five"), head(9, b"nine"));
    assert_eq!(witness(&newer).await, newer.as_str());
    assert_eq!(witness(&old).await, newer.as_str());
    assert_eq!(witness(&head(5, b"another")).await, newer.as_str(), "the first of one size stays");
    assert_eq!(witness(&newest).await, newest.as_str());
    assert_eq!(store.partner_checkpoint(&nor).await.unwrap(), None);
}

async fn a_statement_moves_the_roster_and_a_submission_does_not(store: Arc<dyn Store>) {
    add_officer(&*store, "alice").await;
    put(&*store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    for kind in StatementKind::ALL {
        let before = store.generations().await.unwrap();
        let signer = "alice".parse().unwrap();
        let row = Statement { subject: rq(1).to_string(), kind: *kind, signer, bytes: vec![1], given: NOW };
        put(&*store, row, EntryKind::RequestSubmitted, rq(1)).await.unwrap();
        let after = store.generations().await.unwrap();
        assert_eq!(after.roster > before.roster, *kind != StatementKind::Submission, "{kind}");
        assert!(after.all > before.all);
    }
}

async fn refuses_to_undo_a_recall(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    let recalled = |why: &str| Some(Recalled { at: NOW, why: why.into() });
    let commit = async |recalled| {
        let row = Exchange { recalled, ..read(&*store, 1).await };
        put(&*store, row, EntryKind::ExchangeRequested, ex(1)).await
    };
    commit(recalled("error")).await.unwrap();
    for other in [None, recalled("other")] {
        let refused = commit(other).await;
        assert!(matches!(refused, Err(StoreError::Illegal { .. })), "{refused:?}");
    }
    commit(recalled("error")).await.unwrap();
    assert_eq!(read(&*store, 1).await.recalled, recalled("error"));
}

async fn refuses_to_change_immutable_fields(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    enrol(&*store, "exercise-nor").await;
    put(&*store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    put(&*store, request(2), EntryKind::RequestSubmitted, rq(2)).await.unwrap();
    let made = Exchange { request: Some(rq(1)), about: Some(ex(9)), ..outbound(1, "exercise-gbr") };
    put(&*store, made, EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    let row = read(&*store, 1).await;
    let others = [
        Exchange { partner: "exercise-nor".parse().unwrap(), ..row.clone() },
        Exchange { request: Some(rq(2)), ..row.clone() },
        Exchange { kind: ExchangeKind::Recall, ..row.clone() },
        Exchange { about: Some(ex(8)), ..row.clone() },
        Exchange { created: later(1), ..row.clone() },
    ];
    for other in others {
        let refused = put(&*store, other, EntryKind::ExchangeRequested, ex(1)).await;
        assert!(matches!(refused, Err(StoreError::Illegal { .. })), "{refused:?}");
    }
    put(&*store, row, EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    let gbr = store.partner(&"exercise-gbr".parse().unwrap()).await.unwrap().unwrap();
    let refused = put(&*store, Partner { added: later(1), ..gbr }, EntryKind::PartnerAdded, "exercise-gbr").await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })), "{refused:?}");
}

async fn refuses_prints_of_an_unknown_exchange(store: Arc<dyn Store>) {
    let change = Change::Prints { exchange: ex(1), sender: None, prints: [].into() };
    let refused = store.commit(Commit::new().change(change)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
}

async fn listings_filter_and_page(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    enrol(&*store, "exercise-nor").await;
    for n in 1..=6 {
        let partner = if n % 2 == 0 { "exercise-gbr" } else { "exercise-nor" };
        put(&*store, outbound(n, partner), EntryKind::ExchangeRequested, ex(n)).await.unwrap();
    }
    let mut row = read(&*store, 6).await;
    row.state = ExchangeState::Cancelled;
    put(&*store, row, EntryKind::ExchangeCancelled, ex(6)).await.unwrap();
    let ids = async |filter: ExchangeFilter| -> Vec<ExchangeId> {
        store.exchanges(&filter).await.unwrap().iter().map(|row| row.id).collect()
    };
    let every = ExchangeFilter::default();
    assert_eq!(ids(every.clone()).await, [ex(6), ex(5), ex(4), ex(3), ex(2), ex(1)]);
    assert_eq!(ids(ExchangeFilter { before: Some(ex(3)), limit: 1, ..every.clone() }).await, [ex(2)]);
    let partner = Some("exercise-gbr".parse().unwrap());
    assert_eq!(ids(ExchangeFilter { partner, ..every.clone() }).await, [ex(6), ex(4), ex(2)]);
    let states = [ExchangeState::Cancelled, ExchangeState::Parked].into();
    assert_eq!(ids(ExchangeFilter { states, ..every.clone() }).await, [ex(6)]);
    assert!(ids(ExchangeFilter { direction: Some(Direction::In), ..every.clone() }).await.is_empty());
    queue(&*store, 7, "exercise-nor", Precedence::Routine).await;
    let claimed = ExchangeFilter { claimed: true, ..every };
    assert!(ids(claimed.clone()).await.is_empty());
    let claim = Change::Claim { exchange: ex(7), owner: "alpha".into(), now: NOW, until: later(60) };
    store.commit(Commit::new().change(claim)).await.unwrap();
    assert_eq!(ids(claimed).await, [ex(7)]);
    put(&*store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    put(&*store, request(2), EntryKind::RequestSubmitted, rq(2)).await.unwrap();
    let filter = RequestFilter { states: [RequestState::Open].into(), before: Some(rq(2)), ..Default::default() };
    assert_eq!(store.requests(&filter).await.unwrap().len(), 1);
    let overdue = |by| RequestFilter { expired_by: Some(by), ..RequestFilter::default() };
    assert!(store.requests(&overdue(later(3599))).await.unwrap().is_empty());
    assert_eq!(store.requests(&overdue(later(3600))).await.unwrap().len(), 2);
}

async fn a_refused_offer_may_be_made_again(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let partner = "exercise-gbr".parse().unwrap();
    let mut row = Exchange::new(ex(1), Direction::In, partner, ExchangeState::Receiving, NOW, later(60));
    row.payload = Some(Payload { spool: SpoolId::Envelope(ex(1)), size: 9, digest: Digest::of(b"EXERCISE") });
    put(&*store, row, EntryKind::ExchangeReceiving, ex(1)).await.unwrap();
    let mut row = read(&*store, 1).await;
    row.state = ExchangeState::Refused;
    row.payload = None;
    put(&*store, row, EntryKind::ExchangeRefused, ex(1)).await.unwrap();
    let mut row = read(&*store, 1).await;
    row.state = ExchangeState::Received;
    let empty = put(&*store, row.clone(), EntryKind::ExchangeReceived, ex(1)).await;
    assert!(matches!(empty, Err(StoreError::Illegal { .. })), "nothing can be received without a payload");
    row.payload = Some(Payload { spool: SpoolId::Envelope(ex(1)), size: 9, digest: Digest::of(b"EXERCISE") });
    put(&*store, row, EntryKind::ExchangeReceived, ex(1)).await.unwrap();
}

async fn a_short_payload_is_kept_for_as_long_as_it_is_needed(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let payload = Bytes::from_static(b"EXERCISE payload");
    let kept = async |n| store.inline_payload(&ex(n)).await.unwrap();
    for n in 1..=4 {
        put(&*store, outbound(n, "exercise-gbr"), EntryKind::ExchangeRequested, ex(n)).await.unwrap();
    }
    for n in 1..=3 {
        let change = Change::with_payload(sealed(read(&*store, n).await), Some(payload.clone()));
        put(&*store, change, EntryKind::ExchangeSealed, ex(n)).await.unwrap();
        assert_eq!(kept(n).await, Some(payload.clone()));
    }
    put(&*store, sealed(read(&*store, 4).await), EntryKind::ExchangeSealed, ex(4)).await.unwrap();
    assert_eq!(kept(4).await, None, "in the spool");
    assert_eq!(kept(5).await, None, "no such exchange");
    // A transition that still needs it.
    let parked = Exchange { state: ExchangeState::Parked, ..read(&*store, 1).await };
    put(&*store, parked, EntryKind::ExchangeParked, ex(1)).await.unwrap();
    assert_eq!(kept(1).await, Some(payload.clone()));
    // Replaced by another one, and then by one in the spool.
    for bytes in [Some(Bytes::from_static(b"EXERCISE other")), None] {
        let mut row = read(&*store, 1).await;
        let named: &[u8] = bytes.as_deref().unwrap_or(b"EXERCISE third");
        row.payload = Some(Payload { spool: SpoolId::Envelope(ex(1)), size: 14, digest: Digest::of(named) });
        put(&*store, Change::with_payload(row, bytes.clone()), EntryKind::ExchangeSealed, ex(1)).await.unwrap();
        assert_eq!(kept(1).await, bytes);
    }
    // The last transition that needed it, and one that names no payload any more.
    let cancelled = Exchange { state: ExchangeState::Cancelled, ..read(&*store, 2).await };
    put(&*store, cancelled, EntryKind::ExchangeCancelled, ex(2)).await.unwrap();
    let none = Exchange { state: ExchangeState::Held, payload: None, ..read(&*store, 3).await };
    put(&*store, none, EntryKind::ReleaseHeld, ex(3)).await.unwrap();
    assert_eq!((kept(2).await, kept(3).await), (None, None));
    // A taken product can be taken again until it is swept, and nothing else is swept.
    let partner = "exercise-gbr".parse().unwrap();
    let arrived = Exchange::new(ex(6), Direction::In, partner, ExchangeState::Received, NOW, later(60));
    let arrived = Exchange { payload: sealed(outbound(6, "exercise-gbr")).payload, ..arrived };
    let change = Change::with_payload(arrived, Some(payload.clone()));
    put(&*store, change, EntryKind::ExchangeReceived, ex(6)).await.unwrap();
    for (state, left) in [(ExchangeState::Received, Some(payload.clone())), (ExchangeState::Taken, None)] {
        let row = Exchange { state, ..read(&*store, 6).await };
        put(&*store, row, EntryKind::InboxTaken, ex(6)).await.unwrap();
        assert_eq!(kept(6).await, Some(payload.clone()));
        for (taken_by, left) in [(NOW.minus(Duration::from_secs(1)), &Some(payload.clone())), (NOW, &left)] {
            store.commit(Commit::new().change(Change::SweepPayloads { taken_by })).await.unwrap();
            assert_eq!(kept(6).await, *left);
        }
    }
    assert!(store.verify().await.unwrap().is_good());
}

async fn prints_name_the_first_sender_and_are_found_marked_or_plain(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    enrol(&*store, "exercise-nzl").await;
    for n in 1..=4 {
        put(&*store, outbound(n, "exercise-gbr"), EntryKind::ExchangeRequested, ex(n)).await.unwrap();
    }
    let prints =
        |numbers: &[i64]| -> BTreeSet<Fingerprint> { numbers.iter().map(|n| Fingerprint::from_i64(*n)).collect() };
    let add = |n: u16, sender: Option<&str>, numbers: &[i64]| Change::Prints {
        exchange: ex(n),
        sender: sender.map(|name| name.parse().unwrap()),
        prints: prints(numbers),
    };
    let known = async |numbers: &[i64]| {
        let mut found = store.find_prints(&prints(numbers)).await.unwrap();
        found.sort();
        let row =
            |p: RecordedPrint| (p.print.to_i64(), p.sender.map(|s| s.to_string()).unwrap_or_default(), p.exchange);
        found.into_iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(known(&[2, 4, -8]).await, []);
    let commit = Commit::new()
        .change(add(1, Some("exercise-gbr"), &[2, 4, -8]))
        .change(add(2, Some("exercise-gbr"), &[4, 9]))
        .change(add(3, Some("exercise-nzl"), &[4]))
        .change(add(4, None, &[4]));
    store.commit(commit).await.unwrap();
    let (gbr, nzl) = ("exercise-gbr".to_owned(), "exercise-nzl".to_owned());
    let of_four = [(4, String::new(), ex(4)), (4, gbr.clone(), ex(1)), (4, nzl, ex(3))];
    assert_eq!(known(&[4]).await, of_four);
    assert_eq!(known(&[-8]).await, [(-8, gbr.clone(), ex(1))]);
    assert_eq!(known(&[8]).await, [(9, gbr.clone(), ex(2))]);
    assert_eq!(known(&[3]).await, [(2, gbr, ex(1))]);
    assert_eq!(known(&[6, 10]).await, []);
    assert_eq!(known(&[]).await, []);
    let nowhere = store.commit(Commit::new().change(add(99, None, &[12]))).await;
    assert!(matches!(nowhere, Err(StoreError::Conflict { .. })), "{nowhere:?}");
    assert_eq!(known(&[12]).await, []);
}

async fn deletes_the_header_with_the_transition_after_which_nothing_may_be_sent(store: Arc<dyn Store>) {
    use ExchangeState as S;
    enrol(&*store, "exercise-gbr").await;
    let header = sealed(outbound(1, "exercise-gbr")).header;
    for (n, (state, kept)) in [
        (S::Sending, true),
        (S::Parked, true),
        (S::Held, true),
        (S::Delivered, false),
        (S::Cancelled, false),
        (S::Refused, false),
        (S::Expired, false),
    ]
    .into_iter()
    .enumerate()
    {
        let n = u16::try_from(n + 1).unwrap();
        let row = queue(&*store, n, "exercise-gbr", Precedence::Routine).await;
        assert_eq!(row.header, header);
        let receipt = (state == S::Delivered).then(|| b"EXERCISE receipt".to_vec());
        put(&*store, Exchange { state, receipt, ..row }, EntryKind::Alarm, ex(n)).await.unwrap();
        assert_eq!(read(&*store, n).await.header, header.clone().filter(|_| kept), "{state}");
    }
    for (n, (state, kept)) in [(S::Receiving, false), (S::Received, true), (S::Quarantined, true), (S::Refused, false)]
        .into_iter()
        .enumerate()
    {
        let n = u16::try_from(n + 20).unwrap();
        let partner = "exercise-gbr".parse().unwrap();
        let row = sealed(Exchange::new(ex(n), Direction::In, partner, state, NOW, later(60)));
        put(&*store, Exchange { state, ..row }, EntryKind::Alarm, ex(n)).await.unwrap();
        assert_eq!(read(&*store, n).await.header, header.clone().filter(|_| kept), "{state}");
    }
    assert!(store.verify().await.unwrap().is_good());
}

async fn refuses_to_queue_a_product_without_a_header(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    let row = Exchange { header: None, ..sealed(read(&*store, 1).await) };
    let refused = put(&*store, row.clone(), EntryKind::ExchangeSealed, ex(1)).await;
    assert!(matches!(refused, Err(StoreError::Illegal { .. })), "{refused:?}");
    put(&*store, sealed(row), EntryKind::ExchangeSealed, ex(1)).await.unwrap();
}

async fn refuses_an_inline_payload_that_the_row_does_not_name(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    put(&*store, outbound(1, "exercise-gbr"), EntryKind::ExchangeRequested, ex(1)).await.unwrap();
    let before = read(&*store, 1).await;
    let refused = async |row: Exchange, payload: &[u8]| {
        let change = Change::with_payload(row, Some(Bytes::copy_from_slice(payload)));
        let outcome = put(&*store, change, EntryKind::ExchangeSealed, ex(1)).await;
        assert!(matches!(outcome, Err(StoreError::Illegal { .. })), "{outcome:?}");
        assert_eq!(read(&*store, 1).await, before);
        assert_eq!(store.inline_payload(&ex(1)).await.unwrap(), None);
    };
    let row = sealed(before.clone());
    refused(row.clone(), b"EXERCISE paylOad").await;
    refused(row.clone(), b"EXERCISE payload and more").await;
    refused(Exchange { state: ExchangeState::Requested, payload: None, ..row.clone() }, b"EXERCISE payload").await;
    refused(Exchange { state: ExchangeState::Cancelled, ..row.clone() }, b"EXERCISE payload").await;
    let long = vec![0; usize::try_from(INLINE_BYTES_MAX).unwrap() + 1];
    let named = |bytes: &[u8]| {
        Some(Payload { spool: SpoolId::Envelope(ex(1)), size: bytes.len() as u64, digest: Digest::of(bytes) })
    };
    refused(Exchange { payload: named(&long), ..row.clone() }, &long).await;
    let longest = &long[1..];
    let row = Exchange { payload: named(longest), ..row };
    let change = Change::with_payload(row, Some(Bytes::copy_from_slice(longest)));
    put(&*store, change, EntryKind::ExchangeSealed, ex(1)).await.unwrap();
    assert_eq!(store.inline_payload(&ex(1)).await.unwrap().as_deref(), Some(longest));
}

async fn random_steps_follow_the_table(store: Arc<dyn Store>) {
    enrol(&*store, "exercise-gbr").await;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let mut states: Vec<Option<ExchangeState>> = vec![None; 12];
    for _ in 0..600 {
        let n = random(states.len());
        let number = u16::try_from(n).unwrap();
        // Even ones are outbound, odd ones inbound.
        let direction = if n.is_multiple_of(2) { Direction::Out } else { Direction::In };
        let to = ExchangeState::ALL[random(ExchangeState::ALL.len())];
        let before = store.exchange(&ex(number)).await.unwrap();
        assert_eq!(before.as_ref().map(|row| row.state), states[n]);
        let partner = "exercise-gbr".parse().unwrap();
        let fresh = Exchange::new(ex(number), direction, partner, to, NOW, later(60));
        let mut row = sealed(before.unwrap_or(fresh));
        row.state = to;
        if ExchangeState::DELIVERED.contains(&to) {
            row.receipt = Some(b"EXERCISE receipt".to_vec());
        }
        let outcome = put(&*store, row, EntryKind::Alarm, ex(number)).await;
        let allowed = states[n] == Some(to) || is_legal_transition(direction, states[n], to);
        assert_eq!(outcome.is_ok(), allowed, "{direction}: {:?} to {to}: {outcome:?}", states[n]);
        if allowed {
            states[n] = Some(to);
        }
    }
}
