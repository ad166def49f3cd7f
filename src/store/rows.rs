//! The other rows: node, partners, officers, requests, approvals, settings.

use std::collections::BTreeSet;

use super::SpoolId;
use super::exchange::words;
use crate::approval::{Aims, Declared};
use crate::digest::Digest;
use crate::envelope::Precedence;
use crate::ident::{ExchangeId, NodeId, OfficerId, PartnerId, RequestId};
use crate::ledger::LedgerKey;
use crate::sign::PublicKey;
use crate::time::Time;

/// What is compared when a row is written: it moves with every write, so a row that was changed since it was read is
/// never overwritten.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub(super) u64);

impl Version {
    /// Of a row that is not stored yet.
    pub const NEW: Version = Version(0);

    /// What it is after the next write.
    #[must_use]
    pub fn next(self) -> Version {
        Version(self.0.saturating_add(1))
    }
}

/// The node a store belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// The key that signs its ledger.
    pub ledger_key: LedgerKey,
    /// When the store was made.
    pub created: Time,
    /// The latest time in any ledger entry: a clock that shows much less has been set back.
    pub clock_high: Time,
}

words! {
    /// Whether anything may flow to or from a partner.
    PartnerState {
        /// It may, as agreed.
        Active = "active",
        /// Nothing may.
        Suspended = "suspended",
        /// Nothing may, and it is enrolled no more. Its keys stay its own.
        Removed = "removed",
    }
}

/// A partner as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partner {
    /// Its name.
    pub id: PartnerId,
    /// Whether anything may flow.
    pub state: PartnerState,
    /// Its description: certificates, recipients, keys, addresses.
    pub description: Vec<u8>,
    /// The agreement with it.
    pub agreement: Vec<u8>,
    /// Its current certificate revocation list; empty if none was given.
    pub crl: Vec<u8>,
    /// When it was enrolled. Never changes.
    pub added: Time,
    /// When it was last changed.
    pub changed: Time,
    /// What is compared when it is written.
    pub version: Version,
}

words! {
    /// Whether an officer's approvals count.
    OfficerState {
        /// They do, until `valid_until`.
        Active = "active",
        /// They do not, also those given before. Final.
        Revoked = "revoked",
    }
}

/// An officer as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Officer {
    /// Their short name.
    pub id: OfficerId,
    /// Their name in full.
    pub name: String,
    /// The key their approvals are signed with; of several, the one certified last. No two officers have the same.
    pub public_key: PublicKey,
    /// The certificates of their keys, PEM; what counts of an officer is read from these.
    pub certificates: Vec<u8>,
    /// What they may do.
    pub roles: BTreeSet<String>,
    /// Whether their approvals count.
    pub state: OfficerState,
    /// When they were enrolled. Never changes.
    pub added: Time,
    /// When the row was last changed.
    pub changed: Time,
    /// After when their approvals no longer count.
    pub valid_until: Time,
    /// Of which other records it is the same person's, and of which not.
    pub declared: Declared,
    /// What is compared when it is written.
    pub version: Version,
}

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
    pub(super) fn fault(&self, before: Option<&Request>) -> Option<String> {
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

/// A named value that all processes on the store share, such as the digest of the policy in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Its name: 1 to 32 of `a-z`, `0-9`, `-`, `_` and `.`.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
    /// When it was last changed.
    pub changed: Time,
    /// What is compared when it is written.
    pub version: Version,
}
