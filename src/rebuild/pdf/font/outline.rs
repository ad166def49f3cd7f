//! The outline of a glyph: lines and curves in whole thousandths of the font size.

use std::fmt::Write as _;

use ttf_parser::OutlineBuilder;

use crate::rebuild::Fault;
use crate::rebuild::pdf::file::object::{Object, Reader};
use crate::rebuild::pdf::geometry;

/// Maximum segments of one outline.
const STEPS_MAX: usize = 4000;
/// Maximum distance of an outline's points from its origin, in thousandths of the font size.
const REACH: f64 = 4000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    To([i32; 2]),
    Line([i32; 2]),
    Curve([i32; 6]),
    Close,
}

/// An outline, filled by the non-zero winding rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::rebuild::pdf) struct Outline {
    steps: Vec<Step>,
}

fn broken() -> Fault {
    Fault::new("pdf.font", "an invalid glyph outline")
}

impl Outline {
    /// Whether nothing is drawn.
    pub fn is_blank(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the bounding box of all its points, control points included, in thousandths of the font size; `None` for
    /// a blank.
    pub fn bounds(&self) -> Option<[i32; 4]> {
        let points = self.steps.iter().flat_map(|step| match step {
            Step::To(p) | Step::Line(p) => &p[..],
            Step::Curve(p) => &p[..],
            Step::Close => &[],
        });
        let (mut bounds, mut any) = ([i32::MAX, i32::MAX, i32::MIN, i32::MIN], false);
        for (i, n) in points.enumerate() {
            any = true;
            let axis = i % 2;
            bounds[axis] = bounds[axis].min(*n);
            bounds[axis + 2] = bounds[axis + 2].max(*n);
        }
        any.then_some(bounds)
    }

    /// Returns the outline of path segments with coordinates in thousandths of the font size.
    ///
    /// # Errors
    /// `pdf.font` if it is too long, too large or malformed.
    pub fn of(steps: &[geometry::Step]) -> Result<Outline, Fault> {
        let mut pen = Pen::new(1.0);
        for step in steps {
            match *step {
                geometry::Step::To(p) => pen.push(p, Step::To),
                geometry::Step::Line(p) => pen.push(p, Step::Line),
                geometry::Step::Curve(p) => pen.push(p, Step::Curve),
                geometry::Step::Close => pen.close(),
            }
        }
        pen.outline()
    }

    /// Returns its path segments.
    pub fn steps(&self) -> Vec<geometry::Step> {
        let step = |step: &Step| match *step {
            Step::To(p) => geometry::Step::To(p.map(f64::from)),
            Step::Line(p) => geometry::Step::Line(p.map(f64::from)),
            Step::Curve(p) => geometry::Step::Curve(p.map(f64::from)),
            Step::Close => geometry::Step::Close,
        };
        self.steps.iter().map(step).collect()
    }

    /// Returns the outline as the content of a Type 3 glyph procedure; empty for a blank.
    pub fn code(&self) -> String {
        let mut out = String::new();
        for step in &self.steps {
            let (points, operator): (&[i32], &str) = match step {
                Step::To(p) => (p, "m"),
                Step::Line(p) => (p, "l"),
                Step::Curve(p) => (p, "c"),
                Step::Close => (&[], "h"),
            };
            for n in points {
                let _ = write!(out, "{n} ");
            }
            out.push_str(operator);
            out.push('\n');
        }
        if !self.is_blank() {
            out.push_str("f\n");
        }
        out
    }

    /// Parses an outline as [`Outline::code`] writes it, up to the end of `reader`.
    ///
    /// # Errors
    /// `pdf.font` if it is written in any other way.
    pub fn read(reader: &mut Reader<'_>) -> Result<Outline, Fault> {
        let (mut steps, mut numbers, mut filled) = (Vec::new(), Vec::new(), false);
        while !reader.at_end() {
            match reader.object()? {
                _ if filled || steps.len() >= STEPS_MAX => return Err(broken()),
                Object::Number(n) if n.fract() == 0.0 && n.abs() <= REACH && numbers.len() < 6 => {
                    numbers.push(n as i32)
                }
                Object::Keyword(word) => {
                    let step = match (word.as_str(), numbers.as_slice()) {
                        ("m", &[x, y]) => Step::To([x, y]),
                        ("l", &[x, y]) if !steps.is_empty() => Step::Line([x, y]),
                        ("c", &[a, b, c, d, e, f]) if !steps.is_empty() => Step::Curve([a, b, c, d, e, f]),
                        ("h", []) if !steps.is_empty() => Step::Close,
                        ("f", []) if !steps.is_empty() => {
                            filled = true;
                            continue;
                        }
                        _ => return Err(broken()),
                    };
                    steps.push(step);
                    numbers.clear();
                }
                _ => return Err(broken()),
            }
        }
        if !numbers.is_empty() || filled == steps.is_empty() {
            return Err(broken());
        }
        Ok(Outline { steps })
    }
}

/// Records the outline that a font program draws.
pub(in crate::rebuild::pdf) struct Pen {
    /// Factors from the program's units to thousandths: horizontal from x, horizontal from y (slant), and vertical from
    /// y.
    scale: [f64; 3],
    at: [f64; 2],
    outline: Outline,
    lost: bool,
}

impl Pen {
    /// Returns a pen that scales coordinates by `scale`.
    pub fn new(scale: f64) -> Pen {
        Pen { scale: [scale, 0.0, scale], at: [0.0; 2], outline: Outline::default(), lost: false }
    }

