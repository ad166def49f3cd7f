//! A store in memory that keeps the contract of `store::Store`: what survives a crash is what a commit made durable,
//! and what waits in its queue then is gone. Where it has a log, its syncs may fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::civil::Date;
use portcullis::digest::Digest;
use portcullis::ident::{ExchangeId, NodeId, OfficerId, PartnerId, RequestId};
use portcullis::ledger::{
    Entry, EntryKind, Frontier, Hashes, LedgerKey, Origin, Proof, SignedCheckpoint, Verifier, leaf_hash, stored_count,
};
use portcullis::origin::Fingerprint;
use portcullis::partner::Breaker;
use portcullis::sign::Signer;
use portcullis::store::rules::{InlineChange, Row, apply, disagreements, inline_change};
use portcullis::store::*;
use portcullis::time::Time;
use tokio::sync::oneshot;

use super::exec::yield_now;
use super::volume::{Fate, Synced};
use super::wal::Wal;

/// The log of a store, and what becomes of its syncs.
type LogUnder = (Arc<Mutex<Wal>>, Arc<dyn Fate>);
/// A commit that was applied, and whom to tell what became of it: its first entry and how many it has.
type Applied = (Answer, Result<(u64, u64), StoreError>);

/// About one checkpoint in this many entries is kept beside the head.
const KEPT_EVERY: u64 = 64;
/// How many rows a listing has if its caller does not say.
const LIMIT: u32 = 100;

/// Everything that is on record.
#[derive(Clone)]
pub struct Durable {
    pub node: Node,
    pub partners: BTreeMap<PartnerId, Partner>,
    pub officers: BTreeMap<OfficerId, Officer>,
    /// In the order they were made, as the numbers' keys.
    pub requests: Vec<Request>,
    pub exchanges: Vec<Exchange>,
    /// The short payloads that are kept beside exchanges.
    pub payloads: BTreeMap<ExchangeId, Bytes>,
    pub approvals: Vec<Approval>,
    pub statements: Vec<Statement>,
    pub settings: BTreeMap<String, Setting>,
    pub entries: Vec<(Entry, Vec<u8>)>,
    pub hashes: Vec<Digest>,
    pub frontier: Frontier,
    pub head: SignedCheckpoint,
    pub kept: Vec<SignedCheckpoint>,
    pub generations: Generations,
    pub usage: BTreeMap<(PartnerId, Date), BTreeMap<Direction, Usage>>,
    pub breakers: BTreeMap<PartnerId, Breaker>,
    pub witnessed: BTreeMap<PartnerId, SignedCheckpoint>,
    pub prints: Arc<BTreeMap<(Fingerprint, Option<PartnerId>), ExchangeId>>,
}

impl Durable {
    pub fn exchange(&self, id: &ExchangeId) -> Option<&Exchange> {
        self.exchanges.iter().find(|row| row.id == *id)
    }

    fn before(&self, change: &Change) -> Option<Row> {
        let exchange = |id| self.exchange(id).map(|row| Row::Exchange(Box::new(row.clone())));
        match change {
            Change::Partner(row) => self.partners.get(&row.id).cloned().map(Row::Partner),
            Change::Officer(row) => self.officers.get(&row.id).cloned().map(Row::Officer),
            Change::Setting(row) => self.settings.get(&row.name).cloned().map(Row::Setting),
            Change::Request(row) => self.requests.iter().find(|r| r.id == row.id).cloned().map(Row::Request),
            Change::Approval(row) => {
                let same = |a: &&Approval| a.exchange == row.exchange && a.officer == row.officer;
                self.approvals.iter().find(same).cloned().map(Row::Approval)
            }
            Change::Statement(row) => {
                let same = |s: &&Statement| s.subject == row.subject && s.kind == row.kind;
                self.statements.iter().find(same).cloned().map(Row::Statement)
            }
            Change::Exchange { row, .. } => exchange(&row.id),
            Change::Claim { exchange: id, .. } | Change::Unclaim { exchange: id, .. } => exchange(id),
            Change::Traffic(_) | Change::SweepPayloads { .. } | Change::Prints { .. } => None,
        }
    }

