//! What people sign: approvals of a release, submissions, refusals, recall orders and admissions from quarantine.
//!
//! In go signed bytes, what they must be about, the roster of officers, the node and the time. Out come verified
//! statements, and for approvals a [`Tally`] of valid votes with every reason why another one is void. An approval binds
//! bytes, marking, partners, their agreements, purpose, basis, expiry, policy and register; if one changes, it is void.
//!
//! It refuses to decide: how many votes of which roles are enough is for `policy` and `release`. It never counts a person
//! twice, whatever keys and records they hold, never counts whoever submitted or originated the product, and never counts a
//! statement at another node than it was signed for, or too late.

mod officers;
mod validity;
mod signature;
mod provenance;
mod outline;
mod terms;
mod orders;
mod statement;
mod quorum;
mod submission;

pub use self::officers::fault::OfficersFault;
pub use self::officers::identity::{NamedRecord, namesake};
pub use self::officers::officer::{Declared, Officer, OfficerState};
pub use self::officers::role::{Role, UnknownRole};
pub use self::officers::roster::Officers;
pub use self::orders::admission::{QuarantineAdmission, Quarantined};
pub use self::orders::order::NoAuthority;
pub use self::orders::recall::RecallOrder;
pub use self::orders::refusal::Refusal;
pub use outline::{CutFor, Enrolment, Outline};
pub use provenance::ReceivedContent;
pub use quorum::{Subject, Tally, VoidApproval, VoidReason, Vote, count};
pub use statement::Approval;
pub use submission::{NotSubmitted, Submission, Submitted};
pub use terms::{Aims, Terms, TermsFault};
pub use validity::{ContextFault, LIFE_MAX, SKEW_MAX, VerificationContext};
