//! Embedded fonts, of which only the outlines of used glyphs are kept: each becomes a Type 3 font (ISO 32000-1, 9.6.5)
//! of lines and curves, with the text that each glyph maps to.
//!
//! The input is a font dictionary, the output is glyphs with outlines, widths and text. It refuses a glyph that the
//! file does not map to text, a glyph whose text the font program contradicts, an outline that stands for two letters,
//! letters without ink and spaces with it. It cannot tell what an outline looks like: whether it looks like the letter
//! that it is mapped to is for the officer to check.

mod cmap;
mod glyph_names;
mod outline;
mod widths;
mod charstring;
mod type1;
mod program;
mod embedded;
mod type3;

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use super::file::File;
use super::file::object::{Dict, Object};
use super::geometry::{Matrix, Step};
use super::standard_fonts;
use super::standard_fonts::StandardFont;
use crate::rebuild::Fault;

pub(super) use embedded::{EmbeddedFont, Letter, is_dot};
pub(super) use outline::Outline;
pub(super) use type3::print;

use embedded::Glyphs;
use glyph_names::Base;
use program::{GlyphMap, Program};
use type1::Type1;
use widths::Widths;

/// A glyph of a font that is written.
pub(super) struct Glyph {
    pub code: u8,
    /// Advance width, in thousandths of the font size.
    pub width: f64,
    pub outline: Outline,
    pub text: String,
}

/// A font of the document that is written.
pub(super) enum Font {
    /// The name of a standard font, and whether it uses WinAnsiEncoding.
    Standard(String, bool),
    /// A Type 3 font.
    Type3(Vec<Glyph>),
}

const NAMELESS: &str = "a font that does not say what letters it draws: save the file again with a tool that says it, or print it to \
                        PDF from a browser; in TeX, use fonts that are no dots (`cm-super` or `lmodern`)";

fn refused(what: &str) -> Fault {
    Fault::new("pdf.font", what)
}

/// Reads the embedded font that `dict` describes; objects may be nested up to `depth_max`.
///
/// # Errors
/// `pdf.font` if it is malformed, unsupported, or does not map its glyphs to text.
pub(super) fn read(file: &File<'_>, dict: &Dict, depth_max: usize) -> Result<EmbeddedFont, Fault> {
    let at = |key: &str| file.at(dict, key);
    let subtype = at("Subtype").and_then(Object::name).unwrap_or_default();
    let (wide, font) = if subtype == "Type0" {
        if at("Encoding").and_then(Object::name) != Some("Identity-H") {
            return Err(refused("a composite font that is not encoded as `Identity-H`"));
        }
        let Some(Object::List(below)) = at("DescendantFonts") else {
            return Err(refused("a font without glyphs"));
        };
        let [below] = below.as_slice() else { return Err(refused("a composite font with several descendants")) };
        (true, file.dict(below).ok_or_else(|| refused("a font without glyphs"))?)
    } else {
        (false, dict)
    };
    let said = match dict.get("ToUnicode").and_then(|o| file.stream(o)) {
        Some((head, data)) => Some(cmap::read(&file.decoded(head, data)?, if wide { 2 } else { 1 }, depth_max)?),
        None => None,
    };
    if subtype == "Type3" {
        let said = said.ok_or_else(|| refused(NAMELESS))?;
        return type3::read(file, dict, said, depth_max);
    }
    if let Some(name) = plainly_named(file, font, wide) {
        return standard(file, font, name, said);
    }
    let widths = if wide { Widths::composite(file, font)? } else { Widths::simple(file, font)? };
    let program = program(file, font)?;
    let encoding = at("Encoding");
    let (base, given) =
        if wide { (Base::Own, Vec::new()) } else { (base(file, encoding)?, differences(file, encoding)?) };
    let letters = match (file.at(font, "Subtype").and_then(Object::name), &program) {
        (Some("CIDFontType2"), Program::TrueType(_)) => match file.at(font, "CIDToGIDMap") {
            None => GlyphMap::Same,
            Some(Object::Name(name)) if name == "Identity" => GlyphMap::Same,
            Some(_) => {
                let map = font.get("CIDToGIDMap").and_then(|o| file.stream(o));
                let (head, data) = map.ok_or_else(|| refused("a font without glyphs"))?;
                GlyphMap::listed(&file.decoded(head, data)?)
            }
        },
        (Some("CIDFontType0"), Program::Cff(_)) => program.by_number(),
        (Some("CIDFontType0"), Program::TrueType(_)) => GlyphMap::Same,
        (Some("TrueType"), Program::TrueType(_)) => program.by_code(base, &given),
        (Some("Type1" | "MMType1"), Program::Cff(_) | Program::Type1(_)) => program.by_name(base, &given),
        _ => return Err(refused("a font of an unsupported type")),
    };
    let mut letters_said = if wide { BTreeMap::new() } else { spelled(&program, &letters, base, &given) };
    let windows = !wide && base == Base::Windows && given.is_empty();
    match said {
        Some(said) => letters_said.extend(said),
        None if letters_said.is_empty() => {
            return Err(refused(NAMELESS));
        }
        None => {}
    }
    let said = letters_said;
    if windows {
        EmbeddedFont::check_agreement(&said, &EmbeddedFont::win_ansi())?;
    }
    EmbeddedFont::new(wide, said, widths, Glyphs::Program(program, letters))
}

