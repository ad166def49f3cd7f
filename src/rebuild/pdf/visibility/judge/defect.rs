//! Defects of a letter, by its remaining ink and its contrast.

use super::contrast::Seen;
use super::remaining_ink::Left;
use super::{AROUND, LEFT};
use crate::rebuild::pdf::visibility::cells::Window;

/// The part of a letter's ink that is neither off the sheet nor cut away.
const INSIDE: f32 = 0.95;
/// The part of a letter that may lie on the ink of others; of an accent or a point, which may stand upon a letter.
const OVER: f32 = 0.15;
const OVER_POINT: f32 = 0.6;
/// As much ink of other letters, as a part of its own, may lie on it and closely around it.
const CLOSE: f32 = 0.25;
/// The least ink of a letter, and of a point or a sign, as a part of the square of its size.
const INK: f64 = 0.004;
const INK_POINT: f64 = 0.0008;

/// What is wrong with a letter; the worst first.
pub(super) enum Defect {
    Inkless,
    Outside,
    Covered,
    Colour,
    Image,
    Over,
}

impl Defect {
    pub fn told(&self) -> &'static str {
        match self {
            Defect::Inkless => "letters with little or no ink: remove them",
            Defect::Outside => "words outside the page or clipped: move them onto it, or remove them",
            Defect::Image => "words upon an image that they do not stand out from: put them beside it",
            Defect::Covered => "words covered by what is painted over them: remove them, or what covers them",
            Defect::Colour => {
                "words in the colour of what is beneath or around them, or too thin for it: give them one that stands out, \
                 or remove them"
            }
            Defect::Over => "overlapping words: print each once, in its own place",
        }
    }
}

/// Whether so many cells of ink are next to none, for a letter of this size.
pub(super) fn inkless(cells: f32, window: &Window, points: f64, spoken: bool) -> bool {
    let part = f64::from(cells) * window.across * window.up / (points * points);
    part < if spoken { INK } else { INK_POINT }
}

pub(super) fn defect(left: &Left, seen: &Seen, spoken: bool) -> Option<Defect> {
    if left.inside < INSIDE {
        return Some(Defect::Outside);
    }
    if spoken && left.left < LEFT {
        return Some(Defect::Covered);
    }
    if spoken && seen.around < AROUND {
        return Some(if seen.image > 0.1 { Defect::Image } else { Defect::Colour });
    }
    let over = if spoken { seen.over > OVER || seen.close > CLOSE } else { seen.over > OVER_POINT };
    over.then_some(Defect::Over)
}
