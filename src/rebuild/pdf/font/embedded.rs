//! An embedded font, with its glyphs that were used so far; each is checked on first use.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use super::outline::Outline;
use super::program::{GlyphMap, Program};
use super::widths::Widths;
use super::{Font, Glyph};
use crate::rebuild::Fault;

/// The source of glyph outlines.
pub(super) enum Glyphs {
    Program(Program, GlyphMap),
    /// Outlines from a Type 3 font as a gateway writes it.
    Type3(BTreeMap<u32, Outline>),
}

/// A glyph as it is written.
#[derive(Clone)]
pub(in crate::rebuild::pdf) struct Letter {
    /// The index of its font in the document, and its code in that font.
    pub font: usize,
    pub code: u8,
    /// Advance width in thousandths of the font size, like the bounding box below.
    pub width: f64,
    pub bounds: Option<[f64; 4]>,
    /// Whether word spacing is added to it.
    pub word_space: bool,
    pub text: String,
}

/// A font of the file.
pub(in crate::rebuild::pdf) struct EmbeddedFont {
    wide: bool,
    said: BTreeMap<u32, String>,
    widths: Widths,
    glyphs: Glyphs,
    /// The characters of each glyph according to the program itself.
    own: BTreeMap<u16, Vec<char>>,
    known: BTreeMap<u32, Letter>,
    /// The text for which each outline is used.
    meanings: BTreeMap<String, String>,
    /// The index of the document's font to which the next glyph is added.
    current: Option<usize>,
}

/// Codes of a written font. The space keeps code 32, because viewers add word spacing to that code only.
const SPACE: u8 = 32;
const FIRST: usize = 33;

fn hidden(what: &str) -> Fault {
    Fault::new("pdf.hidden", what)
}

impl EmbeddedFont {
    /// Returns a font with the text and width of each code and its glyphs; codes have two bytes if `wide` is set.
    ///
    /// # Errors
    /// `pdf.font` if the program's own character tables are malformed.
    pub(super) fn new(
        wide: bool,
        said: BTreeMap<u32, String>,
        widths: Widths,
        glyphs: Glyphs,
    ) -> Result<EmbeddedFont, Fault> {
        let own = match &glyphs {
            Glyphs::Program(program, _) => program.characters()?,
            Glyphs::Type3(_) => BTreeMap::new(),
        };
        let (known, meanings) = (BTreeMap::new(), BTreeMap::new());
        Ok(EmbeddedFont { wide, said, widths, glyphs, own, known, meanings, current: None })
    }

    /// Returns the characters of WinAnsiEncoding by code.
    pub fn win_ansi() -> BTreeMap<u32, String> {
        let letters =
            (0..=u8::MAX).filter_map(|code| Some((code, crate::rebuild::pdf::standard_fonts::letter(code, true)?)));
        letters.map(|(code, letter)| (u32::from(code), letter.to_string())).collect()
    }

    /// Checks that two encodings agree on every code that both have.
    ///
    /// # Errors
    /// `pdf.font` if they do not.
    pub fn check_agreement(said: &BTreeMap<u32, String>, other: &BTreeMap<u32, String>) -> Result<(), Fault> {
        let differ = |code: &u32, text: &String| {
            !text.starts_with('\0') && other.get(code).is_some_and(|o| !alike(&normalize(text), &normalize(o)))
        };
        if said.iter().any(|(code, text)| differ(code, text)) {
            return Err(super::refused("a font whose encoding and `ToUnicode` map disagree"));
        }
        Ok(())
    }

    /// Whether it has a font program, of which only outlines are written.
    pub fn is_program(&self) -> bool {
        matches!(self.glyphs, Glyphs::Program(..))
    }

    /// Returns the glyphs for `bytes`. New glyphs are added to a font in `fonts`.
    ///
    /// # Errors
    /// `pdf.letters` or `pdf.font` if a glyph is missing or has no text, `pdf.hidden` if it would be invisible or
    /// misplaced.
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
        let text = self.said.get(&code).map(|text| normalize(text)).filter(|text| !text.is_empty());
        let mut text = text.ok_or_else(|| super::refused("a letter that its font does not map to text"))?;
        let width = self.widths.of(code)?;
        let outline = match &self.glyphs {
            Glyphs::Type3(drawn) => drawn.get(&code).cloned().ok_or_else(lacks)?,
            Glyphs::Program(program, letters) => {
                let drawing = letters.of(code).ok_or_else(lacks)?;
                let own: Vec<String> =
                    self.own.get(&drawing).into_iter().flatten().map(|c| normalize(&c.to_string())).collect();
                let named: Vec<String> = program.named(drawing).iter().map(|name| normalize(name)).collect();
                for stated in [own, named] {
                    text = drawn(text, &stated)?;
                }
                let outline = program.outline(drawing)?;
                // Some tools give the `.notdef` outline an index of its own, or the font's author did.
                let lacking = || program.outline(0).is_ok_and(|lacks| lacks.code() == outline.code());
                if text.chars().any(char::is_alphanumeric) && !outline.is_blank() && lacking() {
                    let what = "a letter missing from its font (`.notdef`): set it in another font";
                    return Err(Fault::new("pdf.letters", what));
                }
                outline
            }
        };
        check_outline(&text, &outline, width)?;
        let drawing = outline.code();
        if !outline.is_blank() {
            let meaning = self.meanings.entry(drawing).or_insert_with(|| text.clone());
            if !alike(meaning, &text) {
                return Err(super::refused("one glyph outline for two letters"));
            }
        }
        let word_space = !self.wide && code == u32::from(SPACE);
        let (font, code) = self.place(word_space, fonts);
        let bounds = outline.bounds().map(|b| b.map(f64::from));
        if let Some(Font::Type3(glyphs)) = fonts.get_mut(font) {
            glyphs.push(Glyph { code, width, outline, text: text.clone() });
        }
        Ok(Letter { font, code, width, bounds, word_space, text })
    }

    /// Returns the font of the document and the code for the next glyph; adds a font if there is none or the last one
    /// is full.
    fn place(&mut self, word_space: bool, fonts: &mut Vec<Font>) -> (usize, u8) {
        let taken = self.current.and_then(|font| match fonts.get(font) {
            Some(Font::Type3(glyphs)) => Some((font, glyphs.iter().filter(|g| g.code != SPACE).count())),
            _ => None,
        });
        let (font, taken) = match taken {
            Some((font, taken)) if word_space || FIRST + taken <= usize::from(u8::MAX) => (font, taken),
            _ => {
                fonts.push(Font::Type3(Vec::new()));
                self.current = Some(fonts.len() - 1);
                (fonts.len() - 1, 0)
            }
        };
        // INVARIANT: `FIRST + taken` was limited to a byte above, and is 33 in a new font.
        (font, if word_space { SPACE } else { (FIRST + taken) as u8 })
    }
}

