//! One run: nodes, their disks, the links between them, what befalls them, and the account at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use portcullis::digest::Digest;
use portcullis::edge::Intake;
use portcullis::envelope::{Disposition, Header, Manifest, OpeningProof, Receipt};
use portcullis::gateway::{ChangeRequest, DecidedRequests, GatewayError, ManualOperation, Node};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::ledger::{EntryKind, LedgerKey, SignedCheckpoint};
use portcullis::partner::Standing;
use portcullis::sign::Signed;
use portcullis::store::*;
use portcullis::time::{Clock, Time};
use portcullis::wire::Offer;
use tokio::sync::Notify;

use super::budget::ABANDONED_AFTER;
use super::defects::Defect;
use super::exec::{Exec, Rng, SeededEntropy, WORLD};
use super::hostile::Hostile;
use super::memory::{Durable, MemoryStore, Watcher};
use super::net::{Pipe, SimCarrier, Weather};
use super::orders::{Order, Orders, stopped_before};
use super::store::SimStore;
use super::template::{CANARY, Expect, Job, Proto, START, Template, decided, spool_root, template};
use super::volume::{Fate, Synced, Volume};
use super::wal::Wal;
use super::watch::{Property, Watch};

/// How long things go wrong.
const STORM_MS: u64 = 60_000;
/// How long everything may take to come right after that.
const CALM_MS: u64 = 3_600_000;

/// What one seed came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub seed: u64,
    pub violations: Vec<(Property, String)>,
    pub offered: usize,
    pub delivered: usize,
    pub crashes: u32,
    /// A hash over everything that happened, and how much that was: equal for equal seeds.
    pub trace: (u64, u64),
}

/// What is drawn for a run before it begins.
struct Plan {
    crash_one_in: u64,
    /// One sync in how many fails; none if zero.
    sync_fails_one_in: u64,
    /// Disks that are full: until when, and for one commit in how many.
    full_until: BTreeMap<usize, (Time, u64)>,
    twins: Option<usize>,
    /// A node whose spool takes nothing while the storm lasts.
    full_spool: Option<usize>,
    /// Payloads up to this length are kept in the stores.
    kept_bytes_max: u64,
    /// How long a piece of a payload takes to be sent while the storm lasts.
    pace_ms: u64,
}

struct Running {
    alive: bool,
    starts: u64,
    /// Whether the power failed when it ended last.
    without_power: bool,
    intake: Option<Arc<dyn Intake>>,
    node: Option<Arc<Node>>,
    refused: BTreeSet<usize>,
    garbled: BTreeSet<ExchangeId>,
}

struct Place {
    proto: &'static Proto,
    disk: Arc<Mutex<Durable>>,
    wal: Arc<Mutex<Wal>>,
    /// What would be left without power now, where a defect makes that less than what was answered for.
    synced: Mutex<Option<Durable>>,
    spool: PathBuf,
    volume: Volume,
    running: Mutex<Running>,
}

/// One run.
pub struct Sim {
    pub exec: Exec,
    pub watch: Watch,
    rng: Mutex<Rng>,
    places: Vec<Place>,
    jobs: Vec<Job>,
    /// Pairs that cannot reach each other now.
    cut: Mutex<BTreeSet<(usize, usize)>>,
    pipes: Mutex<Vec<(usize, usize, Vec<Pipe>)>>,
    weather: Weather,
    plan: Plan,
    orders: Mutex<Orders>,
    /// The partner that is hostile, in the runs that have one.
    pub hostile: Option<Arc<Hostile>>,
    defect: Option<Defect>,
    calm: AtomicBool,
    seed: u64,
}

/// Runs one seed to its end.
pub fn run(seed: u64, defect: Option<Defect>) -> Outcome {
    let root =
        spool_root().join(format!("portcullis-sim-{}-{seed}-{:?}", std::process::id(), std::thread::current().id()));
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).expect("a folder for spools");
    let sim = Sim::new(seed, defect, root.clone());
    for at in 0..sim.places.len() {
        sim.start(at);
    }
    sim.befall();
    let _log = sim.hostile.as_ref().map(|hostile| hostile.begin(&sim));
    let mut rng = Rng::new(seed ^ 0xa5a5);
    let storm_ends = sim.exec.now().plus(Duration::from_millis(STORM_MS));
    let horizon = storm_ends.plus(Duration::from_millis(CALM_MS));
    let mut look = storm_ends;
    while sim.exec.now() < horizon && !sim.watch.has_violations() {
        sim.exec.step(&mut rng);
        sim.hostile.iter().for_each(|hostile| hostile.look(&sim));
        if sim.exec.now() >= look {
            if !sim.calm.swap(true, Ordering::Relaxed) {
                sim.clear_up();
            }
            // What still waits after its time gets the occasion to leave too late.
            let settled = sim.exec.now() >= storm_ends.plus(Duration::from_secs(180)) || !sim.waits();
            if settled && sim.is_done() {
                break;
            }
            sim.operator_looks();
            look = sim.exec.now().plus(Duration::from_secs(20));
        }
    }
    let mut outcome = sim.account();
    if let Some(hostile) = sim.hostile.clone() {
        hostile.leaves(&sim, ABANDONED_AFTER, &mut rng);
        outcome.violations = sim.watch.violations();
    }
    sim.exec.kill(WORLD);
    (0..sim.places.len()).for_each(|at| sim.halt(at));
    let _ = std::fs::remove_dir_all(&root);
    outcome
}

