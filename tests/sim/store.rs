//! The store as one simulated process sees it: the one in memory, with crashes between any two steps, a disk that is
//! full now and then, and whatever defect was planted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::civil::Date;
use portcullis::ident::{ExchangeId, OfficerId, PartnerId, RequestId};
use portcullis::ledger::{Entry, Proof, SignedCheckpoint};
use portcullis::origin::Fingerprint;
use portcullis::partner::Breaker;
use portcullis::store::rules::{Row, apply};
use portcullis::store::*;
use portcullis::time::Time;

use super::defects::Defect;
use super::exec::yield_now;
use super::memory::MemoryStore;
use super::world::{ProcessFate, Sim};

pub struct SimStore {
    pub inner: MemoryStore,
    pub sim: Arc<Sim>,
    pub at: usize,
    pub fate: Arc<ProcessFate>,
}

impl SimStore {
    fn has(&self, defect: Defect) -> bool {
        self.sim.defect(defect)
    }

    /// What a planted defect makes of a commit; `Err` with an answer if it is not to be committed at all.
    fn spoil(&self, commit: Commit) -> Result<Commit, Committed> {
        let exchange = |state| {
            commit.changes().iter().find_map(|change| match change {
                Change::Exchange { row, by, .. } if row.state == state && row.direction == Direction::Out => {
                    Some((row.id, by.clone()))
                }
                _ => None,
            })
        };
        if self.has(Defect::DeliveryForgotten)
            && let Some((id, by)) = exchange(ExchangeState::Delivered)
        {
            return Err(self.pretend(id, by));
        }
        if self.has(Defect::ReceiptDropped)
            && let Some((id, by)) = exchange(ExchangeState::DeliveredAfterStop)
        {
            return Err(self.pretend(id, by));
        }
        if self.has(Defect::UnloggedChange) && exchange(ExchangeState::Queued).is_some() && self.sim.one_in(2) {
            self.write_rows(&commit);
            return Err(self.committed());
        }
        let stands = commit.precondition().cloned();
        let mut spoiled = stands.map_or_else(Commit::new, |stands| Commit::new().only_if(stands));
        let uncounted = |change: &&Change| {
            let comes = |spend: &Spend| spend.direction == Direction::In;
            self.has(Defect::QuotaIgnored)
                && matches!(change, Change::Traffic(TrafficChange::Spend(spend)) if comes(spend))
        };
        for change in commit.changes().iter().filter(|change| !uncounted(change)) {
            spoiled = spoiled.change(match change.clone() {
                Change::Claim { exchange, owner, until, .. } if self.has(Defect::LeaseIgnored) => {
                    Change::Claim { exchange, owner, now: until.plus(Duration::from_secs(86_400)), until }
                }
                Change::Exchange { mut row, by, sealed } if self.has(Defect::RetryCounterReset) => {
                    if row.state == ExchangeState::Queued {
                        row.attempts = 0;
                    }
                    Change::Exchange { row, by, sealed }
                }
                Change::Exchange { mut row, by, sealed } if self.has(Defect::LostPark) => {
                    if row.state == ExchangeState::Parked && row.attempts > 0 {
                        row.state = ExchangeState::Queued;
                        row.next_attempt = row.updated.plus(Duration::from_secs(1));
                    }
                    Change::Exchange { row, by, sealed }
                }
                Change::Exchange { row, by, .. } if self.has(Defect::PayloadForgotten) => {
                    Change::Exchange { row, by, sealed: None }
                }
                Change::Exchange { mut row, by, sealed } if self.has(Defect::ItsWordsKept) => {
                    if row.state == ExchangeState::Refused && row.direction == Direction::In {
                        row.reason = self.sim.hostile.as_ref().map(|hostile| hostile.known().text.clone());
                    }
                    Change::Exchange { row, by, sealed }
                }
                other => other,
            });
        }
        let claims = commit.changes().iter().any(|change| matches!(change, Change::Claim { .. }));
        if self.has(Defect::EntryAfterEffect) && claims {
            let late = commit.entries().iter().cloned().fold(Commit::new(), Commit::entry);
            let (sim, inner) = (self.sim.clone(), self.inner.clone());
            self.sim.exec.spawn(self.at, async move {
                sim.exec.sleep(200).await;
                let _ = inner.commit(late).await;
            });
            return Ok(spoiled);
        }
        Ok(commit.entries().iter().cloned().fold(spoiled, Commit::entry))
    }

