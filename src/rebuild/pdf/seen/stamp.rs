//! The ink of one letter in one look: made once, used wherever the letter stands.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::super::Fault;
use super::super::font::Font;
use super::geometry::{Area, Edge, Matrix, Step, filled, lines, stroked};
use super::scene::{Letter, Look};
use super::sight::{Budget, letter};
use super::window::{Covered, Rows, SIDE, Scratch, Window, count, cover, widened};

/// Cells that a letter's size has, and that its surroundings reach out.
const CELLS: f64 = 40.0;
const AROUND: usize = 2;

/// The ink of a letter whose place is the origin.
pub(super) struct Stamp {
    /// The grid in which it is judged: it holds the ink and what is closely around it.
    pub window: Window,
    /// What is filled, and what is drawn as lines.
    pub fill: Rows,
    pub line: Rows,
    /// Both.
    pub ink: Rows,
    /// What is closely around the ink and has none of it.
    pub ring: Rows,
    fill_edges: Vec<Edge>,
    line_edges: Vec<Edge>,
}

impl Stamp {
    fn new(look: &Look, steps: &[Step], scratch: &mut Scratch, budget: &mut Budget) -> Result<Stamp, Fault> {
        let (mut fill_edges, mut line_edges) = (Vec::new(), Vec::new());
        let place = |matrix: Matrix| {
            let [a, b, c, d, ..] = matrix.0;
            Matrix([a, b, c, d, 0.0, 0.0])
        };
        let (text, page) = (place(look.text), place(look.page));
        let mut placed = lines(steps, look.matrix().det().abs().sqrt());
        for point in placed.iter_mut().flat_map(|line| &mut line.points) {
            *point = text.point(point.0, point.1);
        }
        if look.fill.is_some() {
            filled(&placed, page, &mut fill_edges);
        }
        if let Some((_, pen)) = &look.line {
            placed.iter_mut().for_each(|line| line.closed = true);
            stroked(&placed, pen, page, &mut line_edges);
        }
        let mut area = Area::EMPTY;
        for [x0, y0, x1, y1] in fill_edges.iter().chain(&line_edges) {
            area.add((f64::from(*x0), f64::from(*y0)));
            area.add((f64::from(*x1), f64::from(*y1)));
        }
        if area.is_empty() {
            area = Area { x0: 0.0, y0: 0.0, x1: 0.0, y1: 0.0 };
        }
        // Around the ink there is room for its surroundings and for a cell that is cut.
        let room = 2 * AROUND + 1;
        let most = (area.x1 - area.x0).max(area.y1 - area.y0);
        let cell = (look.points / CELLS).max(most / (SIDE - room - 1) as f64).max(1e-3);
        let cells = |length: f64| ((length / cell).ceil() as usize + room).min(SIDE);
        let window = Window {
            x: area.x0 - cell * AROUND as f64,
            y: area.y0 - cell * AROUND as f64,
            across: cell,
            up: cell,
            columns: cells(area.x1 - area.x0),
            rows: cells(area.y1 - area.y0),
        };
        budget.charge(4000 + 150 * (fill_edges.len() + line_edges.len()))?;
        let mut ink = |edges: &[Edge]| {
            let covered = cover(edges, false, (0.0, 0.0), &window, scratch);
            // The finest ink passes between the middles of cells.
            let thin = 4 * count(&covered.middle) < count(&covered.edge);
            (if thin { covered.outer() } else { covered.middle }, covered)
        };
        let (fill, filled) = ink(&fill_edges);
        let (line, lined) = ink(&line_edges);
        let mut touched = filled.outer();
        touched.iter_mut().zip(&lined.outer()).for_each(|(row, other)| *row |= other);
        let mut both = fill;
        both.iter_mut().zip(&line).for_each(|(row, line)| *row |= line);
        let mut ring = widened(&touched, AROUND, &window);
        ring.iter_mut().zip(&touched).for_each(|(row, ink)| *row &= !ink);
        Ok(Stamp { window, fill, line, ink: both, ring, fill_edges, line_edges })
    }

