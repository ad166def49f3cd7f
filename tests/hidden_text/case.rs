//! One case: words on a page, and everything that is done to hide them or to set them off.

use super::draw::{BLACK, Colour, Object, Page, Rng};
use super::face::{Face, LETTERS, PLAIN, Trick};

/// Which of the three pages of a case is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// As it is.
    With,
    /// Without the words.
    Without,
    /// Nothing but the words where they stand, each letter in a colour of its own.
    Ink,
}

/// The colours by which letters are told apart, by how much of red, green and blue each takes away.
pub const HUES: [[f64; 3]; 12] = [
    [0.0, 1.0, 1.0],
    [1.0, 0.0, 1.0],
    [1.0, 1.0, 0.0],
    [1.0, 0.0, 0.0],
    [0.0, 1.0, 0.0],
    [0.0, 0.0, 1.0],
    [1.0, 0.5, 0.0],
    [0.0, 1.0, 0.5],
    [0.5, 0.0, 1.0],
    [0.5, 1.0, 0.0],
    [0.0, 0.5, 1.0],
    [1.0, 0.0, 0.5],
];

/// What is shown, in order.
#[derive(Clone, Debug)]
pub enum Show {
    /// Letters that go before the words, and are not judged.
    Lead(String),
    /// Letters of the words.
    Words(String),
    /// A number between letters (`TJ`).
    Back(f64),
    /// Operators between letters.
    Code(String),
    /// Both spacings, the next line, and letters of the words (`"`).
    Quote(f64, f64, String),
    /// The next line, and letters of the words (`'`).
    Line(String),
}

/// One case.
pub struct Case {
    pub means: &'static str,
    pub hides: bool,
    /// The width and height of the sheet, and what else the page says of itself.
    pub sheet: [f64; 2],
    pub entries: String,
    pub above: String,
    /// Links, which are drawn where the page is.
    pub links: String,
    /// Everything on the page is turned so.
    pub turn: Option<[f64; 6]>,
    pub face: Face,
    pub trick: Trick,
    pub size: f64,
    pub at: (f64, f64),
    pub word: String,
    /// What the words are read as, where they are drawn in another order.
    pub reads: Option<String>,
    pub shows: Vec<Show>,
    /// Operators inside the text object that move letters, and by how much they are stretched.
    pub spacing: String,
    pub stretch: f64,
    /// Where the letters stand instead of `at`.
    pub matrix: Option<[f64; 6]>,
    pub cm: Option<[f64; 6]>,
    pub colour: Colour,
    /// How letters are painted, if not in `colour`.
    pub paint: Option<String>,
    /// Operators outside the text object: before it, in the same graphics state, and after it.
    pub before: String,
    pub clip: String,
    pub after: String,
    /// The words stand in a drawing of this box and matrix.
    pub form: Option<([f64; 4], [f64; 6])>,
    /// Objects besides the fonts, and the entries of the resources that name them.
    pub objects: Vec<Object>,
    pub resources: String,
    /// The letters are drawn as lines of this thickness, and not filled.
    pub lined: Option<f64>,
    /// What the words stand in is an image: no letters are shown, but where the page's own is.
    pub pictured: bool,
}

impl Case {
    /// Words somewhere on a page, of ordinary size, with nothing done to them.
    pub fn plain(rng: &mut Rng, means: &'static str, hides: bool) -> Case {
        let face = match rng.below(10) {
            0 | 1 => Face::Drawn,
            2 | 3 => Face::Program,
            _ => Face::Plain(rng.one(&PLAIN)),
        };
        let size = rng.between(8.0, 18.0);
        let most = ((150.0 / (face.breadth() * size)) as usize).clamp(4, 9);
        let letters = 4 + rng.below(most - 3);
        let word: String = (0..letters).map(|_| char::from(rng.one(LETTERS))).collect();
        let mut case = Case {
            means,
            hides,
            sheet: [200.0, 150.0],
            entries: String::new(),
            above: String::new(),
            links: String::new(),
            turn: None,
            face,
            trick: Trick::None,
            size,
            at: (0.0, 0.0),
            shows: vec![Show::Words(word.clone())],
            word,
            reads: None,
            spacing: String::new(),
            stretch: 1.0,
            matrix: None,
            cm: None,
            colour: BLACK,
            paint: None,
            before: String::new(),
            clip: String::new(),
            after: String::new(),
            form: None,
            objects: Vec::new(),
            resources: String::new(),
            lined: None,
            pictured: false,
        };
        case.at = (rng.between(12.0, (185.0 - case.width()).max(12.1)), rng.between(45.0, 95.0));
        case
    }

