//! The one writer of a process: it takes the commits that wait, puts them into one transaction under one signed
//! checkpoint, and answers each only after that transaction is durable.

use std::sync::Arc;

use sqlx::{Connection as _, QueryBuilder, Row as _, Sqlite, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::super::{Commit, Committed, StoreError};
use super::apply::{self, Standing};
use super::fault::of_write;
use crate::ledger::{
    Entry, Frontier, Hashes, LedgerFault, LedgerKey, ProofFault, SignedCheckpoint, leaf_hash, stored_count,
};
use crate::sign::Signer;
use crate::time::Time;

/// Most commits in one transaction.
const BATCH_MAX: usize = 256;
/// About one checkpoint in this many entries is kept beside the head, so that a rewritten ledger shows where.
const KEPT_EVERY: u64 = 256;

/// Ledger entries in one statement.
const ENTRIES_AT_ONCE: usize = 16;

/// The end of a transaction, in one trip to SQLite's thread. However many hashes there are, they come as one string of
/// bytes and are cut up in place. Parameters are in the order in which they stand.
const APPEND_AND_COMMIT: &str = "\
    WITH RECURSIVE step (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM step WHERE 32 * (k + 1) < ?), \
    given (position, hashes) AS (SELECT ?, ?) \
    INSERT INTO ledger_hash (position, hash) SELECT position + k, substr(hashes, 32 * k + 1, 32) FROM step, given \
    WHERE length(hashes) > 0; \
    UPDATE head SET size = ?, note = ? WHERE one = 1; \
    INSERT INTO checkpoint (size, note) SELECT ?, ? WHERE ?; \
    UPDATE node SET generation = generation + 1, roster_generation = roster_generation + ?, \
    clock_high = max(clock_high, ?) WHERE one = 1; \
    COMMIT";

/// A commit and whom to tell.
pub(super) struct Job {
    pub(super) commit: Commit,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// What one commit's caller is told.
type Outcome = Result<Committed, StoreError>;

/// A verified head and the right edge of the tree under it.
type Seen = (SignedCheckpoint, Frontier);

/// The writing connection and what is needed to sign.
pub(super) struct Writer {
    conn: SqliteConnection,
    key: LedgerKey,
    signer: Arc<dyn Signer>,
    /// The head as this process last saw it; another process may have moved it since.
    seen: Option<Seen>,
    /// Set by the first failed write, for good.
    broken: Option<String>,
}

impl Writer {
    pub(super) fn new(conn: SqliteConnection, key: LedgerKey, signer: Arc<dyn Signer>) -> Writer {
        Writer { conn, key, signer, seen: None, broken: None }
    }

    /// Serves commits until every sender is gone.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.recv().await {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            let (commits, answers): (Vec<Commit>, Vec<_>) =
                batch.into_iter().map(|job| (job.commit, job.answer)).unzip();
            let outcomes = self.commit_all(&commits).await;
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // A caller that went away learns the outcome by reading.
                let _ = answer.send(outcome);
            }
        }
        let _ = self.conn.close().await;
    }

    async fn commit_all(&mut self, commits: &[Commit]) -> Vec<Outcome> {
        let failed = match &self.broken {
            Some(why) => StoreError::Broken { why: why.clone() },
            None => match self.transact(commits).await {
                Ok(outcomes) => return outcomes,
                Err(error) => error,
            },
        };
        if let StoreError::Broken { why } = &failed {
            self.broken = Some(why.clone());
        }
        vec![Err(failed); commits.len()]
    }

    /// One transaction over all of `commits`. An error means that none of them happened, unless it is `Broken`.
    async fn transact(&mut self, commits: &[Commit]) -> Result<Vec<Outcome>, StoreError> {
        // Refusals are rare, and savepoints around every commit are not free: they are set only when a first try
        // without them met a refusal.
        match self.attempt(commits, false).await {
            Err(refusal) if refusal.refuses_one() => match commits {
                [_] => Ok(vec![Err(refusal)]),
                _ => self.attempt(commits, true).await,
            },
            other => other,
        }
    }

    async fn attempt(&mut self, commits: &[Commit], apart: bool) -> Result<Vec<Outcome>, StoreError> {
        match self.whole(commits, apart).await {
            // Durable from here on: synchronous=FULL has synced the write-ahead log.
            Ok((outcomes, seen)) => {
                self.seen = Some(seen);
                Ok(outcomes)
            }
            Err(error) => {
                self.seen = None;
                // SQLite may have rolled back by itself, or not have begun; then this fails, and that is no news.
                let _ = self.run_sql("ROLLBACK").await;
                Err(error)
            }
        }
    }

    /// Everything from BEGIN to COMMIT. With `apart`, a refused commit is undone alone; without, it is an error.
    async fn whole(&mut self, commits: &[Commit], apart: bool) -> Result<(Vec<Outcome>, Seen), StoreError> {
        let (head, mut frontier) = self.begin().await?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut outcomes: Vec<Result<(u64, u64), StoreError>> = Vec::with_capacity(commits.len());
        let (mut applied, mut standing) = (false, Standing::default());
        for commit in commits {
            if apart {
                self.run_sql("SAVEPOINT one").await?;
            }
            match apply::apply(&mut self.conn, commit, &mut standing).await {
                Ok(stamped) => {
                    outcomes.push(Ok((head.size() + entries.len() as u64, stamped.len() as u64)));
                    entries.extend(stamped);
                    applied |= !commit.is_empty();
                    standing.roster_moved |= commit.changes.iter().any(apply::is_roster);
                }
                Err(error) if apart && error.refuses_one() => {
                    self.run_sql("ROLLBACK TO one").await?;
                    outcomes.push(Err(error));
                }
                Err(error) => return Err(error),
            }
            if apart {
                self.run_sql("RELEASE one").await?;
            }
        }
        let head = match applied {
            true => self.append_and_commit(head, &mut frontier, &entries, standing.roster_moved).await?,
            false => {
                self.run_sql("COMMIT").await?;
                head
            }
        };
        let committed = |(first, entries)| Committed { first, entries, head: head.clone() };
        let outcomes = outcomes.into_iter().map(|outcome| outcome.map(committed)).collect();
        Ok((outcomes, (head, frontier)))
    }

    /// Begins a transaction and gives the head inside it. It is verified whenever another process has moved it.
    async fn begin(&mut self) -> Result<Seen, StoreError> {
        let note = note_of(&mut self.conn, "BEGIN IMMEDIATE; SELECT note FROM head WHERE one = 1").await?;
        if let Some((head, frontier)) = &self.seen
            && head.as_str() == note
        {
            return Ok((head.clone(), frontier.clone()));
        }
        read_head(&mut self.conn, &self.key, &note).await
    }

    /// Appends `entries` to the ledger, signs the new head, moves the counters that other processes watch, and commits.
    async fn append_and_commit(
        &mut self,
        head: SignedCheckpoint,
        frontier: &mut Frontier,
        entries: &[Entry],
        roster: bool,
    ) -> Result<SignedCheckpoint, StoreError> {
        let first_position = stored_count(head.size());
        let mut hashes: Vec<u8> = Vec::new();
        // Several rows in one statement: each statement is a trip to SQLite's thread and back.
        for several in entries.chunks(ENTRIES_AT_ONCE) {
            let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO ledger (n, time, kind, subject, bytes) ");
            insert.push_values(several, |mut row, entry| {
                let bytes = entry.to_bytes();
                row.push_bind(signed(frontier.size()));
                for hash in frontier.append(leaf_hash(&bytes)) {
                    hashes.extend_from_slice(hash.as_bytes());
                }
                row.push_bind(entry.time().unix_ms());
                row.push_bind(entry.kind().as_str());
                row.push_bind(entry.subject());
                row.push_bind(bytes);
            });
            insert.build().execute(&mut self.conn).await.map_err(of_write)?;
        }
        let new = match entries {
            [] => head.clone(),
            _ => SignedCheckpoint::sign(frontier.size(), frontier.root(), &self.key, &*self.signer)?,
        };
        let latest = entries.iter().map(Entry::time).max().unwrap_or(Time::EPOCH);
        sqlx::query(APPEND_AND_COMMIT)
            .bind(signed(hashes.len() as u64))
            .bind(signed(first_position))
            .bind(hashes)
            .bind(signed(new.size()))
            .bind(new.as_str())
            .bind(signed(new.size()))
            .bind(new.as_str())
            .bind(head.size() / KEPT_EVERY != new.size() / KEPT_EVERY)
            .bind(i64::from(roster))
            .bind(latest.unix_ms())
            .execute(&mut self.conn)
            .await
            .map_err(of_write)?;
        Ok(new)
    }

    async fn run_sql(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::query(sql).execute(&mut self.conn).await.map_err(of_write)?;
        Ok(())
    }
}

