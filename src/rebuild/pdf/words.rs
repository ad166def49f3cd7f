//! The words of a page's content (ISO 32000-1, 9.3 and 9.4): where they stand, whether they are seen, and what they say.

use super::super::Fault;
use super::content::{Face, Machine, State, operands};
use super::font::Letter;
use super::object::{Object, form};
use super::paint::{Area, Matrix};

/// A run of words: where it begins, what it says, and where it ends if that is known.
pub(super) struct Run {
    pub x: f64,
    pub y: f64,
    pub end: Option<f64>,
    /// How large the letters are.
    pub size: f64,
    pub text: String,
}

impl Run {
    /// Whether there is room for a blank between this run and the next on its line; `None` where it is not known how
    /// far the letters of both reach.
    pub fn parted(&self, next: &Run) -> Option<bool> {
        next.end?;
        let gap = next.x - self.end?;
        Some(gap > 0.15 * self.size || gap < -self.size)
    }
}

impl Machine<'_> {
    pub(super) fn text_state(&mut self, operator: &str, n: &[f64]) -> Result<(), Fault> {
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
            ("Tc", [space]) => self.state.between_letters = *space,
            ("Tw", [space]) => self.state.between_words = *space,
            ("Tz", [percent]) if (10.0..=1000.0).contains(percent) => self.state.stretch = percent / 100.0,
            ("Tz", [_]) => return hidden("letters too narrow to be seen"),
            ("TL", [leading]) => self.state.leading = *leading,
            ("Ts", [rise]) => self.state.rise = *rise,
            ("Tr", [mode]) if [0.0, 1.0, 2.0].contains(mode) => {
                (self.state.filled, self.state.lined) = (*mode != 1.0, *mode != 0.0);
            }
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

    pub(super) fn font(&mut self, given: &[Object]) -> Result<(), Fault> {
        let [Object::Name(name), Object::Number(size)] = given else { return Err(operands()) };
        let face = self.resources.font(name)?;
        (self.state.font, self.state.size) = (Some(face), *size);
        // Which fonts an embedded one becomes is known when its letters are.
        if let Face::Plain(number, _) = face {
            self.set_font(number);
        }
        Ok(())
    }

    fn set_font(&mut self, number: usize) {
        self.state.written = Some((number, self.state.size));
        self.emit("Tf", &[Object::Name(format!("F{number}")), Object::Number(self.state.size)]);
    }

    pub(super) fn show(&mut self, operator: &str, given: &[Object]) -> Result<(), Fault> {
        let face = self.state.font.filter(|_| self.line.is_some());
        let face = face.ok_or_else(|| form("words without a font or outside a text object"))?;
        let parts = match (operator, given) {
            ("Tj" | "'", [text @ Object::Text(_)]) => std::slice::from_ref(text),
            ("\"", [Object::Number(words), Object::Number(letters), text @ Object::Text(_)]) if *letters >= -1.0 => {
                (self.state.between_words, self.state.between_letters) = (*words, *letters);
                std::slice::from_ref(text)
            }
            ("TJ", [Object::List(list)]) => list,
            _ => return Err(operands()),
        };
        if matches!(operator, "'" | "\"") {
            self.next_line(0.0, -self.state.leading)?;
        }
        match face {
            Face::Plain(_, windows) => {
                for part in parts {
                    match part {
                        Object::Text(text) => self.run(text, windows)?,
                        other => {
                            self.back(other)?;
                        }
                    }
                }
                self.emit(operator, given);
                Ok(())
            }
            Face::Embedded(source) => {
                if operator == "\"" {
                    self.emit("Tw", &given[..1]);
                    self.emit("Tc", &given[1..2]);
                }
                if matches!(operator, "'" | "\"") {
                    self.emit("T*", &[]);
                }
                self.show_embedded(source, parts)
            }
        }
    }

    /// Moves by thousandths of the font's size to the left.
    fn back(&mut self, by: &Object) -> Result<f64, Fault> {
        match by.number() {
            Some(by) if (-20_000.0..=1000.0).contains(&by) => {
                self.advance(-by / 1000.0 * self.state.size * self.state.stretch);
                Ok(by)
            }
            Some(_) => Err(Fault::new("pdf.hidden", "letters drawn over each other")),
            None => Err(operands()),
        }
    }

    fn advance(&mut self, by: f64) {
        self.text = Matrix([1.0, 0.0, 0.0, 1.0, by, 0.0]).then(self.text);
    }

    /// Shows letters of an embedded font: written in the codes of the fonts of drawings that they become.
    fn show_embedded(&mut self, source: usize, parts: &[Object]) -> Result<(), Fault> {
        let mut group: (Option<usize>, Vec<Object>) = (None, Vec::new());
        for part in parts {
            let Object::Text(bytes) = part else {
                group.1.push(Object::Number(self.back(part)?));
                continue;
            };
            let letters = self.resources.letters(source, bytes)?;
            self.run_embedded(&letters)?;
            for letter in letters {
                if group.0.is_some_and(|font| font != letter.font) {
                    self.show_group(std::mem::take(&mut group));
                }
                group.0 = Some(letter.font);
                match group.1.last_mut() {
                    Some(Object::Text(codes)) => codes.push(letter.code),
                    _ => group.1.push(Object::Text(vec![letter.code])),
                }
            }
        }
        if group.0.is_none() && !group.1.is_empty() {
            return Err(form("words without letters"));
        }
        self.show_group(group);
        Ok(())
    }

    fn show_group(&mut self, (font, parts): (Option<usize>, Vec<Object>)) {
        let Some(font) = font else { return };
        if self.state.written != Some((font, self.state.size)) {
            self.set_font(font);
        }
        match parts.as_slice() {
            [text @ Object::Text(_)] => self.emit("Tj", std::slice::from_ref(text)),
            _ => self.emit("TJ", &[Object::List(parts)]),
        }
    }

    /// Where letters stand, if they are large enough to be seen.
    fn place(&self) -> Result<Matrix, Fault> {
        let place = self.text.then(self.state.matrix);
        let [a, b, c, d, ..] = place.0;
        let (up, across) = (self.state.size, self.state.size * self.state.stretch);
        if (up * c.hypot(d)).abs() < 2.0 || (across * a.hypot(b)).abs() < 1.0 {
            return Err(Fault::new("pdf.hidden", "letters too small to be seen"));
        }
        Ok(place)
    }

    /// Letters of a plain font are drawn: whatever draws them must be seen, for lines lie upon what is filled.
    fn drawn(&mut self, core: Area) -> Result<(), Fault> {
        let State { clip, fill, stroke, filled, lined, dashed, .. } = self.state;
        if !filled && dashed {
            return Err(Fault::new("pdf.hidden", "letters drawn as lines with gaps"));
        }
        for brightness in [filled.then_some(fill), lined.then_some(stroke)].into_iter().flatten() {
            self.page.words(core, &clip, brightness)?;
        }
        Ok(())
    }

    fn note(&mut self, place: Matrix, end: Option<f64>, text: String) {
        let (x, y) = place.point(0.0, self.state.rise);
        let end = end.map(|end| place.point(end, self.state.rise).0);
        let [a, b, ..] = place.0;
        let size = (self.state.size * a.hypot(b)).abs();
        self.out.runs.push(Run { x, y, end, size, text });
    }

    /// Draws one run of letters of a plain font. Their widths are not known, only that the narrowest text is about a
    /// quarter of its size a letter, and the ordinary half of it.
    fn run(&mut self, bytes: &[u8], windows: bool) -> Result<(), Fault> {
        let text = super::plain::decode(bytes, windows)?;
        if text.is_empty() {
            return Ok(());
        }
        let size = self.state.size * self.state.stretch;
        let place = self.place()?;
        let letters = text.chars().count() as f64;
        let (low, high) = (self.state.rise + 0.1 * self.state.size, self.state.rise + 0.45 * self.state.size);
        if !text.trim().is_empty() {
            let core = place.area([0.0, low, 0.25 * size * letters, high]);
            self.drawn(core)?;
        }
        self.note(place, None, text);
        self.advance(0.5 * size * letters);
        Ok(())
    }

    /// Draws one run of letters of which it is known how far each moves and where it draws.
    fn run_embedded(&mut self, letters: &[Letter]) -> Result<(), Fault> {
        if letters.is_empty() {
            return Ok(());
        }
        if !self.state.filled {
            return Err(Fault::new("pdf.hidden", "letters of an embedded font drawn as lines only"));
        }
        let place = self.place()?;
        let State { size, stretch, rise, .. } = self.state;
        let em = size / 1000.0;
        let (mut x, mut core, mut text) = (0.0, Area::EMPTY, String::new());
        for letter in letters {
            if let Some([x0, y0, x1, y1]) = letter.bounds {
                let at = |inset: f64, low: f64, high: f64| {
                    let side = inset * (x1 - x0);
                    let across = [x0 + side, x1 - side].map(|n| x + n * em * stretch);
                    [across[0], rise + low * em, across[1], rise + high * em]
                };
                let ink = place.area(at(0.0, y0, y1));
                let (thin, inset) = ((ink.x1 - ink.x0).min(ink.y1 - ink.y0), 0.2 * (y1 - y0));
                if letter.solid && thin > 3.0 {
                    self.page.letter(&ink.shrunk(0.2 * thin))?;
                }
                // The body of ordinary letters, so that a line beneath them is no cover; all of what has none.
                let (low, high) = (y0.max(100.0), y1.min(450.0));
                let body = if low < high { at(0.1, low, high) } else { at(0.1, y0 + inset, y1 - inset) };
                core.add((body[0], body[1]));
                core.add((body[2], body[3]));
            }
            text.push_str(&letter.text);
            let between = self.state.between_letters + if letter.parts_words { self.state.between_words } else { 0.0 };
            let step = letter.width * em + between;
            if letter.bounds.is_some() && letter.width > 0.0 && step / (letter.width * em) < 0.3 {
                return Err(Fault::new("pdf.hidden", "letters drawn over each other"));
            }
            x += step * stretch;
        }
        if core.x0 <= core.x1 {
            let core = place.area([core.x0, core.y0, core.x1, core.y1]);
            // Letters that are drawings are filled, and their lines are not drawn.
            self.page.words(core, &self.state.clip, self.state.fill)?;
        }
        self.note(place, Some(x), text);
        self.advance(x);
        Ok(())
    }
}
