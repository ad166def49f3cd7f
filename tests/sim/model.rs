//! The protocol as its enemies see it: two real nodes, a network that hears everything and drops, doubles, reorders, replays
//! and replaces what it likes (as if there were no TLS), a third partner with keys of its own that does the same and answers
//! as it pleases, and somebody who writes to the nodes' databases; all drawn from one seed. What must hold is judged from
//! outside, by what was really opened and what was really sealed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Cursor, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use portcullis::config::Keys;
use portcullis::digest::Digest;
use portcullis::edge::{
    CompletePayload, DeliveryFailure, Intake, KeyGate, OfferAnswer, PayloadSink, PayloadSource, Refusal, SinkError,
    StopSignal, Transport,
};
use portcullis::envelope::{Header, Manifest};
use portcullis::gateway::{DecidedRequests, ManualOperation, Node};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::ledger::{Entry, EntryKind};
use portcullis::seal::Opener as _;
use portcullis::sign::Signed;
use portcullis::store::*;
use portcullis::wire::*;
use tokio::sync::Notify;

use super::enemy::{Third, Weakness};
use super::exec::{Exec, Rng, SeededEntropy, run_alone};
use super::memory::{Durable, MemoryStore};
use super::template::{Job, Proto, START, spool_root, template};

/// The sender, the receiver, and the partner that is hostile.
pub const SENDER: usize = 0;
pub const RECEIVER: usize = 1;
pub const HOSTILE: usize = 2;
/// How much is done in one run.
const STEPS: u64 = 60;
/// The most payload in one Data frame.
const PIECE: usize = DATA_BYTES_FLOOR;
/// How every header begins (age-encryption.org/v1).
const HEADER_BEGINS: &[u8] = b"age-encryption.org/v1";
/// What is said of a recipient that could have opened what it signed for.
pub const HAD_ALL: &str = "although it had all that opens it";

/// What must hold at every moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Property {
    /// What counts as delivered at the sender was opened by the recipient that it names.
    DeliveredWasOpened,
    /// What counts as received was released for this node by the partner that it counts as from.
    AcceptedWasReleased,
    /// What opens a payload leaves only after that was decided and recorded.
    KeyAfterGate,
    /// Nothing is taken from a partner that shows no head of its ledger, and once did.
    HeadsShown,
}

/// What one seed came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub violations: Vec<(Property, String)>,
    pub delivered: usize,
    pub received: usize,
    /// What the third partner opened as it should.
    pub opened_there: usize,
    /// Receipts that were not believed, and envelopes that were not taken, of those that the enemies made.
    pub repelled: usize,
    pub altered: usize,
}

/// A node as the model holds it.
pub struct Side {
    pub proto: &'static Proto,
    pub keys: Keys,
    pub disk: Arc<Mutex<Durable>>,
    spool: PathBuf,
    node: Option<Arc<Node>>,
    intake: Option<Arc<dyn Intake>>,
}

/// What everybody on the network knows by now, the hostile partner too.
#[derive(Default)]
pub struct Overheard {
    pub offers: Vec<Offer>,
    pub payloads: BTreeMap<ExchangeId, Vec<u8>>,
    pub headers: BTreeMap<ExchangeId, Header>,
    pub receipts: Vec<Vec<u8>>,
    there: Vec<Frame>,
    back: Vec<Frame>,
}

/// What is really so, whatever anybody's record says.
#[derive(Default)]
struct Really {
    opened: BTreeSet<(usize, ExchangeId)>,
    /// What the third partner signed for when it had all of it and what opens it, whether or not it opened it.
    had_all: BTreeSet<ExchangeId>,
    keys_sent: BTreeMap<ExchangeId, usize>,
    /// Who has shown the sender a head of its ledger.
    shown: BTreeSet<PartnerId>,
    outcome: Outcome,
}

