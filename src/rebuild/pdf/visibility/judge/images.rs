//! Images: whether they are entirely visible, and the colours behind text on them.

use crate::rebuild::pdf::visibility::cells::{Rows, SIDE, Window, count};
use crate::rebuild::pdf::visibility::mark::{Kind, Mark};
use std::rc::Rc;

use super::Judge;
use crate::rebuild::Fault;
use crate::rebuild::pdf::colour::Colour;
use crate::rebuild::pdf::geometry::Matrix;
use crate::rebuild::pdf::visibility::pixels::{Blocks, Pixels};

/// Maximum fraction of an image that may be covered, and that may be touched by lines.
const COVERED: f32 = 0.01;
const TOUCHED: f32 = 0.2;

impl Judge<'_> {
    /// Returns the colours of an image with text on it.
    pub(super) fn blocks(&mut self, number: usize) -> Result<Rc<Blocks>, Fault> {
        if let Some(blocks) = self.scene.context.blocks.get(&number) {
            return Ok(Rc::clone(blocks));
        }
        let image = self.images.get(number).ok_or_else(|| Fault::new("pdf.image", "a missing image"))?;
        self.scene.context.budget.charge(60 * image.width * image.height)?;
        let blocks = Rc::new(Blocks::of(&Pixels::of(image)?));
        // Few images have text on them; those of a document share a small cache.
        if self.scene.context.blocks.len() >= 8 {
            self.scene.context.blocks.clear();
        }
        self.scene.context.blocks.insert(number, Rc::clone(&blocks));
        Ok(blocks)
    }

    /// Checks that an image is drawn large enough for its pixels to be visible.
    pub(super) fn size(&self, mark: &Mark, pixels: (usize, usize), points: (f64, f64)) -> Result<(), Fault> {
        let small = |pixels: usize, points: f64| {
            pixels as f64 > points * self.scene.context.thresholds.pixels_per_point || pixels > 4 && points < 4.0
        };
        if points.0.max(points.1) < 4.0 || small(pixels.0, points.0) || small(pixels.1, points.1) {
            let what = "an image too small to be seen: draw it larger, or with fewer pixels";
            return Err(self.scene.hidden((mark.area.x0, mark.area.y0), what));
        }
        Ok(())
    }

    /// Judges an image: it must be large enough, and entirely visible.
    ///
    /// # Errors
    /// `pdf.hidden` if it is not; `pdf.size` if the budget is exhausted.
    pub(super) fn image(&mut self, i: usize, mark: &Mark) -> Result<(), Fault> {
        let cells = SIDE - 2;
        let (across, up) = (mark.area.x1 - mark.area.x0, mark.area.y1 - mark.area.y0);
        let side = |length: f64| (length / cells as f64).max(1e-6);
        let (x, y) = (mark.area.x0, mark.area.y0);
        let window = Window { x, y, across: side(across), up: side(up), columns: cells, rows: cells };
        let looked = self.grid.near(&mark.area, self.marks, &mut self.found);
        self.scene.context.budget.charge(2000 + 6 * looked + 40 * self.found.len())?;
        let own = self.covered(mark, &window)?.0;
        let (mut gone, mut once) = ([0; SIDE], [0; SIDE]);
        let found = std::mem::take(&mut self.found);
        for other in found.iter().take_while(|m| **m as usize > i).map(|m| &self.marks[*m as usize]) {
            if !matches!(other.kind, Kind::Letter(_)) {
                let (inner, outer) = self.covered(other, &window)?;
                for r in 0..SIDE {
                    gone[r] |= own[r] & (inner[r] | once[r] & outer[r]);
                    once[r] |= own[r] & outer[r];
                }
            }
        }
        self.found = found;
        let all = count(&own) as f32;
        if count(&gone) as f32 > COVERED * all || count(&once) as f32 > TOUCHED * all {
            let what = "a covered image: crop the image itself, or remove what covers it";
            return Err(self.scene.hidden((x, y), what));
        }
        Ok(())
    }
}

/// Whether two colours are both lighter than all others, or both darker.
pub(super) fn sides(colours: impl Iterator<Item = Colour>, dark: Colour, light: Colour) -> bool {
    let mut colours = colours;
    colours.all(|colour| dark.is_lighter(colour) == light.is_lighter(colour))
}

/// Sets the cells of `here` in which all colours of an image satisfy `all`.
pub(super) fn upon(
    blocks: &Blocks,
    matrix: &Matrix,
    window: &Window,
    here: &Rows,
    all: impl Fn(Colour, Colour) -> bool,
    rows: &mut Rows,
) {
    let Some(back) = matrix.inverse() else { return };
    for (r, (row, here)) in rows.iter_mut().zip(here).enumerate().take(window.rows) {
        let mut cells = *here;
        while cells != 0 {
            let column = cells.trailing_zeros();
            cells &= cells - 1;
            let x = window.x + window.across * (f64::from(column) + 0.5);
            let (u, v) = back.point(x, window.y + window.up * (r as f64 + 0.5));
            if blocks.at(u, 1.0 - v).is_some_and(|(dark, light)| all(dark, light)) {
                *row |= 1 << column;
            }
        }
    }
}
