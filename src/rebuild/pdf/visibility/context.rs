//! State that is shared by the pages of one document: thresholds, the budget, and caches of glyphs and images.

use super::rasterize::Scratch;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::budget::Budget;
use super::glyph::{Measure, letter};
use super::glyph_mask::GlyphMaskCache;
use super::pixels::Blocks;
use crate::rebuild::Limits;
use crate::rebuild::pdf::font::Font;
use crate::rebuild::pdf::geometry::Step;

/// Thresholds of visibility.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thresholds {
    /// Minimum contrast ratio of a glyph with its surroundings.
    pub contrast: f32,
    /// Minimum font size, in points.
    pub letter_points: f64,
    /// Maximum pixels of an image for each point.
    pub pixels_per_point: f64,
}

/// State that is shared by the pages of a document.
pub(in crate::rebuild::pdf) struct Context {
    pub(super) thresholds: Thresholds,
    pub budget: Budget,
    /// Measurements of standard fonts' glyphs, by the index of the font in the document and the code.
    plain: BTreeMap<(usize, u8), Option<Measure>>,
    /// Colours of images with text on them, by image index.
    pub(super) blocks: BTreeMap<usize, Rc<Blocks>>,
    pub(super) glyph_masks: GlyphMaskCache,
    pub(super) scratch: Scratch,
}

impl Context {
    /// Returns the state for a file of `bytes` bytes; `draws` says whether its pages are also rendered.
    pub fn new(limits: &Limits, bytes: usize, draws: bool) -> Context {
        let thresholds = Thresholds {
            contrast: limits.pdf_contrast as f32 / 100.0,
            letter_points: f64::from(limits.pdf_letter_points),
            pixels_per_point: f64::from(limits.pdf_pixels_per_point),
        };
        let (plain, blocks) = (BTreeMap::new(), BTreeMap::new());
        let (glyph_masks, scratch) = (GlyphMaskCache::default(), Scratch::default());
        Context { thresholds, budget: Budget::of(bytes, draws), plain, blocks, glyph_masks, scratch }
    }

    /// Returns the measurements of a glyph of the standard font with this index; `None` if it has no glyph of this
    /// code.
    pub fn plain(&mut self, fonts: &[Font], font: usize, code: u8) -> Option<Measure> {
        *self.plain.entry((font, code)).or_insert_with(|| {
            let (width, steps) = letter(fonts, font, code)?;
            let mut bounds: Option<[f64; 4]> = None;
            let mut add = |x: f64, y: f64| {
                let [x0, y0, x1, y1] = bounds.unwrap_or([x, y, x, y]);
                bounds = Some([x0.min(x), y0.min(y), x1.max(x), y1.max(y)]);
            };
            for step in &steps {
                match *step {
                    Step::To([x, y]) | Step::Line([x, y]) => add(x, y),
                    Step::Curve([a, b, c, d, e, f]) => {
                        [(a, b), (c, d), (e, f)].into_iter().for_each(|(x, y)| add(x, y))
                    }
                    Step::Close => {}
                }
            }
            Some(Measure { width, bounds })
        })
    }
}
