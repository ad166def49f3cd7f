//! The one decision: what it permits, what it refuses, and second opinions on both.

mod approval_flips;
mod cui;
mod decide;
mod differential;
mod naive;

#[path = "../support/classes.rs"]
mod classes;
#[path = "../support/release.rs"]
mod support;
