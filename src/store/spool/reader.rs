//! Reading one whole payload from any offset, in bounded pieces.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use super::lock::{Hold, Locked};
use super::{CHUNK, NO_FOLLOW, SpoolError, SpoolId, blocking};
use crate::digest::{Digest, Hasher};

/// A payload open for reading. It stays readable if its name is removed in the meantime, and while it is open its file
/// becomes no other payload's.
#[derive(Clone, Debug)]
pub struct SpoolReader {
    file: Arc<Locked>,
    size: u64,
}

impl SpoolReader {
    pub(super) fn open(id: SpoolId, path: &Path) -> Result<SpoolReader, SpoolError> {
        let file = OpenOptions::new().read(true).custom_flags(NO_FOLLOW).open(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => SpoolError::Missing { id },
            _ => SpoolError::of_io("opening a payload", &e),
        })?;
        // Whoever writes it has not made it durable yet, and whoever lets it go has begun to empty it.
        let file = Locked::new(file, path, Hold::Shared)?.ok_or(SpoolError::Missing { id })?;
        let size = file.metadata().map_err(|e| SpoolError::of_io("its length", &e))?.len();
        Ok(SpoolReader { file: Arc::new(file), size })
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// At most `max` bytes from `offset`; none at or after the end.
    ///
    /// # Errors
    /// [`SpoolError::Failed`].
    pub async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>, SpoolError> {
        let file = self.file.clone();
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; max.min(left).min(4 * CHUNK)];
        blocking(move || {
            let mut filled = 0;
            while filled < bytes.len() {
                match file.read_at(&mut bytes[filled..], offset + filled as u64) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(SpoolError::of_io("a read", &e)),
                }
            }
            bytes.truncate(filled);
            Ok(bytes)
        })
        .await
    }

    /// The digest of the first `length` bytes.
    ///
    /// # Errors
    /// [`SpoolError::Failed`], also if there are not that many.
    pub async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SpoolError> {
        let file = self.file.clone();
        blocking(move || {
            let (mut hasher, mut done) = (Hasher::new(), 0u64);
            let most = |left: u64| usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let mut chunk = vec![0; most(length)];
            while done < length {
                let take = most(length - done);
                match file.read_at(&mut chunk[..take], done) {
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
        })
        .await
    }
}

/// A payload read from any place as a stream, where work may block. Clones share the open file and nothing else.
#[derive(Clone, Debug)]
pub struct SpoolCursor {
    file: Arc<Locked>,
    size: u64,
    at: u64,
}

impl SpoolReader {
    /// The payload as a stream, from its first byte.
    pub fn cursor(&self) -> SpoolCursor {
        SpoolCursor { file: self.file.clone(), size: self.size, at: 0 }
    }
}

impl Read for SpoolCursor {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for SpoolCursor {
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
