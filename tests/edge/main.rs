//! Listeners and links over real QUIC on loopback: what is delivered, limited and refused.
//! Tests that measure memory are in `tests/edge_flood.rs`.

mod exchange;
mod fairness;
mod foreign_peer;
mod precedence;
mod refusals;
mod silent_strangers;

#[path = "../support/not_run.rs"]
mod not_run;
#[path = "../support/edge.rs"]
mod support;
