//! Cuts: the selection of the tearline, the assembly, and the display to people.

mod assemble;
mod explain;
mod properties;
mod select;

#[path = "../support/classes.rs"]
mod classes;
