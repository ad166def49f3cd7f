//! Writing one spool file, piece by piece, hashing as it goes. Bytes are taken while those before are written, and
//! written while those before are made durable.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::task::JoinHandle as Task;

use super::lock::Locked;
use super::room::{Room, shrink};
use super::{CHUNK, Disk, Held, Spool, SpoolError, SpoolId, Whole, blocking};
use crate::digest::{Digest, Hasher};

/// How much is written between the beginnings of two syncs. One is in progress while this much more is written, so a
/// power failure, not a crash of the process, can lose twice as much; what is on its way comes on top. An interrupted
/// payload is resumed less than 8 MiB before where it stopped.
const SYNC_EVERY: u64 = 3 * 1024 * 1024;

/// A spool file being written where work may block: what [`SpoolWriter`] is to a connection. Dropping it keeps what
/// was written, for [`Spool::resume`].
pub struct SpoolFile {
    spool: Spool,
    id: SpoolId,
    file: Arc<Locked>,
    room: Room,
    hasher: Hasher,
    length: u64,
    /// The prefix that is durable.
    synced: Prefix,
    syncing: Option<Syncing>,
    /// Set when an operation failed, so that nothing is ever gone on with after it.
    failed: bool,
}

/// A prefix of a payload: its length, and what hashed it.
#[derive(Clone)]
struct Prefix {
    length: u64,
    hasher: Hasher,
}

/// A prefix that is being made durable.
struct Syncing {
    prefix: Prefix,
    thread: JoinHandle<Result<(), SpoolError>>,
}

impl SpoolFile {
    /// A file of which the first `length` bytes, which `hasher` has seen, are durable, with room for the others.
    pub(super) fn new(spool: Spool, id: SpoolId, file: Locked, room: Room, hasher: Hasher, length: u64) -> SpoolFile {
        let synced = Prefix { length, hasher: hasher.clone() };
        SpoolFile { spool, id, file: Arc::new(file), room, hasher, length, synced, syncing: None, failed: false }
    }

    /// How many bytes were taken so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Makes the file durable and whole.
    ///
    /// # Errors
    /// [`SpoolError::Full`]; [`SpoolError::Failed`]; [`SpoolError::Broken`].
    pub fn finish(mut self) -> Result<Whole, SpoolError> {
        self.complete(None)
    }

    /// As [`SpoolFile::finish`], and has the file held until its row is on record.
    ///
    /// # Errors
    /// As [`SpoolFile::finish`]; [`SpoolError::InUse`] if somebody else took it.
    pub fn finish_held(mut self) -> Result<(Whole, Held), SpoolError> {
        let whole = self.complete(None)?;
        Ok((whole, self.hold()?))
    }

    /// As [`SpoolFile::finish_held`], where it may block.
    ///
    /// # Errors
    /// As [`SpoolFile::finish_held`].
    pub async fn finish_aside(self) -> Result<(Whole, Held), SpoolError> {
        blocking(move || self.finish_held()).await
    }

    /// Holds what is whole now.
    fn hold(&self) -> Result<Held, SpoolError> {
        let held = self.file.share() && self.file.is_at(&self.spool.whole(self.id));
        if held { Ok(Held::new(self.file.clone())) } else { Err(SpoolError::InUse { id: self.id }) }
    }

    /// Removes everything that was written.
    ///
    /// # Errors
    /// As [`Spool::remove`].
    pub fn discard(self) -> Result<(), SpoolError> {
        self.spool.remove_blocking(self.id)
    }

    fn complete(&mut self, expected: Option<Digest>) -> Result<Whole, SpoolError> {
        let digest = self.hasher.clone().finish();
        if self.failed {
            return Err(SpoolError::Interrupted);
        }
        if expected.is_some_and(|expected| expected != digest) {
            return Err(SpoolError::Disagrees { id: self.id });
        }
        // Content before name: whoever finds the file under its final name finds all of it, also after a power failure.
        self.spool.broken.check()?;
        self.give_room_back()?;
        self.sync()?;
        fs::rename(self.spool.partial(self.id), self.spool.whole(self.id))
            .map_err(|e| SpoolError::of_io("a rename", &e))?;
        self.spool.sync_folder().inspect_err(|error| self.spool.give_up(self.id, &self.file, error))?;
        self.spool.forget_synced(self.id);
        Ok(Whole { size: self.length, digest })
    }

