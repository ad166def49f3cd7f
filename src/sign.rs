//! Signed statements: COSE_Sign1 (RFC 9052) over deterministic CBOR. This is the one place that signs.
//!
//! A statement's kind is bound into its protected header, so a receipt can never be passed off as an approval. It
//! refuses unprotected headers, unknown algorithms, and any encoding other than the one it would have written.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use aws_lc_rs::signature::{self, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coset::{CborSerializable as _, TaggedCborSerializable as _};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::digest::{self, Digest, NotCanonical};

/// The signature algorithms a statement may carry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Algorithm {
    /// EdDSA over Curve25519 (RFC 8032); COSE algorithm -8.
    Ed25519,
    /// ECDSA over P-384 with SHA-384; COSE algorithm -35.
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

    fn from_name(name: &str) -> Option<Algorithm> {
        [Algorithm::Ed25519, Algorithm::Es384, Algorithm::MlDsa87].into_iter().find(|a| a.name() == name)
    }

    fn cose(self) -> coset::iana::Algorithm {
        match self {
            Algorithm::Ed25519 => coset::iana::Algorithm::EdDSA,
            Algorithm::Es384 => coset::iana::Algorithm::ES384,
            Algorithm::MlDsa87 => coset::iana::Algorithm::ML_DSA_87,
        }
    }

    fn verification(self) -> &'static dyn signature::VerificationAlgorithm {
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
}

impl PublicKey {
    /// A key from its raw bytes.
    ///
    /// # Errors
    /// [`NotAKey`] if the length is not the algorithm's.
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Result<PublicKey, NotAKey> {
        if raw.len() == algorithm.public_key_bytes() {
            Ok(PublicKey { algorithm, raw: raw.to_vec() })
        } else {
            Err(NotAKey)
        }
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
        Digest::of(self.to_string().as_bytes())
    }

    /// Whether `signature` over `message` was made by this key's holder.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.algorithm.verification(), &self.raw).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), STANDARD.encode(&self.raw))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.fingerprint().short())
    }
}

/// A text or byte string that is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a public key: `ed25519:`, `p384:` or `mldsa87:` and the raw key in base64")]
pub struct NotAKey;

impl FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<PublicKey, NotAKey> {
        let (name, encoded) = text.split_once(':').ok_or(NotAKey)?;
        let algorithm = Algorithm::from_name(name).ok_or(NotAKey)?;
        let raw = STANDARD.decode(encoded).map_err(|_| NotAKey)?;
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

    /// A signature over `message`.
    ///
    /// # Errors
    /// [`SignError`] if the holder of the key would not or could not sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The holder of a key did not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the holder of key `{key}` did not sign: check that the key is present and usable")]
pub struct SignError {
    /// Short fingerprint of the key that was asked for.
    pub key: String,
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
        let failed = |_| SignError { key: "new".into() };
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
        Err(NotAKey)
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
        let failed = |_| SignError { key: self.public.fingerprint().short() };
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

/// A type whose values are signed, and the media type that keeps its signatures apart from every other kind's.
pub trait Statement: Encode<()> + for<'b> Decode<'b, ()> {
    /// The COSE content type (header 3) of this kind of statement.
    const CONTENT_TYPE: &'static str;
}

/// A statement whose signature was verified, with the exact bytes that carry it.
///
/// There are two ways to get one: sign a statement, or verify the bytes of one with a known key.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed<T> {
    statement: T,
    key: Digest,
    bytes: Vec<u8>,
    _kind: PhantomData<T>,
}

impl<T: Statement> Signed<T> {
    /// Signs `statement`.
    ///
    /// # Errors
    /// [`SignError`] if the signer did not sign.
    pub fn sign(statement: T, signer: &dyn Signer) -> Result<Signed<T>, SignError> {
        let protected = protected_header::<T>(signer.public());
        let payload = digest::encode(&statement);
        let signature = signer.sign(&to_be_signed(&protected, &payload))?;
        let sign1 = coset::CoseSign1Builder::new().protected(protected).payload(payload).signature(signature).build();
        // INVARIANT: headers and payload were built here from types that encode.
        let bytes = sign1.to_tagged_vec().expect("a COSE_Sign1 built here encodes");
        Ok(Signed { statement, key: signer.public().fingerprint(), bytes, _kind: PhantomData })
    }

