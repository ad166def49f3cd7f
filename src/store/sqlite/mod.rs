//! The embedded store: SQLite in write-ahead mode, synced on every commit, shared by all processes of a node.
//!
//! Writing goes through one connection in a task of its own ([`writer`]); reading through a few connections that cannot
//! write ([`readers`]). It refuses to open with a ledger key that is not the store's, a head that does not verify, or a
//! layout from a newer version.

mod apply;
mod codec;
mod fault;
mod flow;
mod read;
mod readers;
mod verify;
mod writer;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::civil::Date;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _, SqliteConnection};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{
    Approval, Commit, Committed, Counts, Direction, Exchange, ExchangeFilter, Found, Generations, Node, Officer,
    Partner, Recorded, Request, RequestFilter, Setting, Statement, Store, StoreError, Usage, Verification, Waiting,
};
use crate::ident::{ExchangeId, NodeId, OfficerId, PartnerId, RequestId};
use crate::ledger::{Frontier, LedgerKey, Origin, Proof, SignedCheckpoint};
use crate::partner::Breaker;
use crate::sign::Signer;
use crate::time::Time;
use fault::{BUSY, of_write};
use readers::Readers;
use writer::{Job, Writer};

/// Every layout there has been, oldest first: number, name, and what brings the layout before it to this one. What was
/// once released is never edited, or stores in service would refuse it.
const LAYOUTS: [(i64, &str, &str); 3] = [
    (1, "records", include_str!("../migrations/0001_records.sql")),
    (10, "recall", include_str!("../migrations/0010_recall.sql")),
    (60, "flow", include_str!("../migrations/0060_flow.sql")),
];

/// Commits that may wait for the writer before callers do.
const WAITING_MAX: usize = 1024;
/// Size of a database page.
const PAGE_BYTES: u32 = 4096;

/// A store in one SQLite database file.
#[derive(Debug)]
pub struct SqliteStore {
    reads: Readers,
    key: LedgerKey,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Makes an empty store for `node` at `path`, whose ledger `signer` signs with its Ed25519 key. The file is
    /// readable by its owner only.
    ///
    /// # Errors
    /// [`StoreError::Place`] if there is a file already; [`StoreError::WrongKey`] if the key is not Ed25519.
    pub async fn create(
        path: &Path,
        node: &NodeId,
        signer: Arc<dyn Signer>,
        now: Time,
    ) -> Result<SqliteStore, StoreError> {
        let key = LedgerKey::new(Origin::of_node(node), signer.public().clone())
            .map_err(|why| StoreError::WrongKey { why: why.to_string() })?;
        // SQLite gives the files it keeps beside the database the permissions of the database.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| place(path, &e))?;
        let mut conn = connect(path).await?;
        migrate(path, &mut conn).await?;
        let head = SignedCheckpoint::sign(0, Frontier::empty().root(), &key, &*signer)?;
        sqlx::query(
            "INSERT INTO node (one, id, ledger_key, created, clock_high, generation, roster_generation) \
             VALUES (1, ?1, ?2, ?3, 0, 0, 0)",
        )
        .bind(node.as_str())
        .bind(key.to_string())
        .bind(now.unix_ms())
        .execute(&mut conn)
        .await
        .map_err(of_write)?;
        sqlx::query("INSERT INTO head (one, size, note) VALUES (1, 0, ?1)")
            .bind(head.as_str())
            .execute(&mut conn)
            .await
            .map_err(of_write)?;
        SqliteStore::start(path, conn, key, signer).await
    }

