//! State kept over the pages of one document: thresholds, the budget, and caches of glyphs and images.

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

/// What is asked of what is on a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thresholds {
    /// How much a letter stands out from what is around it.
    pub contrast: f32,
    /// How large a letter is.
    pub letter_points: f64,
    /// How many pixels of an image a point has at most.
    pub pixels_per_point: f64,
}

/// What is kept over the pages of a document.
pub(in crate::rebuild::pdf) struct Context {
    pub(super) asked: Thresholds,
    pub budget: Budget,
    /// Letters of the plain fonts, by the number of the font in the document and the code.
    plain: BTreeMap<(usize, u8), Option<Measure>>,
    /// Images that words stand upon, by their number.
    pub(super) blocks: BTreeMap<usize, Rc<Blocks>>,
    pub(super) stamps: GlyphMaskCache,
    pub(super) scratch: Scratch,
}

impl Context {
    /// For a file of so many bytes, whose pages are also drawn or not.
    pub fn new(limits: &Limits, bytes: usize, draws: bool) -> Context {
        let asked = Thresholds {
            contrast: limits.pdf_contrast as f32 / 100.0,
            letter_points: f64::from(limits.pdf_letter_points),
            pixels_per_point: f64::from(limits.pdf_pixels_per_point),
        };
        let (plain, blocks) = (BTreeMap::new(), BTreeMap::new());
        let (stamps, scratch) = (GlyphMaskCache::default(), Scratch::default());
        Context { asked, budget: Budget::of(bytes, draws), plain, blocks, stamps, scratch }
    }

    /// A letter of the plain font with this number; `None` where the font has none of this code.
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
