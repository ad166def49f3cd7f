//! The private key that opens payloads.

use std::io::{self, Read, SeekFrom};

use age::secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::recipient::Recipient;
use crate::digest::Digest;
use crate::envelope::ExchangeContext;
use crate::product::ReadSeek;

/// The private key of this node's payload recipient, wherever it is held: in a file, on a card, in another process.
pub trait Opener: Send + Sync {
    /// The recipient that partners seal to.
    fn recipient(&self) -> &Recipient;

    /// Decrypts an age file (C2SP age) as a stream. Reading fails where the file was altered or truncated.
    ///
    /// # Errors
    /// [`OpenFault::Header`] if the header is not accepted, [`OpenFault::Closed`] if the file was sealed for another key or its header
    /// was altered, [`OpenFault::Read`] if `sealed` cannot be read.
    fn open<'a>(&self, sealed: Box<dyn ReadSeek + Send + 'a>) -> Result<Box<dyn ReadSeek + Send + 'a>, OpenFault>;
}

/// Why a payload was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenFault {
    /// The header is not acceptable: it must have one X25519 recipient, no passphrase and no plugin.
    #[error("the payload header is not an age header with exactly one X25519 recipient")]
    Header,
    /// It was not sealed for this node's key, or was altered.
    #[error("the payload cannot be opened with this node's key: it was sealed for another recipient, or altered")]
    Closed,
    /// It was decrypted, but is not a frame with canonical padding.
    #[error("the content of the payload is not framed and padded as the protocol requires")]
    Frame,
    /// It was decrypted, but was sealed for an exchange other than the one it arrived in.
    #[error("the payload belongs to another exchange: it was sealed {0}")]
    Bound(Box<ExchangeContext>),
    /// Its text is larger than allowed.
    #[error("the text in the payload is larger than the limit of {0} bytes")]
    TooLarge(usize),
    /// An attachment inside is not the one that the text names.
    #[error("an attachment in the payload is not the one with SHA-256 `{}` that the text names", .0.short())]
    Attachment(Digest),
    /// The payload could not be read from its storage.
    #[error("the payload could not be read: {0}")]
    Read(String),
}

impl OpenFault {
    /// Converts a failed read of a stream that is being decrypted.
    pub(super) fn of_io(error: &io::Error) -> OpenFault {
        match error.kind() {
            // Decryption reports altered or missing pieces with these kinds.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => OpenFault::Closed,
            _ => OpenFault::Read(error.to_string()),
        }
    }
}

/// A payload key held in this process's memory.
pub struct PayloadIdentity {
    identity: age::x25519::Identity,
    recipient: Recipient,
}

impl PayloadIdentity {
    /// Generates a key in its text form (`AGE-SECRET-KEY-1...`).
    pub fn generate() -> Zeroizing<String> {
        Zeroizing::new(age::x25519::Identity::generate().to_string().expose_secret().to_owned())
    }

    /// Parses a key from its text form (`AGE-SECRET-KEY-1...`).
    ///
    /// # Errors
    /// [`OpenFault::Header`] if the text is not such a key.
    pub fn parse(text: &str) -> Result<PayloadIdentity, OpenFault> {
        let identity: age::x25519::Identity = text.trim().parse().map_err(|_| OpenFault::Header)?;
        // INVARIANT: age prints its own recipients in the canonical form that is accepted here.
        let recipient = identity.to_public().to_string().parse().expect("age prints recipients canonically");
        Ok(PayloadIdentity { identity, recipient })
    }
}

impl std::fmt::Debug for PayloadIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PayloadIdentity({:?})", self.recipient)
    }
}

