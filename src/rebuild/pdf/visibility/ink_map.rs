//! A coarse map of which parts of a page are not blank.

use super::cells::between;
use crate::rebuild::pdf::geometry::Area;

/// Squares along one side of a sheet, a bit each.
const SQUARES: usize = 512;

/// Which squares of a sheet something lies on that is not white. Marks are entered when that is asked.
pub(super) struct InkMap {
    sheet: Area,
    rows: Vec<[u64; SQUARES / 64]>,
    /// How many marks are entered.
    pub entered: usize,
}

impl InkMap {
    /// Nothing lies on the sheet.
    pub fn new(sheet: Area) -> InkMap {
        InkMap { sheet, rows: Vec::new(), entered: 0 }
    }

    /// The squares from one place to another of a side: those that are wholly between, if there are any, or those touched.
    fn squares(low: f64, high: f64, [from, to]: [f64; 2], wholly: bool) -> std::ops::Range<usize> {
        let at = |n: f64| (n - low) / (high - low) * SQUARES as f64;
        let held = |n: f64| (n as i64).clamp(0, SQUARES as i64) as usize;
        let inner = held(at(from).ceil())..held(at(to).floor());
        if wholly && inner.start < inner.end {
            return inner;
        }
        held(at(from)).min(SQUARES - 1)..held(at(to).floor() + 1.0)
    }

    fn places(&self, area: &Area, wholly: bool) -> [std::ops::Range<usize>; 2] {
        let Area { x0, y0, x1, y1 } = self.sheet;
        [InkMap::squares(x0, x1, [area.x0, area.x1], wholly), InkMap::squares(y0, y1, [area.y0, area.y1], wholly)]
    }

    fn bits(columns: &std::ops::Range<usize>) -> impl Iterator<Item = (usize, u64)> {
        let (from, to) = (columns.start, columns.end);
        (from / 64..to.div_ceil(64)).map(move |i| {
            let (low, high) = (from.max(64 * i) - 64 * i, to.min(64 * i + 64) - 64 * i);
            (i, between(low, high))
        })
    }

    /// Enters an area; returns how many steps that took.
    pub fn add(&mut self, area: &Area) -> usize {
        let [columns, rows] = self.places(area, false);
        let steps = rows.len() * (20 + columns.len() / 4);
        self.rows.resize(SQUARES, [0; SQUARES / 64]);
        for row in self.rows.get_mut(rows).unwrap_or_default() {
            for (i, bits) in InkMap::bits(&columns) {
                if let Some(word) = row.get_mut(i) {
                    *word |= bits;
                }
            }
        }
        steps
    }

    /// Whether anything lies where an area is.
    pub fn meets(&self, area: &Area) -> bool {
        let [columns, rows] = self.places(area, true);
        let any = |row: &[u64; SQUARES / 64]| {
            InkMap::bits(&columns).any(|(i, bits)| row.get(i).is_some_and(|word| word & bits != 0))
        };
        self.rows.get(rows).unwrap_or_default().iter().any(any)
    }
}
