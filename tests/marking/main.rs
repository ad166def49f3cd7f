//! Markings: read, validated, rolled up, compared and released, by the register and by published cases.

mod access;
mod cases;
mod diagnostic_codes;
mod commands;
mod cover;
mod hostile;
mod labels;
mod odni;
mod properties;
mod realworld;
mod register;
mod rollup;
mod rules;
mod typos;

#[path = "../support/classes.rs"]
mod classes;
