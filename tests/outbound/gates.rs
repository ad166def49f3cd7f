//! The two gates of a delivery and what becomes of an attempt, without a network: whatever changes at whatever moment, nothing
//! leaves that was not on record as leaving before it, and what a partner answers is what it can answer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::moments::Moments;
use crate::partner::{Partner, opened};
use crate::support::{self, World};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use portcullis::approval::Role;
use portcullis::digest::Digest;
use portcullis::edge::{DeliveryFailure, KeyGate, PayloadSource, Refusal, StopSignal, Transport};
use portcullis::envelope::{Handled, Handling, Header, OpeningProof, Recall, Receipt};
use portcullis::gateway::{DecidedRequests, ManualOperation, Node};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::ledger::EntryKind;
use portcullis::partner::{Breaker, Description};
use portcullis::sign::Signed;
use portcullis::store::{ExchangeState, IndexedEntry, Spool, SqliteStore, Store};
use portcullis::system::{SystemClock, SystemEntropy};
use portcullis::time::{Clock, FixedClock, Time};
use portcullis::wire::{KeyAnswer, Offer, RefusalCode};

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

/// What has left of an exchange, and what is there to be answered with.
struct Sent {
    offer: Offer,
    payload: Vec<u8>,
    header: Option<Header>,
}

/// How a partner answers what it was sent.
type Answers = Box<dyn Fn(Sent) -> Result<Vec<u8>, DeliveryFailure> + Send + Sync>;

/// A way to a partner that takes all that it is given: what happens before the key is asked for, and what is answered.
struct Way {
    /// What it says to the offer itself, if it does not take it.
    refuses: Option<DeliveryFailure>,
    meanwhile: Mutex<Option<BoxFuture<'static, ()>>>,
    answers: Answers,
    /// When it was offered, and when the key had left, by this clock.
    clock: Arc<dyn Clock>,
    offered: Mutex<Option<Time>>,
    key: Mutex<Option<Time>>,
    stop: Mutex<Option<StopSignal>>,
}

impl Way {
    fn new(
        clock: Arc<dyn Clock>,
        answers: impl Fn(Sent) -> Result<Vec<u8>, DeliveryFailure> + Send + Sync + 'static,
    ) -> Way {
        let (meanwhile, offered) = (Mutex::default(), Mutex::default());
        let (key, stop) = (Mutex::default(), Mutex::default());
        Way { refuses: None, meanwhile, answers: Box::new(answers), clock, offered, key, stop }
    }

    /// One that refuses every offer.
    fn refusing(clock: Arc<dyn Clock>, failure: DeliveryFailure) -> Way {
        Way { refuses: Some(failure), ..Way::new(clock, |_| Err(DeliveryFailure::LinkDown)) }
    }

    /// Has something happen when all of the payload has left, and the key has not.
    fn meanwhile(&self, act: impl Future<Output = ()> + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::pin(act));
    }

    fn is_stopped(&self) -> bool {
        self.stop.lock().unwrap().as_ref().is_some_and(StopSignal::is_stopped)
    }
}

#[async_trait]
impl Transport for Way {
    async fn deliver(
        &self,
        _: &PartnerId,
        offer: Offer,
        mut source: Box<dyn PayloadSource>,
        key: KeyGate,
        stop: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        *self.offered.lock().unwrap() = Some(self.clock.now());
        *self.stop.lock().unwrap() = Some(stop);
        if let Some(failure) = self.refuses {
            return Err(failure);
        }
        let mut payload = Vec::new();
        while (payload.len() as u64) < offer.payload_size {
            let read = source.read_at(payload.len() as u64, 1 << 16).await;
            payload.extend_from_slice(&read.map_err(|_| DeliveryFailure::SourceFailed)?);
        }
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        let KeyAnswer::Send(header) = key().await else { return Err(DeliveryFailure::Withdrawn) };
        *self.key.lock().unwrap() = header.as_ref().map(|_| self.clock.now());
        (self.answers)(Sent { offer, payload, header })
    }

    fn link_failure(&self, _: &PartnerId) -> Option<String> {
        None
    }
}

