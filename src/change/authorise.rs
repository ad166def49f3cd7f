//! Counts the consents to a change: two officers are required, at least one of them senior.

use std::fmt;

use super::consent::valid_consent;
use super::{ConsentVoid, Proposal, VoidConsent};
use crate::approval::{Role, VerificationContext};
use crate::digest::Digest;
use crate::ident::OfficerId;

/// The number of officers who must consent.
pub const OFFICERS_MIN: usize = 2;

/// Proof that enough officers have consented to exactly this change. Only [`authorise`] and [`super::found`] create one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorised {
    pub(super) proposal: Proposal,
    pub(super) officers: Vec<OfficerId>,
    pub(super) statements: Vec<Digest>,
}

impl Authorised {
    /// The change.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// The officers who consented, in order of their names.
    pub fn officers(&self) -> &[OfficerId] {
        &self.officers
    }

    /// The digests of their signed consents, in the same order.
    pub fn statements(&self) -> &[Digest] {
        &self.statements
    }
}

/// Why a change cannot take effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAuthorised {
    /// The number of officers whose consents count.
    pub officers: usize,
    /// Whether one of them is a senior disclosure officer.
    pub senior: bool,
    /// Whether the change has expired.
    pub expired: bool,
    /// The consents that do not count, with reasons.
    pub void: Vec<VoidConsent>,
}

impl std::error::Error for NotAuthorised {}

impl fmt::Display for NotAuthorised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.expired {
            return f.write_str("the change has expired: propose it again");
        }
        write!(
            f,
            "awaiting consent: {} of {OFFICERS_MIN}{}; see `change sign`",
            self.officers,
            if self.senior { "" } else { ", and none by a senior disclosure officer" }
        )?;
        for void in &self.void {
            let whose = void.officer.as_ref().map_or("an unknown signer".to_owned(), ToString::to_string);
            for reason in &void.reasons {
                write!(f, "; consent of {whose} not counted: {reason}")?;
            }
        }
        Ok(())
    }
}

