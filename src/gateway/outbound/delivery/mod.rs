//! Delivery attempts: due exchanges, the two gates, the attempt, its outcome, and stopping.
//!
//! In come queued exchanges; out go envelopes and recorded receipts. It refuses whatever is not permitted at the
//! gate.

pub(in crate::gateway) mod allowance;
pub(in crate::gateway) mod gates;
pub(in crate::gateway) mod attempt;
pub(in crate::gateway) mod outcome;
pub(in crate::gateway) mod receipt;
pub(in crate::gateway) mod stopped;
pub(in crate::gateway) mod hold;
pub(in crate::gateway) mod stopping;
