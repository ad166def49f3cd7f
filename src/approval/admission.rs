//! An officer's signed word that one product from quarantine may be read after all.

use minicbor::{Decode, Encode};

use std::time::Duration;

use super::statement::{cbor_time, is_plain};
use super::{Here, Misplaced, Role};
use crate::digest::Digest;
use crate::ident::{ExchangeId, OfficerId};
use crate::sign::{Instance, NotSigned, PublicKey, Signed, Statement};
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
pub struct Admission {
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
    #[cbor(with = "cbor_time")]
    pub given_at: Time,
    /// Keeps two admissions of one product apart.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The node whose quarantine it is in.
    #[n(6)]
    pub instance: Instance,
}

impl Statement for Admission {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.admission+cbor";
}

/// Why an admission does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// It does not read or does not verify.
    #[error("{0}")]
    NotSigned(#[from] NotSigned),
    /// The key belongs to no officer on the roster, or to another than the statement names.
    #[error("the key is not one of the officer whom the statement names: see `officer list`")]
    UnknownOfficer,
    /// The officer was revoked or their appointment has ended.
    #[error("officer is no longer in office: revoked, or past the end of the appointment")]
    OutOfOffice,
    /// The officer does not hold the role.
    #[error("officer does not hold the role `{0}`")]
    RoleNotHeld(Role),
    /// The role does not admit.
    #[error("the role `{0}` admits nothing from quarantine: a disclosure officer must sign")]
    Role(Role),
    /// It is for another product, or the findings have changed since it was shown.
    #[error("the statement is for another product, or for other findings: look at it again and sign anew")]
    Other,
    /// There is no reason, or it does not print.
    #[error("expected a reason of 1 to 200 printable characters")]
    Why,
    /// It was signed for another node, or at a time at which nobody signs, or too long ago.
    #[error("{0}")]
    Misplaced(#[from] Misplaced),
}

impl Admission {
    /// How long after it was signed an admission counts: what an officer looked at may be judged otherwise soon.
    pub const LIFE: Duration = Duration::from_secs(60 * 60);

    /// Checks that `bytes` are an admission of exactly `what`, signed with `key` by an officer who may, here and now.
    ///
    /// # Errors
    /// [`NotAdmitted`] with the first reason why it does not count.
    pub fn verify(
        bytes: &[u8],
        key: &PublicKey,
        what: &Quarantined,
        here: &Here<'_>,
    ) -> Result<Signed<Admission>, NotAdmitted> {
        let signed = Signed::<Admission>::verify(bytes, key)?;
        let said = signed.statement();
        let officer = here.officers.iter().find(|o| o.id == said.officer && o.keys.contains(key));
        let officer = officer.ok_or(NotAdmitted::UnknownOfficer)?;
        if !officer.in_office(here.now) {
            return Err(NotAdmitted::OutOfOffice);
        }
        if !officer.roles.contains(&said.role) {
            return Err(NotAdmitted::RoleNotHeld(said.role));
        }
        if !said.role.approves_release() {
            return Err(NotAdmitted::Role(said.role));
        }
        if said.what != *what {
            return Err(NotAdmitted::Other);
        }
        if !is_plain(&said.why, WHY_CHARS_MAX) {
            return Err(NotAdmitted::Why);
        }
        here.first(said.instance, said.given_at, officer, Self::LIFE)?;
        Ok(signed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Officer, OfficerState, Officers, SKEW_MAX};
    use super::*;
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
    fn verdict(change: impl FnOnce(&mut Admission, &mut Officer)) -> Result<(), NotAdmitted> {
        let key = key();
        let mut officer = officer("exercise-officer", &key, Role::DisclosureOfficer);
        let mut said = Admission {
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
        let here = Here { instance: here(), officers: &officers, now: NOW };
        Admission::verify(&bytes, key.public(), &quarantined(), &here).map(|_| ())
    }

    #[test]
    fn admits_what_a_disclosure_officer_in_office_signed_for_exactly_this() {
        assert_eq!(verdict(|_, _| {}), Ok(()));
    }

    #[test]
    fn refuses_an_officer_who_left_or_does_not_hold_the_role() {
        assert_eq!(verdict(|_, o| o.state = OfficerState::Revoked), Err(NotAdmitted::OutOfOffice));
        assert_eq!(verdict(|_, o| o.valid_until = NOW), Err(NotAdmitted::OutOfOffice));
        let senior = Role::SeniorDisclosureOfficer;
        assert_eq!(verdict(|s, _| s.role = senior), Err(NotAdmitted::RoleNotHeld(senior)));
        for role in [Role::Originator, Role::ReleaseToPublic] {
            let refused = verdict(|said, officer| {
                said.role = role;
                officer.roles = [role].into();
            });
            assert_eq!(refused, Err(NotAdmitted::Role(role)));
        }
    }

    #[test]
    fn refuses_a_key_that_is_another_officers_or_nobodys() {
        let (one, two) = (key(), key());
        let said = Admission {
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
            let here = Here { instance: here(), officers: &officers, now: NOW };
            let refused = Admission::verify(&bytes, two.public(), &quarantined(), &here);
            assert_eq!(refused.unwrap_err(), NotAdmitted::UnknownOfficer);
        }
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
            assert_eq!(verdict(|said, _| change(&mut said.what)), Err(NotAdmitted::Other));
        }
    }

    #[test]
    fn refuses_without_a_reason_that_prints_as_it_was_typed() {
        assert_eq!(verdict(|said, _| said.why = "x".repeat(200)), Ok(()));
        for why in ["", " ", "a\nb", "a\u{202e}b", "x".repeat(201).as_str()] {
            assert_eq!(verdict(|said, _| said.why = why.into()), Err(NotAdmitted::Why), "{why:?}");
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
            assert_eq!(matches!(dated(ms), Err(NotAdmitted::Misplaced(_))), !holds, "{ms} ms from now");
        }
    }

    #[test]
    fn refuses_what_was_signed_for_another_node() {
        let refused = verdict(|said, _| said.instance = Instance::exercise(2));
        assert!(matches!(refused, Err(NotAdmitted::Misplaced(Misplaced::OtherInstance { .. }))), "{refused:?}");
    }
}