impl Sim {
    fn new(seed: u64, defect: Option<Defect>, root: PathBuf) -> Arc<Sim> {
        let template: &'static Template = template();
        let mut rng = Rng::new(seed);
        let count = 2 + [0, 0, 0, 1, 1, 2, 3][rng.below(7) as usize];
        let begin = START.plus(Duration::from_secs(640 + rng.below(45)));
        let weather = Weather {
            delay_ms: [3, 20, 200, 1500][rng.below(4) as usize],
            stall_one_in: 4 + rng.below(40),
            stall_ms: 1 + rng.below(20_000),
            // A replaced prefix is found by its digest whatever the network does; to say that nothing altered it, some
            // runs must leave it alone.
            hostile: rng.one_in(3) && defect.is_none(),
            harm_one_in: 4 + rng.below(30),
        };
        let places: Vec<Place> = template.nodes[..count]
            .iter()
            .enumerate()
            .map(|(at, proto)| {
                let spool = root.join(format!("node-{at}"));
                drop(Spool::open(&spool, 0).expect("a spool"));
                let running = Running {
                    alive: false,
                    starts: 0,
                    without_power: false,
                    intake: None,
                    node: None,
                    refused: BTreeSet::new(),
                    garbled: BTreeSet::new(),
                };
                let of = seed ^ (at as u64 + 1) << 48;
                Place {
                    proto,
                    disk: Arc::new(Mutex::new(proto.base.clone())),
                    wal: Arc::new(Mutex::new(Wal::new(of))),
                    synced: Mutex::default(),
                    volume: Volume::of(&spool, !of, defect == Some(Defect::PrefixTrusted)),
                    spool,
                    running: Mutex::new(running),
                }
            })
            .collect();
        let here = |job: &&Job| job.from < count && job.exchanges.iter().all(|(_, to)| *to < count);
        let mut jobs = Vec::new();
        for job in template.jobs.iter().filter(here) {
            if rng.one_in(2) || jobs.is_empty() {
                submit(&places[job.from], job, &mut rng);
                jobs.push(job.clone());
            }
        }
        places.iter().for_each(|place| place.volume.adopt());
        let mut full_until = BTreeMap::new();
        for at in 0..count {
            if rng.one_in(5) {
                full_until.insert(at, (begin.plus(Duration::from_millis(rng.below(STORM_MS))), 1 + 2 * rng.below(2)));
            }
        }
        let plan = Plan {
            crash_one_in: match (defect, rng.below(4) as usize) {
                // A prefix must often have lost what was not synced.
                (Some(Defect::PrefixUnverified), _) => 8,
                (_, n) => [8, 20, 60, 200][n],
            },
            sync_fails_one_in: match (defect, rng.below(3) as usize) {
                (None, n) => [0, 8, 40][n],
                (Some(Defect::PrefixTrusted), _) => 16,
                // Often enough that a receipt is among what is lost, and not only what was said before it.
                (Some(Defect::WalTrusted), _) => 5,
                (Some(Defect::BrokenTakenForFailed), _) => 8,
                (Some(_), _) => 0,
            },
            full_until,
            twins: rng.one_in(3).then(|| rng.below(count as u64) as usize),
            kept_bytes_max: match (defect, rng.below(3) as usize) {
                // What is short is kept in the store, and no file is there to be lost.
                (Some(Defect::PrefixTrusted | Defect::PrefixUnverified | Defect::SweptAtStart), _) => 0,
                (_, n) => [0, 8 << 10, 64 << 10][n],
            },
            pace_ms: [0, 0, 20, 300][rng.below(4) as usize],
            // Something must be kept waiting for its expiry to matter.
            full_spool: match (rng.one_in(4), rng.below(count as u64) as usize) {
                _ if matches!(defect, Some(Defect::ExpiryIgnored | Defect::LostPark)) => Some(1),
                (full, at) => full.then_some(at),
            },
        };
        let orders = match defect {
            None => Orders::draw(&mut rng),
            Some(Defect::ReceiptDropped) => Orders::of(&[Order::Refuse, Order::Recall]),
            Some(_) => Orders::default(),
        };
        Arc::new(Sim {
            exec: Exec::new(begin),
            watch: Watch::default(),
            rng: Mutex::new(rng),
            places,
            jobs,
            cut: Mutex::default(),
            pipes: Mutex::default(),
            weather,
            plan,
            orders: Mutex::new(orders),
            hostile: Hostile::draw(seed, defect, count, begin),
            defect,
            calm: AtomicBool::new(false),
            seed,
        })
    }

