//! The writer, one in each process: it combines waiting commits into one transaction under one signed checkpoint
//! (group commit), and answers each only after that transaction is durable.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};

use super::super::{Change, Commit, Committed, StoreError};
use super::apply::{self, PreconditionReads};
use super::connection::{commit, keep_log, run};
use super::files::{OpenFiles, record_sync_failure};
use super::ledger::{Seen, read_hashes, read_head, read_note, signed};
use super::schema;
use crate::digest::Digest;
use crate::ledger::{Entry, Frontier, LedgerFault, LedgerKey, Proof, SignedCheckpoint, leaf_hash, stored_count};
use crate::sign::Signer;
use crate::time::Time;

/// Maximum number of commits in one transaction.
const BATCH_MAX: usize = 256;
/// About one checkpoint in this many entries is stored permanently, so that a rewritten ledger can be located.
const KEPT_EVERY: u64 = 256;

/// A commit and the channel for its outcome.
pub(super) struct Job {
    /// The commit.
    pub(super) commit: Commit,
    /// Receives its outcome.
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// The outcome of one commit.
type Outcome = Result<Committed, StoreError>;

/// The writing connection and what is needed to sign.
pub(super) struct Writer {
    conn: Connection,
    key: LedgerKey,
    signer: Arc<dyn Signer>,
    /// The checkpoint as this process last read it; another process may have written a newer one.
    seen: Option<Seen>,
    /// The last checkpoint that this process wrote or extended: the ledger must only ever extend it.
    extends: Option<(u64, Digest)>,
    /// What the last committed transaction read for preconditions; reset after a failed transaction.
    reads: PreconditionReads,
    /// The files that were opened.
    files: Option<OpenFiles>,
    /// The path of the database.
    path: Option<PathBuf>,
    /// SQLite's counter of schema changes when the schema was checked last.
    schema: Cell<Option<i64>>,
    /// Whether the log is copied into the database on close: from the first commit on.
    brings_log: bool,
    /// Set permanently by the first failed write.
    broken: Option<String>,
}

impl Writer {
    /// Returns a writer on `conn` for the ledger of `key`, which `signer` signs.
    pub(super) fn new(conn: Connection, key: LedgerKey, signer: Arc<dyn Signer>) -> Writer {
        Writer {
            conn,
            key,
            signer,
            seen: None,
            extends: None,
            reads: PreconditionReads::default(),
            files: None,
            path: None,
            schema: Cell::new(None),
            brings_log: false,
            broken: None,
        }
    }

    /// Returns the key of the ledger.
    pub(super) fn key(&self) -> &LedgerKey {
        &self.key
    }

    /// Makes every commit fail once one of the opened `files`, those of the database at `path`, is replaced.
    pub(super) fn watch(&mut self, path: &Path, files: OpenFiles) {
        (self.path, self.files) = (Some(path.to_owned()), Some(files));
    }

