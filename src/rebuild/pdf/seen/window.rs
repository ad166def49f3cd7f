//! A small grid of cells over a part of a page, one bit a cell. What is painted there is known for each cell: touched by it,
//! or wholly inside. A letter is judged in such a grid of its own, so that a page costs what stands on it and not its size.

use super::geometry::{Area, Edge};
use super::plane::Plane;

/// Cells along one side at most.
pub(super) const SIDE: usize = 64;

/// One bit for each cell: a word a row, the lowest row first, the leftmost cell lowest.
pub(super) type Rows = [u64; SIDE];

/// Where the grid lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub x: f64,
    pub y: f64,
    /// How wide and high a cell is, in points.
    pub across: f64,
    pub up: f64,
    pub columns: usize,
    pub rows: usize,
}

impl Window {
    pub fn area(&self) -> Area {
        let (x1, y1) = (self.x + self.across * self.columns as f64, self.y + self.up * self.rows as f64);
        Area { x0: self.x, y0: self.y, x1, y1 }
    }

    /// Every cell.
    pub fn all(&self) -> Rows {
        let mut rows = [0; SIDE];
        rows[..self.rows.min(SIDE)].fill(between(0, self.columns));
        rows
    }

    /// The cells inside an upright rectangle, and those that it touches.
    pub fn rectangle(&self, area: &Area) -> (Rows, Rows) {
        let (mut inner, mut outer) = ([0; SIDE], [0; SIDE]);
        let left = (area.x0 - self.x) / self.across;
        let right = (area.x1 - self.x) / self.across;
        let low = (area.y0 - self.y) / self.up;
        let high = (area.y1 - self.y) / self.up;
        let inside = between(cell(left.ceil(), self.columns), cell(right.floor(), self.columns));
        let touched = between(cell(left.floor(), self.columns), cell(right.floor() + 1.0, self.columns));
        let rows = cell(low.floor(), self.rows)..cell(high.floor() + 1.0, self.rows);
        outer.get_mut(rows).unwrap_or_default().fill(touched);
        let rows = cell(low.ceil(), self.rows)..cell(high.floor(), self.rows);
        if rows.start < rows.end {
            inner.get_mut(rows).unwrap_or_default().fill(inside);
        }
        (inner, outer)
    }
}

/// A place as the number of a cell, or the end of the row.
fn cell(at: f64, most: usize) -> usize {
    // Beyond either end it is that end; casting holds it there.
    (at as i64).clamp(0, most as i64) as usize
}

/// The bits from one to before another.
pub(super) fn between(from: usize, to: usize) -> u64 {
    if from >= to { 0 } else { below(to) & !below(from) }
}

fn below(end: usize) -> u64 {
    if end >= SIDE { u64::MAX } else { (1 << end) - 1 }
}

/// How many cells are set.
pub(super) fn count(rows: &Rows) -> u32 {
    rows.iter().map(|row| row.count_ones()).sum()
}

/// What is used again and again: where edges cross the middle of a row (the row, how far to the right, and which way they
/// go), and how much of each cell is covered.
#[derive(Default)]
pub(super) struct Scratch {
    crossings: Vec<(u32, f32, i32)>,
    pub part: Plane,
}

/// What an area covers of a window.
pub(super) struct Covered {
    /// Cells whose middle is in the area.
    pub middle: Rows,
    /// Cells that an edge of it touches.
    pub edge: Rows,
}

impl Covered {
    /// Cells that are wholly inside.
    pub fn inner(&self) -> Rows {
        let mut rows = self.middle;
        rows.iter_mut().zip(&self.edge).for_each(|(row, edge)| *row &= !edge);
        rows
    }

    /// Cells any of which is inside.
    pub fn outer(&self) -> Rows {
        let mut rows = self.middle;
        rows.iter_mut().zip(&self.edge).for_each(|(row, edge)| *row |= edge);
        rows
    }
}

/// What the area within `edges`, moved by `shift`, covers of `window`.
pub(super) fn cover(
    edges: &[Edge],
    even_odd: bool,
    shift: (f64, f64),
    window: &Window,
    scratch: &mut Scratch,
) -> Covered {
    let (mut middle, mut touched) = ([0u64; SIDE], [0u64; SIDE]);
    let (across, up) = ((1.0 / window.across) as f32, (1.0 / window.up) as f32);
    let (dx, dy) = ((shift.0 - window.x) as f32, (shift.1 - window.y) as f32);
    let (columns, rows) = (window.columns as f32, window.rows as f32);
    scratch.crossings.clear();
    for [x0, y0, x1, y1] in edges {
        let (ay, by) = ((y0 + dy) * up, (y1 + dy) * up);
        let (low, high) = if ay < by { (ay, by) } else { (by, ay) };
        if high < 0.0 || low >= rows {
            continue;
        }
        let (ax, bx) = ((x0 + dx) * across, (x1 + dx) * across);
        let slope = if high > low { (bx - ax) / (by - ay) } else { 0.0 };
        let (first, last) = (low.max(0.0) as usize, high.min(rows - 1.0) as usize);
        for row in first..=last.min(SIDE - 1) {
            let bottom = row as f32;
            let (left, right) = if high > low {
                let from = ax + (low.max(bottom) - ay) * slope;
                let to = ax + (high.min(bottom + 1.0) - ay) * slope;
                if from < to { (from, to) } else { (to, from) }
            } else if ax < bx {
                (ax, bx)
            } else {
                (bx, ax)
            };
            if right >= 0.0 && left < columns {
                touched[row] |= between(left.max(0.0) as usize, (right.min(columns - 1.0)) as usize + 1);
            }
            let centre = bottom + 0.5;
            if (ay <= centre) != (by <= centre) {
                let x = ax + (centre - ay) * slope;
                // The first cell whose middle lies to the right.
                let from = (x + 0.5).clamp(0.0, columns);
                if even_odd {
                    middle[row] ^= between(from as usize, window.columns);
                } else {
                    scratch.crossings.push((row as u32, from, if ay < by { 1 } else { -1 }));
                }
            }
        }
    }
    if !even_odd {
        scratch.crossings.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (mut wound, mut row, mut from) = (0, u32::MAX, 0);
        for (at, x, way) in &scratch.crossings {
            if *at != row {
                (row, wound) = (*at, 0);
            }
            if wound != 0 {
                middle[*at as usize & (SIDE - 1)] |= between(from, *x as usize);
            }
            wound += way;
            from = *x as usize;
        }
    }
    Covered { middle, edge: touched }
}

