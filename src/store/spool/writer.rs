//! Writing one spool file, piece by piece, hashing as it goes.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write};

use super::{CHUNK, Spool, SpoolError, SpoolId, Whole, blocking};
use crate::digest::{Digest, Hasher};

/// How much may be written between two syncs: what a power failure, not a crash of the process, can lose. A piece on
/// its way comes on top, so that an interrupted payload is resumed less than 8 MiB before where it stopped.
const SYNC_EVERY: u64 = 8 * 1024 * 1024 - 4 * CHUNK as u64;

/// A spool file being written where work may block: what [`SpoolWriter`] is to a connection. Dropping it keeps what
/// was written, for [`Spool::resume`].
pub struct SpoolFile {
    spool: Spool,
    id: SpoolId,
    file: File,
    hasher: Hasher,
    length: u64,
    synced: u64,
    /// Set when an operation failed, so that nothing is ever gone on with after it.
    failed: bool,
}

impl SpoolFile {
    pub(super) fn new(spool: Spool, id: SpoolId, file: File, hasher: Hasher, length: u64) -> SpoolFile {
        SpoolFile { spool, id, file, hasher, length, synced: length, failed: false }
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
        self.sync()?;
        fs::rename(self.spool.partial(self.id), self.spool.whole(self.id))
            .map_err(|e| SpoolError::of_io("a rename", &e))?;
        self.spool.sync_folder()?;
        Ok(Whole { size: self.length, digest })
    }

    /// Takes the next bytes, and makes everything durable if enough of it is not.
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if self.failed {
            return Err(SpoolError::Interrupted);
        }
        if let Err(e) = self.file.write_all(bytes) {
            self.failed = true;
            return Err(SpoolError::of_io("a write", &e));
        }
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        if self.length - self.synced >= SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), SpoolError> {
        if let Err(e) = self.file.sync_data() {
            self.failed = true;
            return Err(SpoolError::broken("a payload", &e));
        }
        self.synced = self.length;
        Ok(())
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
    /// Not yet handed to the file; never more than one of the spool's pieces and one caller's piece.
    pending: Vec<u8>,
    /// Taken out while an operation runs, so that one that failed or was dropped can never be gone on with.
    file: Option<SpoolFile>,
    durable: (u64, Digest),
}

impl SpoolWriter {
    pub(super) fn new(file: SpoolFile) -> SpoolWriter {
        let durable = (file.length, file.hasher.clone().finish());
        let (spool, id) = (file.spool.clone(), file.id);
        SpoolWriter { spool, id, pending: Vec::new(), file: Some(file), durable }
    }

    /// What is being written.
    pub fn id(&self) -> SpoolId {
        self.id
    }

    /// Length in bytes of the prefix that is durable, and its digest.
    pub fn durable(&self) -> (u64, Digest) {
        self.durable
    }

    /// How many bytes were taken so far.
    pub fn length(&self) -> u64 {
        self.file.as_ref().map_or(self.durable.0, |file| file.length) + self.pending.len() as u64
    }

    /// Takes the next bytes. They are not durable when this returns.
    ///
    /// # Errors
    /// [`SpoolError::Full`]; [`SpoolError::Failed`]; [`SpoolError::Broken`]. After an error the writer takes no more.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if self.file.is_none() {
            return Err(SpoolError::Interrupted);
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < self.spool.piece {
            return Ok(());
        }
        self.flush(|_| Ok(())).await
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
        self.file = None;
        let (size, digest) = self.durable;
        Ok(Whole { size, digest })
    }

    /// Removes everything that was written, also after [`SpoolWriter::finish`].
    ///
    /// # Errors
    /// As [`Spool::remove`].
    pub async fn discard(&mut self) -> Result<(), SpoolError> {
        self.file = None;
        self.pending = Vec::new();
        self.spool.remove(self.id).await
    }

    /// Hands what is pending to the file, then does `after`.
    async fn flush(
        &mut self,
        after: impl FnOnce(&mut SpoolFile) -> Result<(), SpoolError> + Send + 'static,
    ) -> Result<(), SpoolError> {
        let mut file = self.file.take().ok_or(SpoolError::Interrupted)?;
        let mut pending = std::mem::take(&mut self.pending);
        let (file, pending) = blocking(move || {
            file.append(&pending)?;
            after(&mut file)?;
            pending.clear();
            Ok((file, pending))
        })
        .await?;
        if file.synced == file.length {
            self.durable = (file.length, file.hasher.clone().finish());
        }
        self.file = Some(file);
        self.pending = pending;
        Ok(())
    }
}

impl std::fmt::Debug for SpoolWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SpoolWriter({} at {})", self.id, self.length())
    }
}

/// How much of `file`, which has `found` bytes, may be kept for a payload of `size` bytes, and the hash so far. The
/// file is left positioned after it.
pub(super) fn prefix(
    mut file: &File,
    found: u64,
    size: u64,
    promised: Option<(u64, Digest)>,
) -> Result<(u64, Hasher), SpoolError> {
    let mut hasher = Hasher::new();
    let mut length = 0u64;
    let mut kept = found <= size && promised.is_none_or(|(promised, _)| promised <= found);
    if kept {
        let failed = |e: std::io::Error| SpoolError::of_io("reading a prefix back", &e);
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut chunk = vec![0; CHUNK];
        while kept && length < found {
            // The promised prefix is compared at exactly its end.
            let end = promised.map(|(end, _)| end).filter(|end| *end > length).unwrap_or(found);
            let take = usize::try_from(end - length).map_or(CHUNK, |left| left.min(CHUNK));
            let read = file.read(&mut chunk[..take]).map_err(failed)?;
            if read == 0 {
                break;
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
