//! A cut for one partner, assembled and inspected, or the reasons why there is none.

use crate::cut::Cut;
use crate::gateway::views::exchange::ReasonView;
use crate::inspect::{Alteration, Inspected};
use crate::release::Evidence;

/// A cut for a partner, with the proof that it passed inspection.
pub(in crate::gateway) struct InspectedCut {
    pub cut: Cut,
    pub inspected: Inspected,
    /// How it differs from the producer's text.
    pub changes: Vec<Alteration>,
}

impl InspectedCut {
    /// The evidence for a decision that this cut is as described.
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence::Cut(&self.cut, Some(&self.inspected))
    }
}

/// Why there is no cut for a partner.
pub(in crate::gateway) struct NoCandidate(pub Vec<ReasonView>);
