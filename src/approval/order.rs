//! What officers sign besides approvals: that a request is refused, and that what left is withdrawn.

use minicbor::{Decode, Encode};

use super::quorum::verify;
use super::statement::{cbor_time, is_plain};
use super::{Here, LIFE_MAX, Misplaced, Officer, Officers, Role, Terms};
use crate::ident::{ExchangeId, OfficerId, RequestId};
use crate::sign::{Instance, NotSigned, PublicKey, Signed, Statement};
use crate::time::Time;

/// An officer's refusal of a request, with the reason that the requester is told.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Refusal {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// Why; for the requester, never for a partner.
    #[n(1)]
    pub why: String,
    /// Who refuses.
    #[n(2)]
    pub officer: OfficerId,
    /// In which role.
    #[n(3)]
    pub role: Role,
    /// When, by the officer's clock.
    #[n(4)]
    #[cbor(with = "cbor_time")]
    pub given_at: Time,
    /// Sixteen random bytes, so that no two statements are the same bytes.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The node that the request is with.
    #[n(6)]
    pub instance: Instance,
}

impl Statement for Refusal {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.refusal+cbor";
}

/// An officer's order to withdraw what left for a request, and to cancel what did not.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecallOrder {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// Its exchanges that this is about, in the order of their numbers.
    #[n(1)]
    pub exchanges: Vec<ExchangeId>,
    /// Why, as the code that partners are told.
    #[n(2)]
    pub why: String,
    /// Who orders it.
    #[n(3)]
    pub officer: OfficerId,
    /// In which role.
    #[n(4)]
    pub role: Role,
    /// When, by the officer's clock.
    #[n(5)]
    #[cbor(with = "cbor_time")]
    pub given_at: Time,
    /// Sixteen random bytes, so that no two statements are the same bytes.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The node that sent it.
    #[n(7)]
    pub instance: Instance,
}

impl Statement for RecallOrder {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.recall-order+cbor";
}

/// Why somebody's signature orders nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthority {
    /// It does not read, or is not signed by the officer whom it names.
    #[error("{0}")]
    NotSigned(#[from] NotSigned),
    /// It was signed for another node, or at a time at which nobody signs, or too long ago.
    #[error("{0}")]
    Misplaced(#[from] Misplaced),
    /// It is about another request, or about other exchanges than the request has.
    #[error("the statement is about another request, or about exchanges that are not of it: sign it anew")]
    Other,
    /// No officer holds this key.
    #[error("no officer is enrolled with key `{key}`: see `officer list`")]
    Stranger {
        /// Short fingerprint of the key.
        key: String,
    },
    /// Nobody of that name is enrolled.
    #[error("no officer `{0}` is enrolled: see `officer list`")]
    Unknown(OfficerId),
    /// The officer is revoked, not certified, or their certificate has ended.
    #[error("officer `{0}` is not in office: see `officer list`")]
    OutOfOffice(OfficerId),
    /// None of the officer's roles allows it.
    #[error("officer `{0}` may not do this: it takes a disclosure officer, or for a refusal whoever submitted it")]
    Role(OfficerId),
    /// The reason is empty, too long, or does not print as it was typed.
    #[error("the reason must be 1 to {max} printable characters", max = Terms::TEXT_MAX)]
    Reason,
}

impl Refusal {
    /// Who may refuse a request now with this key, and in which role: any disclosure officer, since to refuse is always
    /// safe, or its submitter, who thereby withdraws it.
    ///
    /// # Errors
    /// [`NoAuthority`] says why this key refuses nothing.
    pub fn authority<'o>(
        officers: &'o Officers,
        key: &PublicKey,
        submitter: &OfficerId,
        why: &str,
        now: Time,
    ) -> Result<(&'o Officer, Role), NoAuthority> {
        let (officer, role) = in_office(officers, key, now)?;
        if !role.approves_release() && !officers.is_same_person(&officer.id, submitter) {
            return Err(NoAuthority::Role(officer.id.clone()));
        }
        if is_plain(why, Terms::TEXT_MAX) { Ok((officer, role)) } else { Err(NoAuthority::Reason) }
    }

    /// Checks that `bytes` are a refusal of exactly this request, which `submitter` submitted, signed by somebody who may
    /// refuse it here and now.
    ///
    /// # Errors
    /// [`NoAuthority`] with the first reason why it refuses nothing.
    pub fn verify(
        bytes: &[u8],
        request: &RequestId,
        submitter: &OfficerId,
        here: &Here<'_>,
    ) -> Result<Signed<Refusal>, NoAuthority> {
        // Whose key to check is all that is taken from the unverified statement.
        let claimed = Signed::<Refusal>::peek(bytes)?.officer;
        let (signed, officer, key) = signed_by::<Refusal>(bytes, claimed, here.officers)?;
        // INVARIANT: taken apart by name, so that a new field fails to compile until it is checked here.
        let Refusal { request: about, why, officer: _, role, given_at, nonce: _, instance } = signed.statement();
        let (_, strongest) = Refusal::authority(here.officers, key, submitter, why, here.now)?;
        if *role != strongest {
            return Err(NoAuthority::Role(officer.id.clone()));
        }
        here.first(*instance, *given_at, officer, LIFE_MAX)?;
        if about == request { Ok(signed) } else { Err(NoAuthority::Other) }
    }
}