    /// What a foreign key would refuse.
    fn orphan(&self, row: &Row) -> Option<&'static str> {
        let request = |id: &RequestId| self.requests.iter().any(|row| row.id == *id);
        match row {
            Row::Exchange(row) if !self.partners.contains_key(&row.partner) => Some("its partner is not enrolled"),
            Row::Exchange(row) if row.request.is_some_and(|id| !request(&id)) => Some("its request is not there"),
            Row::Approval(row) if !request(&row.request) => Some("its request is not there"),
            Row::Approval(row) if !self.officers.contains_key(&row.officer) => Some("its officer is not enrolled"),
            Row::Statement(row) if !self.officers.contains_key(&row.signer) => Some("its signer is not enrolled"),
            Row::Officer(row) => {
                let taken = self.officers.values().any(|o| o.id != row.id && o.public_key == row.public_key);
                let others: Vec<Officer> = self.officers.values().filter(|o| o.id != row.id).cloned().collect();
                let named =
                    self.officers.get(&row.id).is_some_and(|o| (&o.name, &o.declared) == (&row.name, &row.declared));
                let alike = !named && rules::check_distinct_name(row, &others).is_err();
                let alike = alike.then_some("another officer has a name spelled like this");
                taken.then_some("another officer has this key").or(alike)
            }
            _ => None,
        }
    }

    pub fn put(&mut self, row: Row) {
        fn replace<T>(rows: &mut Vec<T>, row: T, same: impl Fn(&T) -> bool) {
            match rows.iter_mut().find(|found| same(found)) {
                Some(place) => *place = row,
                None => rows.push(row),
            }
        }
        match row {
            Row::Partner(row) => drop(self.partners.insert(row.id.clone(), row)),
            Row::Officer(row) => drop(self.officers.insert(row.id.clone(), row)),
            Row::Setting(row) => drop(self.settings.insert(row.name.clone(), row)),
            Row::Approval(row) => self.approvals.push(row),
            Row::Statement(row) => self.statements.push(row),
            Row::Request(row) => {
                let id = row.id;
                replace(&mut self.requests, row, |r| r.id == id);
            }
            Row::Exchange(row) => {
                let id = row.id;
                replace(&mut self.exchanges, *row, |r| r.id == id);
            }
        }
    }

    pub fn rows(&self) -> Vec<Row> {
        let partners = self.partners.values().cloned().map(Row::Partner);
        let officers = self.officers.values().cloned().map(Row::Officer);
        let settings = self.settings.values().cloned().map(Row::Setting);
        let requests = self.requests.iter().cloned().map(Row::Request);
        let exchanges = self.exchanges.iter().cloned().map(|row| Row::Exchange(Box::new(row)));
        let approvals = self.approvals.iter().cloned().map(Row::Approval);
        let statements = self.statements.iter().cloned().map(Row::Statement);
        let people = partners.chain(officers).chain(settings);
        people.chain(requests).chain(exchanges).chain(approvals).chain(statements).collect()
    }

    /// Applies one commit, or nothing of it; the entries are stamped but not yet in the tree.
    fn apply(&mut self, commit: &Commit) -> Result<Vec<Entry>, StoreError> {
        if let Some(stands) = commit.precondition() {
            let value = self.settings.get(&stands.setting).map(|row| Digest::of(&row.value));
            stands.check(self.generations.roster, value)?;
        }
        let mut entries = commit.entries().to_vec();
        let mut after = None;
        for change in commit.changes() {
            let state = after.get_or_insert_with(|| self.clone_rows());
            if let Change::Traffic(change) = change {
                state.flow(change)?;
                continue;
            }
            if let Change::Prints { exchange, sender, prints } = change {
                if state.exchange(exchange).is_none() {
                    let (expected, found) = ("on record".into(), "none".into());
                    return Err(StoreError::Conflict { what: format!("exchange {exchange}"), expected, found });
                }
                let known = Arc::make_mut(&mut state.prints);
                for print in prints {
                    known.entry((*print, sender.clone())).or_insert(*exchange);
                }
                continue;
            }
            if let Change::SweepPayloads { taken_by } = change {
                let taken =
                    |row: &Exchange| row.state == ExchangeState::Taken && row.taken.unwrap_or(row.updated) <= *taken_by;
                let kept = std::mem::take(&mut state.payloads);
                state.payloads = kept.into_iter().filter(|(id, _)| !state.exchange(id).is_some_and(taken)).collect();
                continue;
            }
            state.keep(change)?;
            let row = match apply(change, state.before(change).as_ref(), &mut entries) {
                // Giving up what one does not hold changes nothing.
                Err(StoreError::Conflict { .. }) if matches!(change, Change::Unclaim { .. }) => continue,
                judged => judged?,
            };
            if let Some(why) = state.orphan(&row) {
                return Err(StoreError::Illegal { what: "a row".into(), why: why.into() });
            }
            state.put(row);
        }
        if let Some(after) = after {
            let (entries, hashes) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.hashes));
            *self = Durable { entries, hashes, ..after };
        }
        Ok(entries)
    }

    /// Keeps the payload that comes with an exchange's row, or lets go of the one that was kept.
    fn keep(&mut self, change: &Change) -> Result<(), StoreError> {
        let Change::Exchange { row, sealed, .. } = change else { return Ok(()) };
        match inline_change(row, self.exchange(&row.id), sealed.as_deref())? {
            InlineChange::Keep => {}
            InlineChange::Replace => self.payloads.extend(sealed.clone().map(|sealed| (row.id, sealed))),
            InlineChange::Delete => drop(self.payloads.remove(&row.id)),
        }
        Ok(())
    }

    fn flow(&mut self, change: &TrafficChange) -> Result<(), StoreError> {
        match change {
            TrafficChange::Spend(spend) => {
                let day = self.usage.entry((spend.partner.clone(), spend.day)).or_default();
                let usage = day.entry(spend.direction).or_default();
                *usage = spend.after(*usage)?;
            }
            TrafficChange::Breaker { partner, breaker } => drop(self.breakers.insert(partner.clone(), *breaker)),
            TrafficChange::Witness { partner, head } => {
                let known = self.witnessed.entry(partner.clone()).or_insert_with(|| head.clone());
                if known.size() < head.size() {
                    *known = head.clone();
                }
            }
            TrafficChange::AcceptClock { now } => self.node.clock_high = *now,
        }
        Ok(())
    }

    /// A copy without the ledger's bytes, which no change needs.
    fn clone_rows(&mut self) -> Durable {
        let (entries, hashes) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.hashes));
        let copy = self.clone();
        (self.entries, self.hashes) = (entries, hashes);
        copy
    }

    pub fn append(&mut self, entries: Vec<Entry>, key: &LedgerKey, signer: &dyn Signer) {
        for entry in entries {
            let bytes = entry.to_bytes();
            self.hashes.extend(self.frontier.append(leaf_hash(&bytes)));
            self.node.clock_high = self.node.clock_high.max(entry.time());
            self.entries.push((entry, bytes));
        }
        let before = self.head.size();
        self.head =
            SignedCheckpoint::sign(self.frontier.size(), self.frontier.root(), key, signer).expect("a signature");
        if before / KEPT_EVERY != self.head.size() / KEPT_EVERY {
            self.kept.push(self.head.clone());
        }
    }

    pub fn verify(&self) -> Verification {
        let ledger = self.verify_ledger().err();
        let rows = self.rows();
        let disagreements = if ledger.is_none() {
            disagreements(&rows, self.entries.iter().map(|(entry, _)| entry))
        } else {
            Vec::new()
        };
        Verification { head: self.head.clone(), rows: rows.len() as u64, ledger, disagreements }
    }

    fn verify_ledger(&self) -> Result<(), portcullis::ledger::LedgerFault> {
        let mut verifier = Verifier::new();
        for (n, (_, bytes)) in self.entries.iter().enumerate() {
            let (from, to) = (stored_count(n as u64) as usize, stored_count(n as u64 + 1) as usize);
            verifier.entry_and_hashes(bytes, self.hashes.get(from..to).unwrap_or_default())?;
            let size = verifier.size();
            for kept in self.kept.iter().filter(|kept| kept.size() == size) {
                verifier.checkpoint(kept)?;
            }
        }
        verifier.finish(&self.head).map(drop)
    }
}

