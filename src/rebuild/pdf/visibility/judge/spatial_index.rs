//! A spatial index of marks: each is entered in every square of the page that it meets; large ones are kept separately.

use crate::rebuild::pdf::geometry::Area;
use crate::rebuild::pdf::visibility::mark::Mark;

/// Squares along one side of a sheet.
const SQUARES: usize = 64;
/// Approximate maximum number of entries of one page.
const ENTRIES: usize = 500_000;

/// The marks of a page by place.
pub(super) struct Grid {
    sheet: Area,
    /// The index of the first entry of each square.
    begins: Vec<u32>,
    entries: Vec<u32>,
    /// Marks that meet too many squares to be entered.
    wide: Vec<u32>,
}

impl Grid {
    /// Returns an index of `marks`.
    pub fn new(sheet: Area, marks: &[Mark]) -> Grid {
        let most = (ENTRIES / marks.len().max(1)).clamp(8, 512);
        let mut grid = Grid { sheet, begins: vec![0; SQUARES * SQUARES + 1], entries: Vec::new(), wide: Vec::new() };
        for (i, mark) in marks.iter().enumerate() {
            let [x, y] = grid.squares(&mark.area);
            if x.len() * y.len() > most {
                grid.wide.push(i as u32);
                continue;
            }
            for square in y.flat_map(|y| x.clone().map(move |x| y * SQUARES + x)) {
                grid.begins[square + 1] += 1;
            }
        }
        for square in 1..grid.begins.len() {
            grid.begins[square] += grid.begins[square - 1];
        }
        grid.entries = vec![0; grid.begins.last().map_or(0, |n| *n as usize)];
        let mut next = grid.begins.clone();
        for (i, mark) in marks.iter().enumerate() {
            let [x, y] = grid.squares(&mark.area);
            if x.len() * y.len() > most {
                continue;
            }
            for square in y.flat_map(|y| x.clone().map(move |x| y * SQUARES + x)) {
                grid.entries[next[square] as usize] = i as u32;
                next[square] += 1;
            }
        }
        grid
    }

    /// Returns the number of entries.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    fn squares(&self, area: &Area) -> [std::ops::Range<usize>; 2] {
        let along = |from: f64, to: f64, low: f64, high: f64| {
            let square =
                |at: f64| (((at - low) / (high - low) * SQUARES as f64) as i64).clamp(0, SQUARES as i64 - 1) as usize;
            square(from)..square(to) + 1
        };
        let Area { x0, y0, x1, y1 } = self.sheet;
        [along(area.x0, area.x1, x0, x1), along(area.y0, area.y1, y0, y1)]
    }

    /// Collects the marks that meet `area` in `found`, the last one first; returns the number of marks that were
    /// examined.
    pub fn near(&self, area: &Area, marks: &[Mark], found: &mut Vec<u32>) -> usize {
        found.clear();
        let [x, y] = self.squares(area);
        let mut looked = self.wide.len();
        let meets = |i: &&u32| marks.get(**i as usize).is_some_and(|mark| close(&mark.area, area));
        found.extend(self.wide.iter().filter(meets));
        for square in y.flat_map(|y| x.clone().map(move |x| y * SQUARES + x)) {
            let (from, to) = (self.begins[square] as usize, self.begins[square + 1] as usize);
            looked += to - from;
            found.extend(self.entries[from..to].iter().filter(meets));
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        looked
    }
}

/// Whether two areas meet; an area may have zero width.
fn close(a: &Area, b: &Area) -> bool {
    a.x0 <= b.x1 && b.x0 <= a.x1 && a.y0 <= b.y1 && b.y0 <= a.y1
}
