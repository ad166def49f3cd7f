//! Who submits, reviews, approves and refuses, and what of it counts.

mod approvals;
mod certificates;
mod identity;
mod review;

#[path = "../support/mod.rs"]
mod support;
