//! What would be decided under a policy that is not the one the approvals on file name.

use super::decide::{Proposal, weigh};
use super::decision::Reason;
use super::native::Engine;
use crate::digest::Digest;

/// What would be decided. It is no decision: nothing can be sealed or sent on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supposed {
    /// Whether it would be permitted.
    pub permits: bool,
    /// Every reason: those against it, or if there are none those for it.
    pub reasons: Vec<Reason>,
}

/// Decides as [`decide`](super::decide()) does, on the same inputs by the same function, as if approvals that name the
/// policy and register `given_under` named the proposal's own. Approvals void by anything else stay void.
pub fn suppose(proposal: &Proposal<'_>, given_under: (Digest, Digest)) -> Supposed {
    let decision = weigh(proposal, &Engine { register: proposal.register }, given_under);
    Supposed { permits: decision.permits(), reasons: decision.reasons }
}
