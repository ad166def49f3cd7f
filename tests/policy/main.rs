//! The rules: what they decide, what must hold of them, and that they share no code with the marking engine.

mod cases;
mod facts;
mod independent;
mod never;
mod obligations;
