//! Reading a complete payload from any offset, in bounded pieces: from its file, or from memory if it is stored
//! inline.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZeroU64;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{Advice, fadvise};

use super::lock::{Hold, Locked};
use super::{CHUNK, NO_FOLLOW, SpoolError, SpoolId, blocking};
use crate::digest::{Digest, Hasher};

/// A payload open for reading. It stays readable if its name is removed in the meantime, and while it is open its
/// file is not reused.
#[derive(Clone, Debug)]
pub struct PayloadReader {
    place: Place,
    size: u64,
}

/// Where its bytes are.
#[derive(Clone, Debug)]
enum Place {
    File {
        file: Arc<Locked>,
        /// Whether the pages that were read are dropped from the page cache.
        once: bool,
    },
    Memory(Bytes),
}

/// Bytes read before the page cache of them is dropped, for a file that is read once.
const BEHIND: u64 = 4 * 1024 * 1024;

impl Place {
    /// Reads up to `into.len()` bytes from offset `at`; at least one byte unless `at` is at the end.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Place::File { file, once } => {
                let read = file.read_at(into, at)?;
                if *once {
                    give_back(file, at, at + read as u64);
                }
                Ok(read)
            }
            Place::Memory(bytes) => {
                let from = usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
                let read = into.len().min(bytes.len() - from);
                into[..read].copy_from_slice(&bytes[from..from + read]);
                Ok(read)
            }
        }
    }

    /// Runs a read: on a blocking thread if it may wait for a disk, else at once.
    async fn reading<T: Send + 'static>(
        self,
        read: impl FnOnce(Place) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        match self {
            Place::File { .. } => blocking(move || read(self)).await,
            Place::Memory(_) => read(self),
        }
    }
}

/// Drops the page cache of the parts that were read completely when reading advanced from `at` to `end`.
fn give_back(file: &File, at: u64, end: u64) {
    let (from, to) = (at - at % BEHIND, end - end % BEHIND);
    if let Some(length) = to.checked_sub(from).and_then(NonZeroU64::new) {
        // It is a hint: its result does not change what is read.
        let _ = fadvise(file, from, Some(length), Advice::DontNeed);
    }
}

impl From<Bytes> for PayloadReader {
    fn from(bytes: Bytes) -> PayloadReader {
        PayloadReader { size: bytes.len() as u64, place: Place::Memory(bytes) }
    }
}

impl PayloadReader {
    /// Opens the complete file at `path`.
    ///
    /// # Errors
    /// [`SpoolError::Missing`] if it does not exist or somebody has it locked; [`SpoolError::Failed`].
    pub(super) fn open(id: SpoolId, path: &Path) -> Result<PayloadReader, SpoolError> {
        let file = OpenOptions::new().read(true).custom_flags(NO_FOLLOW).open(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => SpoolError::Missing { id },
            _ => SpoolError::of_io("opening a payload", &e),
        })?;
        // A conflicting lock means that the writer has not made it durable yet, or that it is being emptied.
        let file = Locked::new(file, path, Hold::Shared)?.ok_or(SpoolError::Missing { id })?;
        let size = file.metadata().map_err(|e| SpoolError::of_io("its length", &e))?.len();
        Ok(PayloadReader { place: Place::File { file: Arc::new(file), once: false }, size })
    }

    /// Returns its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Marks the payload as read once, from start to end: the pages that were read are dropped from the page cache,
    /// so that they do not displace data that others read again.
    pub fn once(mut self) -> PayloadReader {
        if let Place::File { once, .. } = &mut self.place {
            *once = true;
        }
        self
    }

    /// Reads at most `max` bytes from `offset`; none at or after the end.
    ///
    /// # Errors
    /// [`SpoolError::Failed`].
    pub async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>, SpoolError> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; max.min(left).min(4 * CHUNK)];
        let read = move |place: Place| {
            let mut filled = 0;
            while filled < bytes.len() {
                match place.read_at(&mut bytes[filled..], offset + filled as u64) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(SpoolError::of_io("a read", &e)),
                }
            }
            bytes.truncate(filled);
            Ok(bytes)
        };
        self.place.clone().reading(read).await
    }

    /// Returns the digest of the first `length` bytes.
    ///
    /// # Errors
    /// [`SpoolError::Failed`], also if the payload is shorter.
    pub async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SpoolError> {
        let hash = move |place: Place| {
            let (mut hasher, mut done) = (Hasher::new(), 0u64);
            let most = |left: u64| usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let mut chunk = vec![0; most(length)];
            while done < length {
                let take = most(length - done);
                match place.read_at(&mut chunk[..take], done) {
                    Ok(0) => {
                        let why = format!("expected {length} bytes, found {done}");
                        return Err(SpoolError::Failed { what: "hashing a prefix".into(), why });
                    }
                    Ok(read) => {
                        hasher.update(&chunk[..read]);
                        done += read as u64;
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(SpoolError::of_io("hashing a prefix", &e)),
                }
            }
            Ok(hasher.finish())
        };
        self.place.clone().reading(hash).await
    }
}

/// A payload as a seekable stream, for callers that may block. Clones share the open file but not the position.
#[derive(Clone, Debug)]
pub struct PayloadCursor {
    place: Place,
    size: u64,
    at: u64,
}

impl PayloadReader {
    /// Returns the payload as a stream, from its first byte.
    pub fn cursor(&self) -> PayloadCursor {
        PayloadCursor { place: self.place.clone(), size: self.size, at: 0 }
    }
}

impl Read for PayloadCursor {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.place.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for PayloadCursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