    /// Its ink in another window, where it stands at `at`.
    pub fn ink_in(&self, window: &Window, at: (f64, f64), scratch: &mut Scratch) -> Rows {
        let (x, y) = (at.0 + self.window.x - window.x, at.1 + self.window.y - window.y);
        let alike = (window.across - self.window.across).abs() < 1e-6 * window.across;
        if alike {
            let steps = |length: f64| (length / window.across).round() as i64;
            return super::window::moved(&self.ink, steps(x), steps(y));
        }
        let Covered { middle: mut rows, .. } = cover(&self.fill_edges, false, at, window, scratch);
        if !self.line_edges.is_empty() {
            let line = cover(&self.line_edges, false, at, window, scratch).middle;
            rows.iter_mut().zip(&line).for_each(|(row, line)| *row |= line);
        }
        rows
    }

    /// How many edges it has.
    pub fn edges(&self) -> usize {
        self.fill_edges.len() + self.line_edges.len()
    }
}

/// Stamps that are kept at most.
const KEPT_MAX: usize = 1000;

/// The stamps that were made: by what makes the look, the font and the code.
#[derive(Default)]
pub(super) struct Stamps {
    shapes: BTreeMap<[u64; 13], u32>,
    /// The number that the next shape gets.
    next: u32,
    kept: BTreeMap<(u32, u32, u8), Rc<Stamp>>,
}

impl Stamps {
    /// The number of what makes the shape of letters of a look: all but their colours.
    pub fn shape(&mut self, look: &Look) -> u32 {
        let mut key = [0; 13];
        let pen = look.line.map_or([0.0; 3], |(_, pen)| [pen.width, pen.miter, f64::from(pen.join)]);
        let (text, page) = (look.text.0, look.page.0);
        let numbers = text[..4].iter().chain(&page[..4]).chain(&pen).chain([&look.points]);
        key.iter_mut().zip(numbers).for_each(|(key, number)| *key = number.to_bits());
        key[12] = u64::from(look.fill.is_some()) << 1 | u64::from(look.line.is_some());
        if self.shapes.len() >= KEPT_MAX {
            self.shapes.clear();
        }
        // INVARIANT: no number stands for two shapes, or a letter would be judged by the ink of another.
        let next = self.next;
        let number = *self.shapes.entry(key).or_insert(next);
        self.next += u32::from(number == next);
        number
    }

    /// The stamp of a letter.
    pub fn of(
        &mut self,
        (shape, look): (u32, &Look),
        of: &Letter,
        fonts: &[Font],
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Result<Rc<Stamp>, Fault> {
        let key = (shape, of.font, of.code);
        if let Some(stamp) = self.kept.get(&key) {
            return Ok(Rc::clone(stamp));
        }
        let steps = letter(fonts, of.font as usize, of.code).map_or_else(Vec::new, |(_, steps)| steps);
        let stamp = Rc::new(Stamp::new(look, &steps, scratch, budget)?);
        if self.kept.len() >= KEPT_MAX {
            self.kept.clear();
        }
        self.kept.insert(key, Rc::clone(&stamp));
        Ok(stamp)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::colour::Colour;
    use super::*;

    #[test]
    fn no_number_stands_for_two_shapes_however_many_there_are() {
        let mut stamps = Stamps::default();
        let mut shape = |points: f64| {
            let (fill, line) = (Some(Colour::BLACK), None);
            stamps.shape(&Look { text: Matrix::UNIT, page: Matrix::UNIT, fill, line, points })
        };
        let first = shape(1.0);
        assert_eq!(shape(1.0), first);
        let numbers: BTreeSet<u32> = (0..3 * KEPT_MAX).map(|n| shape(2.0 + n as f64)).collect();
        assert!(numbers.len() == 3 * KEPT_MAX && !numbers.contains(&first));
    }
}
