//! `portcullis status`, `exchange` and `inbox`: the state of exchanges, manual operations on them, and received products.
//!
//! In come identifiers and filters; out go lists and details. Only `exchange`, `inbox take` and `inbox quarantine release`
//! change anything.

mod table;
mod watch;
pub(super) mod status;
pub(super) mod manual;
pub(super) mod inbox;
