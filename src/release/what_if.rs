//! Hypothetical decisions: the decision if the recorded approvals named another policy (what-if), and the reasons against a cut
//! before it is submitted or approved (forecast). Both use the real decision with other assumptions.

use super::decide::{Grounds, decide_on};
use super::decision::{Reason, Source};
use super::decision_input::DecisionInput;
use super::lattice::Engine;
use crate::digest::Digest;
use crate::policy::{About, Stage};

/// A hypothetical decision. It permits nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// Whether it would be permitted.
    pub permits: bool,
    /// The reasons against the release; if there are none, the reasons for it.
    pub reasons: Vec<Reason>,
}

/// The reasons against a cut that are independent of its approvals. It permits nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Reasons that only another product, agreement, consent or policy can remove.
    pub against: Vec<Reason>,
    /// Temporary reasons: a suspended partner, a clock in doubt.
    pub waits: Vec<Reason>,
    /// Whether the two checks disagreed, or policy failed. An operator must investigate.
    pub alarm: bool,
}

/// Decides as [`decide`](super::decide()) would if approvals that name the policy and register with the digests `given_under` named
/// those of the proposal. Approvals that are void for any other reason stay void.
pub fn what_if(proposal: &DecisionInput<'_>, given_under: (Digest, Digest)) -> WhatIf {
    let decision =
        decide_on(proposal, &Engine { register: proposal.register }, Grounds { given_under, submitted: false });
    WhatIf { permits: decision.permits(), reasons: decision.reasons }
}

/// Decides as [`decide`](super::decide()) would at [`Stage::Forecast`] if an authorised submitter had signed a submission with exactly
/// the proposal's terms.
pub fn forecast(proposal: &DecisionInput<'_>) -> Forecast {
    let asked = DecisionInput { stage: Stage::Forecast, approvals: &[], ..*proposal };
    let grounds = Grounds { submitted: true, ..Grounds::of(proposal) };
    let decision = decide_on(&asked, &Engine { register: proposal.register }, grounds);
    let about = |id: &str| proposal.policies.rule(id).map(|rule| rule.about);
    let is_temporary = |reason: &Reason| match reason.source {
        Source::Clock => true,
        Source::Agreement => reason.code == "SUSPENDED",
        Source::Policy => reason.code == "partner-suspended" || about(&reason.code) == Some(About::Clock),
        _ => false,
    };
    let against = decision.reasons.into_iter().filter(|reason| reason.against);
    let (waits, against) = against.partition(is_temporary);
    Forecast { against, waits, alarm: decision.alarm }
}
