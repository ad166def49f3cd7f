//! Keeping products on our own disk: encrypted to a key of this node that no partner has.
//!
//! This is not sealing for a partner: the recipient is always the node's own storage key, which is never exported.
//! Cuts are not kept at all but assembled anew from the product, so that what is sent is what is decided upon.

use super::Opener as _;
use super::open::{OpenFault, PayloadIdentity};
use super::sealing::encrypt;

/// The node's storage key.
#[derive(Debug)]
pub struct AtRest(PayloadIdentity);

/// Why something could not be kept or fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AtRestFault {
    /// Encryption failed; nothing was kept.
    #[error("age did not encrypt for storage: {0}")]
    Encrypt(String),
    /// What was kept does not open: it was altered, or the storage key was replaced.
    #[error("stored item does not open with this node's storage key: it was altered or the key was replaced")]
    Closed,
}

impl AtRest {
    /// A storage key from its text form (`AGE-SECRET-KEY-1...`).
    ///
    /// # Errors
    /// [`OpenFault::Header`] if the text is not such a key.
    pub fn parse(text: &str) -> Result<AtRest, OpenFault> {
        PayloadIdentity::parse(text).map(AtRest)
    }

    /// The ciphertext to store for `plain`.
    ///
    /// # Errors
    /// [`AtRestFault::Encrypt`] if encryption fails.
    pub fn keep(&self, plain: &[u8]) -> Result<Vec<u8>, AtRestFault> {
        encrypt(plain, self.0.recipient()).map_err(|e| AtRestFault::Encrypt(e.to_string()))
    }

    /// What [`AtRest::keep`] was given, at most `bytes_max` long.
    ///
    /// # Errors
    /// [`AtRestFault::Closed`] if the bytes are not what this key kept, or are longer than allowed.
    pub fn fetch(&self, kept: &[u8], bytes_max: usize) -> Result<Vec<u8>, AtRestFault> {
        self.0.decrypt(kept, bytes_max).map_err(|_| AtRestFault::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_what_it_kept_and_refuses_what_was_altered() {
        let store = AtRest::parse(&PayloadIdentity::generate()).unwrap();
        let mut kept = store.keep(b"EXERCISE").unwrap();
        assert!(!kept.windows(8).any(|w| w == b"EXERCISE"));
        assert_eq!(store.fetch(&kept, 100).unwrap(), b"EXERCISE");
        *kept.last_mut().unwrap() ^= 1;
        assert_eq!(store.fetch(&kept, 100), Err(AtRestFault::Closed));
    }
}