    pub fn defect(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    pub fn one_in(&self, n: u64) -> bool {
        self.rng().one_in(n)
    }

    /// A transfer has come one step further: the moment for an order that stops it.
    pub fn step(self: &Arc<Self>, at: usize, id: ExchangeId) {
        if self.calm.load(Ordering::Relaxed) {
            return;
        }
        let order = self.orders.lock().unwrap_or_else(PoisonError::into_inner).at_a_step(&mut self.rng());
        if let Some(order) = order {
            self.give(at, id, order);
        }
    }

    /// How long the next piece of a payload takes.
    pub fn pace(&self) -> u64 {
        if self.calm.load(Ordering::Relaxed) { 0 } else { self.plan.pace_ms }
    }

    /// The process that a node's commands are run by.
    pub fn node(&self, at: usize) -> Option<Arc<Node>> {
        self.running(at).node.clone()
    }

    pub fn row(&self, at: usize, id: &ExchangeId) -> Option<Exchange> {
        self.disk(at).exchange(id).cloned()
    }

    /// Whether an exchange is a notice of a recall, which needs no release.
    pub fn is_notice(&self, at: usize, id: &ExchangeId) -> bool {
        self.row(at, id).is_some_and(|row| row.kind == ExchangeKind::Recall)
    }

    /// A number from `least` on and below `least + most`.
    pub fn draw(&self, least: u64, most: u64) -> u64 {
        least + self.rng().below(most)
    }

    /// Which order was on record before the last entry of a kind about an exchange.
    pub fn stopped_before(&self, at: usize, id: &ExchangeId, kind: EntryKind) -> Option<&'static str> {
        stopped_before(&self.disk(at), id, kind)
    }

    pub fn is_hostile(&self) -> bool {
        self.weather.hostile
    }

    pub fn job(&self, id: &ExchangeId) -> Option<&Job> {
        self.jobs.iter().find(|job| job.exchanges.iter().any(|(exchange, _)| exchange == id))
    }

    pub fn place_of(&self, partner: &PartnerId) -> Option<usize> {
        self.places.iter().position(|place| place.proto.name == *partner)
    }

    pub fn name(&self, at: usize) -> PartnerId {
        self.places[at].proto.name.clone()
    }

    pub fn intake(&self, at: usize) -> Option<Arc<dyn Intake>> {
        self.running(at).intake.clone()
    }

    pub fn was_garbled(&self, at: usize, id: ExchangeId) -> bool {
        self.running(at).garbled.contains(&id)
    }

    /// The payload that a power cut would leave a node with this record of an exchange, in its store or its spool; empty
    /// if there is none.
    pub fn sealed(&self, at: usize, record: &Durable, id: &ExchangeId) -> Vec<u8> {
        let kept = record.payloads.get(id).map(|bytes| bytes.to_vec());
        let spooled = || self.places[at].volume.durable(&SpoolId::Envelope(*id).to_string());
        kept.or_else(spooled).unwrap_or_default()
    }

    /// Looks at the record of a node, and at the files of its spool if that asks for them.
    pub fn of_victim<T>(&self, at: usize, look: impl FnOnce(&Durable, &dyn Fn() -> Vec<(SpoolId, u64)>) -> T) -> T {
        let files = || {
            let found = listing(&self.places[at].spool).into_iter().filter_map(|path| {
                let name = path.file_name()?.to_str()?.to_owned();
                let id = name.strip_suffix(".part").unwrap_or(&name).parse().ok()?;
                Some((id, std::fs::metadata(&path).ok()?.len()))
            });
            found.collect()
        };
        look(&self.disk(at), &files)
    }

    /// What opens an exchange, as a node has it on record.
    pub fn header(&self, at: usize, id: ExchangeId) -> Option<Header> {
        self.disk(at).exchange(&id).and_then(|row| row.header.clone())
    }

    /// What a power cut would leave of a node's store.
    pub fn durable(&self, at: usize) -> Durable {
        self.left(at).unwrap_or_else(|| self.disk(at).clone())
    }

    /// What a power cut would leave of a node's store, where that is not what is seen.
    fn left(&self, at: usize) -> Option<Durable> {
        let place = &self.places[at];
        let left = locked(&place.wal).left().cloned();
        locked(&place.synced).clone().or(left)
    }

    /// Since when a node's record has a partner as suspended.
    pub fn suspended(&self, at: usize, partner: usize) -> Option<Time> {
        let disk = self.disk(at);
        let row = disk.partners.get(&self.places[partner].proto.name)?;
        (row.state == PartnerState::Suspended).then_some(row.changed)
    }

    /// When an officer of a node was revoked.
    pub fn revoked(&self, at: usize) -> Option<Time> {
        let revoked = |row: &Officer| row.state == OfficerState::Revoked;
        self.disk(at).officers.values().filter(|row| revoked(row)).map(|row| row.changed).min()
    }

    /// Whether a node's policy is another than it was at first, under which nothing was approved.
    fn policy_changed(&self, at: usize) -> bool {
        let changed = |entry: &portcullis::ledger::Entry| {
            entry.kind() == EntryKind::PolicyChanged && entry.subject() == "policy.texts"
        };
        self.disk(at).entries.iter().filter(|(entry, _)| changed(entry)).count() > 1
    }

    /// How many durable entries of a kind there are about an exchange.
    pub fn recorded(&self, at: usize, id: ExchangeId, kind: EntryKind) -> usize {
        let subject = id.to_string();
        let count = |disk: &Durable| {
            disk.entries.iter().filter(|(entry, _)| entry.kind() == kind && entry.subject() == subject).count()
        };
        self.left(at).map_or_else(|| count(&self.disk(at)), |left| count(&left))
    }

    pub fn is_up(&self, a: usize, b: usize) -> bool {
        let refused = |at: usize, other: usize| {
            let running = self.running(at);
            !running.alive || running.refused.contains(&other)
        };
        !refused(a, b) && !refused(b, a) && !self.lock_cut().contains(&(a.min(b), a.max(b)))
    }

