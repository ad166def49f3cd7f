//! Area coverage: the fraction of each cell that a shape covers. Whether a shape touches a cell says little, because
//! many thin slits touch every cell and show nothing. Where edges are finer than the resolution, the result is a lower
//! or an upper bound, as the caller requests.

use super::budget::Budget;
use super::cells::{Rows, SIDE, Window};
use crate::rebuild::Fault;
use crate::rebuild::pdf::geometry::{Area, Edge};

/// The direction in which a coverage may deviate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    Least,
    Most,
}

/// Ends of edges that are closer than this, in rows, are not distinguished.
const FINE: f32 = 1.0 / 64.0;

/// The part of an edge inside one row.
struct Piece {
    row: u32,
    low: f32,
    high: f32,
    /// Its position at `low`, and its shift to the right for each row up.
    x: f32,
    slope: f32,
    way: i32,
}

impl Piece {
    fn at(&self, y: f32) -> f32 {
        self.x + (y - self.low) * self.slope
    }
}

/// The coverage of each cell of a window, from 0 to 1.
#[derive(Default)]
pub(super) struct Coverage {
    parts: Vec<f32>,
    pieces: Vec<Piece>,
    /// Buffers for one row: the ends of edges, the layers between them, and whether each is too fine to resolve.
    ends: Vec<f32>,
    layers: Vec<(f32, f32, bool)>,
    crossings: Vec<(f32, i32)>,
}

