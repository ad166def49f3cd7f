//! Text runs: letters at their positions on a page, joined where one follows the other.

use super::bidi;

/// A glyph with ink, at its position.
pub(in crate::rebuild::pdf) struct Placed<'a> {
    /// The start and, below, end of its advance on the baseline, in points of the page.
    pub at: (f64, f64),
    pub end: (f64, f64),
    /// The direction of the baseline, as a unit vector.
    pub along: (f64, f64),
    /// The font size in points, along the baseline and across it.
    pub size: f64,
    pub height: f64,
    /// Red, green and blue.
    pub colour: [u8; 3],
    pub text: &'a str,
}

/// Letters of one style that follow each other on a baseline without gaps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub at: (f64, f64),
    pub end: (f64, f64),
    pub along: (f64, f64),
    pub size: f64,
    pub height: f64,
    /// The colour, rounded so that only clearly different colours differ.
    pub shade: [u8; 3],
    /// Its text, as a range of the text of all runs.
    text: (u32, u32),
    /// Number of characters.
    pub chars: u32,
    /// Whether a space is drawn after it.
    pub blank: bool,
}

/// The letters of a page, in drawing order.
#[derive(Default)]
pub(in crate::rebuild::pdf) struct Runs {
    pub(super) list: Vec<Run>,
    text: String,
    /// The position of a joiner whose following letter has not been drawn yet.
    joiner: Option<(f64, f64)>,
    /// The position of the first joiner that is not between letters that join.
    misplaced: Option<(f64, f64)>,
}

/// What separates two runs that are read one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    Nothing,
    Blank,
    Line,
}

/// Marks the absence of a run.
pub(super) const NONE: u32 = u32::MAX;

/// Minimum gap that counts as a space, relative to the font size.
const BLANK: f64 = 0.15;
/// Maximum gap between, and overlap of, the letters of one run, relative to the font size.
const APART: f64 = 0.08;
const KERNED: f64 = 0.25;
/// Maximum vertical offset of letters of one word, relative to the font size.
const LEVEL: f64 = 0.2;
/// Maximum vertical offset of the letter drawn next on the same line, in points.
const LEVEL_POINTS: f64 = 1.0;

/// Returns the dot product of two vectors.
pub(super) fn dot(a: (f64, f64), b: (f64, f64)) -> f64 {
    a.0 * b.0 + a.1 * b.1
}

/// Sets an item of a list by its index, if it exists.
pub(super) fn put<T>(list: &mut [T], number: u32, to: T) {
    if let Some(slot) = list.get_mut(number as usize) {
        *slot = to;
    }
}

impl Runs {
    /// Adds the next letter in drawing order.
    pub fn put(&mut self, letter: &Placed<'_>) {
        if let Some(at) = self.joiner.take()
            && !(self.text.ends_with(bidi::joins) && letter.text.starts_with(bidi::joins))
        {
            self.misplaced.get_or_insert(at);
        }
        let chars = letter.text.chars().count() as u32;
        let from = self.text.len() as u32;
        self.text.push_str(&bidi::visual_text(letter.text));
        let to = self.text.len() as u32;
        let Placed { at, end, along, size, height, .. } = *letter;
        let shade = letter.colour.map(|part| part >> 6);
        let run = Run { at, end, along, size, height, shade, text: (from, to), chars, blank: false };
        match self.list.last_mut() {
            Some(last) if last.continues(&run) => {
                (last.end, last.text.1) = (end, to);
                last.chars += chars;
            }
            _ => self.list.push(run),
        }
    }

    /// Adds a zero-width non-joiner (U+200C) at a position. It is not part of the text: letters on either side belong
    /// to the same word.
    pub fn joiner(&mut self, at: (f64, f64)) {
        if self.joiner.replace(at).is_some() || self.list.last().is_none_or(|last| last.blank) {
            self.misplaced.get_or_insert(at);
        }
    }

    /// Adds a space.
    pub fn blank(&mut self) {
        if let Some(at) = self.joiner.take() {
            self.misplaced.get_or_insert(at);
        }
        if let Some(last) = self.list.last_mut() {
            last.blank = true;
        }
    }

    /// Returns the position of a joiner that is not between two letters that join.
    pub(super) fn misplaced_joiner(&self) -> Option<(f64, f64)> {
        self.misplaced.or(self.joiner)
    }

