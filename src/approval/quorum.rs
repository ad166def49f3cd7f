//! The count of approvals: which of those on file are valid votes for this release, now.

use std::collections::{BTreeMap, BTreeSet};

use super::signature::verify;
use super::{Approval, ContextFault, Enrolment, Officers, Outline, Role, Terms, VerificationContext};
use crate::digest::Digest;
use crate::ident::{OfficerId, PartnerId};
use crate::sign::{Instance, NotSigned, Signed};
use crate::time::Time;

/// What is to be released. Every field of every approval is compared with it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The node that is to release it.
    pub instance: Instance,
    /// The request's terms.
    pub terms: &'a Terms,
    /// The cuts of the whole request, one a partner: an approval is for all of them or for none.
    pub cuts: &'a BTreeMap<PartnerId, Outline>,
    /// What those partners are enrolled with now.
    pub enrolments: &'a BTreeMap<PartnerId, Enrolment>,
    /// Digest of the policy in force.
    pub policy: Digest,
    /// Digest of the marking register in force.
    pub register: Digest,
}

/// A valid vote: one person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Whose.
    pub officer: OfficerId,
    /// In which role.
    pub role: Role,
    /// When it was given.
    pub given_at: Time,
    /// Digest of the signed statement.
    pub statement: Digest,
    /// Fingerprint of the key that signed it.
    pub key: Digest,
}

