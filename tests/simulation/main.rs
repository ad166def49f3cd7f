//! Simulations from seeds: several nodes under everything that can go wrong, and the protocol among enemies.

mod nodes;
mod protocol;

#[path = "../sim/mod.rs"]
mod sim;
#[path = "../support/mod.rs"]
mod support;
