//! Views of a what-if comparison of two policies.

use super::exchange::ReasonView;
use crate::digest::Digest;
use serde::Serialize;

/// The recorded exchanges that two policies decide differently.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyDiff {
    /// SHA-256 of the texts of the first policy.
    pub old: Digest,
    /// SHA-256 of the texts of the second policy.
    pub new: Digest,
    /// Number of exchanges decided under both.
    pub compared: usize,
    /// Number of exchanges that could not be, because their data is no longer stored.
    pub not_comparable: usize,
    /// Those that differ, newest first.
    pub differ: Vec<DecisionDifference>,
}

/// An exchange that two policies decide differently, or for other reasons.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionDifference {
    /// The exchange.
    pub exchange: String,
    /// The partner.
    pub partner: String,
    /// Its current state.
    pub state: String,
    /// Its marking.
    pub marking: String,
    /// The first policy's decision.
    pub old: PolicyVerdict,
    /// The second policy's decision.
    pub new: PolicyVerdict,
}

/// One policy's decision on an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyVerdict {
    /// Whether it permits it.
    pub permitted: bool,
    /// Why.
    pub reasons: Vec<ReasonView>,
}
