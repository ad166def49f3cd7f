//! The embedded store: SQLite in write-ahead mode, synced on every commit, shared by all processes of a node.
//!
//! Writing goes through one connection on a thread of its own ([`writer`]); reading through a few that cannot write, on
//! theirs ([`readers`]). It refuses to open with a ledger key that is not the store's, a head that does not verify, or
//! a layout of another version.

mod apply;
mod codec;
mod connection;
mod examine;
mod fault;
mod files;
mod flow;
mod layout;
mod presence;
mod read;
mod readers;
mod verify;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::civil::Date;
use rusqlite::{Connection, Row, params};
use tokio::sync::{mpsc, oneshot};

use super::{
    Approval, ByState, Commit, Committed, Counts, Direction, Disagreement, Due, Examined, Exchange, ExchangeFilter,
    ExchangeState, Found, Generations, Node, Officer, Part, Partner, PrintedBy, Recorded, Request, RequestFilter,
    Setting, Statement, Store, StoreError, Usage, Verification, Waiting, WholeRequest,
};
use crate::ident::{ExchangeId, NodeId, OfficerId, PartnerId, RequestId};
use crate::ledger::{Frontier, LedgerFault, LedgerKey, Origin, Proof, SignedCheckpoint};
use crate::origin::Print;
use crate::partner::Breaker;
use crate::sign::Signer;
use crate::time::Time;
use connection::{Access, PAGE_BYTES, connect, connect_to_read, first, keep_log, run};
use fault::of_write;
use files::Files;
use presence::Presence;
use readers::{Reader, Readers};
use writer::{Job, Writer};

/// Commits that may wait for the writer before callers do.
const WAITING_MAX: usize = 1024;

/// A store in one SQLite database file.
#[derive(Debug)]
pub struct SqliteStore {
    reads: Readers,
    /// What may take minutes and is given up when the store is closed.
    under_way: Arc<examine::UnderWay>,
    files: Files,
    key: LedgerKey,
    /// The head that was verified last: the same text need not be verified again.
    head: Mutex<Option<SignedCheckpoint>>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    /// Whoever closes the store holds the lock until it is closed.
    open: tokio::sync::Mutex<Option<Open>>,
    /// Why a process before this one could not sync.
    failed: Option<String>,
    /// Whether its disk takes no writes.
    read_only: bool,
}

