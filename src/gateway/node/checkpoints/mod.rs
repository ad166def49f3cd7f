//! Checkpoints of our own ledger that are known outside the store: in files beside it, and to partners.
//!
//! In come signed checkpoints; out goes whether the store extends each of them. It refuses to work on an older copy.

pub(in crate::gateway) mod accepted;
pub(in crate::gateway) mod known;
pub(in crate::gateway) mod exchange;
