//! PDF, of which only a narrow kind is read: pages of words in the twelve plain fonts that every reader has, lines, filled
//! areas and images, and embedded fonts where the operator lets them pass. All of it is interpreted, and a new file is
//! written from what a reader of the page would see.
//!
//! It refuses everything else: scripts and actions, embedded files, forms, encryption, layers, letters of which the file
//! does not say what they are, words that are there and not to be seen, and bytes that belong to nothing.

mod content;
mod document;
mod file;
mod font;
mod image;
mod ink;
mod plain;
mod reading;
mod resources;
mod seen;
mod words;
mod write;

use minicbor::{Decode, Encode};

use super::{Drawn, Fault, Limits, Pictures, Rebuilt, Task};
use file::{object, refused};

/// Which fonts of a PDF are passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum PdfFonts {
    /// The twelve that every reader has.
    #[default]
    #[n(0)]
    Plain,
    /// Embedded ones as well, as drawings of the letters that the file says they are.
    #[n(1)]
    Mapped,
}

/// Interprets the file and writes it anew.
pub(super) fn rebuild(bytes: &[u8], task: Task, limits: &Limits) -> Result<Rebuilt, Fault> {
    let file = file::File::read(bytes, limits)?;
    let document = document::Document::read((&file, bytes.len()), task, limits, None)?;
    Ok(Rebuilt { bytes: write::write(&document), text: document.text(), dropped: document.dropped })
}

/// Draws the pages of a file, from the first one up to what `bounds` allow.
pub(super) fn draw(bytes: &[u8], limits: &Limits, bounds: Drawn) -> Result<Pictures, Fault> {
    let file = file::File::read(bytes, limits)?;
    let document = document::Document::read((&file, bytes.len()), Task::Examine, limits, Some(bounds))?;
    Ok(Pictures { pages: document.pages.len(), drawn: document.drawn })
}

#[cfg(test)]
pub(super) mod tests;
