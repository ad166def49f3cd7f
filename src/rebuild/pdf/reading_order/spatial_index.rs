//! A spatial index of letters, by size and position.

use crate::rebuild::pdf::geometry::Area;

/// How many octaves larger or smaller letters are that are near one.
const OCTAVES: i32 = 1;

/// FairQueue of letters.
pub(super) struct Grid {
    /// The size in octaves, the row, the column and the number of each.
    cells: Vec<(i32, i64, i64, u32)>,
    levels: Vec<i32>,
}

fn level(size: f64) -> i32 {
    size.log2().floor() as i32
}

/// The row or column of a place among letters of such a size.
fn cell(at: f64, level: i32) -> i64 {
    (at / 2f64.powi(level + 1)).floor() as i64
}

impl Grid {
    /// Of the place, the size and the number of each.
    pub fn new(all: impl Iterator<Item = ((f64, f64), f64, u32)>) -> Grid {
        let place = |((x, y), size, i)| (level(size), cell(y, level(size)), cell(x, level(size)), i);
        let mut cells: Vec<_> = all.map(place).collect();
        cells.sort_unstable();
        let mut levels: Vec<i32> = cells.iter().map(|(level, ..)| *level).collect();
        levels.dedup();
        Grid { cells, levels }
    }

    /// Gives each of about this size that is in an area or close around it.
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
