//! The spool: sealed payloads on disk, one file each, written as they arrive and whole only once they are durable.
//!
//! It holds ciphertext and never a key. It refuses names that are not made from an identifier, links in place of
//! files, directories that others may enter, a second writer for one file, a file that was another payload's and is still
//! open as that, a prefix that does not hash to what was promised, and any payload that would eat into the reserve.

mod broken;
mod disk;
mod ending;
mod fault;
mod id;
mod listing;
mod lock;
mod lost;
mod reader;
mod room;
mod spares;
mod writer;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use disk::{Disk, SystemDisk};
pub use fault::SpoolError;
pub use id::{NotASpoolId, SpoolId};
pub use listing::{Listing, Spooled};
pub use lost::{Held, Loose, Lost, Note};
pub use reader::{PayloadCursor, PayloadReader};
pub use room::Promise;
pub use writer::{SpoolFile, SpoolWriter};

use self::broken::Broken;
use self::ending::Endings;
use self::lock::{Hold, Locked};
use self::room::{Promised, shrink};
use self::spares::Spares;
use super::KEPT_BYTES_MAX;
use crate::digest::{Digest, Hasher};

/// Bytes read or written at a time.
const CHUNK: usize = 256 * 1024;
/// What the name of a file that is not whole yet ends with.
const PARTIAL: &str = ".part";
/// What the name of the note ends with that says of a file that a sync of it failed.
const UNSYNCED: &str = ".unsynced";

/// A payload that is whole and durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Whole {
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
    /// Sealed payloads up to this length are somebody else's to keep.
    short: u64,
    /// How much of a payload is gathered before it is handed to its file.
    piece: usize,
    /// Writers of this process that were dropped while a piece was being written.
    endings: Endings,
    /// Files of payloads that were let go, for those to come.
    spares: Spares,
    disk: Arc<dyn Disk>,
    /// Room that this process promised.
    promised: Promised,
    /// Whether a sync failed in this process.
    broken: Broken,
    /// How many bytes of each unfinished payload this process has synced, and what hashed them.
    synced: Arc<Mutex<BTreeMap<SpoolId, (u64, Hasher)>>>,
}

