//! `portcullis status`, `exchange` and `inbox`: what became of what was sent, and what partners sent.
//!
//! In come identifiers and filters; out go lists and details. Only `exchange` and `inbox take` change anything.

mod table;
mod watch;
pub(super) mod status;
pub(super) mod manual;
pub(super) mod inbox;
