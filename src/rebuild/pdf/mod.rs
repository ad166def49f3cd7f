//! PDF, of which a narrow subset is read: pages of words in the twelve standard fonts, lines, filled areas and images, and
//! embedded fonts where the operator permits them. All of it is interpreted, and a new file is written from what a reader
//! of the page sees.
//!
//! In comes a file; out go a plain PDF 1.4, its text in reading order, and pictures of its pages for officers.
//!
//! It refuses everything else: scripts and actions, embedded files, forms, encryption, layers, letters that the file does
//! not map to text, invisible words, and bytes that belong to no object.

mod geometry;
mod colour;
mod file;
mod standard_fonts;
mod print;
mod font;
mod image;
mod visibility;
mod reading_order;
mod content;
mod document;
mod write;

use super::{Drawn, Fault, Limits, Pictures, Rebuilt, Task};
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