/// The cells within `cells` of those that are set, in a window.
pub(super) fn widened(rows: &Rows, cells: usize, window: &Window) -> Rows {
    let all = between(0, window.columns);
    let mut out = *rows;
    for _ in 0..cells {
        let before = out;
        for i in 0..window.rows.min(SIDE) {
            let below = if i > 0 { before[i - 1] } else { 0 };
            let above = before.get(i + 1).copied().unwrap_or(0);
            let row = before[i] | below | above;
            out[i] = (row | row << 1 | row >> 1) & all;
        }
    }
    out
}

/// The same cells, as many to the right and up; what leaves the grid is gone.
pub(super) fn moved(rows: &Rows, right: i64, up: i64) -> Rows {
    let mut out = [0; SIDE];
    if right.abs() >= SIDE as i64 || up.abs() >= SIDE as i64 {
        return out;
    }
    for (i, to) in out.iter_mut().enumerate() {
        let from = usize::try_from(i as i64 - up).ok().and_then(|i| rows.get(i)).copied().unwrap_or(0);
        *to = if right >= 0 { from << right } else { from >> -right };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { x: 10.0, y: 20.0, across: 0.5, up: 0.5, columns: 40, rows: 30 };

    fn square(x0: f32, y0: f32, x1: f32, y1: f32) -> [Edge; 4] {
        [[x0, y0, x1, y0], [x1, y0, x1, y1], [x1, y1, x0, y1], [x0, y1, x0, y0]]
    }

    #[test]
    fn a_rectangle_covers_the_same_as_its_edges() {
        let mut scratch = Scratch::default();
        for (x0, y0, x1, y1) in
            [(12.2, 21.3, 15.9, 25.1), (0.0, 0.0, 99.0, 99.0), (12.0, 22.0, 12.1, 30.0), (1.0, 1.0, 2.0, 2.0)]
        {
            let area = Area { x0, y0, x1, y1 };
            let (inner, outer) = WINDOW.rectangle(&area);
            let edges = square(x0 as f32, y0 as f32, x1 as f32, y1 as f32);
            for even_odd in [false, true] {
                let covered = cover(&edges, even_odd, (0.0, 0.0), &WINDOW, &mut scratch);
                // On the line between two cells an edge touches one or both.
                assert!(count(&covered.inner()).abs_diff(count(&inner)) <= 30, "{area:?}");
                assert!(count(&covered.outer()).abs_diff(count(&outer)) <= 30, "{area:?}");
            }
        }
        let (inner, outer) = WINDOW.rectangle(&Area { x0: 11.1, y0: 21.1, x1: 13.9, y1: 22.9 });
        assert_eq!((count(&inner), count(&outer)), (4 * 2, 6 * 4));
    }

    #[test]
    fn a_hole_is_one_by_either_rule_where_it_winds_back() {
        let mut scratch = Scratch::default();
        let outer = square(11.0, 21.0, 19.0, 29.0);
        let back = square(13.0, 23.0, 17.0, 27.0).map(|[a, b, c, d]| [c, d, a, b]);
        let same = square(13.0, 23.0, 17.0, 27.0);
        let cells = |edges: &[Edge], even_odd, scratch: &mut Scratch| {
            count(&cover(edges, even_odd, (0.0, 0.0), &WINDOW, scratch).middle)
        };
        let (holed, whole) = ([outer, back].concat(), [outer, same].concat());
        assert_eq!(cells(&holed, true, &mut scratch), 256 - 64);
        assert_eq!(cells(&holed, false, &mut scratch), 256 - 64);
        assert_eq!(cells(&whole, true, &mut scratch), 256 - 64);
        assert_eq!(cells(&whole, false, &mut scratch), 256);
    }

    #[test]
    fn widens_and_moves() {
        let mut rows = [0; SIDE];
        rows[10] = 1 << 5;
        assert_eq!(count(&widened(&rows, 2, &WINDOW)), 25);
        let there = moved(&rows, 3, -2);
        assert_eq!((there[8], count(&there)), (1 << 8, 1));
        assert_eq!(count(&moved(&rows, -6, 0)), 0);
    }
}
