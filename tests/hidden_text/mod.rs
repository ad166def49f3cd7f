//! Pages with words that are hidden, or to be seen, and what Poppler shows of them: what `scripts/soak hidden` runs at
//! length and `tests/rebuild/hidden_words.rs` in short.

#![allow(dead_code)] // Each that uses it uses another part.

pub mod case;
pub mod draw;
pub mod face;
pub mod judge;
pub mod means;
pub mod means_colour;
pub mod means_order;
pub mod order;
pub mod poppler;
pub mod run;
pub mod seen;
