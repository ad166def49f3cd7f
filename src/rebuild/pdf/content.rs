//! The content of a page (ISO 32000-1, 8 and 9), interpreted operator by operator. An operator that is not known here,
//! or has other operands than it must, refuses the file; what only describes (marked content) is left out.

use super::super::Fault;
use super::font::Letter;
use super::object::{Object, Reader, form};
use super::paint::{Area, Matrix, Page, Part};
use super::words::Run;

/// What a page's content refers to by name.
pub(super) trait Resources {
    /// A font; a fault if it is none that is read.
    fn font(&mut self, name: &str) -> Result<Face, Fault>;
    /// The letters that `bytes` are in the embedded font of this number.
    fn letters(&mut self, source: usize, bytes: &[u8]) -> Result<Vec<Letter>, Fault>;
    /// An image, or a drawing, whose names are then looked up before those of the page.
    fn drawing(&mut self, name: &str) -> Result<Drawing, Fault>;
    /// The end of the drawing that was begun last.
    fn leave(&mut self);
    /// How many parts a colour of this kind has.
    fn colour(&mut self, name: &str) -> Result<usize, Fault>;
    /// Whether a graphics state changes nothing that could hide something.
    fn state(&mut self, name: &str) -> Result<(), Fault>;
}

/// A font that is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Face {
    /// The number in the document of one that every reader has, and whether it has the Windows encoding.
    Plain(usize, bool),
    /// The number of an embedded one.
    Embedded(usize),
}

/// What a name stands for that is drawn.
pub(super) enum Drawing {
    /// The number of an image in the document.
    Image(usize),
    /// Operators of their own, placed and cut as these say.
    Form { code: Vec<u8>, matrix: [f64; 6], sheet: [f64; 4] },
}

/// What a page's content comes to.
#[derive(Default)]
pub(super) struct Interpreted {
    /// The operators that are kept, one a line, in one form.
    pub code: String,
    /// Every run of words, in the order in which they are drawn.
    pub runs: Vec<Run>,
}

#[derive(Clone)]
pub(super) struct State {
    pub matrix: Matrix,
    pub clip: Area,
    /// How bright areas and letters are, and lines.
    pub fill: f64,
    pub stroke: f64,
    /// How many parts a colour has that is set without its kind.
    fill_parts: usize,
    stroke_parts: usize,
    line_width: f64,
    pub font: Option<Face>,
    /// The font and size that what is written has set.
    pub written: Option<(usize, f64)>,
    pub size: f64,
    pub stretch: f64,
    pub rise: f64,
    pub leading: f64,
    pub between_letters: f64,
    pub between_words: f64,
    /// Whether letters are filled, and whether their lines are drawn.
    pub filled: bool,
    pub lined: bool,
    /// Whether lines have gaps.
    pub dashed: bool,
}

/// Interprets `code` on `page`.
pub(super) fn interpret(
    code: &[u8],
    page: &mut Page,
    resources: &mut dyn Resources,
    depth_max: usize,
) -> Result<Interpreted, Fault> {
    let state = State {
        matrix: Matrix::UNIT,
        clip: page.sheet,
        fill: 0.0,
        stroke: 0.0,
        fill_parts: 1,
        stroke_parts: 1,
        line_width: 1.0,
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
        dashed: false,
    };
    let mut machine = Machine {
        page,
        resources,
        state,
        saved: Vec::new(),
        floor: 0,
        depth: 0,
        depth_max,
        path: Vec::new(),
        clipping: false,
        line: None,
        text: Matrix::UNIT,
        out: Interpreted::default(),
    };
    machine.run_code(code)?;
    Ok(machine.out)
}

/// Drawings inside drawings.
const DRAWINGS_DEPTH_MAX: usize = 8;

pub(super) struct Machine<'a> {
    pub page: &'a mut Page,
    pub resources: &'a mut dyn Resources,
    pub state: State,
    saved: Vec<State>,
    /// How many of the saved states are those of an outer drawing.
    floor: usize,
    depth: usize,
    depth_max: usize,
    path: Vec<Part>,
    clipping: bool,
    /// The beginning of the current line, inside a text object.
    pub line: Option<Matrix>,
    pub text: Matrix,
    pub out: Interpreted,
}

/// An operand with its numbers as they will be written.
fn as_written(object: &Object) -> Object {
    match object {
        Object::Number(n) => Object::Number((n * 10_000.0).round() / 10_000.0),
        Object::List(list) => Object::List(list.iter().map(as_written).collect()),
        other => other.clone(),
    }
}

pub(super) fn operands() -> Fault {
    form("an operator with other operands than it must have")
}