/// Checks that enough officers have consented to `proposal`, with the officers and the time of `here`: two different people in office as
/// disclosure officers, at least one of them senior. The proposer counts like any other officer.
///
/// # Errors
/// [`NotAuthorised`] with the count, and the reasons of every consent that does not count.
pub fn authorise(proposal: &Proposal, here: &VerificationContext<'_>) -> Result<Authorised, NotAuthorised> {
    let officers = here.officers;
    let mut valid: Vec<(OfficerId, Role, Digest)> = Vec::new();
    let mut void = Vec::new();
    for bytes in &proposal.consents {
        match valid_consent(bytes, &proposal.set, here, true) {
            Ok(consent) => {
                if let Some(before) =
                    valid.iter_mut().find(|(officer, ..)| officers.is_same_person(officer, &consent.0))
                {
                    // INVARIANT: each person counts once, in the strongest role in which they consented.
                    if before.1 < consent.1 {
                        *before = consent.clone();
                    }
                    void.push(VoidConsent { officer: Some(consent.0), reasons: vec![ConsentVoid::SecondVote] });
                } else {
                    valid.push(consent);
                }
            }
            Err(consent) => void.push(consent),
        }
    }
    valid.sort();
    let senior = valid.iter().any(|(_, role, _)| *role == Role::SeniorDisclosureOfficer);
    let expired = proposal.set.expires() <= here.now;
    if expired || !senior || valid.len() < OFFICERS_MIN {
        return Err(NotAuthorised { officers: valid.len(), senior, expired, void });
    }
    let (officers, statements) = valid.into_iter().map(|(officer, _, statement)| (officer, statement)).unzip();
    Ok(Authorised { proposal: proposal.clone(), officers, statements })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::proposal::tests::{NOW, proposal};
    use super::super::{ChangeSet, Consent};
    use super::*;
    use crate::approval::{ContextFault, LIFE_MAX, Officer, OfficerState, Officers, SKEW_MAX};
    use crate::sign::{Algorithm, Instance, LocalSigner, Signed, Signer as _};
    use crate::time::Time;

    struct People {
        keys: Vec<(&'static str, LocalSigner)>,
        officers: Vec<Officer>,
    }

    impl People {
        fn new() -> People {
            let people = [
                ("one", Role::DisclosureOfficer),
                ("two", Role::DisclosureOfficer),
                ("senior", Role::SeniorDisclosureOfficer),
                ("producer", Role::Originator),
            ];
            let keys: Vec<_> = people
                .iter()
                .map(|(id, _)| {
                    let key = LocalSigner::generate(Algorithm::Ed25519).unwrap();
                    (*id, LocalSigner::from_pkcs8(&key).unwrap())
                })
                .collect();
            let officers = people.iter().zip(&keys).map(|((id, role), (_, key))| Officer {
                id: id.parse().unwrap(),
                name: format!("EXERCISE {id}"),
                keys: vec![key.public().clone()],
                roles: [*role].into(),
                state: OfficerState::Active,
                valid_from: NOW,
                valid_until: NOW.plus(Duration::from_secs(86_400)),
                declared: Default::default(),
            });
            People { officers: officers.collect(), keys }
        }

        fn consent(id: &str, role: Role, of: &ChangeSet) -> Consent {
            Consent {
                change: of.clone(),
                officer: id.parse().unwrap(),
                role,
                given_ms: NOW.unix_ms(),
                expires_ms: of.expires_ms,
                nonce: [7; 16],
            }
        }

        fn sign(&self, with: &str, consent: Consent) -> Vec<u8> {
            let key = &self.keys.iter().find(|(id, _)| *id == with).unwrap().1;
            Signed::sign(consent, key).unwrap().bytes().to_vec()
        }

        fn signed(&self, id: &str, role: Role, of: &ChangeSet) -> Vec<u8> {
            self.sign(id, People::consent(id, role, of))
        }

        fn authorise(&self, change: &Proposal) -> Result<Authorised, NotAuthorised> {
            self.authorise_at(change, NOW)
        }

        fn authorise_at(&self, change: &Proposal, now: Time) -> Result<Authorised, NotAuthorised> {
            let officers = Officers::new(self.officers.iter().cloned()).unwrap();
            authorise(change, &VerificationContext { instance: Instance::exercise(1), officers: &officers, now })
        }
    }

    fn change(people: &People, signers: &[(&str, Role)]) -> Proposal {
        let mut change = proposal("other rules");
        change.consents = signers.iter().map(|(id, role)| people.signed(id, *role, &change.set)).collect();
        change
    }

    const ONE: (&str, Role) = ("one", Role::DisclosureOfficer);
    const TWO: (&str, Role) = ("two", Role::DisclosureOfficer);
    const SENIOR: (&str, Role) = ("senior", Role::SeniorDisclosureOfficer);

    #[test]
    fn two_officers_with_a_senior_one_among_them_suffice() {
        let people = People::new();
        let authorised = people.authorise(&change(&people, &[SENIOR, ONE])).unwrap();
        assert_eq!(authorised.officers().iter().map(OfficerId::as_str).collect::<Vec<_>>(), ["one", "senior"]);
        assert_eq!(authorised.statements().len(), 2);
    }

    #[test]
    fn refuses_one_officer_the_same_officer_twice_and_two_without_a_senior_one() {
        let people = People::new();
        for signers in [&[][..], &[SENIOR], &[SENIOR, SENIOR], &[ONE, TWO], &[ONE, ONE]] {
            assert!(people.authorise(&change(&people, signers)).is_err(), "{signers:?}");
        }
        // Nor does a role that is not held count, or one that may not decide changes.
        for signers in [
            [SENIOR, ("producer", Role::Originator)],
            [SENIOR, ("producer", Role::DisclosureOfficer)],
            [TWO, ("one", Role::SeniorDisclosureOfficer)],
        ] {
            let refused = people.authorise(&change(&people, &signers)).unwrap_err();
            assert_eq!((refused.officers, refused.void.len()), (1, 1), "{signers:?}");
        }
    }

    #[test]
    fn refuses_a_consent_in_the_name_of_another_or_over_another_change() {
        let people = People::new();
        let mut forged = change(&people, &[SENIOR]);
        forged.consents.push(people.sign("senior", People::consent("one", Role::DisclosureOfficer, &forged.set)));
        assert!(matches!(people.authorise(&forged).unwrap_err().void[0].reasons[..], [ConsentVoid::Signature(_)]));
        let mut other = change(&people, &[SENIOR]);
        let next = ChangeSet { serial: 2, ..other.set.clone() };
        other.consents.push(people.signed("one", Role::DisclosureOfficer, &next));
        assert_eq!(people.authorise(&other).unwrap_err().void[0].reasons, [ConsentVoid::OtherChange]);
        other.consents[1] = vec![0xd2];
        assert_eq!(people.authorise(&other).unwrap_err().void[0].officer, None);
    }

    #[test]
    fn refuses_officers_revoked_unknown_or_out_of_time_and_consents_from_the_future_or_expired() {
        let mut people = People::new();
        let sound = change(&people, &[SENIOR, ONE]);
        assert!(people.authorise(&sound).is_ok());
        let spoilt = |given_ms: i64, expires_ms: i64| {
            let mut change = change(&people, &[SENIOR]);
            let consent = People::consent("one", Role::DisclosureOfficer, &change.set);
            change.consents.push(people.sign("one", Consent { given_ms, expires_ms, ..consent }));
            people.authorise(&change).map(|_| ())
        };
        let now = NOW.unix_ms();
        assert!(spoilt(now, now + 1).is_ok());
        let skew = i64::try_from(SKEW_MAX.as_millis()).unwrap();
        assert!(spoilt(now + skew, now + skew + 1).is_ok());
        assert!(spoilt(now + skew + 1, now + skew + 2).is_err());
        assert!(spoilt(now - 1, now).is_err());
        people.officers[0].state = OfficerState::Revoked;
        assert!(people.authorise(&sound).is_err());
        people.officers[0].state = OfficerState::Active;
        people.officers[0].valid_until = NOW;
        assert!(people.authorise(&sound).is_err());
        people.officers.remove(0);
        assert_eq!(people.authorise(&sound).unwrap_err().void[0].reasons, [ConsentVoid::UnknownOfficer]);
    }

    #[test]
    fn refuses_a_change_at_the_instant_it_expires() {
        let people = People::new();
        let change = change(&people, &[SENIOR, ONE]);
        let end = change.set.expires();
        assert!(people.authorise_at(&change, end.minus(Duration::from_millis(1))).is_ok());
        assert!(people.authorise_at(&change, end).unwrap_err().expired);
    }

    #[test]
    fn refuses_a_change_of_another_node_and_consents_that_are_too_old() {
        let mut people = People::new();
        people.officers.iter_mut().for_each(|officer| officer.valid_until = NOW.plus(LIFE_MAX * 3));
        let far = ChangeSet { expires_ms: NOW.plus(LIFE_MAX * 2).unix_ms(), ..proposal("other rules").set };
        let signed = |set: ChangeSet| {
            let consents = [SENIOR, ONE].iter().map(|(id, role)| people.signed(id, *role, &set)).collect();
            Proposal { consents, set, ..proposal("other rules") }
        };
        let sound = signed(far.clone());
        assert!(people.authorise_at(&sound, NOW.plus(LIFE_MAX)).is_ok());
        let late = people.authorise_at(&sound, NOW.plus(LIFE_MAX + Duration::from_millis(1))).unwrap_err();
        assert!(
            late.void.iter().all(|void| matches!(void.reasons[..], [ConsentVoid::Context(ContextFault::Late { .. })]))
        );
        let elsewhere = signed(ChangeSet { instance: Instance::exercise(2), ..far });
        let void = people.authorise(&elsewhere).unwrap_err().void;
        let other =
            |reasons: &[ConsentVoid]| matches!(reasons, [ConsentVoid::Context(ContextFault::OtherInstance { .. })]);
        assert!(void.len() == 2 && void.iter().all(|void| other(&void.reasons)), "{void:?}");
    }
}
