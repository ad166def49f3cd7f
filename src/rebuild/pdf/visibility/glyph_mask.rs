//! Glyph masks: the ink of one glyph in one style, rasterized once and used wherever the glyph occurs.

use super::budget::Budget;
use super::cells::{Rows, SIDE, Window, count, dilated};
use super::glyph::letter;
use super::mark::{GlyphStyle, Letter};
use super::rasterize::{Covered, Scratch, cover};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::coverage::{Bound, Coverage};
use crate::rebuild::Fault;
use crate::rebuild::pdf::font::Font;
use crate::rebuild::pdf::geometry::{Area, Edge, Matrix, Step, filled, lines, stroked};

/// The number of cells for the size of a glyph, and for the margin that counts as its surroundings.
const CELLS: f64 = 40.0;
pub(super) const AROUND: usize = 2;
/// Strokes appear in their full colour if they are one cell thick, or this many points, whatever the glyph's size.
const THICK: f64 = 0.5;
/// The thickness at which a line of width zero is drawn, in points: one dot at 300 dpi.
const HAIR: f64 = 0.25;

/// Which ink of a filled and stroked glyph is read: both, the strokes alone, or the fill that they leave visible. One
/// that is legible suffices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Read {
    Both,
    Line,
    Fill,
}

/// The ink of a glyph, read in one way.
pub(super) struct Inked {
    pub read: Read,
    pub cells: Rows,
    /// All cells that it touches.
    pub touched: Rows,
    /// The ink in cells, and what remains of it outside the glyph's own strokes.
    pub all: f32,
    pub left: f32,
    /// The average thickness of its strokes, in points.
    thick: f64,
}

impl Inked {
    /// Returns how solid the glyph appears, from 0 to 1, when the fraction `left` of its ink remains: the thickness of
    /// its strokes relative to the thinnest that appear in their full colour.
    pub fn solid(&self, left: f32, points: f64) -> f32 {
        (self.thick * f64::from(left) / (points / CELLS).min(THICK)).clamp(0.0, 1.0) as f32
    }
}

/// The ink of a glyph whose origin is at zero.
pub(super) struct GlyphMask {
    /// The grid in which it is judged: it holds the ink and a margin around it.
    pub window: Window,
    /// The bounding box of the ink.
    pub area: Area,
    pub inks: Vec<Inked>,
    /// The cells closely around the ink.
    pub ring: Rows,
    /// Those of them that are beside the glyph: before the start of its ink along the baseline, or after its end.
    pub beside: Rows,
    /// The coverage of each cell by fill and, below, by stroke.
    fill: Vec<u8>,
    line: Vec<u8>,
    fill_edges: Vec<Edge>,
    line_edges: Vec<Edge>,
}

impl GlyphMask {
    fn new(look: &GlyphStyle, steps: &[Step], scratch: &mut Scratch, budget: &mut Budget) -> Result<GlyphMask, Fault> {
        let (mut fill_edges, mut line_edges) = (Vec::new(), Vec::new());
        let place = |matrix: Matrix| {
            let [a, b, c, d, ..] = matrix.0;
            Matrix([a, b, c, d, 0.0, 0.0])
        };
        let (text, page) = (place(look.text), place(look.page));
        let mut placed = lines(steps, look.matrix().determinant().abs().sqrt());
        for point in placed.iter_mut().flat_map(|line| &mut line.points) {
            *point = text.point(point.0, point.1);
        }
        if look.fill.is_some() {
            filled(&placed, page, &mut fill_edges);
        }
        if let Some((_, pen)) = &look.line {
            placed.iter_mut().for_each(|line| line.closed = true);
            stroked(&placed, pen, HAIR, page, &mut line_edges);
        }
        let mut area = Area::EMPTY;
        for [x0, y0, x1, y1] in fill_edges.iter().chain(&line_edges) {
            area.add((f64::from(*x0), f64::from(*y0)));
            area.add((f64::from(*x1), f64::from(*y1)));
        }
        if area.is_empty() {
            area = Area { x0: 0.0, y0: 0.0, x1: 0.0, y1: 0.0 };
        }
        // The margin has room for the surroundings and for a cell that is cut.
        let room = 2 * AROUND + 1;
        let most = (area.x1 - area.x0).max(area.y1 - area.y0);
        let cell = (look.points / CELLS).max(most / (SIDE - room - 1) as f64).max(1e-3);
        let cells = |length: f64| ((length / cell).ceil() as usize + room).min(SIDE);
        let window = Window {
            x: area.x0 - cell * AROUND as f64,
            y: area.y0 - cell * AROUND as f64,
            across: cell,
            up: cell,
            columns: cells(area.x1 - area.x0),
            rows: cells(area.y1 - area.y0),
        };
        budget.charge(4000 + 150 * (fill_edges.len() + line_edges.len()))?;
        let (fill_covered, fill) = inked(&fill_edges, &window, scratch, budget)?;
        let (line_covered, line) = inked(&line_edges, &window, scratch, budget)?;
        let touched = joined(&fill_covered.outer(), &line_covered.outer());
        let mut ring = dilated(&touched, AROUND, &window);
        ring.iter_mut().zip(&touched).for_each(|(row, ink)| *row &= !ink);
        let beside = beside(&ring, &window, look.matrix(), [&fill_edges, &line_edges]);
        let mut stamp = GlyphMask { window, area, inks: Vec::new(), ring, beside, fill, line, fill_edges, line_edges };
        let (filled, lined) = (finest(&fill_covered), finest(&line_covered));
        // Edges that are drawn twice or cross themselves only make strokes appear thinner.
        let length = |[x0, y0, x1, y1]: &Edge| f64::from((x1 - x0).hypot(y1 - y0));
        let around: f64 = stamp.fill_edges.iter().map(length).sum();
        let fill_thick = 2.0 * f64::from(sum(&stamp.fill)) * cell * cell / around.max(1e-9);
        let line_thick = look.line.map_or(0.0, |(_, pen)| (pen.width * page.min_scale()).max(HAIR));
        let reads: &[(Read, Rows, Rows)] = match (look.fill.is_some(), look.line.is_some()) {
            (true, true) => &[
                (Read::Both, joined(&filled, &lined), touched),
                (Read::Line, lined, line_covered.outer()),
                (Read::Fill, filled, fill_covered.outer()),
            ],
            (true, false) => &[(Read::Fill, filled, touched)],
            (false, true) => &[(Read::Line, lined, touched)],
            (false, false) => &[],
        };
        for (read, cells, touched) in reads {
            let left = sum(&stamp.shown(*read));
            let all = if *read == Read::Fill { sum(&stamp.fill) } else { left };
            let thick = match read {
                Read::Both => fill_thick.max(line_thick),
                Read::Line => line_thick,
                Read::Fill => fill_thick,
            };
            stamp.inks.push(Inked { read: *read, cells: *cells, touched: *touched, all, left, thick });
        }
        Ok(stamp)
    }