    /// Sets the words in another font, at the same place.
    pub fn set(&mut self, face: Face) {
        self.face = face;
        while self.width() > 170.0 && self.word.len() > 4 {
            self.word.pop();
        }
        self.at.0 = self.at.0.min(190.0 - self.width()).max(5.0);
        self.shows = vec![Show::Words(self.word.clone())];
    }

    /// At least as far as the words reach.
    pub fn width(&self) -> f64 {
        self.face.breadth() * self.size * self.word.len() as f64
    }

    /// A rectangle around the words, with so much room on each side.
    pub fn around(&self, room: f64) -> [f64; 4] {
        let (x, y) = self.at;
        [x - room, y - 0.28 * self.size - room, self.width() + 2.0 * room, 1.25 * self.size + 2.0 * room]
    }

    /// The rectangle that the letters themselves fill, or a little less.
    pub fn body(&self) -> [f64; 4] {
        let (x, y) = self.at;
        [x, y, self.face.breadth_min() * self.size * self.word.len() as f64, 0.66 * self.size]
    }

    /// Adds an object, and answers how it is referred to.
    pub fn object(&mut self, object: Object) -> String {
        self.objects.push(object);
        format!("@{}@", self.objects.len())
    }

    /// The letters that are judged.
    pub fn letters(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for show in &self.shows {
            if let Show::Words(words) | Show::Quote(_, _, words) | Show::Line(words) = show {
                out.extend(words.bytes().filter(|c| *c != b' '));
            }
        }
        out.truncate(HUES.len());
        out
    }

    /// By how much an area of the size of the font is larger on the page, in square points.
    pub fn scale(&self) -> f64 {
        let det = |[a, b, c, d, ..]: [f64; 6]| (a * d - b * c).abs();
        let form = self.form.map_or(1.0, |(_, matrix)| det(matrix));
        self.size * self.size * self.stretch * self.matrix.map_or(1.0, det) * self.cm.map_or(1.0, det) * form
    }

    fn text(&self, variant: Variant) -> String {
        let mut out = String::from("BT\n");
        if variant != Variant::Ink {
            out.push_str(self.paint.as_deref().unwrap_or_default());
        }
        out.push_str(&format!("/F1 {:.4} Tf\n{}", self.size, self.spacing));
        match self.matrix {
            Some(m) => out.push_str(&format!("{} Tm\n", numbers(&m))),
            None => out.push_str(&format!("{:.2} {:.2} Td\n", self.at.0, self.at.1)),
        }
        if variant == Variant::Ink {
            if let Some(width) = self.lined {
                out.push_str(&format!("1 Tr {width} w\n"));
            }
            self.ink(&mut out);
        } else {
            self.shown(variant == Variant::With, &mut out);
        }
        out.push_str("ET\n");
        out
    }

    fn shown(&self, with: bool, out: &mut String) {
        let mut list = String::new();
        for show in &self.shows {
            match show {
                Show::Lead(lead) => list.push_str(&format!("({lead})")),
                Show::Words(words) if with => list.push_str(&format!("({words})")),
                Show::Back(by) => list.push_str(&format!(" {by} ")),
                Show::Code(code) => {
                    flush(&mut list, out);
                    out.push_str(code);
                }
                Show::Quote(words, letters, text) if with => {
                    flush(&mut list, out);
                    out.push_str(&format!("{words} {letters} ({text}) \"\n"));
                }
                Show::Line(text) if with => {
                    flush(&mut list, out);
                    out.push_str(&format!("({text}) '\n"));
                }
                Show::Words(_) | Show::Quote(..) | Show::Line(_) => {}
            }
        }
        flush(&mut list, out);
    }