/// The text of the signed head.
pub(super) async fn read_note(conn: &mut SqliteConnection) -> Result<String, StoreError> {
    note_of(conn, "SELECT note FROM head WHERE one = 1").await
}

async fn note_of(conn: &mut SqliteConnection, sql: &'static str) -> Result<String, StoreError> {
    let row = sqlx::query(sql).fetch_optional(conn).await.map_err(of_write)?;
    let lost = || StoreError::Damaged { what: "the ledger's head".into() };
    row.ok_or_else(lost)?.try_get(0).map_err(|_| lost())
}

/// The head in `note`, verified, with the right edge of the tree under it.
///
/// INVARIANT: the edge hashes to the signed root, so what is appended extends the ledger that was signed and no other.
pub(super) async fn read_head(conn: &mut SqliteConnection, key: &LedgerKey, note: &str) -> Result<Seen, StoreError> {
    let head = SignedCheckpoint::verify(note, key).map_err(LedgerFault::from)?;
    let hashes = read_hashes(conn, &Frontier::needs(head.size())).await?;
    let frontier = Frontier::from_stored(head.size(), &hashes)?;
    let found = sqlx::query("SELECT coalesce(max(n) + 1, 0) FROM ledger").fetch_one(conn).await.map_err(of_write)?;
    let found = u64::try_from(found.try_get::<i64, _>(0).unwrap_or(0)).unwrap_or(0);
    if found != head.size() {
        return Err(LedgerFault::Size { signed: head.size(), found }.into());
    }
    if frontier.root() != head.root() {
        return Err(LedgerFault::Root { first: 0, end: head.size() }.into());
    }
    Ok((head, frontier))
}

/// The stored hashes at `positions`.
pub(super) async fn read_hashes(conn: &mut SqliteConnection, positions: &[u64]) -> Result<Hashes, StoreError> {
    let mut hashes = Hashes::new();
    for &position in positions {
        let row = sqlx::query("SELECT hash FROM ledger_hash WHERE position = ?1")
            .bind(signed(position))
            .fetch_optional(&mut *conn)
            .await
            .map_err(of_write)?
            .ok_or(ProofFault::LostHash { position })?;
        hashes.insert(position, super::codec::Cells::new(&row, "stored hash").digest("hash")?);
    }
    Ok(hashes)
}

/// A number as SQLite holds it.
pub(super) fn signed(number: u64) -> i64 {
    // INVARIANT: sizes come from checkpoints, which are refused above 2^63 - 1, and positions are below twice that of
    // any ledger that fits on a disk.
    i64::try_from(number).expect("ledger positions fit SQLite's integers")
}
