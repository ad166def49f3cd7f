//! The filters over a cut: what each refuses, and what it passes.

mod canary;
mod corpus;
mod detached;
mod languages;
mod layers;
mod marks;
mod shared;
mod invisible;

#[path = "../support/inspect.rs"]
mod support;
#[path = "../support/vectors.rs"]
mod vectors;