    /// Returns the text of a run.
    pub(super) fn text(&self, run: u32) -> &str {
        let (from, to) = self.list.get(run as usize).map_or((0, 0), |run| run.text);
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }
}

impl Run {
    /// The position of a point relative to the end of this run, along its baseline and across it.
    pub fn seen(&self, point: (f64, f64)) -> (f64, f64) {
        let (x, y) = (point.0 - self.end.0, point.1 - self.end.1);
        (x * self.along.0 + y * self.along.1, y * self.along.0 - x * self.along.1)
    }

    /// Whether `next` belongs to the same run.
    fn continues(&self, next: &Run) -> bool {
        let like = |a: f64, b: f64| (a - b).abs() <= 0.01 * a;
        let (gap, across) = self.seen(next.at);
        !self.blank
            && self.shade == next.shade
            && dot(self.along, next.along) > 1.0 - 1e-9
            && like(self.size, next.size)
            && like(self.height, next.height)
            && (-KERNED..=APART).contains(&(gap / self.size))
            && across.abs() <= 0.02 * self.height
    }

    /// Whether the vertical offset of `next` is small enough for a letter of the same word.
    pub fn level(&self, next: &Run) -> bool {
        self.seen(next.at).1.abs() <= LEVEL * self.height.max(next.height)
    }

    /// Whether there is a gap for a space before `next`, which is read after this run.
    fn parted(&self, next: &Run) -> bool {
        let (gap, _) = self.seen(next.at);
        gap > BLANK * self.size.max(next.size) || gap < -self.size
    }

    /// Returns what separates this run from the one that is drawn next.
    pub fn drawn(&self, next: &Run) -> Between {
        if dot(self.along, next.along) < 0.999 || self.seen(next.at).1.abs() > LEVEL_POINTS {
            Between::Line
        } else if self.blank || self.parted(next) {
            Between::Blank
        } else {
            Between::Nothing
        }
    }

    /// Returns what separates this run from the next of its line: raised and smaller letters are words of their own.
    pub fn standing(&self, next: &Run, drawn_next: bool) -> Between {
        let (small, large) = (self.height.min(next.height), self.height.max(next.height));
        let other = !self.level(next) || large > 1.3 * small;
        if other { Between::Blank } else { self.chained(next, drawn_next) }
    }

    /// Returns what separates this run from the nearest one after it, at any height.
    pub fn chained(&self, next: &Run, drawn_next: bool) -> Between {
        if self.blank && drawn_next || self.parted(next) { Between::Blank } else { Between::Nothing }
    }
}

impl Between {
    /// Appends the separator to `text`.
    pub fn put(self, text: &mut String) {
        match self {
            Between::Nothing => {}
            Between::Blank => text.push(' '),
            Between::Line => text.push('\n'),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rebuild::pdf::reading_order::run::{Placed, Runs};

    #[test]
    fn a_joiner_stands_between_letters_that_join_and_nowhere_else() {
        let misplaced = |text: &str| {
            let mut runs = Runs::default();
            for (i, c) in text.chars().enumerate() {
                let (at, end) = ((10.0 * i as f64, 0.0), (10.0 * i as f64 + 9.0, 0.0));
                match c {
                    '\u{200C}' => runs.joiner(at),
                    ' ' => runs.blank(),
                    _ => {
                        let (along, text, colour) = ((1.0, 0.0), c.to_string(), [0; 3]);
                        runs.put(&Placed { at, end, along, size: 12.0, height: 12.0, colour, text: &text })
                    }
                }
            }
            runs.misplaced_joiner().is_some()
        };
        assert!(!misplaced("\u{62E}\u{200C}\u{6CC}\u{645}") && !misplaced("\u{FEE2}\u{200C}\u{FBFF}"));
        for text in [
            "a\u{200C}b",
            "\u{62E}\u{200C}\u{200C}\u{6CC}",
            "\u{62E}\u{200C} \u{6CC}",
            "\u{62E}\u{200C}",
            "\u{200C}\u{62E}",
            "\u{62E} \u{200C}\u{6CC}",
        ] {
            assert!(misplaced(text), "{text:?}");
        }
    }
}
