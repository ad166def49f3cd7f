//! The result of a decision: its outcome, and every reason for or against it.

use std::fmt;

use super::permit::{Release, SendPermit};
use crate::approval::{VoidApproval, Vote};
use crate::digest::Digest;
use crate::policy::Stage;
use crate::time::Time;

/// A decision, with every reason.
#[derive(Debug)]
pub struct Decision {
    /// What it permits.
    pub outcome: Outcome,
    /// The stage it was taken at.
    pub stage: Stage,
    /// The reasons against the release; if there are none, the reasons for it.
    pub reasons: Vec<Reason>,
    /// Whether the two checks disagreed, or policy failed. An operator must investigate.
    pub alarm: bool,
    /// The approvals that count.
    pub votes: Vec<Vote>,
    /// The approvals that do not count, each with every reason.
    pub void: Vec<VoidApproval>,
    /// Digest of the policy.
    pub policy_digest: Digest,
    /// Digest of the marking register.
    pub register_digest: Digest,
    /// When it was taken.
    pub at: Time,
}

/// What a decision permits.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Refuse,
    /// Nothing yet: at [`Stage::Forecast`], only the approvals are missing.
    Forecast,
    /// At [`Stage::Approve`]: the cut may be sealed.
    Release(Box<Release>),
    /// At [`Stage::Send`]: the sealed payload may be sent.
    Send(Box<SendPermit>),
}

/// One reason for or against a release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// The check that it comes from.
    pub source: Source,
    /// A stable code: the ID of a policy rule, or a code of the native checks.
    pub code: String,
    /// A sentence for people. It quotes no content of the product.
    pub sentence: String,
    /// Whether it is against the release.
    pub against: bool,
}

/// The check that a reason comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A rule of policy.
    Policy,
    /// The marking engine.
    Lattice,
    /// An exclusion that no policy can lift.
    Exclusion,
    /// The approvals.
    Approval,
    /// The agreement and the partner's standing.
    Agreement,
    /// The consents of sources.
    Consent,
    /// The terms of the request.
    Request,
    /// The content filters, or the evidence of what the cut is.
    Inspection,
    /// The clock.
    Clock,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Policy => "policy",
            Source::Lattice => "markings",
            Source::Exclusion => "exclusion",
            Source::Approval => "approval",
            Source::Agreement => "agreement",
            Source::Consent => "consent",
            Source::Request => "request",
            Source::Inspection => "inspection",
            Source::Clock => "clock",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.against { "refuses" } else { "permits" };
        write!(f, "{} {verb} [{}]: {}", self.source, self.code, self.sentence)
    }
}

impl Reason {
    pub(super) fn against(source: Source, code: &str, sentence: &str) -> Reason {
        Reason { source, code: code.into(), sentence: sentence.into(), against: true }
    }

    pub(super) fn pro(source: Source, code: &str, sentence: &str) -> Reason {
        Reason { source, code: code.into(), sentence: sentence.into(), against: false }
    }
}

impl Decision {
    /// Whether anything is permitted or, at [`Stage::Forecast`], would be once approved.
    pub fn permits(&self) -> bool {
        self.outcome != Outcome::Refuse
    }

    /// The release, if the decision permits one.
    ///
    /// # Errors
    /// The reasons, if it does not.
    pub fn release(self) -> Result<Release, Vec<Reason>> {
        match self.outcome {
            Outcome::Release(release) => Ok(*release),
            _ => Err(self.reasons),
        }
    }

    /// The permission to send, if the decision grants it.
    ///
    /// # Errors
    /// The reasons, if it does not.
    pub fn send(self) -> Result<SendPermit, Vec<Reason>> {
        match self.outcome {
            Outcome::Send(permit) => Ok(*permit),
            _ => Err(self.reasons),
        }
    }
}