    /// Answers as if it had been done; all that is done is that the claim ends.
    fn pretend(&self, id: ExchangeId, by: Option<String>) -> Committed {
        if let Some(owner) = by {
            let mut disk = self.inner.lock();
            let before = disk.exchange(&id).cloned().map(|row| Row::Exchange(Box::new(row)));
            if let Ok(row) = apply(&Change::Unclaim { exchange: id, owner }, before.as_ref(), &mut []) {
                disk.put(row);
            }
        }
        self.committed()
    }

    fn committed(&self) -> Committed {
        let head = self.inner.lock().head.clone();
        Committed { first: head.size(), entries: 0, head }
    }

    /// Writes the rows of a commit and none of its entries.
    fn write_rows(&self, commit: &Commit) {
        let mut entries: Vec<Entry> = commit.entries().to_vec();
        for change in commit.changes() {
            let mut disk = self.inner.lock();
            let before = match change {
                Change::Exchange { row, .. } => disk.exchange(&row.id).cloned().map(|row| Row::Exchange(Box::new(row))),
                Change::Claim { exchange, .. } | Change::Unclaim { exchange, .. } => {
                    disk.exchange(exchange).cloned().map(|row| Row::Exchange(Box::new(row)))
                }
                _ => return,
            };
            if let Ok(row) = apply(change, before.as_ref(), &mut entries) {
                disk.put(row);
            }
        }
    }

    /// Puts an inbound exchange that is there already in the place of itself, as if it had never come.
    fn insert_again(&self, commit: Commit) -> Commit {
        if !self.has(Defect::DoubleInsert) {
            return commit;
        }
        for change in commit.changes() {
            if let Change::Exchange { row, .. } = change
                && row.version == Version::NEW
                && row.direction == Direction::In
            {
                self.inner.lock().exchanges.retain(|there| there.id != row.id);
            }
        }
        commit
    }

    async fn crash(&self) -> ! {
        self.sim.crash(self.at);
        std::future::pending().await
    }
}

