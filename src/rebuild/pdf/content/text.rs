//! The text operators of page content (ISO 32000-1, 9.3 and 9.4): where glyphs are placed, whether they are visible,
//! and what text they map to.

use super::{Face, Interpreter, State, operands};
use crate::rebuild::Fault;
use crate::rebuild::pdf::file::object::{Object, form};
use crate::rebuild::pdf::font::{self, Letter};
use crate::rebuild::pdf::geometry::Matrix;
use crate::rebuild::pdf::reading_order;
use crate::rebuild::pdf::visibility::{GlyphStyle, Placed};

/// Maximum line width of stroked glyphs, as a fraction of the font size: wider lines make glyphs illegible.
const LINE_MAX: f64 = 0.15;

impl Interpreter<'_> {
    /// Interprets a text object, text state or text positioning operator (9.3, 9.4.2).
    ///
    /// # Errors
    /// `pdf.form` outside a text object, `pdf.hidden` for glyphs that would be invisible.
    pub(in crate::rebuild::pdf) fn text_state(&mut self, operator: &str, n: &[f64]) -> Result<(), Fault> {
        let outside = || form("words outside a text object, or one inside another");
        let hidden = |what| Err(Fault::new("pdf.hidden", what));
        match (operator, n) {
            ("BT", []) if self.line.is_none() => {
                self.line = Some(Matrix::IDENTITY);
                self.text = Matrix::IDENTITY;
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
            // Glyphs that are moved back over earlier ones have no reading order.
            ("Tc", [space]) | ("Tw", [space]) if *space < -1.0 => {
                return hidden("overlapping letters");
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

    /// Sets the font and its size (`Tf`).
    ///
    /// # Errors
    /// A `pdf.*` [`Fault`] if the font is missing or unsupported.
    pub(in crate::rebuild::pdf) fn font(&mut self, given: &[Object]) -> Result<(), Fault> {
        let [Object::Name(name), Object::Number(size)] = given else { return Err(operands()) };
        let face = self.resources.font(name)?;
        (self.state.font, self.state.size) = (Some(face), *size);
        // An embedded font is mapped to fonts of the document only when its glyphs are shown.
        if let Face::Standard(number, _) = face {
            self.set_font(number);
        }
        Ok(())
    }

    fn set_font(&mut self, number: usize) {
        self.state.written = Some((number, self.state.size));
        self.emit("Tf", &[Object::Name(format!("F{number}")), Object::Number(self.state.size)]);
    }

    /// Shows text (9.4.3).
    ///
    /// # Errors
    /// A `pdf.*` [`Fault`] if a glyph is missing or would be invisible.
    pub(in crate::rebuild::pdf) fn show(&mut self, operator: &str, given: &[Object]) -> Result<(), Fault> {
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
            Face::Standard(font, windows) => {
                for part in parts {
                    match part {
                        Object::Text(bytes) => {
                            let letters = self.plain(font, windows, bytes)?;
                            self.run(&letters, false)?;
                        }
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

    /// Moves left by thousandths of the font size.
    fn back(&mut self, by: &Object) -> Result<f64, Fault> {
        match by.number() {
            Some(by) if (-200_000.0..=1000.0).contains(&by) => {
                self.advance(-by / 1000.0 * self.state.size * self.state.stretch);
                Ok(by)
            }
            Some(_) => Err(Fault::new("pdf.hidden", "overlapping letters")),
            None => Err(operands()),
        }
    }

    fn advance(&mut self, by: f64) {
        self.text = Matrix([1.0, 0.0, 0.0, 1.0, by, 0.0]).then(self.text);
    }

    /// Shows glyphs of an embedded font; they are written with the codes of the Type 3 fonts that replace it.
    fn show_embedded(&mut self, source: usize, parts: &[Object]) -> Result<(), Fault> {
        let mut group: (Option<usize>, Vec<Object>) = (None, Vec::new());
        for part in parts {
            let Object::Text(bytes) = part else {
                group.1.push(Object::Number(self.back(part)?));
                continue;
            };
            let place = self.text.then(self.state.matrix).point(0.0, self.state.rise);
            let letters = self.resources.letters(source, bytes).map_err(|fault| match fault.code {
                "pdf.hidden" => self.page.hidden(place, &fault.message),
                _ => fault,
            })?;
            self.run(&letters, true)?;
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
            return Err(form("a text operator without text"));
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

    /// Returns the glyphs for bytes in a standard font.
    fn plain(&mut self, font: usize, windows: bool, bytes: &[u8]) -> Result<Vec<Letter>, Fault> {
        let lacks = || Fault::new("pdf.letters", "letters that are not in the encoding of their font");
        let mut letters = Vec::with_capacity(bytes.len());
        for code in bytes {
            let text = crate::rebuild::pdf::standard_fonts::letter(*code, windows).ok_or_else(lacks)?.to_string();
            let measure = self.resources.plain(self.page, font, *code)?.ok_or_else(lacks)?;
            let (width, bounds, word_space) = (measure.width, measure.bounds, *code == b' ');
            letters.push(Letter { font, code: *code, width, bounds, word_space, text });
        }
        Ok(letters)
    }

    /// Returns the appearance of glyphs under the current state, or a fault if they would be invisible; `drawn` for a
    /// Type 3 font.
    fn look(&self, drawn: bool) -> Result<GlyphStyle, Fault> {
        let State { size, stretch, matrix, filled, lined, pen, .. } = self.state;
        let place = self.text.then(matrix);
        let hidden = |what: &str| Err(self.page.hidden(place.point(0.0, self.state.rise), what));
        let ([a, b, c, d, ..], det) = (place.0, place.determinant().abs());
        let points = (size * det / a.hypot(b)).abs();
        let across = (size * stretch * det / c.hypot(d)).abs();
        let least = self.page.letter_points();
        self.check_supported(place.point(0.0, self.state.rise), [filled, lined])?;
        if place.determinant() < 0.0 {
            return hidden("mirrored letters: draw them the right way round");
        }
        // A singular matrix has no glyph size.
        if !(place.is_valid() && points >= least && across >= (least / 2.0).max(0.2 * points)) {
            return hidden(&format!(
                "letters smaller than {least:.3} points on a sheet of this size, or as narrow: make them larger, or remove them"
            ));
        }
        if drawn && !filled {
            return hidden("stroked letters of an embedded font: fill them");
        }
        // Glyphs of Type 3 fonts are filled and never stroked.
        let lined = lined && !drawn;
        if lined && (pen.dashed || pen.width * matrix.determinant().abs().sqrt() > LINE_MAX * points) {
            return hidden("letters stroked with dashed or too thick lines: fill them");
        }
        let em = size / 1000.0;
        Ok(GlyphStyle {
            text: Matrix([em * stretch, 0.0, 0.0, em, 0.0, 0.0]).then(self.text),
            page: matrix,
            fill: filled.then_some(self.state.fill),
            line: lined.then_some((self.state.stroke, pen)),
            alpha: self.page.alphas,
            points,
        })
    }

    /// Whether a glyph draws less than the smallest glyphs of an ordinary font.
    fn tiny(&self, [x0, y0, x1, y1]: [f64; 4], em: f64) -> bool {
        let [a, b, c, d, ..] = self.text.then(self.state.matrix).0;
        let (across, up) = ((x1 - x0) * em * self.state.stretch * a.hypot(b), (y1 - y0) * em * c.hypot(d));
        across.abs().max(up.abs()) < 0.3 * self.page.letter_points()
    }

    /// Draws one run of glyphs.
    fn run(&mut self, letters: &[Letter], drawn: bool) -> Result<(), Fault> {
        if letters.is_empty() {
            return Ok(());
        }
        let place = self.text.then(self.state.matrix);
        let State { size, stretch, rise, between_letters, between_words, clip, .. } = self.state;
        let em = size / 1000.0;
        let look = match letters.iter().any(|letter| letter.bounds.is_some()) {
            true => {
                let look = self.look(drawn)?;
                self.page.look(look)
            }
            false => 0,
        };
        let (mut x, mut word) = (0.0, None);
        for letter in letters {
            let between = between_letters + if letter.word_space { between_words } else { 0.0 };
            let step = letter.width * em + between;
            if let Some(bounds) = letter.bounds {
                if letter.width > 0.0 && step / (letter.width * em) < 0.3 {
                    return Err(self
                        .page
                        .hidden(place.point(x * stretch, rise), "overlapping letters: set them apart"));
                }
                let alphanumeric = letter.text.chars().any(char::is_alphanumeric);
                if alphanumeric && !font::is_dot(&letter.text) && self.tiny(bounds, em) {
                    let what = "letters too small to be seen: make them larger, or remove them";
                    return Err(self.page.hidden(place.point(x * stretch, rise), what));
                }
                let word = *word.get_or_insert_with(|| self.page.word());
                let (font, code, at) = (letter.font, letter.code, place.point(x * stretch, rise));
                self.page.letter(look, &Placed { font, code, at, bounds, alphanumeric }, word, &clip)?;
            } else {
                word = None;
            }
            self.read(letter, place, x);
            x += step;
        }
        self.advance(x * stretch);
        Ok(())
    }

    /// Records the position of a glyph in reading order; `x` is its distance from the start of the line.
    fn read(&mut self, letter: &Letter, place: Matrix, x: f64) {
        let State { size, stretch, rise, filled, fill, stroke, .. } = self.state;
        let [a, b, ..] = place.0;
        let length = a.hypot(b);
        let Some([x0, y0, x1, y1]) = letter.bounds.filter(|_| !letter.text.trim().is_empty() && length > 0.0) else {
            return match &*letter.text {
                "\u{200C}" => self.out.runs.joiner(place.point(x * stretch, rise)),
                _ => self.out.runs.blank(),
            };
        };
        let em = size / 1000.0;
        // A font may draw a glyph far from its origin; its position for reading is where its ink is.
        let beside = !(0.0..=letter.width).contains(&((x0 + x1) / 2.0));
        let (from, to) = if beside { (x0, x1) } else { (0.0, letter.width) };
        let alphanumeric = letter.text.chars().any(char::is_alphanumeric);
        let above = if alphanumeric && (y0 > 450.0 || y1 < 100.0) { y0 } else { 0.0 };
        let point = |along: f64| place.point((x + along * em) * stretch, rise + above * em);
        // A negative font size turns glyphs upside down.
        let way = size.signum() / length;
        self.out.runs.put(&reading_order::Placed {
            at: point(from),
            end: point(to),
            along: (a * way, b * way),
            size: size.abs() * length,
            height: size.abs() * place.determinant().abs() / length,
            colour: if filled { fill } else { stroke }.rgb,
            text: &letter.text,
        });
    }
}