    /// Verifies `bytes` as a statement of this kind signed by `key`.
    ///
    /// # Errors
    /// [`NotSigned`] says what was wrong: form, kind, key, algorithm or signature.
    pub fn verify(bytes: &[u8], key: &PublicKey) -> Result<Signed<T>, NotSigned> {
        let sign1 = coset::CoseSign1::from_tagged_slice(bytes).map_err(|_| NotSigned::Form)?;
        let expected = protected_header::<T>(key);
        if sign1.protected.header != expected {
            return Err(wrong_header::<T>(&sign1.protected.header, key));
        }
        // The bytes that were signed are the header's own; refuse any spelling of it but ours.
        let spelled = sign1.protected.original_data.as_deref();
        if spelled != expected.clone().to_vec().ok().as_deref() || !sign1.unprotected.is_empty() {
            return Err(NotSigned::Form);
        }
        let payload = sign1.payload.as_deref().ok_or(NotSigned::Form)?;
        if !key.verifies(&to_be_signed(&expected, payload), &sign1.signature) {
            return Err(NotSigned::Signature { key: key.fingerprint().short() });
        }
        let statement = digest::decode(payload)?;
        if sign1.to_tagged_vec().ok().as_deref() != Some(bytes) {
            return Err(NotSigned::Form);
        }
        Ok(Signed { statement, key: key.fingerprint(), bytes: bytes.to_vec(), _kind: PhantomData })
    }

    /// What the statement says, read **without** checking the signature. Only for finding out whose key to check.
    ///
    /// # Errors
    /// [`NotSigned`] if the bytes are not a statement of this kind.
    pub fn peek(bytes: &[u8]) -> Result<T, NotSigned> {
        let sign1 = coset::CoseSign1::from_tagged_slice(bytes).map_err(|_| NotSigned::Form)?;
        let payload = sign1.payload.as_deref().ok_or(NotSigned::Form)?;
        Ok(digest::decode(payload)?)
    }

    /// What was signed.
    pub fn statement(&self) -> &T {
        &self.statement
    }

    /// Fingerprint of the key that signed.
    pub fn key(&self) -> Digest {
        self.key
    }

    /// The COSE_Sign1 bytes, tag 18 included; what is stored and sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of [`Signed::bytes`].
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

impl<T: fmt::Debug> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({:?} by {})", self.statement, self.key.short())
    }
}

/// Why bytes are not a statement signed by the key they were checked against.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// Not a tagged COSE_Sign1 in deterministic form with protected headers only.
    #[error("not a COSE_Sign1 in deterministic form with only the protected headers 1, 3 and 4")]
    Form,
    /// A signed statement, but of another kind.
    #[error("signed statement is of another kind: expected content type `{expected}`")]
    Kind {
        /// The content type that was expected.
        expected: &'static str,
    },
    /// Another algorithm than the key's.
    #[error("signed with another algorithm than the key's: expected `{expected}`")]
    Algorithm {
        /// The name of the key's algorithm.
        expected: &'static str,
    },
    /// Signed by a key other than the one expected.
    #[error("signed by another key: expected the key with fingerprint `{expected}`")]
    Key {
        /// Short fingerprint of the expected key.
        expected: String,
    },
    /// The signature does not verify: the statement was altered, or the signer does not hold the key.
    #[error("signature does not verify under key `{key}`: the statement was altered or is not theirs")]
    Signature {
        /// Short fingerprint of the key.
        key: String,
    },
    /// The signature verifies, but the statement inside is not canonical.
    #[error("signed statement: {0}")]
    Statement(#[from] NotCanonical),
}

fn protected_header<T: Statement>(key: &PublicKey) -> coset::Header {
    coset::HeaderBuilder::new()
        .algorithm(key.algorithm.cose())
        .content_type(T::CONTENT_TYPE.to_owned())
        .key_id(key.fingerprint().as_bytes().to_vec())
        .build()
}

fn to_be_signed(protected: &coset::Header, payload: &[u8]) -> Vec<u8> {
    let protected = coset::ProtectedHeader { original_data: None, header: protected.clone() };
    coset::sig_structure_data(coset::SignatureContext::CoseSign1, protected, None, &[], payload)
}

