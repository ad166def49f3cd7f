//! What would be decided on other grounds than there are: under a policy that is not the one the approvals on file name, or
//! before anybody has submitted or approved anything.

use super::decide::{Grounds, Proposal, weigh};
use super::decision::{Reason, Source};
use super::native::Engine;
use crate::digest::Digest;
use crate::policy::{About, Stage};

/// What would be decided. It is no decision: nothing can be sealed or sent on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supposed {
    /// Whether it would be permitted.
    pub permits: bool,
    /// Every reason: those against it, or if there are none those for it.
    pub reasons: Vec<Reason>,
}

/// What stands in the way of a cut whoever approves it. It is no decision either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Why it would never go: what no approval lifts, and nothing else but another product, agreement, consent or policy.
    pub against: Vec<Reason>,
    /// What it would wait for: a partner that is suspended, a clock in doubt.
    pub waits: Vec<Reason>,
    /// Whether the two checks disagreed, or policy failed. Somebody must look.
    pub alarm: bool,
}

/// Decides as [`decide`](super::decide()) does, on the same inputs by the same function, as if approvals that name the
/// policy and register `given_under` named the proposal's own. Approvals void by anything else stay void.
pub fn suppose(proposal: &Proposal<'_>, given_under: (Digest, Digest)) -> Supposed {
    let decision = weigh(proposal, &Engine { register: proposal.register }, Grounds { given_under, submitted: false });
    Supposed { permits: decision.permits(), reasons: decision.reasons }
}

/// Decides as [`decide`](super::decide()) does at a forecast, on the same inputs by the same function, as if somebody who may
/// had signed a submission on exactly the proposal's terms.
pub fn foresee(proposal: &Proposal<'_>) -> Foreseen {
    let asked = Proposal { stage: Stage::Forecast, approvals: &[], ..*proposal };
    let grounds = Grounds { submitted: true, ..Grounds::of(proposal) };
    let decision = weigh(&asked, &Engine { register: proposal.register }, grounds);
    let about = |id: &str| proposal.policies.rule(id).map(|rule| rule.about);
    let ends_by_itself = |reason: &Reason| match reason.source {
        Source::Clock => true,
        Source::Agreement => reason.code == "SUSPENDED",
        Source::Policy => reason.code == "partner-suspended" || about(&reason.code) == Some(About::Clock),
        _ => false,
    };
    let against = decision.reasons.into_iter().filter(|reason| reason.against);
    let (waits, against) = against.partition(ends_by_itself);
    Foreseen { against, waits, alarm: decision.alarm }
}
