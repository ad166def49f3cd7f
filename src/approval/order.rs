//! What officers sign besides approvals: that a request is refused, and that what left is withdrawn.

use minicbor::{Decode, Encode};

use super::statement::{cbor_time, is_plain};
use super::{Officer, Officers, Role, Terms};
use crate::ident::{ExchangeId, OfficerId, RequestId};
use crate::sign::{Signer, Statement};
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
}

impl Statement for RecallOrder {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.recall-order+cbor";
}

/// Why somebody's signature orders nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthority {
    /// No officer holds this key.
    #[error("no officer is enrolled with key `{key}`: see `officer list`")]
    Stranger {
        /// Short fingerprint of the key.
        key: String,
    },
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
        signer: &dyn Signer,
        submitter: &OfficerId,
        why: &str,
        now: Time,
    ) -> Result<(&'o Officer, Role), NoAuthority> {
        let (officer, role) = in_office(officers, signer, now)?;
        if !role.approves_release() && !officers.is_same_person(&officer.id, submitter) {
            return Err(NoAuthority::Role(officer.id.clone()));
        }
        if is_plain(why, Terms::TEXT_MAX) { Ok((officer, role)) } else { Err(NoAuthority::Reason) }
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
        signer: &dyn Signer,
        now: Time,
    ) -> Result<(&'o Officer, Role), NoAuthority> {
        let (officer, role) = in_office(officers, signer, now)?;
        if role.approves_release() { Ok((officer, role)) } else { Err(NoAuthority::Role(officer.id.clone())) }
    }
}

/// The officer in office who holds this key, and their role of most authority.
fn in_office<'o>(officers: &'o Officers, signer: &dyn Signer, now: Time) -> Result<(&'o Officer, Role), NoAuthority> {
    let stranger = || NoAuthority::Stranger { key: signer.public().fingerprint().short() };
    let officer = officers.holder_of(signer.public()).ok_or_else(stranger)?;
    if !officer.in_office(now) {
        return Err(NoAuthority::OutOfOffice(officer.id.clone()));
    }
    Ok((officer, officer.strongest_role()))
}

#[cfg(test)]
mod tests {
    use super::super::OfficerState;
    use super::*;
    use crate::sign::{Algorithm, LocalSigner};

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
            assert_eq!(RecallOrder::authority(&officers, &key, NOW).is_ok(), may, "{role}");
        }
        let (roster, key) = officers(Role::DisclosureOfficer, OfficerState::Revoked);
        assert!(matches!(RecallOrder::authority(&roster, &key, NOW), Err(NoAuthority::OutOfOffice(_))));
        let (roster, _) = officers(Role::DisclosureOfficer, OfficerState::Active);
        assert!(matches!(RecallOrder::authority(&roster, &key, NOW), Err(NoAuthority::Stranger { .. })));
        let late = NOW.plus(std::time::Duration::from_secs(1));
        let (roster, key) = officers(Role::DisclosureOfficer, OfficerState::Active);
        assert!(matches!(RecallOrder::authority(&roster, &key, late), Err(NoAuthority::OutOfOffice(_))));
    }

    #[test]
    fn a_submitter_may_refuse_their_own_request_and_no_other() {
        let (officers, key) = officers(Role::Originator, OfficerState::Active);
        let (own, other) = ("exercise-officer".parse().unwrap(), "exercise-other".parse().unwrap());
        assert!(Refusal::authority(&officers, &key, &own, "EXERCISE", NOW).is_ok());
        assert!(matches!(Refusal::authority(&officers, &key, &other, "EXERCISE", NOW), Err(NoAuthority::Role(_))));
        for why in ["", " ", "a\nb", "a\u{202e}b"] {
            assert_eq!(Refusal::authority(&officers, &key, &own, why, NOW).unwrap_err(), NoAuthority::Reason);
        }
    }
}