fn wrong_header<T: Statement>(found: &coset::Header, key: &PublicKey) -> NotSigned {
    let expected = protected_header::<T>(key);
    if found.content_type != expected.content_type {
        NotSigned::Kind { expected: T::CONTENT_TYPE }
    } else if found.alg != expected.alg {
        NotSigned::Algorithm { expected: key.algorithm.name() }
    } else if found.key_id != expected.key_id {
        NotSigned::Key { expected: key.fingerprint().short() }
    } else {
        NotSigned::Form
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Encode, Decode)]
    #[cbor(map)]
    struct Note {
        #[n(0)]
        text: String,
    }

    impl Statement for Note {
        const CONTENT_TYPE: &'static str = "application/vnd.portcullis.test-note+cbor";
    }

    #[derive(Debug, Clone, PartialEq, Encode, Decode)]
    #[cbor(map)]
    struct OtherNote {
        #[n(0)]
        text: String,
    }

    impl Statement for OtherNote {
        const CONTENT_TYPE: &'static str = "application/vnd.portcullis.other-note+cbor";
    }

    const ALL: [Algorithm; 3] = [Algorithm::Ed25519, Algorithm::Es384, Algorithm::MlDsa87];

    fn signer(algorithm: Algorithm) -> LocalSigner {
        LocalSigner::from_pkcs8(&LocalSigner::generate(algorithm).unwrap()).unwrap()
    }

    fn note() -> Note {
        Note { text: "EXERCISE".into() }
    }

    #[test]
    fn every_algorithm_signs_and_verifies() {
        for algorithm in ALL {
            let signer = signer(algorithm);
            assert_eq!(signer.public().algorithm(), algorithm);
            let signed = Signed::sign(note(), &signer).unwrap();
            let read = Signed::<Note>::verify(signed.bytes(), signer.public()).unwrap();
            assert_eq!(read.statement(), &note());
        }
    }

    #[test]
    fn refuses_every_flipped_bit_of_a_signed_statement() {
        let signer = signer(Algorithm::Ed25519);
        let signed = Signed::sign(note(), &signer).unwrap();
        for bit in 0..signed.bytes().len() * 8 {
            let mut bytes = signed.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Signed::<Note>::verify(&bytes, signer.public()).is_err(), "bit {bit} flipped was accepted");
        }
    }

    #[test]
    fn refuses_a_statement_of_another_kind_key_or_algorithm() {
        let ours = signer(Algorithm::Ed25519);
        let signed = Signed::sign(note(), &ours).unwrap();
        assert!(matches!(Signed::<OtherNote>::verify(signed.bytes(), ours.public()), Err(NotSigned::Kind { .. })));
        let other = signer(Algorithm::Ed25519);
        assert!(matches!(Signed::<Note>::verify(signed.bytes(), other.public()), Err(NotSigned::Key { .. })));
        let p384 = signer(Algorithm::Es384);
        assert!(matches!(Signed::<Note>::verify(signed.bytes(), p384.public()), Err(NotSigned::Algorithm { .. })));
    }

    #[test]
    fn refuses_bytes_left_over_and_unprotected_headers() {
        let signer = signer(Algorithm::Ed25519);
        let signed = Signed::sign(note(), &signer).unwrap();
        let mut longer = signed.bytes().to_vec();
        longer.push(0);
        assert_eq!(Signed::<Note>::verify(&longer, signer.public()), Err(NotSigned::Form));
        let mut sign1 = coset::CoseSign1::from_tagged_slice(signed.bytes()).unwrap();
        sign1.unprotected = coset::HeaderBuilder::new().iv(vec![1]).build();
        let with_header = sign1.to_tagged_vec().unwrap();
        assert_eq!(Signed::<Note>::verify(&with_header, signer.public()), Err(NotSigned::Form));
    }

    #[test]
    fn keys_print_and_parse() {
        for algorithm in ALL {
            let key = signer(algorithm).public().clone();
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert_eq!("ed25519:AAAA".parse::<PublicKey>(), Err(NotAKey));
        assert_eq!("none:".parse::<PublicKey>(), Err(NotAKey));
    }
}
