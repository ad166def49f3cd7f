//! The admission from quarantine: an officer's order that one product may be read after all.

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::order::{Order, Origin, in_context, signed_by_officer};
use crate::approval::{NoAuthority, Role, VerificationContext};
use crate::digest::Digest;
use crate::ident::{ExchangeId, OfficerId};
use crate::invisible::is_plain;
use crate::sign::{Instance, PublicKey, Signed, Statement};
use crate::time::Time;

/// Most characters of a reason.
const WHY_CHARS_MAX: usize = 200;

/// What is in quarantine, as it is on record: an admission is for exactly this.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Quarantined {
    /// The exchange it came by.
    #[n(0)]
    pub exchange: ExchangeId,
    /// SHA-256 of its signed manifest.
    #[n(1)]
    pub manifest: Digest,
    /// SHA-256 of its sealed payload.
    #[n(2)]
    pub payload: Digest,
    /// SHA-256 of what was found wrong with it, as the officer was shown it.
    #[n(3)]
    pub verdicts: Digest,
}

/// The statement that is signed. It is for one product with one list of findings, by one officer in one role.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct QuarantineAdmission {
    /// What is admitted.
    #[n(0)]
    pub what: Quarantined,
    /// Who admits it.
    #[n(1)]
    pub officer: OfficerId,
    /// In which role.
    #[n(2)]
    pub role: Role,
    /// Why, in the officer's words: 1 to 200 printable characters.
    #[n(3)]
    pub why: String,
    /// When it was signed.
    #[n(4)]
    pub given_at: Time,
    /// Keeps two admissions of one product apart.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The node whose quarantine it is in.
    #[n(6)]
    pub instance: Instance,
}

impl Statement for QuarantineAdmission {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.admission+cbor";
}

impl Order for QuarantineAdmission {
    fn origin(&self) -> Origin<'_> {
        let QuarantineAdmission { officer, role, given_at, instance, .. } = self;
        Origin { officer, role: *role, given_at: *given_at, instance: *instance }
    }
}

impl QuarantineAdmission {
    /// How long an admission counts after it was signed. It is short, because the findings may change.
    pub const LIFE: Duration = Duration::from_secs(60 * 60);

