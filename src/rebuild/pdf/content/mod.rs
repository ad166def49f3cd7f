//! The content of a page (ISO 32000-1, 8 and 9), interpreted operator by operator.
//!
//! The input is a content stream with its resources. The output is the operators that are kept, in canonical form, the
//! text runs, and the marks on the page. An unknown operator, or one with the wrong operands, is refused;
//! marked-content operators are dropped.

mod colours;
mod path;
mod text;

pub(super) use self::colours::OPAQUE;

use std::collections::BTreeSet;

use self::colours::Ink;
use super::colour::Colour;
use super::file::object::{Object, Reader, form};
use super::font::Letter;
use super::geometry::{Matrix, Pen, Step};
use super::reading_order::Runs;
use super::visibility::{Clip, Measure, Scene};
use crate::rebuild::Fault;

/// Resolves the names in page content.
pub(super) trait Resources {
    /// Returns a font; a fault if it is not supported.
    fn font(&mut self, name: &str) -> Result<Face, Fault>;
    /// Returns the measurements of a glyph of the standard font with this index; `None` if it has no glyph of this
    /// code.
    fn plain(&mut self, page: &mut Scene, font: usize, code: u8) -> Result<Option<Measure>, Fault>;
    /// Returns the glyphs for `bytes` in the embedded font with this index.
    fn letters(&mut self, source: usize, bytes: &[u8]) -> Result<Vec<Letter>, Fault>;
    /// Returns an image or a form XObject. The resources of a form are searched first until [`Resources::leave_form`].
    fn xobject(&mut self, name: &str) -> Result<XObject, Fault>;
    /// Ends the form XObject that was entered last.
    fn leave_form(&mut self);
    /// Returns the number of components of a colour space; for an unsupported one, a description of it.
    fn colour(&mut self, name: &str) -> Result<usize, &'static str>;
    /// Returns what a named graphics state sets; a fault if it sets anything else that could hide content.
    fn state(&mut self, name: &str) -> Result<GraphicsState, Fault>;
}

/// The entries of a graphics state parameter dictionary (ISO 32000-1, 8.4.5).
#[derive(Default)]
pub(super) struct GraphicsState {
    /// Line parameters, as operators.
    pub lines: Vec<(&'static str, Object)>,
    /// Opacity of fills and of strokes (`ca`, `CA`), if set.
    pub alphas: [Option<f64>; 2],
    /// Whether a soft mask and a blend mode are used, if set.
    pub effects: [Option<bool>; 2],
}

/// The current font.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Face {
    /// The index in the document of a standard font, and whether it uses WinAnsiEncoding.
    Standard(usize, bool),
    /// The index of an embedded font.
    Embedded(usize),
}

/// An XObject.
pub(super) enum XObject {
    /// The index of an image in the document.
    Image(usize),
    /// A form XObject: its content, placed and clipped by its matrix and bounding box, and whether it is a transparency
    /// group.
    Form { code: Vec<u8>, matrix: [f64; 6], sheet: [f64; 4], group: bool },
}

/// The interpreted content of a page.
#[derive(Default)]
pub(super) struct Interpreted {
    /// The operators that are kept, in canonical form, one a line.
    pub code: String,
    /// Every glyph, in drawing order.
    pub runs: Runs,
    /// Every pair of opacities that is set, of fills and of strokes, in ten-thousandths.
    pub states: BTreeSet<[u16; 2]>,
}

