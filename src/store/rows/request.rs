//! The rows of a request to release a product, and of what was signed about it.

use super::Version;
use super::words::words;
use crate::approval::Aims;
use crate::digest::Digest;
use crate::envelope::Precedence;
use crate::ident::{ExchangeId, OfficerId, RequestId};
use crate::store::spool::SpoolId;
use crate::time::Time;

words! {
    /// Where a request is.
    RequestState {
        /// Waits for approvals.
        Open = "open",
        /// Has them.
        Approved = "approved",
        /// An officer or policy refused it. Final.
        Refused = "refused",
        /// Ran out. Final.
        Expired = "expired",
        /// Withdrawn. Final.
        Cancelled = "cancelled",
    }
}

/// A request to release one product, as stored. All but its state is fixed: another cut is another request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// Digest of the product as submitted.
    pub product_digest: Digest,
    /// Number of the product, as its producer gave it.
    pub product_id: String,
    /// Where the product is, sealed at rest.
    pub product: Option<SpoolId>,
    /// Who submitted it.
    pub submitter: String,
    /// Why it is to be released.
    pub purpose: String,
    /// The legal or policy basis.
    pub basis: String,
    /// How urgent it is.
    pub precedence: Precedence,
    /// After when it must not be approved.
    pub expires: Time,
    /// When it was submitted.
    pub created: Time,
    /// The request whose product this one replaces.
    pub supersedes: Option<RequestId>,
    /// What it is to serve.
    pub aims: Aims,
    /// Where it is.
    pub state: RequestState,
    /// Why it was refused. Ours only.
    pub reason: Option<String>,
    /// What is compared when it is written.
    pub version: Version,
}

impl Request {
    /// Which rule forbids this row to follow `before`, if one does.
    pub(in crate::store) fn fault(&self, before: Option<&Request>) -> Option<String> {
        use RequestState as S;
        let Some(before) = before else {
            return (self.state != S::Open).then(|| "a request begins `open`".to_owned());
        };
        let allowed = match before.state {
            S::Open => true,
            S::Approved => self.state != S::Open,
            S::Refused | S::Expired | S::Cancelled => self.state == before.state,
        };
        if !allowed {
            return Some(format!("a request does not go from `{}` to `{}`", before.state, self.state));
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

/// One officer's approval of one exchange, as stored.
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
    /// What somebody signed about a subject.
    StatementKind {
        /// That a product is to go to partners on the terms of a request.
        Submission = "submission",
        /// That a request is refused, and why.
        Refusal = "refusal",
        /// That what left for a request or an exchange is withdrawn.
        Recall = "recall",
    }
}

/// A signed statement besides approvals, as stored: one of a kind about a subject, never changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The number of the request or exchange it is about.
    pub subject: String,
    /// What it says.
    pub kind: StatementKind,
    /// Who signed it.
    pub signer: OfficerId,
    /// The signed statement.
    pub bytes: Vec<u8>,
    /// When it was given.
    pub given: Time,
}