    /// Checks that `bytes` are an admission of exactly `what`, signed with `key` by an officer who may, here and now.
    ///
    /// # Errors
    /// [`NoAuthority`] with the first reason why it does not count.
    pub fn verify(
        bytes: &[u8],
        key: &PublicKey,
        what: &Quarantined,
        here: &VerificationContext<'_>,
    ) -> Result<Signed<QuarantineAdmission>, NoAuthority> {
        let claimed = Signed::<QuarantineAdmission>::peek(bytes)?.officer;
        if !here.officers.officer(&claimed).is_some_and(|officer| officer.keys.contains(key)) {
            return Err(NoAuthority::Unknown(claimed));
        }
        let (signed, officer) = signed_by_officer::<QuarantineAdmission>(bytes, here)?;
        if signed.key() != key.fingerprint() {
            return Err(NoAuthority::Unknown(officer.id.clone()));
        }
        // INVARIANT: taken apart by name, so that a new field fails to compile until it is checked here.
        let QuarantineAdmission { what: said, officer: _, role, why, given_at: _, nonce: _, instance: _ } =
            signed.statement();
        if !role.approves_release() {
            return Err(NoAuthority::Role(officer.id.clone()));
        }
        if said != what {
            return Err(NoAuthority::Other);
        }
        if !is_plain(why, WHY_CHARS_MAX) {
            return Err(NoAuthority::Reason);
        }
        in_context(signed.statement(), officer, Self::LIFE, here)?;
        Ok(signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{ContextFault, Officer, OfficerState, Officers, SKEW_MAX};
    use crate::sign::{Algorithm, LocalSigner, Signer as _};

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn key() -> LocalSigner {
        LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap()
    }

    fn officer(id: &str, key: &LocalSigner, role: Role) -> Officer {
        Officer {
            id: id.parse().unwrap(),
            name: format!("EXERCISE {id}"),
            keys: vec![key.public().clone()],
            roles: [role].into(),
            state: OfficerState::Active,
            valid_from: Time::EPOCH,
            valid_until: NOW.plus(std::time::Duration::from_secs(1)),
            declared: Default::default(),
        }
    }

    fn here() -> Instance {
        Instance::exercise(1)
    }

    fn quarantined() -> Quarantined {
        let of = |text: &str| Digest::of(text.as_bytes());
        Quarantined {
            exchange: ExchangeId::new(NOW, [1; 10]),
            manifest: of("EXERCISE manifest"),
            payload: of("EXERCISE payload"),
            verdicts: of("EXERCISE verdicts"),
        }
    }

    /// What a disclosure officer who is the only one on the roster signs, after `change`, and what is made of it.
    fn verdict(change: impl FnOnce(&mut QuarantineAdmission, &mut Officer)) -> Result<(), NoAuthority> {
        let key = key();
        let mut officer = officer("exercise-officer", &key, Role::DisclosureOfficer);
        let mut said = QuarantineAdmission {
            what: quarantined(),
            officer: officer.id.clone(),
            role: Role::DisclosureOfficer,
            why: "EXERCISE".into(),
            given_at: NOW,
            nonce: [1; 16],
            instance: here(),
        };
        change(&mut said, &mut officer);
        let bytes = Signed::sign(said, &key).unwrap().bytes().to_vec();
        let officers = Officers::new([officer]).unwrap();
        let here = VerificationContext { instance: here(), officers: &officers, now: NOW };
        QuarantineAdmission::verify(&bytes, key.public(), &quarantined(), &here).map(|_| ())
    }

    #[test]
    fn admits_what_a_disclosure_officer_in_office_signed_for_exactly_this() {
        assert_eq!(verdict(|_, _| {}), Ok(()));
    }

    #[test]
    fn refuses_an_officer_who_left_or_does_not_hold_the_role() {
        assert_eq!(
            verdict(|_, o| o.state = OfficerState::Revoked),
            Err(NoAuthority::OutOfOffice("exercise-officer".parse().unwrap()))
        );
        assert_eq!(
            verdict(|_, o| o.valid_until = NOW),
            Err(NoAuthority::OutOfOffice("exercise-officer".parse().unwrap()))
        );
        let senior = Role::SeniorDisclosureOfficer;
        assert_eq!(verdict(|s, _| s.role = senior), Err(NoAuthority::RoleNotHeld(senior)));
        for role in [Role::Originator, Role::ReleaseToPublic] {
            let refused = verdict(|said, officer| {
                said.role = role;
                officer.roles = [role].into();
            });
            assert_eq!(refused, Err(NoAuthority::Role("exercise-officer".parse().unwrap())));
        }
    }

    #[test]
    fn refuses_a_key_that_is_another_officers_or_nobodys() {
        let (one, two) = (key(), key());
        let said = QuarantineAdmission {
            what: quarantined(),
            officer: "exercise-one".parse().unwrap(),
            role: Role::DisclosureOfficer,
            why: "EXERCISE".into(),
            given_at: NOW,
            nonce: [1; 16],
            instance: here(),
        };
        let bytes = Signed::sign(said, &two).unwrap().bytes().to_vec();
        let first = officer("exercise-one", &one, Role::DisclosureOfficer);
        let second = officer("exercise-two", &two, Role::DisclosureOfficer);
        for roster in [vec![first.clone()], vec![second.clone()], vec![first, second]] {
            let officers = Officers::new(roster).unwrap();
            let here = VerificationContext { instance: here(), officers: &officers, now: NOW };
            let refused = QuarantineAdmission::verify(&bytes, two.public(), &quarantined(), &here);
            assert_eq!(refused.unwrap_err(), NoAuthority::Unknown("exercise-one".parse().unwrap()));
        }
    }

    #[test]
    fn refuses_another_key_of_the_same_officer_than_the_one_it_is_said_to_be_signed_with() {
        let (old, new) = (key(), key());
        let mut officer = officer("exercise-officer", &old, Role::DisclosureOfficer);
        officer.keys.push(new.public().clone());
        let said = QuarantineAdmission {
            what: quarantined(),
            officer: officer.id.clone(),
            role: Role::DisclosureOfficer,
            why: "EXERCISE".into(),
            given_at: NOW,
            nonce: [1; 16],
            instance: here(),
        };
        let bytes = Signed::sign(said, &old).unwrap().bytes().to_vec();
        let officers = Officers::new([officer]).unwrap();
        let here = VerificationContext { instance: here(), officers: &officers, now: NOW };
        let verify =
            |key: &LocalSigner| QuarantineAdmission::verify(&bytes, key.public(), &quarantined(), &here).map(|_| ());
        assert_eq!(verify(&new), Err(NoAuthority::Unknown("exercise-officer".parse().unwrap())));
        assert_eq!(verify(&old), Ok(()));
    }

    #[test]
    fn refuses_what_was_signed_for_another_product_or_for_other_findings() {
        let changes: [fn(&mut Quarantined); 4] = [
            |what| what.exchange = ExchangeId::new(NOW, [2; 10]),
            |what| what.manifest = Digest::of(b"EXERCISE another"),
            |what| what.payload = Digest::of(b"EXERCISE another"),
            |what| what.verdicts = Digest::of(b"EXERCISE another"),
        ];
        for change in changes {
            assert_eq!(verdict(|said, _| change(&mut said.what)), Err(NoAuthority::Other));
        }
    }

    #[test]
    fn refuses_without_a_reason_that_prints_as_it_was_typed() {
        assert_eq!(verdict(|said, _| said.why = "x".repeat(200)), Ok(()));
        for why in ["", " ", "a\nb", "a\u{202e}b", "x".repeat(201).as_str()] {
            assert_eq!(verdict(|said, _| said.why = why.into()), Err(NoAuthority::Reason), "{why:?}");
        }
    }

    #[test]
    fn refuses_what_is_dated_after_now_or_more_than_an_hour_ago() {
        let dated = |ms: i64| {
            verdict(|said, officer| {
                said.given_at = Time::from_unix_ms(NOW.unix_ms() + ms);
                officer.valid_until = NOW.plus(SKEW_MAX * 2);
            })
        };
        let (hour, skew) = (3_600_000, i64::try_from(SKEW_MAX.as_millis()).unwrap());
        for (ms, holds) in [(0, true), (-hour, true), (skew, true), (skew + 1, false), (-hour - 1, false)] {
            assert_eq!(matches!(dated(ms), Err(NoAuthority::Context(_))), !holds, "{ms} ms from now");
        }
    }

    #[test]
    fn refuses_what_was_signed_for_another_node() {
        let refused = verdict(|said, _| said.instance = Instance::exercise(2));
        assert!(matches!(refused, Err(NoAuthority::Context(ContextFault::OtherInstance { .. }))), "{refused:?}");
    }
}
