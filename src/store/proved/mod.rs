//! The proved store: a store that gives out a row only if its ledger proves it.
//!
//! It stands before a backend, follows the ledger as other processes extend it, and compares every row that is read with the
//! facts under the signed head. It refuses to give out a row that differs, and reports it once in log and ledger; it never
//! repairs one. A ledger that does not extend what was seen of it ends all reading and writing.

mod compare;
mod snapshot;
mod reads;
mod audit;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::evidence::{Disagreement, Evidence};
use super::{Change, CheckpointFiles, Commit, Committed, RESTORED, Store, StoreError, Version};
use crate::ledger::{Entry, EntryKind, Facts, LedgerFault, Proved, family};
use crate::progress::{Progress, Unit};
use crate::time::Clock;
use compare::Different;
pub use snapshot::{FactsSnapshot, SnapshotDigest};

/// Ledger entries that are read at a time.
const PAGE: u64 = 1024;
/// How often a row is read anew because it changed while it was compared.
const TRIES: usize = 64;

/// A store over another one, all of whose rows are proved.
pub struct ProvedStore {
    inner: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    known: tokio::sync::Mutex<Known>,
    /// Counts those who asked for what is known, so that one look at the head serves all who came before it.
    arrivals: AtomicU64,
    /// Why the ledger is not believed any more.
    doubted: OnceLock<LedgerFault>,
    /// What differs, by subject and fact.
    differing: Mutex<BTreeMap<(String, String), Disagreement>>,
    /// Where the head of every commit is kept besides.
    heads: Option<Arc<CheckpointFiles>>,
    /// Where what is known is kept for whoever opens the store next.
    kept: Option<FactsSnapshot>,
    /// Why nothing is put on record.
    stopped: OnceLock<String>,
    /// To whom the reading of a long ledger reports.
    progress: Progress,
}

/// What is known of the ledger, up to the head that was read last.
struct Known {
    facts: Facts,
    /// Whoever arrived before this count did so before that head was read.
    covers: u64,
    /// How many entries the facts cover that are kept for whoever opens the store next.
    kept: u64,
}

impl Known {
    fn proved(&self) -> Proved<'_> {
        // INVARIANT: what is known is lent only after everything up to a signed head was taken and believed.
        self.facts.proved().expect("a head was believed")
    }
}

impl ProvedStore {
    /// Over `inner`, of whose ledger nothing was read yet. `clock` dates its alarms.
    pub fn over(inner: Arc<dyn Store>, clock: Arc<dyn Clock>) -> ProvedStore {
        ProvedStore {
            inner,
            clock,
            known: tokio::sync::Mutex::new(Known { facts: Facts::new(), covers: 0, kept: 0 }),
            arrivals: AtomicU64::new(0),
            doubted: OnceLock::new(),
            differing: Mutex::default(),
            heads: None,
            kept: None,
            stopped: OnceLock::new(),
            progress: Progress::default(),
        }
    }

    /// The same, reporting to somebody how far it has read a long ledger.
    #[must_use]
    pub fn showing(self, progress: Progress) -> ProvedStore {
        ProvedStore { progress, ..self }
    }

    /// The same, keeping the head of every commit in these files.
    #[must_use]
    pub fn keeping(self, heads: Arc<CheckpointFiles>) -> ProvedStore {
        ProvedStore { heads: Some(heads), ..self }
    }

    /// The same, keeping what is known of the ledger for whoever opens the store next.
    #[must_use]
    pub fn remembering(self, kept: FactsSnapshot) -> ProvedStore {
        ProvedStore { kept: Some(kept), ..self }
    }

    /// Refuses every commit from now on, but one that sets [`RESTORED`]. The first reason stays.
    pub fn stop(&self, why: String) {
        let _ = self.stopped.set(why);
    }

    /// Why it refuses them, if it does.
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// The files in which the head of every commit is kept.
    pub fn heads(&self) -> Option<&CheckpointFiles> {
        self.heads.as_deref()
    }

    /// Commits, unless the store is stopped, and keeps the head.
    async fn put(&self, commit: Commit) -> Result<Committed, StoreError> {
        let ends = |change: &Change| matches!(change, Change::Setting(row) if row.name == RESTORED);
        if let Some(why) = self.stopped()
            && !commit.changes.iter().any(ends)
        {
            return Err(StoreError::Stopped { why: why.to_owned() });
        }
        let committed = self.inner.commit(commit).await?;
        if let Some(heads) = &self.heads {
            heads.keep(&committed.head);
        }
        Ok(committed)
    }

