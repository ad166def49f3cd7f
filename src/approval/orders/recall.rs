//! The order to recall what left for a request.

use minicbor::{Decode, Encode};

use super::order::{Order, Origin, in_context, in_office, signed_by_officer};
use crate::approval::{LIFE_MAX, NoAuthority, Officer, Officers, Role, VerificationContext};
use crate::ident::{ExchangeId, OfficerId, RequestId};
use crate::sign::{Instance, PublicKey, Signed, Statement};
use crate::time::Time;

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

impl Order for RecallOrder {
    fn origin(&self) -> Origin<'_> {
        let RecallOrder { officer, role, given_at, instance, .. } = self;
        Origin { officer, role: *role, given_at: *given_at, instance: *instance }
    }
}

impl RecallOrder {
    /// Who may order a recall now with this key, and in which role: any one disclosure officer. A recall discloses nothing,
    /// so one person suffices where a release takes two.
    ///
    /// # Errors
    /// [`NoAuthority`] says why this key may not order it.
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
    /// [`NoAuthority`] with the first reason why it does not count.
    pub fn verify(
        bytes: &[u8],
        request: &RequestId,
        exchanges: &[ExchangeId],
        here: &VerificationContext<'_>,
    ) -> Result<Signed<RecallOrder>, NoAuthority> {
        let (signed, officer) = signed_by_officer::<RecallOrder>(bytes, here)?;
        // INVARIANT: taken apart by name, so that a new field fails to compile until it is checked here. The reason is not
        // checked: it is the officer's to give.
        let RecallOrder { request: about, exchanges: of, why: _, officer: _, role, given_at: _, nonce: _, instance: _ } =
            signed.statement();
        if !role.approves_release() || *role != officer.strongest_role() {
            return Err(NoAuthority::Role(officer.id.clone()));
        }
        in_context(signed.statement(), officer, LIFE_MAX, here)?;
        if about == request && of == exchanges { Ok(signed) } else { Err(NoAuthority::Other) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{ContextFault, OfficerState, Refusal};
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
        assert!(matches!(RecallOrder::authority(&roster, key.public(), NOW), Err(NoAuthority::UnknownKey { .. })));
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
        let here = VerificationContext { instance: Instance::exercise(1), officers: &officers, now: NOW };
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
        let here = VerificationContext { instance: Instance::exercise(1), officers: &officers, now: NOW };
        RecallOrder::verify(&bytes, &request, &exchanges, &here).map(|_| ())
    }

    #[test]
    fn a_refusal_and_an_order_are_for_one_node_one_request_and_a_bounded_time() {
        let (long, ms) = (NOW.minus(LIFE_MAX), std::time::Duration::from_millis(1));
        assert_eq!((refused(|_| {}), ordered(|_| {})), (Ok(()), Ok(())));
        assert_eq!((refused(|s| s.given_at = long), ordered(|s| s.given_at = long)), (Ok(()), Ok(())));
        let late = |found| matches!(found, Err(NoAuthority::Context(ContextFault::Late { .. })));
        assert!(late(refused(|s| s.given_at = long.minus(ms))) && late(ordered(|s| s.given_at = long.minus(ms))));
        let other = |found| matches!(found, Err(NoAuthority::Context(ContextFault::OtherInstance { .. })));
        let elsewhere = Instance::exercise(2);
        assert!(other(refused(|s| s.instance = elsewhere)) && other(ordered(|s| s.instance = elsewhere)));
        let request = RequestId::new(NOW, [9; 10]);
        assert_eq!(refused(|s| s.request = request), Err(NoAuthority::Other));
        assert_eq!(ordered(|s| s.request = request), Err(NoAuthority::Other));
        assert_eq!(ordered(|s| s.exchanges.clear()), Err(NoAuthority::Other));
        let senior = Role::SeniorDisclosureOfficer;
        assert_eq!(refused(|s| s.role = senior), Err(NoAuthority::RoleNotHeld(senior)));
        assert_eq!(ordered(|s| s.role = senior), Err(NoAuthority::RoleNotHeld(senior)));
        let stranger = || "exercise-nobody".parse().unwrap();
        assert!(matches!(refused(|s| s.officer = stranger()), Err(NoAuthority::Unknown(_))));
        assert!(matches!(ordered(|s| s.officer = stranger()), Err(NoAuthority::Unknown(_))));
    }
}
