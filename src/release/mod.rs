//! The release decision. [`decide()`] is the only maker of a [`Release`], without which nothing is sealed, and of a
//! [`SendPermit`], without which nothing is offered to a partner; it returns every reason, not the first.
//!
//! It refuses unless two checks that share no code both permit: the policy's rules, and the marking engine with the
//! checks made here. Where the two disagree it refuses and raises the alarm, whichever of them said yes.

mod decide;
mod decision;
mod exclusions;
mod native;
mod permit;
mod suppose;

pub use decide::{Evidence, Proposal, decide};
pub use decision::{Decision, Outcome, Reason, Source};
pub use exclusions::never_passes;
pub use native::not_yet;
pub use permit::{Record, Release, SendPermit};
pub use suppose::{Foreseen, Supposed, foresee, suppose};

pub use crate::policy::Stage;
