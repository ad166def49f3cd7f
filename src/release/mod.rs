//! The release decision. [`decide()`] is the only maker of a [`Release`], without which nothing is sealed, and of a
//! [`SendPermit`], without which nothing is offered to a partner.
//!
//! In goes a [`Proposal`]: cut, partner, agreement, submission, approvals, consents, policy, marking register and time. Out
//! comes a [`Decision`] with every reason, not only the first.
//!
//! It refuses unless two checks that share no code both permit: the policy's rules, and the marking engine with the checks
//! made here. If the two disagree, it refuses and raises an alarm.

mod permit;
mod decision;
mod proposal;
mod lattice;
mod exclusions;
mod conditions;
mod question;
mod decide;
mod what_if;

pub use self::conditions::{PEOPLE_MIN, not_yet, outside_agreement};
pub use decide::decide;
pub use decision::{Decision, Outcome, Reason, Source};
pub use exclusions::never_passes;
pub use permit::{Record, Release, SendPermit};
pub use proposal::{Evidence, Proposal};
pub use what_if::{Forecast, WhatIf, forecast, what_if};

pub use crate::policy::Stage;
