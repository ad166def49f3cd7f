//! Recognises marks as a reader would: anything in a text that a person would take for a classification or control
//! marking, wherever it is and however it is disguised.
//!
//! Input: text, at once or in blocks. Output: the marks in it, each with its place. It shares no code with the marking
//! engine, which accepts exact marks only, and does not decide whether a mark is allowed where it was found.

mod vocabulary;
mod compound;
mod cells;
mod escapes;
mod fold;
mod phrases;
mod words;
mod find;
mod text;
mod names;
mod scan;

pub(super) use self::escapes::decoded;
pub use self::find::MarkKind;
pub(super) use self::names::kind_of_name;
pub(super) use self::scan::{Found, Layout, Place, Scanner, all};
pub use self::text::{Mark, marks_in};
pub(super) use self::vocabulary::{Alone, alone};