/// An approval that does not count, and every reason why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoidApproval {
    /// Digest of the bytes that were offered as an approval.
    pub statement: Digest,
    /// Whose it claims to be, if that can be read.
    pub officer: Option<OfficerId>,
    /// Why it does not count; never empty.
    pub reasons: Vec<VoidReason>,
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoidReason {
    /// It is malformed, or its signature does not verify.
    #[error("{0}")]
    NotSigned(#[from] NotSigned),
    /// Nobody of that name is on the roster.
    #[error("officer is not on the roster")]
    UnknownOfficer,
    /// The officer is revoked, or the appointment has ended, even if only after they signed.
    #[error("officer is no longer in office: revoked, or the appointment has ended")]
    OutOfOffice,
    /// The officer does not hold the role the approval is given in.
    #[error("officer does not hold the role `{0}`")]
    RoleNotHeld(Role),
    /// The role does not approve releases to partners.
    #[error("an approval as `{0}` does not count towards a release to a partner")]
    RoleDoesNotApprove(Role),
    /// The officer submitted the request.
    #[error("the officer submitted this request, and may not approve it")]
    OwnSubmission,
    /// The officer originated the product.
    #[error("the officer originated this product, and may not approve it")]
    OwnProduct,
    /// Another approval of the same person counts, whichever of their keys signed it.
    #[error("this person has already approved this request")]
    SecondVote,
    /// It is for something other than what is to be released; names the field.
    #[error("the approval is for another {0}")]
    Other(&'static str),
    /// The cut of one partner is not the one that was approved.
    #[error("the approval is for another cut for `{partner}`: the {field} differs")]
    OtherCut {
        /// Whose cut.
        partner: PartnerId,
        /// Which field of it.
        field: &'static str,
    },
    /// The partner is enrolled with other keys than when it was approved.
    #[error("`{partner}` was enrolled again after the approval, with other keys")]
    OtherEnrolment {
        /// The partner.
        partner: PartnerId,
    },
    /// The agreement with the partner is not the one under which it was approved.
    #[error("the agreement with `{partner}` changed after the approval")]
    OtherAgreement {
        /// The partner.
        partner: PartnerId,
    },
    /// It does not count at this node or at this time.
    #[error("{0}")]
    Context(#[from] ContextFault),
    /// It has expired.
    #[error("the approval expired at {expired}")]
    Expired {
        /// When it ended.
        expired: Time,
    },
}

/// The outcome of a count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The valid votes, one a person, by officer.
    pub votes: Vec<Vote>,
    /// Every approval that does not count.
    pub void: Vec<VoidApproval>,
}

impl Tally {
    /// How many people's votes are valid.
    pub fn people(&self) -> usize {
        self.votes.len()
    }

    /// How many of them were given as a senior disclosure officer.
    pub fn senior(&self) -> usize {
        self.votes.iter().filter(|v| v.role == Role::SeniorDisclosureOfficer).count()
    }
}

/// Counts the valid votes among `approvals` (each the bytes of a signed [`Approval`]) for `subject`, with this roster, at
/// `now`. The order of the approvals makes no difference.
pub fn count(approvals: &[Vec<u8>], subject: &Subject<'_>, officers: &Officers, now: Time) -> Tally {
    let mut tally = Tally::default();
    let mut valid = Vec::new();
    for bytes in approvals {
        match vote(bytes, subject, officers, now) {
            Ok(vote) => valid.push(vote),
            Err(void) => tally.void.push(void),
        }
    }
    // Of several approvals by one person, the one with most authority counts, then the earliest.
    valid.sort_by_key(|v| {
        let person = officers.person(&v.officer).clone();
        (person, std::cmp::Reverse(v.role), v.given_at, v.statement)
    });
    for vote in valid {
        match tally.votes.last() {
            Some(last) if officers.is_same_person(&last.officer, &vote.officer) => tally.void.push(VoidApproval {
                statement: vote.statement,
                officer: Some(vote.officer),
                reasons: vec![VoidReason::SecondVote],
            }),
            _ => tally.votes.push(vote),
        }
    }
    tally.void.sort_by_key(|v| (v.officer.clone(), v.statement));
    tally
}

fn vote(bytes: &[u8], subject: &Subject<'_>, officers: &Officers, now: Time) -> Result<Vote, VoidApproval> {
    let statement = Digest::of(bytes);
    let void = |officer, reasons| VoidApproval { statement, officer, reasons };
    // Only the name is taken from the unverified statement, to find the keys to verify it with.
    let claimed = Signed::<Approval>::peek(bytes).map_err(|e| void(None, vec![e.into()]))?.officer;
    let Some(officer) = officers.officer(&claimed) else {
        return Err(void(Some(claimed), vec![VoidReason::UnknownOfficer]));
    };
    let signed: Signed<Approval> =
        verify(bytes, &officer.keys, officers.verified()).map_err(|e| void(Some(claimed.clone()), vec![e.into()]))?;
    let approval = signed.statement();
    let mut reasons = differences(approval, subject);
    if !officer.in_office(now) {
        reasons.push(VoidReason::OutOfOffice);
    }
    if !officer.roles.contains(&approval.role) {
        reasons.push(VoidReason::RoleNotHeld(approval.role));
    }
    if !approval.role.approves_release() {
        reasons.push(VoidReason::RoleDoesNotApprove(approval.role));
    }
    if officers.is_same_person(&officer.id, &subject.terms.submitter) {
        reasons.push(VoidReason::OwnSubmission);
    }
    if officers.is_named_in(&officer.id, &subject.terms.originator) {
        reasons.push(VoidReason::OwnProduct);
    }
    let here = VerificationContext { instance: subject.instance, officers, now };
    reasons.extend(here.against(approval.instance, approval.given_at, officer).into_iter().map(VoidReason::Context));
    if approval.terms.expires <= now {
        reasons.push(VoidReason::Expired { expired: approval.terms.expires });
    }
    if !reasons.is_empty() {
        return Err(void(Some(claimed), reasons));
    }
    Ok(Vote { officer: claimed, role: approval.role, given_at: approval.given_at, statement, key: signed.key() })
}

/// Every difference between `approval` and `subject`.
fn differences(approval: &Approval, subject: &Subject<'_>) -> Vec<VoidReason> {
    // INVARIANT: taking both apart by name makes a new field fail to compile until it is compared here or in `vote`.
    let Approval { terms, cuts, policy, register, officer: _, role: _, given_at: _, nonce: _, instance: _ } = approval;
    let mut reasons: Vec<VoidReason> = terms.differences(subject.terms).into_iter().map(VoidReason::Other).collect();
    if *policy != subject.policy {
        reasons.push(VoidReason::Other("policy"));
    }
    if *register != subject.register {
        reasons.push(VoidReason::Other("marking register"));
    }
    let approved: BTreeSet<&PartnerId> = cuts.iter().map(|c| &c.partner).collect();
    if !approved.iter().copied().eq(subject.cuts.keys()) || cuts.len() != subject.cuts.len() {
        reasons.push(VoidReason::Other("set of partners"));
    }
    for cut in cuts {
        if let Some(expected) = subject.cuts.get(&cut.partner) {
            let differs = |field| VoidReason::OtherCut { partner: cut.partner.clone(), field };
            reasons.extend(cut.cut.differences(expected).into_iter().map(differs));
        }
        let enrolled = subject.enrolments.get(&cut.partner);
        if enrolled.map(|e| e.description) != Some(cut.enrolment) {
            reasons.push(VoidReason::OtherEnrolment { partner: cut.partner.clone() });
        }
        if enrolled.map(|e| e.agreement) != Some(cut.agreement) {
            reasons.push(VoidReason::OtherAgreement { partner: cut.partner.clone() });
        }
    }
    if reasons.is_empty() && *cuts != Approval::cuts_of(subject.cuts, subject.enrolments) {
        reasons.push(VoidReason::Other("order of cuts"));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Officer, OfficerState};
    use crate::sign::{Algorithm, LocalSigner, Signer as _, VerificationCache};

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
            declared: Default::default(),
        };
        Officers::new([officer]).unwrap()
    }

    #[test]
    fn what_verified_once_counts_only_while_the_officer_has_that_key() {
        let key = || LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
        let (first, second) = (key(), key());
        let (terms, nobody, policy) = (Terms::exercise(NOW), BTreeMap::new(), Digest::of(b"EXERCISE"));
        let instance = Instance::of_ledger(key().public());
        let (cuts, enrolments) = (&BTreeMap::new(), &nobody);
        let subject = Subject { instance, terms: &terms, cuts, enrolments, policy, register: policy };
        let approval = Approval {
            terms: terms.clone(),
            cuts: Vec::new(),
            policy,
            register: policy,
            officer: "exercise-officer-1".parse().unwrap(),
            role: Role::DisclosureOfficer,
            given_at: NOW,
            nonce: [0; 16],
            instance,
        };
        let signed = [Signed::sign(approval, &first).unwrap().bytes().to_vec()];
        let verified = VerificationCache::default();
        for _ in 0..2 {
            let tally = count(&signed, &subject, &officers(&first).with_verification_cache(verified.clone()), NOW);
            assert_eq!((tally.people(), tally.void.len()), (1, 0));
        }
        let tally = count(&signed, &subject, &officers(&second).with_verification_cache(verified.clone()), NOW);
        assert_eq!(tally.people(), 0);
        assert!(matches!(tally.void[0].reasons[..], [VoidReason::NotSigned(_)]));
        // Bytes that differ in one bit are other bytes.
        let mut altered = signed.clone();
        altered[0][20] ^= 1;
        assert_eq!(count(&altered, &subject, &officers(&first).with_verification_cache(verified), NOW).people(), 0);
    }
}
