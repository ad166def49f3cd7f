//! The release decision: what it permits, what it refuses, and independent oracles for both.

mod approval_flips;
mod cui;
mod decide;
mod differential;
mod naive;

#[path = "../support/classes.rs"]
mod classes;
#[path = "../support/release.rs"]
mod support;
