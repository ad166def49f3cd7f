//! A small grid of cells over a part of a page, with one bit for each cell. Each glyph is judged in a grid of its own,
//! so that the cost of a page depends on its content and not on its size.

use crate::rebuild::pdf::geometry::Area;

/// Maximum cells along one side.
pub(super) const SIDE: usize = 64;

/// One bit for each cell: one word for each row from the lowest up, with the leftmost cell in the lowest bit.
pub(super) type Rows = [u64; SIDE];

/// The position of a grid on the page, in points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub x: f64,
    pub y: f64,
    /// The width and, below, height of a cell, in points.
    pub across: f64,
    pub up: f64,
    pub columns: usize,
    pub rows: usize,
}

impl Window {
    /// Returns the area that the grid covers, in points.
    pub fn area(&self) -> Area {
        let (x1, y1) = (self.x + self.across * self.columns as f64, self.y + self.up * self.rows as f64);
        Area { x0: self.x, y0: self.y, x1, y1 }
    }

    /// Returns all cells.
    pub fn all(&self) -> Rows {
        let mut rows = [0; SIDE];
        rows[..self.rows.min(SIDE)].fill(between(0, self.columns));
        rows
    }

    /// Returns the cells inside an axis-aligned rectangle, and those that it touches.
    pub(in crate::rebuild::pdf) fn rectangle(&self, area: &Area) -> (Rows, Rows) {
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

/// Returns a position as the index of a cell, or `most`, the end of the row.
fn cell(at: f64, most: usize) -> usize {
    // Positions outside are clamped; the cast saturates.
    (at as i64).clamp(0, most as i64) as usize
}

/// Returns the bits from `from` up to but excluding `to`.
pub(super) fn between(from: usize, to: usize) -> u64 {
    if from >= to { 0 } else { below(to) & !below(from) }
}

fn below(end: usize) -> u64 {
    if end >= SIDE { u64::MAX } else { (1 << end) - 1 }
}

/// Returns the number of set cells.
pub(super) fn count(rows: &Rows) -> u32 {
    rows.iter().map(|row| row.count_ones()).sum()
}

/// Returns the cells in both or, if `without` is set, those in `one` that are not in `other`.
pub(super) fn both(one: &Rows, other: &Rows, without: bool) -> Rows {
    let mut rows = *one;
    rows.iter_mut().zip(other).for_each(|(row, other)| *row &= if without { !other } else { *other });
    rows
}

/// Whether any cell is set.
pub(super) fn any(rows: &Rows) -> bool {
    rows.iter().any(|row| *row != 0)
}

/// Returns the cells of a window at a distance of at most `cells` from a set one.
pub(super) fn dilated(rows: &Rows, cells: usize, window: &Window) -> Rows {
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

/// Shifts the cells to the right and up; cells that leave the grid are lost.
pub(super) fn shifted(rows: &Rows, right: i64, up: i64) -> Rows {
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

    #[test]
    fn widens_and_moves() {
        let mut rows = [0; SIDE];
        rows[10] = 1 << 5;
        assert_eq!(count(&dilated(&rows, 2, &WINDOW)), 25);
        let there = shifted(&rows, 3, -2);
        assert_eq!((there[8], count(&there)), (1 << 8, 1));
        assert_eq!(count(&shifted(&rows, -6, 0)), 0);
    }
}
