//! The defects of a glyph, determined from its remaining ink and its contrast.

use super::contrast::Prominence;
use super::remaining_ink::RemainingInk;
use super::{AROUND, LEFT};
use crate::rebuild::pdf::visibility::cells::Window;

/// Minimum fraction of a glyph's ink that is on the sheet and not clipped.
const INSIDE: f32 = 0.95;
/// Maximum fraction of a glyph that overlaps other ink; and of an accent or a point, which may touch a letter.
const OVER: f32 = 0.15;
const OVER_POINT: f32 = 0.6;
/// Maximum ink of other glyphs on it and closely around it, as a fraction of its own.
const CLOSE: f32 = 0.25;
/// Minimum ink of a letter, and of a point or symbol, as a fraction of the square of its size.
const INK: f64 = 0.004;
const INK_POINT: f64 = 0.0008;

/// A defect of a glyph, the most serious first.
pub(super) enum Defect {
    Inkless,
    Outside,
    Covered,
    Colour,
    Image,
    Over,
}

impl Defect {
    /// Returns the message for the fault.
    pub fn message(&self) -> &'static str {
        match self {
            Defect::Inkless => "letters with little or no ink: remove them",
            Defect::Outside => "words outside the page or clipped: move them onto it, or remove them",
            Defect::Image => "words with too little contrast to the image behind them: move them off the image",
            Defect::Covered => "words covered by later content: remove them, or what covers them",
            Defect::Colour => {
                "words that do not stand out from what is beneath or around them, or are too thin: use another colour, \
                 or remove them"
            }
            Defect::Over => "overlapping words: print each once, in its own place",
        }
    }
}

/// Whether this amount of ink, in cells, is negligible for a glyph of this size.
pub(super) fn inkless(cells: f32, window: &Window, points: f64, alphanumeric: bool) -> bool {
    let part = f64::from(cells) * window.across * window.up / (points * points);
    part < if alphanumeric { INK } else { INK_POINT }
}

/// Returns the most serious defect of a glyph; `alphanumeric` says whether it is a letter or a digit.
pub(super) fn defect(left: &RemainingInk, seen: &Prominence, alphanumeric: bool) -> Option<Defect> {
    if left.inside < INSIDE {
        return Some(Defect::Outside);
    }
    if alphanumeric && left.left < LEFT {
        return Some(Defect::Covered);
    }
    if alphanumeric && seen.around < AROUND {
        return Some(if seen.image > 0.1 { Defect::Image } else { Defect::Colour });
    }
    let over = if alphanumeric { seen.over > OVER || seen.close > CLOSE } else { seen.over > OVER_POINT };
    over.then_some(Defect::Over)
}
