//! Keys that sign and verify, in the three algorithms that statements carry.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{self, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::weak;
use crate::digest::Digest;

/// The signature algorithms a statement may carry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// EdDSA over Curve25519 (RFC 8032); COSE algorithm -8.
    Ed25519,
    /// ECDSA over P-384 with SHA-384; COSE algorithm -35.
    #[serde(rename = "p384")]
    Es384,
    /// ML-DSA-87 (FIPS 204); COSE algorithm -50.
    MlDsa87,
}

impl Algorithm {
    /// The name that starts a key's text form.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Ed25519 => "ed25519",
            Algorithm::Es384 => "p384",
            Algorithm::MlDsa87 => "mldsa87",
        }
    }

    /// Length in bytes of a raw public key: 32, 97 (uncompressed point) or 2592.
    pub const fn public_key_bytes(self) -> usize {
        match self {
            Algorithm::Ed25519 => 32,
            Algorithm::Es384 => 97,
            Algorithm::MlDsa87 => 2592,
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        [Algorithm::Ed25519, Algorithm::Es384, Algorithm::MlDsa87].into_iter().find(|a| a.name() == name)
    }

    pub(super) fn cose(self) -> coset::iana::Algorithm {
        match self {
            Algorithm::Ed25519 => coset::iana::Algorithm::EdDSA,
            Algorithm::Es384 => coset::iana::Algorithm::ES384,
            Algorithm::MlDsa87 => coset::iana::Algorithm::ML_DSA_87,
        }
    }

    pub(super) fn verification(self) -> &'static dyn signature::VerificationAlgorithm {
        match self {
            Algorithm::Ed25519 => &signature::ED25519,
            Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Algorithm::MlDsa87 => &signature::ML_DSA_87,
        }
    }
}

/// A public key that verifies statements. Text form: `mldsa87:` and the raw key in base64.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey {
    algorithm: Algorithm,
    raw: Vec<u8>,
    fingerprint: Digest,
}

impl PublicKey {
    /// A key from its raw bytes. Every public key of a partner, an officer, a ledger or a certificate comes through here.
    ///
    /// # Errors
    /// [`NotAKey`] if the length is not the algorithm's, or it is a key under which anybody can sign.
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Result<PublicKey, NotAKey> {
        if raw.len() != algorithm.public_key_bytes() {
            return Err(NotAKey::Form);
        }
        if let Some(why) = weak::why(algorithm, raw) {
            return Err(NotAKey::Weak { algorithm: algorithm.name(), why });
        }
        let fingerprint = Digest::of(text(algorithm, raw).as_bytes());
        Ok(PublicKey { algorithm, raw: raw.to_vec(), fingerprint })
    }

    /// The algorithm this key verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw key bytes.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The key's fingerprint: SHA-256 of its text form. Shown to people and carried as the COSE key identifier.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// Whether `signature` over `message` was made by this key's holder.
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

/// A key as text.
fn text(algorithm: Algorithm, raw: &[u8]) -> String {
    format!("{}:{}", algorithm.name(), STANDARD.encode(raw))
}

/// A text or byte string that is not a public key, or none that proves anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// Not of the form of a key.
    #[error("expected a public key: `ed25519:`, `p384:` or `mldsa87:` and the raw key in base64")]
    Form,
    /// A key that has the form of one, and under which no signature says who made it.
    #[error("weak `{algorithm}` public key: {why}; no sound generator makes it: have its holder make another")]
    Weak {
        /// The name of its algorithm.
        algorithm: &'static str,
        /// What is wrong with it.
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

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        key.to_string()
    }
}

impl TryFrom<String> for PublicKey {
    type Error = NotAKey;

    fn try_from(text: String) -> Result<PublicKey, NotAKey> {
        text.parse()
    }
}