/// The graphics state (ISO 32000-1, 8.4) and text state (9.3).
#[derive(Clone)]
pub(super) struct State {
    pub matrix: Matrix,
    pub clip: Clip,
    /// The colour of fills and glyphs, and of strokes.
    pub fill: Colour,
    pub stroke: Colour,
    /// The same two colours as set by the content, and the opacity of the enclosing group.
    pub inks: [Ink; 2],
    pub group_alpha: f64,
    /// For fills and for strokes, the description of an unsupported colour space, if one is set.
    pub unsupported: [Option<&'static str>; 2],
    /// Whether a soft mask and a blend mode are active.
    pub effects: [bool; 2],
    /// Inside a group that is not opaque, the number of marks that were on the page before it.
    pub marks_before: Option<usize>,
    pub pen: Pen,
    pub font: Option<Face>,
    /// The font and size that the written content has set.
    pub written: Option<(usize, f64)>,
    pub size: f64,
    pub stretch: f64,
    pub rise: f64,
    pub leading: f64,
    pub between_letters: f64,
    pub between_words: f64,
    /// Whether glyphs are filled, and whether they are stroked.
    pub filled: bool,
    pub lined: bool,
}

/// Interprets `code` on `page`.
pub(super) fn interpret(
    code: &[u8],
    page: &mut Scene,
    resources: &mut dyn Resources,
    depth_max: usize,
) -> Result<Interpreted, Fault> {
    let state = State {
        matrix: Matrix::IDENTITY,
        clip: Clip::of(page.sheet),
        fill: Colour::BLACK,
        stroke: Colour::BLACK,
        inks: [Ink::BLACK; 2],
        group_alpha: 1.0,
        unsupported: [None; 2],
        effects: [false; 2],
        marks_before: None,
        pen: Pen { width: 1.0, cap: 0, join: 0, miter: 10.0, dashed: false },
        font: None,
        written: None,
        size: 0.0,
        stretch: 1.0,
        rise: 0.0,
        leading: 0.0,
        between_letters: 0.0,
        between_words: 0.0,
        filled: true,
        lined: false,
    };
    let mut machine = Interpreter {
        page,
        resources,
        state,
        saved: Vec::new(),
        floor: 0,
        depth: 0,
        depth_max,
        path: Vec::new(),
        point: None,
        clipping: None,
        line: None,
        text: Matrix::IDENTITY,
        out: Interpreted::default(),
    };
    machine.run_code(code)?;
    Ok(machine.out)
}

/// Maximum nesting of form XObjects.
const FORMS_DEPTH_MAX: usize = 8;

/// The interpreter of page content.
pub(super) struct Interpreter<'a> {
    pub page: &'a mut Scene,
    pub resources: &'a mut dyn Resources,
    pub state: State,
    saved: Vec<State>,
    /// How many of the saved states belong to enclosing form XObjects.
    floor: usize,
    depth: usize,
    depth_max: usize,
    /// The segments of the current path, with coordinates as they are written.
    path: Vec<Step>,
    /// The current point.
    point: Option<[f64; 2]>,
    /// The rule of the pending clip operator: true for even-odd.
    clipping: Option<bool>,
    /// The start of the current line, inside a text object.
    pub line: Option<Matrix>,
    pub text: Matrix,
    pub out: Interpreted,
}

/// Returns an operand with its numbers rounded as they will be written.
fn as_written(object: &Object) -> Object {
    match object {
        Object::Number(n) => Object::Number((n * 10_000.0).round() / 10_000.0),
        Object::List(list) => Object::List(list.iter().map(as_written).collect()),
        other => other.clone(),
    }
}

/// Returns the fault for an operator with the wrong operands.
pub(super) fn operands() -> Fault {
    form("an operator with the wrong operands")
}

