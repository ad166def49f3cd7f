//! The text format (`docs/PRODUCT-FORMAT.md`): the canonical form of every product, and the one that is approved,
//! digested and sent.
//!
//! In come bytes; out come the parts of a product or a cut ([`Parts`]), every mark parsed and every rule checked, or every
//! fault with its place. [`print()`] writes a tearline as text. The reader refuses to repair: it does not guess what a
//! mark might have meant.

mod syntax;
mod lines;
mod portion_marks;
mod front_matter;
mod parts;
mod reader;
mod attachments;
mod tearline;
mod check;
mod read;
mod write;

pub(in crate::product) use attachments::{attachment_form, attachment_form_behind_mark};
pub(in crate::product) use front_matter::{Entry, FRONT_KEYS, HEAD_KEYS, entries, find, key_value, tidy};
pub(in crate::product) use lines::{Line, characters, lines};
pub(crate) use parts::{Form, Parts};
pub(in crate::product) use portion_marks::remedy;
pub(crate) use read::read_parts;
pub(crate) use syntax::is_delimiter;
pub(in crate::product) use syntax::{BEGIN, BODY_COLUMNS, DETACHED, END, looks_like_delimiter};
pub use syntax::{HYPHENS, SIGNATURE};
pub(in crate::product) use write::attachment;
pub(crate) use write::print;
