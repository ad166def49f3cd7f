//! An officer's signed consent to a change, and the checks whether it counts.

use minicbor::{Decode, Encode};

use super::ChangeSet;
use crate::approval::{ContextFault, LIFE_MAX, Officer, Role, VerificationContext};
use crate::digest::Digest;
use crate::ident::OfficerId;
use crate::sign::{NotSigned, Signed, Statement};
use crate::time::Time;

/// An officer's consent to a change (canonical CBOR, signed as COSE_Sign1). It contains the whole change set, so the statement alone
/// shows what was consented to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Consent {
    /// The change.
    #[n(0)]
    pub change: ChangeSet,
    /// The officer who consents.
    #[n(1)]
    pub officer: OfficerId,
    /// The role in which they consent.
    #[n(2)]
    pub role: Role,
    /// When it was given, in milliseconds since the Unix epoch, by the signer's clock.
    #[n(3)]
    pub given_ms: i64,
    /// When it expires, in milliseconds since the Unix epoch.
    #[n(4)]
    pub expires_ms: i64,
    /// Sixteen random bytes, so that no two consents are identical.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
}

impl Statement for Consent {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.change+cbor";
}

/// A consent that does not count, and every reason why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoidConsent {
    /// The officer that it names. No other field of an unverified statement is used.
    pub officer: Option<OfficerId>,
    /// The reasons.
    pub reasons: Vec<ConsentVoid>,
}

/// One reason why a consent does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsentVoid {
    /// It is not signed by the officer that it names.
    #[error("{0}")]
    Signature(#[from] NotSigned),
    /// No officer of that name is enrolled.
    #[error("no officer of that name is enrolled")]
    UnknownOfficer,
    /// It is for another change.
    #[error("it is for another change")]
    OtherChange,
    /// The officer is revoked, or the appointment has ended.
    #[error("the officer is not in office")]
    OutOfOffice,
    /// The officer does not hold the role it was given in.
    #[error("the officer does not hold the role `{0}`")]
    RoleNotHeld(Role),
    /// The role may not decide changes.
    #[error("the role `{0}` may not decide changes")]
    RoleDoesNotDecide(Role),
    /// It is not valid for this node or at this time.
    #[error("{0}")]
    Context(#[from] ContextFault),
    /// It has expired.
    #[error("it has expired")]
    Expired,
    /// Another consent of the same person is already counted.
    #[error("this person has already consented to this change")]
    SecondVote,
}

/// Verifies a signed consent to `set`. Returns the officer, the role and the digest of the statement. With `decides`, only a role that
/// may decide changes is accepted.
///
/// # Errors
/// [`VoidConsent`] with every reason.
pub(super) fn valid_consent(
    bytes: &[u8],
    set: &ChangeSet,
    here: &VerificationContext<'_>,
    decides: bool,
) -> Result<(OfficerId, Role, Digest), VoidConsent> {
    let void = |officer, reasons| VoidConsent { officer, reasons };
    // Only the name is taken from the unverified statement, to find the keys to verify it with.
    let claimed = Signed::<Consent>::peek(bytes).map_err(|e| void(None, vec![e.into()]))?.officer;
    let (now, officer) = (here.now, here.officers.officer(&claimed));
    let Some(officer) = officer else {
        return Err(void(Some(claimed), vec![ConsentVoid::UnknownOfficer]));
    };
    let signed = verify(bytes, officer).map_err(|e| void(Some(claimed.clone()), vec![e.into()]))?;
    // INVARIANT: every field is destructured, so that a new one fails to compile until it is checked here.
    let Consent { change, officer: _, role, given_ms, expires_ms, nonce: _ } = signed.statement();
    let role = *role;
    let checks = [
        (change != set, ConsentVoid::OtherChange),
        (!officer.in_office(now), ConsentVoid::OutOfOffice),
        (!officer.roles.contains(&role), ConsentVoid::RoleNotHeld(role)),
        (decides && !role.approves_release(), ConsentVoid::RoleDoesNotDecide(role)),
        (Time::from_unix_ms(*expires_ms) <= now, ConsentVoid::Expired),
    ];
    let given_at = Time::from_unix_ms(*given_ms);
    let misplaced = here.against(change.instance, given_at, officer).into_iter();
    let misplaced = misplaced.chain(here.in_time(given_at, LIFE_MAX).err()).map(ConsentVoid::Context);
    let checks = checks.into_iter().filter(|(against, _)| *against).map(|(_, reason)| reason);
    let reasons: Vec<ConsentVoid> = checks.chain(misplaced).collect();
    if reasons.is_empty() { Ok((claimed, role, signed.digest())) } else { Err(void(Some(claimed), reasons)) }
}

fn verify(bytes: &[u8], officer: &Officer) -> Result<Signed<Consent>, NotSigned> {
    let mut fault = NotSigned::Form;
    for key in &officer.keys {
        match Signed::verify(bytes, key) {
            Ok(signed) => return Ok(signed),
            Err(e) => fault = e,
        }
    }
    Err(fault)
}
