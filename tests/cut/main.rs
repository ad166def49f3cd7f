//! What one partner would get: which tearline is selected, what is assembled of it, and what people are shown of it.

mod assemble;
mod explain;
mod properties;
mod select;

#[path = "../support/classes.rs"]
mod classes;
