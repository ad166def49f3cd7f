//! The command line as its users meet it, and what ships with it.

mod deploy;
mod examples;
mod help;
mod interrupted;
mod progress;
mod serve;
mod tour;
mod node;
mod product;
mod product_check;
mod remedies;
mod status;
mod submit;

#[path = "../support/mod.rs"]
mod support;