type Answer = oneshot::Sender<Result<Committed, StoreError>>;

struct Job {
    commit: Commit,
    answer: Answer,
}

/// Told of every row that was written, as it was and as it is.
pub type Watcher = Arc<dyn Fn(Option<&Exchange>, &Exchange) + Send + Sync>;

/// The store; clones are handles of other processes on the same disk.
#[derive(Clone)]
pub struct MemoryStore {
    durable: Arc<Mutex<Durable>>,
    queue: Arc<Mutex<Vec<Job>>>,
    key: LedgerKey,
    signer: Arc<dyn Signer>,
    watcher: Option<Watcher>,
    log: Option<Arc<Mutex<Vec<Commit>>>>,
    /// Whether it does not remember that a partner has shown a head of its ledger.
    forgets_heads: bool,
    /// The log, and what befalls the syncs of this process.
    wal: Option<LogUnder>,
    /// Whether a sync failed in this process, which writes nothing more then.
    broken: Arc<AtomicBool>,
}

impl MemoryStore {
    pub fn create(node: &NodeId, signer: Arc<dyn Signer>, now: Time) -> MemoryStore {
        let key = LedgerKey::new(Origin::of_node(node), signer.public().clone()).expect("an Ed25519 key");
        let head = SignedCheckpoint::sign(0, Frontier::empty().root(), &key, &*signer).expect("a signature");
        let durable = Durable {
            node: Node { id: node.clone(), ledger_key: key, created: now, clock_high: Time::EPOCH },
            partners: BTreeMap::new(),
            officers: BTreeMap::new(),
            requests: Vec::new(),
            exchanges: Vec::new(),
            payloads: BTreeMap::new(),
            approvals: Vec::new(),
            statements: Vec::new(),
            settings: BTreeMap::new(),
            entries: Vec::new(),
            hashes: Vec::new(),
            frontier: Frontier::empty(),
            head,
            kept: Vec::new(),
            usage: BTreeMap::new(),
            breakers: BTreeMap::new(),
            witnessed: BTreeMap::new(),
            prints: Arc::default(),
            generations: Generations { all: 0, roster: 0, approvals: 0, clock_high: Time::EPOCH },
        };
        MemoryStore::open(Arc::new(Mutex::new(durable)), signer)
    }