    /// Loads the coverage of each cell, as it is read, into `plane`.
    pub fn load(&self, read: Read, plane: &mut Coverage) {
        plane.clear();
        plane.unpack(&self.shown(read), &self.window);
    }

    fn shown(&self, read: Read) -> Cow<'_, [u8]> {
        let joined =
            |of: fn(u8, u8) -> u8| self.fill.iter().zip(&self.line).map(|(fill, line)| of(*fill, *line)).collect();
        match read {
            Read::Line => Cow::Borrowed(&self.line),
            Read::Fill if self.line.is_empty() => Cow::Borrowed(&self.fill),
            Read::Fill => Cow::Owned(joined(u8::saturating_sub)),
            Read::Both => Cow::Owned(joined(u8::max)),
        }
    }

    /// Returns all cells with ink.
    pub fn ink(&self) -> Rows {
        self.inks.first().map_or([0; SIDE], |inked| inked.cells)
    }

    /// Returns its ink in another window, with its origin at `at`.
    ///
    /// # Errors
    /// `pdf.size` if the budget is exhausted.
    pub fn ink_in(
        &self,
        window: &Window,
        at: (f64, f64),
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Result<Rows, Fault> {
        let (x, y) = (at.0 + self.window.x - window.x, at.1 + self.window.y - window.y);
        budget.charge(500)?;
        let alike = (window.across - self.window.across).abs() < 1e-6 * window.across;
        if alike {
            let steps = |length: f64| (length / window.across).round() as i64;
            return Ok(super::cells::shifted(&self.ink(), steps(x), steps(y)));
        }
        let [fill, line] = self.covers(window, at, scratch, budget)?;
        Ok(joined(&fill.middle, &line.middle))
    }

    /// Returns what it covers of another window, with its origin at `at`: by its fill and by its strokes.
    ///
    /// # Errors
    /// `pdf.size` if the budget is exhausted.
    pub fn covers(
        &self,
        window: &Window,
        at: (f64, f64),
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Result<[Covered; 2], Fault> {
        budget.charge(500 + 40 * (self.fill_edges.len() + self.line_edges.len()))?;
        Ok([&self.fill_edges, &self.line_edges].map(|edges| cover(edges, false, at, window, scratch)))
    }
}

/// Returns what `edges` cover of a window, and the coverage of each cell.
fn inked(
    edges: &[Edge],
    window: &Window,
    scratch: &mut Scratch,
    budget: &mut Budget,
) -> Result<(Covered, Vec<u8>), Fault> {
    let covered = cover(edges, false, (0.0, 0.0), window, scratch);
    if edges.is_empty() {
        return Ok((covered, Vec::new()));
    }
    scratch.part.measure((edges, false, (0.0, 0.0)), window, &covered.outer(), Bound::Least, budget)?;
    Ok((covered, scratch.part.packed(window)))
}

/// Returns the cells of `ring` that are before all `edges` or after them, along the baseline of glyphs with this
/// matrix.
fn beside(ring: &Rows, window: &Window, matrix: Matrix, edges: [&[Edge]; 2]) -> Rows {
    let mut rows = [0; SIDE];
    let Some(back) = matrix.inverse() else { return rows };
    let along = |x: f64, y: f64| back.point(x, y).0;
    let ends = edges.into_iter().flatten().flat_map(|[x0, y0, x1, y1]| [(*x0, *y0), (*x1, *y1)]);
    let (first, last) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(first, last), (x, y)| {
        let at = along(f64::from(x), f64::from(y));
        (first.min(at), last.max(at))
    });
    for (r, (row, ring)) in rows.iter_mut().zip(ring).enumerate() {
        let y = window.y + window.up * (r as f64 + 0.5);
        for column in (0..window.columns.min(SIDE)).filter(|column| ring >> column & 1 == 1) {
            let at = along(window.x + window.across * (column as f64 + 0.5), y);
            *row |= u64::from(at < first || at > last) << column;
        }
    }
    rows
}

