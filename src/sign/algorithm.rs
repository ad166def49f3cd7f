//! The three signature algorithms of statements.

use aws_lc_rs::signature;
use serde::Deserialize;

/// A signature algorithm of statements.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Ed25519 (RFC 8032); COSE algorithm -8 (RFC 9053).
    Ed25519,
    /// ECDSA on P-384 with SHA-384; COSE algorithm -35 (RFC 9053).
    #[serde(rename = "p384")]
    Es384,
    /// ML-DSA-87 (FIPS 204); COSE algorithm -50.
    MlDsa87,
}

impl Algorithm {
    /// The name, which is the prefix of a key's text form.
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

    /// The algorithm of this name, if there is one.
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