    /// Takes the next bytes, and begins to make everything durable if enough of it is not.
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if self.failed {
            return Err(SpoolError::Interrupted);
        }
        self.room.write(&self.spool, self.length, bytes.len() as u64)?;
        if let Err(e) = (&**self.file).write_all(bytes) {
            self.failed = true;
            return Err(SpoolError::of_io("a write", &e));
        }
        self.hasher.update(bytes);
        let from = self.length;
        self.length += bytes.len() as u64;
        self.spool.disk.wrote(&self.file, from, self.length);
        let begun = self.syncing.as_ref().map_or(self.synced.length, |syncing| syncing.prefix.length);
        if self.length - begun >= SYNC_EVERY { self.begin_sync() } else { Ok(()) }
    }

    /// What was allocated and not written is anybody's again.
    fn give_room_back(&self) -> Result<(), SpoolError> {
        if !self.room.is_larger_than(self.length) {
            return Ok(());
        }
        shrink(&self.file, self.length).map_err(|e| SpoolError::of_io("giving room back", &e))
    }

    /// Begins to make everything so far durable, once what was begun before has ended.
    fn begin_sync(&mut self) -> Result<(), SpoolError> {
        self.await_sync()?;
        let (file, prefix) = (self.file.clone(), Prefix { length: self.length, hasher: self.hasher.clone() });
        let spool = self.spool.clone();
        self.syncing = Some(Syncing { prefix, thread: std::thread::spawn(move || spool.sync(&file)) });
        Ok(())
    }

    /// Waits until what was begun to be made durable is.
    fn await_sync(&mut self) -> Result<(), SpoolError> {
        let Some(Syncing { prefix, thread }) = self.syncing.take() else { return Ok(()) };
        let failed = || self.spool.broken.by("a payload", &std::io::Error::other("the thread of a sync failed"));
        let ended = thread.join().unwrap_or_else(|_| Err(failed()));
        self.synced_to(prefix, ended)
    }

    fn sync(&mut self) -> Result<(), SpoolError> {
        self.await_sync()?;
        let prefix = Prefix { length: self.length, hasher: self.hasher.clone() };
        let ended = self.spool.sync(&self.file);
        self.synced_to(prefix, ended)
    }

    fn synced_to(&mut self, prefix: Prefix, ended: Result<(), SpoolError>) -> Result<(), SpoolError> {
        if let Err(error) = ended {
            // A later sync need not tell of what this one failed with: nothing of such a file may be gone on with.
            self.failed = true;
            self.spool.give_up(self.id, &self.file, &error);
            return Err(error);
        }
        self.spool.note_synced(self.id, prefix.length, prefix.hasher.clone());
        self.synced = prefix;
        Ok(())
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        // One that fails is told to whoever the spool tells of it, since nobody is here to be told.
        let _ = self.await_sync();
        // Whoever goes on with it allocates the rest anew; of a file that is no longer what was written, nobody does.
        if !self.failed && self.file.metadata().is_ok_and(|found| found.len() == self.length) {
            let _ = self.give_room_back();
        }
    }
}

impl Write for SpoolFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.append(bytes).map_err(|error| match error {
            SpoolError::Full => std::io::Error::new(std::io::ErrorKind::StorageFull, error),
            other => std::io::Error::other(other),
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        // Every byte is handed to the file as it comes.
        Ok(())
    }
}

impl std::fmt::Debug for SpoolFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SpoolFile({} at {})", self.id, self.length)
    }
}

/// A payload being written as it arrives. Dropping it keeps what was written, for [`Spool::resume`].
pub struct SpoolWriter {
    spool: Spool,
    id: SpoolId,
    /// Not yet handed to the file; never more than one of the spool's pieces and one caller's piece. As much again is
    /// being written.
    pending: Vec<u8>,
    file: Hand,
    length: u64,
    durable: (u64, Digest),
}

/// Who has the file. An operation that fails keeps it, so that it can never be gone on with.
enum Hand {
    Here(Box<SpoolFile>),
    /// A piece is being written; it comes back empty.
    Writing(Task<Result<Written, SpoolError>>),
    Gone,
}