/// Returns the sum of packed coverages, in cells.
fn sum(parts: &[u8]) -> f32 {
    parts.iter().map(|part| u32::from(*part)).sum::<u32>() as f32 / 255.0
}

/// Returns every cell that is touched: very fine ink lies between the middles of cells.
fn finest(covered: &Covered) -> Rows {
    let thin = 4 * count(&covered.middle) < count(&covered.edge);
    if thin { covered.outer() } else { covered.middle }
}

fn joined(one: &Rows, other: &Rows) -> Rows {
    let mut rows = *one;
    rows.iter_mut().zip(other).for_each(|(row, other)| *row |= other);
    rows
}

/// Maximum number of cached masks.
const KEPT_MAX: usize = 1000;

/// Cached masks, by shape, font and code.
#[derive(Default)]
pub(super) struct GlyphMaskCache {
    shapes: BTreeMap<[u64; 13], u32>,
    /// The number of the next shape.
    next: u32,
    kept: BTreeMap<(u32, u32, u8), Rc<GlyphMask>>,
}

impl GlyphMaskCache {
    /// Returns the number of a style's shape: everything in it except the colours.
    pub fn shape(&mut self, look: &GlyphStyle) -> u32 {
        let mut key = [0; 13];
        let pen = look.line.map_or([0.0; 3], |(_, pen)| [pen.width, pen.miter, f64::from(pen.join)]);
        let (text, page) = (look.text.0, look.page.0);
        let numbers = text[..4].iter().chain(&page[..4]).chain(&pen).chain([&look.points]);
        key.iter_mut().zip(numbers).for_each(|(key, number)| *key = number.to_bits());
        key[12] = u64::from(look.fill.is_some()) << 1 | u64::from(look.line.is_some());
        if self.shapes.len() >= KEPT_MAX {
            self.shapes.clear();
        }
        // INVARIANT: a number never stands for two shapes, or a glyph would be judged by the ink of another.
        let next = self.next;
        let number = *self.shapes.entry(key).or_insert(next);
        self.next += u32::from(number == next);
        number
    }

    /// Returns the mask of a glyph.
    pub fn of(
        &mut self,
        (shape, look): (u32, &GlyphStyle),
        of: &Letter,
        fonts: &[Font],
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Result<Rc<GlyphMask>, Fault> {
        let key = (shape, of.font, of.code);
        if let Some(stamp) = self.kept.get(&key) {
            return Ok(Rc::clone(stamp));
        }
        let steps = letter(fonts, of.font as usize, of.code).map_or_else(Vec::new, |(_, steps)| steps);
        let stamp = Rc::new(GlyphMask::new(look, &steps, scratch, budget)?);
        if self.kept.len() >= KEPT_MAX {
            self.kept.clear();
        }
        self.kept.insert(key, Rc::clone(&stamp));
        Ok(stamp)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rebuild::pdf::colour::Colour;

    #[test]
    fn no_number_stands_for_two_shapes_however_many_there_are() {
        let mut stamps = GlyphMaskCache::default();
        let mut shape = |points: f64| {
            let (fill, line) = (Some(Colour::BLACK), None);
            stamps.shape(&GlyphStyle {
                text: Matrix::IDENTITY,
                page: Matrix::IDENTITY,
                fill,
                line,
                alpha: [1.0; 2],
                points,
            })
        };
        let first = shape(1.0);
        assert_eq!(shape(1.0), first);
        let numbers: BTreeSet<u32> = (0..3 * KEPT_MAX).map(|n| shape(2.0 + n as f64)).collect();
        assert!(numbers.len() == 3 * KEPT_MAX && !numbers.contains(&first));
    }
}
