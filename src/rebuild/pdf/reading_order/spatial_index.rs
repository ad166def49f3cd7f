//! A spatial index of letters, by size and position.

use crate::rebuild::pdf::geometry::Area;

/// Letters count as near if their sizes differ by at most this many octaves.
const OCTAVES: i32 = 1;

/// A spatial index of letters.
pub(super) struct Grid {
    /// For each letter the octave of its size, row, column and index.
    cells: Vec<(i32, i64, i64, u32)>,
    levels: Vec<i32>,
}

fn level(size: f64) -> i32 {
    size.log2().floor() as i32
}

/// The row or column of a position, among letters of this size.
fn cell(at: f64, level: i32) -> i64 {
    (at / 2f64.powi(level + 1)).floor() as i64
}

impl Grid {
    /// Returns an index of items given as position, size and index.
    pub fn new(all: impl Iterator<Item = ((f64, f64), f64, u32)>) -> Grid {
        let place = |((x, y), size, i)| (level(size), cell(y, level(size)), cell(x, level(size)), i);
        let mut cells: Vec<_> = all.map(place).collect();
        cells.sort_unstable();
        let mut levels: Vec<i32> = cells.iter().map(|(level, ..)| *level).collect();
        levels.dedup();
        Grid { cells, levels }
    }

    /// Calls `give` for each item of similar size in an area or close around it.
    pub fn near(&self, area: &Area, size: f64, mut give: impl FnMut(u32)) {
        for level in self.levels.iter().filter(|other| (*other - level(size)).abs() <= OCTAVES) {
            let columns = (cell(area.x0, *level), cell(area.x1, *level));
            for row in cell(area.y0, *level)..=cell(area.y1, *level) {
                let from = self.cells.partition_point(|(l, y, x, _)| (*l, *y, *x) < (*level, row, columns.0));
                let here = self.cells.get(from..).unwrap_or_default().iter();
                here.take_while(|(l, y, x, _)| (*l, *y, *x) <= (*level, row, columns.1)).for_each(|(.., i)| give(*i));
            }
        }
    }
}
