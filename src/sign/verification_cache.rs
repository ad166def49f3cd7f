//! A cache of verified signatures: bytes that verified once under a key always will. Callers still check every time which key must
//! have signed, and whether the statement counts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{NotSigned, PublicKey, Signed, Statement};
use crate::digest::Digest;

/// The most entries. When it is full, the cache is emptied and signatures are verified again.
const ENTRIES_MAX: usize = 8192;

/// The signatures that verified. Clones share one cache.
#[derive(Clone, Default)]
pub struct VerificationCache(Arc<Mutex<BTreeSet<Proven>>>);

/// The digest of the signed bytes, the fingerprint of the key, and the kind of statement.
///
/// INVARIANT: the result of a verification depends on these three and nothing else.
type Proven = (Digest, Digest, &'static str);

impl VerificationCache {
    /// Like [`Signed::verify`], with the same result; faster for bytes that verified before under the same key.
    ///
    /// # Errors
    /// As for [`Signed::verify`].
    pub fn verify<T: Statement>(&self, bytes: &[u8], key: &PublicKey) -> Result<Signed<T>, NotSigned> {
        let what = (Digest::of(bytes), key.fingerprint(), T::CONTENT_TYPE);
        if self.lock().contains(&what) {
            return Signed::already_verified(bytes, key);
        }
        let signed = Signed::verify(bytes, key)?;
        self.add(what);
        Ok(signed)
    }

    /// Adds a statement that was signed or verified elsewhere.
    pub fn insert<T: Statement>(&self, signed: &Signed<T>) {
        self.add((signed.digest(), signed.key(), T::CONTENT_TYPE));
    }

    fn add(&self, what: Proven) {
        let mut all = self.lock();
        if all.len() >= ENTRIES_MAX {
            all.clear();
        }
        all.insert(what);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Proven>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Always equal: a cache does not change the meaning of the value that contains it.
impl PartialEq for VerificationCache {
    fn eq(&self, _: &VerificationCache) -> bool {
        true
    }
}

impl Eq for VerificationCache {}

impl std::fmt::Debug for VerificationCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerificationCache({})", self.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::tests::{Note, OtherNote};
    use crate::sign::{Algorithm, LocalSigner, Signer as _};

    fn signer() -> LocalSigner {
        LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap()
    }

    fn note(text: &str, signer: &LocalSigner) -> Signed<Note> {
        Signed::sign(Note { text: text.into() }, signer).unwrap()
    }

    #[test]
    fn a_result_is_reused_for_the_same_bytes_key_and_kind_only() {
        let (ours, other) = (signer(), signer());
        let signed = note("EXERCISE", &ours);
        let verified = VerificationCache::default();
        for _ in 0..2 {
            assert_eq!(verified.verify::<Note>(signed.bytes(), ours.public()).as_ref(), Ok(&signed));
        }
        assert_eq!(verified.lock().len(), 1);
        assert!(matches!(verified.verify::<Note>(signed.bytes(), other.public()), Err(NotSigned::Key { .. })));
        assert!(matches!(verified.verify::<OtherNote>(signed.bytes(), ours.public()), Err(NotSigned::Kind { .. })));
        for bit in 0..signed.bytes().len() * 8 {
            let mut bytes = signed.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(verified.verify::<Note>(&bytes, ours.public()).is_err(), "bit {bit} flipped was accepted");
        }
        assert_eq!(verified.lock().len(), 1, "what does not verify is not remembered");
    }

    #[test]
    fn an_inserted_statement_is_the_only_one_that_is_cached() {
        let ours = signer();
        let (signed, another) = (note("EXERCISE", &ours), note("EXERCISE 2", &ours));
        let verified = VerificationCache::default();
        verified.insert(&signed);
        assert_eq!(verified.verify::<Note>(signed.bytes(), ours.public()).as_ref(), Ok(&signed));
        // The signature of one under the text of the other.
        let mut forged = another.bytes().to_vec();
        let tail = forged.len() - 64;
        forged[tail..].copy_from_slice(&signed.bytes()[signed.bytes().len() - 64..]);
        let refused = verified.verify::<Note>(&forged, ours.public());
        assert!(matches!(refused, Err(NotSigned::Signature { .. })));
    }

    #[test]
    fn a_cached_result_is_the_same_as_a_fresh_one() {
        let (ours, verified) = (signer(), VerificationCache::default());
        verified.insert(&note("EXERCISE", &ours));
        verified.insert(&note("EXERCISE 2", &ours));
        assert_eq!(verified.lock().len(), 2);
        assert_eq!(verified, VerificationCache::default());
        assert_eq!(format!("{verified:?}"), "VerificationCache(2)");
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let verified = VerificationCache::default();
        for n in 0..=ENTRIES_MAX as u64 {
            verified.add((Digest::of(&n.to_be_bytes()), Digest::of(b"EXERCISE"), "text/plain"));
        }
        assert_eq!(verified.lock().len(), 1);
    }
}
