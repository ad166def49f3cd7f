//! Hypothetical decisions: what would be decided if approvals on file named another policy (what-if), and what will stand in
//! the way of a cut before anybody has submitted or approved it (forecast). Both run the real decision on other grounds.

use super::decide::{Grounds, decide_on};
use super::decision::{Reason, Source};
use super::lattice::Engine;
use super::proposal::Proposal;
use crate::digest::Digest;
use crate::policy::{About, Stage};

/// What would be decided. It permits nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// Whether it would be permitted.
    pub permits: bool,
    /// Every reason: those against it, or if there are none those for it.
    pub reasons: Vec<Reason>,
}

/// What stands in the way of a cut whoever approves it. It permits nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Reasons that no approval lifts: only another product, agreement, consent or policy does.
    pub against: Vec<Reason>,
    /// Reasons that end by themselves: a suspended partner, a clock in doubt.
    pub waits: Vec<Reason>,
    /// Whether the two checks disagreed, or policy failed. An operator must investigate.
    pub alarm: bool,
}

/// What [`decide`](super::decide()) would decide if approvals that name the policy and register `given_under` named the
/// proposal's own. Approvals void for any other reason stay void.
pub fn what_if(proposal: &Proposal<'_>, given_under: (Digest, Digest)) -> WhatIf {
    let decision =
        decide_on(proposal, &Engine { register: proposal.register }, Grounds { given_under, submitted: false });
    WhatIf { permits: decision.permits(), reasons: decision.reasons }
}

/// What [`decide`](super::decide()) would decide at [`Stage::Forecast`] if an authorised submitter had signed a submission on
/// exactly the proposal's terms.
pub fn forecast(proposal: &Proposal<'_>) -> Forecast {
    let asked = Proposal { stage: Stage::Forecast, approvals: &[], ..*proposal };
    let grounds = Grounds { submitted: true, ..Grounds::of(proposal) };
    let decision = decide_on(&asked, &Engine { register: proposal.register }, grounds);
    let about = |id: &str| proposal.policies.rule(id).map(|rule| rule.about);
    let ends_by_itself = |reason: &Reason| match reason.source {
        Source::Clock => true,
        Source::Agreement => reason.code == "SUSPENDED",
        Source::Policy => reason.code == "partner-suspended" || about(&reason.code) == Some(About::Clock),
        _ => false,
    };
    let against = decision.reasons.into_iter().filter(|reason| reason.against);
    let (waits, against) = against.partition(ends_by_itself);
    Forecast { against, waits, alarm: decision.alarm }
}
