//! An embedded font and the glyphs of it that were used so far, each validated on first use.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use super::outline::Outline;
use super::program::{Letters, Program};
use super::widths::Widths;
use super::{Font, Glyph};
use crate::rebuild::Fault;

/// What draws the letters.
pub(super) enum Glyphs {
    Program(Program, Letters),
    /// Drawings as a gateway writes them, with their widths among the others.
    Drawn(BTreeMap<u32, Outline>),
}

/// One letter as it is written.
#[derive(Clone)]
pub(in crate::rebuild::pdf) struct Letter {
    /// The number of its font in the document, and its code there.
    pub font: usize,
    pub code: u8,
    /// In thousandths of the font's size, like the rectangle around what it draws.
    pub width: f64,
    pub bounds: Option<[f64; 4]>,
    /// Whether a space between words is added to it.
    pub parts_words: bool,
    pub text: String,
}

/// A font of the file.
pub(in crate::rebuild::pdf) struct EmbeddedFont {
    wide: bool,
    said: BTreeMap<u32, String>,
    widths: Widths,
    glyphs: Glyphs,
    /// What the program says that its drawings are.
    own: BTreeMap<u16, Vec<char>>,
    known: BTreeMap<u32, Letter>,
    /// What each drawing stands for.
    meanings: BTreeMap<String, String>,
    /// The font of the document that takes the next letter.
    current: Option<usize>,
}

/// Codes of a written font: the space keeps its own, because readers widen that one between words.
const SPACE: u8 = 32;
const FIRST: usize = 33;

fn hidden(what: &str) -> Fault {
    Fault::new("pdf.hidden", what)
}

impl EmbeddedFont {
    pub(super) fn new(
        wide: bool,
        said: BTreeMap<u32, String>,
        widths: Widths,
        glyphs: Glyphs,
    ) -> Result<EmbeddedFont, Fault> {
        let own = match &glyphs {
            Glyphs::Program(program, _) => program.says()?,
            Glyphs::Drawn(_) => BTreeMap::new(),
        };
        let (known, meanings) = (BTreeMap::new(), BTreeMap::new());
        Ok(EmbeddedFont { wide, said, widths, glyphs, own, known, meanings, current: None })
    }

    /// What the codes of the Windows encoding are.
    pub fn windows() -> BTreeMap<u32, String> {
        let letters =
            (0..=u8::MAX).filter_map(|code| Some((code, crate::rebuild::pdf::standard_fonts::letter(code, true)?)));
        letters.map(|(code, letter)| (u32::from(code), letter.to_string())).collect()
    }

    /// Whether two lists say the same of every code that both have.
    pub fn agree(said: &BTreeMap<u32, String>, other: &BTreeMap<u32, String>) -> Result<(), Fault> {
        let differ = |code: &u32, text: &String| {
            !text.starts_with('\0') && other.get(code).is_some_and(|o| !alike(&plain(text), &plain(o)))
        };
        if said.iter().any(|(code, text)| differ(code, text)) {
            return Err(super::refused("a font that contradicts itself about a letter"));
        }
        Ok(())
    }

    /// Whether it has a font program, of which only drawings are written.
    pub fn is_program(&self) -> bool {
        matches!(self.glyphs, Glyphs::Program(..))
    }

    /// The letters of `bytes`. Those that are new join a font of `fonts`.
    pub fn letters(&mut self, bytes: &[u8], fonts: &mut Vec<Font>) -> Result<Vec<Letter>, Fault> {
        let step = if self.wide { 2 } else { 1 };
        if !bytes.len().is_multiple_of(step) {
            return Err(Fault::new("pdf.letters", "half a letter"));
        }
        let mut out = Vec::with_capacity(bytes.len() / step);
        for code in bytes.chunks_exact(step).map(|c| c.iter().fold(0, |n, b| n << 8 | u32::from(*b))) {
            let letter = match self.known.get(&code) {
                Some(letter) => letter.clone(),
                None => {
                    let letter = self.letter(code, fonts)?;
                    self.known.insert(code, letter.clone());
                    letter
                }
            };
            out.push(letter);
        }
        Ok(out)
    }

