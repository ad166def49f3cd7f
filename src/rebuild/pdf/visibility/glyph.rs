//! The widths and outlines of the fonts of a document.

use crate::rebuild::pdf::font::Font;
use crate::rebuild::pdf::geometry::Step;
use crate::rebuild::pdf::standard_fonts::{self, Standard};

/// How far a letter moves and around what it draws, in thousandths of its font's size.
#[derive(Clone, Copy, Debug)]
pub(in crate::rebuild::pdf) struct Measure {
    pub width: f64,
    pub bounds: Option<[f64; 4]>,
}

/// How far a letter of the document's font with this number moves, and what it draws.
pub(super) fn letter(fonts: &[Font], font: usize, code: u8) -> Option<(f64, Vec<Step>)> {
    match fonts.get(font)? {
        Font::Plain(name, windows) => Standard::of(name)?.letter(standard_fonts::letter(code, *windows)?),
        Font::Drawn(glyphs) => {
            let glyph = glyphs.iter().find(|glyph| glyph.code == code)?;
            Some((glyph.width, glyph.outline.steps()))
        }
    }
}
