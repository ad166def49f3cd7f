//! A spool file being written by a caller that may block: hashed as it is written, and synced in the background.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::lock::{FileHold, Locked};
use super::reservation::{Allocation, shrink};
use super::{CompletePayload, Spool, SpoolError, SpoolId, blocking};
use crate::digest::{Digest, Hasher};

/// Bytes written between the starts of two syncs. While one sync runs, as much again may be written, so a power
/// failure (not a crash of the process) can lose up to twice this, and what is still buffered. An interrupted payload
/// is resumed less than 8 MiB before the point where it stopped.
const SYNC_EVERY: u64 = 3 * 1024 * 1024;

/// A spool file being written by a caller that may block; [`super::SpoolWriter`] is the asynchronous counterpart.
/// Dropping it keeps what was written, for [`Spool::resume`].
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
    /// Set when an operation failed; every later operation is then refused.
    failed: bool,
}

/// A prefix of a payload: its length, and the hasher after it.
#[derive(Clone)]
struct Prefix {
    length: u64,
    hasher: Hasher,
}

/// A prefix that is being synced.
struct Syncing {
    prefix: Prefix,
    thread: JoinHandle<Result<(), SpoolError>>,
}

impl SpoolFile {
    /// Returns a file whose first `length` bytes, which `hasher` has hashed, are durable, with `room` for the others.
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

    /// Returns its spool, its name, and the digest of the bytes accepted so far.
    pub(super) fn parts(&self) -> (Spool, SpoolId, Digest) {
        (self.spool.clone(), self.id, self.hasher.clone().finish())
    }

    /// Returns the length in bytes of the durable prefix.
    pub(super) fn synced_length(&self) -> u64 {
        self.synced.length
    }

    /// Returns the digest of the durable prefix.
    pub(super) fn synced_digest(&self) -> Digest {
        self.synced.hasher.clone().finish()
    }

    /// Returns whether a sync is running.
    pub(super) fn is_syncing(&self) -> bool {
        self.syncing.is_some()
    }

    /// Returns the number of bytes accepted so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Completes the file and makes it durable.
    ///
    /// # Errors
    /// [`SpoolError::Full`]; [`SpoolError::Failed`]; [`SpoolError::Broken`].
    pub fn finish(mut self) -> Result<CompletePayload, SpoolError> {
        self.complete(None)
    }

    /// As [`SpoolFile::finish`], and holds the file until its row is committed.
    ///
    /// # Errors
    /// As [`SpoolFile::finish`]; [`SpoolError::InUse`] if another process locked it first.
    pub fn finish_held(mut self) -> Result<(CompletePayload, FileHold), SpoolError> {
        let whole = self.complete(None)?;
        Ok((whole, self.hold()?))
    }

    /// As [`SpoolFile::finish_held`], on a thread that may block.
    ///
    /// # Errors
    /// As [`SpoolFile::finish_held`].
    pub async fn finish_in_background(self) -> Result<(CompletePayload, FileHold), SpoolError> {
        blocking(move || self.finish_held()).await
    }

    /// Holds the complete file.
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

    /// Syncs the file and gives it its final name. If `expected` is given and is not its digest, the file stays
    /// partial.
    pub(super) fn complete(&mut self, expected: Option<Digest>) -> Result<CompletePayload, SpoolError> {
        let digest = self.hasher.clone().finish();
        if self.failed {
            return Err(SpoolError::Interrupted);
        }
        if expected.is_some_and(|expected| expected != digest) {
            return Err(SpoolError::Disagrees { id: self.id });
        }
        // Content before name: whoever finds the file under its final name finds all of it, even after a power
        // failure.
        self.spool.sync_failure.check()?;
        self.release_space()?;
        self.sync()?;
        fs::rename(self.spool.partial(self.id), self.spool.whole(self.id))
            .map_err(|e| SpoolError::of_io("a rename", &e))?;
        self.spool.sync_folder().inspect_err(|error| self.spool.give_up(self.id, &self.file, error))?;
        self.spool.forget_synced(self.id);
        Ok(CompletePayload { size: self.length, digest })
    }

    /// Appends bytes, and starts a sync if enough of them are not durable.
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

    /// Releases space that was allocated but not written.
    fn release_space(&self) -> Result<(), SpoolError> {
        if !self.room.is_larger_than(self.length) {
            return Ok(());
        }
        shrink(&self.file, self.length).map_err(|e| SpoolError::of_io("releasing space", &e))
    }

    /// Starts a sync of everything so far, after the previous sync has ended.
    fn begin_sync(&mut self) -> Result<(), SpoolError> {
        self.await_sync()?;
        let (file, prefix) = (self.file.clone(), Prefix { length: self.length, hasher: self.hasher.clone() });
        let spool = self.spool.clone();
        self.syncing = Some(Syncing { prefix, thread: std::thread::spawn(move || spool.sync(&file)) });
        Ok(())
    }

    /// Waits for the running sync to end.
    fn await_sync(&mut self) -> Result<(), SpoolError> {
        let Some(Syncing { prefix, thread }) = self.syncing.take() else { return Ok(()) };
        let failed = || self.spool.sync_failure.by("a payload", &std::io::Error::other("the thread of a sync failed"));
        let ended = thread.join().unwrap_or_else(|_| Err(failed()));
        self.synced_to(prefix, ended)
    }

    /// Syncs everything written so far, and waits for it.
    pub(super) fn sync(&mut self) -> Result<(), SpoolError> {
        self.await_sync()?;
        let prefix = Prefix { length: self.length, hasher: self.hasher.clone() };
        let ended = self.spool.sync(&self.file);
        self.synced_to(prefix, ended)
    }

    fn synced_to(&mut self, prefix: Prefix, ended: Result<(), SpoolError>) -> Result<(), SpoolError> {
        if let Err(error) = ended {
            // A later sync may succeed in spite of this failure, so the file must not be used any more.
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
        // A failure is reported through `Spool::on_sync_failure`, since there is no caller here.
        let _ = self.await_sync();
        // Whoever resumes the file allocates the rest again. A file with another length than was written is not
        // resumed.
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
        // Every byte is passed to the file immediately.
        Ok(())
    }
}

impl std::fmt::Debug for SpoolFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SpoolFile({} at {})", self.id, self.length)
    }
}
