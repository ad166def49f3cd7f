//! Signatures of approvals that verified: one that did once does for ever. Whether the officer has that key still, and
//! whether the approval counts, is asked each time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Approval;
use crate::digest::Digest;
use crate::sign::Signed;

/// Most that are remembered; with more, all are forgotten and checked again.
const MOST: usize = 256;

/// What was verified, by the digest of the signed bytes. Clones share it.
#[derive(Clone, Default)]
pub struct Verified(Arc<Mutex<BTreeMap<Digest, Arc<Signed<Approval>>>>>);

impl Verified {
    /// The approval in the bytes that have this digest, if its signature verified. It says whose key that was.
    pub(super) fn find(&self, bytes: Digest) -> Option<Arc<Signed<Approval>>> {
        self.lock().get(&bytes).cloned()
    }

    /// Remembers an approval whose signature verified, under the digest of its bytes.
    pub(super) fn keep(&self, bytes: Digest, signed: Signed<Approval>) -> Arc<Signed<Approval>> {
        let signed = Arc::new(signed);
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(bytes, signed.clone());
        signed
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Arc<Signed<Approval>>>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered is no part of what a roster is.
impl PartialEq for Verified {
    fn eq(&self, _: &Verified) -> bool {
        true
    }
}

impl Eq for Verified {}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verified({})", self.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::approval::{Officer, OfficerState, Officers, Role, Subject, Terms, VoidReason, count};
    use crate::sign::{Algorithm, LocalSigner, Signer as _};
    use crate::time::Time;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn officers(key: &LocalSigner) -> Officers {
        let officer = Officer {
            id: "exercise-officer-1".parse().unwrap(),
            name: "EXERCISE OFFICER".into(),
            keys: vec![key.public().clone()],
            roles: [Role::DisclosureOfficer].into(),
            state: OfficerState::Active,
            valid_from: Time::EPOCH,
            valid_until: NOW.plus(std::time::Duration::from_secs(60)),
        };
        Officers::new([officer]).unwrap()
    }

    #[test]
    fn what_verified_once_counts_only_while_the_officer_has_that_key() {
        let key = || LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
        let (first, second) = (key(), key());
        let (terms, nobody, policy) = (Terms::exercise(NOW), BTreeMap::new(), Digest::of(b"EXERCISE"));
        let subject = Subject { terms: &terms, cuts: &BTreeMap::new(), enrolments: &nobody, policy, register: policy };
        let approval = Approval {
            terms: terms.clone(),
            cuts: Vec::new(),
            policy,
            register: policy,
            officer: "exercise-officer-1".parse().unwrap(),
            role: Role::DisclosureOfficer,
            given_at: NOW,
            nonce: [0; 16],
        };
        let signed = [Signed::sign(approval, &first).unwrap().bytes().to_vec()];
        let verified = Verified::default();
        for _ in 0..2 {
            let tally = count(&signed, &subject, &officers(&first).remembering(verified.clone()), NOW);
            assert_eq!((tally.people(), tally.void.len()), (1, 0));
        }
        assert_eq!(verified.lock().len(), 1);
        let tally = count(&signed, &subject, &officers(&second).remembering(verified.clone()), NOW);
        assert_eq!(tally.people(), 0);
        assert!(matches!(tally.void[0].reasons[..], [VoidReason::NotSigned(_)]));
        // Bytes that differ in one bit are other bytes.
        let mut altered = signed.clone();
        altered[0][20] ^= 1;
        assert_eq!(count(&altered, &subject, &officers(&first).remembering(verified), NOW).people(), 0);
    }
}
