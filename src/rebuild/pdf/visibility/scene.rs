//! A page as a display list: everything that it paints, in painting order, in points.

use super::context::Context;
use super::ink_map::InkMap;
use super::mark::{Clip, Cut, GlyphStyle, Kind, Letter, Mark, Placed};
use crate::rebuild::Fault;
use crate::rebuild::pdf::colour::Colour;
use crate::rebuild::pdf::geometry::{Area, Edge, Matrix, Pen, Step, THIN, disputed, filled, lines, rectangle, stroked};

/// Maximum marks on one page, and maximum straight edges.
const MARKS_MAX: usize = 50_000;
const EDGES_MAX: usize = 300_000;

/// Letters must be at least this fraction of the longer side of the sheet. That is no restriction up to A1, and two
/// millimetres on A0.
const SHEET_LETTERS: f64 = 600.0;

/// Maximum clip shapes (other than rectangles) of one page, and maximum nesting of them.
const CUTS_MAX: usize = 4000;
const CUTS_DEPTH_MAX: u8 = 12;

/// How an area is painted.
#[derive(Clone, Copy)]
struct Paint {
    even_odd: bool,
    colour: Colour,
    alpha: f32,
    upright: Option<Area>,
    whole: bool,
    shown: bool,
}

/// A page.
pub(in crate::rebuild::pdf) struct Scene {
    pub context: Context,
    pub sheet: Area,
    /// Its rotation in degrees and, below, its page number from one.
    pub(super) rotate: usize,
    number: usize,
    pub(super) marks: Vec<Mark>,
    pub(super) edges: Vec<Edge>,
    pub(super) looks: Vec<GlyphStyle>,
    pub(super) clips: Vec<Clip>,
    cuts: Vec<Cut>,
    pub(super) words: u32,
    inked: InkMap,
    /// The current opacity of fills and of strokes.
    pub alphas: [f32; 2],
    /// Inside a transparency group that is not opaque, the number of marks before it: none of them may be beneath the
    /// group.
    pub marks_before: Option<usize>,
}

impl Scene {
    /// Returns an empty page of this sheet, rotated by `rotate` degrees, with its page number from one.
    pub fn new(context: Context, sheet: Area, rotate: usize, number: usize) -> Scene {
        let (marks, edges, looks) = (Vec::new(), Vec::new(), Vec::new());
        let (clips, cuts) = (Vec::new(), Vec::new());
        let inked = InkMap::new(sheet);
        let alphas = [1.0; 2];
        Scene {
            context,
            sheet,
            rotate,
            number,
            marks,
            edges,
            looks,
            clips,
            cuts,
            words: 0,
            inked,
            alphas,
            marks_before: None,
        }
    }

    /// Returns the minimum font size on this sheet, in points: the configured one, or more on a large sheet, so that
    /// letters are visible when the whole sheet is shown.
    pub fn letter_points(&self) -> f64 {
        let Area { x0, y0, x1, y1 } = self.sheet;
        self.context.thresholds.letter_points.max((x1 - x0).max(y1 - y0) / SHEET_LETTERS)
    }

    /// Returns a fault at a place of the page, given in distances from its left and lower edge as displayed.
    pub fn fault(&self, code: &'static str, (x, y): (f64, f64), what: &str) -> Fault {
        let Area { x0, y0, x1, y1 } = self.sheet;
        let (left, up) = match self.rotate {
            90 => (y - y0, x1 - x),
            180 => (x1 - x, y1 - y),
            270 => (y1 - y, x - x0),
            _ => (x - x0, y - y0),
        };
        let number = self.number;
        Fault::new(code, format!("page {number}, {left:.0} pt from the left and {up:.0} from below: {what}"))
    }

    /// Returns a `pdf.hidden` fault at a place of the page.
    pub fn hidden(&self, at: (f64, f64), what: &str) -> Fault {
        self.fault("pdf.hidden", at, what)
    }

    /// Fills a path.
    pub fn fill(
        &mut self,
        steps: &[Step],
        matrix: Matrix,
        even_odd: bool,
        colour: Colour,
        clip: &Clip,
    ) -> Result<(), Fault> {
        let upright = rectangle(steps, matrix);
        let from = self.edges.len();
        filled(&lines(steps, matrix.determinant().abs().sqrt()), matrix, &mut self.edges);
        self.area(from, clip, Paint { even_odd, colour, alpha: self.alphas[0], upright, whole: true, shown: true })
    }