/// What ends with the store.
#[derive(Debug)]
struct Open {
    writer: JoinHandle<Connection>,
    presence: Presence,
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
        let (file, node) = (path.to_owned(), node.clone());
        let writer = blocking(move || {
            let (conn, presence) = create(&file, &node, &key, &*signer, now)?;
            Ok((Writer::new(conn, key, signer), presence))
        });
        let (writer, presence) = writer.await?;
        SqliteStore::start(path, writer, presence).await
    }

    /// Opens the store at `path`; `signer` must hold its ledger key. One on a disk that takes no writes is opened for
    /// reading, and every commit is refused with [`StoreError::Stopped`].
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
        if !presence::takes_writes(path) {
            return SqliteStore::open_to_read(path, signer).await;
        }
        let file = path.to_owned();
        let writer = blocking(move || {
            let presence = Presence::enter(&file)?;
            let (conn, key) = open(&file, &*signer, bytes_max)?;
            Ok((Writer::new(conn, key, signer), presence))
        });
        let (writer, presence) = writer.await?;
        SqliteStore::start(path, writer, presence).await
    }

    /// Opens a store on a disk that takes no writes.
    async fn open_to_read(path: &Path, signer: Arc<dyn Signer>) -> Result<SqliteStore, StoreError> {
        presence::is_private(path)?;
        let access = if presence::has_log(path) { Access::Log } else { Access::Unchanging };
        let file = path.to_owned();
        let key = blocking(move || {
            let mut conn = connect_to_read(&file, access)?;
            layout::is_latest(&file, &conn)?;
            identify(&mut conn, &*signer)
        });
        // Without its index, the log of a database can be read only where one can be made.
        let unreadable = |error| match error {
            StoreError::Broken { why } | StoreError::Query { why } => StoreError::Place {
                what: last_name(path),
                why: format!(
                    "its disk takes no writes, and it cannot be read there: {why}; copy it with its log elsewhere"
                ),
            },
            other => other,
        };
        let key = key.await.map_err(unreadable)?;
        let reads = Readers::open(path.to_owned(), access).await?;
        Ok(SqliteStore {
            reads,
            under_way: Arc::default(),
            files: Files::of(path),
            key,
            head: Mutex::default(),
            jobs: Mutex::default(),
            open: tokio::sync::Mutex::default(),
            failed: None,
            read_only: true,
        })
    }

    /// Why a process that had the store open before could not sync, if it left word of it, all were gone since, and this is
    /// the first to open it again. What it left was written again and synced before it was read.
    pub fn failed_before(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Forgets what [`SqliteStore::failed_before`] says of the store at `path`, once it is on record.
    pub fn failure_is_recorded(path: &Path) {
        presence::remove_word(path);
    }

    async fn start(path: &Path, mut writer: Writer, presence: Presence) -> Result<SqliteStore, StoreError> {
        let key = writer.key().clone();
        let reads = Readers::open(path.to_owned(), Access::Shared).await?;
        let files = Files::of(path);
        writer.watch(path, files.clone());
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("store-writer".into());
        let thread = thread.spawn(move || writer.serve(waiting)).map_err(|e| place(path, &e))?;
        let failed = presence.failed().map(str::to_owned);
        let open = tokio::sync::Mutex::new(Some(Open { writer: thread, presence }));
        let jobs = Mutex::new(Some(jobs));
        let (head, under_way) = (Mutex::default(), Arc::default());
        Ok(SqliteStore { reads, under_way, files, key, head, jobs, open, failed, read_only: false })
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Job>>> {
        // No code panics while it holds the lock.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        if self.read_only {
            let why = "the disk of the store takes no writes; it can be read, and nothing more".to_owned();
            return Err(StoreError::Stopped { why });
        }
        let jobs = self.jobs().clone().ok_or(StoreError::Closed)?;
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
        read::one(&self.reads, "SELECT * FROM partner WHERE id = ?1", id, codec::partner).await
    }

    async fn partners(&self) -> Result<Vec<Partner>, StoreError> {
        read::all(&self.reads, "SELECT * FROM partner ORDER BY id", codec::partner).await
    }

    async fn officer(&self, id: &OfficerId) -> Result<Option<Officer>, StoreError> {
        read::one(&self.reads, "SELECT * FROM officer WHERE id = ?1", id, codec::officer).await
    }

    async fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        read::all(&self.reads, "SELECT * FROM officer ORDER BY id", codec::officer).await
    }

    async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        read::one(&self.reads, read::REQUEST, id, codec::request).await
    }

    async fn whole_request(&self, id: &RequestId) -> Result<Option<WholeRequest>, StoreError> {
        read::whole_request(&self.reads, id).await
    }

    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        read::requests(&self.reads, filter).await
    }

    async fn request_ids(&self) -> Result<BTreeSet<RequestId>, StoreError> {
        read::request_ids(&self.reads).await
    }

    async fn approved_waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        read::approved_waiting(&self.reads).await
    }

    async fn approvals(&self, request: &RequestId) -> Result<Vec<Approval>, StoreError> {
        read::many(&self.reads, read::APPROVALS, request, codec::approval).await
    }

    async fn statements(&self, subjects: &[String]) -> Result<Vec<Statement>, StoreError> {
        read::statements(&self.reads, subjects).await
    }

    async fn exchange(&self, id: &ExchangeId) -> Result<Option<Exchange>, StoreError> {
        read::one(&self.reads, "SELECT * FROM whole_exchange WHERE id = ?1", id, codec::exchange).await
    }

    async fn kept_payload(&self, id: &ExchangeId) -> Result<Option<Bytes>, StoreError> {
        let sql = "SELECT bytes FROM payload WHERE exchange = (SELECT seq FROM exchange WHERE id = ?1)";
        let bytes = |row: &Row<'_>| codec::Cells::new(row, "payload").bytes("bytes");
        Ok(read::one(&self.reads, sql, id, bytes).await?.map(Bytes::from))
    }

    async fn printed(&self, prints: &BTreeSet<Print>) -> Result<Vec<PrintedBy>, StoreError> {
        read::printed(&self.reads, prints).await
    }

    async fn exchanges(&self, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError> {
        read::exchanges(&self.reads, filter).await
    }

    async fn due(&self, now: Time, per_partner: u32) -> Result<Vec<Due>, StoreError> {
        read::due(&self.reads, now, per_partner).await
    }

    async fn eldest(&self, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError> {
        flow::eldest(&self.reads, partner, now).await
    }

    async fn usage(&self, partner: &PartnerId, day: Date) -> Result<BTreeMap<Direction, Usage>, StoreError> {
        flow::usage(&self.reads, partner, day).await
    }

    async fn held(&self, partner: &PartnerId, states: &[ExchangeState]) -> Result<ByState, StoreError> {
        flow::held(&self.reads, partner, states).await
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
        let note = read::note(&self.reads).await?;
        self.files.still_there()?;
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        match &*head {
            Some(verified) if verified.as_str() == note => Ok(verified.clone()),
            _ => Ok(head.insert(SignedCheckpoint::verify(&note, &self.key).map_err(LedgerFault::from)?).clone()),
        }
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
        Ok(Proof::of_inclusion(index, head.size(), &read::hashes(&self.reads, needs).await?)?)
    }

    async fn prove_consistency(&self, old: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        let needs = Proof::consistency_needs(old, head.size())?;
        Ok(Proof::of_consistency(old, head.size(), &read::hashes(&self.reads, needs).await?)?)
    }

    async fn verify(&self) -> Result<Verification, StoreError> {
        verify::verify(&self.reads, &self.key).await
    }

    async fn examine(&self, part: Part) -> Result<Examined, StoreError> {
        let (key, under_way) = (self.key.clone(), self.under_way.clone());
        self.reads.ask(move |conn| under_way.on(conn, |conn| examine::part(conn, &key, part))).await
    }

    async fn glance(&self, budget: Duration) -> Result<Vec<Disagreement>, StoreError> {
        self.reads.ask(move |conn| examine::glance(conn, budget)).await
    }

    async fn close(&self) {
        drop(self.jobs().take());
        self.under_way.interrupt();
        let mut open = self.open.lock().await;
        let (open, readers) = (open.take(), self.reads.close());
        let _ = tokio::task::spawn_blocking(move || end(readers, open)).await;
    }
}

impl Drop for SqliteStore {
    /// Closes what nobody closed, as on every way out of a command that met an error: what was committed is brought into the
    /// database then, and not left in the log for the next one.
    fn drop(&mut self) {
        drop(self.jobs().take());
        self.reads.give_up();
        self.under_way.interrupt();
        end(self.reads.close(), self.open.get_mut().take());
    }
}

/// Ends every thread, and with them the connections.
fn end(readers: Vec<Reader>, open: Option<Open>) {
    // SQLite brings its log into the database when the last connection is closed, if it is alone. So the threads only end,
    // and the connections they leave behind are closed one after the other, the writer's last.
    let readers: Vec<_> = readers.into_iter().map(JoinHandle::join).collect();
    if let Some(Open { writer, presence }) = open {
        let writer = writer.join();
        drop(readers);
        drop(writer);
        drop(presence);
    }
}

/// Does what blocks its thread, as SQLite does, on one that may be blocked.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}

/// Makes the file and what is in it from the beginning.
fn create(
    path: &Path,
    node: &NodeId,
    key: &LedgerKey,
    signer: &dyn Signer,
    now: Time,
) -> Result<(Connection, Presence), StoreError> {
    // SQLite gives the files it keeps beside the database the permissions of the database.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| place(path, &e))?;
    let presence = Presence::enter(path)?;
    let mut conn = connect(path)?;
    presence::sync_folder(path).map_err(|e| place(path, &e))?;
    layout::bring_up_to_date(path, &mut conn)?;
    let head = SignedCheckpoint::sign(0, Frontier::empty().root(), key, signer)?;
    let sql = "INSERT INTO node (one, id, ledger_key, created, clock_high, generation, roster_generation) \
               VALUES (1, ?1, ?2, ?3, 0, 0, 0)";
    run(&conn, sql, params![node.as_str(), key.to_string(), now.unix_ms()])?;
    run(&conn, "INSERT INTO head (one, size, note) VALUES (1, 0, ?1)", [head.as_str()])?;
    Ok((conn, presence))
}

/// Opens a file that is there, and checks that it is this signer's and whole at its head.
fn open(path: &Path, signer: &dyn Signer, bytes_max: u64) -> Result<(Connection, LedgerKey), StoreError> {
    let log_left = presence::has_log(path);
    let mut conn = connect(path)?;
    // Until something is committed, the log is not brought into the database, also when this is closed: it may be another
    // one's, or damaged, and what stands behind the damage would be gone. Who only reads leaves all as it was.
    keep_log(&conn, true)?;
    // SQLite makes its log anew and syncs its name when it first syncs it, but takes no notice if that fails.
    presence::sync_folder(path).map_err(|e| place(path, &e))?;
    layout::bring_up_to_date(path, &mut conn)?;
    let key = identify(&mut conn, signer).map_err(|error| if log_left { of_log(path, error) } else { error })?;
    bound(&conn, bytes_max)?;
    Ok((conn, key))
}

/// The error of a database that is not whole with the log that was left beside it: the log of another file, for one, where a
/// copy was put back and the log was not taken away.
fn of_log(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Damaged { .. } | StoreError::Ledger(_) | StoreError::Proof(_) => {
            let name = last_name(path);
            StoreError::Place {
                what: format!("{name}-wal"),
                why: format!(
                    "`{name}` is not whole with the log that was left beside it ({error}); nothing was changed: if `{name}` \
                     was put back from a copy, move `{name}-wal` and `{name}-shm` out of its folder, where they belong to \
                     the database that was there before; otherwise put the newest copy of both back"
                ),
            }
        }
        other => other,
    }
}

