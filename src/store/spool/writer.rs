//! A payload being written as it arrives from a connection: bytes are accepted while earlier ones are written, and
//! written while earlier ones are synced.

use tokio::task::JoinHandle as Task;

use super::file::SpoolFile;
use super::lock::FileHold;
use super::{CompletePayload, Spool, SpoolError, SpoolId, blocking};
use crate::digest::Digest;

/// A payload being written as it arrives. Dropping it keeps what was written, for [`Spool::resume`].
pub struct SpoolWriter {
    spool: Spool,
    id: SpoolId,
    /// Bytes not yet passed to the file: at most one of the spool's pieces and one of the caller's. As much again may
    /// be being written.
    pending: Vec<u8>,
    file: Owner,
    length: u64,
    durable: (u64, Digest),
}

/// The owner of the file. After a failed operation it is gone, so the file cannot be used again.
enum Owner {
    Here(Box<SpoolFile>),
    /// A piece is being written; the task returns the file and the empty buffer.
    Writing(Task<Result<Written, SpoolError>>),
    Gone,
}

type Written = (Box<SpoolFile>, Vec<u8>);

impl SpoolWriter {
    /// Returns a writer to `file`.
    pub(super) fn new(file: SpoolFile) -> SpoolWriter {
        let (length, (spool, id, digest)) = (file.length(), file.parts());
        let file = Owner::Here(Box::new(file));
        SpoolWriter { spool, id, pending: Vec::new(), file, length, durable: (length, digest) }
    }

    /// Returns the name of the file being written.
    pub fn id(&self) -> SpoolId {
        self.id
    }

    /// Returns the length in bytes of the prefix known to be durable, and its digest.
    pub fn durable(&self) -> (u64, Digest) {
        self.durable
    }

    /// Returns the number of bytes accepted so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Accepts bytes. They are not durable when this returns, and perhaps not written; an error is returned by a
    /// later call.
    ///
    /// # Errors
    /// [`SpoolError::Full`]; [`SpoolError::Failed`]; [`SpoolError::Broken`]. After an error the writer accepts
    /// nothing more.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if matches!(self.file, Owner::Gone) {
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
            Ok(runtime) => Owner::Writing(runtime.spawn_blocking(work)),
            // Outside a runtime, the work is done on the current thread.
            Err(_) => Owner::Here(work()?.0),
        };
        Ok(())
    }

    /// Makes everything accepted so far durable; returns its length and digest.
    ///
    /// # Errors
    /// As [`SpoolWriter::write`].
    pub async fn sync(&mut self) -> Result<(u64, Digest), SpoolError> {
        self.flush(SpoolFile::sync).await?;
        Ok(self.durable)
    }

    /// Completes the payload and makes it durable. If `expected` is given and is not its digest, the payload stays
    /// partial.
    ///
    /// # Errors
    /// [`SpoolError::Disagrees`], or as [`SpoolWriter::write`].
    pub async fn finish(&mut self, expected: Option<Digest>) -> Result<CompletePayload, SpoolError> {
        self.flush(move |file| file.complete(expected).map(|_| ())).await?;
        // Closing the file releases its lock.
        self.file = Owner::Gone;
        let (size, digest) = self.durable;
        Ok(CompletePayload { size, digest })
    }

    /// As [`SpoolWriter::finish`], and holds the file until its row is committed.
    ///
    /// # Errors
    /// As [`SpoolWriter::finish`]; [`SpoolError::InUse`] if another process locked it first.
    pub async fn finish_held(&mut self) -> Result<(CompletePayload, FileHold), SpoolError> {
        self.flush(|file| file.complete(None).map(|_| ())).await?;
        let Owner::Here(file) = std::mem::replace(&mut self.file, Owner::Gone) else {
            return Err(SpoolError::Interrupted);
        };
        let (size, digest) = self.durable;
        Ok((CompletePayload { size, digest }, file.hold()?))
    }

    /// Removes everything that was written, also after [`SpoolWriter::finish`].
    ///
    /// # Errors
    /// As [`Spool::remove`].
    pub async fn discard(&mut self) -> Result<(), SpoolError> {
        // Waits for a write in progress, whatever its result, so that its file is closed.
        drop(self.take_file().await);
        self.file = Owner::Gone;
        self.pending = Vec::new();
        self.spool.remove(self.id).await
    }

    /// Takes the file, and the buffer of the last piece, once no write is in progress. The owner is `Gone` until it
    /// is set again.
    async fn take_file(&mut self) -> Result<Written, SpoolError> {
        // The task stays in place while it is awaited, so that a cancelled call can be repeated.
        let written = match &mut self.file {
            Owner::Writing(task) => Some(task.await.unwrap_or(Err(SpoolError::Interrupted))),
            _ => None,
        };
        match (std::mem::replace(&mut self.file, Owner::Gone), written) {
            (_, Some(written)) => {
                let (file, spare) = written?;
                self.note(&file);
                Ok((file, spare))
            }
            (Owner::Here(file), None) => Ok((file, Vec::new())),
            _ => Err(SpoolError::Interrupted),
        }
    }

    /// Passes the pending bytes to the file, then runs `after`.
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
        self.file = Owner::Here(file);
        Ok(())
    }

    /// Updates which prefix of the file is durable.
    fn note(&mut self, file: &SpoolFile) {
        if file.synced_length() != self.durable.0 {
            self.durable = (file.synced_length(), file.synced_digest());
        }
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        let owner = std::mem::replace(&mut self.file, Owner::Gone);
        let busy = match &owner {
            Owner::Here(file) => file.is_syncing(),
            Owner::Writing(_) => true,
            Owner::Gone => false,
        };
        let Some(runtime) = tokio::runtime::Handle::try_current().ok().filter(|_| busy) else { return };
        // The last piece and sync keep the file locked for a moment; whoever opens it meanwhile waits.
        let closing = self.spool.closing(self.id);
        runtime.spawn(async move {
            let file = match owner {
                Owner::Here(file) => Some(file),
                Owner::Writing(task) => task.await.ok().and_then(|written| Some(written.ok()?.0)),
                Owner::Gone => None,
            };
            let _ = tokio::task::spawn_blocking(move || drop(file)).await;
            drop(closing);
        });
    }
}

impl std::fmt::Debug for SpoolWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SpoolWriter({} at {})", self.id, self.length())
    }
}
