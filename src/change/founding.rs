//! The founding of a node: its first officers are appointed together, and each of them signs.

use std::collections::BTreeSet;

use super::consent::valid_consent;
use super::{Appointment, AppointmentFault, Authorised, OFFICERS_MIN, PartName, Proposal, VoidConsent};
use crate::approval::{Officers, OfficersFault, Role, VerificationContext};
use crate::ident::OfficerId;
use crate::sign::Instance;
use crate::time::Time;

/// Why a founding cannot take effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFounded {
    /// It is not a founding: it has another serial number, or changes more than a founding may.
    #[error(
        "this is not a founding, which enrols the first officers and nothing else: sign a change with `change sign`"
    )]
    NoFounding,
    /// An appointment is invalid.
    #[error(transparent)]
    Appointment(#[from] AppointmentFault),
    /// The officers cannot be enrolled together.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Officers(Vec<OfficersFault>),
    /// Too few officers may approve, so that one person could decide alone.
    #[error(
        "the founding appoints {deciding} who may approve, {senior} of them senior: at least {OFFICERS_MIN} are required, one of them senior"
    )]
    TooFew {
        /// The number of officers who may approve a release.
        deciding: usize,
        /// The number of senior officers among them.
        senior: usize,
    },
    /// It has expired.
    #[error("the founding has expired: propose it again")]
    Expired,
    /// Some of the officers whom it appoints have not signed it with their own keys.
    #[error("the founding lacks the valid signature of {}{}: see `found sign`", list(.missing), voids(.void))]
    Unsigned {
        /// The officers whose signatures are missing.
        missing: Vec<OfficerId>,
        /// The signatures that do not count, with reasons.
        void: Vec<VoidConsent>,
    },
}

fn list(officers: &[OfficerId]) -> String {
    officers.iter().map(OfficerId::as_str).collect::<Vec<_>>().join(", ")
}

fn voids(void: &[VoidConsent]) -> String {
    let texts = void.iter().flat_map(|void| {
        let whose = void.officer.as_ref().map_or("an unknown signer", OfficerId::as_str);
        void.reasons.iter().map(move |reason| format!("; signature of {whose} not counted: {reason}"))
    });
    texts.collect()
}

/// Returns the appointments of a founding and the resulting officers, without checking its signatures. There are at least two who may
/// approve releases, one of them a senior disclosure officer, and all are different people.
///
/// # Errors
/// [`NotFounded`] says what is wrong.
pub fn appointed(proposal: &Proposal) -> Result<(Vec<Appointment>, Officers), NotFounded> {
    let set = &proposal.set;
    let mut appointments = Vec::new();
    for part in &set.parts {
        match &part.name {
            PartName::Officer(id) if part.before.is_none() => {
                let appointment = Appointment::parse(proposal.text(&part.name).unwrap_or_default())?;
                if appointment.officer != *id {
                    return Err(NotFounded::NoFounding);
                }
                appointments.push(appointment);
            }
            PartName::Manifest => {}
            _ => return Err(NotFounded::NoFounding),
        }
    }
    if set.serial != 0 || set.part(&PartName::Manifest).is_none() {
        return Err(NotFounded::NoFounding);
    }
    let officers = Officers::new(appointments.iter().map(Appointment::officer)).map_err(NotFounded::Officers)?;
    let decides = |a: &&Appointment| a.roles.iter().any(|role| role.approves_release());
    let deciding = appointments.iter().filter(decides).count();
    let senior = appointments.iter().filter(|a| a.roles.contains(&Role::SeniorDisclosureOfficer)).count();
    if deciding < OFFICERS_MIN || senior == 0 {
        return Err(NotFounded::TooFew { deciding, senior });
    }
    Ok((appointments, officers))
}

