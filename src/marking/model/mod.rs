//! The data model: what a marking holds once it has been read, and the words that it is made of. Levels, controls, codes,
//! SCI systems and CUI categories go in; [`Marking`] comes out, small, comparable and independent of any register.
//!
//! Nothing here reads text or decides. A `Marking` is made only by the parser and by roll-up, so that every one of them was
//! valid under the rules that made it.

mod level;
mod control;
mod code;
mod sci;
mod document_date;
mod profile;
pub(super) mod cui;
mod marking;

pub use code::{Code, CodeList};
pub use control::{Category, Control, ControlSet};
pub(super) use cui::Cui;
pub use document_date::DocumentDate;
pub use level::Level;
pub(super) use marking::trees;
pub use marking::{CONCEALED, Marking, System, Tree};
pub use profile::Profile;
pub(super) use sci::SciSystem;
