//! What an officer may order alone: refusals, recalls and admissions from quarantine. This is what they have in common: who
//! signed, whether that officer is in office and holds the role, and whether the statement counts here and now.

use std::time::Duration;

use crate::approval::signature::verify;
use crate::approval::{ContextFault, Officer, Officers, Role, Terms, VerificationContext};
use crate::ident::OfficerId;
use crate::sign::{Instance, NotSigned, PublicKey, Signed, Statement};
use crate::time::Time;

/// Why an officer's order does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthority {
    /// It is malformed, or not signed by the officer whom it names.
    #[error("{0}")]
    NotSigned(#[from] NotSigned),
    /// It does not count at this node or at this time.
    #[error("{0}")]
    Context(#[from] ContextFault),
    /// It is about something else.
    #[error(
        "the statement is for something else than what it was given for, or that has changed: review it and sign again"
    )]
    Other,
    /// No officer holds this key.
    #[error("no officer is enrolled with key `{key}`: see `officer list`")]
    UnknownKey {
        /// Short fingerprint of the key.
        key: String,
    },
    /// Nobody of that name is enrolled, or not with this key.
    #[error("no officer `{0}` is enrolled with this key: see `officer list`")]
    Unknown(OfficerId),
    /// The officer is revoked, not certified, or their certificate has ended.
    #[error("officer `{0}` is not in office: see `officer list`")]
    OutOfOffice(OfficerId),
    /// The officer does not hold the role that the statement gives.
    #[error("the officer does not hold the role `{0}`")]
    RoleNotHeld(Role),
    /// None of the officer's roles allows it.
    #[error("officer `{0}` may not do this: it takes a disclosure officer; the submitter may refuse their own request")]
    Role(OfficerId),
    /// The reason is empty, too long, or holds invisible characters.
    #[error("the reason must be 1 to {max} printable characters", max = Terms::TEXT_MAX)]
    Reason,
}

/// A statement by which one officer orders something.
pub(in crate::approval) trait Order: Statement {
    /// Who ordered it, when, and at which node.
    fn origin(&self) -> Origin<'_>;
}

/// Who ordered something, when, and at which node.
pub(in crate::approval) struct Origin<'s> {
    pub officer: &'s OfficerId,
    pub role: Role,
    pub given_at: Time,
    pub instance: Instance,
}

/// The order in `bytes` with the officer who signed it, who is in office and holds the role.
///
/// # Errors
/// [`NoAuthority`] with the first reason why it does not count.
pub(in crate::approval) fn signed_by_officer<'o, T: Order>(
    bytes: &[u8],
    here: &VerificationContext<'o>,
) -> Result<(Signed<T>, &'o Officer), NoAuthority> {
    // Only the name is taken from the unverified statement, to find the keys to verify it with.
    let claimed = Signed::<T>::peek(bytes)?.origin().officer.clone();
    let officer = here.officers.officer(&claimed).ok_or(NoAuthority::Unknown(claimed))?;
    let signed: Signed<T> = verify(bytes, &officer.keys, here.officers.verified())?;
    if !officer.in_office(here.now) {
        return Err(NoAuthority::OutOfOffice(officer.id.clone()));
    }
    let role = signed.statement().origin().role;
    if !officer.roles.contains(&role) {
        return Err(NoAuthority::RoleNotHeld(role));
    }
    Ok((signed, officer))
}

/// Whether an order counts at this node and now, if it counts for `life` from when it was given.
///
/// # Errors
/// [`NoAuthority::Context`].
pub(in crate::approval) fn in_context(
    order: &impl Order,
    officer: &Officer,
    life: Duration,
    here: &VerificationContext<'_>,
) -> Result<(), NoAuthority> {
    let Origin { given_at, instance, .. } = order.origin();
    Ok(here.first(instance, given_at, officer, life)?)
}

/// The officer in office who holds this key, and the role of theirs with most authority.
///
/// # Errors
/// [`NoAuthority::UnknownKey`] or [`NoAuthority::OutOfOffice`].
pub(in crate::approval) fn in_office<'o>(
    officers: &'o Officers,
    key: &PublicKey,
    now: Time,
) -> Result<(&'o Officer, Role), NoAuthority> {
    let stranger = || NoAuthority::UnknownKey { key: key.fingerprint().short() };
    let officer = officers.holder_of(key).ok_or_else(stranger)?;
    if !officer.in_office(now) {
        return Err(NoAuthority::OutOfOffice(officer.id.clone()));
    }
    Ok((officer, officer.strongest_role()))
}
