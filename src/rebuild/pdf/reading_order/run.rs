//! Text runs: letters at their positions on a page, joined where one follows the other.

use super::bidi;

/// A letter with ink, where it stands.
pub(in crate::rebuild::pdf) struct Placed<'a> {
    /// The ends of its place on the baseline, in points of the sheet.
    pub at: (f64, f64),
    pub end: (f64, f64),
    /// The direction of the baseline, of length 1.
    pub along: (f64, f64),
    /// The size of its font in points, along the baseline and across it.
    pub size: f64,
    pub height: f64,
    /// Red, green and blue.
    pub colour: [u8; 3],
    pub text: &'a str,
}

/// Letters of one look that follow each other on one baseline with no room between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub at: (f64, f64),
    pub end: (f64, f64),
    pub along: (f64, f64),
    pub size: f64,
    pub height: f64,
    /// Its colour, as coarsely as anybody tells colours apart at a glance.
    pub shade: [u8; 3],
    /// What it says, in the text of all.
    text: (u32, u32),
    /// How many characters that is.
    pub signs: u32,
    /// Whether a blank is drawn behind it.
    pub blank: bool,
}

/// The letters of a page, in the order in which they are drawn.
#[derive(Default)]
pub(in crate::rebuild::pdf) struct Runs {
    pub(super) list: Vec<Run>,
    text: String,
    /// Where a joiner stands for which the letter behind is still to come.
    joiner: Option<(f64, f64)>,
    /// Where the first one stands that is not between letters that join.
    astray: Option<(f64, f64)>,
}

/// What lies between two runs that are read one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    Nothing,
    Blank,
    Line,
}

/// No number of a run.
pub(super) const NONE: u32 = u32::MAX;

/// The room between two letters of which a blank is made, as a part of their size.
const BLANK: f64 = 0.15;
/// How far letters of one run are set apart or moved into each other at most.
const APART: f64 = 0.08;
const KERNED: f64 = 0.25;
/// How much higher or lower letters of one word stand, in their size.
const LEVEL: f64 = 0.2;
/// How many points a letter drawn next may stand higher or lower and still be of the same line.
const LEVEL_POINTS: f64 = 1.0;

pub(super) fn dot(a: (f64, f64), b: (f64, f64)) -> f64 {
    a.0 * b.0 + a.1 * b.1
}

/// Sets one of a list by its number.
pub(super) fn put<T>(list: &mut [T], number: u32, to: T) {
    if let Some(slot) = list.get_mut(number as usize) {
        *slot = to;
    }
}

impl Runs {
    /// Adds the letter that is drawn next.
    pub fn put(&mut self, letter: &Placed<'_>) {
        if let Some(at) = self.joiner.take()
            && !(self.text.ends_with(bidi::joins) && letter.text.starts_with(bidi::joins))
        {
            self.astray.get_or_insert(at);
        }
        let signs = letter.text.chars().count() as u32;
        let from = self.text.len() as u32;
        self.text.push_str(&bidi::shown(letter.text));
        let to = self.text.len() as u32;
        let Placed { at, end, along, size, height, .. } = *letter;
        let shade = letter.colour.map(|part| part >> 6);
        let run = Run { at, end, along, size, height, shade, text: (from, to), signs, blank: false };
        match self.list.last_mut() {
            Some(last) if last.goes_on(&run) => {
                (last.end, last.text.1) = (end, to);
                last.signs += signs;
            }
            _ => self.list.push(run),
        }
    }

    /// Adds a sign without ink that keeps the letters beside it from being joined (U+200C). It is not told: with it two
    /// letters are of one word as without.
    pub fn joiner(&mut self, at: (f64, f64)) {
        if self.joiner.replace(at).is_some() || self.list.last().is_none_or(|last| last.blank) {
            self.astray.get_or_insert(at);
        }
    }

    /// Adds a blank.
    pub fn blank(&mut self) {
        if let Some(at) = self.joiner.take() {
            self.astray.get_or_insert(at);
        }
        if let Some(last) = self.list.last_mut() {
            last.blank = true;
        }
    }

    /// Where a joiner stands that is not between two letters that join.
    pub(super) fn joiner_astray(&self) -> Option<(f64, f64)> {
        self.astray.or(self.joiner)
    }

    pub(super) fn said(&self, run: u32) -> &str {
        let (from, to) = self.list.get(run as usize).map_or((0, 0), |run| run.text);
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }
}

impl Run {
    /// The place of a point, seen from the end of this run: along its baseline and across it.
    pub fn seen(&self, point: (f64, f64)) -> (f64, f64) {
        let (x, y) = (point.0 - self.end.0, point.1 - self.end.1);
        (x * self.along.0 + y * self.along.1, y * self.along.0 - x * self.along.1)
    }

    /// Whether `next` belongs to the same run.
    fn goes_on(&self, next: &Run) -> bool {
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

    /// Whether `next` stands no higher or lower than letters of one word do.
    pub fn level(&self, next: &Run) -> bool {
        self.seen(next.at).1.abs() <= LEVEL * self.height.max(next.height)
    }

    /// Whether there is room for a blank before `next`, which is read behind this.
    fn parted(&self, next: &Run) -> bool {
        let (gap, _) = self.seen(next.at);
        gap > BLANK * self.size.max(next.size) || gap < -self.size
    }

    /// What is between this run and the one that is drawn next.
    pub fn drawn(&self, next: &Run) -> Between {
        if dot(self.along, next.along) < 0.999 || self.seen(next.at).1.abs() > LEVEL_POINTS {
            Between::Line
        } else if self.blank || self.parted(next) {
            Between::Blank
        } else {
            Between::Nothing
        }
    }

    /// What is between this run and the next of its line: raised letters, and smaller ones, are words of their own.
    pub fn standing(&self, next: &Run, drawn_next: bool) -> Between {
        let (small, large) = (self.height.min(next.height), self.height.max(next.height));
        let other = !self.level(next) || large > 1.3 * small;
        if other { Between::Blank } else { self.chained(next, drawn_next) }
    }

    /// What is between this run and the nearest one behind it, however that stands.
    pub fn chained(&self, next: &Run, drawn_next: bool) -> Between {
        if self.blank && drawn_next || self.parted(next) { Between::Blank } else { Between::Nothing }
    }
}

impl Between {
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
        let astray = |text: &str| {
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
            runs.joiner_astray().is_some()
        };
        assert!(!astray("\u{62E}\u{200C}\u{6CC}\u{645}") && !astray("\u{FEE2}\u{200C}\u{FBFF}"));
        for text in [
            "a\u{200C}b",
            "\u{62E}\u{200C}\u{200C}\u{6CC}",
            "\u{62E}\u{200C} \u{6CC}",
            "\u{62E}\u{200C}",
            "\u{200C}\u{62E}",
            "\u{62E} \u{200C}\u{6CC}",
        ] {
            assert!(astray(text), "{text:?}");
        }
    }
}