impl RecallOrder {
    /// Who may order a recall now with this key, and in which role: any one disclosure officer. Withdrawing is the safe
    /// direction, so it takes one person where releasing took two.
    ///
    /// # Errors
    /// [`NoAuthority`] says why this key orders nothing.
    pub fn authority<'o>(
        officers: &'o Officers,
        key: &PublicKey,
        now: Time,
    ) -> Result<(&'o Officer, Role), NoAuthority> {
        let (officer, role) = in_office(officers, key, now)?;
        if role.approves_release() { Ok((officer, role)) } else { Err(NoAuthority::Role(officer.id.clone())) }
    }

    /// Checks that `bytes` are an order about exactly these exchanges of this request, signed by somebody who may order
    /// a recall here and now.
    ///
    /// # Errors
    /// [`NoAuthority`] with the first reason why it orders nothing.
    pub fn verify(
        bytes: &[u8],
        request: &RequestId,
        exchanges: &[ExchangeId],
        here: &Here<'_>,
    ) -> Result<Signed<RecallOrder>, NoAuthority> {
        // Whose key to check is all that is taken from the unverified statement.
        let claimed = Signed::<RecallOrder>::peek(bytes)?.officer;
        let (signed, officer, key) = signed_by::<RecallOrder>(bytes, claimed, here.officers)?;
        // INVARIANT: taken apart by name, so that a new field fails to compile until it is checked here. Why it is
        // withdrawn is the officer's to say.
        let RecallOrder { request: about, exchanges: of, why: _, officer: _, role, given_at, nonce: _, instance } =
            signed.statement();
        let (_, strongest) = RecallOrder::authority(here.officers, key, here.now)?;
        if *role != strongest {
            return Err(NoAuthority::Role(officer.id.clone()));
        }
        here.first(*instance, *given_at, officer, LIFE_MAX)?;
        if about == request && of == exchanges { Ok(signed) } else { Err(NoAuthority::Other) }
    }
}

/// The statement, whoever of `officers` it names, and the key of theirs that it is signed with.
fn signed_by<'o, T: Statement>(
    bytes: &[u8],
    claimed: OfficerId,
    officers: &'o Officers,
) -> Result<(Signed<T>, &'o Officer, &'o PublicKey), NoAuthority> {
    let officer = officers.officer(&claimed).ok_or(NoAuthority::Unknown(claimed))?;
    let signed: Signed<T> = verify(bytes, &officer.keys, officers.verified())?;
    let key = officer.keys.iter().find(|key| key.fingerprint() == signed.key()).ok_or(NotSigned::Form)?;
    Ok((signed, officer, key))
}

/// The officer in office who holds this key, and their role of most authority.
fn in_office<'o>(officers: &'o Officers, key: &PublicKey, now: Time) -> Result<(&'o Officer, Role), NoAuthority> {
    let stranger = || NoAuthority::Stranger { key: key.fingerprint().short() };
    let officer = officers.holder_of(key).ok_or_else(stranger)?;
    if !officer.in_office(now) {
        return Err(NoAuthority::OutOfOffice(officer.id.clone()));
    }
    Ok((officer, officer.strongest_role()))
}

#[cfg(test)]
mod tests {
    use super::super::OfficerState;
    use super::*;
    use crate::sign::{Algorithm, LocalSigner, Signer as _};

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn officers(role: Role, state: OfficerState) -> (Officers, LocalSigner) {
        let key = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
        let officer = Officer {
            id: "exercise-officer".parse().unwrap(),
            name: "EXERCISE".into(),
            keys: vec![key.public().clone()],
            roles: [role].into(),
            state,
            valid_from: Time::EPOCH,
            valid_until: NOW.plus(std::time::Duration::from_secs(1)),
            declared: Default::default(),
        };
        (Officers::new([officer]).unwrap(), key)
    }

    #[test]
    fn one_disclosure_officer_in_office_may_recall_and_nobody_else() {
        for (role, may) in [
            (Role::DisclosureOfficer, true),
            (Role::SeniorDisclosureOfficer, true),
            (Role::ReleaseToPublic, false),
            (Role::Originator, false),
        ] {
            let (officers, key) = officers(role, OfficerState::Active);
            assert_eq!(RecallOrder::authority(&officers, key.public(), NOW).is_ok(), may, "{role}");
        }
        let (roster, key) = officers(Role::DisclosureOfficer, OfficerState::Revoked);
        assert!(matches!(RecallOrder::authority(&roster, key.public(), NOW), Err(NoAuthority::OutOfOffice(_))));
        let (roster, _) = officers(Role::DisclosureOfficer, OfficerState::Active);
        assert!(matches!(RecallOrder::authority(&roster, key.public(), NOW), Err(NoAuthority::Stranger { .. })));
        let late = NOW.plus(std::time::Duration::from_secs(1));
        let (roster, key) = officers(Role::DisclosureOfficer, OfficerState::Active);
        assert!(matches!(RecallOrder::authority(&roster, key.public(), late), Err(NoAuthority::OutOfOffice(_))));
    }