/// Returns the list bullet that a private-use character stands for in the symbol fonts of office programs: Symbol,
/// Wingdings and OpenSymbol. Their characters are in the range U+F020 to U+F0FF, 0xF000 above the code in the font. No
/// letters are included: other private-use characters have no defined meaning.
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

/// Returns the text in the form in which it is scanned and written: ligatures split, every space ordinary, soft hyphens
/// visible, list bullets mapped.
fn normalize(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\u{FB00}'..='\u{FB06}' => out.extend(c.to_string().nfkc()),
            '\u{AD}' => out.push('-'),
            c if bullet(c).is_some() => out.extend(bullet(c)),
            // A control character is no space, and is refused where it is used.
            c if c.is_whitespace() && !c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Whether two texts are the same or look the same: a font may use one glyph for both.
fn alike(one: &str, other: &str) -> bool {
    one == other || one.nfkc().eq(other.nfkc()) || skeleton(one).eq(skeleton(other))
}

/// Returns the character that is drawn, given what the font program states for the glyph: the file's own mapping,
/// except that lower-case letters may be drawn as upper-case ones (small capitals); then the upper-case letter is what
/// a reader sees.
fn drawn(text: String, stated: &[String]) -> Result<String, Fault> {
    if stated.is_empty() || stated.iter().any(|one| alike(one, &text)) {
        return Ok(text);
    }
    let large = stated.iter().find(|one| one.to_lowercase() == text.to_lowercase());
    large.cloned().ok_or_else(|| super::refused("a letter that the font program maps to another character"))
}

/// Whether the text is a digit that looks like a dot: the Arabic or the Persian zero.
pub(in crate::rebuild::pdf) fn is_dot(text: &str) -> bool {
    matches!(text, "\u{660}" | "\u{6F0}")
}

/// Checks that an outline can be the character: ink for a letter, none for a space, and a plausible size.
fn check_outline(text: &str, outline: &Outline, width: f64) -> Result<(), Fault> {
    if text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return Err(super::refused("a letter that its font does not map to text"));
    }
    let Some([x0, y0, x1, y1]) = outline.bounds() else {
        // A zero-width non-joiner has no ink; it is checked against the letters around it when it is placed.
        let blank = matches!(text, " " | "\u{200C}");
        let what = "letters that are not drawn: remove them, or set the words in another font";
        return if blank { Ok(()) } else { Err(hidden(what)) };
    };
    if text.contains(' ') {
        return Err(hidden("a space with a visible glyph"));
    }
    let (across, up) = (f64::from(x1 - x0), f64::from(y1 - y0));
    let words = text.chars().any(char::is_alphanumeric);
    // The amount of ink is checked where the glyph is drawn.
    let side = if words && !is_dot(text) { 150.0 } else { 30.0 };
    let latin = text.chars().any(|c| c.is_ascii_alphanumeric());
    if across.max(up) < side || latin && up < 250.0 {
        return Err(hidden("letters too small to be seen: make them larger, set them in another font, or remove them"));
    }
    // A "point" as large as a letter is a letter, whatever its text says.
    if matches!(text, "." | "," | "'" | "-") && up > 600.0 {
        return Err(super::refused("a punctuation mark as large as a letter"));
    }
    // Mathematical symbols may extend far below the baseline, and are as tall as what they enclose.
    let below = if words { -1000 } else { -3000 };
    if x0 < -1000 || f64::from(x1) > width + 1000.0 || y0 < below || y1 > 2000 {
        return Err(hidden("letters drawn too far from their origin"));
    }
    // Combining marks are drawn over the previous letter and need no width of their own.
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
            let widths = Widths::standard([65, 73].map(|code| (code, 600.0)).into());
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
            let widths = Widths::standard([(65, 600.0)].into());
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
