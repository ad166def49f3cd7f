//! What the source must be: the order of its modules, what each may name, what may grow, and
//! that the documents say where things are.

mod bounds;
mod modules;
mod paths;
mod rooms;

mod source;
