//! Attempts to deliver: what is due, the two gates, the attempt, what became of it, and how it is stopped.
//!
//! In come queued exchanges; out go envelopes and records of receipts. It refuses whatever is not permitted at the gate.

pub(in crate::gateway) mod allowance;
pub(in crate::gateway) mod gates;
pub(in crate::gateway) mod attempt;
pub(in crate::gateway) mod outcome;
pub(in crate::gateway) mod receipt;
pub(in crate::gateway) mod stopped;
pub(in crate::gateway) mod hold;
pub(in crate::gateway) mod stopping;
