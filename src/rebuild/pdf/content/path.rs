//! Path and graphics state operators (ISO 32000-1, 8.4 and 8.5): path construction, painting and clipping.

use super::{Interpreter, State};
use crate::rebuild::Fault;
use crate::rebuild::pdf::file::object::form;
use crate::rebuild::pdf::geometry::{Matrix, Step, rectangle};

/// Maximum segments of one path.
const STEPS_MAX: usize = 50_000;
impl Interpreter<'_> {
    /// Interprets a graphics state or path operator with numbers as operands.
    ///
    /// # Errors
    /// A `pdf.*` [`Fault`] for invalid operands, or content that may hide something.
    pub(super) fn graphics(&mut self, operator: &str, n: &[f64]) -> Result<(), Fault> {
        match (operator, n) {
            ("q", []) => {
                if self.saved.len() >= 64 || self.line.is_some() {
                    return Err(form("graphics states nested too deeply"));
                }
                self.saved.push(self.state.clone());
            }
            ("Q", []) if self.line.is_none() => {
                let saved = if self.saved.len() > self.floor { self.saved.pop() } else { None };
                self.state = saved.ok_or_else(|| form("a graphics state restored but not saved"))?;
            }
            ("cm", [a, b, c, d, e, f]) => {
                self.state.matrix = Matrix([*a, *b, *c, *d, *e, *f]).then(self.state.matrix);
                if !self.state.matrix.is_valid() {
                    return Err(form("a page scaled beyond the supported range"));
                }
            }
            ("w", [width]) if *width >= 0.0 => self.state.pen.width = *width,
            ("J", [cap @ (0.0 | 1.0 | 2.0)]) => self.state.pen.cap = *cap as u8,
            ("j", [join @ (0.0 | 1.0 | 2.0)]) => self.state.pen.join = *join as u8,
            ("M", [miter]) if *miter >= 1.0 => self.state.pen.miter = *miter,
            ("m", [x, y]) => self.step(Step::To([*x, *y]), [*x, *y]),
            ("l", [x, y]) => {
                self.from()?;
                self.step(Step::Line([*x, *y]), [*x, *y]);
            }
            ("c", [a, b, c, d, e, f]) => {
                self.from()?;
                self.step(Step::Curve([*a, *b, *c, *d, *e, *f]), [*e, *f]);
            }
            ("v", [c, d, e, f]) => {
                let [a, b] = self.from()?;
                self.step(Step::Curve([a, b, *c, *d, *e, *f]), [*e, *f]);
            }
            ("y", [a, b, e, f]) => {
                self.from()?;
                self.step(Step::Curve([*a, *b, *e, *f, *e, *f]), [*e, *f]);
            }
            ("h", []) => {
                self.from()?;
                let begin = self.path.iter().rev().find_map(|step| match step {
                    Step::To(point) => Some(*point),
                    _ => None,
                });
                self.step(Step::Close, begin.unwrap_or_default());
            }
            ("re", [x, y, width, height]) => {
                let corners = [(*x, *y), (x + width, *y), (x + width, y + height), (*x, y + height)];
                for (i, (x, y)) in corners.into_iter().enumerate() {
                    self.step(if i == 0 { Step::To([x, y]) } else { Step::Line([x, y]) }, [x, y]);
                }
                self.step(Step::Close, [*x, *y]);
            }
            ("W" | "W*", []) if !self.path.is_empty() => self.clipping = Some(operator == "W*"),
            ("n", []) => self.paint_path(None, false)?,
            ("S" | "s", []) => self.closed(operator == "s").paint_path(None, true)?,
            ("f" | "F" | "f*", []) => self.paint_path(Some(operator == "f*"), false)?,
            ("B" | "B*" | "b" | "b*", []) => {
                self.closed(operator.starts_with('b')).paint_path(Some(operator.ends_with('*')), true)?;
            }
            _ => {
                let what = "the content of a page with an operator that is not read, such as an image inside the content: \
                            print it to a new PDF";
                return Err(self.page.fault("pdf.operator", self.state.matrix.point(0.0, 0.0), what));
            }
        }
        Ok(())
    }

    /// Only path operators are allowed between the first segment and the painting operator: viewers differ in how they
    /// treat others.
    pub(super) fn inside_path(&self, operator: &str) -> Result<(), Fault> {
        if self.path.len() > STEPS_MAX {
            return Err(Fault::new("pdf.size", "a path with too many segments: simplify it"));
        }
        let paints = ["n", "S", "s", "f", "F", "f*", "B", "B*", "b", "b*"];
        let builds = ["m", "l", "c", "v", "y", "h", "re", "W", "W*"];
        let sets = [
            "w", "J", "j", "M", "d", "ri", "i", "gs", "g", "rg", "k", "G", "RG", "K", "cs", "CS", "sc", "SC", "scn",
            "SCN",
        ];
        let describes = ["BMC", "BDC", "EMC", "MP", "DP", "BX", "EX"];
        let known = paints.contains(&operator)
            || self.clipping.is_none() && builds.contains(&operator)
            || sets.contains(&operator)
            || describes.contains(&operator);
        if self.path.is_empty() || known { Ok(()) } else { Err(form("an operator that is not allowed inside a path")) }
    }

    /// The current point.
    fn from(&self) -> Result<[f64; 2], Fault> {
        self.point.ok_or_else(|| form("a path segment without a starting point"))
    }

    fn step(&mut self, step: Step, to: [f64; 2]) {
        self.path.push(step);
        self.point = Some(to);
    }

    fn closed(&mut self, closed: bool) -> &mut Self {
        if closed && self.point.is_some() {
            self.path.push(Step::Close);
        }
        self
    }

    /// Paints the path: filled by one of the two rules if any is given, and stroked if `line` is set.
    fn paint_path(&mut self, even_odd: Option<bool>, line: bool) -> Result<(), Fault> {
        let path = std::mem::take(&mut self.path);
        self.point = None;
        let State { matrix, clip, fill, stroke, pen, .. } = self.state.clone();
        self.page.context.budget.charge(60 * path.len())?;
        if even_odd.is_some() || line {
            let from = path.iter().find_map(|step| if let Step::To([x, y]) = step { Some((*x, *y)) } else { None });
            let (x, y) = from.unwrap_or_default();
            self.check_supported(matrix.point(x, y), [even_odd.is_some(), line])?;
        }
        if let Some(even_odd) = even_odd {
            self.page.fill(&path, matrix, even_odd, fill, &clip)?;
        }
        if line {
            self.page.stroke(&path, &pen, matrix, stroke, &clip)?;
        }
        if let Some(even_odd) = self.clipping.take() {
            self.state.clip = match rectangle(&path, matrix) {
                Some(area) => clip.intersection(&area),
                None => self.page.cut(&path, matrix, even_odd, &clip)?,
            };
        }
        Ok(())
    }
}
