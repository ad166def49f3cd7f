//! The bytes of detached attachments, wherever they are stored: opened by digest, read as a stream.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use crate::digest::{Digest, Hasher};

/// A stream of bytes that can be read from any place.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// Where the bytes of detached attachments are: a folder beside the text, the node's own storage, a test's memory.
pub trait Contents: Send + Sync {
    /// Opens the bytes whose SHA-256 is `digest`, at the first one.
    ///
    /// An implementation hashes the bytes before it returns, and guarantees that a later read gives the hashed bytes or fails.
    /// It holds at most a piece of fixed size in memory, whatever their length.
    ///
    /// # Errors
    /// [`ContentsFault`] if the bytes are missing, damaged or unreadable.
    fn open(&self, digest: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault>;
}

/// Why the bytes of a detached attachment are not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentsFault {
    /// They are not here.
    #[error("attachment with SHA-256 `{}` is missing: submit the product together with its attachments", .0.short())]
    Missing(Digest),
    /// Something is stored under that digest and does not match it.
    #[error("attachment with SHA-256 `{}` is damaged: it was altered, truncated or replaced", .0.short())]
    Damaged(Digest),
    /// Their length is not the one in the text.
    #[error("attachment with SHA-256 `{}` has {found} bytes; the text states {stated}", digest.short())]
    Length {
        /// Which.
        digest: Digest,
        /// The length that the text states.
        stated: u64,
        /// The length it has.
        found: u64,
    },
    /// They could not be read.
    #[error("attachment with SHA-256 `{}` cannot be read: {why}", digest.short())]
    Unreadable {
        /// Which.
        digest: Digest,
        /// The system's message.
        why: String,
    },
}

impl ContentsFault {
    /// Converts a failed read. Stored bytes that do not decrypt are reported as invalid data: they were altered.
    pub fn of_io(digest: Digest, error: &io::Error) -> ContentsFault {
        match error.kind() {
            io::ErrorKind::NotFound => ContentsFault::Missing(digest),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => ContentsFault::Damaged(digest),
            _ => ContentsFault::Unreadable { digest, why: error.to_string() },
        }
    }
}

/// The size of the pieces in which content is copied, in bytes.
const CHUNK: usize = 64 * 1024;

/// Which side of a copy failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Reading the source.
    Read,
    /// Writing the target.
    Write,
}

/// Copies `content` to `out`, to its end. Returns the number of bytes and their SHA-256.
///
/// # Errors
/// The failed side, with its error.
pub(crate) fn copy(content: &mut dyn Read, out: &mut dyn Write) -> Result<(u64, Digest), (Side, io::Error)> {
    let mut chunk = vec![0; CHUNK];
    let (mut hasher, mut length) = (Hasher::new(), 0u64);
    loop {
        match content.read(&mut chunk) {
            Ok(0) => return Ok((length, hasher.finish())),
            Ok(read) => {
                hasher.update(&chunk[..read]);
                length += read as u64;
                out.write_all(&chunk[..read]).map_err(|e| (Side::Write, e))?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err((Side::Read, e)),
        }
    }
}

/// A writer that passes each piece to an observer and stores nothing.
pub(crate) struct ObservedBytes<'a> {
    /// The digest that the whole should have, which the observer gets with each piece.
    pub digest: Digest,
    /// The observer.
    pub each: &'a mut dyn FnMut(Digest, &[u8]),
}

impl Write for ObservedBytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.each)(self.digest, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why an attachment was not copied. The caller must discard what was written.
#[derive(Debug, thiserror::Error)]
pub enum CopyFault {
    /// The bytes are not available, or do not match the text.
    #[error(transparent)]
    Contents(#[from] ContentsFault),
    /// They could not be written.
    #[error("attachment cannot be written: {0}")]
    Write(io::Error),
}

/// Returns `content`, positioned at its first byte, if it has `stated` bytes.
///
/// # Errors
/// [`ContentsFault`] if it has another length, or cannot be read.
pub(super) fn sized(
    mut content: Box<dyn ReadSeek + Send>,
    digest: Digest,
    stated: u64,
) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
    let unreadable = |e: io::Error| ContentsFault::of_io(digest, &e);
    let found = content.seek(SeekFrom::End(0)).map_err(unreadable)?;
    if found != stated {
        return Err(ContentsFault::Length { digest, stated, found });
    }
    content.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok(content)
}

/// No contents at all: every detached attachment is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoContents;

impl Contents for NoContents {
    fn open(&self, digest: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
        Err(ContentsFault::Missing(digest))
    }
}

/// Contents in memory, for small attachments and for tests.
#[derive(Clone, Default)]
pub struct MemoryContents(BTreeMap<Digest, Arc<[u8]>>);

impl MemoryContents {
    /// Stores `bytes` under their digest, which it returns.
    pub fn insert(&mut self, bytes: impl Into<Arc<[u8]>>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.0.insert(digest, bytes);
        digest
    }
}

impl fmt::Debug for MemoryContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The bytes are content, and content stays out of every log.
        write!(f, "MemoryContents({} contents)", self.0.len())
    }
}

impl Contents for MemoryContents {
    fn open(&self, digest: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
        let bytes = self.0.get(&digest).ok_or(ContentsFault::Missing(digest))?;
        Ok(Box::new(Cursor::new(bytes.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_it_keeps_and_nothing_else() {
        let mut kept = MemoryContents::default();
        let digest = kept.insert(*b"EXERCISE");
        let mut text = String::new();
        kept.open(digest).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "EXERCISE");
        let other = Digest::of(b"other");
        assert!(matches!(kept.open(other).err(), Some(ContentsFault::Missing(d)) if d == other));
        assert!(matches!(NoContents.open(digest).err(), Some(ContentsFault::Missing(_))));
    }

    #[test]
    fn refuses_a_content_of_another_length_than_stated() {
        let mut kept = MemoryContents::default();
        let digest = kept.insert(*b"EXERCISE");
        assert!(sized(kept.open(digest).unwrap(), digest, 8).is_ok());
        let fault = sized(kept.open(digest).unwrap(), digest, 9).err();
        assert_eq!(fault, Some(ContentsFault::Length { digest, stated: 9, found: 8 }));
    }
}
