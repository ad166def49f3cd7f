//! The embedded store: SQLite in write-ahead mode, synced on every commit, shared by all processes of a node.
//!
//! Commits go through one connection on a thread of its own ([`writer`]); queries through a few read-only connections
//! on theirs ([`readers`]). The store refuses to open with a ledger key that is not its own, a checkpoint that does
//! not verify, a schema of another version, or files that others can read or change.

mod error;
mod files;
mod connection;
mod decode;
mod ledger;
mod schema;
mod readers;
mod queries;
mod apply;
mod writer;
mod verify;
mod open;
mod store_impl;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::StoreError;
use crate::ident::NodeId;
use crate::ledger::{LedgerKey, Origin, SignedCheckpoint};
use crate::sign::Signer;
use crate::time::Time;
use connection::{Access, connect_to_read};
use files::{OpenFiles, ProcessLock};
use readers::{Reader, Readers};
use writer::{Job, Writer};

/// Capacity of the writer's queue; further callers wait.
const WAITING_MAX: usize = 1024;

/// A store in one SQLite database file.
#[derive(Debug)]
pub struct SqliteStore {
    reads: Readers,
    /// A long check that is interrupted when the store is closed.
    under_way: Arc<verify::Interruptible>,
    files: OpenFiles,
    key: LedgerKey,
    /// The checkpoint that was verified last: the same text need not be verified again.
    head: Mutex<Option<SignedCheckpoint>>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    /// Whoever closes the store holds this lock until it is closed.
    open: tokio::sync::Mutex<Option<Open>>,
    /// Why an earlier process failed to sync.
    failed: Option<String>,
    /// Whether its disk is read-only.
    read_only: bool,
}

/// What ends with the store.
#[derive(Debug)]
struct Open {
    writer: JoinHandle<Connection>,
    lock: ProcessLock,
}

impl SqliteStore {
    /// Creates an empty store for `node` at `path`, whose ledger is signed with the Ed25519 key of `signer`. Only the
    /// owner can read the file.
    ///
    /// # Errors
    /// [`StoreError::Place`] if the file exists; [`StoreError::WrongKey`] if the key is not Ed25519.
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
            let (conn, lock) = open::create(&file, &node, &key, &*signer, now)?;
            Ok((Writer::new(conn, key, signer), lock))
        });
        let (writer, lock) = writer.await?;
        SqliteStore::start(path, writer, lock).await
    }

    /// Opens the store at `path`; `signer` must hold its ledger key. A store on a read-only disk is opened for
    /// reading, and every commit is refused with [`StoreError::Stopped`].
    ///
    /// # Errors
    /// [`StoreError::Place`] if it does not exist; [`StoreError::WrongKey`]; [`StoreError::Ledger`] if the checkpoint
    /// does not verify or does not match the tree.
    pub async fn open(path: &Path, signer: Arc<dyn Signer>) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_bounded(path, signer, u64::MAX).await
    }

    /// As [`SqliteStore::open`], with a limit of about `bytes_max` bytes for the file; a commit that would exceed it
    /// is refused as if the disk were full.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn open_bounded(path: &Path, signer: Arc<dyn Signer>, bytes_max: u64) -> Result<SqliteStore, StoreError> {
        if !files::takes_writes(path) {
            return SqliteStore::open_to_read(path, signer).await;
        }
        let file = path.to_owned();
        let writer = blocking(move || {
            let lock = ProcessLock::enter(&file)?;
            let (conn, key) = open::open(&file, &*signer, bytes_max)?;
            Ok((Writer::new(conn, key, signer), lock))
        });
        let (writer, lock) = writer.await?;
        SqliteStore::start(path, writer, lock).await
    }

    /// Opens a store on a read-only disk.
    async fn open_to_read(path: &Path, signer: Arc<dyn Signer>) -> Result<SqliteStore, StoreError> {
        files::is_private(path)?;
        let access = if files::has_log(path) { Access::Log } else { Access::Unchanging };
        let file = path.to_owned();
        let key = blocking(move || {
            let mut conn = connect_to_read(&file, access)?;
            schema::is_latest(&file, &conn)?;
            open::identify(&mut conn, &*signer)
        });
        // The log can be read only if its index exists or can be created.
        let unreadable = |error| match error {
            StoreError::Broken { why } | StoreError::Query { why } => StoreError::Place {
                what: files::last_name(path),
                why: format!(
                    "it cannot be read on a read-only disk: {why}; copy the database and its log to a writable disk"
                ),
            },
            other => other,
        };
        let key = key.await.map_err(unreadable)?;
        let reads = Readers::open(path.to_owned(), access).await?;
        Ok(SqliteStore {
            reads,
            under_way: Arc::default(),
            files: OpenFiles::of(path),
            key,
            head: Mutex::default(),
            jobs: Mutex::default(),
            open: tokio::sync::Mutex::default(),
            failed: None,
            read_only: true,
        })
    }

    /// Returns why an earlier process failed to sync, if it recorded that and this is the first process to open the
    /// store since. Its log was rewritten and synced before it was read.
    pub fn earlier_sync_failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Removes the record behind [`SqliteStore::earlier_sync_failure`] of the store at `path`, once it is in the ledger.
    pub fn clear_earlier_sync_failure(path: &Path) {
        files::clear_sync_failure(path);
    }

    async fn start(path: &Path, mut writer: Writer, lock: ProcessLock) -> Result<SqliteStore, StoreError> {
        let key = writer.key().clone();
        let reads = Readers::open(path.to_owned(), Access::Shared).await?;
        let files = OpenFiles::of(path);
        writer.watch(path, files.clone());
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("store-writer".into());
        let thread = thread.spawn(move || writer.serve(waiting)).map_err(|e| files::place(path, &e))?;
        let failed = lock.failed().map(str::to_owned);
        let open = tokio::sync::Mutex::new(Some(Open { writer: thread, lock }));
        let jobs = Mutex::new(Some(jobs));
        let (head, under_way) = (Mutex::default(), Arc::default());
        Ok(SqliteStore { reads, under_way, files, key, head, jobs, open, failed, read_only: false })
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Job>>> {
        // No code panics while it holds the lock.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SqliteStore {
    /// Closes a store that was not closed, for example when a command returns with an error. The log is then copied
    /// into the database instead of left for the next process.
    fn drop(&mut self) {
        drop(self.jobs().take());
        self.reads.give_up();
        self.under_way.interrupt();
        end(self.reads.close(), self.open.get_mut().take());
    }
}

/// Ends every thread, and with them the connections.
fn end(readers: Vec<Reader>, open: Option<Open>) {
    // SQLite copies its log into the database when the last connection is closed. So the threads only end, and their
    // connections are closed one after the other, the writer's last.
    let readers: Vec<_> = readers.into_iter().map(JoinHandle::join).collect();
    if let Some(Open { writer, lock }) = open {
        let writer = writer.join();
        drop(readers);
        drop(writer);
        drop(lock);
    }
}

/// Runs blocking work on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}
