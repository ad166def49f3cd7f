//! The proved store: a store that returns a row only if its ledger proves it.
//!
//! It wraps a backend, follows the ledger as other processes extend it, and compares every row that is read with the
//! facts under the signed checkpoint. It refuses to return a row that differs, and reports the difference once in the
//! log and in the ledger; it never repairs a row. Once the ledger does not extend what was seen of it, every read and
//! write fails.

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

/// Ledger entries read at a time.
const PAGE: u64 = 1024;
/// How often a row is read again because the ledger changed during the comparison.
const TRIES: usize = 64;

/// A store that returns only rows that its ledger proves.
pub struct ProvedStore {
    inner: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    known: tokio::sync::Mutex<Known>,
    /// Counts the callers of `known`, so that one read of the checkpoint serves all who called before it.
    arrivals: AtomicU64,
    /// Why the ledger is no longer trusted.
    ledger_fault: OnceLock<LedgerFault>,
    /// The differences found, by subject and fact.
    differing: Mutex<BTreeMap<(String, String), Disagreement>>,
    /// The files to which the checkpoint of every commit is also written.
    heads: Option<Arc<CheckpointFiles>>,
    /// Where the facts are saved for the next process that opens the store.
    kept: Option<FactsSnapshot>,
    /// Why commits are refused.
    stopped: OnceLock<String>,
    /// Receives the progress of reading a long ledger.
    progress: Progress,
}

/// The facts of the ledger, up to the checkpoint that was read last.
struct Known {
    facts: Facts,
    /// Callers that arrived before this count did so before that checkpoint was read.
    covers: u64,
    /// Number of entries that the saved snapshot covers.
    kept: u64,
}

impl Known {
    fn proved(&self) -> Proved<'_> {
        // INVARIANT: a lock on `Known` is returned only after the facts were verified against a signed checkpoint.
        self.facts.proved().expect("a signed checkpoint was verified")
    }
}

impl ProvedStore {
    /// Wraps `inner`; nothing of its ledger is read yet. `clock` dates the alarms.
    pub fn new(inner: Arc<dyn Store>, clock: Arc<dyn Clock>) -> ProvedStore {
        ProvedStore {
            inner,
            clock,
            known: tokio::sync::Mutex::new(Known { facts: Facts::new(), covers: 0, kept: 0 }),
            arrivals: AtomicU64::new(0),
            ledger_fault: OnceLock::new(),
            differing: Mutex::default(),
            heads: None,
            kept: None,
            stopped: OnceLock::new(),
            progress: Progress::default(),
        }
    }

    /// Reports the progress of reading a long ledger to `progress`.
    #[must_use]
    pub fn with_progress(self, progress: Progress) -> ProvedStore {
        ProvedStore { progress, ..self }
    }

    /// Also writes the checkpoint of every commit to these files.
    #[must_use]
    pub fn with_checkpoint_files(self, heads: Arc<CheckpointFiles>) -> ProvedStore {
        ProvedStore { heads: Some(heads), ..self }
    }

    /// Saves the facts of the ledger in this snapshot, and resumes from it.
    #[must_use]
    pub fn with_facts_snapshot(self, kept: FactsSnapshot) -> ProvedStore {
        ProvedStore { kept: Some(kept), ..self }
    }

    /// Refuses every commit from now on, except one that writes the setting [`RESTORED`]. The first reason is kept.
    pub fn stop(&self, why: String) {
        let _ = self.stopped.set(why);
    }

    /// Returns why commits are refused, if they are.
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// Returns the files to which the checkpoint of every commit is written.
    pub fn checkpoint_files(&self) -> Option<&CheckpointFiles> {
        self.heads.as_deref()
    }

    /// Commits to the backend and writes the checkpoint files, unless the store is stopped.
    async fn put(&self, commit: Commit) -> Result<Committed, StoreError> {
        let ends = |change: &Change| matches!(change, Change::Setting(row) if row.name == RESTORED);
        if let Some(why) = self.stopped()
            && !commit.changes.iter().any(ends)
        {
            return Err(StoreError::Stopped { why: why.to_owned() });
        }
        let committed = self.inner.commit(commit).await?;
        if let Some(heads) = &self.heads {
            heads.write_if_newer(&committed.head);
        }
        Ok(committed)
    }

    /// Returns the differences that were found and still exist, as far as rows were compared again since.
    pub fn differences(&self) -> Vec<Disagreement> {
        self.differing().values().cloned().collect()
    }

