//! The rows of a request to release a product, of its approvals, and of signed statements about it.

use super::Version;
use super::words::words;
use crate::approval::Aims;
use crate::digest::Digest;
use crate::envelope::Precedence;
use crate::ident::{ExchangeId, OfficerId, RequestId};
use crate::store::spool::SpoolId;
use crate::time::Time;

words! {
    /// The state of a request.
    RequestState {
        /// Waits for approvals.
        Open = "open",
        /// Has its approvals.
        Approved = "approved",
        /// An officer or policy refused it. Final.
        Refused = "refused",
        /// Expired. Final.
        Expired = "expired",
        /// Withdrawn. Final.
        Cancelled = "cancelled",
    }
}

/// A request to release one product. Only its state changes: another cut is another request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Its identifier.
    pub id: RequestId,
    /// Digest of the product as submitted.
    pub product_digest: Digest,
    /// Identifier of the product, as its producer gave it.
    pub product_id: String,
    /// The spool file of the product, sealed at rest.
    pub product: Option<SpoolId>,
    /// Who submitted it.
    pub submitter: String,
    /// The purpose of the release.
    pub purpose: String,
    /// The legal or policy basis.
    pub basis: String,
    /// Its precedence.
    pub precedence: Precedence,
    /// The time after which it must not be approved.
    pub expires: Time,
    /// When it was submitted.
    pub created: Time,
    /// The request whose product this one replaces.
    pub supersedes: Option<RequestId>,
    /// The objectives that it serves.
    pub aims: Aims,
    /// Its state.
    pub state: RequestState,
    /// Why it was refused. Never leaves this node.
    pub reason: Option<String>,
    /// The version, compared when it is written.
    pub version: Version,
}

impl Request {
    /// Returns which rule forbids that this row replaces `before`, if one does.
    pub(in crate::store) fn fault(&self, before: Option<&Request>) -> Option<String> {
        use RequestState as S;
        let Some(before) = before else {
            return (self.state != S::Open).then(|| "a new request must be `open`".to_owned());
        };
        let allowed = match before.state {
            S::Open => true,
            S::Approved => self.state != S::Open,
            S::Refused | S::Expired | S::Cancelled => self.state == before.state,
        };
        if !allowed {
            return Some(format!("a request cannot go from `{}` to `{}`", before.state, self.state));
        }
        let fixed = Request {
            state: before.state,
            reason: before.reason.clone(),
            product: before.product,
            version: before.version,
            ..self.clone()
        };
        (fixed != *before).then(|| "a request never changes: submit another".to_owned())
    }
}

/// One officer's approval of one exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// The request.
    pub request: RequestId,
    /// The exchange: the request's cut for one partner.
    pub exchange: ExchangeId,
    /// Who approved.
    pub officer: OfficerId,
    /// The signed statement.
    pub statement: Vec<u8>,
    /// When it was given.
    pub given: Time,
}

words! {
    /// The kind of a signed statement.
    StatementKind {
        /// A product is to be released to partners on the terms of a request.
        Submission = "submission",
        /// A request is refused, with the reason.
        Refusal = "refusal",
        /// What left for a request or an exchange is recalled.
        Recall = "recall",
    }
}

/// A signed statement other than an approval: at most one of a kind about a subject, never changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The identifier of the request or exchange it is about.
    pub subject: String,
    /// Its kind.
    pub kind: StatementKind,
    /// Who signed it.
    pub signer: OfficerId,
    /// The signed statement.
    pub bytes: Vec<u8>,
    /// When it was given.
    pub given: Time,
}
