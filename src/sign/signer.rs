//! Private keys that sign statements.

use std::fmt;

use aws_lc_rs::signature::{self, KeyPair as _};

use super::{Algorithm, NotAKey, PublicKey};

/// A private key that signs, wherever it is held: in a file, on a card, in an HSM.
pub trait Signer: Send + Sync {
    /// The public key.
    fn public(&self) -> &PublicKey;

    /// Requests a signature over `message` from the holder of the key. Callers use [`signature`](super::signature) instead, which
    /// verifies the result.
    ///
    /// # Errors
    /// [`SignError`] if the holder of the key did not sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The holder of the key refused or failed.
    #[error("the holder of key `{key}` did not sign: check that the key is present and usable")]
    Unavailable {
        /// Short fingerprint of the requested key.
        key: String,
    },
    /// The holder of the key returned something other than a valid signature of that key over the message.
    #[error("the holder of key `{key}` returned an invalid signature: nothing was signed; check the device")]
    NotASignature {
        /// Short fingerprint of the requested key.
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
    /// Generates a key and returns its PKCS #8 encoding (DER), which the caller must keep secret.
    ///
    /// # Errors
    /// [`SignError`] if the system's random source fails.
    pub fn generate(algorithm: Algorithm) -> Result<zeroize::Zeroizing<Vec<u8>>, SignError> {
        let failed = |_| SignError::Unavailable { key: "new".into() };
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

    /// Parses a PKCS #8 private key (DER) of any of the three algorithms.
    ///
    /// # Errors
    /// [`NotAKey`] if the bytes are not such a key.
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
        let failed = |_| SignError::Unavailable { key: self.public.fingerprint().short() };
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