    fn ink(&self, out: &mut String) {
        let mut hues = HUES.iter();
        let (set, drawn) = if self.lined.is_some() { ("RG", 1) } else { ("rg", 0) };
        let mut each = |text: &str, out: &mut String| {
            for c in text.chars() {
                if c != ' ' {
                    match hues.next() {
                        Some([r, g, b]) => out.push_str(&format!("{} {} {} {set} ", 1.0 - r, 1.0 - g, 1.0 - b)),
                        None => out.push_str("3 Tr "),
                    }
                }
                out.push_str(&format!("({c}) Tj\n"));
            }
        };
        for show in &self.shows {
            match show {
                Show::Lead(lead) => out.push_str(&format!("3 Tr ({lead}) Tj {drawn} Tr\n")),
                Show::Words(words) => each(words, out),
                Show::Back(by) => out.push_str(&format!("[{by}] TJ\n")),
                Show::Code(code) => out.push_str(code),
                Show::Quote(words, letters, text) => {
                    out.push_str(&format!("{words} Tw {letters} Tc T*\n"));
                    each(text, out);
                }
                Show::Line(text) => {
                    out.push_str("T*\n");
                    each(text, out);
                }
            }
        }
    }

    /// The page, in one of its three forms.
    pub fn page(&self, variant: Variant) -> Page {
        let inked = variant == Variant::Ink;
        let mut code = String::from("q\n");
        if let Some(turn) = self.turn {
            code.push_str(&format!("{} cm\n", numbers(&turn)));
        }
        if !inked {
            code.push_str("BT /F0 8 Tf 12 138 Td (EXERCISE page) Tj ET\n");
            code.push_str(&self.before);
        }
        code.push_str("q\n");
        if !inked {
            code.push_str(&self.clip);
        }
        if let Some(cm) = self.cm {
            code.push_str(&format!("{} cm\n", numbers(&cm)));
        }
        let mut xobjects = String::new();
        let colour = if inked { String::new() } else { self.colour_code() };
        // The font of the page's own words, what the means added, the drawing that the words may stand in, their font.
        let mut objects =
            vec![Object::dict("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")];
        objects.extend(self.objects.iter().cloned());
        let words = objects.len();
        let face = words + usize::from(self.form.is_some());
        let fonts = format!("/Font << /F0 @0@ /F1 @{face}@ >>");
        match self.form {
            None if self.pictured && !inked => {
                // The words are in the image that `clip` draws, or are not.
            }
            None => code.push_str(&(colour + &self.text(variant))),
            Some((_, matrix)) if inked => {
                code.push_str(&format!("{} cm\n{}", numbers(&matrix), self.text(variant)));
            }
            Some(_) => {
                xobjects.push_str(&format!("/Words @{words}@ "));
                code.push_str("/Words Do\n");
            }
        }
        code.push_str("Q\n");
        if !inked {
            code.push_str(&self.after);
        }
        code.push_str("Q\n");
        let resources = self.resources.replace("XOBJECTS", &xobjects);
        let resources = if resources.contains("/XObject") || xobjects.is_empty() {
            resources
        } else {
            format!("{resources} /XObject << {xobjects} >>")
        };
        if let Some((sheet, matrix)) = self.form {
            objects.push(Object::stream(
                format!(
                    "<< /Type /XObject /Subtype /Form /BBox [{}] /Matrix [{}] /Resources << {fonts} >> >>",
                    numbers(&sheet),
                    numbers(&matrix)
                ),
                (self.colour_code() + &self.text(variant)).into_bytes(),
            ));
        }
        objects.extend(self.face.objects(self.trick, face));
        let [width, height] = self.sheet;
        Page {
            above: self.above.clone(),
            entries: format!(
                "/MediaBox [0 0 {width} {height}] {} {}",
                self.entries,
                if inked { "" } else { &self.links }
            ),
            resources: format!("{fonts} {resources}"),
            code,
            objects,
        }
    }

    fn colour_code(&self) -> String {
        // Black is what every page begins with.
        if self.colour.light() == 0.0 {
            String::new()
        } else {
            self.colour.fill(&mut Rng::of(self.word.len() as u64, 7))
        }
    }
}

fn flush(list: &mut String, out: &mut String) {
    let list = std::mem::take(list);
    let text = list.trim();
    match text {
        "" => {}
        _ if text.starts_with('(') && text.matches('(').count() == 1 && text.ends_with(')') => {
            out.push_str(&format!("{text} Tj\n"));
        }
        _ => out.push_str(&format!("[{text}] TJ\n")),
    }
}

pub fn numbers(list: &[f64]) -> String {
    let all: Vec<String> = list.iter().map(|n| format!("{}", (n * 10_000.0).round() / 10_000.0)).collect();
    all.join(" ")
}