/// The key of the ledger, which must be this signer's, and whose head must be whole.
fn identify(conn: &mut Connection, signer: &dyn Signer) -> Result<LedgerKey, StoreError> {
    let read = |row: &Row<'_>| codec::Cells::new(row, "node").word("ledger_key");
    let key = first(conn, "SELECT ledger_key FROM node WHERE one = 1", (), read)?;
    let key: LedgerKey = key.ok_or_else(codec::no_node)?;
    if signer.public() != key.public() {
        let (ours, theirs) = (key.public().fingerprint().short(), signer.public().fingerprint().short());
        return Err(StoreError::WrongKey { why: format!("the store's is `{ours}`, the one given is `{theirs}`") });
    }
    check_head(conn, &key)?;
    Ok(key)
}

/// Verifies the head in one transaction, so that a commit by another process cannot come between two of its parts.
fn check_head(conn: &mut Connection, key: &LedgerKey) -> Result<(), StoreError> {
    let read = conn.transaction().map_err(of_write)?;
    let note = writer::read_note(&read)?;
    writer::read_head(&read, key, &note).map(drop)
}

fn bound(conn: &Connection, bytes_max: u64) -> Result<(), StoreError> {
    let pages = (bytes_max / u64::from(PAGE_BYTES)).clamp(1, u64::from(u32::MAX - 1));
    // SQLite counts pages and takes no parameter here; the text is made of a number alone.
    conn.execute_batch(&format!("PRAGMA max_page_count = {pages}")).map_err(of_write)
}

fn place(path: &Path, error: &std::io::Error) -> StoreError {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no store here: make one with `portcullis init`".to_owned(),
        std::io::ErrorKind::AlreadyExists => "there is a store here already; it is never overwritten".to_owned(),
        std::io::ErrorKind::StorageFull => return StoreError::Full,
        _ => format!("it cannot be opened, locked or written: {error}; check the disk"),
    };
    StoreError::Place { what: last_name(path), why }
}

fn last_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "store".into(), |name| name.to_string_lossy().into_owned())
}