    /// Streams that end when the link between two nodes does.
    pub fn join(&self, a: usize, b: usize, pipes: &[Pipe]) {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner).push((a, b, pipes.to_vec()));
    }

    pub fn send(&self, pipe: &Pipe, bytes: &[u8]) {
        let calm = Weather { delay_ms: 5, stall_one_in: u64::MAX, stall_ms: 1, hostile: false, harm_one_in: 1 };
        let weather = if self.calm.load(Ordering::Relaxed) { &calm } else { &self.weather };
        pipe.send(&self.exec, &mut self.rng(), weather, bytes);
    }

    /// Whether this is the moment to crash.
    pub fn crash_now(&self, _at: usize) -> bool {
        !self.calm.load(Ordering::Relaxed) && self.one_in(self.plan.crash_one_in)
    }

    pub fn disk_full(&self, at: usize) -> bool {
        let full = self.plan.full_until.get(&at).is_some_and(|(until, _)| self.exec.now() < *until);
        full && !self.calm.load(Ordering::Relaxed) && self.one_in(self.plan.full_until[&at].1)
    }

    /// For the defect of a store that answers too early: what was answered becomes durable some time later.
    pub fn sync_later(self: &Arc<Self>, at: usize) {
        if !self.defect(Defect::AckBeforeDurable) {
            return;
        }
        let (sim, wait) = (self.clone(), self.rng().below(400));
        self.exec.spawn(at, async move {
            sim.exec.sleep(wait).await;
            let now = sim.disk(at).clone();
            *locked(&sim.places[at].synced) = Some(now);
        });
    }

    /// A receipt for a delivery that failed, where that defect is planted.
    pub fn receipt_anyway(&self, at: usize, id: ExchangeId) -> Option<Vec<u8>> {
        let row = self.disk(at).exchange(&id).cloned()?;
        let manifest = row.manifest.filter(|_| self.defect(Defect::ReceiptForFailure))?;
        let nothing = OpeningProof::from_digest(Digest::of(b""));
        Some(self.sign_receipt(at, &manifest, nothing))
    }

    /// The receipt of a repeated offer, made anew where that defect is planted.
    pub fn again(&self, at: usize, _from: usize, offer: &Offer, receipt: Vec<u8>) -> Vec<u8> {
        if !self.defect(Defect::ReplayNewReceipt) {
            return receipt;
        }
        let opened = Signed::<Receipt>::peek(&receipt).expect("a receipt that was given").opened;
        self.sign_receipt(at, &offer.manifest, opened)
    }

    fn sign_receipt(&self, at: usize, manifest: &[u8], opened: OpeningProof) -> Vec<u8> {
        let said: Manifest = Signed::peek(manifest).expect("a manifest that was taken");
        let receipt = Receipt {
            version: Receipt::VERSION,
            exchange: said.exchange,
            sender: said.sender,
            recipient: said.recipient,
            manifest_digest: Digest::of(manifest),
            payload_digest: said.payload_digest,
            disposition: Disposition::Accepted,
            received_at_ms: self.exec.now().unix_ms(),
            checkpoint: self.disk(at).head.as_str().to_owned(),
            handled: None,
            opened,
        };
        Signed::sign(receipt, &*self.places[at].proto.signing).expect("a signature").bytes().to_vec()
    }

    /// Starts the processes of a node on what its disks hold.
    fn start(self: &Arc<Self>, at: usize) {
        let place = &self.places[at];
        self.undo(at);
        if !self.open_log(at) {
            return self.start_later(at);
        }
        self.watch.opened(self, at);
        let processes = if self.plan.twins == Some(at) { 2 } else { 1 };
        for process in 0..processes {
            let mut running = self.running(at);
            running.starts += 1;
            let starts = running.starts;
            let fate = Arc::new(ProcessFate { sim: Arc::downgrade(self), at, dead: AtomicBool::new(false) });
            let inner = MemoryStore::open(place.disk.clone(), place.proto.ledger.clone());
            let inner = inner.logged(place.wal.clone(), fate.clone()).watched(self.watcher(at));
            let store = Arc::new(SimStore { inner, sim: self.clone(), at, fate: fate.clone() });
            let full = self.plan.full_spool == Some(at) && self.stays_full();
            let reserve = if full { u64::MAX / 2 } else { 0 };
            let spool = Spool::open(&place.spool, reserve).expect("a spool").with_buffer_bytes(512);
            let spool =
                spool.with_inline_bytes_max(self.plan.kept_bytes_max).with_disk(Arc::new(place.volume.under(fate)));
            let slow = self.defect(Defect::ExpiryIgnored);
            let clock: Arc<dyn Clock> = if slow {
                Arc::new(SlowClock(self.exec.clone(), self.exec.now()))
            } else {
                Arc::new(self.exec.clone())
            };
            let entropy = SeededEntropy::new(self.seed ^ (at as u64) << 32 ^ starts << 40);
            let node = Arc::new(place.proto.node.over(store, spool, clock, entropy));
            if process == 0 {
                running.alive = true;
                running.intake = Some(node.intake(Arc::new(Notify::new())));
                running.node = Some(node.clone());
            }
            self.exec.spawn(at, watch_live(self.clone(), node.clone()));
            self.exec.spawn(at, watch_halt(self.clone(), at, node.clone()));
            self.exec.spawn(at, serve(self.clone(), at, process, node));
        }
        self.watch.note(self.exec.now(), &format!("start {at}"));
    }

    fn watcher(self: &Arc<Self>, at: usize) -> Watcher {
        let watching = Arc::downgrade(self);
        Arc::new(move |before, after| {
            if let Some(sim) = watching.upgrade() {
                sim.watch.row(&sim, at, before, after);
            }
        })
    }

    /// Opens the log of a store that nobody else has open. False if that fails, as its sync does.
    fn open_log(self: &Arc<Self>, at: usize) -> bool {
        let rewritten = self.next_sync() == Synced::Done;
        let found = {
            let (disk, trusted) = (self.disk(at), self.defect(Defect::WalTrusted));
            locked(&self.places[at].wal).opened(&disk, trusted, rewritten)
        };
        let Ok(found) = found else { return false };
        if let Some(found) = found {
            self.watch.note(self.exec.now(), &format!("found {at} {}", found.head.size()));
            let before = std::mem::replace(&mut *self.disk(at), found.clone());
            let changed = found.exchanges.iter().filter(|row| before.exchange(&row.id) != Some(*row));
            changed.for_each(|row| self.watch.row(self, at, before.exchange(&row.id), row));
        }
        true
    }

    /// Somebody starts a node again after a while that says that it cannot put anything on record.
    pub fn start_again(self: &Arc<Self>, at: usize) {
        let (sim, wait) = (self.clone(), self.draw(200, 5000));
        self.exec.spawn(at, async move {
            sim.exec.sleep(wait).await;
            sim.crash(at);
        });
    }

    fn start_later(self: &Arc<Self>, at: usize) {
        let (sim, wait) = (self.clone(), 50 + self.rng().below(4000));
        self.exec.spawn(WORLD, async move {
            sim.exec.sleep(wait).await;
            sim.start(at);
        });
    }

    /// Ends a node's processes between two of their steps.
    fn halt(&self, at: usize) {
        {
            let mut running = self.running(at);
            running.alive = false;
            running.intake = None;
            running.node = None;
            running.refused.clear();
        }
        self.break_links(|a, b| a == at || b == at);
        self.hostile
            .iter()
            .filter(|hostile| hostile.victim == at)
            .for_each(|hostile| hostile.door.falls(self.exec.now()));
        self.exec.kill(at);
    }

    /// A crash of a node's processes, or of the whole machine, and a restart after a while.
    pub fn crash(self: &Arc<Self>, at: usize) {
        if !self.running(at).alive {
            return;
        }
        self.watch.crashed(at);
        let without_power = self.one_in(2);
        self.watch.note(self.exec.now(), &format!("crash {at} {without_power}"));
        self.halt(at);
        self.running(at).without_power |= without_power;
        self.start_later(at);
    }

    /// What becomes of a node's disks while none of its processes runs.
    fn undo(&self, at: usize) {
        let place = &self.places[at];
        if std::mem::take(&mut self.running(at).without_power) {
            let garbled = place.volume.cut_power();
            let garbled = garbled.iter().filter_map(|name| match name.parse() {
                Ok(SpoolId::Envelope(id)) => Some(id),
                _ => None,
            });
            self.running(at).garbled.extend(garbled);
            let left = locked(&place.wal).cut_power();
            if let Some(left) = locked(&place.synced).clone().or(left) {
                *self.disk(at) = left;
            }
        }
        place.volume.process_ended();
        if self.defect(Defect::SweptAtStart) {
            for file in listing(&place.spool).iter().filter(|file| file.is_file()) {
                let _ = std::fs::remove_file(file);
            }
        }
        if self.defect(Defect::OutboxLost) {
            self.disk(at).exchanges.retain(|row| row.state != ExchangeState::Queued);
        }
    }

    /// What becomes of the next sync of any disk.
    fn next_sync(&self) -> Synced {
        let one_in = self.plan.sync_fails_one_in;
        if one_in == 0 || self.calm.load(Ordering::Relaxed) || !self.one_in(one_in) {
            return Synced::Done;
        }
        if self.one_in(2) { Synced::Failed } else { Synced::Died }
    }

    fn break_links(&self, which: impl Fn(usize, usize) -> bool) {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (gone, kept) = std::mem::take(&mut *pipes).into_iter().partition(|(a, b, _)| which(*a, *b));
        *pipes = kept;
        drop(pipes);
        let gone: Vec<(usize, usize, Vec<Pipe>)> = gone;
        gone.iter().flat_map(|(_, _, pipes)| pipes).for_each(Pipe::break_off);
    }

    /// Puts in force whom a node refuses now, as its record has it.
    fn refuse(&self, at: usize, partners: &[portcullis::partner::Partner]) {
        let suspended = partners.iter().filter(|partner| partner.standing == Standing::Suspended);
        let refused: BTreeSet<usize> = suspended.filter_map(|partner| self.place_of(&partner.id)).collect();
        self.running(at).refused.clone_from(&refused);
        self.break_links(|a, b| (a == at && refused.contains(&b)) || (b == at && refused.contains(&a)));
    }

    /// Everything that happens to the nodes from outside while the storm lasts.
    fn befall(self: &Arc<Self>) {
        let count = self.places.len() as u64;
        for _ in 0..3 {
            let sim = self.clone();
            self.exec.spawn(WORLD, async move {
                loop {
                    let wait = 500 + sim.rng().below(15_000);
                    sim.exec.sleep(wait).await;
                    if sim.calm.load(Ordering::Relaxed) {
                        return;
                    }
                    let (at, other, kind) = {
                        let mut rng = sim.rng();
                        let at = rng.below(count) as usize;
                        (at, (at + 1 + rng.below(count - 1) as usize) % count as usize, rng.below(12))
                    };
                    sim.happen(at, other, kind).await;
                }
            });
        }
    }

    async fn happen(self: &Arc<Self>, at: usize, other: usize, kind: u64) {
        let pair = (at.min(other), at.max(other));
        let node = self.running(at).node.clone();
        match (kind, node) {
            (0..=2, Some(_)) => self.crash(at),
            (3..=5, _) => {
                self.watch.note(self.exec.now(), &format!("cut {at} {other}"));
                self.lock_cut().insert(pair);
                self.break_links(|a, b| (a.min(b), a.max(b)) == pair);
                let wait = 100 + self.rng().below(20_000);
                self.exec.sleep(wait).await;
                self.lock_cut().remove(&pair);
            }
            (6, _) => self.break_links(|a, b| (a.min(b), a.max(b)) == pair),
            (7..=8, Some(node)) => {
                let id = self.name(other);
                self.exec.spawn(at, async move {
                    let _ = node.suspend_partner(&id, "EXERCISE").await;
                });
                let wait = 1000 + self.rng().below(20_000);
                self.exec.sleep(wait).await;
                self.resume(at, other);
            }
            (9, Some(node)) if self.one_in(3) => {
                self.exec.spawn(at, async move {
                    let _ = node.revoke_officer(&"officer-1".parse().expect("a name"), "EXERCISE").await;
                });
            }
            (10..=11, Some(node)) => {
                let rows = self.disk(at).exchanges.clone();
                let out: Vec<_> = rows.iter().filter(|row| row.direction == Direction::Out).map(|row| row.id).collect();
                if out.is_empty() {
                    return;
                }
                let id = out[self.rng().below(out.len() as u64) as usize];
                let hand =
                    [ManualOperation::Retry, ManualOperation::Park, ManualOperation::Retry, ManualOperation::Cancel]
                        [self.rng().below(4) as usize];
                self.manual_operation(at, node, id, hand);
            }
            _ => {}
        }
    }

    fn manual_operation(self: &Arc<Self>, at: usize, node: Arc<Node>, id: ExchangeId, hand: ManualOperation) {
        if hand == ManualOperation::Retry {
            self.watch.manual_operation(id);
        }
        self.exec.spawn(at, async move {
            let _ = node.manual_operation(&id, hand).await;
        });
    }

    fn resume(self: &Arc<Self>, at: usize, other: usize) {
        let Some(node) = self.running(at).node.clone() else { return };
        let id = self.name(other);
        self.exec.spawn(at, async move {
            let expires = node.now().plus(Duration::from_secs(600));
            let wanted = ChangeRequest { resumed: [id].into(), ..ChangeRequest::new("operator", "EXERCISE", expires) };
            // A command opens the node under the policy that is on record, whichever the server still has.
            let node = match node.current().await {
                Ok(Some(current)) => Arc::new(current),
                _ => node,
            };
            let _ = decided(&node, wanted, &template().deciders).await;
        });
    }

    /// The storm is over: links come up, partners are resumed; nodes that are down start by themselves.
    fn clear_up(self: &Arc<Self>) {
        self.watch.note(self.exec.now(), "calm");
        self.lock_cut().clear();
        let Some(at) = self.plan.full_spool else { return };
        if self.running(at).alive && !self.stays_full() {
            self.crash(at);
        }
    }

    /// Whether a disk that is full has no room yet. What is to be parked must fail again and again.
    fn stays_full(&self) -> bool {
        self.defect(Defect::LostPark) || !self.calm.load(Ordering::Relaxed)
    }

    /// What an operator does every now and then: resumes partners, and has what is parked tried again.
    fn operator_looks(self: &Arc<Self>) {
        for at in 0..self.places.len() {
            let Some(node) = self.running(at).node.clone() else { continue };
            let suspended: Vec<PartnerId> = {
                let disk = self.disk(at);
                let suspended = disk.partners.values().filter(|row| row.state == PartnerState::Suspended);
                suspended.map(|row| row.id.clone()).collect()
            };
            for other in suspended.iter().filter_map(|id| self.place_of(id)) {
                self.resume(at, other);
            }
            self.reconsider(at);
            let rows = self.disk(at).exchanges.clone();
            for row in rows.iter().filter(|row| row.state == ExchangeState::Parked) {
                self.manual_operation(at, node.clone(), row.id, ManualOperation::Retry);
            }
        }
    }

    /// Whether anything is in a queue.
    fn waits(&self) -> bool {
        let queued = |at| self.disk(at).exchanges.iter().any(|row| row.state == ExchangeState::Queued);
        (0..self.places.len()).any(queued)
    }

    fn is_done(&self) -> bool {
        (0..self.places.len()).all(|at| self.running(at).alive)
            && self.hostile.iter().all(|hostile| hostile.rests())
            && self.jobs.iter().all(|job| {
                job.exchanges.iter().all(|(id, _)| {
                    let row = self.disk(job.from).exchange(id).cloned();
                    row.is_some_and(|row| self.came_right(job, &row))
                })
            })
    }

    /// Whether an exchange is where it must be in the end.
    fn came_right(&self, job: &Job, row: &Exchange) -> bool {
        use ExchangeState as S;
        let late = self.exec.now() >= job.expires;
        if row.unanswered.is_some() {
            // Whether the partner has it is not known yet, which is no end.
            return false;
        }
        match row.state {
            S::Delivered | S::DeliveredAfterStop => job.expect == Expect::Delivered,
            S::Requested | S::Held if job.expect == Expect::Stays => true,
            S::Requested | S::Held => late || self.revoked(job.from).is_some() || self.policy_changed(job.from),
            S::Refused => self.recorded(job.from, row.id, EntryKind::ExchangeRefused) > 0,
            S::Cancelled => true,
            S::Expired => late,
            // What could not go in time is never sent; that it is still listed as waiting does no harm.
            S::Queued | S::Parked => late,
            _ => false,
        }
    }

    /// Goes over everything at the end.
    fn account(&self) -> Outcome {
        let mut delivered = 0;
        for job in &self.jobs {
            for (id, to) in &job.exchanges {
                delivered += usize::from(self.account_of(job, id, *to));
            }
        }
        for (at, place) in self.places.iter().enumerate() {
            self.watch.opened(self, at);
            let verification = self.disk(at).verify();
            if !verification.is_good() {
                self.watch.violation(Property::LedgerHolds, format!("ledger of {}: {verification}", place.proto.name));
            }
        }
        Outcome {
            seed: self.seed,
            violations: self.watch.violations(),
            offered: self.jobs.iter().map(|job| job.exchanges.len()).sum(),
            delivered,
            crashes: self.watch.crashes(),
            trace: self.watch.trace(),
        }
    }

    fn account_of(&self, job: &Job, id: &ExchangeId, to: usize) -> bool {
        let (sent, came) = (self.durable(job.from).exchange(id).cloned(), self.durable(to).exchange(id).cloned());
        let Some(sent) = sent else {
            self.watch.violation(Property::NothingLost, format!("{id} is gone from the record"));
            return false;
        };
        if !self.came_right(job, &sent) && self.exec.now() > START.plus(Duration::from_secs(700)) {
            self.watch.violation(
                Property::NothingLost,
                format!("{id} is lost: it ends as `{}` ({:?})", sent.state, sent.reason),
            );
        }
        let here = came.filter(|row| matches!(row.state, ExchangeState::Received | ExchangeState::Taken));
        if !sent.is_delivered() {
            if job.expect == Expect::Stays && here.is_some() {
                self.watch.violation(Property::Released, format!("{id} was never released and is in an inbox"));
            } else if here.is_some() {
                self.watch.violation(
                    Property::BothSidesAgree,
                    format!("{id} is in an inbox, and its sender's record denies it: `{}`", sent.state),
                );
            }
            return false;
        }
        let Some(here) = here else {
            self.watch.violation(Property::BothSidesAgree, format!("{id} counts as delivered and is in no inbox"));
            return false;
        };
        if here.receipt != sent.receipt {
            self.watch.violation(Property::OneReceipt, format!("{id}: the two sides hold different receipts"));
        }
        self.check_content(job, id, to);
        self.check_witness(&sent, to);
        true
    }

    /// What arrived is what was to arrive, and nothing of what was not.
    fn check_content(&self, job: &Job, id: &ExchangeId, to: usize) {
        use portcullis::seal::Opener as _;
        use std::io::Read as _;
        let keys = self.places[to].proto.node.config().keys.load().expect("keys");
        let record = self.durable(to);
        let header = record.exchange(id).and_then(|row| row.header.clone());
        let mut sealed = header.map(|header| header.bytes().to_vec()).unwrap_or_default();
        sealed.extend(self.sealed(to, &record, id));
        let opened = keys.payload.open(Box::new(std::io::Cursor::new(sealed))).map(|mut plain| {
            let mut bytes = Vec::new();
            plain.read_to_end(&mut bytes).map(|_| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        });
        match opened {
            Ok(text) if text.contains(&job.text) && !text.contains(CANARY) => {}
            Ok(_) => self
                .watch
                .violation(Property::ContentHolds, format!("{id} holds something else than the tearline that may go")),
            Err(why) => {
                self.watch.violation(Property::ContentHolds, format!("{id} was received and does not open: {why}"))
            }
        }
    }

    /// The head in the receipt is one that the receiver's ledger still grows from.
    fn check_witness(&self, sent: &Exchange, to: usize) {
        let (disk, key): (Durable, LedgerKey) = {
            let disk = self.disk(to);
            (disk.clone(), disk.node.ledger_key.clone())
        };
        let agrees = sent.partner_checkpoint.as_deref().is_some_and(|text| {
            let Ok(seen) = SignedCheckpoint::verify(text, &key) else { return false };
            let Ok(size) = usize::try_from(seen.size()) else { return false };
            let mut frontier = portcullis::ledger::Frontier::empty();
            for (_, bytes) in disk.entries.iter().take(size) {
                frontier.append(portcullis::ledger::leaf_hash(bytes));
            }
            frontier.size() == seen.size() && frontier.root() == seen.root()
        });
        if !agrees {
            self.watch.violation(
                Property::LedgerHolds,
                format!("{}: the receipt's ledger head is not of the receiver's ledger", sent.id),
            );
        }
    }

    fn disk(&self, at: usize) -> MutexGuard<'_, Durable> {
        self.places[at].disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, at: usize) -> MutexGuard<'_, Running> {
        self.places[at].running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rng(&self) -> MutexGuard<'_, Rng> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_cut(&self) -> MutexGuard<'_, BTreeSet<(usize, usize)>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a job on a node's record, queued already in one of two cases.