fn released(world: &World, us: &support::Node, id: &str) -> (String, ExchangeId) {
    let file = world.product(id, BANNER, PORTION);
    let answer = world.release(us, &[file], "exercise-gbr");
    (answer.text("/request").to_owned(), answer.text("/exchanges/0/exchange").parse().unwrap())
}

async fn promoted(node: &Node) {
    let roster = node.store().generations().await.unwrap().roster;
    let mut seen = DecidedRequests::default();
    while node.release_approved(&mut seen, roster).await.unwrap() {}
}

/// One attempt at what is due of an exchange.
async fn attempt(node: &Arc<Node>, way: &Way, exchange: &ExchangeId) {
    let due = node.store().due(node.now(), 8).await.unwrap();
    let due = due.into_iter().find(|due| due.exchange == *exchange).expect("it is due");
    node.attempt(way, due).await.unwrap();
}

/// A receipt as the partner signs it once it has opened what it was sent, with `edit` made to what it says.
fn receipt(partner: &Partner, sent: &Sent, now: Time, edit: impl Fn(&mut Receipt)) -> Vec<u8> {
    let opened = partner.opens(&sent.offer, sent.header.as_ref().unwrap(), &sent.payload);
    let mut receipt = partner.receipt(&sent.offer, opened, now);
    edit(&mut receipt);
    partner.signs(receipt)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_that_answers_anything_else_delivers_nothing() {
    let world = World::new();
    let (us, them) = world.pair();
    let (_, exchange) = released(&world, &us, "ANSWERED");
    let clock = Arc::new(FixedClock::at(SystemClock.now().plus(Duration::from_secs(60))));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    let partner = Arc::new(Partner::of(&them));
    let other = ExchangeId::new(Time::EPOCH, [9; 10]);
    type Edit = fn(&mut Receipt, ExchangeId);
    // Each with where it leaves the exchange: what can only be a lie is not asked for again.
    let edits: [(&str, Edit, ExchangeState); 10] = [
        ("version", |r, _| r.version += 1, ExchangeState::Queued),
        ("exchange", |r, other| r.exchange = other, ExchangeState::Queued),
        ("sender", |r, _| r.sender = "exercise-aus".parse().unwrap(), ExchangeState::Queued),
        ("recipient", |r, _| r.recipient = "exercise-aus".parse().unwrap(), ExchangeState::Queued),
        ("manifest", |r, _| r.manifest_digest = Digest::of(b"other"), ExchangeState::Queued),
        ("payload", |r, _| r.payload_digest = Digest::of(b"other"), ExchangeState::Queued),
        (
            "handled",
            |r, other| r.handled = Some(Handled { exchange: other, handling: Handling::NotHere, since_ms: None }),
            ExchangeState::Queued,
        ),
        ("time", |r, _| r.received_at_ms += 86_400_000, ExchangeState::Queued),
        ("head", |r, _| r.checkpoint = "EXERCISE: no head\n".into(), ExchangeState::Queued),
        ("proof", |r, _| r.opened = OpeningProof::from_digest(Digest::of(b"other")), ExchangeState::Parked),
    ];
    for (what, edit, state) in edits {
        let (by, now) = (partner.clone(), clock.now());
        let way = Way::new(clock.clone(), move |sent| Ok(receipt(&by, &sent, now, |r| edit(r, other))));
        attempt(&node, &way, &exchange).await;
        let row = node.store().exchange(&exchange).await.unwrap().unwrap();
        assert_eq!((row.state, row.receipt), (state, None), "{what}: {:?}", row.reason);
        assert!(row.unanswered.is_some(), "{what}: whether the partner has it is not known");
        clock.advance(Duration::from_secs(3600));
        if state == ExchangeState::Parked {
            node.manual_operation(&exchange, ManualOperation::Retry).await.unwrap();
        }
    }
    // That the partner is busy says nothing of whether it has it.
    let busy = Way::refusing(clock.clone(), DeliveryFailure::Refused(Refusal::from(RefusalCode::Busy)));
    attempt(&node, &busy, &exchange).await;
    assert!(node.store().exchange(&exchange).await.unwrap().unwrap().unanswered.is_some());
    clock.advance(Duration::from_secs(3600));
    // Nor does one that another node signed.
    let posing = Partner::posing(&us, &partner);
    let now = clock.now();
    let (by, signer) = (partner.clone(), Arc::new(posing));
    let way = Way::new(clock.clone(), move |sent| {
        let opened = by.opens(&sent.offer, sent.header.as_ref().unwrap(), &sent.payload);
        Ok(signer.signs(by.receipt(&sent.offer, opened, now)))
    });
    attempt(&node, &way, &exchange).await;
    assert_eq!(node.store().exchange(&exchange).await.unwrap().unwrap().state, ExchangeState::Queued);
    clock.advance(Duration::from_secs(3600));
    // The true one does.
    let (by, now) = (partner.clone(), clock.now());
    let way = Way::new(clock.clone(), move |sent| Ok(receipt(&by, &sent, now, |_| ())));
    attempt(&node, &way, &exchange).await;
    let row = node.store().exchange(&exchange).await.unwrap().unwrap();
    assert_eq!((row.state, row.unanswered), (ExchangeState::Delivered, None), "{:?}", row.reason);
    node.store().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_to_be_left_alone_for_a_while_is() {
    let world = World::new();
    let (us, _them) = world.pair();
    let (_, exchange) = released(&world, &us, "LATER");
    let clock = Arc::new(FixedClock::at(SystemClock.now().plus(Duration::from_secs(60))));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    let hour = Duration::from_secs(3600);
    for (after, failure) in [
        (None, DeliveryFailure::Refused(Refusal::from(RefusalCode::Busy))),
        (Some(hour), DeliveryFailure::Refused(Refusal { code: RefusalCode::Busy, retry_after: Some(hour) })),
        (Some(hour), DeliveryFailure::Throttled(hour)),
    ] {
        let way = Way::refusing(clock.clone(), failure);
        attempt(&node, &way, &exchange).await;
        let row = node.store().exchange(&exchange).await.unwrap().unwrap();
        assert_eq!(row.state, ExchangeState::Queued);
        // By itself it would be tried again soon.
        assert_eq!(row.next_attempt >= clock.now().plus(hour), after.is_some(), "{after:?}: {}", row.next_attempt);
        clock.advance(hour);
    }
    // That it arrived as something else says nothing of ours, which is whole: no alarm, and it is tried again.
    let way = Way::refusing(clock.clone(), DeliveryFailure::Refused(Refusal::from(RefusalCode::DigestMismatch)));
    attempt(&node, &way, &exchange).await;
    let row = node.store().exchange(&exchange).await.unwrap().unwrap();
    assert_eq!(row.state, ExchangeState::Queued, "{:?}", row.reason);
    let about = node.store().entries_about(&exchange.to_string()).await.unwrap();
    assert!(about.iter().all(|recorded| recorded.entry.kind() != EntryKind::Alarm));
    clock.advance(hour);
    // Each was an answer; that it cannot work is none, and counts against it.
    let gbr = "exercise-gbr".parse().unwrap();
    assert_eq!(node.breaker(&gbr).await.unwrap().failures, 0);
    let way = Way::refusing(clock.clone(), DeliveryFailure::Refused(Refusal::from(RefusalCode::NotCompleted)));
    attempt(&node, &way, &exchange).await;
    assert_eq!(node.breaker(&gbr).await.unwrap().failures, 1);
    // That it is left alone now is on record, and when that ends.
    let circuit = async || -> Vec<String> {
        let about = node.store().entries_about(gbr.as_str()).await.unwrap();
        about.iter().filter_map(|recorded| recorded.entry.detail().get("circuit").cloned()).collect()
    };
    for failures in 2..=Breaker::FAILURES_MAX {
        assert!(circuit().await.is_empty(), "before failure {failures}");
        clock.advance(hour);
        attempt(&node, &way, &exchange).await;
    }
    assert_eq!(circuit().await, ["open"]);
    clock.advance(hour);
    let way = Way::refusing(clock.clone(), DeliveryFailure::Refused(Refusal::from(RefusalCode::Busy)));
    attempt(&node, &way, &exchange).await;
    assert_eq!(circuit().await, ["open", "closed"]);
    node.store().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_before_the_key_withholds_it_and_one_after_it_is_said_of_the_receipt() {
    let world = World::new();
    let (us, them) = world.pair();
    let us = Arc::new(us);
    let [early, recalled, late] = ["EARLY", "RECALLED", "LATE"].map(|id| released(&world, &us, id));
    // As far ahead of the commands as two right clocks may be.
    let clock = Arc::new(FixedClock::at(SystemClock.now().plus(Duration::from_secs(20))));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    let key = world.key("exercise-officer-1");
    let order = |what: &'static str, why: &'static str, request: &str| {
        let (us, request, key) = (us.clone(), request.to_owned(), key.clone());
        move || {
            tokio::task::block_in_place(|| us.run(&[what, &request, "--why", why, "--key", &key]).expect(0));
        }
    };
    // Nobody looks at what is being sent in between: the gate itself asks.
    for ((request, exchange), what, why, state) in [
        (&early, "refuse", "EXERCISE", ExchangeState::Refused),
        (&recalled, "recall", "incorrect", ExchangeState::Cancelled),
    ] {
        let way = Way::new(clock.clone(), |_| Err(DeliveryFailure::LinkDown));
        let ordered = order(what, why, request);
        way.meanwhile(async move { ordered() });
        attempt(&node, &way, exchange).await;
        assert_eq!(*way.key.lock().unwrap(), None, "{what}");
        let row = node.store().exchange(exchange).await.unwrap().unwrap();
        assert_eq!((row.state, row.unanswered), (state, None), "{:?}", row.reason);
    }

    let (order, partner, now) = (order("refuse", "EXERCISE", &late.0), Partner::of(&them), clock.now());
    let way = Way::new(clock.clone(), move |sent| {
        order();
        Ok(receipt(&partner, &sent, now, |_| ()))
    });
    attempt(&node, &way, &late.1).await;
    let row = node.store().exchange(&late.1).await.unwrap().unwrap();
    assert_eq!(row.state, ExchangeState::DeliveredAfterStop, "{:?}", row.reason);
    assert!(row.reason.unwrap().contains("refused the request"));
    node.store().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sealed_before_is_used_again_for_the_same_key_and_for_no_other() {
    let world = World::new();
    let (us, them) = world.pair();
    let elsewhere = World::new();
    let other = elsewhere.made("exercise-gbr", "GBR", "cnsa2");
    let more = ["exercise-officer-3", "exercise-officer-4"].map(|id| world.appointed(id, Role::DisclosureOfficer));
    world.decided(&us, |wanted| wanted.officers.extend(more));
    let (request, exchange) = released(&world, &us, "SEALED");
    let clock = Arc::new(FixedClock::at(SystemClock.now().plus(Duration::from_secs(20))));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    let row = async || node.store().exchange(&exchange).await.unwrap().unwrap();
    let first = row().await;
    let approve = |id: &str| us.run(&["approve", "--yes", "--key", &world.key(id), &request]).expect(0);

    us.run(&["officer", "revoke", "exercise-officer-2"]);
    node.redecide().await.unwrap();
    assert_eq!(row().await.state, ExchangeState::Held);
    approve("exercise-officer-3");
    promoted(&node).await;
    let again = row().await;
    assert_eq!((again.state, &again.manifest), (ExchangeState::Queued, &first.manifest), "the partner may have it");

    let description =
        |of: &support::Node| Description::parse(&of.run(&["partner", "export"]).expect(0).stdout).unwrap();
    let rekeyed = Description { payload_recipient: description(&other).payload_recipient, ..description(&them) };
    world.decided(&us, |wanted| wanted.partners.push(rekeyed));
    node.redecide().await.unwrap();
    assert_eq!(row().await.state, ExchangeState::Held, "approvals are for whoever has the keys that were enrolled");
    // Nobody approves it twice.
    for id in ["exercise-officer-4", &world.deciders(&us)[0]] {
        approve(id);
    }
    promoted(&node).await;
    let anew = row().await;
    assert_eq!(anew.state, ExchangeState::Queued, "{:?}", anew.reason);
    assert_ne!((&anew.manifest, &anew.header), (&first.manifest, &first.header));
    node.store().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_replaced_while_it_is_being_sent_goes_no_further() {
    let world = Arc::new(World::new());
    let (us, _them) = world.pair();
    let (request, first) = released(&world, &us, "FIRST");
    // As far ahead of the commands as two right clocks may be.
    let clock = Arc::new(FixedClock::at(SystemClock.now().plus(Duration::from_secs(20))));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    let way = Arc::new(Way::new(clock.clone(), |_| Err(DeliveryFailure::LinkDown)));
    let (deciding, signal, meanwhile) = (node.clone(), way.clone(), world.clone());
    way.meanwhile(async move {
        tokio::task::block_in_place(|| {
            let world = meanwhile;
            let file = world.product("SECOND", BANNER, PORTION);
            let key = us.key("exercise-producer");
            let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d", "--key", &key];
            let submitted = us.run(&[&["submit", &file, "--supersedes", &request], &terms[..]].concat()).expect(0);
            for officer in ["exercise-officer-1", "exercise-officer-2"] {
                let key = world.key(officer);
                us.run(&["approve", submitted.text("/request"), "--yes", "--key", &key]).expect(0);
            }
        });
        deciding.check_in_flight().await.unwrap();
        assert!(!signal.is_stopped(), "until it is released the first stands");
        promoted(&deciding).await;
        // No officer says anything of the first by approving the second: it is looked at when its time comes.
        clock.advance(Duration::from_secs(10));
        deciding.check_in_flight().await.unwrap();
        assert!(signal.is_stopped(), "what is being sent is stopped");
    });
    attempt(&node, &way, &first).await;
    assert_eq!(*way.key.lock().unwrap(), None, "and nothing opens it");
    let row = node.store().exchange(&first).await.unwrap().unwrap();
    assert_eq!(row.state, ExchangeState::Cancelled, "{:?}", row.reason);
    assert!(row.reason.unwrap().contains("was replaced by"));
    node.store().close().await;
    drop(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_partner_signs_for_after_it_was_removed_came_after_the_stop_and_nothing_is_kept_of_what_waited() {
    let world = Arc::new(World::new());
    let (us, them) = world.pair();
    us.keep_payloads_in_files();
    let [there, under_way, waits] = ["THERE", "UNDERWAY", "WAITS"].map(|id| released(&world, &us, id).1);
    // As far ahead of the commands as two right clocks may be.
    let clock = Arc::new(FixedClock::at(SystemClock.now().plus(Duration::from_secs(20))));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    let row = async |id| node.store().exchange(id).await.unwrap().unwrap();
    let file = us.folder.join("store/spool").join(row(&waits).await.payload.unwrap().spool.to_string());
    assert!(file.exists());
    let (partner, now) = (Arc::new(Partner::of(&them)), clock.now());
    let by = partner.clone();
    let way = Way::new(clock.clone(), move |sent| Ok(receipt(&by, &sent, now, |_| ())));
    attempt(&node, &way, &there).await;
    assert_eq!(row(&there).await.state, ExchangeState::Delivered);
    let recalled =
        us.run(&["recall", &there.to_string(), "--why", "incorrect", "--key", &us.key("exercise-officer-1")]);
    let notice = recalled.expect(0).text("/notices/0/exchange").parse::<ExchangeId>().unwrap();

    // It is removed while both are with it, the notice and a product.
    let (by, removing) = (partner.clone(), world.clone());
    let telling = Way::new(clock.clone(), move |sent| {
        tokio::task::block_in_place(|| {
            removing.proposed(&us, &["partner", "remove", "exercise-gbr", "--why", "EXERCISE"]);
        });
        let recall = Signed::<Recall>::peek(&sent.payload).unwrap();
        let mut said = by.receipt(&sent.offer, recall.proof(Digest::of(&sent.payload)), now);
        said.handled = Some(Handled { exchange: recall.exchange, handling: Handling::NotHere, since_ms: None });
        Ok(by.signs(said))
    });
    let meanwhile = node.clone();
    let way = Way::new(clock.clone(), move |sent| {
        let told = attempt(&meanwhile, &telling, &notice);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(told));
        Ok(receipt(&partner, &sent, now, |_| ()))
    });
    attempt(&node, &way, &under_way).await;
    let came = row(&under_way).await;
    assert_eq!(came.state, ExchangeState::DeliveredAfterStop, "{:?}", came.reason);
    assert!(came.reason.unwrap().contains("the partner was removed"));
    let told = row(&notice).await;
    assert_eq!(told.state, ExchangeState::Delivered, "nothing stops a notice: {:?}", told.reason);
    node.redecide().await.unwrap();
    let ended = row(&waits).await;
    assert_eq!(ended.state, ExchangeState::Cancelled, "{:?}", ended.reason);
    assert_eq!((ended.payload, ended.manifest, ended.header), (None, None, None));
    assert!(!file.exists(), "what was sealed of it is of no further use");
    node.store().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_a_clock_in_doubt_no_key_leaves_and_nothing_is_held_for_it() {
    let world = World::new();
    let (us, _them) = world.pair();
    let (_, exchange) = released(&world, &us, "DOUBT");
    let start = SystemClock.now().plus(Duration::from_secs(60));
    let clock = Arc::new(FixedClock::at(start));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    for looked in [false, true] {
        let way = Arc::new(Way::new(clock.clone(), |_| Err(DeliveryFailure::LinkDown)));
        let (deciding, set, signal) = (node.clone(), clock.clone(), way.clone());
        way.meanwhile(async move {
            set.set(start.minus(Duration::from_secs(600)));
            if looked {
                deciding.check_in_flight().await.unwrap();
                assert!(signal.is_stopped());
            }
        });
        attempt(&node, &way, &exchange).await;
        assert_eq!(*way.key.lock().unwrap(), None);
        let row = node.store().exchange(&exchange).await.unwrap().unwrap();
        assert_eq!(row.state, ExchangeState::Queued, "nothing is known of its release: {:?}", row.reason);
        assert!(row.reason.unwrap().contains("the clock shows"));
        clock.set(start);
    }
    // When it is right again it goes.
    let way = Way::new(clock.clone(), |_| Err(DeliveryFailure::LinkDown));
    attempt(&node, &way, &exchange).await;
    assert!(way.key.lock().unwrap().is_some());
    node.store().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expires_while_it_is_being_sent_goes_no_further() {
    let world = World::new();
    let (us, _them) = world.pair();
    let (_, exchange) = released(&world, &us, "EXPIRES");
    let clock = Arc::new(FixedClock::at(SystemClock.now().plus(Duration::from_secs(60))));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    let expires = node.store().exchange(&exchange).await.unwrap().unwrap().expires;
    let way = Arc::new(Way::new(clock.clone(), |_| Err(DeliveryFailure::LinkDown)));
    let (deciding, set, signal) = (node.clone(), clock.clone(), way.clone());
    way.meanwhile(async move {
        set.advance(expires.since(set.now()) - Duration::from_millis(1));
        deciding.check_in_flight().await.unwrap();
        assert!(!signal.is_stopped(), "it has a moment left");
        set.advance(Duration::from_secs(11));
        deciding.check_in_flight().await.unwrap();
        assert!(signal.is_stopped());
    });
    attempt(&node, &way, &exchange).await;
    assert_eq!(*way.key.lock().unwrap(), None);
    let row = node.store().exchange(&exchange).await.unwrap().unwrap();
    assert_eq!(row.state, ExchangeState::Expired, "{:?}", row.reason);
    node.store().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_long_to_be_sent_stays_claimed() {
    let world = World::new();
    let (us, _them) = world.pair();
    let (_, exchange) = released(&world, &us, "LONG");
    let clock = Arc::new(FixedClock::at(SystemClock.now().plus(Duration::from_secs(60))));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    let way = Arc::new(Way::new(clock.clone(), |_| Err(DeliveryFailure::LinkDown)));
    let (looking, passing) = (node.clone(), clock.clone());
    way.meanwhile(async move {
        for _ in 0..4 {
            passing.advance(Duration::from_secs(90));
            looking.check_in_flight().await.unwrap();
            let row = looking.store().exchange(&exchange).await.unwrap().unwrap();
            assert!(row.lease.unwrap().until >= passing.now().plus(Duration::from_secs(60)));
        }
    });
    attempt(&node, &way, &exchange).await;
    assert!(way.key.lock().unwrap().is_some());
    node.store().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_of_a_recall_is_stopped_by_no_clock_and_by_nothing_that_changes() {
    let world = Arc::new(World::new());
    let (us, them) = world.pair();
    let us = Arc::new(us);
    let (request, exchange) = released(&world, &us, "RECALLED");
    let start = SystemClock.now().plus(Duration::from_secs(20));
    let clock = Arc::new(FixedClock::at(start));
    let node = opened(&us, clock.clone()).await;
    promoted(&node).await;
    let (partner, now) = (Partner::of(&them), clock.clone());
    let signs = move |sent: Sent| Ok(receipt(&partner, &sent, now.now(), |_| ()));
    attempt(&node, &Way::new(clock.clone(), signs), &exchange).await;
    us.run(&["recall", &request, "--why", "incorrect", "--key", &world.key("exercise-officer-1")]).expect(0);
    let notice = node.store().due(node.now(), 8).await.unwrap().first().expect("the notice is due").exchange;
    let way = Arc::new(Way::new(clock.clone(), |_| Err(DeliveryFailure::LinkDown)));
    let (looking, set, signal) = (node.clone(), clock.clone(), way.clone());
    let (others, commands) = (world.clone(), us.clone());
    way.meanwhile(async move {
        set.set(start.minus(Duration::from_secs(600)));
        looking.check_in_flight().await.unwrap();
        assert!(!signal.is_stopped(), "by a clock in doubt");
        // Somebody else's approval is on record, and what is being sent is decided upon again.
        set.set(start.plus(Duration::from_secs(11)));
        tokio::task::block_in_place(|| released(&others, &commands, "ANOTHER"));
        looking.check_in_flight().await.unwrap();
        assert!(!signal.is_stopped(), "by what changed");
    });
    attempt(&node, &way, &notice).await;
    let row = node.store().exchange(&notice).await.unwrap().unwrap();
    assert_eq!(row.state, ExchangeState::Queued, "{:?}", row.reason);
    node.store().close().await;
}

/// What is queued, in a store of which each case has a copy.
struct Ready {
    base: Node,
    database: PathBuf,
    exchange: ExchangeId,
    world: World,
}

/// What came of one attempt.
struct Came {
    offered: Option<Time>,
    key: Option<Time>,
    entries: Vec<IndexedEntry>,
    /// Whether its moment never came.
    never: bool,
}

impl Came {
    /// When and where the first of this kind was put on record.
    fn place(&self, kind: EntryKind) -> Option<(Time, u64)> {
        let found = self.entries.iter().find(|recorded| recorded.entry.kind() == kind)?;
        Some((found.entry.time(), found.index))
    }
}

async fn over(base: &Node, database: &Path, clock: Arc<dyn Clock>) -> (Arc<Node>, Arc<SqliteStore>) {
    let config = base.config();
    let store = Arc::new(SqliteStore::open(database, Arc::new(config.keys.signer("ledger").unwrap())).await.unwrap());
    let spool = Spool::open(&config.store.spool, 0).unwrap().with_inline_bytes_max(config.store.kept_bytes_max);
    (Arc::new(base.over(store.clone(), spool, clock, Arc::new(SystemEntropy))), store)
}

/// Suspends the partner as another process would.
fn suspending(base: &Node, database: &Path) -> impl FnOnce() + Send + 'static {
    let (base, database) = (base.clone(), database.to_owned());
    let act = move || {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let (node, store) = over(&base, &database, Arc::new(FixedClock::at(base.now()))).await;
            node.suspend_partner(&"exercise-gbr".parse().unwrap(), "EXERCISE").await.unwrap();
            store.close().await;
        });
    };
    move || std::thread::spawn(act).join().unwrap()
}

impl Ready {
    async fn new() -> Ready {
        let world = World::new();
        let (us, _them) = world.pair();
        let (_, exchange) = released(&world, &us, "READY");
        let clock = Arc::new(FixedClock::at(SystemClock.now().plus(Duration::from_secs(60))));
        let base = opened(&us, clock).await;
        promoted(&base).await;
        let database = us.folder.join("store/portcullis.db");
        support::sql(&database, "PRAGMA wal_checkpoint(TRUNCATE)");
        Ready { base: Node::clone(&base), database, exchange, world }
    }

    /// One attempt on a copy of the store, in which `act` happens at look number `look` at the clock.
    async fn at(
        &self,
        look: usize,
        act: impl FnOnce(&Path, Arc<Moments<FixedClock>>) -> Box<dyn FnOnce() + Send>,
    ) -> Came {
        let folder = tempfile::tempdir_in(self.world.folder.path()).unwrap();
        let copy = folder.path().join("portcullis.db");
        std::fs::copy(&self.database, &copy).unwrap();
        let clock = Arc::new(Moments::over(FixedClock::at(self.base.now())));
        let (node, store) = over(&self.base, &copy, clock.clone()).await;
        let due = node.store().due(node.now(), 8).await.unwrap().remove(0);
        assert_eq!(due.exchange, self.exchange);
        // By the clock that is below: a look at it is nobody's moment.
        struct Below(Arc<Moments<FixedClock>>);
        impl Clock for Below {
            fn now(&self) -> Time {
                self.0.shows.now()
            }
        }
        let way = Way::new(Arc::new(Below(clock.clone())), |_| Err(DeliveryFailure::LinkDown));
        clock.set(look, act(&copy, clock.clone()));
        // What fails on our side is one way not to send.
        let _ = node.attempt(&way, due).await;
        let never = clock.unset();
        let entries = store.entries(0, 10_000).await.unwrap();
        store.close().await;
        let (offered, key) = (*way.offered.lock().unwrap(), *way.key.lock().unwrap());
        Came { offered, key, entries, never }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_a_partner_is_suspended_nothing_leaves_that_was_not_on_record_before() {
    let ready = Ready::new().await;
    let (mut not_offered, mut withheld) = (0, 0);
    for look in 0.. {
        assert!(look < 200, "the attempt never ends");
        let came = ready.at(look, |copy, _| Box::new(suspending(&ready.base, copy))).await;
        if came.never {
            assert!(came.offered.is_some() && came.key.is_some(), "nobody suspended anybody");
            break;
        }
        let (_, suspended) = came.place(EntryKind::PartnerSuspended).expect("it was suspended");
        let before = |kind| came.place(kind).is_some_and(|(_, index)| index < suspended);
        assert!(came.offered.is_none() || before(EntryKind::ExchangeOffered), "offered after look {look}");
        assert!(came.key.is_none() || before(EntryKind::ExchangeSent), "sent after look {look}");
        not_offered += usize::from(came.offered.is_none());
        withheld += usize::from(came.offered.is_some() && came.key.is_none());
    }
    assert!(
        not_offered > 0 && withheld > 0,
        "{not_offered} and {withheld} moments at which it could have been stopped"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_long_a_commit_takes_nothing_leaves_on_a_permit_that_has_ended() {
    let ready = Ready::new().await;
    // Longer than a permit lasts.
    let (slow, window) = (Duration::from_secs(40), Duration::from_secs(30));
    let (mut not_offered, mut withheld) = (0, 0);
    for look in 0.. {
        assert!(look < 200, "the attempt never ends");
        let came = ready.at(look, |_, clock| Box::new(move || clock.shows.advance(slow))).await;
        if came.never {
            assert!(came.offered.is_some() && came.key.is_some(), "nothing was slow");
            break;
        }
        let in_time = |left: Option<Time>, kind| {
            left.is_none_or(|left| came.place(kind).is_some_and(|(at, _)| left.since(at) < window))
        };
        assert!(in_time(came.offered, EntryKind::ExchangeOffered), "offered long after look {look}");
        assert!(in_time(came.key, EntryKind::ExchangeSent), "the key left long after look {look}");
        not_offered += usize::from(came.offered.is_none());
        withheld += usize::from(came.offered.is_some() && came.key.is_none());
    }
    assert!(not_offered > 0 && withheld > 0, "{not_offered} and {withheld} moments at which it was too late");
}
