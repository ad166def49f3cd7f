//! The spool: sealed payloads on disk, one file each. Bytes come in as they arrive, in any number of attempts; a
//! payload that is complete and durable goes out to readers.
//!
//! It holds ciphertext and never a key. It refuses names that are not built from an identifier, links in place of
//! files, folders that others may enter, a second writer for one file, a reused file that is still open as another
//! payload, a prefix with another digest than promised, and any payload that would use up the reserve.

mod id;
mod error;
mod disk;
mod lock;
mod sync_failure;
mod closing;
mod file_pool;
mod lost_and_found;
mod listing;
mod reservation;
mod reader;
mod sync;
mod file;
mod writer;
mod resume;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use disk::{Disk, SystemDisk};
pub use error::SpoolError;
pub use file::SpoolFile;
pub use id::Spooled;
pub use id::{NotASpoolId, SpoolId};
pub use listing::Listing;
pub use lock::FileHold;
pub use lost_and_found::{ExclusiveFile, LostFile, Note};
pub use reader::{PayloadCursor, PayloadReader};
pub use reservation::Reservation;
pub use writer::SpoolWriter;

use self::closing::{Closing, ClosingFiles};
use self::file_pool::FilePool;
use self::lock::{Hold, Locked};
use self::reservation::Reserved;
use self::sync_failure::SyncFailure;
use crate::digest::{Digest, Hasher};

/// Maximum length in bytes of a sealed payload that is stored inline. A database writes so few bytes faster than a
/// file system creates a file, and makes them durable together with their row.
pub const INLINE_BYTES_MAX: u64 = 64 * 1024;

/// Bytes read or written at a time.
const CHUNK: usize = 256 * 1024;
/// Suffix of the name of a file that is not complete.
const PARTIAL: &str = ".part";
/// Suffix of the name of a mark that records a failed sync of a file.
const UNSYNCED: &str = ".unsynced";

/// A payload that is complete and durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompletePayload {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub digest: Digest,
}

/// A directory of payload files, shared by the processes of a node.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: Arc<PathBuf>,
    reserve_bytes: u64,
    /// Sealed payloads up to this length in bytes are stored inline.
    short: u64,
    /// Bytes of a payload that are buffered before they are passed to its file.
    piece: usize,
    /// Writers of this process that were dropped while a piece was being written.
    closing_files: ClosingFiles,
    /// Files to be reused for new payloads.
    pool: FilePool,
    disk: Arc<dyn Disk>,
    /// Space that this process has reserved.
    reserved: Reserved,
    /// Whether a sync failed in this process.
    sync_failure: SyncFailure,
    /// For each unfinished payload, the bytes that this process has synced, and the hasher after them.
    synced: Arc<Mutex<BTreeMap<SpoolId, (u64, Hasher)>>>,
}

