//! A coarse map of the parts of a page that are not blank.

use super::cells::between;
use crate::rebuild::pdf::geometry::Area;

/// Squares along one side of a sheet, one bit each.
const SQUARES: usize = 512;

/// The squares of a sheet with anything other than white on them. Marks are entered only when the map is queried.
pub(super) struct InkMap {
    sheet: Area,
    rows: Vec<[u64; SQUARES / 64]>,
    /// Number of marks that were entered.
    pub entered: usize,
}

impl InkMap {
    /// Returns the map of a blank sheet.
    pub fn new(sheet: Area) -> InkMap {
        InkMap { sheet, rows: Vec::new(), entered: 0 }
    }

    /// Returns the squares between two positions of a side: if `wholly` is set those that are entirely between them,
    /// else all that are touched.
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

    /// Enters an area; returns the number of steps that it took.
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

    /// Whether anything lies under an area.
    pub fn meets(&self, area: &Area) -> bool {
        let [columns, rows] = self.places(area, true);
        let any = |row: &[u64; SQUARES / 64]| {
            InkMap::bits(&columns).any(|(i, bits)| row.get(i).is_some_and(|word| word & bits != 0))
        };
        self.rows.get(rows).unwrap_or_default().iter().any(any)
    }
}
