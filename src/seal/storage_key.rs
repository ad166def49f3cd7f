//! Encryption at rest: products and their attachments are stored encrypted to the node's own storage key.
//!
//! The storage key is never exported, and no partner has it. Cuts are not stored: they are assembled again from the
//! product, so that what is sent is what was decided on.

use std::io::{self, Read as _, Write};

use super::Opener as _;
use super::recipient::encrypting;
use super::stream::overhead;
use crate::product::ReadSeek;
use crate::seal::payload_key::{OpenFault, PayloadIdentity};

/// The node's storage key.
#[derive(Debug)]
pub struct AtRest(PayloadIdentity);

/// Why something could not be stored or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AtRestFault {
    /// Encryption failed; nothing was kept.
    #[error("encryption for storage failed: {0}")]
    Encrypt(String),
    /// A stored item does not open: it was altered, or the storage key was replaced.
    #[error("the stored item does not open with this node's storage key: it was altered, or the key was replaced")]
    Closed,
}

/// A writer that encrypts what it is given.
pub struct EncryptingWriter<W: Write>(age::stream::StreamWriter<W>);

impl<W: Write> EncryptingWriter<W> {
    /// Ends the encrypted file. Without this it cannot be opened.
    ///
    /// # Errors
    /// What the writer beneath said.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for EncryptingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl AtRest {
    /// A storage key from its text form (`AGE-SECRET-KEY-1...`).
    ///
    /// # Errors
    /// [`OpenFault::Header`] if the text is not such a key.
    pub fn parse(text: &str) -> Result<AtRest, OpenFault> {
        PayloadIdentity::parse(text).map(AtRest)
    }

    /// Its public key, which identifies it.
    pub fn recipient(&self) -> &super::Recipient {
        use super::Opener as _;
        self.0.recipient()
    }

    /// The most bytes that keeping `content` bytes takes on the disk.
    pub fn kept_size_max(content: u64) -> u64 {
        content.saturating_add(overhead(content))
    }

    /// The ciphertext to store for `plain`.
    ///
    /// # Errors
    /// [`AtRestFault::Encrypt`] if encryption fails.
    pub fn keep(&self, plain: &[u8]) -> Result<Vec<u8>, AtRestFault> {
        let mut kept = Vec::with_capacity(plain.len() + plain.len() / 4096 + 1024);
        let written = self.keeping(&mut kept).and_then(|mut keeping| {
            keeping.write_all(plain)?;
            keeping.finish().map(|_| ())
        });
        written.map(|()| kept).map_err(|e| AtRestFault::Encrypt(e.to_string()))
    }

    /// Begins to keep something of any length, written to `out` in pieces.
    ///
    /// # Errors
    /// What `out` said to the header.
    pub fn keeping<W: Write>(&self, out: W) -> io::Result<EncryptingWriter<W>> {
        encrypting(self.0.recipient(), out).map(EncryptingWriter)
    }

    /// What [`AtRest::keep`] was given, at most `bytes_max` long.
    ///
    /// # Errors
    /// [`AtRestFault::Closed`] if the bytes are not what this key kept, or are longer than allowed.
    pub fn fetch(&self, kept: &[u8], bytes_max: usize) -> Result<Vec<u8>, AtRestFault> {
        let mut plain = Vec::new();
        let opened = self.fetching(io::Cursor::new(kept))?;
        opened.take(bytes_max as u64 + 1).read_to_end(&mut plain).map_err(|_| AtRestFault::Closed)?;
        if plain.len() > bytes_max { Err(AtRestFault::Closed) } else { Ok(plain) }
    }

    /// What [`AtRest::keeping`] was given, as a stream. A read of what was altered fails.
    ///
    /// # Errors
    /// [`AtRestFault::Closed`] if it is not what this key kept.
    pub fn fetching<'a>(&self, kept: impl ReadSeek + Send + 'a) -> Result<Box<dyn ReadSeek + Send + 'a>, AtRestFault> {
        self.0.open(Box::new(kept)).map_err(|_| AtRestFault::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_what_it_kept_and_refuses_what_was_altered() {
        let store = AtRest::parse(&PayloadIdentity::generate()).unwrap();
        let mut kept = store.keep(b"EXERCISE").unwrap();
        assert!(!kept.windows(8).any(|w| w == b"EXERCISE"));
        assert_eq!(store.fetch(&kept, 100).unwrap(), b"EXERCISE");
        *kept.last_mut().unwrap() ^= 1;
        assert_eq!(store.fetch(&kept, 100), Err(AtRestFault::Closed));
    }

    #[test]
    fn fetches_no_more_than_was_allowed() {
        let store = AtRest::parse(&PayloadIdentity::generate()).unwrap();
        let kept = store.keep(b"EXERCISE").unwrap();
        assert_eq!(store.fetch(&kept, 8).unwrap(), b"EXERCISE");
        assert_eq!(store.fetch(&kept, 7), Err(AtRestFault::Closed));
    }

    #[test]
    fn streams_what_it_kept_and_refuses_a_piece_altered_or_cut_off() {
        let store = AtRest::parse(&PayloadIdentity::generate()).unwrap();
        let plain: Vec<u8> = (0..200_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut keeping = store.keeping(Vec::new()).unwrap();
        plain.chunks(977).for_each(|piece| keeping.write_all(piece).unwrap());
        let kept = keeping.finish().unwrap();
        assert!(kept.len() as u64 <= AtRest::kept_size_max(plain.len() as u64));
        let read = |kept: &[u8]| {
            let mut back = Vec::new();
            let read = store.fetching(io::Cursor::new(kept.to_vec())).map_err(|_| ())?.read_to_end(&mut back);
            read.map(|_| back).map_err(|_| ())
        };
        assert_eq!(read(&kept).unwrap(), plain);
        for at in [kept.len() / 2, kept.len() - 1] {
            let mut altered = kept.clone();
            altered[at] ^= 1;
            assert!(read(&altered).is_err(), "byte {at}");
            assert!(read(&kept[..at]).is_err(), "cut off at {at}");
        }
        let unfinished = store.keeping(Vec::new()).unwrap();
        drop(unfinished);
    }
}