#[async_trait]
impl Store for SimStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        yield_now().await;
        if self.fate.is_dead() {
            return std::future::pending().await;
        }
        if self.sim.disk_full(self.at) {
            self.sim.start_again(self.at);
            return Err(StoreError::Full);
        }
        if self.sim.crash_now(self.at) {
            if self.has(Defect::TornCommit) {
                self.write_rows(&commit);
            }
            self.crash().await;
        }
        let commit = match self.spoil(commit) {
            Ok(commit) => self.insert_again(commit),
            Err(pretended) => return Ok(pretended),
        };
        let outcome = self.inner.commit(commit).await;
        if self.fate.is_dead() {
            return std::future::pending().await;
        }
        if self.has(Defect::BrokenTakenForFailed) && matches!(outcome, Err(StoreError::Broken { .. })) {
            self.sim.start_again(self.at);
            return Err(StoreError::Full);
        }
        if self.sim.crash_now(self.at) {
            self.crash().await;
        }
        if self.has(Defect::OutOfOrder) && self.sim.one_in(20) {
            let mut disk = self.inner.lock();
            let last = disk.entries.len() - 1;
            disk.entries.swap(last, last - 1);
        }
        self.sim.sync_later(self.at);
        outcome
    }

    async fn generations(&self) -> Result<Generations, StoreError> {
        self.inner.generations().await
    }

    async fn partner(&self, id: &PartnerId) -> Result<Option<Partner>, StoreError> {
        self.inner.partner(id).await
    }

    async fn partners(&self) -> Result<Vec<Partner>, StoreError> {
        self.inner.partners().await
    }

    async fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        self.inner.officers().await
    }

    async fn exchange(&self, id: &ExchangeId) -> Result<Option<Exchange>, StoreError> {
        let row = self.inner.exchange(id).await?;
        let forgets = self.has(Defect::DoubleInsert);
        Ok(row.filter(|row| !(forgets && row.receipt.is_some() && row.direction == Direction::In)))
    }

    async fn inline_payload(&self, id: &ExchangeId) -> Result<Option<Bytes>, StoreError> {
        self.inner.inline_payload(id).await
    }

    async fn find_prints(&self, prints: &BTreeSet<Fingerprint>) -> Result<Vec<RecordedPrint>, StoreError> {
        self.inner.find_prints(prints).await
    }

    async fn due(&self, now: Time, per_partner: u32) -> Result<Vec<Due>, StoreError> {
        if self.has(Defect::LeaseIgnored) {
            // What does not keep others out does not hide anything from them either.
            return self.inner.due(now, per_partner).await.map(|mut rows| {
                let disk = self.inner.lock();
                let claimed =
                    disk.exchanges.iter().filter(|row| row.state == ExchangeState::Queued && row.lease.is_some());
                rows.extend(claimed.filter(|row| row.next_attempt <= now && row.expires > now).map(Due::from));
                rows
            });
        }
        self.inner.due(now, per_partner).await
    }

    async fn node(&self) -> Result<Node, StoreError> {
        self.inner.node().await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.inner.counts().await
    }

    async fn setting(&self, name: &str) -> Result<Option<Setting>, StoreError> {
        self.inner.setting(name).await
    }

    async fn officer(&self, id: &OfficerId) -> Result<Option<Officer>, StoreError> {
        self.inner.officer(id).await
    }

    async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        self.inner.request(id).await
    }

    async fn whole_request(&self, id: &RequestId) -> Result<Option<WholeRequest>, StoreError> {
        self.inner.whole_request(id).await
    }

    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        self.inner.requests(filter).await
    }

    async fn request_ids(&self) -> Result<std::collections::BTreeSet<RequestId>, StoreError> {
        self.inner.request_ids().await
    }

    async fn approved_waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        self.inner.approved_waiting().await
    }

    async fn approvals(&self, request: &RequestId) -> Result<Vec<Approval>, StoreError> {
        self.inner.approvals(request).await
    }

    async fn statements(&self, subjects: &[String]) -> Result<Vec<Statement>, StoreError> {
        // Whoever does not read what officers said stops nothing for it.
        self.inner.statements(subjects).await
    }

    async fn exchanges(&self, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError> {
        self.inner.exchanges(filter).await
    }

    async fn oldest_queued(&self, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError> {
        self.inner.oldest_queued(partner, now).await
    }

    async fn usage(&self, partner: &PartnerId, day: Date) -> Result<BTreeMap<Direction, Usage>, StoreError> {
        self.inner.usage(partner, day).await
    }

    async fn inbound_usage(&self, partner: &PartnerId, states: &[ExchangeState]) -> Result<ByState, StoreError> {
        let mut held = self.inner.inbound_usage(partner, states).await?;
        if self.has(Defect::ShareIgnored) {
            held.remove(&ExchangeState::Receiving);
        }
        Ok(held)
    }

    async fn breakers(&self) -> Result<BTreeMap<PartnerId, Breaker>, StoreError> {
        self.inner.breakers().await
    }

    async fn partner_checkpoint(&self, partner: &PartnerId) -> Result<Option<String>, StoreError> {
        self.inner.partner_checkpoint(partner).await
    }

    async fn search(&self, words: &str, limit: u32) -> Result<Vec<SearchHit>, StoreError> {
        self.inner.search(words, limit).await
    }

    async fn head(&self) -> Result<SignedCheckpoint, StoreError> {
        self.inner.head().await
    }

    async fn entries(&self, first: u64, limit: u32) -> Result<Vec<IndexedEntry>, StoreError> {
        self.inner.entries(first, limit).await
    }

    async fn entries_about(&self, subject: &str) -> Result<Vec<IndexedEntry>, StoreError> {
        self.inner.entries_about(subject).await
    }

    async fn prove_inclusion(&self, index: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        self.inner.prove_inclusion(index, head).await
    }

    async fn prove_consistency(&self, old: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        self.inner.prove_consistency(old, head).await
    }

    async fn verify(&self) -> Result<Verification, StoreError> {
        self.inner.verify().await
    }

    async fn close(&self) {}
}