    /// Strokes a path.
    pub fn stroke(
        &mut self,
        steps: &[Step],
        pen: &Pen,
        matrix: Matrix,
        colour: Colour,
        clip: &Clip,
    ) -> Result<(), Fault> {
        let lines = lines(steps, matrix.determinant().abs().sqrt());
        // Lines with other caps than butt or other joins than miter may be approximated by larger areas: they count as
        // covering, but not as a background for text.
        let whole = !pen.dashed && pen.cap == 0 && pen.join == 0;
        let paint = Paint { even_odd: false, colour, alpha: self.alphas[1], upright: None, whole, shown: true };
        let from = self.edges.len();
        stroked(&lines, pen, THIN, matrix, &mut self.edges);
        self.area(from, clip, paint)?;
        let from = self.edges.len();
        disputed(&lines, pen, matrix, &mut self.edges);
        self.area(from, clip, Paint { whole: false, shown: false, ..paint })
    }

    fn area(&mut self, from: usize, clip: &Clip, paint: Paint) -> Result<(), Fault> {
        let edges = self.edges.get(from..).unwrap_or_default();
        let mut area = Area::EMPTY;
        for [x0, y0, x1, y1] in edges {
            area.add((f64::from(*x0), f64::from(*y0)));
            area.add((f64::from(*x1), f64::from(*y1)));
        }
        self.context.budget.charge(200 + 60 * edges.len())?;
        if area.is_empty() {
            return Ok(());
        }
        // Thin areas are visible, and so are those along the edge of the page.
        let area = area.intersection(&clip.area);
        if area.is_empty() {
            self.edges.truncate(from);
            return Ok(());
        }
        let edges = (from as u32, self.edges.len() as u32);
        let Paint { even_odd, mut colour, mut alpha, upright, whole, shown } = paint;
        if alpha < 1.0 && !self.upon(&area)? {
            // Over a blank page it is an opaque, paler colour.
            (colour, alpha) = (Colour::WHITE.blended_with(colour, alpha), 1.0);
        }
        let upright = upright.is_some() && clip.cut.is_none();
        self.put(area, clip, Kind::Area { edges, even_odd, colour, alpha, upright, whole, shown })
    }

    /// Intersects the clip with a path.
    pub fn cut(&mut self, steps: &[Step], matrix: Matrix, even_odd: bool, clip: &Clip) -> Result<Clip, Fault> {
        let from = self.edges.len();
        filled(&lines(steps, matrix.determinant().abs().sqrt()), matrix, &mut self.edges);
        let mut area = Area::EMPTY;
        for [x0, y0, x1, y1] in self.edges.get(from..).unwrap_or_default() {
            area.add((f64::from(*x0), f64::from(*y0)));
            area.add((f64::from(*x1), f64::from(*y1)));
        }
        self.context.budget.charge(200 + 60 * (self.edges.len() - from))?;
        let depth = self.cuts_of(clip).next().map_or(0, |cut| cut.depth + 1);
        if self.cuts.len() >= CUTS_MAX || depth >= CUTS_DEPTH_MAX || self.edges.len() > EDGES_MAX {
            let what = "too many clipping paths on a page: remove some";
            return Err(self.fault("pdf.size", (area.x0, area.y0), what));
        }
        let edges = (from as u32, self.edges.len() as u32);
        self.cuts.push(Cut { edges, even_odd, outer: clip.cut, depth });
        Ok(Clip { area: clip.area.intersection(&area), cut: Some((self.cuts.len() - 1) as u32) })
    }

    /// Returns the shapes of a clip, the innermost first.
    pub(super) fn cuts_of(&self, clip: &Clip) -> impl Iterator<Item = Cut> {
        let at = |cut: Option<u32>| cut.and_then(|cut| self.cuts.get(cut as usize)).copied();
        std::iter::successors(at(clip.cut), move |cut| at(cut.outer))
    }

    /// Draws an image in the unit square.
    pub fn image(&mut self, number: usize, matrix: Matrix, clip: &Clip) -> Result<(), Fault> {
        let area = matrix.area([0.0, 0.0, 1.0, 1.0]);
        let at = (area.x0, area.y0);
        if clip.cut.is_some() || !self.sheet.intersection(&clip.area).contains(&area, 1.0) {
            return Err(self.hidden(at, "a clipped image: crop the image itself, and draw all of it"));
        }
        let from = self.edges.len();
        let square = [Step::To([0.0, 0.0]), Step::Line([1.0, 0.0]), Step::Line([1.0, 1.0]), Step::Line([0.0, 1.0])];
        filled(&lines(&square, 1.0), matrix, &mut self.edges);
        let edges = (from as u32, self.edges.len() as u32);
        self.context.budget.charge(1000)?;
        self.put(area, clip, Kind::Image { number, edges, matrix: Box::new(matrix) })
    }