    /// What a new process finds on a disk.
    pub fn open(durable: Arc<Mutex<Durable>>, signer: Arc<dyn Signer>) -> MemoryStore {
        let key = durable.lock().unwrap_or_else(PoisonError::into_inner).node.ledger_key.clone();
        let (queue, broken) = (Arc::default(), Arc::default());
        let (watcher, log, wal) = (None, None, None);
        MemoryStore { durable, queue, key, signer, watcher, log, forgets_heads: false, wal, broken }
    }

    pub fn watched(mut self, watcher: Watcher) -> MemoryStore {
        self.watcher = Some(watcher);
        self
    }

    /// The store of one process, whose commits are in a log and synced.
    pub fn logged(mut self, wal: Arc<Mutex<Wal>>, fate: Arc<dyn Fate>) -> MemoryStore {
        self.wal = Some((wal, fate));
        self
    }

    /// A store of a node that does not know which partners have shown a head of their ledger.
    pub fn forgetting_heads(mut self) -> MemoryStore {
        self.forgets_heads = true;
        self
    }

    /// Keeps what is committed, for [`MemoryStore::recorded`].
    pub fn recording(mut self) -> MemoryStore {
        self.log = Some(Arc::default());
        self
    }

    /// What was committed since it was last asked.
    pub fn recorded(&self) -> Vec<Commit> {
        let log = self.log.as_ref().expect("a store that records");
        std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn disk(&self) -> Arc<Mutex<Durable>> {
        self.durable.clone()
    }

    /// Applies commits at once, as they were recorded.
    pub fn replay(&self, commits: &[Commit]) {
        for commit in commits {
            let (answer, mut outcome) = oneshot::channel();
            // What it was decided on was counted in the store that it is replayed from.
            let changes = commit.changes().iter().fold(Commit::new(), |all, change| all.change(change.clone()));
            let commit = commit.entries().iter().fold(changes, |all, entry| all.entry(entry.clone()));
            let job = Job { commit, answer };
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(job);
            self.flush();
            outcome.try_recv().expect("an answer").expect("what was committed once is committed again");
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Durable> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that waits, in one transaction under one checkpoint.
    fn flush(&self) {
        let jobs = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        if jobs.is_empty() {
            return;
        }
        let fate = self.wal.as_ref().map_or(Synced::Done, |(_, fate)| fate.next());
        let mut durable = self.lock();
        let before = self.wal.as_ref().map(|(wal, _)| wal).filter(|wal| fate != Synced::Done || locked(wal).has_gap());
        let before = before.map(|_| durable.clone());
        let (mut outcomes, mut all, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for Job { commit, answer } in jobs {
            let first = durable.entries.len() as u64 + all.len() as u64;
            let before: Vec<Option<Row>> = commit.changes().iter().map(|c| durable.before(c)).collect();
            let outcome = durable.apply(&commit).map(|mut entries| {
                // What is on the ledger is known to whoever follows it, so that it is forgotten before.
                entries.retain(|entry| !self.forgets_heads || entry.kind() != EntryKind::PartnerWitnessed);
                for (change, before) in commit.changes().iter().zip(before) {
                    if let (Change::Exchange { .. }, Some(Row::Exchange(after))) = (change, durable.before(change)) {
                        let before = before.and_then(|row| if let Row::Exchange(b) = row { Some(*b) } else { None });
                        seen.push((before, after));
                    }
                }
                let roster = |c: &Change| {
                    let orders = |row: &Statement| row.kind != StatementKind::Submission;
                    matches!(c, Change::Partner(_) | Change::Officer(_) | Change::Setting(_))
                        || matches!(c, Change::Statement(row) if orders(row))
                };
                durable.generations.all += u64::from(!commit.is_empty());
                durable.generations.roster += u64::from(commit.changes().iter().any(roster));
                let count = entries.len() as u64;
                all.extend(entries);
                (first, count)
            });
            outcomes.push((answer, outcome));
        }
        if !all.is_empty() {
            durable.append(all, &self.key, &*self.signer);
        }
        if let Some((wal, _)) = self.wal.as_ref().filter(|_| outcomes.iter().any(|(_, outcome)| outcome.is_ok())) {
            match (fate, before) {
                (Synced::Done, before) => locked(wal).synced(before),
                (_, Some(before)) => {
                    let after = std::mem::replace(&mut *durable, before);
                    locked(wal).unsynced(&durable, after, fate);
                    drop(durable);
                    return self.unsynced(outcomes, fate);
                }
                (_, None) => {}
            }
        }
        let head = durable.head.clone();
        drop(durable);
        if let Some(watcher) = &self.watcher {
            seen.iter().for_each(|(before, after)| watcher(before.as_ref(), after));
        }
        for (answer, outcome) in outcomes {
            let _ = answer.send(outcome.map(|(first, entries)| Committed { first, entries, head: head.clone() }));
        }
    }

    /// What was written and not synced is not known to be there.
    fn unsynced(&self, outcomes: Vec<Applied>, fate: Synced) {
        self.broken.store(true, Ordering::Relaxed);
        if let (Synced::Died, Some((_, died))) = (fate, &self.wal) {
            died.died();
        }
        for (answer, outcome) in outcomes {
            let _ = answer.send(Err(outcome.err().unwrap_or_else(broken)));
        }
    }

    fn fetched(&self, needs: &[u64]) -> Hashes {
        let durable = self.lock();
        needs.iter().filter_map(|&n| Some((n, *durable.hashes.get(usize::try_from(n).ok()?)?))).collect()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        if let Some(log) = &self.log {
            log.lock().unwrap_or_else(PoisonError::into_inner).push(commit.clone());
        }
        if self.broken.load(Ordering::Relaxed) {
            return Err(broken());
        }
        let (answer, outcome) = oneshot::channel();
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(Job { commit, answer });
        // Whoever comes meanwhile shares the transaction.
        yield_now().await;
        self.flush();
        outcome.await.map_err(|_| StoreError::Broken { why: "the writer stopped".into() })?
    }

    async fn node(&self) -> Result<Node, StoreError> {
        Ok(self.lock().node.clone())
    }

    async fn generations(&self) -> Result<Generations, StoreError> {
        let durable = self.lock();
        let approvals = durable.approvals.len() as u64;
        Ok(Generations { approvals, clock_high: durable.node.clock_high, ..durable.generations })
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        let durable = self.lock();
        let mut counts = Counts {
            partners: durable.partners.len() as u64,
            officers: durable.officers.len() as u64,
            entries: durable.entries.len() as u64,
            ..Counts::default()
        };
        for row in &durable.exchanges {
            *counts.exchanges.entry((row.direction, row.state)).or_default() += 1;
        }
        for row in &durable.requests {
            *counts.requests.entry(row.state).or_default() += 1;
        }
        Ok(counts)
    }

    async fn setting(&self, name: &str) -> Result<Option<Setting>, StoreError> {
        Ok(self.lock().settings.get(name).cloned())
    }

    async fn partner(&self, id: &PartnerId) -> Result<Option<Partner>, StoreError> {
        Ok(self.lock().partners.get(id).cloned())
    }

    async fn partners(&self) -> Result<Vec<Partner>, StoreError> {
        Ok(self.lock().partners.values().cloned().collect())
    }

    async fn officer(&self, id: &OfficerId) -> Result<Option<Officer>, StoreError> {
        Ok(self.lock().officers.get(id).cloned())
    }

    async fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        Ok(self.lock().officers.values().cloned().collect())
    }

    async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        Ok(self.lock().requests.iter().find(|row| row.id == *id).cloned())
    }

    async fn whole_request(&self, id: &RequestId) -> Result<Option<WholeRequest>, StoreError> {
        let durable = self.lock();
        let Some(request) = durable.requests.iter().find(|row| row.id == *id).cloned() else { return Ok(None) };
        let exchanges = durable.exchanges.iter().rev().filter(|row| row.request == Some(*id)).cloned().collect();
        let approvals = durable.approvals.iter().filter(|row| row.request == *id).cloned().collect();
        let about = |row: &&Statement| row.kind == StatementKind::Submission && row.subject == id.to_string();
        let submission = durable.statements.iter().find(about).cloned();
        Ok(Some(WholeRequest { request, exchanges, approvals, submission }))
    }

    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        let durable = self.lock();
        let end = filter.before.map_or(durable.requests.len(), |before| {
            durable.requests.iter().position(|row| row.id == before).unwrap_or(0)
        });
        let wanted = |row: &&Request| {
            (filter.states.is_empty() || filter.states.contains(&row.state))
                && filter.expired_by.is_none_or(|time| row.expires <= time)
                && filter.between.is_none_or(|(first, last)| (first..=last).contains(&row.id))
        };
        Ok(durable.requests[..end].iter().rev().filter(wanted).take(limit(filter.limit)).cloned().collect())
    }

    async fn request_ids(&self) -> Result<BTreeSet<RequestId>, StoreError> {
        Ok(self.lock().requests.iter().map(|row| row.id).collect())
    }

    async fn approved_waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        let durable = self.lock();
        let waits = |row: &&Exchange| {
            row.direction == Direction::Out && matches!(row.state, ExchangeState::Requested | ExchangeState::Held)
        };
        let mut waiting: BTreeMap<RequestId, Waiting> = BTreeMap::new();
        for row in durable.exchanges.iter().filter(waits) {
            let Some(request) = row.request else { continue };
            let approvals = durable.approvals.iter().filter(|approval| approval.request == request).count() as u64;
            if approvals > 0 {
                waiting.entry(request).or_insert(Waiting { request, approvals, precedence: row.precedence });
            }
        }
        let mut waiting: Vec<Waiting> = waiting.into_values().collect();
        waiting.sort_by_key(|waiting| std::cmp::Reverse(waiting.precedence));
        Ok(waiting)
    }