fn submit(place: &Place, job: &Job, rng: &mut Rng) {
    let store = MemoryStore::open(place.disk.clone(), place.proto.ledger.clone());
    store.replay(&job.commits);
    let mut files = job.files.clone();
    if rng.one_in(2) {
        store.replay(&job.sealed);
        files.extend(job.sealed_files.clone());
    }
    for (name, bytes) in files {
        std::fs::write(place.spool.join(name), bytes).expect("a spool");
    }
}

/// What befalls the syncs of one process of a node.
pub struct ProcessFate {
    sim: Weak<Sim>,
    at: usize,
    dead: AtomicBool,
}

impl ProcessFate {
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }
}

impl Fate for ProcessFate {
    fn next(&self) -> Synced {
        self.sim.upgrade().map_or(Synced::Done, |sim| sim.next_sync())
    }

    fn died(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.sim.upgrade().iter().for_each(|sim| sim.crash(self.at));
    }
}

/// What ends a server that cannot make anything durable any more, for whoever starts it again.
async fn watch_halt(sim: Arc<Sim>, at: usize, node: Arc<Node>) {
    let why = node.fatal_error().await;
    sim.watch.note(sim.exec.now(), &format!("halt {at}: {why}"));
    sim.crash(at);
}

/// The server's look at what is being sent.
async fn watch_live(sim: Arc<Sim>, node: Arc<Node>) {
    loop {
        let _ = node.check_in_flight().await;
        sim.exec.sleep(200).await;
    }
}