    /// What was found to differ and was not found to agree since.
    pub fn differences(&self) -> Vec<Disagreement> {
        self.differing().values().cloned().collect()
    }

    /// What the ledger proves up to a head that was read after this was asked.
    async fn known(&self) -> Result<tokio::sync::MutexGuard<'_, Known>, StoreError> {
        let arrived = self.arrivals.fetch_add(1, Ordering::SeqCst);
        let mut known = self.known.lock().await;
        if arrived >= known.covers {
            let covers = self.arrivals.load(Ordering::SeqCst);
            self.go_on(&mut known).await;
            self.follow(&mut known.facts).await.inspect_err(|error| self.doubt(error))?;
            known.covers = covers;
            if let Some(kept) = self.kept.as_ref().filter(|_| FactsSnapshot::is_due(known.kept, known.facts.next())) {
                kept.keep(&known.facts);
                known.kept = known.facts.next();
            }
        }
        Ok(known)
    }

    /// Before anything was read of the ledger, goes on from what was kept of it, if that leads to its head. If not, nothing is
    /// said of the ledger: it is read whole.
    async fn go_on(&self, known: &mut Known) {
        let Some(kept) = self.kept.as_ref().filter(|_| known.facts.next() == 0) else { return };
        let Some(mut facts) = kept.read() else { return };
        let entries = facts.next();
        if self.follow(&mut facts).await.is_ok() {
            (known.facts, known.kept) = (facts, entries);
        }
    }

    /// Takes what was added to the ledger, up to its head as it is now.
    async fn follow(&self, facts: &mut Facts) -> Result<(), StoreError> {
        let head = self.inner.head().await?;
        let unread = head.size().saturating_sub(facts.next());
        let _step = (unread > PAGE).then(|| self.progress.step("reading the ledger", Unit::Entries, Some(unread)));
        while facts.next() < head.size() {
            let first = facts.next();
            let limit = (head.size() - first).min(PAGE);
            let page = self.inner.entries(first, u32::try_from(limit).unwrap_or(u32::MAX)).await?;
            if page.is_empty() {
                return Err(facts.refuse(LedgerFault::Size { signed: head.size(), found: first }).into());
            }
            for recorded in page {
                if recorded.index != facts.next() {
                    return Err(facts.refuse(LedgerFault::Altered { index: facts.next() }).into());
                }
                facts.take(&recorded.bytes)?;
            }
            self.progress.advance(limit);
        }
        Ok(facts.believe(&head)?)
    }

    fn doubt(&self, error: &StoreError) {
        if let StoreError::Ledger(fault) = error
            && self.doubted.set(fault.clone()).is_ok()
        {
            // Nothing can be put on record any more: the ledger is not the one that was followed.
            tracing::error!(
                fault = %fault,
                "the ledger does not extend what was seen of it: nothing is decided or recorded; run `ledger verify`"
            );
        }
    }

    /// Reads until rows and ledger are of one moment, and gives what was read unless it differs. `judge` says what does.
    ///
    /// INVARIANT: what differs twice while no entry changed a fact about its subject was read between the two looks at
    /// the ledger, so that it is the row that is wrong and not the moment.
    async fn settled<T, R>(
        &self,
        read: impl Fn() -> R + Send + Sync,
        judge: impl Fn(Proved<'_>, &T) -> Vec<Different> + Send + Sync,
    ) -> Result<T, StoreError>
    where
        T: Send,
        R: Future<Output = Result<T, StoreError>> + Send,
    {
        let mut last: Option<Vec<(String, Option<u64>)>> = None;
        for _ in 0..TRIES {
            let rows = read().await?;
            let (different, at) = {
                let known = self.known().await?;
                let different = judge(known.proved(), &rows);
                let at = |d: &Different| (d.subject.clone(), known.proved().changed(&d.subject));
                let at: Vec<_> = different.iter().map(at).collect();
                (different, at)
            };
            let Some(first) = different.first() else { return Ok(rows) };
            if last.as_ref() == Some(&at) {
                let error = StoreError::Altered { what: first.what.what.clone(), fact: first.what.fact.clone() };
                self.report(different).await;
                return Err(error);
            }
            last = Some(at);
        }
        let (expected, found) = ("to be read while nobody changes it".to_owned(), "other changes each time".to_owned());
        Err(StoreError::Conflict { what: "a row".into(), expected, found })
    }

    /// Says what differs, in the log and in the ledger, unless that was said and lasts.
    async fn report(&self, different: Vec<Different>) {
        let mut rows: BTreeMap<(String, String), Vec<Disagreement>> = BTreeMap::new();
        for Different { subject, what } in different {
            rows.entry((subject, what.what.clone())).or_default().push(what);
        }
        for ((subject, row), facts) in rows {
            let mut news = false;
            for what in &facts {
                let known = self.differing().insert((subject.clone(), what.fact.clone()), what.clone());
                news |= known.as_ref() != Some(what);
            }
            if !news {
                continue;
            }
            for Disagreement { fact, recorded, found, .. } in &facts {
                tracing::error!(
                    row,
                    fact,
                    recorded,
                    found,
                    "a row does not match the ledger: nothing is decided on it; run `ledger verify` and restore the store from a copy"
                );
            }
            let facts: Vec<&str> = facts.iter().map(|what| what.fact.as_str()).collect();
            let alarm = Entry::new(self.clock.now(), EntryKind::Alarm, &subject, "store");
            let alarm = alarm.with("altered", row).with("facts", facts.join(" "));
            // Another process may have found it.
            if let Err(error) = self.put(Commit::new().entry(alarm).only_news()).await {
                tracing::error!(error = %error, "the alarm could not be put on record");
            }
        }
    }

    /// Forgets that something differed: it was just found to agree.
    fn agree(&self, subject: &str, families: &[&str]) {
        let mut differing = self.differing();
        if !differing.is_empty() {
            differing.retain(|(about, fact), _| about != subject || !families.contains(&family(fact)));
        }
    }

    /// A commit as the store underneath takes it: what it stands on is proved here, and there only its counter is asked,
    /// which moves with every commit in between.
    async fn proved_commit(&self, mut commit: Commit) -> Result<Commit, StoreError> {
        if let Some(fault) = self.doubted.get() {
            return Err(fault.clone().into());
        }
        if commit.stands.is_none() && commit.changes.iter().all(|change| compare::written(change).is_none()) {
            return Ok(commit);
        }
        // Read before the ledger is: a change that is not in what is known yet moves it.
        let counter = match &commit.stands {
            Some(_) => self.inner.generations().await?.roster,
            None => 0,
        };
        let known = self.known().await?;
        let proved = known.proved();
        for (subject, what, fact, version) in commit.changes.iter().filter_map(versioned) {
            // The version is the last word of a setting's fact, and all of the others'.
            let recorded = proved.fact(&subject, &fact).and_then(|said| said.rsplit(' ').next()).unwrap_or("0");
            if recorded != version.0.to_string() {
                let (expected, found) = (format!("version {}", version.0), format!("version {recorded}"));
                return Err(StoreError::Conflict { what, expected, found });
            }
        }
        let mut changed = BTreeSet::new();
        for (place, change) in commit.changes.iter().enumerate() {
            // What a second change of one row finds there is what the first one wrote.
            if let Some((subject, of, facts)) = compare::before(proved, change)
                && changed.insert((subject, of))
            {
                commit.proved.insert(place, facts);
            }
        }
        if let Some(stands) = &mut commit.stands {
            if stands.roster != proved.roster() {
                let (expected, found) = (stands.roster, proved.roster());
                let (expected, found) = (format!("generation {expected}"), format!("generation {found}"));
                return Err(StoreError::Conflict { what: "roster".into(), expected, found });
            }
            stands.roster = counter;
        }
        Ok(commit)
    }

    /// Says of what rows a commit was refused because they differ: they may be put back before anybody looks again.
    async fn refused(&self, subjects: &BTreeMap<String, String>, error: &StoreError) {
        let StoreError::Altered { what, fact } = error else { return };
        let Some(subject) = subjects.get(what).cloned() else { return };
        let (recorded, found) = ("what the ledger says".to_owned(), "another value".to_owned());
        let what = Disagreement { what: what.clone(), fact: fact.clone(), recorded, found };
        self.report(vec![Different { subject, what }]).await;
    }

    fn differing(&self) -> MutexGuard<'_, BTreeMap<(String, String), Disagreement>> {
        // No code panics while it holds the lock.
        self.differing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ProvedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvedStore").field("differing", &self.differing().len()).finish_non_exhaustive()
    }
}

/// The row that a change writes and the fact that counts its writes, where there is one: the number in the row itself
/// can be put back by whoever writes to the database, and with it what another process wrote in between.
fn versioned(change: &Change) -> Option<(String, String, String, Version)> {
    match change {
        Change::Partner(row) => Some((row.subject(), row.what(), "partner.version".into(), row.version)),
        Change::Officer(row) => Some((row.subject(), row.what(), "officer.version".into(), row.version)),
        Change::Setting(row) => Some((row.subject(), row.what(), format!("setting.{}", row.name), row.version)),
        _ => None,
    }
}
