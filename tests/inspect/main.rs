//! The filters over a cut: what each stops, and what it lets pass.

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