impl Coverage {
    /// Sets all coverages to zero.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.parts.resize(SIDE * SIDE, 0.0);
    }

    /// Returns the coverage of one cell.
    pub fn at(&self, row: usize, column: usize) -> f32 {
        self.parts.get(row * SIDE + column).copied().unwrap_or(0.0)
    }

    /// Returns the sum of all coverages, in cells.
    pub fn sum(&self) -> f32 {
        self.parts.iter().sum()
    }

    /// Replaces the coverage of each of `cells` by the result of `of`, which is given the coverage, row and column.
    pub fn change(&mut self, cells: &Rows, of: impl Fn(f32, usize, usize) -> f32) {
        for (r, (row, parts)) in cells.iter().zip(self.parts.chunks_exact_mut(SIDE)).enumerate() {
            let mut left = *row;
            while left != 0 {
                let column = left.trailing_zeros() as usize;
                left &= left - 1;
                if let Some(part) = parts.get_mut(column) {
                    *part = of(*part, r, column);
                }
            }
        }
    }

    /// Returns the coverages of a window in steps of 1/255, row by row.
    pub fn packed(&self, window: &Window) -> Vec<u8> {
        let rows = self.parts.chunks_exact(SIDE).take(window.rows.min(SIDE));
        rows.flat_map(|row| row.iter().take(window.columns)).map(|part| (part * 255.0).round() as u8).collect()
    }

    /// Loads coverages from [`Coverage::packed`].
    pub fn unpack(&mut self, packed: &[u8], window: &Window) {
        for (row, parts) in packed.chunks_exact(window.columns.max(1)).zip(self.parts.chunks_exact_mut(SIDE)) {
            parts.iter_mut().zip(row).for_each(|(part, packed)| *part = f32::from(*packed) / 255.0);
        }
    }

    /// Measures the coverage by `edges`, moved by `shift`, in the rows of `window` that have any `wanted` cell.
    ///
    /// # Errors
    /// `pdf.size` if the budget is exhausted.
    pub fn measure(
        &mut self,
        (edges, even_odd, shift): (&[Edge], bool, (f64, f64)),
        window: &Window,
        wanted: &Rows,
        bound: Bound,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        self.clear();
        budget.charge(2000 + 10 * edges.len())?;
        self.split(edges, shift, window, wanted);
        budget.charge(60 * self.pieces.len())?;
        self.pieces.sort_unstable_by_key(|piece| piece.row);
        let pieces = std::mem::take(&mut self.pieces);
        for row in pieces.chunk_by(|a, b| a.row == b.row) {
            self.layer(row, window.columns as f32);
            budget.charge(self.layers.len() * (14 * row.len() + 150))?;
            let at = row.first().map_or(0, |piece| piece.row as usize) * SIDE;
            let Some(parts) = self.parts.get_mut(at..at + window.columns.min(SIDE)) else { continue };
            for (low, high, blurred) in &self.layers {
                if *blurred {
                    if bound == Bound::Most {
                        parts.iter_mut().for_each(|part| *part += high - low);
                    }
                    continue;
                }
                let middle = (low + high) / 2.0;
                self.crossings.clear();
                let here = row.iter().filter(|piece| piece.low <= middle && middle < piece.high);
                let x = |piece: &Piece| piece.at(middle).clamp(0.0, window.columns as f32);
                self.crossings.extend(here.map(|piece| (x(piece), piece.way)));
                self.crossings.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
                let (mut wound, mut from) = (0, 0.0);
                for (x, way) in &self.crossings {
                    if wound != 0 {
                        add(parts, from, *x, high - low);
                    }
                    wound = if even_odd { 1 - wound } else { wound + way };
                    from = *x;
                }
            }
            parts.iter_mut().for_each(|part| *part = part.min(1.0));
        }
        self.pieces = pieces;
        Ok(())
    }

    /// Splits edges at the rows that are wanted.
    fn split(&mut self, edges: &[Edge], shift: (f64, f64), window: &Window, wanted: &Rows) {
        let (across, up) = ((1.0 / window.across) as f32, (1.0 / window.up) as f32);
        let (dx, dy) = ((shift.0 - window.x) as f32, (shift.1 - window.y) as f32);
        let rows = window.rows.min(SIDE);
        self.pieces.clear();
        for [x0, y0, x1, y1] in edges {
            let (ax, ay) = ((x0 + dx) * across, (y0 + dy) * up);
            let (bx, by) = ((x1 + dx) * across, (y1 + dy) * up);
            let (low, high, from, to, way) = if ay < by { (ay, by, ax, bx, 1) } else { (by, ay, bx, ax, -1) };
            if low >= high || high <= 0.0 || low >= rows as f32 {
                continue;
            }
            let slope = (to - from) / (high - low);
            for (row, wanted) in wanted.iter().enumerate().take(rows).skip(low.max(0.0) as usize) {
                let bottom = row as f32;
                if bottom >= high {
                    break;
                }
                let (begin, end) = (low.max(bottom), high.min(bottom + 1.0));
                if *wanted != 0 && begin < end {
                    let x = from + (begin - low) * slope;
                    self.pieces.push(Piece { row: row as u32, low: begin, high: end, x, slope, way });
                }
            }
        }
    }

    /// Divides a row into layers in which no edge begins, ends or enters the window, except in those that are too fine.
    fn layer(&mut self, row: &[Piece], columns: f32) {
        self.ends.clear();
        self.layers.clear();
        for piece in row {
            self.ends.extend([piece.low, piece.high]);
            for side in [0.0, columns] {
                let y = piece.low + (side - piece.x) / piece.slope;
                if piece.slope != 0.0 && y > piece.low && y < piece.high {
                    self.ends.push(y);
                }
            }
        }
        self.ends.sort_unstable_by(f32::total_cmp);
        let mut from = row.first().map_or(0.0, |piece| piece.row as f32);
        let (last, mut blurred) = (from + 1.0, false);
        for end in self.ends.iter().copied().chain([last]) {
            if blurred && (end - from >= FINE || end >= last) {
                let to = (from + FINE).min(last);
                self.layers.push((from, to, true));
                (from, blurred) = (to, false);
            }
            if end - from < FINE && end < last {
                blurred |= end > from;
            } else if end > from {
                self.layers.push((from, end, false));
                from = end;
            }
        }
    }
}

/// Adds the coverage of a strip of this height between two positions of a row.
fn add(parts: &mut [f32], from: f32, to: f32, high: f32) {
    let (first, last) = (from as usize, to as usize);
    for (column, part) in parts.iter_mut().enumerate().take(last + 1).skip(first) {
        let left = column as f32;
        *part += (to.min(left + 1.0) - from.max(left)).max(0.0) * high;
    }
}

