//! The widths and outlines of glyphs in the document's fonts.

use crate::rebuild::pdf::font::Font;
use crate::rebuild::pdf::geometry::Step;
use crate::rebuild::pdf::standard_fonts::{self, StandardFont};

/// The advance width and the bounding box of a glyph, in thousandths of the font size.
#[derive(Clone, Copy, Debug)]
pub(in crate::rebuild::pdf) struct Measure {
    pub width: f64,
    pub bounds: Option<[f64; 4]>,
}

/// Returns the advance width and the outline of a glyph in the document's font with this index.
pub(super) fn letter(fonts: &[Font], font: usize, code: u8) -> Option<(f64, Vec<Step>)> {
    match fonts.get(font)? {
        Font::Standard(name, windows) => StandardFont::of(name)?.letter(standard_fonts::letter(code, *windows)?),
        Font::Type3(glyphs) => {
            let glyph = glyphs.iter().find(|glyph| glyph.code == code)?;
            Some((glyph.width, glyph.outline.steps()))
        }
    }
}