    fn letter(&mut self, code: u32, fonts: &mut Vec<Font>) -> Result<Letter, Fault> {
        let lacks = || Fault::new("pdf.letters", "a letter missing from its font");
        let text = self.said.get(&code).map(|text| plain(text)).filter(|text| !text.is_empty());
        let mut text = text.ok_or_else(|| super::refused("a letter that its font does not map to text"))?;
        let width = self.widths.of(code)?;
        let outline = match &self.glyphs {
            Glyphs::Drawn(drawn) => drawn.get(&code).cloned().ok_or_else(lacks)?,
            Glyphs::Program(program, letters) => {
                let drawing = letters.of(code).ok_or_else(lacks)?;
                let own: Vec<String> =
                    self.own.get(&drawing).into_iter().flatten().map(|c| plain(&c.to_string())).collect();
                let named: Vec<String> = program.named(drawing).iter().map(|name| plain(name)).collect();
                for stated in [own, named] {
                    text = drawn(text, &stated)?;
                }
                let outline = program.outline(drawing)?;
                // Tools give the drawing of what a font lacks a number of its own, or whoever made the font did.
                let lacking = || program.outline(0).is_ok_and(|lacks| lacks.code() == outline.code());
                if text.chars().any(char::is_alphanumeric) && !outline.is_blank() && lacking() {
                    let what = "a letter missing from its font (`.notdef`): set it in another font";
                    return Err(Fault::new("pdf.letters", what));
                }
                outline
            }
        };
        judge(&text, &outline, width)?;
        let drawing = outline.code();
        if !outline.is_blank() {
            let meaning = self.meanings.entry(drawing).or_insert_with(|| text.clone());
            if !alike(meaning, &text) {
                return Err(super::refused("one drawing for two letters"));
            }
        }
        let parts_words = !self.wide && code == u32::from(SPACE);
        let (font, code) = self.place(parts_words, fonts);
        let bounds = outline.bounds().map(|b| b.map(f64::from));
        if let Some(Font::Drawn(glyphs)) = fonts.get_mut(font) {
            glyphs.push(Glyph { code, width, outline, text: text.clone() });
        }
        Ok(Letter { font, code, width, bounds, parts_words, text })
    }

    /// Where the next letter goes: its font in the document, a new one where there is none or no room, and its code.
    fn place(&mut self, parts_words: bool, fonts: &mut Vec<Font>) -> (usize, u8) {
        let taken = self.current.and_then(|font| match fonts.get(font) {
            Some(Font::Drawn(glyphs)) => Some((font, glyphs.iter().filter(|g| g.code != SPACE).count())),
            _ => None,
        });
        let (font, taken) = match taken {
            Some((font, taken)) if parts_words || FIRST + taken <= usize::from(u8::MAX) => (font, taken),
            _ => {
                fonts.push(Font::Drawn(Vec::new()));
                self.current = Some(fonts.len() - 1);
                (fonts.len() - 1, 0)
            }
        };
        // INVARIANT: `FIRST + taken` was held to a byte above, and is 33 in a new font.
        (font, if parts_words { SPACE } else { (FIRST + taken) as u8 })
    }
}

/// The bullet of a list, where `c` is the code of one in the fonts of signs that office programs set lists with: Symbol,
/// Wingdings, OpenSymbol. They stand in the private range U+F020 to U+F0FF, 0xF000 above their code in the font. No letter
/// of those fonts is among them: what else is for private use says nothing.
fn bullet(c: char) -> Option<char> {
    Some(match c {
        '\u{F095}' | '\u{F0B7}' => '\u{2022}',
        '\u{F0A7}' => '\u{25AA}',
        '\u{F0D8}' => '\u{27A2}',
        '\u{F0FC}' => '\u{2713}',
        '\u{F076}' => '\u{2756}',
        _ => return None,
    })
}

/// The text as it is read and written: letters of a ligature apart, every blank the ordinary one, hyphens that show,
/// bullets of lists.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\u{FB00}'..='\u{FB06}' => out.extend(c.to_string().nfkc()),
            '\u{AD}' => out.push('-'),
            c if bullet(c).is_some() => out.extend(bullet(c)),
            // What controls is no blank, and refused where it is used.
            c if c.is_whitespace() && !c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Whether two texts are the same, or look it: a font may draw them alike.
fn alike(one: &str, other: &str) -> bool {
    one == other || one.nfkc().eq(other.nfkc()) || skeleton(one).eq(skeleton(other))
}

/// The letter that is drawn, where a font says itself what a drawing is: what the file says, but that small letters may be
/// drawn as large ones (small capitals), and are then what a reader sees.
fn drawn(text: String, stated: &[String]) -> Result<String, Fault> {
    if stated.is_empty() || stated.iter().any(|one| alike(one, &text)) {
        return Ok(text);
    }
    let large = stated.iter().find(|one| one.to_lowercase() == text.to_lowercase());
    large.cloned().ok_or_else(|| super::refused("a letter that its font says is another"))
}

/// Whether it is a digit that is a mere dot by nature: the nought of Arabic and of Persian.
pub(in crate::rebuild::pdf) fn is_dot(text: &str) -> bool {
    matches!(text, "\u{660}" | "\u{6F0}")
}

