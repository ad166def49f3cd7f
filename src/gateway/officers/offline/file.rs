//! The file of an exported request: a document, followed by the detached attachments.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use super::document::Document;
use crate::config::NewFile;
use crate::digest::{self, Digest};
use crate::gateway::GatewayError;
use crate::product::{Attachment, Contents, ContentsFault, ReadSeek, copy};
use crate::system::io_reason;

/// Magic bytes with the version of the format.
const SIGNATURE: &[u8] = b"PORTCULLIS REQUEST 1\n";
/// Maximum length of the document in bytes, without the detached attachments.
pub(super) const DOCUMENT_BYTES_MAX: u64 = 128 << 20;

/// Writes `document` and its attachments into a new file, atomically.
pub(super) fn write(
    place: &Path,
    document: &Document,
    detached: &[Attachment],
    contents: &dyn Contents,
) -> Result<(), String> {
    let failed = |e: io::Error| format!("`{}` cannot be written: {e}", place.display());
    let bytes = digest::encode(document);
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(format!(
            "the request is larger than {DOCUMENT_BYTES_MAX} bytes, the maximum for an exported request"
        ));
    }
    // The file holds content: if it is dropped before its end, nothing is left.
    let mut file = NewFile::begin(place, 0o600).map_err(failed)?;
    file.write_all(SIGNATURE).map_err(failed)?;
    file.write_all(&(bytes.len() as u64).to_be_bytes()).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    let mut seen = BTreeSet::new();
    for attachment in detached.iter().filter(|a| seen.insert(a.digest())) {
        attachment.copy_to(contents, &mut file).map_err(|e| e.to_string())?;
    }
    file.finish().map_err(failed)
}

/// The document of a file, the file, and where its attachments begin.
pub(super) fn read_document(place: &Path) -> Result<(Document, File, u64), GatewayError> {
    let unreadable =
        |e: io::Error| GatewayError::NotFound(format!("`{}` cannot be read: {}", place.display(), io_reason(&e)));
    let none = |why: &str| GatewayError::refused(format!("`{}` is not an exported request: {why}", place.display()));
    let mut file = File::open(place).map_err(unreadable)?;
    let mut head = [0; SIGNATURE.len() + 8];
    file.read_exact(&mut head).map_err(|_| none("its signature is wrong"))?;
    let (signature, length) = head.split_at(SIGNATURE.len());
    if signature != SIGNATURE {
        return Err(none("its signature is wrong, or its version is not supported"));
    }
    // INVARIANT: `head` has eight bytes after the signature.
    let length = u64::from_be_bytes(length.try_into().unwrap_or_default());
    let whole = file.metadata().map_err(unreadable)?.len();
    let begins = head.len() as u64 + length;
    if length > DOCUMENT_BYTES_MAX || begins > whole {
        return Err(none("the length that it states is wrong or too large"));
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| none("it is too long"))?];
    file.read_exact(&mut bytes).map_err(unreadable)?;
    let document = digest::decode(&bytes).map_err(|e| none(&e.to_string()))?;
    Ok((document, file, begins))
}

/// The attachments after the document, each hashed before use.
pub(super) struct FileContents {
    file: Arc<File>,
    places: BTreeMap<Digest, (u64, u64)>,
}

impl FileContents {
    /// The attachments of `file`, whose first byte is at `begins`, in the order of `detached`; each is hashed once.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if they are not exactly those that the cuts name.
    pub fn of(file: File, begins: u64, detached: &[&Attachment]) -> Result<FileContents, GatewayError> {
        let whole = file.metadata().map_err(GatewayError::trouble)?.len();
        let (mut places, mut at) = (BTreeMap::new(), begins);
        for attachment in detached {
            if let std::collections::btree_map::Entry::Vacant(place) = places.entry(attachment.digest()) {
                place.insert((at, attachment.size()));
                at = at.saturating_add(attachment.size());
            }
        }
        if at != whole {
            return Err(GatewayError::refused("the attachments in the file are not those that the cuts name"));
        }
        let contents = FileContents { file: Arc::new(file), places };
        for digest in contents.places.keys() {
            contents.open(*digest).map_err(GatewayError::refused)?;
        }
        Ok(contents)
    }
}

impl Contents for FileContents {
    fn open(&self, digest: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
        let (begins, length) = *self.places.get(&digest).ok_or(ContentsFault::Missing(digest))?;
        let window = || Window { file: Arc::clone(&self.file), begins, length, at: 0 };
        let (_, found) = copy(&mut window(), &mut io::sink()).map_err(|(_, e)| ContentsFault::of_io(digest, &e))?;
        if found != digest {
            return Err(ContentsFault::Damaged(digest));
        }
        Ok(Box::new(window()))
    }
}

/// A range of a file, as a stream.
struct Window {
    file: Arc<File>,
    begins: u64,
    length: u64,
    at: u64,
}

impl Read for Window {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.at)).unwrap_or(usize::MAX).min(into.len());
        let read = self.file.read_at(&mut into[..left], self.begins + self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "before the beginning"))?;
        Ok(self.at)
    }
}
