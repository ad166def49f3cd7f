//! The refusal of a request: by a disclosure officer, or by its submitter, who thereby withdraws it.

use minicbor::{Decode, Encode};

use super::order::{Order, Origin, in_context, in_office, signed_by_officer};
use crate::approval::{LIFE_MAX, NoAuthority, Officer, Officers, Role, Terms, VerificationContext};
use crate::ident::{OfficerId, RequestId};
use crate::invisible::is_plain;
use crate::sign::{Instance, PublicKey, Signed, Statement};
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

impl Order for Refusal {
    fn origin(&self) -> Origin<'_> {
        let Refusal { officer, role, given_at, instance, .. } = self;
        Origin { officer, role: *role, given_at: *given_at, instance: *instance }
    }
}

impl Refusal {
    /// Who may refuse a request now with this key, and in which role: any disclosure officer, because a refusal is always
    /// safe, or its submitter, who thereby withdraws it.
    ///
    /// # Errors
    /// [`NoAuthority`] says why this key may not refuse it.
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
    /// [`NoAuthority`] with the first reason why it does not count.
    pub fn verify(
        bytes: &[u8],
        request: &RequestId,
        submitter: &OfficerId,
        here: &VerificationContext<'_>,
    ) -> Result<Signed<Refusal>, NoAuthority> {
        let (signed, officer) = signed_by_officer::<Refusal>(bytes, here)?;
        // INVARIANT: taken apart by name, so that a new field fails to compile until it is checked here.
        let Refusal { request: about, why, officer: _, role, given_at: _, nonce: _, instance: _ } = signed.statement();
        let may_refuse = role.approves_release() || here.officers.is_same_person(&officer.id, submitter);
        if !may_refuse || *role != officer.strongest_role() {
            return Err(NoAuthority::Role(officer.id.clone()));
        }
        if !is_plain(why, Terms::TEXT_MAX) {
            return Err(NoAuthority::Reason);
        }
        in_context(signed.statement(), officer, LIFE_MAX, here)?;
        if about == request { Ok(signed) } else { Err(NoAuthority::Other) }
    }
}
