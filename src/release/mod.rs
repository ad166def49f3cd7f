//! The release decision. Only [`decide()`] creates a [`Release`], without which nothing is sealed, and a [`SendPermit`], without
//! which nothing is offered to a partner.
//!
//! In comes a [`DecisionInput`]: cut, partner, agreement, submission, approvals, consents, policy, marking register and time. Out
//! comes a [`Decision`] with every reason, not only the first.
//!
//! A release is refused unless two checks that share no code both permit it: the policy's rules, and the marking engine together
//! with the native conditions of this module. If the two disagree, it is refused with an alarm.

mod permit;
mod decision;
mod decision_input;
mod lattice;
mod exclusions;
mod conditions;
mod question;
mod decide;
mod what_if;

pub use self::conditions::{PEOPLE_MIN, not_yet, outside_agreement};
pub use decide::decide;
pub use decision::{Decision, Outcome, Reason, Source};
pub use decision_input::{DecisionInput, Evidence};
pub use exclusions::never_passes;
pub use permit::{Record, Release, SendPermit};
pub use what_if::{Forecast, WhatIf, forecast, what_if};

pub use crate::policy::Stage;
