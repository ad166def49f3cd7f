//! The header of a sealed payload, which travels last, and what offer and manifest say of it beforehand.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::digest::Digest;

/// The longest header of a sealed payload, in bytes.
pub const HEADER_BYTES_MAX: usize = 4096;

/// The header of a sealed payload: the beginning of the age file, with the line of its MAC. It holds the file key,
/// wrapped for the recipient; without it nobody opens what follows, the recipient included.
///
/// It is kept apart from the payload and leaves after it, when the release has been decided upon once more. It says
/// nothing of a product, and is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Header(Vec<u8>);

/// Bytes that are no header's by their number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a header of a sealed payload has 1 to {HEADER_BYTES_MAX} bytes, found {0}")]
pub struct HeaderFault(pub usize);

impl Header {
    /// A header of these bytes.
    ///
    /// # Errors
    /// [`HeaderFault`] if there are none, or more than [`HEADER_BYTES_MAX`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Header, HeaderFault> {
        let bytes = bytes.into();
        if (1..=HEADER_BYTES_MAX).contains(&bytes.len()) { Ok(Header(bytes)) } else { Err(HeaderFault(bytes.len())) }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What may be said of it before it leaves.
    pub fn commitment(&self) -> HeaderCommitment {
        // INVARIANT: a header has at most HEADER_BYTES_MAX bytes.
        HeaderCommitment { size: self.0.len() as u32, digest: Digest::of(&self.0) }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({} bytes)", self.0.len())
    }
}

/// What an offer and its manifest say of the header that will follow: nobody finds the header from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HeaderCommitment {
    /// Its size in bytes.
    #[n(0)]
    pub size: u32,
    /// Its digest.
    #[n(1)]
    pub digest: Digest,
}

impl HeaderCommitment {
    /// Whether the size is one that a header can have.
    pub fn is_possible(&self) -> bool {
        (1..=HEADER_BYTES_MAX).contains(&usize::try_from(self.size).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_header_of_no_bytes_or_too_many() {
        assert!(Header::new([1; HEADER_BYTES_MAX]).is_ok_and(|header| header.commitment().is_possible()));
        assert_eq!(Header::new([]), Err(HeaderFault(0)));
        assert_eq!(Header::new([1; HEADER_BYTES_MAX + 1]), Err(HeaderFault(HEADER_BYTES_MAX + 1)));
        for size in [0, HEADER_BYTES_MAX as u32 + 1, u32::MAX] {
            assert!(!HeaderCommitment { size, digest: Digest::of(b"") }.is_possible(), "{size}");
        }
    }

    #[test]
    fn commits_to_length_and_bytes_and_shows_neither() {
        let header = |bytes: &[u8]| Header::new(bytes).unwrap();
        let said = header(b"EXERCISE").commitment();
        assert_eq!(header(b"EXERCISE").commitment(), said);
        for other in [&b"EXERCISF"[..], b"EXERCISE ", b"EXERCIS"] {
            assert_ne!(header(other).commitment(), said);
        }
        assert_eq!(format!("{:?}", header(b"EXERCISE")), "Header(8 bytes)");
    }
}