impl Spool {
    /// Opens the spool in `folder`, which is created with mode 0700 if it does not exist. At least `reserve_bytes` of
    /// its file system stay free: a payload that would leave less is refused before its first byte.
    ///
    /// # Errors
    /// [`SpoolError::Place`] if `folder` is a link, not a folder, or others may enter it.
    pub fn open(folder: &Path, reserve_bytes: u64) -> Result<Spool, SpoolError> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(SpoolError::of_io("its folder", &e)),
            _ => {}
        }
        let found = fs::symlink_metadata(folder).map_err(|e| SpoolError::of_io("its folder", &e))?;
        if !found.is_dir() {
            return Err(SpoolError::Place { why: "expected a folder, found a file or a link".into() });
        }
        if found.permissions().mode() & 0o077 != 0 {
            return Err(SpoolError::Place { why: "others may enter its folder: set its mode to 0700".into() });
        }
        Ok(Spool {
            pool: FilePool::of(folder),
            folder: Arc::new(folder.to_owned()),
            reserve_bytes,
            short: 0,
            piece: CHUNK,
            closing_files: ClosingFiles::default(),
            disk: Arc::new(SystemDisk),
            reserved: Reserved::default(),
            sync_failure: SyncFailure::default(),
            synced: Arc::default(),
        })
    }

    /// Uses another disk than the operating system's.
    #[must_use]
    pub fn with_disk(self, disk: Arc<dyn Disk>) -> Spool {
        Spool { disk, ..self }
    }

    /// Passes payloads to their files in pieces of `bytes`. If the process dies, bytes that were buffered and not
    /// passed on must be sent again.
    #[must_use]
    pub fn with_buffer_bytes(self, bytes: usize) -> Spool {
        Spool { piece: bytes, ..self }
    }

    /// Uses the spool only for sealed payloads longer than `bytes`; shorter ones are stored inline.
    #[must_use]
    pub fn with_inline_bytes_max(self, bytes: u64) -> Spool {
        Spool { short: bytes.min(INLINE_BYTES_MAX), ..self }
    }

    /// Registers `told`, which is called once when a sync fails, whatever happens to the error of the caller. From
    /// then on this spool cannot make anything durable, and the process must end.
    pub fn on_sync_failure(&self, told: impl Fn(&SpoolError) + Send + 'static) {
        self.sync_failure.tell(Box::new(told));
    }

    /// Returns whether a sealed payload of `size` bytes is stored inline.
    pub fn is_inline(&self, size: u64) -> bool {
        (1..=self.short).contains(&size)
    }

    /// Creates a file for a payload of `size` bytes; an earlier partial file is discarded.
    ///
    /// # Errors
    /// [`SpoolError::Reserve`]; [`SpoolError::Exists`] if the payload is complete already; [`SpoolError::InUse`].
    pub async fn create(&self, id: SpoolId, size: u64) -> Result<SpoolWriter, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.begin(id, size).map(SpoolWriter::new)).await
    }

    /// As [`Spool::create`], for a caller that may block because it produces the payload here.
    ///
    /// # Errors
    /// As [`Spool::create`].
    pub fn begin(&self, id: SpoolId, size: u64) -> Result<SpoolFile, SpoolError> {
        self.sync_failure.check()?;
        // An earlier attempt is not discarded if there is no space for the new one.
        self.admit(size.saturating_sub(self.held(id)))?;
        if self.whole(id).symlink_metadata().is_ok() {
            return Err(SpoolError::Exists { id });
        }
        let file = self.partial_file(id)?;
        self.forget_synced(id);
        file.set_len(0).map_err(|e| SpoolError::of_io("a truncation", &e))?;
        self.unmark(id);
        // If there is no space, no file is left.
        let room = self.allocate(&file, 0, size).inspect_err(|_| {
            let _ = fs::remove_file(self.partial(id));
        })?;
        Ok(SpoolFile::new(self.clone(), id, file, room, Hasher::new(), 0))
    }

    /// Opens a complete payload for reading.
    ///
    /// # Errors
    /// [`SpoolError::Missing`] if it does not exist or is incomplete.
    pub async fn read(&self, id: SpoolId) -> Result<PayloadReader, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.read_blocking(id)).await
    }

    /// As [`Spool::read`], for a caller that may block.
    ///
    /// # Errors
    /// As [`Spool::read`].
    pub fn read_blocking(&self, id: SpoolId) -> Result<PayloadReader, SpoolError> {
        PayloadReader::open(id, &self.whole(id))
    }

    /// Returns whether a payload exists, complete or partial.
    pub fn has_any(&self, id: SpoolId) -> bool {
        [self.whole(id), self.partial(id)].iter().any(|path| path.symlink_metadata().is_ok())
    }

    /// Removes a payload, complete or partial. It is no error if it does not exist.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if it was not removed; [`SpoolError::Broken`] if the removal is not durable.
    pub async fn remove(&self, id: SpoolId) -> Result<(), SpoolError> {
        let spool = self.clone();
        blocking(move || spool.remove_blocking(id)).await
    }

    /// As [`Spool::remove`], for a caller that may block.
    ///
    /// # Errors
    /// As [`Spool::remove`].
    pub fn remove_blocking(&self, id: SpoolId) -> Result<(), SpoolError> {
        self.unlink(id)?;
        self.sync_folder()
    }

    /// As [`Spool::remove`], but not durably, for a payload that is no longer needed: it may exist again, or as an
    /// empty file, after a power failure; the next start then finds that no row needs it. Its file, emptied, may be
    /// reused for another payload unless somebody still has it open.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if it was not removed.
    pub async fn recycle(&self, id: SpoolId) -> Result<(), SpoolError> {
        let spool = self.clone();
        blocking(move || {
            spool.pool.keep(&spool.whole(id));
            // A file that was added to the pool has lost its name already.
            spool.unlink(id)
        })
        .await
    }

    /// Removes the empty spare files of earlier processes, and returns the number of other entries in their folder:
    /// not created by the spool, or not empty.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if they were not removed.
    pub async fn clear_pool(&self) -> Result<u64, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.pool.clear().map_err(|e| SpoolError::of_io("removing spare files", &e))).await
    }

    /// Removes the marks of failed syncs of those payloads of which nothing is left.
    pub fn forget_unsynced(&self, of: &[SpoolId]) {
        of.iter().filter(|id| !self.has_any(**id)).for_each(|id| self.unmark(*id));
    }

    fn unlink(&self, id: SpoolId) -> Result<(), SpoolError> {
        self.forget_synced(id);
        for path in [self.whole(id), self.partial(id)] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(SpoolError::of_io("a removal", &e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the bytes that an unfinished payload takes on disk.
    fn held(&self, id: SpoolId) -> u64 {
        let found = self.partial(id).symlink_metadata();
        found.map_or(0, |found| found.blocks().saturating_mul(512))
    }

    fn whole(&self, id: SpoolId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn partial(&self, id: SpoolId) -> PathBuf {
        self.folder.join(format!("{id}{PARTIAL}"))
    }

    /// Opens the partial file with an exclusive lock. It is created, from a spare file if there is one, if it does
    /// not exist.
    fn partial_file(&self, id: SpoolId) -> Result<Locked, SpoolError> {
        let path = self.partial(id);
        self.closing_files.wait(id);
        if let Some(file) = self.pool.take(&path) {
            return Ok(file);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(NO_FOLLOW);
        let file = options.open(&path).map_err(|e| SpoolError::of_io("a payload file", &e))?;
        Locked::new(file, &path, Hold::Alone)?.ok_or(SpoolError::InUse { id })
    }

    /// Marks that a writer was dropped while a piece was being written, until the returned value is dropped.
    fn closing(&self, id: SpoolId) -> Closing {
        self.closing_files.begin(id)
    }
}

/// `O_NOFOLLOW` and `O_CLOEXEC`: a link in place of a payload is an error, so it cannot lead out of the folder.
const NO_FOLLOW: i32 = (rustix::fs::OFlags::NOFOLLOW.bits() | rustix::fs::OFlags::CLOEXEC.bits()) as i32;

/// Runs file operations on a thread that may block; outside a runtime, on the current thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return work() };
    runtime.spawn_blocking(work).await.map_err(|_| SpoolError::Interrupted)?
}
