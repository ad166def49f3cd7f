//! The outline of a glyph: lines and curves in whole thousandths of the font's size.

use std::fmt::Write as _;

use ttf_parser::OutlineBuilder;

use crate::rebuild::Fault;
use crate::rebuild::pdf::file::object::{Object, Reader};
use crate::rebuild::pdf::geometry;

/// Steps of one drawing at most.
const STEPS_MAX: usize = 4000;
/// How far from its origin a letter may draw.
const REACH: f64 = 4000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    To([i32; 2]),
    Line([i32; 2]),
    Curve([i32; 6]),
    Close,
}

/// A drawing, filled where it winds.
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

    /// The rectangle around every point of it.
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

    /// The drawing that these steps make, in thousandths.
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

    /// Its steps, for whoever draws it.
    pub fn steps(&self) -> Vec<geometry::Step> {
        let step = |step: &Step| match *step {
            Step::To(p) => geometry::Step::To(p.map(f64::from)),
            Step::Line(p) => geometry::Step::Line(p.map(f64::from)),
            Step::Curve(p) => geometry::Step::Curve(p.map(f64::from)),
            Step::Close => geometry::Step::Close,
        };
        self.steps.iter().map(step).collect()
    }

    /// The drawing as the content of a letter; nothing where it is blank.
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

    /// Reads a drawing as [`Outline::code`] writes it, up to the end of `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Result<Outline, Fault> {
        let (mut steps, mut numbers, mut filled) = (Vec::new(), Vec::new(), false);
        while !reader.ends() {
            match reader.object()? {
                _ if filled || steps.len() >= STEPS_MAX => return Err(broken()),
                Object::Number(n) if n.fract() == 0.0 && n.abs() <= REACH && numbers.len() < 6 => {
                    numbers.push(n as i32)
                }
                Object::Word(word) => {
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

/// Takes down what a font program draws.
pub(in crate::rebuild::pdf) struct Pen {
    /// What makes thousandths of the program's units: across for each unit across and up, and up for each unit up.
    scale: [f64; 3],
    at: [f64; 2],
    outline: Outline,
    lost: bool,
}

impl Pen {
    pub fn new(scale: f64) -> Pen {
        Pen { scale: [scale, 0.0, scale], at: [0.0; 2], outline: Outline::default(), lost: false }
    }

    /// For a program with a matrix of its own, which may make letters narrower and slant them, as far as tools do.
    pub fn placed([a, b, c, d, e, f]: [f64; 6]) -> Result<Pen, Fault> {
        let usual = 0.0001..0.01;
        let (narrow, slant) = (0.4..2.5, -0.5..0.5);
        if !usual.contains(&d) || !narrow.contains(&(a / d)) || !slant.contains(&(c / d)) || [b, e, f] != [0.0; 3] {
            return Err(super::refused("an embedded font whose letters are turned, moved, or slanted out of shape"));
        }
        let scale = [a, c, d].map(|n| n * 1000.0);
        Ok(Pen { scale, at: [0.0; 2], outline: Outline::default(), lost: false })
    }

    /// What was drawn, if it can be drawn again.
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
        // The same curve with one more point.
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
