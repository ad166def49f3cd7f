//! Private keys of certificates, stored as PKCS #8. They sign certificates, revocation lists and TLS handshakes.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, PqdsaKeyPair};
use zeroize::Zeroizing;

use super::{CertificateAlgorithm, Profile};
use crate::sign::{private_key_from_pem, private_key_to_pem};

/// A certificate's private key, held in memory.
///
/// Separate from [`crate::sign::LocalSigner`] because X.509 wraps ECDSA signatures in ASN.1 and statements do not,
/// and because a key that signs statements must never also authenticate a TLS endpoint.
pub struct CertificateKey {
    algorithm: CertificateAlgorithm,
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
}

enum Pair {
    P384(EcdsaKeyPair),
    MlDsa87(Box<PqdsaKeyPair>),
}

/// Why a private key could not be generated or parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The system's random source failed.
    #[error("cannot generate a private key: the system's random source failed")]
    Random,
    /// Not one PEM block with a PKCS #8 key of the profile's algorithm.
    #[error("expected one PEM block `PRIVATE KEY` holding a PKCS #8 key for {0}")]
    Form(CertificateAlgorithm),
}

impl CertificateKey {
    /// Generates a key of the profile's algorithm.
    ///
    /// # Errors
    /// [`KeyFault::Random`] if the system's random source fails.
    pub fn generate(profile: &Profile) -> Result<CertificateKey, KeyFault> {
        let pkcs8 = match profile.algorithm() {
            CertificateAlgorithm::P384 => {
                EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &SystemRandom::new())
                    .map_err(|_| KeyFault::Random)?
            }
            CertificateAlgorithm::MlDsa87 => PqdsaKeyPair::generate(&signature::ML_DSA_87_SIGNING)
                .and_then(|pair| pair.to_pkcs8v1())
                .map_err(|_| KeyFault::Random)?,
        };
        CertificateKey::from_pkcs8(profile, Zeroizing::new(pkcs8.as_ref().to_vec()))
    }

    /// Parses a key of the profile's algorithm from PKCS #8 (DER).
    ///
    /// # Errors
    /// [`KeyFault::Form`] if it is malformed or of another algorithm.
    pub fn from_pkcs8(profile: &Profile, pkcs8: Zeroizing<Vec<u8>>) -> Result<CertificateKey, KeyFault> {
        let algorithm = profile.algorithm();
        let fault = KeyFault::Form(algorithm);
        let pair = match algorithm {
            CertificateAlgorithm::P384 => {
                EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &pkcs8).map(Pair::P384)
            }
            CertificateAlgorithm::MlDsa87 => PqdsaKeyPair::from_pkcs8(&signature::ML_DSA_87_SIGNING, &pkcs8)
                .map(|pair| Pair::MlDsa87(Box::new(pair))),
        };
        Ok(CertificateKey { algorithm, pair: pair.map_err(|_| fault)?, pkcs8 })
    }

    /// Parses a key of the profile's algorithm from one PEM block `PRIVATE KEY`.
    ///
    /// # Errors
    /// [`KeyFault::Form`] if it is malformed or of another algorithm.
    pub fn from_pem(profile: &Profile, text: &str) -> Result<CertificateKey, KeyFault> {
        let der = private_key_from_pem(text).ok_or(KeyFault::Form(profile.algorithm()))?;
        CertificateKey::from_pkcs8(profile, der)
    }

    /// The private key as PEM (PKCS #8). To be written only to a file that its owner alone can read.
    pub fn to_pem(&self) -> Zeroizing<String> {
        private_key_to_pem(&self.pkcs8)
    }

    /// The private key as PKCS #8, DER.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The algorithm that the key signs with.
    pub fn algorithm(&self) -> CertificateAlgorithm {
        self.algorithm
    }

    /// The public key, as in the SubjectPublicKeyInfo bit string.
    pub fn public_bytes(&self) -> &[u8] {
        match &self.pair {
            Pair::P384(pair) => pair.public_key().as_ref(),
            Pair::MlDsa87(pair) => pair.public_key().as_ref(),
        }
    }
}

impl fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateKey({:?})", self.algorithm)
    }
}

impl rcgen::PublicKeyData for CertificateKey {
    fn der_bytes(&self) -> &[u8] {
        self.public_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.algorithm {
            CertificateAlgorithm::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            CertificateAlgorithm::MlDsa87 => &rcgen::PKCS_ML_DSA_87,
        }
    }
}

impl rcgen::SigningKey for CertificateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let failed = |_| rcgen::Error::RemoteKeyError;
        match &self.pair {
            Pair::P384(pair) => Ok(pair.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec()),
            Pair::MlDsa87(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature).map_err(failed)?;
                signature.truncate(length);
                Ok(signature)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ProfileName;
    use super::*;

    #[test]
    fn keys_of_every_profile_survive_pem() {
        for name in ProfileName::ALL {
            let key = CertificateKey::generate(name.profile()).unwrap();
            let read = CertificateKey::from_pem(name.profile(), &key.to_pem()).unwrap();
            assert_eq!(read.public_bytes(), key.public_bytes());
        }
    }

    #[test]
    fn refuses_a_key_of_another_profile() {
        let key = CertificateKey::generate(ProfileName::Classical.profile()).unwrap();
        let read = CertificateKey::from_pem(ProfileName::Cnsa2.profile(), &key.to_pem());
        assert!(matches!(read, Err(KeyFault::Form(CertificateAlgorithm::MlDsa87))));
    }

    #[test]
    fn shows_no_secret_when_printed() {
        let key = CertificateKey::generate(ProfileName::Classical.profile()).unwrap();
        assert_eq!(format!("{key:?}"), "CertificateKey(P384)");
    }
}