    /// Returns the index of a style.
    pub fn look(&mut self, look: GlyphStyle) -> u32 {
        if self.looks.last() != Some(&look) {
            self.looks.push(look);
        }
        (self.looks.len() - 1) as u32
    }

    /// Whether anything other than white lies under an area.
    fn upon(&mut self, area: &Area) -> Result<bool, Fault> {
        let mut steps = 100;
        for mark in self.marks.get(self.inked.entered..).unwrap_or_default() {
            if !matches!(mark.kind, Kind::Area { colour: Colour::WHITE, .. }) {
                steps += self.inked.add(&mark.area);
            }
        }
        self.inked.entered = self.marks.len();
        self.context.budget.charge(steps)?;
        Ok(self.inked.meets(area))
    }

    /// Returns the index of a style's opaque equivalent over a blank page; cached for the glyphs that follow.
    fn bare(&mut self, look: u32, bare: GlyphStyle) -> u32 {
        if self.looks.get(look as usize + 1) == Some(&bare) {
            return look + 1;
        }
        self.looks.push(bare);
        (self.looks.len() - 1) as u32
    }

    /// Draws a glyph with ink, of the word with this index.
    pub fn letter(&mut self, look: u32, letter: &Placed, word: u32, clip: &Clip) -> Result<(), Fault> {
        let Some(of) = self.looks.get(look as usize) else { return Ok(()) };
        let [a, b, c, d, ..] = of.matrix().0;
        let mut area = Matrix([a, b, c, d, letter.at.0, letter.at.1]).area(letter.bounds);
        if let Some((_, pen)) = &of.line {
            let half = pen.width.abs() * of.page.determinant().abs().sqrt();
            area = Area { x0: area.x0 - half, y0: area.y0 - half, x1: area.x1 + half, y1: area.y1 + half };
        }
        self.context.budget.charge(150)?;
        let of = *of;
        let look = if of.alpha != [1.0; 2] && !self.upon(&area.intersection(&clip.area))? {
            let GlyphStyle { fill, line, alpha, .. } = of;
            let pale = |colour: Colour, alpha: f32| Colour::WHITE.blended_with(colour, alpha);
            let fill = fill.map(|fill| pale(fill, alpha[0]));
            let line = line.map(|(line, pen)| (pale(line, alpha[1]), pen));
            let bare = GlyphStyle { fill, line, alpha: [1.0; 2], ..of };
            self.bare(look, bare)
        } else {
            look
        };
        let (font, code, alphanumeric, at) = (letter.font as u32, letter.code, letter.alphanumeric, letter.at);
        self.put(area, clip, Kind::Letter(Letter { look, font, code, alphanumeric, word, at }))
    }

    /// Returns the index of a new word.
    pub fn word(&mut self) -> u32 {
        self.words += 1;
        self.words - 1
    }

    /// Returns the number of marks.
    pub fn marks(&self) -> usize {
        self.marks.len()
    }

    /// Checks that none of the first `before` marks lies beneath `area`, except white ones.
    ///
    /// # Errors
    /// `pdf.hidden` if one does.
    fn blank(&mut self, area: &Area, before: usize) -> Result<(), Fault> {
        self.context.budget.charge(4 * before)?;
        let white = |mark: &Mark| matches!(mark.kind, Kind::Area { colour: Colour::WHITE, .. });
        let meets = |mark: &Mark| {
            let common = mark.area.intersection(area);
            common.x0 < common.x1 && common.y0 < common.y1
        };
        if self.marks.iter().take(before).any(|mark| !white(mark) && meets(mark)) {
            let what = "a transparent object over other content: draw it first, or in an opaque colour";
            return Err(self.hidden((area.x0, area.y0), what));
        }
        Ok(())
    }

    fn put(&mut self, area: Area, clip: &Clip, kind: Kind) -> Result<(), Fault> {
        if let Some(before) = self.marks_before {
            self.blank(&area, before)?;
        }
        if self.clips.last() != Some(clip) {
            self.clips.push(*clip);
        }
        if self.marks.len() >= MARKS_MAX || self.edges.len() > EDGES_MAX || self.clips.len() > MARKS_MAX {
            return Err(self.fault(
                "pdf.size",
                (area.x0, area.y0),
                "too many graphics objects on one page: split it, or simplify its drawings",
            ));
        }
        let clip = (self.clips.len() - 1) as u32;
        self.marks.push(Mark { area, clip, kind });
        Ok(())
    }
}
