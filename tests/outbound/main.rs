//! The way out: when something is sent, what is decided again before it leaves, and what becomes of an attempt.

mod gates;
mod key_gate;
mod receipts;
mod redecision;
mod scheduling;
mod stale_decision;
mod stop;

#[path = "../support/machine.rs"]
mod machine;
#[path = "../support/moments.rs"]
mod moments;
#[path = "../support/partner.rs"]
mod partner;
#[path = "../support/mod.rs"]
mod support;