/// Something that holds a private key and signs with it: a file, a card, a passkey, an HSM.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public(&self) -> &PublicKey;

    /// What the holder of the key returns as a signature over `message`. Whoever uses it asks through
    /// [`signature`](super::signature), which believes nobody.
    ///
    /// # Errors
    /// [`SignError`] if the holder of the key would not or could not sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The holder of a key did not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// It would not or could not.
    #[error("the holder of key `{key}` did not sign: check that the key is present and usable")]
    Silent {
        /// Short fingerprint of the key that was asked for.
        key: String,
    },
    /// What it returned is no signature of that key over what was to be signed.
    #[error(
        "what the holder of key `{key}` returned is not its signature over this: nothing was signed; check the device"
    )]
    NotASignature {
        /// Short fingerprint of the key that was asked for.
        key: String,
    },
}

/// A private key held in this process's memory.
pub struct LocalSigner {
    public: PublicKey,
    key: LocalKey,
}

enum LocalKey {
    Ed25519(signature::Ed25519KeyPair),
    Es384(signature::EcdsaKeyPair),
    MlDsa87(Box<signature::PqdsaKeyPair>),
}

impl LocalSigner {
    /// Makes a new key and returns its PKCS #8 encoding, which the caller must keep secret and wipe.
    ///
    /// # Errors
    /// [`SignError`] if the system's random source fails.
    pub fn generate(algorithm: Algorithm) -> Result<zeroize::Zeroizing<Vec<u8>>, SignError> {
        let failed = |_| SignError::Silent { key: "new".into() };
        let document = match algorithm {
            Algorithm::Ed25519 => {
                let rng = aws_lc_rs::rand::SystemRandom::new();
                signature::Ed25519KeyPair::generate_pkcs8v1(&rng).map_err(failed)?.as_ref().to_vec()
            }
            Algorithm::Es384 => {
                let rng = aws_lc_rs::rand::SystemRandom::new();
                signature::EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, &rng)
                    .map_err(failed)?
                    .as_ref()
                    .to_vec()
            }
            Algorithm::MlDsa87 => signature::PqdsaKeyPair::generate(&signature::ML_DSA_87_SIGNING)
                .and_then(|pair| pair.to_pkcs8v1())
                .map_err(failed)?
                .as_ref()
                .to_vec(),
        };
        Ok(zeroize::Zeroizing::new(document))
    }

    /// A signer from a PKCS #8 private key of any of the three algorithms.
    ///
    /// # Errors
    /// [`NotAKey`] if the bytes are no such key.
    pub fn from_pkcs8(der: &[u8]) -> Result<LocalSigner, NotAKey> {
        if let Ok(pair) = signature::Ed25519KeyPair::from_pkcs8(der) {
            let public = PublicKey::from_raw(Algorithm::Ed25519, pair.public_key().as_ref())?;
            return Ok(LocalSigner { public, key: LocalKey::Ed25519(pair) });
        }
        if let Ok(pair) = signature::EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, der) {
            let public = PublicKey::from_raw(Algorithm::Es384, pair.public_key().as_ref())?;
            return Ok(LocalSigner { public, key: LocalKey::Es384(pair) });
        }
        if let Ok(pair) = signature::PqdsaKeyPair::from_pkcs8(&signature::ML_DSA_87_SIGNING, der) {
            let public = PublicKey::from_raw(Algorithm::MlDsa87, pair.public_key().as_ref())?;
            return Ok(LocalSigner { public, key: LocalKey::MlDsa87(Box::new(pair)) });
        }
        Err(NotAKey::Form)
    }
}

impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalSigner({:?})", self.public)
    }
}

impl Signer for LocalSigner {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError::Silent { key: self.public.fingerprint().short() };
        match &self.key {
            LocalKey::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            LocalKey::Es384(pair) => {
                let rng = aws_lc_rs::rand::SystemRandom::new();
                Ok(pair.sign(&rng, message).map_err(failed)?.as_ref().to_vec())
            }
            LocalKey::MlDsa87(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature).map_err(failed)?;
                signature.truncate(length);
                Ok(signature)
            }
        }
    }
}