impl Machine<'_> {
    /// Interprets the operators of a page or of a drawing.
    fn run_code(&mut self, code: &[u8]) -> Result<(), Fault> {
        let floor = std::mem::replace(&mut self.floor, self.saved.len());
        let mut reader = Reader::new(code, 0, self.depth_max, false);
        let mut operands = Vec::new();
        while !reader.ends() {
            match reader.object()? {
                Object::Word(operator) => {
                    self.operator(&operator, &operands)?;
                    operands.clear();
                }
                operand if operands.len() < 16 => operands.push(operand),
                _ => return Err(form("an operator with more operands than any has")),
            }
        }
        if !operands.is_empty() || self.line.is_some() || self.saved.len() != self.floor || !self.path.is_empty() {
            return Err(form("the content of a page that ends in the middle of something"));
        }
        self.floor = floor;
        Ok(())
    }

    fn operator(&mut self, operator: &str, given: &[Object]) -> Result<(), Fault> {
        // INVARIANT: what is judged is what is written, to the last digit.
        let given: &[Object] = &given.iter().map(as_written).collect::<Vec<_>>();
        match operator {
            // What describes the content and draws nothing.
            "BMC" | "BDC" | "EMC" | "MP" | "DP" | "BX" | "EX" | "ri" | "i" => return Ok(()),
            "gs" => {
                let [Object::Name(name)] = given else { return Err(operands()) };
                return self.resources.state(name);
            }
            "Tf" => return self.font(given),
            "Do" => return self.drawing(given),
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
                self.state.dashed = !dashes.is_empty();
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
                    "g" | "rg" | "k" | "G" | "RG" | "K" => self.colour(operator, &numbers)?,
                    "sc" | "scn" => return self.coloured(self.state.fill_parts, true, &numbers),
                    "SC" | "SCN" => return self.coloured(self.state.stroke_parts, false, &numbers),
                    _ => self.graphics(operator, &numbers)?,
                }
            }
        }
        self.emit(operator, given);
        Ok(())
    }

    pub fn emit(&mut self, operator: &str, given: &[Object]) {
        for object in given {
            super::write::object(object, &mut self.out.code);
            self.out.code.push(' ');
        }
        self.out.code.push_str(operator);
        self.out.code.push('\n');
    }

    fn graphics(&mut self, operator: &str, n: &[f64]) -> Result<(), Fault> {
        match (operator, n) {
            ("q", []) => {
                if self.saved.len() >= 64 || self.line.is_some() {
                    return Err(form("graphics states nested deeper than is read"));
                }
                self.saved.push(self.state.clone());
            }
            ("Q", []) if self.line.is_none() => {
                let saved = if self.saved.len() > self.floor { self.saved.pop() } else { None };
                self.state = saved.ok_or_else(|| form("a graphics state restored and not saved"))?;
            }
            ("cm", [a, b, c, d, e, f]) => self.state.matrix = Matrix([*a, *b, *c, *d, *e, *f]).then(self.state.matrix),
            ("w", [width]) => self.state.line_width = *width,
            ("J" | "j" | "M", [_]) => {}
            ("m" | "l", [x, y]) => self.part(&[(*x, *y)], operator == "m"),
            ("c", [a, b, c, d, e, f]) => self.part(&[(*a, *b), (*c, *d), (*e, *f)], false),
            ("v" | "y", [a, b, c, d]) => self.part(&[(*a, *b), (*c, *d)], false),
            ("h", []) => {}
            ("re", [x, y, width, height]) => {
                let corners = [(*x, *y), (x + width, *y), (x + width, y + height), (*x, y + height)];
                corners.into_iter().enumerate().for_each(|(i, corner)| self.part(&[corner], i == 0));
            }
            ("W" | "W*", []) => self.clipping = true,
            ("n", []) => self.paint_path(false, false)?,
            ("S" | "s", []) => self.paint_path(false, true)?,
            ("f" | "F" | "f*", []) => self.paint_path(true, false)?,
            ("B" | "B*" | "b" | "b*", []) => self.paint_path(true, true)?,
            _ => {
                return Err(Fault::new("pdf.operator", "the content of a page with an operator that is not read here"));
            }
        }
        Ok(())
    }

    fn part(&mut self, points: &[(f64, f64)], begins: bool) {
        if begins || self.path.is_empty() {
            self.path.push(Part::default());
        }
        if let Some(part) = self.path.last_mut() {
            part.straight &= points.len() == 1;
            points.iter().for_each(|(x, y)| part.add(self.state.matrix.point(*x, *y)));
        }
    }

    fn paint_path(&mut self, fill: bool, stroke: bool) -> Result<(), Fault> {
        let path = std::mem::take(&mut self.path);
        for Part { area, .. } in &path {
            if fill {
                self.page.paint(area.common(&self.state.clip), Some(self.state.fill))?;
            }
            let [a, b, ..] = self.state.matrix.0;
            let width = self.state.line_width.abs() * a.hypot(b);
            if stroke && width > 3.0 {
                // A line this thick is an area, and covers as one.
                let half = width / 2.0;
                let thick = Area { x0: area.x0 - half, y0: area.y0 - half, x1: area.x1 + half, y1: area.y1 + half };
                self.page.paint(thick.common(&self.state.clip), Some(self.state.stroke))?;
            }
        }
        if std::mem::take(&mut self.clipping) {
            match path.as_slice() {
                [part] if part.is_rectangle() => self.state.clip = self.state.clip.common(&part.area),
                _ => {
                    return Err(Fault::new("pdf.hidden", "a part cut out of a page that is no upright rectangle"));
                }
            }
        }
        Ok(())
    }

    /// A kind of colour is set, and with it the darkest of that kind.
    fn space(&mut self, name: &str, fill: bool) -> Result<(), Fault> {
        let parts = self.resources.colour(name)?;
        let mut darkest = vec![0.0; parts];
        if parts == 4 {
            darkest[3] = 1.0;
        }
        self.coloured(parts, fill, &darkest)
    }

    /// A colour of `parts` parts is set, and written as one that needs no kind.
    fn coloured(&mut self, parts: usize, fill: bool, n: &[f64]) -> Result<(), Fault> {
        let operator = match (parts, fill) {
            (1, true) => "g",
            (1, false) => "G",
            (3, true) => "rg",
            (3, false) => "RG",
            (_, true) => "k",
            (_, false) => "K",
        };
        self.colour(operator, n)?;
        self.emit(operator, &n.iter().map(|n| Object::Number(*n)).collect::<Vec<_>>());
        Ok(())
    }

    fn colour(&mut self, operator: &str, n: &[f64]) -> Result<(), Fault> {
        if n.iter().any(|part| !(0.0..=1.0).contains(part)) {
            return Err(operands());
        }
        let brightness = match n {
            [grey] => *grey,
            [r, g, b] => 0.299 * r + 0.587 * g + 0.114 * b,
            [c, m, y, k] => (1.0 - k) * (1.0 - 0.299 * c - 0.587 * m - 0.114 * y),
            _ => return Err(operands()),
        };
        let parts = match operator {
            "g" | "G" => 1,
            "rg" | "RG" => 3,
            _ => 4,
        };
        if parts != n.len() {
            return Err(operands());
        }
        if operator.chars().all(|c| c.is_ascii_lowercase()) {
            (self.state.fill, self.state.fill_parts) = (brightness, parts);
        } else {
            (self.state.stroke, self.state.stroke_parts) = (brightness, parts);
        }
        Ok(())
    }

    fn drawing(&mut self, given: &[Object]) -> Result<(), Fault> {
        let [Object::Name(name)] = given else { return Err(operands()) };
        match self.resources.drawing(name)? {
            Drawing::Image(number) => self.image(number),
            Drawing::Form { code, matrix, sheet } => self.form(&code, matrix, sheet),
        }
    }

    fn image(&mut self, number: usize) -> Result<(), Fault> {
        let area = self.state.matrix.area([0.0, 0.0, 1.0, 1.0]);
        if !self.page.sheet.common(&self.state.clip).holds(&area) {
            return Err(Fault::new("pdf.hidden", "an image part of which is cut away"));
        }
        if area.x1 - area.x0 < 4.0 || area.y1 - area.y0 < 4.0 {
            return Err(Fault::new("pdf.hidden", "an image too small to be seen"));
        }
        self.page.paint(area, None)?;
        self.emit("Do", &[Object::Name(format!("I{number}"))]);
        Ok(())
    }

    /// A drawing is drawn where it stands, as if the page itself did it (ISO 32000-1, 8.10.1).
    fn form(&mut self, code: &[u8], matrix: [f64; 6], [x0, y0, x1, y1]: [f64; 4]) -> Result<(), Fault> {
        if self.depth >= DRAWINGS_DEPTH_MAX {
            return Err(Fault::new("pdf.nested", "drawings inside drawings deeper than is read"));
        }
        self.depth += 1;
        let numbers = |list: &[f64]| list.iter().map(|n| Object::Number(*n)).collect::<Vec<_>>();
        self.operator("q", &[])?;
        self.operator("cm", &numbers(&matrix))?;
        self.operator("re", &numbers(&[x0, y0, x1 - x0, y1 - y0]))?;
        self.operator("W", &[])?;
        self.operator("n", &[])?;
        self.run_code(code)?;
        self.operator("Q", &[])?;
        self.resources.leave();
        self.depth -= 1;
        Ok(())
    }
}