    /// Returns a pen for a program with its own font matrix. The matrix may narrow and slant glyphs, as far as tools
    /// do.
    ///
    /// # Errors
    /// `pdf.font` if it rotates, moves or distorts them.
    pub fn placed([a, b, c, d, e, f]: [f64; 6]) -> Result<Pen, Fault> {
        let usual = 0.0001..0.01;
        let (narrow, slant) = (0.4..2.5, -0.5..0.5);
        if !usual.contains(&d) || !narrow.contains(&(a / d)) || !slant.contains(&(c / d)) || [b, e, f] != [0.0; 3] {
            return Err(super::refused("an embedded font whose matrix rotates, moves or distorts its letters"));
        }
        let scale = [a, c, d].map(|n| n * 1000.0);
        Ok(Pen { scale, at: [0.0; 2], outline: Outline::default(), lost: false })
    }

    /// Returns what was drawn.
    ///
    /// # Errors
    /// `pdf.font` if it exceeds the limits of an outline.
    pub fn outline(self) -> Result<Outline, Fault> {
        let begun = matches!(self.outline.steps.first(), None | Some(Step::To(_)));
        if self.lost || !begun { Err(broken()) } else { Ok(self.outline) }
    }

    fn push<const N: usize>(&mut self, points: [f64; N], step: fn([i32; N]) -> Step) {
        if self.outline.steps.len() >= STEPS_MAX || points.iter().any(|n| !n.is_finite() || n.abs() > REACH) {
            self.lost = true;
            return;
        }
        self.outline.steps.push(step(points.map(|n| n.round() as i32)));
    }

    fn scaled(&self, x: f32, y: f32) -> [f64; 2] {
        let [across, slant, up] = self.scale;
        [f64::from(x) * across + f64::from(y) * slant, f64::from(y) * up]
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.at = self.scaled(x, y);
        self.push(self.at, Step::To);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.at = self.scaled(x, y);
        self.push(self.at, Step::Line);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ([cx, cy], [x, y]) = (self.scaled(x1, y1), self.scaled(x, y));
        let [px, py] = self.at;
        // The same curve as a cubic one.
        let third = |from: f64, to: f64| from + (to - from) * 2.0 / 3.0;
        self.push([third(px, cx), third(py, cy), third(x, cx), third(y, cy), x, y], Step::Curve);
        self.at = [x, y];
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ([ax, ay], [bx, by], to) = (self.scaled(x1, y1), self.scaled(x2, y2), self.scaled(x, y));
        self.push([ax, ay, bx, by, to[0], to[1]], Step::Curve);
        self.at = to;
    }

    fn close(&mut self) {
        if !self.outline.steps.is_empty() {
            self.push([], |_: [i32; 0]| Step::Close);
        }
    }
}