/// Returns the name of a standard font that is not embedded.
fn plainly_named<'f>(file: &'f File<'_>, font: &'f Dict, wide: bool) -> Option<&'f str> {
    let described = file.at(font, "FontDescriptor").and_then(|o| file.dict(o));
    let embedded = described.is_some_and(|d| d.keys().any(|key| key.starts_with("FontFile")));
    let name = file.at(font, "BaseFont").and_then(Object::name)?;
    (!wide && !embedded && standard_fonts::FONTS.contains(&name)).then_some(name)
}

/// Reads a standard font that is not embedded and has an encoding of its own or a font descriptor. It is written as a
/// Type 3 font, with the outlines of the metric-compatible font.
fn standard(
    file: &File<'_>,
    font: &Dict,
    name: &str,
    said: Option<BTreeMap<u32, String>>,
) -> Result<EmbeddedFont, Fault> {
    let encoding = file.at(font, "Encoding");
    let base = Some(base(file, encoding)?).filter(|base| *base != Base::Own).unwrap_or(Base::Standard);
    let given: BTreeMap<u8, String> = differences(file, encoding)?.into_iter().collect();
    let lacks = || refused("a font that is not embedded");
    let drawings = StandardFont::of(name).ok_or_else(lacks)?;
    let (mut letters, mut drawn, mut usual) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let listed = if font.contains_key("Widths") { Some(Widths::simple(file, font)?) } else { None };
    for code in 0..=u8::MAX {
        let text =
            given.get(&code).map_or_else(|| base.letter(code).map(String::from), |name| glyph_names::letters(name));
        let Some(parts) = text.as_ref().and_then(|text| set(&drawings, text)) else { continue };
        let natural: f64 = parts.iter().map(|(width, _)| width).sum();
        let code = u32::from(code);
        let width = match &listed {
            Some(listed) => listed.of(code)?,
            None => natural,
        };
        // The components of a ligature are drawn next to each other, scaled to the width of the ligature.
        let narrow = if parts.len() > 1 { width / natural } else { 1.0 };
        let (mut steps, mut at) = (Vec::new(), 0.0);
        for (width, part) in &parts {
            let place = Matrix([narrow, 0.0, 0.0, 1.0, at * narrow, 0.0]);
            steps.extend(part.iter().map(|step| step.placed(place)));
            at += width;
        }
        letters.insert(code, text.unwrap_or_default());
        usual.insert(code, width);
        drawn.insert(code, Outline::of(&steps)?);
    }
    if let Some(said) = said {
        EmbeddedFont::check_agreement(&said, &letters)?;
    }
    EmbeddedFont::new(false, letters, Widths::standard(usual), Glyphs::Type3(drawn))
}

