//! The content of a page (ISO 32000-1, 8 and 9), interpreted operator by operator. An operator that is not known here,
//! or has other operands than it must, refuses the file; what only describes (marked content) is left out.

use super::super::Fault;
use super::object::{Object, Reader, form};
use super::paint::{Area, Matrix, Page};

/// What a page's content refers to by name.
pub(super) trait Resources {
    /// The number of a font in the document, and whether it has the Windows encoding; a fault if it is none that is read.
    fn font(&mut self, name: &str) -> Result<(usize, bool), Fault>;
    /// The number of an image in the document.
    fn image(&mut self, name: &str) -> Result<usize, Fault>;
    /// Whether a graphics state changes nothing that could hide something.
    fn state(&mut self, name: &str) -> Result<(), Fault>;
}

/// A run of words: where it begins and what it says.
pub(super) struct Run {
    pub x: f64,
    pub y: f64,
    pub text: String,
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
struct State {
    matrix: Matrix,
    clip: Area,
    fill: f64,
    fill_parts: usize,
    stroke_parts: usize,
    line_width: f64,
    font: Option<(usize, bool)>,
    size: f64,
    stretch: f64,
    rise: f64,
    leading: f64,
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
        fill_parts: 1,
        stroke_parts: 1,
        line_width: 1.0,
        font: None,
        size: 0.0,
        stretch: 1.0,
        rise: 0.0,
        leading: 0.0,
    };
    let mut machine = Machine {
        page,
        resources,
        state,
        saved: Vec::new(),
        path: Vec::new(),
        clipping: false,
        line: None,
        text: Matrix::UNIT,
        out: Interpreted::default(),
    };
    let mut reader = Reader::new(code, 0, depth_max, false);
    let mut operands = Vec::new();
    while !reader.ends() {
        match reader.object()? {
            Object::Word(operator) => {
                machine.operator(&operator, &operands)?;
                operands.clear();
            }
            operand if operands.len() < 16 => operands.push(operand),
            _ => return Err(form("an operator with more operands than any has")),
        }
    }
    if !operands.is_empty() || machine.line.is_some() || !machine.saved.is_empty() {
        return Err(form("the content of a page that ends in the middle of something"));
    }
    Ok(machine.out)
}

/// One part of a path: its place, and whether it is a whole rectangle.
type Part = (Area, bool);

struct Machine<'a> {
    page: &'a mut Page,
    resources: &'a mut dyn Resources,
    state: State,
    saved: Vec<State>,
    path: Vec<Part>,
    clipping: bool,
    /// The beginning of the current line, inside a text object.
    line: Option<Matrix>,
    text: Matrix,
    out: Interpreted,
}

fn operands() -> Fault {
    form("an operator with other operands than it must have")
}