/// One run.
pub struct Model {
    pub exec: Exec,
    pub sides: Vec<Side>,
    pub heard: Mutex<Overheard>,
    pub weakness: Option<Weakness>,
    jobs: Vec<&'static Job>,
    rng: Mutex<Rng>,
    really: Mutex<Really>,
    /// What the sender sealed, by what opens it: as its node put it on record, not as the database has it since.
    sealed: Arc<Mutex<BTreeMap<Vec<u8>, ExchangeId>>>,
    /// Whether somebody writes to the databases in this run.
    writer: bool,
}

/// Which way a frame goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

/// Keeps what a node sealed: the header that a commit of its own puts into a row.
fn note_sealed(sealed: &Mutex<BTreeMap<Vec<u8>, ExchangeId>>, before: Option<&Exchange>, after: &Exchange) {
    let known = before.and_then(|row| row.header.as_ref());
    if let Some(header) =
        after.header.as_ref().filter(|header| after.direction == Direction::Out && known != Some(*header))
    {
        assert!(header.bytes().starts_with(HEADER_BEGINS), "a header begins as every age file does");
        lock(sealed).entry(header.bytes().to_vec()).or_insert(after.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one seed to its end.
pub fn run(seed: u64, weakness: Option<Weakness>) -> Outcome {
    let model = Model::new(seed, weakness);
    for _ in 0..STEPS {
        let acting = model.clone();
        run_alone(&model.exec, async move { acting.step().await });
        let looking = model.clone();
        run_alone(&model.exec, async move { looking.look().await });
        if !lock(&model.really).outcome.violations.is_empty() {
            break;
        }
    }
    let outcome = lock(&model.really).outcome.clone();
    model.sides.iter().for_each(|side| drop(std::fs::remove_dir_all(&side.spool)));
    outcome
}

impl Model {
    fn new(seed: u64, weakness: Option<Weakness>) -> Arc<Model> {
        let template = template();
        let mut rng = Rng::new(seed ^ 0x006d_6f64_656c);
        let exec = Exec::new(START.plus(Duration::from_secs(640)));
        let here = |job: &&Job| job.from <= HOSTILE && job.exchanges.iter().all(|(_, to)| *to <= HOSTILE);
        // What is short is in the store, where whoever writes to the database has it.
        let short =
            |job: &&Job| job.sealed_files.is_empty() || job.sealed_files.iter().all(|(_, f)| f.len() < 16 << 10);
        let jobs: Vec<&Job> = template.jobs.iter().filter(here).filter(short).collect();
        let sealed: Arc<Mutex<BTreeMap<Vec<u8>, ExchangeId>>> = Arc::default();
        let sides = [SENDER, RECEIVER, HOSTILE].map(|at| {
            let proto = &template.nodes[at];
            let name = format!("portcullis-model-{}-{seed}-{weakness:?}-{at}", std::process::id());
            let spool = spool_root().join(name);
            let _ = std::fs::remove_dir_all(&spool);
            let opened = Spool::open(&spool, 0).expect("a spool").with_inline_bytes_max(64 << 10);
            let disk = Arc::new(Mutex::new(proto.base.clone()));
            let mut store = MemoryStore::open(disk.clone(), proto.ledger.clone());
            if at == SENDER {
                let sealed = sealed.clone();
                store = store.watched(Arc::new(move |before, after| note_sealed(&sealed, before, after)));
                if weakness == Some(Weakness::HeadsNotRequired) {
                    store = store.forgetting_heads();
                }
            }
            for job in jobs.iter().filter(|job| job.from == at) {
                store.replay(&job.commits);
                let mut files = job.files.clone();
                if at == HOSTILE || rng.one_in(2) {
                    store.replay(&job.sealed);
                    files.extend(job.sealed_files.clone());
                }
                files.iter().for_each(|(name, bytes)| std::fs::write(spool.join(name), bytes).expect("a spool"));
            }
            let entropy = SeededEntropy::new(seed ^ (at as u64) << 32);
            let node = (at != HOSTILE)
                .then(|| Arc::new(proto.node.over(Arc::new(store), opened, Arc::new(exec.clone()), entropy)));
            let intake = node.as_ref().map(|node| node.intake(Arc::new(Notify::new())));
            let keys = proto.node.config().keys.load().expect("keys");
            Side { proto, keys, disk, spool, node, intake }
        });
        let writer = rng.one_in(3) || weakness == Some(Weakness::RowsBelieved);
        Arc::new(Model {
            exec,
            sides: sides.into(),
            heard: Mutex::default(),
            weakness,
            jobs,
            rng: Mutex::new(rng),
            really: Mutex::default(),
            sealed,
            writer,
        })
    }

    pub fn below(&self, n: u64) -> u64 {
        lock(&self.rng).below(n)
    }

    pub fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn one_of<T: Clone>(&self, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { Some(all[self.below(all.len() as u64) as usize].clone()) }
    }

    pub fn is(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    pub fn name(&self, at: usize) -> PartnerId {
        self.sides[at].proto.name.clone()
    }

    fn place_of(&self, partner: &PartnerId) -> usize {
        self.sides.iter().position(|side| side.proto.name == *partner).expect("a partner of the model")
    }

    pub fn overheard(&self) -> MutexGuard<'_, Overheard> {
        lock(&self.heard)
    }

    pub fn row(&self, at: usize, id: &ExchangeId) -> Option<Exchange> {
        lock(&self.sides[at].disk).exchange(id).cloned()
    }

    pub fn violation(&self, property: Property, what: String) {
        lock(&self.really).outcome.violations.push((property, what));
    }

    pub fn repelled(&self) {
        lock(&self.really).outcome.repelled += 1;
    }

    /// Somebody opened an exchange with a key of their own.
    pub fn opened(&self, at: usize, id: ExchangeId) {
        let mut really = lock(&self.really);
        let news = really.opened.insert((at, id));
        really.outcome.opened_there += usize::from(news && at == HOSTILE);
    }

    fn recorded(&self, at: usize, id: ExchangeId, kind: EntryKind) -> usize {
        let subject = id.to_string();
        let disk = lock(&self.sides[at].disk);
        disk.entries.iter().filter(|(entry, _)| entry.kind() == kind && entry.subject() == subject).count()
    }

    /// Whether anything was let go of an exchange.
    pub fn was_let_go(&self, id: ExchangeId) -> bool {
        lock(&self.really).keys_sent.contains_key(&id)
    }

    async fn step(self: &Arc<Model>) {
        self.exec.sleep(2_000).await;
        match self.below(12) {
            0..=5 => self.send().await,
            6..=7 => self.third_offers().await,
            8 => self.operator().await,
            9 => self.hello().await,
            _ if self.writer => self.write().await,
            _ => self.send().await,
        }
    }

    /// The sender does what its server does.
    async fn send(self: &Arc<Model>) {
        let node = self.sides[SENDER].node.clone().expect("a real node");
        let Ok(generations) = node.store().generations().await else { return };
        let _ = node.release_approved(&mut DecidedRequests::default(), generations.roster).await;
        for due in node.store().due(node.now(), 2).await.unwrap_or_default() {
            let link = Link { model: self.clone(), from: SENDER };
            let _ = node.attempt(&link, due).await;
        }
    }

    /// What is parked is tried again by hand.
    async fn operator(self: &Arc<Model>) {
        let node = self.sides[SENDER].node.clone().expect("a real node");
        let parked = |row: &&Exchange| row.direction == Direction::Out && row.state == ExchangeState::Parked;
        let rows: Vec<ExchangeId> =
            lock(&self.sides[SENDER].disk).exchanges.iter().filter(parked).map(|row| row.id).collect();
        for id in rows {
            let _ = node.manual_operation(&id, ManualOperation::Retry).await;
        }
    }

    /// A partner opens a link, with or without a word about its ledger.
    async fn hello(self: &Arc<Model>) {
        let (at, from) = if self.one_in(2) { (SENDER, HOSTILE) } else { (SENDER, RECEIVER) };
        let head = self.head_of(from);
        let heads =
            CheckpointExchange { own: head, seen: None, heard: None }.to_extension().expect("a head of a usual length");
        let shows = self.one_in(2);
        let told: Vec<Extension> = shows.then_some(heads).into_iter().collect();
        let intake = self.sides[at].intake.clone().expect("a real node");
        // A receipt that was believed showed one as well.
        let name = self.name(from);
        let delivered = |(entry, _): &(Entry, Vec<u8>)| {
            let kinds = [EntryKind::ExchangeDelivered, EntryKind::ExchangeDeliveredAfterStop];
            kinds.contains(&entry.kind()) && entry.actor() == name.as_str()
        };
        let by_receipt = lock(&self.sides[at].disk).entries.iter().any(delivered);
        let taken = intake.check_hello(&name, &[], &told, None).await.is_ok();
        let mut really = lock(&self.really);
        let before = really.shown.contains(&name) || by_receipt;
        if !shows && before && taken {
            let what = format!("`{name}` showed a head before, and has a link without");
            really.outcome.violations.push((Property::HeadsShown, what));
        }
        if shows && taken {
            really.shown.insert(name);
        }
        really.outcome.repelled += usize::from(!taken);
    }

    /// What a partner shows of its ledger.
    pub fn head_of(&self, at: usize) -> String {
        lock(&self.sides[at].disk).head.as_str().to_owned()
    }

    /// Somebody writes to a database: rows and payloads, but no signature of anybody's.
    async fn write(self: &Arc<Model>) {
        let at = if self.one_in(2) { SENDER } else { RECEIVER };
        lock(&self.really).outcome.altered += 1;
        let (receipts, choice) = (self.overheard().receipts.clone(), self.below(10));
        let receipt = self.one_of(&receipts);
        let (one, other) = {
            let disk = lock(&self.sides[at].disk);
            let rows: Vec<Exchange> = disk.exchanges.clone();
            drop(disk);
            match (self.one_of(&rows), self.one_of(&rows)) {
                (Some(one), Some(other)) => (one, other),
                _ => return,
            }
        };
        if self.is(Weakness::RowsBelieved) && at == SENDER {
            return self.write_as_recorded(one, receipt).await;
        }
        let mut disk = lock(&self.sides[at].disk);
        if choice == 0 {
            let (a, b) = (disk.payloads.get(&one.id).cloned(), disk.payloads.get(&other.id).cloned());
            disk.payloads.extend(b.map(|bytes| (one.id, bytes)));
            disk.payloads.extend(a.map(|bytes| (other.id, bytes)));
            return;
        }
        if choice == 9 {
            return disk.witnessed.clear();
        }
        let states = ExchangeState::ALL;
        let state = states[self.below(states.len() as u64) as usize];
        let Some(row) = disk.exchanges.iter_mut().find(|row| row.id == one.id) else { return };
        match choice {
            1 => row.state = state,
            2 => (row.manifest, row.payload, row.header) = (other.manifest, other.payload, other.header),
            3 => row.header = other.header,
            4 => row.receipt = receipt,
            5 => row.partner = other.partner,
            6 => row.cut_digest = other.cut_digest,
            7 => row.unanswered = None,
            _ => (row.state, row.receipt) = (ExchangeState::Delivered, receipt),
        }
    }

    /// What a sender would see that believes its rows: the ledger proves what somebody wrote there, with an entry that says
    /// nothing of it.
    async fn write_as_recorded(&self, row: Exchange, receipt: Option<Vec<u8>>) {
        let store = MemoryStore::open(self.sides[SENDER].disk.clone(), self.sides[SENDER].proto.ledger.clone());
        let (Some(receipt), ExchangeState::Queued) = (receipt, row.state) else { return };
        let entry = Entry::new(self.exec.now(), EntryKind::ExchangeQueued, row.id, "EXERCISE");
        let row = Exchange { state: ExchangeState::Delivered, receipt: Some(receipt), unanswered: None, ..row };
        let _ = store.commit(Commit::new().change(row).entry(entry)).await;
    }

    /// Goes over what the nodes say.
    async fn look(self: &Arc<Model>) {
        for id in self.said_to_be_delivered().await {
            let Some(to) = self.recipient_of(SENDER, &id) else { continue };
            lock(&self.really).outcome.delivered += 1;
            let (opened, had_all) = {
                let really = lock(&self.really);
                (really.opened.contains(&(to, id)), to == HOSTILE && really.had_all.contains(&id))
            };
            if !opened {
                let all = if had_all { HAD_ALL } else { "" };
                let what = format!("{id} counts as delivered, and `{}` never opened it {all}", self.name(to));
                self.violation(Property::DeliveredWasOpened, what.trim_end().to_owned());
            }
        }
        for at in [SENDER, RECEIVER] {
            for id in self.subjects(at, &[EntryKind::ExchangeReceived]) {
                self.look_at_what_came(at, id).await;
            }
        }
    }

    /// What the sender says was delivered: by its ledger, or by a row that its node gives out.
    async fn said_to_be_delivered(&self) -> BTreeSet<ExchangeId> {
        let delivered = [EntryKind::ExchangeDelivered, EntryKind::ExchangeDeliveredAfterStop];
        let mut said = self.subjects(SENDER, &delivered);
        let node = self.sides[SENDER].node.clone().expect("a real node");
        let rows = lock(&self.sides[SENDER].disk).exchanges.iter().map(|row| row.id).collect::<Vec<_>>();
        for id in rows {
            let row = node.store().exchange(&id).await.ok().flatten();
            said.extend(row.filter(|row| row.direction == Direction::Out && row.is_delivered()).map(|row| row.id));
        }
        said
    }

    async fn look_at_what_came(&self, at: usize, id: ExchangeId) {
        let received = |(entry, _): &&(Entry, Vec<u8>)| {
            entry.kind() == EntryKind::ExchangeReceived && entry.subject() == id.to_string()
        };
        let found = {
            let disk = lock(&self.sides[at].disk);
            disk.entries.iter().find(received).map(|(entry, _)| (entry.actor().to_owned(), entry.detail().clone()))
        };
        let Some((from, detail)) = found else { return };
        lock(&self.really).outcome.received += 1;
        let released =
            self.jobs.iter().find(|job| self.name(job.from).as_str() == from && job.exchanges.contains(&(id, at)));
        let Some(job) = released else {
            let what =
                format!("{id} counts as received from `{from}`, which never released it for `{}`", self.name(at));
            return self.violation(Property::AcceptedWasReleased, what);
        };
        let cut = self.row(job.from, &id).and_then(|row| row.cut_digest).map(|cut| cut.to_string());
        if !self.writer && cut.as_ref() != detail.get("cut") {
            self.violation(Property::AcceptedWasReleased, format!("{id} was received with another content"));
        }
        // What a reader is shown, whatever became of the row in the meantime.
        let node = self.sides[at].node.clone().expect("a real node");
        if let Ok(item) = node.inbox_item(&id).await
            && let Some(text) = item.text
            && (item.item.partner != from || !text.contains(&job.text))
        {
            let what = format!("{id} is shown as from `{}`, with another content", item.item.partner);
            self.violation(Property::AcceptedWasReleased, what);
        }
    }

    fn subjects(&self, at: usize, kinds: &[EntryKind]) -> BTreeSet<ExchangeId> {
        let disk = lock(&self.sides[at].disk);
        let of = disk.entries.iter().filter(|(entry, _)| kinds.contains(&entry.kind()));
        of.filter_map(|(entry, _)| entry.subject().parse().ok()).collect()
    }

    fn recipient_of(&self, from: usize, id: &ExchangeId) -> Option<usize> {
        let jobs = self.jobs.iter().filter(|job| job.from == from);
        jobs.flat_map(|job| &job.exchanges).find(|(exchange, _)| exchange == id).map(|(_, to)| *to)
    }

    /// A frame leaves the sender.
    fn leaves(&self, from: usize, id: ExchangeId, frame: &Frame) {
        if from != SENDER {
            return;
        }
        let Frame::End(end) = frame else {
            let bytes = frame.encode();
            let holds = |part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
            if holds(HEADER_BEGINS) && lock(&self.sealed).keys().any(|header| holds(header)) {
                self.violation(Property::KeyAfterGate, format!("a key leaves in another frame of {id}"));
            }
            return;
        };
        let Some(header) = end.clone().header() else { return };
        // What was decided is that what it was sealed for leaves, whatever exchange it is sent with.
        let Some(of) = lock(&self.sealed).get(header.bytes()).copied() else {
            return self.violation(Property::KeyAfterGate, format!("a key that was never sealed leaves with {id}"));
        };
        let sent = {
            let mut really = lock(&self.really);
            let sent = really.keys_sent.entry(of).or_default();
            *sent += 1;
            *sent
        };
        if self.recorded(from, of, EntryKind::ExchangeSent) < sent {
            self.violation(Property::KeyAfterGate, format!("the key of {of} leaves before that was decided"));
        }
    }

    /// What becomes of a frame between the two real nodes; everything that is sent is heard.
    fn network(&self, to: usize, id: ExchangeId, way: Way, frame: Frame) -> Vec<Frame> {
        let known = {
            let mut heard = self.overheard();
            match &frame {
                Frame::Offer(offer) => {
                    heard.offers.push(offer.clone());
                    heard.payloads.insert(id, Vec::new());
                }
                Frame::Data(bytes) => heard.payloads.entry(id).or_default().extend_from_slice(bytes),
                Frame::End(end) => heard.headers.extend(end.clone().header().map(|header| (id, header))),
                Frame::Receipt(receipt) => heard.receipts.push(receipt.receipt.clone()),
                _ => {}
            }
            let known = if way == Way::There { &mut heard.there } else { &mut heard.back };
            known.push(frame.clone());
            known.clone()
        };
        if to == HOSTILE {
            return vec![frame];
        }
        match self.below(24) {
            0 => Vec::new(),
            1 => vec![frame.clone(), frame],
            2 => self.one_of(&known).into_iter().chain([frame]).collect(),
            3 => [frame].into_iter().chain(self.one_of(&known)).collect(),
            4 => self.one_of(&known).into_iter().collect(),
            5 if way == Way::Back => {
                // Everything that a receipt states but the one thing is known by now.
                let offer = self.overheard().offers.iter().rev().find(|offer| offer.exchange == id).cloned();
                offer.map_or_else(Vec::new, |offer| vec![self.forged(&offer)])
            }
            _ => vec![frame],
        }
    }

    fn intake_of(self: &Arc<Model>, at: usize) -> Arc<dyn Intake> {
        match &self.sides[at].intake {
            Some(intake) => intake.clone(),
            None => Arc::new(Third(self.clone())),
        }
    }

    /// Whether a payload opens with a node's own key, whatever stands in it.
    fn opens(&self, at: usize, header: &Header, payload: &[u8]) -> bool {
        let file = [header.bytes(), payload].concat();
        let opened = self.sides[at].keys.payload.open(Box::new(Cursor::new(file)));
        opened.is_ok_and(|mut plain| plain.read_to_end(&mut Vec::new()).is_ok())
    }

    /// Offers a real node what the third partner has put together.
    pub async fn push(self: &Arc<Model>, to: usize, offer: Offer, payload: &[u8], header: Header) {
        let mut far = Far::new(self, to, HOSTILE);
        let mut answers = far.hears(Frame::Offer(offer)).await;
        if let Some(Frame::Accept(accept)) = answers.pop() {
            let rest = payload.get(usize::try_from(accept.offset).unwrap_or(usize::MAX)..).unwrap_or_default();
            for piece in rest.chunks(PIECE) {
                answers.extend(far.hears(Frame::Data(Bytes::copy_from_slice(piece))).await);
            }
            answers.extend(far.hears(Frame::End(End::new(Some(header)))).await);
        }
        self.repelled_if(!answers.iter().any(|frame| matches!(frame, Frame::Receipt(_))));
    }

    fn repelled_if(&self, so: bool) {
        if so {
            self.repelled();
        }
    }
}

/// The receiving end of one exchange.
struct Far {
    model: Arc<Model>,
    at: usize,
    from: PartnerId,
    intake: Arc<dyn Intake>,
    exchange: InboundExchange,
    sink: Option<Box<dyn PayloadSink>>,
    id: Option<ExchangeId>,
}

impl Far {
    fn new(model: &Arc<Model>, at: usize, from: usize) -> Far {
        let exchange = InboundExchange::start(DATA_BYTES_MAX, InboundTimers::default(), model.exec.now());
        let (from, intake) = (model.name(from), model.intake_of(at));
        Far { model: model.clone(), at, from, intake, exchange, sink: None, id: None }
    }

    /// Takes a frame; gives what is answered.
    async fn hears(&mut self, frame: Frame) -> Vec<Frame> {
        let mut answers = Vec::new();
        let mut todo = VecDeque::from(self.exchange.handle(self.model.exec.now(), InboundEvent::Frame(frame)));
        while let Some(action) = todo.pop_front() {
            let storage =
                |_: SinkError| InboundEvent::Refused { code: RefusalCode::StorageUnavailable, retry_after: None };
            let event = match action {
                InboundAction::Send(frame) => {
                    answers.push(frame);
                    None
                }
                InboundAction::Decide(offer) => {
                    self.id = Some(offer.exchange);
                    Some(match self.intake.offer(&self.from, offer).await {
                        OfferAnswer::Accept(sink) => {
                            let (offset, prefix_digest) = sink.durable();
                            self.sink = Some(sink);
                            InboundEvent::Accepted { offset, prefix_digest }
                        }
                        OfferAnswer::Replay(receipt) => InboundEvent::Replayed(receipt),
                        OfferAnswer::Refuse(why) => refused(why),
                    })
                }
                InboundAction::Write(bytes) => match self.sink.as_mut() {
                    Some(sink) => sink.write(bytes).await.err().map(storage),
                    None => None,
                },
                InboundAction::Discard => match self.sink.as_mut() {
                    Some(sink) => sink.discard().await.err().map(storage),
                    None => None,
                },
                InboundAction::Finish => match self.sink.as_mut() {
                    Some(sink) => Some(sink.finish().await.map_or_else(storage, InboundEvent::Whole)),
                    None => Some(refused(RefusalCode::NotCompleted.into())),
                },
                InboundAction::Complete(header) => Some(self.complete(header).await),
                InboundAction::Finished(_) => None,
            };
            if let Some(event) = event {
                todo.extend(self.exchange.handle(self.model.exec.now(), event));
            }
        }
        answers
    }

    async fn complete(&mut self, header: Option<Header>) -> InboundEvent {
        let short = self.sink.take().and_then(|sink| sink.hand_over());
        let id = self.id.expect("an offer came first");
        let opens = match (&header, &short) {
            (Some(header), Some(payload)) => self.model.opens(self.at, header, payload),
            _ => false,
        };
        match self.intake.complete(&self.from, id, CompletePayload { header, short }).await {
            Ok(receipt) => {
                if opens && self.at == HOSTILE {
                    // It says itself when it opens something: it signs without, too.
                    lock(&self.model.really).had_all.insert(id);
                } else if opens {
                    self.model.opened(self.at, id);
                }
                InboundEvent::Completed(receipt)
            }
            Err(why) => refused(why),
        }
    }
}

fn refused(why: Refusal) -> InboundEvent {
    InboundEvent::Refused { code: why.code, retry_after: why.retry_after }
}

/// The sender's way to its partners.
struct Link {
    model: Arc<Model>,
    from: usize,
}

#[async_trait]
impl Transport for Link {
    async fn deliver(
        &self,
        partner: &PartnerId,
        offer: Offer,
        mut source: Box<dyn PayloadSource>,
        key: KeyGate,
        stop: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        let (model, id) = (&self.model, offer.exchange);
        let to = model.place_of(partner);
        let mut far = Far::new(model, to, self.from);
        let (mut near, first) =
            OutboundExchange::start(offer.clone(), PIECE, OutboundTimers::default(), model.exec.now());
        if stop.awaits_answer() {
            near.stop_after_answer();
        }
        let (mut todo, mut key, mut asked_late) = (VecDeque::from(first), Some(key), None::<KeyGate>);
        let (mut there, mut back) = (VecDeque::new(), VecDeque::new());
        loop {
            let event = if let Some(action) = todo.pop_front() {
                match action {
                    OutboundAction::Send(frame) => {
                        model.leaves(self.from, id, &frame);
                        if matches!(frame, Frame::End(_))
                            && let Some(key) = asked_late.take()
                        {
                            key().await;
                        }
                        there.extend(model.network(to, id, Way::There, frame));
                        None
                    }
                    OutboundAction::DigestPrefix { length } => {
                        let digest = source.prefix_digest(length).await;
                        Some(digest.map_or(OutboundEvent::SourceFailed, OutboundEvent::PrefixDigest))
                    }
                    OutboundAction::Read { offset, max } => {
                        let read = source.read_at(offset, max).await;
                        Some(read.map_or(OutboundEvent::SourceFailed, OutboundEvent::Payload))
                    }
                    OutboundAction::Decide => {
                        let key = key.take().expect("it is asked once");
                        let header = model.row(self.from, &id).and_then(|row| row.header);
                        Some(OutboundEvent::Decided(match header.filter(|_| model.is(Weakness::KeyBeforeGate)) {
                            // A sender that lets it go, and takes its decision when it is gone.
                            Some(header) => {
                                asked_late = Some(key);
                                KeyAnswer::Send(Some(header))
                            }
                            None => key().await,
                        }))
                    }
                    OutboundAction::Finished(outcome) => return ended(outcome),
                }
            } else if let Some(frame) = there.pop_front() {
                for answer in far.hears(frame).await {
                    back.extend(model.network(to, id, Way::Back, answer));
                }
                None
            } else if let Some(frame) = back.pop_front() {
                Some(OutboundEvent::Frame(model.believed(to, &offer, frame)))
            } else {
                // Something was lost on the way, and nobody waits for ever.
                return Err(DeliveryFailure::TimedOut);
            };
            if let Some(event) = event {
                todo.extend(near.handle(model.exec.now(), event));
            }
        }
    }

    fn link_failure(&self, _: &PartnerId) -> Option<String> {
        None
    }
}

fn ended(outcome: OutboundOutcome) -> Result<Vec<u8>, DeliveryFailure> {
    match outcome {
        OutboundOutcome::Receipt(receipt) => Ok(receipt),
        OutboundOutcome::Refused { code, retry_after } => Err(DeliveryFailure::Refused(Refusal { code, retry_after })),
        OutboundOutcome::Withdrawn => Err(DeliveryFailure::Withdrawn),
        OutboundOutcome::TimedOut => Err(DeliveryFailure::TimedOut),
        OutboundOutcome::ProtocolError => Err(DeliveryFailure::Protocol),
        OutboundOutcome::SourceFailed => Err(DeliveryFailure::SourceFailed),
    }
}

/// What a manifest that was heard says.
pub fn said(offer: &Offer) -> Manifest {
    Signed::<Manifest>::peek(&offer.manifest).expect("a manifest that a node signed")
}

/// The digest that an offer of nothing has.
pub fn nothing() -> (u64, Digest) {
    (0, Digest::of(b""))
}
