//! What the source must be: the order of its modules, what each may name, and what may grow.

mod bounds;
mod modules;
mod rooms;

mod source;
