//! The header of a sealed payload, which is sent last, and the commitment to it in offer and manifest.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::digest::Digest;

/// The maximum length of a header, in bytes.
pub const HEADER_BYTES_MAX: usize = 4096;

/// The header of a sealed payload: the beginning of the age file, up to and including the MAC line. It contains the
/// file key, wrapped for the recipient; without it nobody can decrypt the payload, not even the recipient.
///
/// It is stored apart from the payload and sent after it, when the release has been decided once more. It reveals
/// nothing of the product, and `Debug` prints only its length.
#[derive(Clone, PartialEq, Eq)]
pub struct Header(Vec<u8>);

/// The length of a header is out of range; holds the length found, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a header of a sealed payload has 1 to {HEADER_BYTES_MAX} bytes, found {0}")]
pub struct HeaderFault(pub usize);

impl Header {
    /// Creates a header from its bytes. Only the length is checked.
    ///
    /// # Errors
    /// [`HeaderFault`] if it is empty or longer than [`HEADER_BYTES_MAX`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Header, HeaderFault> {
        let bytes = bytes.into();
        if (1..=HEADER_BYTES_MAX).contains(&bytes.len()) { Ok(Header(bytes)) } else { Err(HeaderFault(bytes.len())) }
    }

    /// Returns the bytes of the header.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the commitment to this header, which may be sent before it.
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

/// The commitment to a header in an offer and its manifest. The header cannot be computed from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HeaderCommitment {
    /// Length of the header in bytes.
    #[n(0)]
    pub size: u32,
    /// SHA-256 of the header.
    #[n(1)]
    pub digest: Digest,
}

impl HeaderCommitment {
    /// Returns whether the length is valid for a header: 1 to [`HEADER_BYTES_MAX`] bytes.
    pub fn is_valid_size(&self) -> bool {
        (1..=HEADER_BYTES_MAX).contains(&usize::try_from(self.size).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_header_of_no_bytes_or_too_many() {
        assert!(Header::new([1; HEADER_BYTES_MAX]).is_ok_and(|header| header.commitment().is_valid_size()));
        assert_eq!(Header::new([]), Err(HeaderFault(0)));
        assert_eq!(Header::new([1; HEADER_BYTES_MAX + 1]), Err(HeaderFault(HEADER_BYTES_MAX + 1)));
        for size in [0, HEADER_BYTES_MAX as u32 + 1, u32::MAX] {
            assert!(!HeaderCommitment { size, digest: Digest::of(b"") }.is_valid_size(), "{size}");
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
