//! Confusable text (Unicode Technical Standard 39): what a reader would take a text for, whatever its case, spacing, accents
//! and look-alikes.
//!
//! In come texts, and words or tokens that must not stand in them; out comes whether they do. [`Folded`] is a text in
//! comparable form, [`Readings`] a text in every way to read it, [`Tokens`] a search that keeps nothing of the text. The
//! room does not know why a word is looked for, and refuses to guess at meaning.

mod lookalikes;
mod character;
mod cache;
pub mod folded;
mod folding;
pub mod readings;
mod pattern;
mod automaton;
pub mod search;

pub use folded::Folded;
pub(crate) use lookalikes::is_phrase;
pub use readings::{Readings, Way, Ways, spellings};
pub use search::{Search, Tokens};
