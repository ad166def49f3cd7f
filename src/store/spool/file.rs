//! One spool file being written where the caller may block: hashed as it is written, and synced in the background.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::lock::{FileHold, Locked};
use super::reservation::{Allocation, shrink};
use super::{CompletePayload, Spool, SpoolError, SpoolId, blocking};
use crate::digest::{Digest, Hasher};

/// How much is written between the beginnings of two syncs. One is in progress while this much more is written, so a
/// power failure, not a crash of the process, can lose twice as much; what is on its way comes on top. An interrupted
/// payload is resumed less than 8 MiB before where it stopped.
const SYNC_EVERY: u64 = 3 * 1024 * 1024;

/// A spool file being written where work may block: what [`super::SpoolWriter`] is to a connection. Dropping it keeps what
/// was written, for [`Spool::resume`].
pub struct SpoolFile {
    spool: Spool,
    id: SpoolId,
    file: Arc<Locked>,
    room: Allocation,
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
    pub(super) fn new(
        spool: Spool,
        id: SpoolId,
        file: Locked,
        room: Allocation,
        hasher: Hasher,
        length: u64,
    ) -> SpoolFile {
        let synced = Prefix { length, hasher: hasher.clone() };
        SpoolFile { spool, id, file: Arc::new(file), room, hasher, length, synced, syncing: None, failed: false }
    }

    /// Its spool, its name, and the digest of what was taken so far.
    pub(super) fn parts(&self) -> (Spool, SpoolId, Digest) {
        (self.spool.clone(), self.id, self.hasher.clone().finish())
    }

    /// Length of the prefix that is durable.
    pub(super) fn synced_length(&self) -> u64 {
        self.synced.length
    }

    /// Digest of the prefix that is durable.
    pub(super) fn synced_digest(&self) -> Digest {
        self.synced.hasher.clone().finish()
    }

    /// Whether a sync is under way.
    pub(super) fn is_syncing(&self) -> bool {
        self.syncing.is_some()
    }

    /// How many bytes were taken so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Makes the file durable and whole.
    ///
    /// # Errors
    /// [`SpoolError::Full`]; [`SpoolError::Failed`]; [`SpoolError::Broken`].
    pub fn finish(mut self) -> Result<CompletePayload, SpoolError> {
        self.complete(None)
    }

    /// As [`SpoolFile::finish`], and has the file held until its row is on record.
    ///
    /// # Errors
    /// As [`SpoolFile::finish`]; [`SpoolError::InUse`] if somebody else took it.
    pub fn finish_held(mut self) -> Result<(CompletePayload, FileHold), SpoolError> {
        let whole = self.complete(None)?;
        Ok((whole, self.hold()?))
    }

    /// As [`SpoolFile::finish_held`], where it may block.
    ///
    /// # Errors
    /// As [`SpoolFile::finish_held`].
    pub async fn finish_aside(self) -> Result<(CompletePayload, FileHold), SpoolError> {
        blocking(move || self.finish_held()).await
    }

    /// Holds what is whole now.
    pub(super) fn hold(&self) -> Result<FileHold, SpoolError> {
        let held = self.file.share() && self.file.is_at(&self.spool.whole(self.id));
        if held { Ok(FileHold::new(self.file.clone())) } else { Err(SpoolError::InUse { id: self.id }) }
    }

    /// Removes everything that was written.
    ///
    /// # Errors
    /// As [`Spool::remove`].
    pub fn discard(self) -> Result<(), SpoolError> {
        self.spool.remove_blocking(self.id)
    }

    pub(super) fn complete(&mut self, expected: Option<Digest>) -> Result<CompletePayload, SpoolError> {
        let digest = self.hasher.clone().finish();
        if self.failed {
            return Err(SpoolError::Interrupted);
        }
        if expected.is_some_and(|expected| expected != digest) {
            return Err(SpoolError::Disagrees { id: self.id });
        }
        // Content before name: whoever finds the file under its final name finds all of it, also after a power failure.
        self.spool.sync_failure.check()?;
        self.release_space()?;
        self.sync()?;
        fs::rename(self.spool.partial(self.id), self.spool.whole(self.id))
            .map_err(|e| SpoolError::of_io("a rename", &e))?;
        self.spool.sync_folder().inspect_err(|error| self.spool.give_up(self.id, &self.file, error))?;
        self.spool.forget_synced(self.id);
        Ok(CompletePayload { size: self.length, digest })
    }

    /// Takes the next bytes, and begins to make everything durable if enough of it is not.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
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
    fn release_space(&self) -> Result<(), SpoolError> {
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
        let failed = || self.spool.sync_failure.by("a payload", &std::io::Error::other("the thread of a sync failed"));
        let ended = thread.join().unwrap_or_else(|_| Err(failed()));
        self.synced_to(prefix, ended)
    }

    pub(super) fn sync(&mut self) -> Result<(), SpoolError> {
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
            let _ = self.release_space();
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