/// Checks at `now` that every officer whom a founding of the node `instance` appoints has signed it with their own key. This proves that
/// each of them holds their key and has seen the other appointments.
///
/// # Errors
/// [`NotFounded`] says what is wrong, and which officers have not signed.
pub fn found(proposal: &Proposal, instance: Instance, now: Time) -> Result<Authorised, NotFounded> {
    let (appointments, roster) = appointed(proposal)?;
    let here = VerificationContext { instance, officers: &roster, now };
    if proposal.set.expires() <= now {
        return Err(NotFounded::Expired);
    }
    let (mut signed, mut statements, mut void) = (BTreeSet::new(), Vec::new(), Vec::new());
    for bytes in &proposal.consents {
        match valid_consent(bytes, &proposal.set, &here, false) {
            Ok((officer, _, statement)) if signed.insert(officer.clone()) => statements.push(statement),
            Ok(_) => {}
            Err(consent) => void.push(consent),
        }
    }
    let missing: Vec<OfficerId> =
        appointments.iter().map(|a| &a.officer).filter(|id| !signed.contains(id)).cloned().collect();
    if !missing.is_empty() {
        return Err(NotFounded::Unsigned { missing, void });
    }
    Ok(Authorised { proposal: proposal.clone(), officers: signed.into_iter().collect(), statements })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::appointment::tests::appointment;
    use super::super::proposal::tests::NOW;
    use super::super::{ChangeSet, Consent, Part};
    use super::*;
    use crate::digest::Digest;
    use crate::sign::{Algorithm, LocalSigner, Signed};

    const PLAIN: Role = Role::DisclosureOfficer;
    const SENIOR: Role = Role::SeniorDisclosureOfficer;

    fn key() -> LocalSigner {
        LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap()
    }

    fn founding(people: &[(&str, Role, &LocalSigner)]) -> Proposal {
        let mut texts: BTreeMap<PartName, String> = people
            .iter()
            .map(|(id, role, key)| (PartName::Officer(id.parse().unwrap()), appointment(id, &[*role], key).to_toml()))
            .collect();
        texts.insert(PartName::Manifest, "EXERCISE\n".into());
        let part = |(name, text): (&PartName, &String)| Part {
            name: name.clone(),
            before: None,
            after: Some(Digest::of(text.as_bytes())),
        };
        let set = ChangeSet {
            node: "exercise-usa".parse().unwrap(),
            instance: Instance::exercise(1),
            serial: 0,
            parts: texts.iter().map(part).collect(),
            proposed_by: "operator".into(),
            why: "founding".into(),
            proposed_ms: NOW.unix_ms(),
            expires_ms: NOW.plus(Duration::from_secs(3600)).unix_ms(),
        };
        Proposal::new(set, texts).unwrap()
    }

    fn sign(of: &Proposal, id: &str, role: Role, key: &LocalSigner) -> Vec<u8> {
        let consent = Consent {
            change: of.set.clone(),
            officer: id.parse().unwrap(),
            role,
            given_ms: NOW.unix_ms(),
            expires_ms: of.set.expires_ms,
            nonce: [7; 16],
        };
        Signed::sign(consent, key).unwrap().bytes().to_vec()
    }

    #[test]
    fn a_founding_requires_every_officers_own_signature() {
        let (one, two, three, stranger) = (key(), key(), key(), key());
        let mut founding = founding(&[("one", PLAIN, &one), ("senior", SENIOR, &two), ("x", Role::Originator, &three)]);
        founding.consents = vec![
            sign(&founding, "one", PLAIN, &one),
            sign(&founding, "senior", SENIOR, &two),
            sign(&founding, "x", Role::Originator, &three),
        ];
        assert_eq!(found(&founding, Instance::exercise(1), NOW).unwrap().officers().len(), 3);
        let elsewhere = found(&founding, Instance::exercise(2), NOW);
        assert!(matches!(elsewhere, Err(NotFounded::Unsigned { void, .. }) if void.len() == 3));
        let end = founding.set.expires();
        assert_eq!(found(&founding, Instance::exercise(1), end), Err(NotFounded::Expired));
        // The name of one officer under the key of another, a signature over another founding, and the same one twice.
        for spoilt in [
            sign(&founding, "senior", SENIOR, &stranger),
            sign(&founding, "senior", SENIOR, &one),
            sign(&founding, "one", PLAIN, &one),
            sign(&self::founding(&[("senior", SENIOR, &two), ("one", PLAIN, &one)]), "senior", SENIOR, &two),
        ] {
            let other = Proposal {
                consents: vec![founding.consents[0].clone(), spoilt, founding.consents[2].clone()],
                ..founding.clone()
            };
            let missing = vec!["senior".parse().unwrap()];
            assert!(
                matches!(found(&other, Instance::exercise(1), NOW), Err(NotFounded::Unsigned { missing: m, .. }) if m == missing)
            );
        }
    }

    #[test]
    fn refuses_a_founding_of_one_of_two_without_a_senior_or_of_one_person_twice() {
        let (one, two) = (key(), key());
        let refused = |people: &[(&str, Role, &LocalSigner)]| appointed(&founding(people)).unwrap_err();
        assert!(appointed(&founding(&[("one", PLAIN, &one), ("senior", SENIOR, &two)])).is_ok());
        for people in [
            &[("senior", SENIOR, &one)][..],
            &[("one", PLAIN, &one), ("two", PLAIN, &two)],
            &[("senior", SENIOR, &one), ("x", Role::Originator, &two)],
        ] {
            assert!(matches!(refused(people), NotFounded::TooFew { .. }), "{people:?}");
        }
        assert!(matches!(refused(&[("one", PLAIN, &one), ("senior", SENIOR, &one)]), NotFounded::Officers(_)));
    }

    #[test]
    fn refuses_a_change_for_a_founding_and_a_founding_that_changes_more() {
        let (one, two) = (key(), key());
        let sound = founding(&[("one", PLAIN, &one), ("senior", SENIOR, &two)]);
        let later = ChangeSet { serial: 1, ..sound.set.clone() };
        let without = Proposal { set: ChangeSet { parts: later.parts[..2].to_vec(), ..later }, ..sound };
        assert_eq!(appointed(&without).unwrap_err(), NotFounded::NoFounding);
        assert_eq!(
            appointed(&super::super::proposal::tests::proposal("other rules")).unwrap_err(),
            NotFounded::NoFounding
        );
    }
}