/// What a node's server does, without its timers and sockets: the same steps on the same record.
async fn serve(sim: Arc<Sim>, at: usize, process: u64, mut node: Arc<Node>) {
    if process == 0 {
        if let Err(error) = node.recover().await {
            sim.watch.note(sim.exec.now(), &format!("no start {at}: {error}"));
            return sim.crash(at);
        }
    } else {
        sim.exec.sleep(1000).await;
    }
    let carrier = Arc::new(SimCarrier { sim: sim.clone(), from: at, process });
    let busy: Arc<Mutex<BTreeSet<ExchangeId>>> = Arc::default();
    let (mut seen, mut roster) = (DecidedRequests::default(), None);
    let mut decided = sim.exec.now();
    loop {
        // As the server does: agreements and windows begin and end by the calendar, which no change announces.
        if sim.exec.now().since(decided) >= Duration::from_secs(60) {
            decided = sim.exec.now();
            seen.clear();
        }
        let looked = look(&sim, at, &mut node, &carrier, &busy, &mut seen, &mut roster).await;
        if let Err(GatewayError::Store(StoreError::Broken { .. })) = looked {
            return sim.crash(at);
        }
        let wait = 300 + sim.rng().below(700);
        sim.exec.sleep(wait).await;
    }
}

async fn look(
    sim: &Arc<Sim>,
    at: usize,
    node: &mut Arc<Node>,
    carrier: &Arc<SimCarrier>,
    busy: &Arc<Mutex<BTreeSet<ExchangeId>>>,
    seen: &mut DecidedRequests,
    roster: &mut Option<u64>,
) -> Result<(), GatewayError> {
    let now = node.store().generations().await?.roster;
    if *roster != Some(now) {
        let partners: Vec<_> = node.roster().await?.iter().cloned().collect();
        sim.refuse(at, &partners);
    }
    if node.clock_doubt().await?.is_some() {
        // Nothing is decided by a clock that is not believed; the first look after it is accepted catches up.
        *roster = None;
        return Ok(());
    }
    if *roster != Some(now) {
        if let Some(current) = node.current().await? {
            *node = Arc::new(current);
        }
        node.redecide().await?;
        *roster = Some(now);
    }
    node.expire_requests().await?;
    node.release_approved(seen, now).await?;
    for row in node.store().due(node.now(), 4).await? {
        let up = sim.place_of(&row.partner).is_some_and(|to| sim.is_up(at, to));
        if !up || !busy.lock().unwrap_or_else(PoisonError::into_inner).insert(row.exchange) {
            continue;
        }
        let (node, carrier, busy, id) = (node.clone(), carrier.clone(), busy.clone(), row.exchange);
        sim.exec.spawn(at, async move {
            let _ = node.attempt(&*carrier, row).await;
            busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        });
    }
    Ok(())
}

fn locked<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listing(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a spool").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// A clock that runs at a tenth of the speed.
struct SlowClock(Exec, Time);

impl Clock for SlowClock {
    fn now(&self) -> Time {
        self.1.plus(self.0.now().since(self.1) / 10)
    }
}