    async fn approvals(&self, request: &RequestId) -> Result<Vec<Approval>, StoreError> {
        Ok(self.lock().approvals.iter().filter(|row| row.request == *request).cloned().collect())
    }

    async fn statements(&self, subjects: &[String]) -> Result<Vec<Statement>, StoreError> {
        Ok(self.lock().statements.iter().filter(|row| subjects.contains(&row.subject)).cloned().collect())
    }

    async fn exchange(&self, id: &ExchangeId) -> Result<Option<Exchange>, StoreError> {
        Ok(self.lock().exchange(id).cloned())
    }

    async fn inline_payload(&self, id: &ExchangeId) -> Result<Option<Bytes>, StoreError> {
        Ok(self.lock().payloads.get(id).cloned())
    }

    async fn find_prints(&self, prints: &BTreeSet<Fingerprint>) -> Result<Vec<RecordedPrint>, StoreError> {
        let durable = self.lock();
        let plain: BTreeSet<Fingerprint> = prints.iter().map(|print| print.plain()).collect();
        let asked = durable.prints.iter().filter(|((print, _), _)| plain.contains(&print.plain()));
        let row = |((print, sender), exchange): (&(Fingerprint, Option<PartnerId>), &ExchangeId)| RecordedPrint {
            print: *print,
            sender: sender.clone(),
            exchange: *exchange,
        };
        Ok(asked.map(row).collect())
    }

