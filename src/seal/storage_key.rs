//! Encryption at rest: products and their attachments are stored encrypted to the node's own storage key.
//!
//! The storage key is never exported. Cuts are not stored: they are assembled again from the product, so that what is sent is
//! what was decided on.

use std::io::{self, Read as _, Write};

use super::Opener as _;
use super::recipient::encrypting;
use super::stream::overhead;
use crate::product::ReadSeek;
use crate::seal::payload_key::{OpenFault, PayloadIdentity};

/// The node's storage key: an X25519 identity in the age format.
#[derive(Debug)]
pub struct StorageKey(PayloadIdentity);

/// Why something could not be encrypted for storage, or decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageKeyFault {
    /// Encryption failed; nothing was stored.
    #[error("encryption for storage failed: {0}")]
    Encrypt(String),
    /// A stored item cannot be decrypted: it was altered, or the storage key was replaced.
    #[error("the stored item cannot be opened with this node's storage key: it was altered, or the key was replaced")]
    Closed,
}

/// A writer that encrypts what is written to it.
pub struct EncryptingWriter<W: Write>(age::stream::StreamWriter<W>);

impl<W: Write> EncryptingWriter<W> {
    /// Finishes the encrypted file. Without this it cannot be decrypted.
    ///
    /// # Errors
    /// Any error of the inner writer.
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

impl StorageKey {
    /// Parses a storage key from its text form (`AGE-SECRET-KEY-1...`).
    ///
    /// # Errors
    /// [`OpenFault::Header`] if the text is not such a key.
    pub fn parse(text: &str) -> Result<StorageKey, OpenFault> {
        PayloadIdentity::parse(text).map(StorageKey)
    }

    /// The public key, which identifies this key.
    pub fn recipient(&self) -> &super::Recipient {
        use super::Opener as _;
        self.0.recipient()
    }

    /// The largest size in bytes of `content` bytes when encrypted.
    pub fn encrypted_size_max(content: u64) -> u64 {
        content.saturating_add(overhead(content))
    }

    /// Encrypts `plain` for storage.
    ///
    /// # Errors
    /// [`StorageKeyFault::Encrypt`] if encryption fails.
    pub fn encrypt(&self, plain: &[u8]) -> Result<Vec<u8>, StorageKeyFault> {
        let mut ciphertext = Vec::with_capacity(plain.len() + plain.len() / 4096 + 1024);
        let written = self.encrypt_to(&mut ciphertext).and_then(|mut writer| {
            writer.write_all(plain)?;
            writer.finish().map(|_| ())
        });
        written.map(|()| ciphertext).map_err(|e| StorageKeyFault::Encrypt(e.to_string()))
    }

    /// Starts encrypting content of any length to `out`.
    ///
    /// # Errors
    /// Any error of `out` while the header is written.
    pub fn encrypt_to<W: Write>(&self, out: W) -> io::Result<EncryptingWriter<W>> {
        encrypting(self.0.recipient(), out).map(EncryptingWriter)
    }

    /// Decrypts what [`StorageKey::encrypt`] returned, at most `bytes_max` bytes of plaintext.
    ///
    /// # Errors
    /// [`StorageKeyFault::Closed`] if it was altered, encrypted to another key, or is longer than allowed.
    pub fn decrypt(&self, ciphertext: &[u8], bytes_max: usize) -> Result<Vec<u8>, StorageKeyFault> {
        let mut plain = Vec::new();
        let opened = self.decrypt_stream(io::Cursor::new(ciphertext))?;
        opened.take(bytes_max as u64 + 1).read_to_end(&mut plain).map_err(|_| StorageKeyFault::Closed)?;
        if plain.len() > bytes_max { Err(StorageKeyFault::Closed) } else { Ok(plain) }
    }

    /// Decrypts what was written through [`StorageKey::encrypt_to`], as a stream. Reading fails where it was altered.
    ///
    /// # Errors
    /// [`StorageKeyFault::Closed`] if it cannot be read, is not such a file, or was encrypted to another key.
    pub fn decrypt_stream<'a>(
        &self,
        ciphertext: impl ReadSeek + Send + 'a,
    ) -> Result<Box<dyn ReadSeek + Send + 'a>, StorageKeyFault> {
        self.0.open(Box::new(ciphertext)).map_err(|_| StorageKeyFault::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decrypts_what_it_encrypted_and_refuses_what_was_altered() {
        let key = StorageKey::parse(&PayloadIdentity::generate()).unwrap();
        let mut ciphertext = key.encrypt(b"EXERCISE").unwrap();
        assert!(!ciphertext.windows(8).any(|w| w == b"EXERCISE"));
        assert_eq!(key.decrypt(&ciphertext, 100).unwrap(), b"EXERCISE");
        *ciphertext.last_mut().unwrap() ^= 1;
        assert_eq!(key.decrypt(&ciphertext, 100), Err(StorageKeyFault::Closed));
    }

    #[test]
    fn decrypts_no_more_than_was_allowed() {
        let key = StorageKey::parse(&PayloadIdentity::generate()).unwrap();
        let ciphertext = key.encrypt(b"EXERCISE").unwrap();
        assert_eq!(key.decrypt(&ciphertext, 8).unwrap(), b"EXERCISE");
        assert_eq!(key.decrypt(&ciphertext, 7), Err(StorageKeyFault::Closed));
    }

    #[test]
    fn streams_what_it_encrypted_and_refuses_an_altered_or_truncated_file() {
        let key = StorageKey::parse(&PayloadIdentity::generate()).unwrap();
        let plain: Vec<u8> = (0..200_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut writer = key.encrypt_to(Vec::new()).unwrap();
        plain.chunks(977).for_each(|piece| writer.write_all(piece).unwrap());
        let ciphertext = writer.finish().unwrap();
        assert!(ciphertext.len() as u64 <= StorageKey::encrypted_size_max(plain.len() as u64));
        let read = |ciphertext: &[u8]| {
            let mut back = Vec::new();
            let read = key.decrypt_stream(io::Cursor::new(ciphertext.to_vec())).map_err(|_| ())?.read_to_end(&mut back);
            read.map(|_| back).map_err(|_| ())
        };
        assert_eq!(read(&ciphertext).unwrap(), plain);
        for at in [ciphertext.len() / 2, ciphertext.len() - 1] {
            let mut altered = ciphertext.clone();
            altered[at] ^= 1;
            assert!(read(&altered).is_err(), "byte {at}");
            assert!(read(&ciphertext[..at]).is_err(), "cut off at {at}");
        }
        let unfinished = key.encrypt_to(Vec::new()).unwrap();
        drop(unfinished);
    }
}
