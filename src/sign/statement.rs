//! Signed statements: signing, verification, and the faults of bytes that do not verify.

use std::fmt;
use std::marker::PhantomData;

use coset::{CborSerializable as _, TaggedCborSerializable as _};
use minicbor::{Decode, Encode};

use super::{PublicKey, SignError, Signer};
use crate::digest::{self, Digest, NotCanonical};

/// The CBOR tag of a COSE_Sign1 (RFC 9052, section 2).
const COSE_SIGN1: u64 = 18;

/// A type whose values are signed. The content type distinguishes its signatures from those of every other kind.
pub trait Statement: Encode<()> + for<'b> Decode<'b, ()> {
    /// The COSE content type (header 3, RFC 9052, section 3.1) of this kind of statement, a media type.
    const CONTENT_TYPE: &'static str;
}

/// A statement whose signature was verified, with its exact encoding.
///
/// There are two ways to get one: sign a statement, or verify the bytes of one under an expected key.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed<T> {
    statement: T,
    key: Digest,
    bytes: Vec<u8>,
    _kind: PhantomData<T>,
}

impl<T: Statement> Signed<T> {
    /// Signs `statement`. The signature that the signer returns is verified first.
    ///
    /// # Errors
    /// [`SignError`] if the signer did not sign, or returned an invalid signature.
    pub fn sign(statement: T, signer: &dyn Signer) -> Result<Signed<T>, SignError> {
        let protected = protected_header::<T>(signer.public());
        let payload = digest::encode(&statement);
        let signature = signature(signer, &to_be_signed(&protected, &payload))?;
        let sign1 = coset::CoseSign1Builder::new().protected(protected).payload(payload).signature(signature).build();
        // INVARIANT: headers and payload were built here from types that can be encoded.
        let bytes = sign1.to_tagged_vec().expect("a COSE_Sign1 built here encodes");
        Ok(Signed { statement, key: signer.public().fingerprint(), bytes, _kind: PhantomData })
    }

    /// Verifies `bytes` as a statement of this kind signed by `key`.
    ///
    /// # Errors
    /// [`NotSigned`] says what is wrong: form, kind, key, algorithm or signature.
    pub fn verify(bytes: &[u8], key: &PublicKey) -> Result<Signed<T>, NotSigned> {
        let sign1 = coset::CoseSign1::from_tagged_slice(bytes).map_err(|_| NotSigned::Form)?;
        let expected = protected_header::<T>(key);
        if sign1.protected.header != expected {
            return Err(wrong_header::<T>(&sign1.protected.header, key));
        }
        // The signature covers the header's original bytes, which must be its canonical encoding.
        let encoded = sign1.protected.original_data.as_deref();
        if encoded != expected.clone().to_vec().ok().as_deref() || !sign1.unprotected.is_empty() {
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

    /// Decodes exactly these bytes, which verified before under `key`, without verifying again.
    pub(super) fn already_verified(bytes: &[u8], key: &PublicKey) -> Result<Signed<T>, NotSigned> {
        let statement = Signed::peek(bytes)?;
        Ok(Signed { statement, key: key.fingerprint(), bytes: bytes.to_vec(), _kind: PhantomData })
    }

    /// Decodes the statement **without** verifying the signature. Only to find out which key must have signed it.
    ///
    /// # Errors
    /// [`NotSigned`] if the bytes are not a statement of this kind.
    pub fn peek(bytes: &[u8]) -> Result<T, NotSigned> {
        Ok(digest::decode(payload(bytes).ok_or(NotSigned::Form)?)?)
    }

    /// The statement that was signed.
    pub fn statement(&self) -> &T {
        &self.statement
    }

    /// The fingerprint of the key that signed.
    pub fn key(&self) -> Digest {
        self.key
    }

    /// The encoded COSE_Sign1, with tag 18; this is what is stored and sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of [`Signed::bytes`].
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

impl<T: fmt::Debug> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({:?} by {})", self.statement, self.key.short())
    }
}

/// Why bytes are not a statement signed by the expected key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// Not a tagged COSE_Sign1 in deterministic form with protected headers only.
    #[error("not a COSE_Sign1 in deterministic form with only the protected headers 1, 3 and 4")]
    Form,
    /// A signed statement of another kind.
    #[error("signed statement is of another kind: expected content type `{expected}`")]
    Kind {
        /// The content type that was expected.
        expected: &'static str,
    },
    /// Signed with an algorithm other than the key's.
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

/// Requests a signature over `message` from `signer` and verifies it under its public key, because a device may return anything.
/// Everything that is signed is signed through this function.
///
/// # Errors
/// [`SignError`] if the signer did not sign, or returned an invalid signature.
pub fn signature(signer: &dyn Signer, message: &[u8]) -> Result<Vec<u8>, SignError> {
    let key = signer.public().clone();
    let signature = signer.sign(message)?;
    // The signer must not change its key meanwhile.
    match key == *signer.public() && key.verifies(message, &signature) {
        true => Ok(signature),
        false => Err(SignError::NotASignature { key: key.fingerprint().short() }),
    }
}

/// Locates the payload of a tagged COSE_Sign1 (RFC 9052, section 4.2) without decoding the rest.
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