type Written = (Box<SpoolFile>, Vec<u8>);

impl SpoolWriter {
    pub(super) fn new(file: SpoolFile) -> SpoolWriter {
        let (length, digest) = (file.length, file.hasher.clone().finish());
        let (spool, id) = (file.spool.clone(), file.id);
        let file = Hand::Here(Box::new(file));
        SpoolWriter { spool, id, pending: Vec::new(), file, length, durable: (length, digest) }
    }

    /// What is being written.
    pub fn id(&self) -> SpoolId {
        self.id
    }

    /// Length in bytes of the prefix that is known to be durable, and its digest.
    pub fn durable(&self) -> (u64, Digest) {
        self.durable
    }

    /// How many bytes were taken so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Takes the next bytes. They are not durable when this returns, and perhaps not written: what goes wrong with them
    /// is told when more are given, or at the end.
    ///
    /// # Errors
    /// [`SpoolError::Full`]; [`SpoolError::Failed`]; [`SpoolError::Broken`]. After an error the writer takes no more.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if matches!(self.file, Hand::Gone) {
            return Err(SpoolError::Interrupted);
        }
        self.pending.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.pending.len() < self.spool.piece {
            return Ok(());
        }
        let (mut file, spare) = self.take_file().await?;
        let mut piece = std::mem::replace(&mut self.pending, spare);
        let work = move || {
            file.append(&piece)?;
            piece.clear();
            Ok((file, piece))
        };
        self.file = match tokio::runtime::Handle::try_current() {
            Ok(runtime) => Hand::Writing(runtime.spawn_blocking(work)),
            // Outside a runtime there is nobody to hold up, and it is done on the spot.
            Err(_) => Hand::Here(work()?.0),
        };
        Ok(())
    }

    /// Makes everything taken so far durable; returns its length and digest.
    ///
    /// # Errors
    /// As [`SpoolWriter::write`].
    pub async fn sync(&mut self) -> Result<(u64, Digest), SpoolError> {
        self.flush(SpoolFile::sync).await?;
        Ok(self.durable)
    }

    /// Makes the payload durable and whole. With `expected`, only if that is its digest; otherwise it stays partial.
    ///
    /// # Errors
    /// [`SpoolError::Disagrees`], or as [`SpoolWriter::write`].
    pub async fn finish(&mut self, expected: Option<Digest>) -> Result<Whole, SpoolError> {
        self.flush(move |file| file.complete(expected).map(|_| ())).await?;
        // Closing the file gives up its lock.
        self.file = Hand::Gone;
        let (size, digest) = self.durable;
        Ok(Whole { size, digest })
    }

    /// As [`SpoolWriter::finish`], and has the file held until its row is on record.
    ///
    /// # Errors
    /// As [`SpoolWriter::finish`]; [`SpoolError::InUse`] if somebody else took it.
    pub async fn finish_held(&mut self) -> Result<(Whole, Held), SpoolError> {
        self.flush(|file| file.complete(None).map(|_| ())).await?;
        let Hand::Here(file) = std::mem::replace(&mut self.file, Hand::Gone) else {
            return Err(SpoolError::Interrupted);
        };
        let (size, digest) = self.durable;
        Ok((Whole { size, digest }, file.hold()?))
    }

    /// Removes everything that was written, also after [`SpoolWriter::finish`].
    ///
    /// # Errors
    /// As [`Spool::remove`].
    pub async fn discard(&mut self) -> Result<(), SpoolError> {
        // What is being written is waited for, whatever becomes of it: its file is closed then.
        drop(self.take_file().await);
        self.file = Hand::Gone;
        self.pending = Vec::new();
        self.spool.remove(self.id).await
    }

    /// Takes the file out once nothing is written to it, with the room of the last piece. It is gone until it is put back.
    async fn take_file(&mut self) -> Result<Written, SpoolError> {
        // The task stays where it is while it is waited for: whoever stops waiting can go on with it later.
        let written = match &mut self.file {
            Hand::Writing(task) => Some(task.await.unwrap_or(Err(SpoolError::Interrupted))),
            _ => None,
        };
        match (std::mem::replace(&mut self.file, Hand::Gone), written) {
            (_, Some(written)) => {
                let (file, spare) = written?;
                self.note(&file);
                Ok((file, spare))
            }
            (Hand::Here(file), None) => Ok((file, Vec::new())),
            _ => Err(SpoolError::Interrupted),
        }
    }

    /// Hands what is pending to the file, then does `after`.
    async fn flush(
        &mut self,
        after: impl FnOnce(&mut SpoolFile) -> Result<(), SpoolError> + Send + 'static,
    ) -> Result<(), SpoolError> {
        let (mut file, _) = self.take_file().await?;
        let pending = std::mem::take(&mut self.pending);
        let file = blocking(move || {
            file.append(&pending)?;
            after(&mut file)?;
            Ok(file)
        })
        .await?;
        self.note(&file);
        self.file = Hand::Here(file);
        Ok(())
    }

    /// Remembers what of the file is durable.
    fn note(&mut self, file: &SpoolFile) {
        if file.synced.length != self.durable.0 {
            self.durable = (file.synced.length, file.synced.hasher.clone().finish());
        }
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        let hand = std::mem::replace(&mut self.file, Hand::Gone);
        let busy = match &hand {
            Hand::Here(file) => file.syncing.is_some(),
            Hand::Writing(_) => true,
            Hand::Gone => false,
        };
        let Some(runtime) = tokio::runtime::Handle::try_current().ok().filter(|_| busy) else { return };
        // The last piece and sync keep the file locked for a moment: whoever opens it in the meantime waits.
        let ending = self.spool.ending(self.id);
        runtime.spawn(async move {
            let file = match hand {
                Hand::Here(file) => Some(file),
                Hand::Writing(task) => task.await.ok().and_then(|written| Some(written.ok()?.0)),
                Hand::Gone => None,
            };
            let _ = tokio::task::spawn_blocking(move || drop(file)).await;
            drop(ending);
        });
    }
}

