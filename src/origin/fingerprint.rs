//! Fingerprints, and the node's key under which they are made.

use std::fmt;

use aws_lc_rs::hmac;

/// The key of a node under which its fingerprints are made.
#[derive(Clone)]
pub struct FingerprintKey(hmac::Key);

/// One fingerprint: a truncated HMAC. Its lowest bit says that the text's runs are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(u64);

impl FingerprintKey {
    /// A key of its own, made from a secret that serves another purpose.
    pub fn derived_from(secret: &[u8]) -> FingerprintKey {
        let secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"portcullis prints");
        FingerprintKey(hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()))
    }

    pub(super) fn print<'p>(&self, what: &str, parts: impl IntoIterator<Item = &'p [u8]>) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(what.as_bytes());
        for part in parts {
            // No part holds a zero byte that is not its own: words are letters, and a digest stands alone.
            context.update(&[0]);
            context.update(part);
        }
        let tag = context.sign();
        // INVARIANT: a tag of SHA-256 has 32 bytes.
        Fingerprint(u64::from_be_bytes(tag.as_ref()[..8].try_into().expect("a tag has eight bytes"))).plain()
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(..)")
    }
}

impl Fingerprint {
    const SAMPLED: u64 = 1;

    /// The same of a text each of whose runs has a fingerprint: what is asked for.
    #[must_use]
    pub fn plain(self) -> Fingerprint {
        Fingerprint(self.0 & !Self::SAMPLED)
    }

    /// The same of a text of whose runs only some have fingerprints, if it is one.
    pub(super) fn marked(self, sampled: bool) -> Fingerprint {
        if sampled { Fingerprint(self.0 | Self::SAMPLED) } else { self }
    }

    pub(super) fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    /// As a store keeps it. A plain one is followed by the other of the two.
    pub fn to_i64(self) -> i64 {
        i64::from_be_bytes(self.0.to_be_bytes())
    }

    /// From what a store kept.
    pub fn from_i64(kept: i64) -> Fingerprint {
        Fingerprint(u64::from_be_bytes(kept.to_be_bytes()))
    }
}
