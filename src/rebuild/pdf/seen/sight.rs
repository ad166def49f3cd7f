//! What is kept over the pages of one document while they are judged: what that may cost, what is asked for, and the
//! letters that were met.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::super::{Fault, Limits};
use super::super::font::Font;
use super::geometry::Step;
use super::pixels::Blocks;
use super::stamp::Stamps;
use super::standard::Standard;
use super::window::Scratch;

/// What is asked of what is on a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// How much a letter stands out from what is around it.
    pub contrast: f32,
    /// How large a letter is.
    pub letter_points: f64,
    /// How many pixels of an image a point has at most.
    pub pixels_per_point: f64,
}

/// What the judgement of a document may still cost, in steps of about one instruction.
pub(in super::super) struct Budget {
    left: u64,
}

/// Steps for each byte of the file, and the size that every file counts for at least: some 200 million for 64 KiB.
const STEPS_PER_BYTE: u64 = 3000;
const BYTES_MIN: u64 = 64 << 10;
/// Drawing pages is asked for by an officer, once, and may cost more.
const DRAWING: u64 = 8_000_000_000;

impl Budget {
    fn of(bytes: usize, draws: bool) -> Budget {
        let judging = (bytes as u64).max(BYTES_MIN).saturating_mul(STEPS_PER_BYTE);
        Budget { left: judging.saturating_add(if draws { DRAWING } else { 0 }) }
    }

    /// Takes `steps` off.
    ///
    /// # Errors
    /// `pdf.size` where there are not so many left.
    pub fn charge(&mut self, steps: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(steps as u64).ok_or_else(|| {
            Fault::new(
                "pdf.size",
                "more on the pages of a PDF than is read in a file of its size: split it, or leave out drawings of many parts",
            )
        })?;
        Ok(())
    }
}

/// How far a letter moves and around what it draws, in thousandths of its font's size.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Measure {
    pub width: f64,
    pub bounds: Option<[f64; 4]>,
}

/// What is kept over the pages of a document.
pub(in super::super) struct Sight {
    pub(super) asked: Asked,
    pub budget: Budget,
    /// Letters of the plain fonts, by the number of the font in the document and the code.
    plain: BTreeMap<(usize, u8), Option<Measure>>,
    /// Images that words stand upon, by their number.
    pub(super) blocks: BTreeMap<usize, Rc<Blocks>>,
    pub(super) stamps: Stamps,
    pub(super) scratch: Scratch,
}

impl Sight {
    /// For a file of so many bytes, whose pages are also drawn or not.
    pub fn new(limits: &Limits, bytes: usize, draws: bool) -> Sight {
        let asked = Asked {
            contrast: limits.pdf_contrast as f32 / 100.0,
            letter_points: f64::from(limits.pdf_letter_points),
            pixels_per_point: f64::from(limits.pdf_pixels_per_point),
        };
        let (plain, blocks) = (BTreeMap::new(), BTreeMap::new());
        let (stamps, scratch) = (Stamps::default(), Scratch::default());
        Sight { asked, budget: Budget::of(bytes, draws), plain, blocks, stamps, scratch }
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

/// How far a letter of the document's font with this number moves, and what it draws.
pub(super) fn letter(fonts: &[Font], font: usize, code: u8) -> Option<(f64, Vec<Step>)> {
    match fonts.get(font)? {
        Font::Plain(name, windows) => Standard::of(name)?.letter(super::super::plain::letter(code, *windows)?),
        Font::Drawn(glyphs) => {
            let glyph = glyphs.iter().find(|glyph| glyph.code == code)?;
            Some((glyph.width, glyph.outline.steps()))
        }
    }
}