    /// Returns the facts up to a checkpoint that was read after this call began.
    async fn known(&self) -> Result<tokio::sync::MutexGuard<'_, Known>, StoreError> {
        let arrived = self.arrivals.fetch_add(1, Ordering::SeqCst);
        let mut known = self.known.lock().await;
        if arrived >= known.covers {
            let covers = self.arrivals.load(Ordering::SeqCst);
            self.resume_from_snapshot(&mut known).await;
            self.follow(&mut known.facts).await.inspect_err(|error| self.distrust(error))?;
            known.covers = covers;
            if let Some(kept) = self.kept.as_ref().filter(|_| FactsSnapshot::is_due(known.kept, known.facts.next())) {
                kept.keep(&known.facts);
                known.kept = known.facts.next();
            }
        }
        Ok(known)
    }

    /// Resumes from the snapshot if no entry was read yet. A snapshot that does not lead to the ledger's checkpoint
    /// is discarded and the whole ledger is read; it does not make the ledger distrusted.
    async fn resume_from_snapshot(&self, known: &mut Known) {
        let Some(kept) = self.kept.as_ref().filter(|_| known.facts.next() == 0) else { return };
        let Some(mut facts) = kept.read() else { return };
        let entries = facts.next();
        if self.follow(&mut facts).await.is_ok() {
            (known.facts, known.kept) = (facts, entries);
        }
    }

    /// Reads the entries that were added to the ledger, up to its current checkpoint, and verifies them.
    async fn follow(&self, facts: &mut Facts) -> Result<(), StoreError> {
        let head = self.inner.head().await?;
        let unread = head.size().saturating_sub(facts.next());
        let _step = (unread > PAGE).then(|| self.progress.step("reading the ledger", Unit::Entries, Some(unread)));
        while facts.next() < head.size() {
            let first = facts.next();
            let limit = (head.size() - first).min(PAGE);
            let page = self.inner.entries(first, u32::try_from(limit).unwrap_or(u32::MAX)).await?;
            if page.is_empty() {
                return Err(facts.reject(LedgerFault::Size { signed: head.size(), found: first }).into());
            }
            for recorded in page {
                if recorded.index != facts.next() {
                    return Err(facts.reject(LedgerFault::Altered { index: facts.next() }).into());
                }
                facts.append(&recorded.bytes)?;
            }
            self.progress.advance(limit);
        }
        Ok(facts.verify_head(&head)?)
    }

    fn distrust(&self, error: &StoreError) {
        if let StoreError::Ledger(fault) = error
            && self.ledger_fault.set(fault.clone()).is_ok()
        {
            // No alarm can be recorded: the ledger is not the one that was followed.
            tracing::error!(
                fault = %fault,
                "the ledger does not extend what was seen of it: nothing is decided or recorded; run `ledger verify`"
            );
        }
    }

    /// Reads until rows and ledger are of the same moment, and returns the rows unless they differ from it. `judge`
    /// returns the differences.
    ///
    /// INVARIANT: if the same facts differ twice, and no entry changed a fact about their subjects between the two
    /// reads of the ledger, the rows were read within that interval. So the row is wrong, and not only older or newer
    /// than the facts.
    async fn read_consistent<T, R>(
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
        let (expected, found) = ("no change while it is read".to_owned(), "a change at every attempt".to_owned());
        Err(StoreError::Conflict { what: "a row".into(), expected, found })
    }

    /// Reports differences in the log and in the ledger, except those that were reported and still exist.
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
            // Another process may have found the same difference, so a repeated alarm is skipped.
            if let Err(error) = self.put(Commit::new().entry(alarm).skip_repeated_alarms()).await {
                tracing::error!(error = %error, "the alarm could not be recorded");
            }
        }
    }

    /// Forgets reported differences of this subject, since its row was just found to match.
    fn agree(&self, subject: &str, families: &[&str]) {
        let mut differing = self.differing();
        if !differing.is_empty() {
            differing.retain(|(about, fact), _| about != subject || !families.contains(&family(fact)));
        }
    }

    /// Converts a commit for the backend. Its precondition is checked against the ledger here; the backend then checks
    /// only its own counter of the roster, which increases with every change in between.
    async fn proved_commit(&self, mut commit: Commit) -> Result<Commit, StoreError> {
        if let Some(fault) = self.ledger_fault.get() {
            return Err(fault.clone().into());
        }
        if commit.precondition.is_none() && commit.changes.iter().all(|change| compare::written(change).is_none()) {
            return Ok(commit);
        }
        // Read before the ledger is: a change that the facts do not contain yet increases it.
        let counter = match &commit.precondition {
            Some(_) => self.inner.generations().await?.roster,
            None => 0,
        };
        let known = self.known().await?;
        let proved = known.proved();
        for (subject, what, fact, version) in commit.changes.iter().filter_map(versioned) {
            // In a setting's fact the version is the last word; in the other facts it is the whole value.
            let recorded = proved.fact(&subject, &fact).and_then(|said| said.rsplit(' ').next()).unwrap_or("0");
            if recorded != version.0.to_string() {
                let (expected, found) = (format!("version {}", version.0), format!("version {recorded}"));
                return Err(StoreError::Conflict { what, expected, found });
            }
        }
        let mut changed = BTreeSet::new();
        for (place, change) in commit.changes.iter().enumerate() {
            // Only the first change of a row is checked: a second one finds what the first one wrote.
            if let Some((subject, of, facts)) = compare::before(proved, change)
                && changed.insert((subject, of))
            {
                commit.proved.insert(place, facts);
            }
        }
        if let Some(precondition) = &mut commit.precondition {
            if precondition.roster != proved.roster() {
                let (expected, found) = (precondition.roster, proved.roster());
                let (expected, found) = (format!("generation {expected}"), format!("generation {found}"));
                return Err(StoreError::Conflict { what: "roster".into(), expected, found });
            }
            precondition.roster = counter;
        }
        Ok(commit)
    }

    /// Reports the row because of which a commit was refused, as it may have been restored before anybody compares it
    /// again.
    async fn refused(&self, subjects: &BTreeMap<String, String>, error: &StoreError) {
        let StoreError::Altered { what, fact } = error else { return };
        let Some(subject) = subjects.get(what).cloned() else { return };
        let (recorded, found) = ("the value in the ledger".to_owned(), "another value".to_owned());
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

/// Returns the row that a change writes and the fact that counts its writes, if it has one. The version in the row
/// itself does not suffice: whoever can write to the database can set it back, together with what another process
/// wrote in between.
fn versioned(change: &Change) -> Option<(String, String, String, Version)> {
    match change {
        Change::Partner(row) => Some((row.subject(), row.what(), "partner.version".into(), row.version)),
        Change::Officer(row) => Some((row.subject(), row.what(), "officer.version".into(), row.version)),
        Change::Setting(row) => Some((row.subject(), row.what(), format!("setting.{}", row.name), row.version)),
        _ => None,
    }
}