    #[test]
    fn a_submitter_may_refuse_their_own_request_and_no_other() {
        let (officers, key) = officers(Role::Originator, OfficerState::Active);
        let (own, other) = ("exercise-officer".parse().unwrap(), "exercise-other".parse().unwrap());
        assert!(Refusal::authority(&officers, key.public(), &own, "EXERCISE", NOW).is_ok());
        assert!(matches!(
            Refusal::authority(&officers, key.public(), &other, "EXERCISE", NOW),
            Err(NoAuthority::Role(_))
        ));
        for why in ["", " ", "a\nb", "a\u{202e}b"] {
            assert_eq!(Refusal::authority(&officers, key.public(), &own, why, NOW).unwrap_err(), NoAuthority::Reason);
        }
    }

    fn refused(spoil: impl FnOnce(&mut Refusal)) -> Result<(), NoAuthority> {
        let (officers, key) = officers(Role::DisclosureOfficer, OfficerState::Active);
        let mut said = Refusal {
            request: RequestId::new(NOW, [1; 10]),
            why: "EXERCISE".into(),
            officer: "exercise-officer".parse().unwrap(),
            role: Role::DisclosureOfficer,
            given_at: NOW,
            nonce: [1; 16],
            instance: Instance::exercise(1),
        };
        let (request, nobody) = (said.request, "exercise-other".parse().unwrap());
        spoil(&mut said);
        let bytes = Signed::sign(said, &key).unwrap().bytes().to_vec();
        let here = Here { instance: Instance::exercise(1), officers: &officers, now: NOW };
        Refusal::verify(&bytes, &request, &nobody, &here).map(|_| ())
    }

    fn ordered(spoil: impl FnOnce(&mut RecallOrder)) -> Result<(), NoAuthority> {
        let (officers, key) = officers(Role::DisclosureOfficer, OfficerState::Active);
        let mut said = RecallOrder {
            request: RequestId::new(NOW, [1; 10]),
            exchanges: vec![ExchangeId::new(NOW, [2; 10])],
            why: "EXERCISE".into(),
            officer: "exercise-officer".parse().unwrap(),
            role: Role::DisclosureOfficer,
            given_at: NOW,
            nonce: [1; 16],
            instance: Instance::exercise(1),
        };
        let (request, exchanges) = (said.request, said.exchanges.clone());
        spoil(&mut said);
        let bytes = Signed::sign(said, &key).unwrap().bytes().to_vec();
        let here = Here { instance: Instance::exercise(1), officers: &officers, now: NOW };
        RecallOrder::verify(&bytes, &request, &exchanges, &here).map(|_| ())
    }

    #[test]
    fn a_refusal_and_an_order_are_for_one_node_one_request_and_a_bounded_time() {
        let (long, ms) = (NOW.minus(LIFE_MAX), std::time::Duration::from_millis(1));
        assert_eq!((refused(|_| {}), ordered(|_| {})), (Ok(()), Ok(())));
        assert_eq!((refused(|s| s.given_at = long), ordered(|s| s.given_at = long)), (Ok(()), Ok(())));
        let late = |found| matches!(found, Err(NoAuthority::Misplaced(Misplaced::Late { .. })));
        assert!(late(refused(|s| s.given_at = long.minus(ms))) && late(ordered(|s| s.given_at = long.minus(ms))));
        let other = |found| matches!(found, Err(NoAuthority::Misplaced(Misplaced::OtherInstance { .. })));
        let elsewhere = Instance::exercise(2);
        assert!(other(refused(|s| s.instance = elsewhere)) && other(ordered(|s| s.instance = elsewhere)));
        let request = RequestId::new(NOW, [9; 10]);
        assert_eq!(refused(|s| s.request = request), Err(NoAuthority::Other));
        assert_eq!(ordered(|s| s.request = request), Err(NoAuthority::Other));
        assert_eq!(ordered(|s| s.exchanges.clear()), Err(NoAuthority::Other));
        let senior = Role::SeniorDisclosureOfficer;
        assert!(matches!(refused(|s| s.role = senior), Err(NoAuthority::Role(_))));
        assert!(matches!(ordered(|s| s.role = senior), Err(NoAuthority::Role(_))));
        let stranger = || "exercise-nobody".parse().unwrap();
        assert!(matches!(refused(|s| s.officer = stranger()), Err(NoAuthority::Unknown(_))));
        assert!(matches!(ordered(|s| s.officer = stranger()), Err(NoAuthority::Unknown(_))));
    }
}