    async fn exchanges(&self, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError> {
        let durable = self.lock();
        let end = filter.before.map_or(durable.exchanges.len(), |before| {
            durable.exchanges.iter().position(|row| row.id == before).unwrap_or(0)
        });
        let wanted = |row: &&Exchange| {
            (filter.states.is_empty() || filter.states.contains(&row.state))
                && filter.direction.is_none_or(|direction| direction == row.direction)
                && filter.partner.as_ref().is_none_or(|partner| *partner == row.partner)
                && filter.request.is_none_or(|request| Some(request) == row.request)
                && filter.kind.is_none_or(|kind| kind == row.kind)
                && filter.about.is_none_or(|about| Some(about) == row.about)
                && (!filter.claimed || row.lease.is_some())
                && filter.between.is_none_or(|(first, last)| (first..=last).contains(&row.id))
                && filter.product_id.as_ref().is_none_or(|product| Some(product) == row.product_id.as_ref())
        };
        Ok(durable.exchanges[..end].iter().rev().filter(wanted).take(limit(filter.limit)).cloned().collect())
    }

    async fn due(&self, now: Time, per_partner: u32) -> Result<Vec<Due>, StoreError> {
        let durable = self.lock();
        let mut due = Vec::new();
        for partner in durable.partners.values().filter(|p| p.state == PartnerState::Active) {
            let ready = |row: &&Exchange| {
                row.partner == partner.id
                    && row.next_attempt <= now
                    && row.lease.as_ref().is_none_or(|lease| lease.until <= now)
            };
            let queued = |row: &&Exchange| row.state == ExchangeState::Queued && row.expires > now;
            let late = |row: &Exchange| row.state == ExchangeState::Queued && row.expires <= now;
            let asked = |row: &&Exchange| row.needs_receipt_query() || row.unanswered.is_some() && late(row);
            let mut queue: Vec<&Exchange> = durable.exchanges.iter().filter(ready).filter(queued).collect();
            queue.sort_by_key(|row| std::cmp::Reverse(row.precedence));
            due.extend(queue.into_iter().take(per_partner as usize));
            let mut asks: Vec<&Exchange> = durable.exchanges.iter().filter(ready).filter(asked).collect();
            asks.sort_by_key(|row| row.next_attempt);
            due.extend(asks.into_iter().take(per_partner as usize));
        }
        let place = |row: &Exchange| durable.exchanges.iter().position(|r| r.id == row.id);
        due.sort_by_key(|row| (std::cmp::Reverse(row.precedence), place(row)));
        Ok(due.into_iter().map(Due::from).collect())
    }

    async fn oldest_queued(&self, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError> {
        let durable = self.lock();
        let queued =
            |row: &&Exchange| row.state == ExchangeState::Queued && row.partner == *partner && row.expires > now;
        let mut eldest = BTreeMap::new();
        for row in durable.exchanges.iter().filter(queued) {
            eldest.entry(row.precedence).or_insert(row.id);
        }
        Ok(eldest.into_values().collect())
    }

    async fn usage(&self, partner: &PartnerId, day: Date) -> Result<BTreeMap<Direction, Usage>, StoreError> {
        Ok(self.lock().usage.get(&(partner.clone(), day)).cloned().unwrap_or_default())
    }

    async fn inbound_usage(&self, partner: &PartnerId, states: &[ExchangeState]) -> Result<ByState, StoreError> {
        let durable = self.lock();
        let is_held =
            |row: &&Exchange| row.partner == *partner && row.direction == Direction::In && states.contains(&row.state);
        let mut held = BTreeMap::<ExchangeState, Usage>::new();
        for row in durable.exchanges.iter().filter(is_held) {
            let usage = held.entry(row.state).or_default();
            usage.exchanges += 1;
            usage.bytes += row.payload.map_or(0, |payload| payload.size);
        }
        Ok(held)
    }

    async fn breakers(&self) -> Result<BTreeMap<PartnerId, Breaker>, StoreError> {
        Ok(self.lock().breakers.clone())
    }

    async fn partner_checkpoint(&self, partner: &PartnerId) -> Result<Option<String>, StoreError> {
        let known = self.lock().witnessed.get(partner).map(|head| head.as_str().to_owned());
        Ok(known.filter(|_| !self.forgets_heads))
    }

    async fn search(&self, words: &str, most: u32) -> Result<Vec<SearchHit>, StoreError> {
        let wanted: Vec<Vec<String>> =
            words.split(|c: char| c.is_whitespace() || c == '\0').map(tokens).filter(|t| !t.is_empty()).collect();
        let durable = self.lock();
        let found = durable.exchanges.iter().rev().filter_map(|row| {
            let columns = searchable(row);
            let hit = |(n, phrase): (usize, &Vec<String>)| {
                columns.iter().find_map(|column| phrase_in(&tokens(column), phrase, n + 1 == wanted.len()))
            };
            let first = wanted.iter().enumerate().map(hit).collect::<Option<Vec<_>>>()?.into_iter().next()?;
            Some(SearchHit { exchange: row.clone(), snippet: format!("⟦{first}⟧") })
        });
        Ok(found.take(limit(most)).collect())
    }

    async fn head(&self) -> Result<SignedCheckpoint, StoreError> {
        Ok(self.lock().head.clone())
    }

    async fn entries(&self, first: u64, most: u32) -> Result<Vec<IndexedEntry>, StoreError> {
        let durable = self.lock();
        let numbered = durable.entries.iter().enumerate().skip(usize::try_from(first).unwrap_or(usize::MAX));
        Ok(numbered.take(most as usize).map(recorded).collect())
    }

    async fn entries_about(&self, subject: &str) -> Result<Vec<IndexedEntry>, StoreError> {
        let durable = self.lock();
        let about = durable.entries.iter().enumerate().filter(|(_, (entry, _))| entry.subject() == subject);
        Ok(about.map(recorded).collect())
    }

    async fn prove_inclusion(&self, index: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        let needs = Proof::inclusion_needs(index, head.size())?;
        Ok(Proof::of_inclusion(index, head.size(), &self.fetched(&needs))?)
    }

    async fn prove_consistency(&self, old: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        let needs = Proof::consistency_needs(old, head.size())?;
        Ok(Proof::of_consistency(old, head.size(), &self.fetched(&needs))?)
    }

    async fn verify(&self) -> Result<Verification, StoreError> {
        Ok(self.lock().verify())
    }

    async fn close(&self) {}
}

fn broken() -> StoreError {
    StoreError::Broken { why: "EXERCISE: a sync failed".into() }
}

fn locked(wal: &Arc<Mutex<Wal>>) -> MutexGuard<'_, Wal> {
    wal.lock().unwrap_or_else(PoisonError::into_inner)
}

fn recorded((n, (entry, bytes)): (usize, &(Entry, Vec<u8>))) -> IndexedEntry {
    IndexedEntry { index: n as u64, entry: entry.clone(), bytes: bytes.clone() }
}

fn limit(limit: u32) -> usize {
    (if limit == 0 { LIMIT } else { limit }) as usize
}

fn tokens(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn searchable(row: &Exchange) -> Vec<String> {
    let fields = [&row.title, &row.purpose, &row.contact, &row.marking, &row.product_id];
    let mut all: Vec<String> = fields.into_iter().flatten().cloned().collect();
    all.extend([row.subjects.join("; "), row.partner.to_string()]);
    all
}

/// The first word of `phrase` where it stands in `text`, word after word; the last word may be the beginning of one.
fn phrase_in(text: &[String], phrase: &[String], prefix: bool) -> Option<String> {
    let matches =
        |window: &&[String]| {
            let last = phrase.len() - 1;
            window.iter().zip(phrase).enumerate().all(|(n, (found, wanted))| {
                found == wanted || (prefix && n == last && found.starts_with(wanted.as_str()))
            })
        };
    text.windows(phrase.len()).find(matches).map(|window| window[0].clone())
}