/// Whether the drawing may be the letter: ink where there is a letter, none where there is a blank, and not out of size.
fn judge(text: &str, outline: &Outline, width: f64) -> Result<(), Fault> {
    if text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return Err(super::refused("a letter that its font does not map to text"));
    }
    let Some([x0, y0, x1, y1]) = outline.bounds() else {
        // What keeps two letters apart that would be joined has no ink; it is held against those where they stand.
        let blank = matches!(text, " " | "\u{200C}");
        let what = "letters that are not drawn: remove them, or set the words in another font";
        return if blank { Ok(()) } else { Err(hidden(what)) };
    };
    if text.contains(' ') {
        return Err(hidden("a blank that is drawn"));
    }
    let (across, up) = (f64::from(x1 - x0), f64::from(y1 - y0));
    let words = text.chars().any(char::is_alphanumeric);
    // How much ink it comes to is judged where it is drawn.
    let side = if words && !is_dot(text) { 150.0 } else { 30.0 };
    let latin = text.chars().any(|c| c.is_ascii_alphanumeric());
    if across.max(up) < side || latin && up < 250.0 {
        return Err(hidden("letters too small to be seen: make them larger, set them in another font, or remove them"));
    }
    // A point as large as a letter is one, whatever it is said to be.
    if matches!(text, "." | "," | "'" | "-") && up > 600.0 {
        return Err(super::refused("a point that is drawn as large as a letter"));
    }
    // Signs of mathematics hang from where they stand, and are as high as what they hold.
    let below = if words { -1000 } else { -3000 };
    if x0 < -1000 || f64::from(x1) > width + 1000.0 || y0 < below || y1 > 2000 {
        return Err(hidden("letters that are drawn away from their place"));
    }
    // Marks stand upon the letter before them and need no room of their own.
    let mark = text.chars().all(|c| !c.is_alphanumeric());
    if !mark && width < 0.3 * across {
        return Err(hidden("overlapping letters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::pdf::font::glyph_names::Base;
    use crate::rebuild::pdf::font::program::Program;
    use crate::rebuild::pdf::font::type1::tests::{BOX, RETURN, written};

    #[test]
    fn the_drawing_of_what_a_font_lacks_is_no_letter_whatever_its_number() {
        let of = |lacking: &str, letter: u8| {
            let bar = "50 600 c13 0 c4 100 c6 700 c7 -100 c6 c9 c14";
            let drawings = [("A", BOX), ("I", bar)];
            let program = Program::Type1(written(&[RETURN], lacking, &drawings, ("StandardEncoding", false)).unwrap());
            let letters = program.by_name(Base::Standard, &[]);
            let said = [(65, "A"), (73, "I")].map(|(code, text)| (code, text.to_owned()));
            let widths = Widths::usual([65, 73].map(|code| (code, 600.0)).into());
            let mut source = EmbeddedFont::new(false, said.into(), widths, Glyphs::Program(program, letters)).unwrap();
            let letters = source.letters(&[letter], &mut Vec::new());
            letters.map(|letters| letters[0].text.clone()).map_err(|fault| (fault.code, fault.message))
        };
        let (code, message) = of(BOX, b'A').unwrap_err();
        assert!(code == "pdf.letters" && message.contains("set it in another font"), "{code} {message}");
        assert_eq!(of(BOX, b'I').as_deref(), Ok("I"));
        assert_eq!(of("0 250 c13 c14", b'A').as_deref(), Ok("A"));
    }

    #[test]
    fn bullets_of_lists_are_told_as_bullets_and_nothing_else_for_private_use_is() {
        let told = |text: &str| {
            let program =
                Program::Type1(written(&[RETURN], BOX, &[("g17", BOX)], ("StandardEncoding", false)).unwrap());
            let letters = program.by_name(Base::Standard, &[(65, "g17".to_owned())]);
            let widths = Widths::usual([(65, 600.0)].into());
            let said = [(65, text.to_owned())].into();
            let mut source = EmbeddedFont::new(false, said, widths, Glyphs::Program(program, letters)).unwrap();
            source.letters(b"A", &mut Vec::new()).map(|letters| letters[0].text.clone()).unwrap()
        };
        for (text, expected) in [
            ("\u{F0B7}", "\u{2022}"),
            ("\u{F095}", "\u{2022}"),
            ("\u{F0A7}", "\u{25AA}"),
            ("\u{F0D8}", "\u{27A2}"),
            ("\u{F0FC}", "\u{2713}"),
            ("\u{F076}", "\u{2756}"),
            ("\u{F041}", "\u{F041}"),
            ("\u{E000}", "\u{E000}"),
            ("\u{F8FF}", "\u{F8FF}"),
        ] {
            assert_eq!(told(text), expected);
        }
    }
}