/// Returns the widths and outlines of a text in a standard font; `None` if it lacks a character.
fn set(drawings: &StandardFont, text: &str) -> Option<Vec<(f64, Vec<Step>)>> {
    let whole: Vec<char> = match drawings.letter(text.chars().next()?) {
        Some(_) => text.chars().collect(),
        None => text.nfkc().collect(),
    };
    whole.into_iter().map(|letter| drawings.letter(letter)).collect()
}

/// Returns the text of each code by glyph names: those of the differences, of the base encoding, or of the program.
fn spelled(program: &Program, letters: &GlyphMap, base: Base, given: &[(u8, String)]) -> BTreeMap<u32, String> {
    let given: BTreeMap<u8, &str> = given.iter().map(|(code, name)| (*code, name.as_str())).collect();
    let letter = |code: u8| match given.get(&code) {
        Some(name) => glyph_names::letters(name),
        None if base == Base::Own => program.named(letters.of(u32::from(code))?),
        None => base.letter(code).map(String::from),
    };
    (0..=u8::MAX).filter_map(|code| Some((u32::from(code), letter(code)?))).collect()
}

/// Returns the base encoding.
fn base(file: &File<'_>, encoding: Option<&Object>) -> Result<Base, Fault> {
    let base = match encoding {
        Some(Object::Dict(dict)) => file.at(dict, "BaseEncoding"),
        other => other,
    };
    match base.map(Object::name) {
        None => Ok(Base::Own),
        Some(Some("StandardEncoding")) => Ok(Base::Standard),
        Some(Some("WinAnsiEncoding")) => Ok(Base::Windows),
        Some(Some("MacRomanEncoding")) => Ok(Base::Macintosh),
        Some(_) => Err(refused("a font with an unsupported encoding")),
    }
}

/// Returns the differences of an encoding, as codes and glyph names.
fn differences(file: &File<'_>, encoding: Option<&Object>) -> Result<Vec<(u8, String)>, Fault> {
    let Some(Object::Dict(dict)) = encoding else { return Ok(Vec::new()) };
    let Some(Object::List(list)) = file.at(dict, "Differences") else { return Ok(Vec::new()) };
    let broken = || refused("an invalid font encoding");
    let (mut out, mut next) = (Vec::new(), None);
    for object in list {
        match file.resolve(object) {
            Object::Name(name) => {
                let code: usize = next.ok_or_else(broken)?;
                out.push((u8::try_from(code).map_err(|_| broken())?, name.clone()));
                next = Some(code + 1);
            }
            other => next = Some(other.count().ok_or_else(broken)?),
        }
    }
    Ok(out)
}

/// Returns the font program of `font`.
fn program(file: &File<'_>, font: &Dict) -> Result<Program, Fault> {
    let none = || {
        refused(
            "a font that is not embedded, other than Courier, Helvetica and Times: embed it (in Word, `Embed fonts in the file`)",
        )
    };
    let described = file.at(font, "FontDescriptor").and_then(|o| file.dict(o)).ok_or_else(none)?;
    let stream = |key: &str| described.get(key).and_then(|o| file.stream(o));
    if let Some((head, data)) = stream("FontFile") {
        return Ok(Program::Type1(Type1::read(&file.decoded(head, data)?)?));
    }
    if let Some((head, data)) = stream("FontFile2") {
        return Program::true_type(file.decoded(head, data)?);
    }
    let (head, data) = stream("FontFile3").ok_or_else(none)?;
    let kind = file.at(head, "Subtype").and_then(Object::name);
    let bytes = file.decoded(head, data)?;
    match kind {
        Some("CIDFontType0C" | "Type1C") => Program::cff(bytes),
        Some("OpenType") => Program::true_type(bytes),
        _ => Err(refused("an embedded font of an unsupported type")),
    }
}