impl Opener for PayloadIdentity {
    fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    fn open<'a>(&self, mut sealed: Box<dyn ReadSeek + Send + 'a>) -> Result<Box<dyn ReadSeek + Send + 'a>, OpenFault> {
        // Stanzas are counted before age parses the header: a scrypt stanza would cost time and memory.
        let unreadable = |e: io::Error| OpenFault::Read(e.to_string());
        let mut head = Vec::new();
        (&mut sealed).take(HEADER_BYTES_MAX).read_to_end(&mut head).map_err(unreadable)?;
        if !one_x25519_recipient(&head) {
            return Err(OpenFault::Header);
        }
        sealed.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let decryptor =
            age::Decryptor::new_buffered(io::BufReader::with_capacity(4096, sealed)).map_err(|_| OpenFault::Header)?;
        let opened =
            decryptor.decrypt(std::iter::once(&self.identity as &dyn age::Identity)).map_err(|_| OpenFault::Closed)?;
        Ok(Box::new(opened))
    }
}

/// How much of a file is searched for the end of its header.
const HEADER_BYTES_MAX: u64 = 4096;

/// Whether the header at the beginning of `head` has exactly one X25519 stanza, and otherwise only the grease stanzas that
/// implementations may add.
fn one_x25519_recipient(head: &[u8]) -> bool {
    let mut lines = head.split(|b| *b == b'\n');
    if lines.next() != Some(b"age-encryption.org/v1") {
        return false;
    }
    let mut ours = 0;
    for line in lines {
        if line.starts_with(b"---") {
            return ours == 1;
        }
        if let Some(stanza) = line.strip_prefix(b"-> ") {
            let tag = stanza.split(|b| *b == b' ').next().unwrap_or_default();
            if tag == b"X25519" {
                ours += 1;
            } else if !tag.ends_with(b"-grease") {
                return false;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::recipient::encrypting;
    use std::io::{Cursor, Write as _};

    fn identity() -> PayloadIdentity {
        PayloadIdentity::parse(&PayloadIdentity::generate()).unwrap()
    }

    fn sealed(content: &[u8], to: &PayloadIdentity) -> Vec<u8> {
        let mut writer = encrypting(to.recipient(), Vec::new()).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    }

    fn opened(file: &[u8], with: &PayloadIdentity) -> Result<Vec<u8>, OpenFault> {
        let mut content = Vec::new();
        let mut reader = with.open(Box::new(Cursor::new(file.to_vec())))?;
        reader.read_to_end(&mut content).map_err(|e| OpenFault::of_io(&e))?;
        Ok(content)
    }

    #[test]
    fn opens_what_was_sealed_for_it_and_nothing_else() {
        let (ours, theirs) = (identity(), identity());
        let payload = sealed(b"EXERCISE", &ours);
        assert_eq!(opened(&payload, &ours).unwrap(), b"EXERCISE");
        assert_eq!(opened(&payload, &theirs), Err(OpenFault::Closed));
    }

    #[test]
    fn refuses_a_payload_altered_anywhere() {
        let ours = identity();
        let payload = sealed(&[7; 70_000], &ours);
        for at in (0..300).chain((300..payload.len()).step_by(4001)) {
            let mut altered = payload.clone();
            altered[at] ^= 1;
            assert!(opened(&altered, &ours).is_err(), "byte {at} altered was accepted");
        }
        assert!(opened(&payload[..payload.len() - 1], &ours).is_err());
        assert!(opened(&[], &ours).is_err());
    }

    #[test]
    fn refuses_a_second_recipient() {
        let (ours, extra) = (identity(), identity());
        let both = [ours.recipient().as_age(), extra.recipient().as_age()];
        let encryptor = age::Encryptor::with_recipients(both.into_iter()).unwrap();
        let mut file = Vec::new();
        let mut writer = encryptor.wrap_output(&mut file).unwrap();
        writer.write_all(b"EXERCISE").unwrap();
        writer.finish().unwrap();
        assert_eq!(opened(&file, &ours), Err(OpenFault::Header));
    }

    #[test]
    fn refuses_a_passphrase_before_computing_it() {
        let bomb = b"age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 60\nAAAA\n--- AAAA\n";
        assert_eq!(opened(bomb, &identity()), Err(OpenFault::Header));
    }
}