    /// Opens the store at `path`; `signer` must hold its ledger key.
    ///
    /// # Errors
    /// [`StoreError::Place`] if there is none; [`StoreError::WrongKey`]; [`StoreError::Ledger`] if the head does not
    /// verify or is not that of the tree under it.
    pub async fn open(path: &Path, signer: Arc<dyn Signer>) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_bounded(path, signer, u64::MAX).await
    }

    /// As [`SqliteStore::open`], for a store that may grow to about `bytes_max` bytes; what would exceed that is
    /// refused as if the disk were full.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn open_bounded(path: &Path, signer: Arc<dyn Signer>, bytes_max: u64) -> Result<SqliteStore, StoreError> {
        let mut conn = connect(path).await?;
        migrate(path, &mut conn).await?;
        let row = sqlx::query("SELECT id, ledger_key FROM node WHERE one = 1");
        let row = row.fetch_optional(&mut conn).await.map_err(of_write)?;
        let row = row.ok_or(StoreError::Damaged { what: "the node's own row".into() })?;
        let key: LedgerKey = codec::Cells::new(&row, "node").word("ledger_key")?;
        if signer.public() != key.public() {
            let (ours, theirs) = (key.public().fingerprint().short(), signer.public().fingerprint().short());
            return Err(StoreError::WrongKey { why: format!("the store's is `{ours}`, the one given is `{theirs}`") });
        }
        check_head(&mut conn, &key).await?;
        bound(&mut conn, bytes_max).await?;
        SqliteStore::start(path, conn, key, signer).await
    }

    async fn start(
        path: &Path,
        conn: SqliteConnection,
        key: LedgerKey,
        signer: Arc<dyn Signer>,
    ) -> Result<SqliteStore, StoreError> {
        let reads = Readers::open(options(path)).await?;
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(Writer::new(conn, key.clone(), signer).run(waiting));
        Ok(SqliteStore { reads, key, jobs: Mutex::new(Some(jobs)), task: Mutex::new(Some(task)) })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        let jobs = self.jobs.lock().await.clone().ok_or(StoreError::Closed)?;
        let (answer, outcome) = oneshot::channel();
        jobs.send(Job { commit, answer }).await.map_err(|_| StoreError::Closed)?;
        // A writer that went away without an answer may or may not have written.
        outcome.await.map_err(|_| StoreError::Broken { why: "the writer stopped".into() })?
    }

    async fn node(&self) -> Result<Node, StoreError> {
        read::node(&self.reads).await
    }

    async fn generations(&self) -> Result<Generations, StoreError> {
        read::generations(&self.reads).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        read::counts(&self.reads).await
    }

    async fn setting(&self, name: &str) -> Result<Option<Setting>, StoreError> {
        read::one(&self.reads, "SELECT * FROM setting WHERE name = ?1", name, codec::setting).await
    }

    async fn partner(&self, id: &PartnerId) -> Result<Option<Partner>, StoreError> {
        read::one(&self.reads, "SELECT * FROM partner WHERE id = ?1", id.as_str(), codec::partner).await
    }

    async fn partners(&self) -> Result<Vec<Partner>, StoreError> {
        read::all(&self.reads, "SELECT * FROM partner ORDER BY id", codec::partner).await
    }

    async fn officer(&self, id: &OfficerId) -> Result<Option<Officer>, StoreError> {
        read::one(&self.reads, "SELECT * FROM officer WHERE id = ?1", id.as_str(), codec::officer).await
    }

    async fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        read::all(&self.reads, "SELECT * FROM officer ORDER BY id", codec::officer).await
    }

    async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        read::one(&self.reads, "SELECT * FROM request WHERE id = ?1", &id.to_string(), codec::request).await
    }

    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        read::requests(&self.reads, filter).await
    }

    async fn approved_waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        read::approved_waiting(&self.reads).await
    }

    async fn approvals(&self, request: &RequestId) -> Result<Vec<Approval>, StoreError> {
        let sql = "SELECT * FROM approval WHERE request = ?1 ORDER BY seq";
        read::many(&self.reads, sql, &request.to_string(), codec::approval).await
    }

    async fn statements(&self, subjects: &[String]) -> Result<Vec<Statement>, StoreError> {
        read::statements(&self.reads, subjects).await
    }

    async fn exchange(&self, id: &ExchangeId) -> Result<Option<Exchange>, StoreError> {
        read::one(&self.reads, "SELECT * FROM exchange WHERE id = ?1", &id.to_string(), codec::exchange).await
    }

    async fn exchanges(&self, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError> {
        read::exchanges(&self.reads, filter).await
    }

    async fn due(&self, now: Time, per_partner: u32) -> Result<Vec<Exchange>, StoreError> {
        read::due(&self.reads, now, per_partner).await
    }

    async fn eldest(&self, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError> {
        flow::eldest(&self.reads, partner, now).await
    }

    async fn usage(&self, partner: &PartnerId, day: Date) -> Result<BTreeMap<Direction, Usage>, StoreError> {
        flow::usage(&self.reads, partner, day).await
    }

    async fn breakers(&self) -> Result<BTreeMap<PartnerId, Breaker>, StoreError> {
        flow::breakers(&self.reads).await
    }

    async fn witnessed(&self, partner: &PartnerId) -> Result<Option<String>, StoreError> {
        flow::witnessed(&self.reads, partner).await
    }

    async fn search(&self, words: &str, limit: u32) -> Result<Vec<Found>, StoreError> {
        read::search(&self.reads, words, limit).await
    }

    async fn head(&self) -> Result<SignedCheckpoint, StoreError> {
        read::head(&self.reads, &self.key).await
    }

    async fn entries(&self, first: u64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        read::entries(&self.reads, first, limit).await
    }

    async fn entries_about(&self, subject: &str) -> Result<Vec<Recorded>, StoreError> {
        let sql = "SELECT n, bytes FROM ledger WHERE subject = ?1 ORDER BY n";
        read::many(&self.reads, sql, subject, codec::recorded).await
    }

    async fn prove_inclusion(&self, index: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        let needs = Proof::inclusion_needs(index, head.size())?;
        Ok(Proof::of_inclusion(index, head.size(), &read::hashes(&self.reads, &needs).await?)?)
    }

    async fn prove_consistency(&self, old: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        let needs = Proof::consistency_needs(old, head.size())?;
        Ok(Proof::of_consistency(old, head.size(), &read::hashes(&self.reads, &needs).await?)?)
    }

    async fn verify(&self) -> Result<Verification, StoreError> {
        verify::verify(&self.reads, &self.key).await
    }

    async fn close(&self) {
        drop(self.jobs.lock().await.take());
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
        self.reads.close().await;
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
}

async fn connect(path: &Path) -> Result<SqliteConnection, StoreError> {
    if let Err(e) = std::fs::symlink_metadata(path) {
        return Err(place(path, &e));
    }
    options(path).connect().await.map_err(of_write)
}

/// Brings the layout up to date. Processes that start at once take turns by a lock on a file beside the database.
async fn migrate(path: &Path, conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let lock = lock_path(path);
    let turn = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock);
    let turn = turn.map_err(|e| place(&lock, &e))?;
    let held = tokio::task::spawn_blocking(move || turn.lock().map(|()| turn)).await;
    let held = held.map_err(|_| StoreError::Closed)?.map_err(|e| place(&lock, &e))?;
    let done = layouts().run(conn).await;
    drop(held);
    done.map_err(|error| match error {
        sqlx::migrate::MigrateError::Execute(error) => of_write(error),
        other => StoreError::Place { what: last_name(path), why: format!("layout of another version: {other}") },
    })
}

fn layouts() -> Migrator {
    let layout = |(number, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(LAYOUTS.map(layout).into())
}

/// Verifies the head in one transaction, so that a commit by another process cannot come between two of its parts.
async fn check_head(conn: &mut SqliteConnection, key: &LedgerKey) -> Result<(), StoreError> {
    let mut read = conn.begin().await.map_err(of_write)?;
    let note = writer::read_note(&mut read).await?;
    writer::read_head(&mut read, key, &note).await?;
    read.rollback().await.map_err(of_write)
}

async fn bound(conn: &mut SqliteConnection, bytes_max: u64) -> Result<(), StoreError> {
    // SQLite counts pages and takes no parameter here; the text is made of a number alone.
    let pages = (bytes_max / u64::from(PAGE_BYTES)).clamp(1, u64::from(u32::MAX - 1));
    let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(sql).execute(conn).await.map_err(of_write)?;
    Ok(())
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-migrate");
    PathBuf::from(name)
}

fn place(path: &Path, error: &std::io::Error) -> StoreError {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no store here: make one with `portcullis init`".to_owned(),
        std::io::ErrorKind::AlreadyExists => "there is a store here already; it is never overwritten".to_owned(),
        std::io::ErrorKind::StorageFull => return StoreError::Full,
        _ => error.to_string(),
    };
    StoreError::Place { what: last_name(path), why }
}

fn last_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "store".into(), |name| name.to_string_lossy().into_owned())
}
