//! Approvals: officers' signed statements over the exact cuts that a request would release, and the count of them.
//! An approval binds bytes, marking, partners, their agreements, purpose, basis, expiry, policy and register; change one
//! and it is void. Producers sign what they submit, and a release rests on that statement too. The people who approve
//! also admit what a partner sent from quarantine, one product and one list of findings at a time.
//!
//! It refuses to decide anything: how many votes of which roles are enough is for policy and for `release`. It never
//! counts a person twice, whatever keys and records they hold, and never counts whoever submitted or originated what is
//! approved; and never counts a statement at another node than the one it was signed for, or later than it was meant to.

mod admission;
mod given;
mod names;
mod officer;
mod order;
mod persons;
mod quorum;
mod received;
mod statement;
mod submission;

pub use admission::{Admission, NotAdmitted, Quarantined};
pub use given::{Here, LIFE_MAX, Misplaced, SKEW_MAX};
pub use officer::{Declared, NotARole, Officer, OfficerState, Officers, OfficersFault, Role};
pub use order::{NoAuthority, RecallOrder, Refusal};
pub use persons::{Named, namesake};
pub use quorum::{Subject, Tally, VoidApproval, VoidReason, Vote, count};
pub use received::Received;
pub use statement::{Aims, Approval, CutFor, Enrolment, Outline, Terms, TermsFault};
pub use submission::{NotSubmitted, Submission, Submitted};
