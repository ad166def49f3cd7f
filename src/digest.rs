//! SHA-256 digests, and the one encoding that is hashed or signed: deterministic CBOR.
//!
//! Only canonical forms are accepted: a text or byte string that decodes but would be encoded differently is refused,
//! so that two parties never hash different bytes for the same meaning.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

mod pieces;

use crate::text_codec::{debug_as_display, string_conversions};

pub use pieces::{Pieces, PiecesHasher};

/// A SHA-256 digest (FIPS 180-4), 32 bytes; formatted as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(sha2::Sha256::digest(bytes).into())
    }

    /// Returns a digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// Converts a slice; `None` unless it is 32 bytes long.
    pub fn from_slice(bytes: &[u8]) -> Option<Digest> {
        bytes.try_into().ok().map(Digest)
    }

    /// Returns the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the first eight hexadecimal digits, for people who compare lines of output. Never use it as a key.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

debug_as_display!(Digest);
string_conversions!(Digest, NotADigest);

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a digest of 64 lower-case hexadecimal digits")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Digest, NotADigest> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotADigest)?;
        let digest = Digest(bytes);
        if digest.to_string() == text { Ok(digest) } else { Err(NotADigest) }
    }
}

/// Encodes as a CBOR byte string of 32 bytes.
impl<C> Encode<C> for Digest {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Digest {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Digest, minicbor::decode::Error> {
        Digest::from_slice(d.bytes()?).ok_or_else(|| minicbor::decode::Error::message("digest is not 32 bytes"))
    }
}

/// Computes a [`Digest`] over bytes that arrive in parts.
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// Returns a hasher without input.
    pub fn new() -> Hasher {
        Hasher::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes added.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// Bytes that are not the canonical encoding of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// The bytes cannot be decoded.
    #[error("not valid CBOR for this statement: {0}")]
    Malformed(String),
    /// The bytes can be decoded, but are not in deterministic form (RFC 8949, section 4.2.1): a longer integer form,
    /// an unknown or repeated key, another order, an indefinite length, or trailing bytes.
    #[error("CBOR is not in its deterministic form: the sender must encode it canonically")]
    OtherForm,
}

/// Returns the deterministic encoding (RFC 8949, section 4.2.1) of a value whose type writes its keys in ascending
/// order.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    // INVARIANT: writing to a vector cannot fail, and no `Encode` implementation here returns an error.
    minicbor::to_vec(value).expect("encoding to memory does not fail")
}

/// Decodes `bytes`. Accepts only what [`encode`] would write.
///
/// # Errors
/// [`NotCanonical`]: malformed, or merely not canonical.
pub fn decode<'b, T: Decode<'b, ()> + Encode<()>>(bytes: &'b [u8]) -> Result<T, NotCanonical> {
    let value: T = minicbor::decode(bytes).map_err(|e| NotCanonical::Malformed(e.to_string()))?;
    if encode(&value) == bytes { Ok(value) } else { Err(NotCanonical::OtherForm) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    #[cbor(map)]
    struct Sample {
        #[n(0)]
        number: u64,
        #[n(1)]
        text: String,
    }

    #[test]
    fn accepts_what_it_wrote() {
        let sample = Sample { number: 7, text: "seven".into() };
        assert_eq!(decode(&encode(&sample)), Ok(sample));
    }

    #[test]
    fn refuses_every_other_spelling_of_the_same_value() {
        // {0: 7, 1: "s"} is a2 00 07 01 61 73 in its one form.
        let others: [&[u8]; 6] = [
            &[0xa2, 0x00, 0x18, 0x07, 0x01, 0x61, 0x73],       // a longer integer
            &[0xa2, 0x01, 0x61, 0x73, 0x00, 0x07],             // keys in another order
            &[0xbf, 0x00, 0x07, 0x01, 0x61, 0x73, 0xff],       // indefinite length
            &[0xa3, 0x00, 0x07, 0x01, 0x61, 0x73, 0x02, 0x00], // an unknown key
            &[0xa3, 0x00, 0x07, 0x00, 0x07, 0x01, 0x61, 0x73], // a key twice
            &[0xa2, 0x00, 0x07, 0x01, 0x61, 0x73, 0x00],       // bytes left over
        ];
        assert!(decode::<Sample>(&[0xa2, 0x00, 0x07, 0x01, 0x61, 0x73]).is_ok());
        for bytes in others {
            assert!(decode::<Sample>(bytes).is_err(), "{bytes:02x?} was accepted");
        }
    }

    #[test]
    fn refuses_upper_case_and_short_digests() {
        let text = Digest::of(b"x").to_string();
        assert!(text.parse::<Digest>().is_ok());
        assert!(text.to_uppercase().parse::<Digest>().is_err());
        assert!(text[2..].parse::<Digest>().is_err());
    }
}
