//! Opening what was sealed for us.

use std::io::Read as _;

use age::secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::pad::unpad;
use super::recipient::Recipient;

/// Something that holds the private half of our payload recipient: a file, a card, another process.
pub trait Opener: Send + Sync {
    /// The recipient that partners seal to.
    fn recipient(&self) -> &Recipient;

    /// The content of a sealed payload whose content may be at most `bytes_max` long.
    ///
    /// # Errors
    /// [`OpenFault`] says what was refused; nothing of the content is returned then.
    fn open(&self, sealed: &[u8], bytes_max: usize) -> Result<Vec<u8>, OpenFault>;
}

/// Why a payload was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenFault {
    /// Its header is not one this gateway accepts: one X25519 recipient, no passphrase, no plugin.
    #[error("payload header is not an age header with exactly one X25519 recipient")]
    Header,
    /// It was not sealed for our key, or was altered.
    #[error("payload does not open with this node's key: it was sealed for another or altered")]
    Closed,
    /// It opens, but not to a padded frame as gateways write it.
    #[error("payload content is not framed and padded as the protocol demands")]
    Frame,
    /// Its content is larger than allowed.
    #[error("payload content is larger than the limit of {0} bytes")]
    TooLarge(usize),
}

/// A payload key held in this process's memory.
pub struct PayloadIdentity {
    identity: age::x25519::Identity,
    recipient: Recipient,
}

impl PayloadIdentity {
    /// A new key, in the text form it is kept in.
    pub fn generate() -> Zeroizing<String> {
        Zeroizing::new(age::x25519::Identity::generate().to_string().expose_secret().to_owned())
    }

    /// A key from its text form (`AGE-SECRET-KEY-1...`).
    ///
    /// # Errors
    /// [`OpenFault::Header`] if the text is not such a key.
    pub fn parse(text: &str) -> Result<PayloadIdentity, OpenFault> {
        let identity: age::x25519::Identity = text.trim().parse().map_err(|_| OpenFault::Header)?;
        // INVARIANT: age prints its own recipients in the spelling that is accepted here.
        let recipient = identity.to_public().to_string().parse().expect("age prints recipients canonically");
        Ok(PayloadIdentity { identity, recipient })
    }

    pub(super) fn decrypt(&self, sealed: &[u8], bytes_max: usize) -> Result<Vec<u8>, OpenFault> {
        // Stanzas are counted before age sees the header: a scrypt stanza would make it spend our time and memory.
        if !one_x25519_recipient(sealed) {
            return Err(OpenFault::Header);
        }
        let decryptor = age::Decryptor::new(sealed).map_err(|_| OpenFault::Header)?;
        let reader =
            decryptor.decrypt(std::iter::once(&self.identity as &dyn age::Identity)).map_err(|_| OpenFault::Closed)?;
        let mut plain = Vec::new();
        let limit = bytes_max as u64 + 1;
        reader.take(limit).read_to_end(&mut plain).map_err(|_| OpenFault::Closed)?;
        if plain.len() > bytes_max { Err(OpenFault::TooLarge(bytes_max)) } else { Ok(plain) }
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

    fn open(&self, sealed: &[u8], bytes_max: usize) -> Result<Vec<u8>, OpenFault> {
        // A padded frame is at most an eighth longer than its content.
        let frame_max = bytes_max.saturating_add(bytes_max / 8).saturating_add(2 * super::pad::FLOOR);
        let content = unpad(self.decrypt(sealed, frame_max)?).ok_or(OpenFault::Frame)?;
        if content.len() > bytes_max { Err(OpenFault::TooLarge(bytes_max)) } else { Ok(content) }
    }
}

/// Whether the header has exactly one X25519 stanza, and otherwise only the grease that implementations add.
fn one_x25519_recipient(file: &[u8]) -> bool {
    const HEADER_BYTES_MAX: usize = 4096;
    let head = &file[..file.len().min(HEADER_BYTES_MAX)];
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
    use crate::seal::pad::pad;
    use crate::seal::sealing::encrypt;

    fn identity() -> PayloadIdentity {
        PayloadIdentity::parse(&PayloadIdentity::generate()).unwrap()
    }

    fn sealed(content: &[u8], to: &PayloadIdentity) -> Vec<u8> {
        encrypt(&pad(content), to.recipient()).unwrap()
    }

    #[test]
    fn opens_what_was_sealed_for_it_and_nothing_else() {
        let (ours, theirs) = (identity(), identity());
        let payload = sealed(b"EXERCISE", &ours);
        assert_eq!(ours.open(&payload, 100).unwrap(), b"EXERCISE");
        assert_eq!(theirs.open(&payload, 100), Err(OpenFault::Closed));
    }

    #[test]
    fn refuses_a_payload_altered_anywhere() {
        let ours = identity();
        let payload = sealed(b"EXERCISE", &ours);
        for at in (0..payload.len()).step_by(7) {
            let mut altered = payload.clone();
            altered[at] ^= 1;
            assert!(ours.open(&altered, 100).is_err(), "byte {at} altered was accepted");
        }
        assert!(ours.open(&payload[..payload.len() - 1], 100).is_err());
        assert!(ours.open(&[], 100).is_err());
    }

    #[test]
    fn refuses_a_second_recipient() {
        let (ours, extra) = (identity(), identity());
        let both = [ours.recipient().as_age(), extra.recipient().as_age()];
        let encryptor = age::Encryptor::with_recipients(both.into_iter()).unwrap();
        let mut file = Vec::new();
        let mut writer = encryptor.wrap_output(&mut file).unwrap();
        std::io::Write::write_all(&mut writer, &pad(b"EXERCISE")).unwrap();
        writer.finish().unwrap();
        assert_eq!(ours.open(&file, 100), Err(OpenFault::Header));
    }

    #[test]
    fn refuses_a_passphrase_before_computing_it() {
        let ours = identity();
        let bomb = b"age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 60\nAAAA\n--- AAAA\n";
        assert_eq!(ours.open(bomb, 100), Err(OpenFault::Header));
    }

    #[test]
    fn refuses_content_above_the_limit_and_content_without_padding() {
        let ours = identity();
        assert_eq!(ours.open(&sealed(&[1; 101], &ours), 100), Err(OpenFault::TooLarge(100)));
        let bare = encrypt(b"EXERCISE", ours.recipient()).unwrap();
        assert_eq!(ours.open(&bare, 100), Err(OpenFault::Frame));
    }
}
