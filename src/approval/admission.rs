//! An officer's signed word that one product from quarantine may be read after all.

use minicbor::{Decode, Encode};

use super::statement::{cbor_time, is_plain};
use super::{Officers, Role};
use crate::digest::Digest;
use crate::ident::{ExchangeId, OfficerId};
use crate::sign::{NotSigned, PublicKey, Signed, Statement};
use crate::time::Time;

/// How long a statement may be under way from its signature to the node, in milliseconds.
const UNDER_WAY_MS_MAX: i64 = 60 * 60 * 1000;

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
    /// It is dated after now or too long ago.
    #[error("the statement is dated {given_at}, and it is {now}: sign anew, and check both clocks")]
    Date {
        /// The date it bears.
        given_at: Time,
        /// The node's time.
        now: Time,
    },
}

impl Admission {
    /// Checks that `bytes` are an admission of exactly `what`, signed with `key` by an officer who may, at `now`.
    ///
    /// # Errors
    /// [`NotAdmitted`] with the first reason why it does not count.
    pub fn verify(
        bytes: &[u8],
        key: &PublicKey,
        what: &Quarantined,
        officers: &Officers,
        now: Time,
    ) -> Result<Signed<Admission>, NotAdmitted> {
        let signed = Signed::<Admission>::verify(bytes, key)?;
        let said = signed.statement();
        let officer = officers.iter().find(|o| o.id == said.officer && o.keys.contains(key));
        let officer = officer.ok_or(NotAdmitted::UnknownOfficer)?;
        if !officer.in_office(now) {
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
        let age = now.unix_ms() - said.given_at.unix_ms();
        if !(0..=UNDER_WAY_MS_MAX).contains(&age) {
            return Err(NotAdmitted::Date { given_at: said.given_at, now });
        }
        Ok(signed)
    }
}
