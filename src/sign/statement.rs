//! Signed statements and what is wrong with bytes that are none.

use std::fmt;
use std::marker::PhantomData;

use coset::{CborSerializable as _, TaggedCborSerializable as _};
use minicbor::{Decode, Encode};

use super::{PublicKey, SignError, Signer};
use crate::digest::{self, Digest, NotCanonical};

/// The CBOR tag of a COSE_Sign1 (RFC 9052, section 2).
const COSE_SIGN1: u64 = 18;

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
    /// Signs `statement`. What the signer returns is verified before it counts for anything.
    ///
    /// # Errors
    /// [`SignError`] if the signer did not sign, or returned something else.
    pub fn sign(statement: T, signer: &dyn Signer) -> Result<Signed<T>, SignError> {
        let protected = protected_header::<T>(signer.public());
        let payload = digest::encode(&statement);
        let signature = signature(signer, &to_be_signed(&protected, &payload))?;
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

    /// As [`Signed::verify`] without verifying: for exactly these bytes, which verified before under `key`.
    pub(super) fn verified_before(bytes: &[u8], key: &PublicKey) -> Result<Signed<T>, NotSigned> {
        let statement = Signed::peek(bytes)?;
        Ok(Signed { statement, key: key.fingerprint(), bytes: bytes.to_vec(), _kind: PhantomData })
    }

    /// What the statement says, read **without** checking the signature. Only for finding out whose key to check.
    ///
    /// # Errors
    /// [`NotSigned`] if the bytes are not a statement of this kind.
    pub fn peek(bytes: &[u8]) -> Result<T, NotSigned> {
        Ok(digest::decode(payload(bytes).ok_or(NotSigned::Form)?)?)
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
    #[error("signature does not verify under key `{key}`: the statement was altered, or somebody else signed it")]
    Signature {
        /// Short fingerprint of the key.
        key: String,
    },
    /// The signature verifies, but the statement inside is not canonical.
    #[error("signed statement: {0}")]
    Statement(#[from] NotCanonical),
}

/// The signature of `signer` over `message`, verified under its public key: a card, a passkey or a server may return
/// anything. Everything that is signed is signed through this function.
///
/// # Errors
/// [`SignError`] if the signer did not sign, or returned something else.
pub fn signature(signer: &dyn Signer, message: &[u8]) -> Result<Vec<u8>, SignError> {
    let key = signer.public().clone();
    let signature = signer.sign(message)?;
    // The key must not change while it signs.
    match key == *signer.public() && key.verifies(message, &signature) {
        true => Ok(signature),
        false => Err(SignError::NotASignature { key: key.fingerprint().short() }),
    }
}

/// The payload of what may be a tagged COSE_Sign1 (RFC 9052, section 4.2), found without looking at anything else in it.
fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let mut parts = minicbor::Decoder::new(bytes);
    if parts.tag().ok()?.as_u64() != COSE_SIGN1 || parts.array().ok()? != Some(4) {
        return None;
    }
    parts.bytes().ok()?;
    parts.skip().ok()?;
    parts.bytes().ok()
}

fn protected_header<T: Statement>(key: &PublicKey) -> coset::Header {
    coset::HeaderBuilder::new()
        .algorithm(key.algorithm().cose())
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
        NotSigned::Algorithm { expected: key.algorithm().name() }
    } else if found.key_id != expected.key_id {
        NotSigned::Key { expected: key.fingerprint().short() }
    } else {
        NotSigned::Form
    }
}
