//! What could go to one partner, assembled and inspected, or why nothing could.

use crate::cut::Cut;
use crate::gateway::views::exchange::ReasonView;
use crate::inspect::{Change, Inspected};
use crate::release::Evidence;

/// A cut that could go to a partner, with what shows that it passed inspection.
pub(in crate::gateway) struct Candidate {
    pub cut: Cut,
    pub inspected: Inspected,
    /// What differs from what the producer wrote.
    pub changes: Vec<Change>,
}

impl Candidate {
    /// What shows a decision that this cut is what it is described as.
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence::Cut(&self.cut, Some(&self.inspected))
    }
}

/// Why there is nothing that could go to a partner.
pub(in crate::gateway) struct NoCandidate(pub Vec<ReasonView>);