/// Returns the fraction of a cell that is inside an axis-aligned rectangle.
pub(super) fn upright(area: &Area, window: &Window, row: usize, column: usize) -> f32 {
    let part = |from: f64, to: f64, begin: f64, length: f64, n: usize| {
        let at = begin + length * n as f64;
        (((to.min(at + length) - from.max(at)) / length) as f32).clamp(0.0, 1.0)
    };
    part(area.x0, area.x1, window.x, window.across, column) * part(area.y0, area.y1, window.y, window.up, row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::Limits;
    use crate::rebuild::pdf::visibility::context::Context;

    const WINDOW: Window = Window { x: 10.0, y: 20.0, across: 0.5, up: 0.5, columns: 40, rows: 30 };

    fn measured(edges: &[Edge], bound: Bound) -> f32 {
        let (mut plane, mut context) = (Coverage::default(), Context::new(&Limits::default(), 0, false));
        plane.measure((edges, false, (0.0, 0.0)), &WINDOW, &WINDOW.all(), bound, &mut context.budget).unwrap();
        plane.sum()
    }

    fn area(x0: f32, y0: f32, x1: f32, y1: f32) -> [Edge; 4] {
        [[x0, y0, x1, y0], [x1, y0, x1, y1], [x1, y1, x0, y1], [x0, y1, x0, y0]]
    }

    #[test]
    fn an_area_counts_as_what_it_is_however_often_it_is_gone_round() {
        let square = area(11.1, 21.3, 14.1, 23.3);
        for bound in [Bound::Least, Bound::Most] {
            for times in 1..6 {
                assert!((measured(&square.repeat(times), bound) - 24.0).abs() < 0.2, "{bound:?} {times}");
            }
        }
        let triangle: [Edge; 3] = [[11.0, 21.0, 19.0, 21.0], [19.0, 21.0, 15.0, 29.0], [15.0, 29.0, 11.0, 21.0]];
        assert!((measured(&triangle, Bound::Least) - 128.0).abs() < 1.0);
        // What is outside the window does not count.
        assert!((measured(&area(0.0, 0.0, 99.0, 22.0), Bound::Least) - 160.0).abs() < 0.1);
    }

    #[test]
    fn slits_count_as_little_as_they_show_wherever_they_are() {
        for count in [20, 77, 640] {
            let pitch = 12.0 / count as f32;
            for shift in [0.0, 0.25, 0.5, 0.75] {
                let level = |i: usize| 21.0 + pitch * (i as f32 + shift);
                let slits: Vec<Edge> = (0..count).flat_map(|i| area(12.0, level(i), 18.0, level(i) + 0.001)).collect();
                let seen = 12.0 * 0.002 * count as f32;
                assert!(measured(&slits, Bound::Least) <= seen + 0.1, "{count} {shift}");
                // Slanted ones that begin and end outside the window as well.
                let slanted: Vec<Edge> = (0..count)
                    .flat_map(|i| {
                        let (a, b) = (level(i), level(i) + 0.01);
                        [
                            [0.0, a, 99.0, b],
                            [99.0, b, 99.0, b + 0.001],
                            [99.0, b + 0.001, 0.0, a + 0.001],
                            [0.0, a + 0.001, 0.0, a],
                        ]
                    })
                    .collect();
                assert!(measured(&slanted, Bound::Least) <= 40.0 * 0.002 * count as f32 + 0.2, "{count} {shift}");
            }
        }
    }

    #[test]
    fn a_rectangle_is_inside_the_cells_that_it_covers() {
        let area = Area { x0: 10.25, y0: 20.0, x1: 11.0, y1: 20.25 };
        assert_eq!((upright(&area, &WINDOW, 0, 0), upright(&area, &WINDOW, 0, 1)), (0.25, 0.5));
        assert_eq!((upright(&area, &WINDOW, 0, 2), upright(&area, &WINDOW, 1, 1)), (0.0, 0.0));
    }
}