impl Spool {
    /// The spool in `folder`, which is made if it is not there (mode 0700). At least `reserve_bytes` of its file
    /// system stay free: a payload that would leave less is refused before its first byte.
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
        let (folder, spares) = (Arc::new(folder.to_owned()), Spares::of(folder));
        let (endings, disk, broken) = (Endings::default(), Arc::new(SystemDisk), Broken::default());
        let (promised, synced) = (Promised::default(), Arc::default());
        Ok(Spool { folder, reserve_bytes, short: 0, piece: CHUNK, endings, spares, disk, promised, broken, synced })
    }

    /// The same spool, on another disk than the system's.
    #[must_use]
    pub fn on(self, disk: Arc<dyn Disk>) -> Spool {
        Spool { disk, ..self }
    }

    /// The same spool, handing payloads to their files in pieces of `bytes`: what a process that dies has gathered and
    /// not handed over is sent again.
    #[must_use]
    pub fn in_pieces_of(self, bytes: usize) -> Spool {
        Spool { piece: bytes, ..self }
    }

    /// The same spool, for sealed payloads longer than `bytes`: the store keeps the others itself.
    #[must_use]
    pub fn for_longer_than(self, bytes: u64) -> Spool {
        Spool { short: bytes.min(KEPT_BYTES_MAX), ..self }
    }

    /// Has `told` called with what happened when a sync fails, whoever asked for it and whatever becomes of their error:
    /// from then on this spool makes nothing durable any more, and the process must end.
    pub fn on_broken(&self, told: impl Fn(&SpoolError) + Send + 'static) {
        self.broken.tell(Box::new(told));
    }

    /// Whether a sealed payload of `size` bytes is the store's to keep.
    pub fn is_short(&self, size: u64) -> bool {
        (1..=self.short).contains(&size)
    }

    /// Begins a file for a payload of `size` bytes; what was written of it before is discarded.
    ///
    /// # Errors
    /// [`SpoolError::Reserve`]; [`SpoolError::Exists`] if it is whole already; [`SpoolError::InUse`].
    pub async fn create(&self, id: SpoolId, size: u64) -> Result<SpoolWriter, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.begin(id, size).map(SpoolWriter::new)).await
    }

    /// As [`Spool::create`], for a caller that may block: something is produced here instead of arriving.
    ///
    /// # Errors
    /// As [`Spool::create`].
    pub fn begin(&self, id: SpoolId, size: u64) -> Result<SpoolFile, SpoolError> {
        self.broken.check()?;
        // Nothing of an earlier attempt is discarded for one that has no room.
        self.admit(size.saturating_sub(self.held(id)))?;
        if self.whole(id).symlink_metadata().is_ok() {
            return Err(SpoolError::Exists { id });
        }
        let file = self.partial_file(id)?;
        self.forget_synced(id);
        file.set_len(0).map_err(|e| SpoolError::of_io("a truncation", &e))?;
        self.unmark(id);
        // What has no room leaves no file.
        let room = self.allocate(&file, 0, size).inspect_err(|_| {
            let _ = fs::remove_file(self.partial(id));
        })?;
        Ok(SpoolFile::new(self.clone(), id, file, room, Hasher::new(), 0))
    }

    /// Goes on with a payload of `size` bytes from what is there, or begins it. What is there is read, hashed, written
    /// again and made durable, never assumed: that it reads back proves nothing, for a sync before this may have failed.
    /// If it is longer than `size`, does not begin with the prefix `promised` (length and digest), or is known not to be
    /// durable, it is discarded and the payload begins anew.
    ///
    /// # Errors
    /// [`SpoolError::Reserve`]; [`SpoolError::InUse`]; [`SpoolError::Broken`].
    pub async fn resume(
        &self,
        id: SpoolId,
        size: u64,
        promised: Option<(u64, Digest)>,
    ) -> Result<SpoolWriter, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.resume_blocking(id, size, promised).map(SpoolWriter::new)).await
    }

    fn resume_blocking(
        &self,
        id: SpoolId,
        size: u64,
        promised: Option<(u64, Digest)>,
    ) -> Result<SpoolFile, SpoolError> {
        self.broken.check()?;
        // A file that was finished by a process that then died before it recorded so is gone on with as well.
        let file = match self.unfinished(id)? {
            Some(file) => file,
            None => self.partial_file(id)?,
        };
        let truncation = |e: io::Error| SpoolError::of_io("a truncation", &e);
        if self.mark(id).symlink_metadata().is_ok() {
            file.set_len(0).map_err(truncation)?;
        }
        let metadata = file.metadata().map_err(|e| SpoolError::of_io("its length", &e))?;
        let found = metadata.len();
        // A process that was killed may have left more allocated than it wrote.
        shrink(&file, found).map_err(truncation)?;
        self.admit(size.saturating_sub(found))?;
        // What this process has synced is on the disk, or it would make nothing durable any more; reading and writing
        // gigabytes again for each link that breaks would take longer than a sender waits.
        let proven = self.synced_bytes().get(&id).cloned().unwrap_or((0, Hasher::new()));
        let (length, hasher) = writer::prefix(&*self.disk, &file, found, proven, size, promised)?;
        file.set_len(length).map_err(truncation)?;
        let synced = self.sync(&file).and_then(|()| self.sync_folder());
        synced.inspect_err(|error| self.give_up(id, &file, error))?;
        self.unmark(id);
        self.note_synced(id, length, hasher.clone());
        let room = self.allocate(&file, length, size)?;
        // Nothing has come yet, so it is as old as it was.
        let modified = metadata.modified().and_then(|modified| file.set_modified(modified));
        modified.map_err(|e| SpoolError::of_io("its time", &e))?;
        Ok(SpoolFile::new(self.clone(), id, file, room, hasher, length))
    }

    /// Opens a whole payload for reading.
    ///
    /// # Errors
    /// [`SpoolError::Missing`] if it is not there or not whole.
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

    /// Whether there is anything of a payload, whole or partial.
    pub fn has_any(&self, id: SpoolId) -> bool {
        [self.whole(id), self.partial(id)].iter().any(|path| path.symlink_metadata().is_ok())
    }

    /// Removes a payload, whole or partial. One that is not there is removed already.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if it stays; [`SpoolError::Broken`] if that is not durable.
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

    /// As [`Spool::remove`], for what nobody has any use for, so that it may be there again after a power failure, or as
    /// an empty file: then the next start finds that no row needs it. Its file, emptied, may become another payload's,
    /// unless somebody still has it open.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if it stays.
    pub async fn let_go(&self, id: SpoolId) -> Result<(), SpoolError> {
        let spool = self.clone();
        blocking(move || {
            spool.spares.keep(&spool.whole(id));
            // Of what was kept there is nothing left to remove under its name.
            spool.unlink(id)
        })
        .await
    }

    /// Removes the spares that processes before this one left and that are empty, and says how many things are among
    /// them that the spool did not make, or that are not.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if they stay.
    pub async fn clear_spares(&self) -> Result<u64, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.spares.clear().map_err(|e| SpoolError::of_io("removing spare files", &e))).await
    }

    /// Forgets that syncs of these payloads failed, where nothing is left of them.
    pub fn forget_unsynced(&self, of: &[SpoolId]) {
        of.iter().filter(|id| !self.has_any(**id)).for_each(|id| self.unmark(*id));
    }

    fn synced_bytes(&self) -> MutexGuard<'_, BTreeMap<SpoolId, (u64, Hasher)>> {
        // No code panics while it holds the lock.
        self.synced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers how much of an unfinished payload was synced.
    fn note_synced(&self, id: SpoolId, length: u64, hasher: Hasher) {
        self.synced_bytes().insert(id, (length, hasher));
    }

    /// Forgets it of one that is finished, gone or begun anew.
    fn forget_synced(&self, id: SpoolId) {
        self.synced_bytes().remove(&id);
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

    /// How many bytes an unfinished payload takes on the disk.
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

    /// The partial file, locked against everybody else of any process. It is made if it is not there, of a spare if
    /// there is one.
    fn partial_file(&self, id: SpoolId) -> Result<Locked, SpoolError> {
        let path = self.partial(id);
        self.endings.wait(id);
        if let Some(file) = self.spares.take(&path) {
            return Ok(file);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(NO_FOLLOW);
        let file = options.open(&path).map_err(|e| SpoolError::of_io("a payload file", &e))?;
        Locked::new(file, &path, Hold::Alone)?.ok_or(SpoolError::InUse { id })
    }

    /// The whole file, locked like a partial one and made one again; nothing if there is none.
    fn unfinished(&self, id: SpoolId) -> Result<Option<Locked>, SpoolError> {
        let path = self.whole(id);
        let file = match OpenOptions::new().read(true).write(true).custom_flags(NO_FOLLOW).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|e| SpoolError::of_io("a payload file", &e))?,
        };
        // Locked first: were it another's to read or let go, it would not lose its name to this.
        let file = Locked::new(file, &path, Hold::Alone)?.ok_or(SpoolError::InUse { id })?;
        rename_new(&path, &self.partial(id)).map_err(|e| SpoolError::of_io("a rename", &e))?;
        Ok(Some(file))
    }

    /// Says that a writer was dropped while a piece was being written, until what this gives is dropped.
    fn ending(&self, id: SpoolId) -> ending::Ending {
        self.endings.begin(id)
    }

    /// Makes durable what a file holds.
    fn sync(&self, file: &File) -> Result<(), SpoolError> {
        self.disk.sync(file).map_err(|e| self.broken.by("a payload", &e))
    }

    fn sync_folder(&self) -> Result<(), SpoolError> {
        self.sync_folder_at(&self.folder)
    }

    fn sync_folder_at(&self, path: &Path) -> Result<(), SpoolError> {
        let folder = File::open(path).map_err(|e| SpoolError::of_io("its folder", &e))?;
        self.disk.sync_folder(&folder, path).map_err(|e| self.broken.by("a name in its folder", &e))
    }

    /// Sees to it that nothing of a file is ever gone on with, if `error` says that a sync of it failed. On a disk that
    /// fails, each step may, so every one is tried: the note that the next start reads, the bytes, and the name.
    fn give_up(&self, id: SpoolId, file: &Locked, error: &SpoolError) {
        if !matches!(error, SpoolError::Broken { .. }) {
            return;
        }
        self.forget_synced(id);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).custom_flags(NO_FOLLOW);
        if let Ok(mut note) = options.open(self.mark(id)) {
            let _ = io::Write::write_all(&mut note, format!("{error}\n").as_bytes());
            let _ = self.disk.sync(&note);
        }
        let _ = file.set_len(0);
        for path in [self.whole(id), self.partial(id)] {
            if file.is_at(&path) {
                let _ = fs::remove_file(path);
            }
        }
        let _ = self.sync_folder();
    }

    /// The note that a sync of a payload failed.
    fn mark(&self, id: SpoolId) -> PathBuf {
        self.folder.join(format!("{id}{UNSYNCED}"))
    }

    /// Removes that note, once nothing is left of what it is about.
    fn unmark(&self, id: SpoolId) {
        let _ = fs::remove_file(self.mark(id));
    }
}

/// `O_NOFOLLOW` and `O_CLOEXEC`: a link in the place of a payload is an error, not a way out of the folder.
const NO_FOLLOW: i32 = (rustix::fs::OFlags::NOFOLLOW.bits() | rustix::fs::OFlags::CLOEXEC.bits()) as i32;

/// Renames without ever replacing a file that is there.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Both are there only if a partial file was begun beside a whole one, which `create` refuses: the whole one
        // is what was finished last.
        Err(rustix::io::Errno::EXIST) => fs::rename(from, to),
        other => other.map_err(io::Error::from),
    }
}

/// Runs file work where it may block. Outside a runtime there is nobody to hold up, and it is done on the spot.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return work() };
    runtime.spawn_blocking(work).await.map_err(|_| SpoolError::Interrupted)?
}
