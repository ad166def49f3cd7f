//! Fingerprints, and the key of the node that they are computed with.

use std::fmt;

use aws_lc_rs::hmac;

/// The HMAC key of a node for its fingerprints.
#[derive(Clone)]
pub struct FingerprintKey(hmac::Key);

/// A fingerprint: an HMAC-SHA-256 truncated to 64 bits. The lowest bit is a flag: the runs of the text are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(u64);

impl FingerprintKey {
    /// Derives the key from a secret that also serves another purpose.
    pub fn derived_from(secret: &[u8]) -> FingerprintKey {
        let secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"portcullis prints");
        FingerprintKey(hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()))
    }

    /// Returns the fingerprint of `parts`; `what` separates the kinds of texts from each other.
    pub(super) fn fingerprint<'p>(&self, what: &str, parts: impl IntoIterator<Item = &'p [u8]>) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(what.as_bytes());
        for part in parts {
            // No part contains a zero byte that could be confused with this separator: words consist of letters and
            // digits, and a digest is always the only part.
            context.update(&[0]);
            context.update(part);
        }
        let tag = context.sign();
        // INVARIANT: an HMAC-SHA-256 tag has 32 bytes.
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

    /// Returns the fingerprint without the sampled flag. Lookups use this form.
    #[must_use]
    pub fn plain(self) -> Fingerprint {
        Fingerprint(self.0 & !Self::SAMPLED)
    }

    /// Returns the fingerprint with the sampled flag set if `sampled`.
    pub(super) fn with_sampled(self, sampled: bool) -> Fingerprint {
        if sampled { Fingerprint(self.0 | Self::SAMPLED) } else { self }
    }

    /// Returns whether the sampled flag is set.
    pub(super) fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    /// Returns the fingerprint as the integer that a store holds. A plain fingerprint is followed by its sampled form
    /// in numeric order.
    pub fn to_i64(self) -> i64 {
        i64::from_be_bytes(self.0.to_be_bytes())
    }

    /// Converts the integer that a store holds back to a fingerprint.
    pub fn from_i64(kept: i64) -> Fingerprint {
        Fingerprint(u64::from_be_bytes(kept.to_be_bytes()))
    }
}
