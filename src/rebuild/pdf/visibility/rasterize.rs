//! The rasterizer: determines which cells of a grid a shape covers, wholly or in part.

use super::cells::{Rows, SIDE, Window, between};
use super::coverage::Coverage;
use crate::rebuild::pdf::geometry::Edge;

/// Reusable buffers: where edges cross the middle of a row (row, column position and direction), and the coverage of
/// each cell.
#[derive(Default)]
pub(super) struct Scratch {
    crossings: Vec<(u32, f32, i32)>,
    pub part: Coverage,
}

/// The cells of a window that an area covers.
pub(super) struct Covered {
    /// Cells whose middle is in the area.
    pub middle: Rows,
    /// Cells that one of its edges touches.
    pub edge: Rows,
}

impl Covered {
    /// Returns the cells that are wholly inside.
    pub fn inner(&self) -> Rows {
        let mut rows = self.middle;
        rows.iter_mut().zip(&self.edge).for_each(|(row, edge)| *row &= !edge);
        rows
    }

    /// Returns the cells that are inside at least in part.
    pub fn outer(&self) -> Rows {
        let mut rows = self.middle;
        rows.iter_mut().zip(&self.edge).for_each(|(row, edge)| *row |= edge);
        rows
    }
}

/// Returns what the area within `edges`, moved by `shift`, covers of `window`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::pdf::geometry::Area;
    use crate::rebuild::pdf::visibility::cells::count;

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
                // An edge on the boundary of two cells touches one or both.
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
}