impl std::fmt::Debug for SpoolWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SpoolWriter({} at {})", self.id, self.length())
    }
}

/// How much of `file`, which has `found` bytes, may be kept for a payload of `size` bytes, and the hash so far. What this process
/// has synced and hashed itself, `proven`, is not read again; any other byte that is kept was written again as it was read, so
/// that a sync after this is one of these bytes whatever became of those before. The file is left positioned after it.
pub(super) fn prefix(
    disk: &dyn Disk,
    mut file: &File,
    found: u64,
    (proven, proven_hash): (u64, Hasher),
    size: u64,
    promised: Option<(u64, Digest)>,
) -> Result<(u64, Hasher), SpoolError> {
    let mut hasher = Hasher::new();
    let mut length = 0u64;
    let mut kept = found <= size && promised.is_none_or(|(promised, _)| promised <= found);
    if kept && promised.is_none() && proven <= found {
        (length, hasher) = (proven, proven_hash);
    }
    if kept {
        let failed = |e: std::io::Error| SpoolError::of_io("reading a prefix back", &e);
        file.seek(SeekFrom::Start(length)).map_err(failed)?;
        let mut chunk = vec![0; CHUNK];
        while kept && length < found {
            // The promised prefix is compared at exactly its end.
            let end = promised.map(|(end, _)| end).filter(|end| *end > length).unwrap_or(found);
            let take = usize::try_from(end - length).map_or(CHUNK, |left| left.min(CHUNK));
            let read = file.read(&mut chunk[..take]).map_err(failed)?;
            if read == 0 {
                break;
            }
            if length + read as u64 > proven {
                let again = |e| SpoolError::of_io("writing a prefix again", &e);
                file.write_all_at(&chunk[..read], length).map_err(again)?;
                disk.wrote(file, length, length + read as u64);
            }
            hasher.update(&chunk[..read]);
            length += read as u64;
            kept = promised.is_none_or(|(end, digest)| end != length || hasher.clone().finish() == digest);
        }
    }
    if !kept {
        (hasher, length) = (Hasher::new(), 0);
    }
    file.seek(SeekFrom::Start(length)).map_err(|e| SpoolError::of_io("a seek", &e))?;
    Ok((length, hasher))
}