    /// Serves commits until every sender is dropped, and returns the connection.
    pub(super) fn serve(mut self, mut jobs: mpsc::Receiver<Job>) -> Connection {
        while let Some(first) = jobs.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            let (commits, answers): (Vec<Commit>, Vec<_>) =
                batch.into_iter().map(|job| (job.commit, job.answer)).unzip();
            let outcomes = self.commit_all(&commits);
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // A caller that was cancelled learns the outcome by reading.
                let _ = answer.send(outcome);
            }
        }
        self.conn
    }

    fn commit_all(&mut self, commits: &[Commit]) -> Vec<Outcome> {
        let failed = match &self.broken {
            Some(why) => StoreError::Broken { why: why.clone() },
            None => match self.transact(commits) {
                Ok(outcomes) => {
                    if outcomes.iter().any(Result::is_ok) && !std::mem::replace(&mut self.brings_log, true) {
                        // If this fails, the log is kept on close, which is harmless.
                        let _ = keep_log(&self.conn, false);
                    }
                    return outcomes;
                }
                Err(error) => error,
            },
        };
        if let StoreError::Broken { why } = &failed
            && self.broken.is_none()
        {
            self.broken = Some(why.clone());
            if let Some(path) = &self.path {
                record_sync_failure(path, why);
            }
        }
        vec![Err(failed); commits.len()]
    }

    /// Runs one transaction over all of `commits`. An error other than `Broken` means that none of them happened.
    fn transact(&mut self, commits: &[Commit]) -> Result<Vec<Outcome>, StoreError> {
        // Refusals are rare, and a savepoint around every commit has a cost, so savepoints are used only after a
        // first attempt without them met a refusal.
        match self.attempt(commits, false) {
            Err(refusal) if refusal.concerns_one_commit() => match commits {
                [_] => Ok(vec![Err(refusal)]),
                _ => self.attempt(commits, true),
            },
            other => other,
        }
    }

    fn attempt(&mut self, commits: &[Commit], apart: bool) -> Result<Vec<Outcome>, StoreError> {
        let mut reads = std::mem::take(&mut self.reads).again();
        match self.whole(commits, apart, &mut reads) {
            // Durable from here on: synchronous=FULL has synced the write-ahead log.
            Ok((outcomes, seen)) => {
                self.extends = Some((seen.0.size(), seen.0.root()));
                self.seen = Some(seen);
                self.reads = reads;
                Ok(outcomes)
            }
            Err(error) => {
                self.seen = None;
                // This fails if SQLite rolled back by itself or had not begun, which is fine.
                let _ = self.run_sql("ROLLBACK");
                Err(error)
            }
        }
    }

    /// Runs everything from BEGIN to COMMIT. With `apart`, a refused commit is rolled back alone; otherwise it fails
    /// the transaction.
    fn whole(
        &self,
        commits: &[Commit],
        apart: bool,
        reads: &mut PreconditionReads,
    ) -> Result<(Vec<Outcome>, Seen), StoreError> {
        let (head, mut frontier) = self.begin()?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut outcomes: Vec<Result<(u64, u64), StoreError>> = Vec::with_capacity(commits.len());
        let mut applied = false;
        for commit in commits {
            if apart {
                self.run_sql("SAVEPOINT one")?;
            }
            match apply::apply(&self.conn, commit, reads) {
                Ok(stamped) => {
                    outcomes.push(Ok((head.size() + entries.len() as u64, stamped.len() as u64)));
                    entries.extend(stamped);
                    applied |= !commit.is_empty();
                    reads.roster_moved |= commit.changes.iter().any(Change::is_of_roster);
                }
                Err(error) if apart && error.concerns_one_commit() => {
                    self.run_sql("ROLLBACK TO one")?;
                    outcomes.push(Err(error));
                }
                Err(error) => return Err(error),
            }
            if apart {
                self.run_sql("RELEASE one")?;
            }
        }
        let head = match applied {
            true => self.append_and_commit(head, &mut frontier, &entries, reads.roster_moved)?,
            false => {
                commit(&self.conn)?;
                head
            }
        };
        let committed = |(first, entries)| Committed { first, entries, head: head.clone() };
        let outcomes = outcomes.into_iter().map(|outcome| outcome.map(committed)).collect();
        Ok((outcomes, (head, frontier)))
    }

    /// Begins a transaction and returns the checkpoint in it. It is verified whenever another process has changed it.
    fn begin(&self) -> Result<Seen, StoreError> {
        self.files.as_ref().map_or(Ok(()), OpenFiles::check)?;
        self.run_sql("BEGIN IMMEDIATE")?;
        let schema = schema::schema_number(&self.conn)?;
        if self.schema.get() != Some(schema) {
            schema::check_schema(&self.conn)?;
            self.schema.set(Some(schema));
        }
        let note = read_note(&self.conn)?;
        if let Some((head, frontier)) = &self.seen
            && head.as_str() == note
        {
            return Ok((head.clone(), frontier.clone()));
        }
        let seen = read_head(&self.conn, &self.key, &note)?;
        self.check_extends(&seen.0)?;
        Ok(seen)
    }

    /// Refuses a checkpoint that does not extend the last one. Otherwise a ledger that somebody replaced while it was
    /// open, for example by an older copy of itself, would be signed as if it had always been so.
    fn check_extends(&self, head: &SignedCheckpoint) -> Result<(), StoreError> {
        let Some((size, root)) = self.extends else { return Ok(()) };
        if head.size() < size {
            return Err(LedgerFault::Size { signed: head.size(), found: size }.into());
        }
        let hashes = read_hashes(&self.conn, &Proof::consistency_needs(size, head.size())?)?;
        let proof = Proof::of_consistency(size, head.size(), &hashes)?;
        let forked = |_| LedgerFault::Root { first: 0, end: head.size() };
        Ok(proof.check_consistency(size, root, head.size(), head.root()).map_err(forked)?)
    }

    /// Appends `entries` to the ledger, signs the new checkpoint, increases the counters that other processes watch,
    /// and commits.
    fn append_and_commit(
        &self,
        head: SignedCheckpoint,
        frontier: &mut Frontier,
        entries: &[Entry],
        roster: bool,
    ) -> Result<SignedCheckpoint, StoreError> {
        let conn = &self.conn;
        let mut position = stored_count(head.size());
        for entry in entries {
            let bytes = entry.to_bytes();
            let number = signed(frontier.size());
            for hash in frontier.append(leaf_hash(&bytes)) {
                let sql = "INSERT INTO ledger_hash (position, hash) VALUES (?1, ?2)";
                run(conn, sql, params![signed(position), hash.as_bytes()])?;
                position += 1;
            }
            let sql = "INSERT INTO ledger (n, time, kind, subject, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
            let row = params![number, entry.time().unix_ms(), entry.kind().as_str(), entry.subject(), bytes];
            run(conn, sql, row)?;
        }
        let new = match entries {
            [] => head.clone(),
            _ => SignedCheckpoint::sign(frontier.size(), frontier.root(), &self.key, &*self.signer)?,
        };
        let named = params![signed(new.size()), new.as_str()];
        run(conn, "UPDATE head SET size = ?1, note = ?2 WHERE one = 1", named)?;
        if head.size() / KEPT_EVERY != new.size() / KEPT_EVERY {
            run(conn, "INSERT INTO checkpoint (size, note) VALUES (?1, ?2)", named)?;
        }
        let latest = entries.iter().map(Entry::time).max().unwrap_or(Time::EPOCH);
        let sql = "UPDATE node SET generation = generation + 1, roster_generation = roster_generation + ?1, \
                   clock_high = max(clock_high, ?2) WHERE one = 1";
        run(conn, sql, params![roster, latest.unix_ms()])?;
        commit(&self.conn)?;
        Ok(new)
    }

    fn run_sql(&self, sql: &str) -> Result<(), StoreError> {
        run(&self.conn, sql, ()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Row;

    use super::super::super::{Precondition, Setting, Version};
    use super::super::SqliteStore;
    use super::super::connection::{connect, first};
    use super::super::decode::cells;
    use super::*;
    use crate::ledger::{EntryKind, Origin};
    use crate::sign::{Algorithm, LocalSigner};

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    /// A writer of a store that another process has open as well.
    struct Beside {
        writer: Writer,
        _store: SqliteStore,
        _folder: tempfile::TempDir,
    }

    impl Beside {
        fn new() -> Beside {
            let folder = tempfile::tempdir().unwrap();
            let (db, node) = (folder.path().join("store.db"), "exercise-usa".parse().unwrap());
            let key = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
            let signer: Arc<dyn Signer> = Arc::new(key);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let store = runtime.block_on(SqliteStore::create(&db, &node, signer.clone(), NOW)).unwrap();
            let key = LedgerKey::new(Origin::of_node(&node), signer.public().clone()).unwrap();
            Beside { writer: Writer::new(connect(&db).unwrap(), key, signer), _store: store, _folder: folder }
        }

        fn commit(&mut self) -> Outcome {
            let commit = Commit::new().entry(Entry::new(NOW, EntryKind::Alarm, "exercise", "exercise"));
            self.writer.commit_all(&[commit]).pop().unwrap()
        }

        fn size(&self) -> u64 {
            read_head(&self.writer.conn, &self.writer.key, &read_note(&self.writer.conn).unwrap()).unwrap().0.size()
        }
    }

    #[test]
    fn nothing_is_committed_after_a_write_that_failed_whatever_the_disk_says_then() {
        let mut beside = Beside::new();
        assert_eq!(beside.commit().unwrap().head.size(), 1);
        beside.writer.broken = Some("EXERCISE".into());
        assert_eq!(beside.commit(), Err(StoreError::Broken { why: "EXERCISE".into() }));
        assert_eq!(beside.size(), 1);
    }

    #[test]
    fn refuses_a_ledger_that_does_not_extend_the_last_checkpoint() {
        for (seen, root, refused) in [
            (2, None, None),
            (2, Some(Digest::of(b"EXERCISE another")), Some(LedgerFault::Root { first: 0, end: 3 })),
            (9, None, Some(LedgerFault::Size { signed: 3, found: 9 })),
        ] {
            let mut beside = Beside::new();
            let roots: Vec<Digest> = (0..3).map(|_| beside.commit().unwrap().head.root()).collect();
            beside.writer.seen = None;
            beside.writer.extends = Some((seen, root.unwrap_or(roots[1])));
            let outcome = beside.commit();
            match refused {
                None => assert_eq!(outcome.unwrap().head.size(), 4),
                Some(fault) => assert_eq!((outcome, beside.size()), (Err(StoreError::Ledger(fault)), 3)),
            }
        }
    }

    #[test]
    fn a_precondition_fails_after_a_change_in_the_same_transaction() {
        for changed_first in [true, false] {
            let mut beside = Beside::new();
            let setting = Setting { name: "policy".into(), value: vec![1], changed: NOW, version: Version::NEW };
            let entry = |kind, subject: &str| Entry::new(NOW, kind, subject, "exercise");
            let set = |row: Setting| Commit::new().change(row).entry(entry(EntryKind::PolicyChanged, "policy"));
            beside.writer.commit_all(&[set(setting.clone())]).pop().unwrap().unwrap();
            let roster = |row: &Row<'_>| cells(row, "node").number("roster_generation");
            let roster = first(&beside.writer.conn, "SELECT roster_generation FROM node", (), roster).unwrap().unwrap();
            let stands = Precondition { roster, setting: "policy".into(), value: Digest::of(&[1]) };
            let stood = Commit::new().only_if(stands).entry(entry(EntryKind::ExchangeSent, "exercise"));
            let other =
                set(Setting { name: "other".into(), ..setting }).entry(entry(EntryKind::PolicyChanged, "other"));
            let both = if changed_first { [other, stood] } else { [stood, other] };
            let outcomes = beside.writer.commit_all(&both);
            let stood = &outcomes[usize::from(changed_first)];
            assert!(outcomes[usize::from(!changed_first)].is_ok(), "{outcomes:?}");
            assert_eq!(matches!(stood, Err(StoreError::Conflict { .. })), changed_first, "{stood:?}");
        }
    }
}
