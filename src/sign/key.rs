//! Public keys that verify statements.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::UnparsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Algorithm, weak_key};
use crate::digest::Digest;
use crate::text_codec::string_conversions;

/// A public key that verifies statements. Its text form is the algorithm's name, `:`, and the raw key in base64, such as
/// `mldsa87:...`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey {
    algorithm: Algorithm,
    raw: Vec<u8>,
    fingerprint: Digest,
}

impl PublicKey {
    /// Creates a key from its raw bytes. Every public key of a partner, an officer, a ledger or a certificate is created here, so that
    /// no weak key is accepted anywhere.
    ///
    /// # Errors
    /// [`NotAKey`] if the length is not the algorithm's, or the key is weak.
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Result<PublicKey, NotAKey> {
        if raw.len() != algorithm.public_key_bytes() {
            return Err(NotAKey::Form);
        }
        if let Some(why) = weak_key::weakness(algorithm, raw) {
            return Err(NotAKey::Weak { algorithm: algorithm.name(), why });
        }
        let fingerprint = Digest::of(text(algorithm, raw).as_bytes());
        Ok(PublicKey { algorithm, raw: raw.to_vec(), fingerprint })
    }

    /// The algorithm of the key.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw key; [`Algorithm::public_key_bytes`] bytes long.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// SHA-256 of the key's text form. It is shown to people, and is the COSE key identifier (header 4).
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// Whether `signature` over `message` verifies under this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.algorithm.verification(), &self.raw).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(self.algorithm, &self.raw))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.fingerprint().short())
    }
}

/// Formats a key as text.
fn text(algorithm: Algorithm, raw: &[u8]) -> String {
    format!("{}:{}", algorithm.name(), STANDARD.encode(raw))
}

/// Why a text or byte string is not an acceptable public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// Malformed: another form or length.
    #[error("expected a public key: `ed25519:`, `p384:` or `mldsa87:` and the raw key in base64")]
    Form,
    /// A weak key: a signature under it does not prove who signed.
    #[error("weak `{algorithm}` public key: {why}; ask its holder to generate another")]
    Weak {
        /// The name of its algorithm.
        algorithm: &'static str,
        /// Why it is weak.
        why: &'static str,
    },
}

impl FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<PublicKey, NotAKey> {
        let (name, encoded) = text.split_once(':').ok_or(NotAKey::Form)?;
        let algorithm = Algorithm::from_name(name).ok_or(NotAKey::Form)?;
        let raw = STANDARD.decode(encoded).map_err(|_| NotAKey::Form)?;
        PublicKey::from_raw(algorithm, &raw)
    }
}

string_conversions!(PublicKey, NotAKey);
