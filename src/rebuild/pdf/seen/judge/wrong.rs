//! What is wrong with a letter, by what is left of it and by what is around it.

use super::super::window::Window;
use super::ground::Seen;
use super::left::Left;
use super::{AROUND, LEFT};

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
pub(super) enum Wrong {
    Inkless,
    Outside,
    Covered,
    Colour,
    Image,
    Over,
}

impl Wrong {
    pub fn told(&self) -> &'static str {
        match self {
            Wrong::Inkless => "letters that are not drawn, or next to nothing of them: remove them",
            Wrong::Outside => "words off the page, or cut away from it: move them onto it, or remove them",
            Wrong::Image => "words upon an image that they do not stand out from: put them beside it",
            Wrong::Covered => "words covered by what is painted over them: remove them, or what covers them",
            Wrong::Colour => {
                "words in the colour of what is beneath or around them, or too thin for it: give them one that stands out, \
                 or remove them"
            }
            Wrong::Over => "words printed over each other: print each once, in a place of its own",
        }
    }
}

/// Whether so many cells of ink are next to none, for a letter of this size.
pub(super) fn inkless(cells: f32, window: &Window, points: f64, spoken: bool) -> bool {
    let part = f64::from(cells) * window.across * window.up / (points * points);
    part < if spoken { INK } else { INK_POINT }
}

pub(super) fn wrong(left: &Left, seen: &Seen, spoken: bool) -> Option<Wrong> {
    if left.inside < INSIDE {
        return Some(Wrong::Outside);
    }
    if spoken && left.left < LEFT {
        return Some(Wrong::Covered);
    }
    if spoken && seen.around < AROUND {
        return Some(if seen.image > 0.1 { Wrong::Image } else { Wrong::Colour });
    }
    let over = if spoken { seen.over > OVER || seen.close > CLOSE } else { seen.over > OVER_POINT };
    over.then_some(Wrong::Over)
}