impl Machine<'_> {
    fn operator(&mut self, operator: &str, given: &[Object]) -> Result<(), Fault> {
        match operator {
            // What describes the content and draws nothing.
            "BMC" | "BDC" | "EMC" | "MP" | "DP" | "BX" | "EX" | "ri" | "i" => return Ok(()),
            "gs" => {
                let [Object::Name(name)] = given else { return Err(operands()) };
                return self.resources.state(name);
            }
            "Tf" => return self.font(given),
            "Do" => return self.image(given),
            "Tj" | "'" | "\"" | "TJ" => self.show(operator, given)?,
            "d" => {
                let [Object::List(dashes), Object::Number(_)] = given else { return Err(operands()) };
                if dashes.iter().any(|d| d.number().is_none()) || dashes.len() > 8 {
                    return Err(operands());
                }
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
                    _ => self.graphics(operator, &numbers)?,
                }
            }
        }
        self.emit(operator, given);
        Ok(())
    }

    fn emit(&mut self, operator: &str, given: &[Object]) {
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
                self.state = self.saved.pop().ok_or_else(|| form("a graphics state restored and not saved"))?;
            }
            ("cm", [a, b, c, d, e, f]) => self.state.matrix = Matrix([*a, *b, *c, *d, *e, *f]).then(self.state.matrix),
            ("w", [width]) => self.state.line_width = *width,
            ("J" | "j" | "M", [_]) => {}
            ("m" | "l", [x, y]) => self.part(&[(*x, *y)], operator == "m"),
            ("c", [a, b, c, d, e, f]) => self.part(&[(*a, *b), (*c, *d), (*e, *f)], false),
            ("v" | "y", [a, b, c, d]) => self.part(&[(*a, *b), (*c, *d)], false),
            ("h", []) => {}
            ("re", [x, y, width, height]) => {
                let area = self.state.matrix.area([*x, *y, x + width, y + height]);
                self.path.push((area, self.state.matrix.upright()));
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
            self.path.push((Area::EMPTY, false));
        }
        if let Some((area, whole)) = self.path.last_mut() {
            *whole = false;
            points.iter().for_each(|(x, y)| area.add(self.state.matrix.point(*x, *y)));
        }
    }

    fn paint_path(&mut self, fill: bool, stroke: bool) -> Result<(), Fault> {
        let path = std::mem::take(&mut self.path);
        for (area, _) in &path {
            if fill {
                self.page.paint(area.common(&self.state.clip), Some(self.state.fill))?;
            }
            let [a, b, ..] = self.state.matrix.0;
            let width = self.state.line_width.abs() * a.hypot(b);
            if stroke && width > 3.0 {
                // A line this thick is an area, and covers as one.
                let half = width / 2.0;
                let thick = Area { x0: area.x0 - half, y0: area.y0 - half, x1: area.x1 + half, y1: area.y1 + half };
                self.page.paint(thick.common(&self.state.clip), Some(self.state.fill))?;
            }
        }
        if std::mem::take(&mut self.clipping) {
            let [(area, true)] = path[..] else {
                return Err(Fault::new("pdf.hidden", "a part cut out of a page that is no upright rectangle"));
            };
            self.state.clip = self.state.clip.common(&area);
        }
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
            self.state.stroke_parts = parts;
        }
        Ok(())
    }

    fn text_state(&mut self, operator: &str, n: &[f64]) -> Result<(), Fault> {
        let outside = || form("words outside a text object, or one inside another");
        let hidden = |what| Err(Fault::new("pdf.hidden", what));
        match (operator, n) {
            ("BT", []) if self.line.is_none() => {
                self.line = Some(Matrix::UNIT);
                self.text = Matrix::UNIT;
            }
            ("ET", []) if self.line.is_some() => self.line = None,
            ("BT" | "ET", []) => return Err(outside()),
            ("Td" | "TD", [x, y]) => {
                if operator == "TD" {
                    self.state.leading = -y;
                }
                self.next_line(*x, *y)?;
            }
            ("T*", []) => self.next_line(0.0, -self.state.leading)?,
            ("Tm", [a, b, c, d, e, f]) => {
                self.line.as_ref().ok_or_else(outside)?;
                self.text = Matrix([*a, *b, *c, *d, *e, *f]);
                self.line = Some(self.text);
            }
            // Letters pushed back over those before them can be read in no order.
            ("Tc", [space]) | ("Tw", [space]) if *space < -1.0 => {
                return hidden("letters drawn over each other");
            }
            ("Tc" | "Tw", [_]) => {}
            ("Tz", [percent]) if (10.0..=1000.0).contains(percent) => self.state.stretch = percent / 100.0,
            ("Tz", [_]) => return hidden("letters too narrow to be seen"),
            ("TL", [leading]) => self.state.leading = *leading,
            ("Ts", [rise]) => self.state.rise = *rise,
            ("Tr", [mode]) if [0.0, 1.0, 2.0].contains(mode) => {}
            ("Tr", [_]) => return hidden("letters that are not drawn"),
            _ => return Err(operands()),
        }
        Ok(())
    }

    fn next_line(&mut self, x: f64, y: f64) -> Result<(), Fault> {
        let line = self.line.ok_or_else(|| form("words outside a text object"))?;
        self.text = Matrix([1.0, 0.0, 0.0, 1.0, x, y]).then(line);
        self.line = Some(self.text);
        Ok(())
    }

    fn font(&mut self, given: &[Object]) -> Result<(), Fault> {
        let [Object::Name(name), Object::Number(size)] = given else { return Err(operands()) };
        let (number, windows) = self.resources.font(name)?;
        self.state.font = Some((number, windows));
        self.state.size = *size;
        self.emit("Tf", &[Object::Name(format!("F{number}")), Object::Number(*size)]);
        Ok(())
    }

    fn image(&mut self, given: &[Object]) -> Result<(), Fault> {
        let [Object::Name(name)] = given else { return Err(operands()) };
        let area = self.state.matrix.area([0.0, 0.0, 1.0, 1.0]);
        if !self.page.sheet.common(&self.state.clip).holds(&area) {
            return Err(Fault::new("pdf.hidden", "an image part of which is cut away"));
        }
        if area.x1 - area.x0 < 4.0 || area.y1 - area.y0 < 4.0 {
            return Err(Fault::new("pdf.hidden", "an image too small to be seen"));
        }
        self.page.paint(area, None)?;
        let number = self.resources.image(name)?;
        self.emit("Do", &[Object::Name(format!("I{number}"))]);
        Ok(())
    }

    fn show(&mut self, operator: &str, given: &[Object]) -> Result<(), Fault> {
        match (operator, given) {
            ("Tj", [Object::Text(text)]) => self.run(text),
            ("'", [Object::Text(text)]) => {
                self.next_line(0.0, -self.state.leading)?;
                self.run(text)
            }
            ("\"", [Object::Number(_), Object::Number(between), Object::Text(text)]) if *between >= -1.0 => {
                self.next_line(0.0, -self.state.leading)?;
                self.run(text)
            }
            ("TJ", [Object::List(list)]) => {
                for part in list {
                    match part {
                        Object::Text(text) => self.run(text)?,
                        // A thousandth of the font's size to the left.
                        Object::Number(back) if (-20_000.0..=1000.0).contains(back) => {
                            self.advance(-back / 1000.0 * self.state.size * self.state.stretch);
                        }
                        Object::Number(_) => return Err(Fault::new("pdf.hidden", "letters drawn over each other")),
                        _ => return Err(operands()),
                    }
                }
                Ok(())
            }
            _ => Err(operands()),
        }
    }

    fn advance(&mut self, by: f64) {
        self.text = Matrix([1.0, 0.0, 0.0, 1.0, by, 0.0]).then(self.text);
    }

    /// Draws one run of letters. Their widths are not known, only that the narrowest text is about a quarter of its
    /// size a letter, and the ordinary half of it.
    fn run(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let (Some(_), Some((_, windows))) = (self.line, self.state.font) else {
            return Err(form("words without a font or outside a text object"));
        };
        let text = super::document::decode(bytes, windows)?;
        if text.is_empty() {
            return Ok(());
        }
        let size = self.state.size * self.state.stretch;
        let place = self.text.then(self.state.matrix);
        let [a, b, c, d, ..] = place.0;
        if (self.state.size * c.hypot(d)).abs() < 2.0 || (size * a.hypot(b)).abs() < 1.0 {
            return Err(Fault::new("pdf.hidden", "letters too small to be seen"));
        }
        let letters = text.chars().count() as f64;
        let (low, high) = (self.state.rise + 0.1 * self.state.size, self.state.rise + 0.45 * self.state.size);
        if !text.trim().is_empty() {
            let core = place.area([0.0, low, 0.25 * size * letters, high]);
            self.page.words(core, &self.state.clip, self.state.fill)?;
        }
        let (x, y) = place.point(0.0, self.state.rise);
        self.out.runs.push(Run { x, y, text });
        self.advance(0.5 * size * letters);
        Ok(())
    }
}
