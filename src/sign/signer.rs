//! Private keys that sign statements.

use std::fmt;

use aws_lc_rs::signature::{self, KeyPair as _};

use super::{Algorithm, NotAKey, PublicKey};

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
