//! PDF, of which only a narrow kind is read: pages of words in the twelve plain fonts that every reader has, lines, filled
//! areas and images. All of it is interpreted, and a new file is written from what a reader of the page would see.
//!
//! It refuses everything else: scripts and actions, embedded files, forms, encryption, layers, embedded fonts (nobody
//! can say which letter such a font draws), words that are there and not to be seen, and bytes that belong to nothing.

mod content;
mod document;
mod file;
mod object;
mod paint;
mod refused;
mod table;
mod unpack;
mod write;

use super::{Fault, Limits, Rebuilt, Task};

/// Interprets the file and writes it anew.
pub(super) fn rebuild(bytes: &[u8], task: Task, limits: &Limits) -> Result<Rebuilt, Fault> {
    let file = file::File::read(bytes, limits)?;
    let document = document::Document::read(&file, task, limits)?;
    Ok(Rebuilt { bytes: write::write(&document), text: document.text(), dropped: document.dropped })
}

#[cfg(test)]
pub(super) mod tests;
