//! A narrow subset of PDF (ISO 32000-1): pages of text in the twelve standard text fonts, lines, filled areas and
//! images, and embedded fonts where the operator permits them. The content is interpreted, and a new file is written
//! from what a reader of the page sees.
//!
//! The input is a file. The output is a plain PDF 1.4, its text in reading order, and images of its pages for officers.
//!
//! Everything else is refused: scripts and actions, embedded files, forms, encryption, layers, glyphs that the file
//! does not map to text, invisible text, and bytes that belong to no object.

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

use super::{DrawLimits, Fault, Limits, PageImages, Rebuilt, Task};
/// Interprets the file, and writes a new one where `task` is to rebuild.
///
/// # Errors
/// A [`Fault`] with a `pdf.*` or `image.*` code.
pub(super) fn rebuild(bytes: &[u8], task: Task, limits: &Limits) -> Result<Rebuilt, Fault> {
    let file = file::File::read(bytes, limits)?;
    let document = document::Document::read((&file, bytes.len()), task, limits, None)?;
    Ok(Rebuilt { bytes: write::write(&document), text: document.text(), dropped: document.dropped })
}

/// Renders the pages of a file as PNG images, from the first page up to the limits in `bounds`.
///
/// # Errors
/// A [`Fault`] as for [`rebuild`].
pub(super) fn draw(bytes: &[u8], limits: &Limits, bounds: DrawLimits) -> Result<PageImages, Fault> {
    let file = file::File::read(bytes, limits)?;
    let document = document::Document::read((&file, bytes.len()), Task::Examine, limits, Some(bounds))?;
    Ok(PageImages { pages: document.pages.len(), drawn: document.drawn })
}

#[cfg(test)]
pub(super) mod tests;
