//! The commands: one file each. Every command parses its arguments, calls the library and turns the outcome into an
//! exit status.
//!
//! It decides nothing itself.

pub mod cut;
pub mod marking;