impl Interpreter<'_> {
    /// Interprets the operators of a page or a form XObject.
    fn run_code(&mut self, code: &[u8]) -> Result<(), Fault> {
        self.page.context.budget.charge(40 * code.len())?;
        let floor = std::mem::replace(&mut self.floor, self.saved.len());
        let mut reader = Reader::new(code, 0, self.depth_max, false);
        let mut operands = Vec::new();
        while !reader.at_end() {
            match reader.object()? {
                Object::Keyword(operator) => {
                    self.operator(&operator, &operands)?;
                    operands.clear();
                }
                operand if operands.len() < 16 => operands.push(operand),
                _ => return Err(form("an operator with too many operands")),
            }
        }
        if !operands.is_empty() || self.line.is_some() || self.saved.len() != self.floor || !self.path.is_empty() {
            return Err(form("page content that ends inside an unfinished construct"));
        }
        self.floor = floor;
        Ok(())
    }

    fn operator(&mut self, operator: &str, given: &[Object]) -> Result<(), Fault> {
        // INVARIANT: the values that are checked are exactly those that are written.
        let given: &[Object] = &given.iter().map(as_written).collect::<Vec<_>>();
        self.inside_path(operator)?;
        (self.page.marks_before, self.page.alphas) = (self.state.marks_before, self.alphas());
        match operator {
            // Operators that describe the content and draw nothing.
            "BMC" | "BDC" | "EMC" | "MP" | "DP" | "BX" | "EX" | "ri" | "i" => return Ok(()),
            "gs" => {
                let [Object::Name(name)] = given else { return Err(operands()) };
                // Line width and caps decide what a line covers: they are applied as if the page had set them itself.
                let GraphicsState { lines, alphas, effects } = self.resources.state(name)?;
                for (effect, set) in self.state.effects.iter_mut().zip(effects) {
                    *effect = set.unwrap_or(*effect);
                }
                for (operator, value) in lines {
                    self.operator(operator, &[value])?;
                }
                return self.set_alphas(alphas);
            }
            "sh" => {
                let (sheet, clip) = (self.page.sheet, self.state.clip.area);
                let at = sheet.intersection(&clip);
                let what =
                    "a gradient, which is not supported: fill the area with one colour, or convert it to an image";
                return Err(self.page.fault("pdf.operator", ((at.x0 + at.x1) / 2.0, (at.y0 + at.y1) / 2.0), what));
            }
            // An unsupported colour is refused when something is painted with it.
            "sc" | "scn" if self.state.unsupported[0].is_some() => return Ok(()),
            "SC" | "SCN" if self.state.unsupported[1].is_some() => return Ok(()),
            "Tf" => return self.font(given),
            "Do" => return self.paint_xobject(given),
            "cs" | "CS" => {
                let [Object::Name(name)] = given else { return Err(operands()) };
                return self.space(name, operator == "cs");
            }
            "Tj" | "'" | "\"" | "TJ" => return self.show(operator, given),
            "d" => {
                let [Object::List(dashes), Object::Number(_)] = given else { return Err(operands()) };
                if dashes.iter().any(|d| d.number().is_none()) || dashes.len() > 8 {
                    return Err(operands());
                }
                self.state.pen.dashed = !dashes.is_empty();
            }
            _ => {
                let mut numbers = Vec::new();
                for object in given {
                    numbers.push(object.number().filter(|n| n.abs() < 1e6).ok_or_else(operands)?);
                }
                match operator {
                    "BT" | "ET" | "Td" | "TD" | "Tm" | "T*" | "Tc" | "Tw" | "Tz" | "TL" | "Tr" | "Ts" => {
                        self.text_state(operator, &numbers)?;
                    }
                    "g" | "G" => return self.coloured(1, operator == "g", &numbers),
                    "rg" | "RG" => return self.coloured(3, operator == "rg", &numbers),
                    "k" | "K" => return self.coloured(4, operator == "k", &numbers),
                    "sc" | "scn" => return self.coloured(self.state.inks[0].count(), true, &numbers),
                    "SC" | "SCN" => return self.coloured(self.state.inks[1].count(), false, &numbers),
                    _ => self.graphics(operator, &numbers)?,
                }
            }
        }
        self.emit(operator, given);
        Ok(())
    }

    /// Writes an operator with its operands.
    pub fn emit(&mut self, operator: &str, given: &[Object]) {
        for object in given {
            crate::rebuild::pdf::print::object(object, &mut self.out.code);
            self.out.code.push(' ');
        }
        self.out.code.push_str(operator);
        self.out.code.push('\n');
    }

    fn paint_xobject(&mut self, given: &[Object]) -> Result<(), Fault> {
        let [Object::Name(name)] = given else { return Err(operands()) };
        let at = self.state.matrix.point(0.0, 0.0);
        match self.resources.xobject(name).map_err(|fault| self.page.fault(fault.code, at, &fault.message))? {
            XObject::Image(number) => self.image(number),
            XObject::Form { code, matrix, sheet, group } => self.form(&code, matrix, sheet, group),
        }
    }

    /// Checks that viewers agree on the appearance of what is painted now; `paints` says whether that is a fill and a
    /// stroke.
    pub fn check_supported(&self, at: (f64, f64), paints: [bool; 2]) -> Result<(), Fault> {
        let effects = [
            "an object with a soft mask, such as a shadow or a fading edge: remove the effect, or convert it to an \
             image together with what is beneath",
            "an object with a blend mode: draw it in an opaque colour",
        ];
        if let Some((what, _)) = effects.into_iter().zip(self.state.effects).find(|(_, set)| *set) {
            return Err(self.page.hidden(at, what));
        }
        let unsupported =
            self.state.unsupported.into_iter().zip(paints).find_map(|(what, paints)| what.filter(|_| paints));
        unsupported.map_or(Ok(()), |what| Err(self.page.fault("pdf.operator", at, what)))
    }

    fn image(&mut self, number: usize) -> Result<(), Fault> {
        self.check_supported(self.state.matrix.point(0.0, 0.0), [false; 2])?;
        if self.is_transparent() {
            let at = self.state.matrix.point(0.0, 0.0);
            return Err(self.page.hidden(at, "an image drawn with transparency: make the image itself paler"));
        }
        self.page.image(number, self.state.matrix, &self.state.clip)?;
        self.emit("Do", &[Object::Name(format!("I{number}"))]);
        Ok(())
    }

    /// Draws a form XObject as if its operators were in the page itself (ISO 32000-1, 8.10.1).
    fn form(&mut self, code: &[u8], matrix: [f64; 6], sheet: [f64; 4], group: bool) -> Result<(), Fault> {
        if self.depth >= FORMS_DEPTH_MAX {
            return Err(Fault::new("pdf.nested", "form XObjects nested too deeply"));
        }
        self.depth += 1;
        let numbers = |list: &[f64]| list.iter().map(|n| Object::Number(*n)).collect::<Vec<_>>();
        self.operator("q", &[])?;
        self.operator("cm", &numbers(&matrix))?;
        let [x0, y0, x1, y1] = sheet;
        if group {
            self.enter_group()?;
        }
        self.operator("re", &numbers(&[x0, y0, x1 - x0, y1 - y0]))?;
        self.operator("W", &[])?;
        self.operator("n", &[])?;
        self.run_code(code)?;
        self.operator("Q", &[])?;
        self.resources.leave_form();
        self.depth -= 1;
        Ok(())
    }
}
