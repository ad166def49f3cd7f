//! The policy that is in force: its texts on record, what is loaded from them, and the checks that must hold before it is.
//!
//! In come the policy's texts; out goes one immutable set of rules. It refuses texts that do not load, whose cases fail or whose
//! proofs do not hold.

pub(in crate::gateway) mod rules;
pub(in crate::gateway) mod checks;
pub(in crate::gateway) mod active;
pub(in crate::gateway) mod settings;
