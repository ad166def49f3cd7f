//! A font program, asked for nothing but what its letters draw and what it says they are. The reading of it is a
//! library's; that it may fail on a stranger's bytes is why it runs in a process of its own.

use std::collections::BTreeMap;

use ttf_parser::{Face, GlyphId, PlatformId, Tag, cff, loca};

use super::super::super::Fault;
use super::outline::{Outline, Pen};
use super::refused;

/// The bytes of a program, known to be one.
pub(super) enum Program {
    /// TrueType or OpenType.
    TrueType(Vec<u8>),
    /// A compact font by itself (CFF).
    Compact(Vec<u8>),
}

/// Which drawing of the program each code means.
pub(super) enum Letters {
    Same,
    Listed(BTreeMap<u32, u16>),
}

impl Letters {
    /// Two bytes for each code.
    pub fn listed(bytes: &[u8]) -> Letters {
        Letters::Listed((0..).zip(bytes.chunks_exact(2).map(|b| u16::from(b[0]) << 8 | u16::from(b[1]))).collect())
    }

    /// The drawing of a code; the first of a program stands for letters that it lacks.
    pub fn of(&self, code: u32) -> Option<u16> {
        match self {
            Letters::Same => u16::try_from(code).ok(),
            Letters::Listed(list) => list.get(&code).copied(),
        }
        .filter(|drawing| *drawing != 0)
    }
}

/// Tables of letters of one program at most. Ordinary ones have two or three.
const TABLES_MAX: u16 = 16;

fn broken() -> Fault {
    refused("an embedded font that is damaged")
}

impl Program {
    pub fn true_type(bytes: Vec<u8>) -> Result<Program, Fault> {
        Face::parse(&bytes, 0).map_err(|_| broken())?;
        Ok(Program::TrueType(bytes))
    }

    pub fn compact(bytes: Vec<u8>) -> Result<Program, Fault> {
        cff::Table::parse(&bytes).ok_or_else(broken)?;
        Ok(Program::Compact(bytes))
    }

    fn face(&self) -> Option<Face<'_>> {
        match self {
            Program::TrueType(bytes) => Face::parse(bytes, 0).ok(),
            Program::Compact(_) => None,
        }
    }

    fn table(&self) -> Option<cff::Table<'_>> {
        match self {
            Program::TrueType(_) => None,
            Program::Compact(bytes) => cff::Table::parse(bytes),
        }
    }

    /// What a letter draws.
    pub fn outline(&self, drawing: u16) -> Result<Outline, Fault> {
        let id = GlyphId(drawing);
        if let Some(face) = self.face() {
            if drawing >= face.number_of_glyphs() {
                return Err(broken());
            }
            let mut left = PARTS_MAX;
            parts(&face, drawing, &mut left).ok_or_else(|| refused("a letter made of more letters than any is"))?;
            let mut pen = Pen::new(1000.0 / f64::from(face.units_per_em()));
            let drawn = face.outline_glyph(id, &mut pen);
            let outline = pen.outline()?;
            // A blank has no rectangle around it; what stops halfway has none either, and is not passed.
            return if drawn.is_some() || outline.is_blank() { Ok(outline) } else { Err(broken()) };
        }
        let table = self.table().ok_or_else(broken)?;
        let matrix = table.matrix();
        if !(0.0001..0.01).contains(&matrix.sx) || matrix.ky != 0.0 || matrix.kx != 0.0 || matrix.sx != matrix.sy {
            return Err(refused("an embedded font whose letters are stretched or slanted"));
        }
        let mut pen = Pen::new(f64::from(matrix.sx) * 1000.0);
        match table.outline(id, &mut pen) {
            Ok(_) | Err(ttf_parser::CFFError::ZeroBBox) => pen.outline(),
            Err(_) => Err(broken()),
        }
    }

    /// The drawing of each number of a compact font, whose numbers need not be in order.
    pub fn by_number(&self) -> Letters {
        let Some(table) = self.table() else { return Letters::Same };
        let all = 0..table.number_of_glyphs();
        let list: BTreeMap<u32, u16> =
            all.filter_map(|d| table.glyph_cid(GlyphId(d)).map(|number| (u32::from(number), d))).collect();
        if list.is_empty() { Letters::Same } else { Letters::Listed(list) }
    }

    /// The drawing of each code of a compact font: by the names that the file gives, or as the font says.
    pub fn by_name(&self, names: &[(u8, String)]) -> Letters {
        let mut list = BTreeMap::new();
        if let Some(table) = self.table() {
            for code in 0..=u8::MAX {
                let named = names.iter().rev().find(|(c, _)| *c == code);
                let id = match named {
                    Some((_, name)) => table.glyph_index_by_name(name),
                    None => table.glyph_index(code),
                };
                list.extend(id.map(|id| (u32::from(code), id.0)));
            }
        }
        Letters::Listed(list)
    }

    /// The drawing of each code of a TrueType font of one byte a letter (9.6.6.4): by the letter where the encoding is
    /// the Windows one, and else as the font says.
    pub fn by_code(&self, windows: bool) -> Letters {
        let mut list = BTreeMap::new();
        if let Some(face) = self.face() {
            for code in 0..=u8::MAX {
                let letter = super::super::plain::letter(code, true).filter(|_| windows).map(u32::from);
                let id = letter
                    .and_then(|letter| find(&face, PlatformId::Windows, 1, letter))
                    .or_else(|| find(&face, PlatformId::Windows, 0, u32::from(code)))
                    .or_else(|| find(&face, PlatformId::Windows, 0, 0xF000 + u32::from(code)))
                    .or_else(|| find(&face, PlatformId::Macintosh, 0, u32::from(code)))
                    .or_else(|| find(&face, PlatformId::Windows, 1, u32::from(code)));
                list.extend(id.map(|id| (u32::from(code), id.0)));
            }
        }
        Letters::Listed(list)
    }

    /// What the program itself says its drawings are, by its own table of letters. Some programs have none.
    pub fn says(&self) -> Result<BTreeMap<u16, Vec<char>>, Fault> {
        let mut said: BTreeMap<u16, Vec<char>> = BTreeMap::new();
        let face = self.face();
        let tables = face.as_ref().and_then(|face| face.tables().cmap).map(|cmap| cmap.subtables);
        if tables.is_some_and(|tables| tables.len() > TABLES_MAX) {
            return Err(broken());
        }
        for subtable in tables.into_iter().flatten().filter(ttf_parser::cmap::Subtable::is_unicode) {
            // Letters for private use say nothing.
            for c in ('\u{20}'..='\u{D7FF}').chain('\u{F900}'..='\u{FFFD}') {
                if let Some(id) = subtable.glyph_index(u32::from(c)) {
                    said.entry(id.0).or_default().push(c);
                }
            }
        }
        Ok(said)
    }

    /// The letter that a drawing is by its name, where that is a plain one.
    pub fn named(&self, drawing: u16) -> Option<char> {
        let id = GlyphId(drawing);
        let (face, table) = (self.face(), self.table());
        let name = face.as_ref().and_then(|face| face.glyph_name(id)).or_else(|| table.as_ref()?.glyph_name(id));
        name.and_then(named)
    }
}

/// Letters that one letter is made of at most, those of which they are made included.
const PARTS_MAX: u32 = 64;

/// Whether a letter of a TrueType program ends that is made of others, found out before it is drawn: a few that are each
/// made of a few more come to any number. `None` where more than `left` are met.
fn parts(face: &Face<'_>, drawing: u16, left: &mut u32) -> Option<()> {
    *left = left.checked_sub(1)?;
    let raw = face.raw_face();
    let head = face.tables().head.index_to_location_format;
    let (Some(places), Some(drawings)) = (raw.table(Tag::from_bytes(b"loca")), raw.table(Tag::from_bytes(b"glyf")))
    else {
        return Some(());
    };
    let places = loca::Table::parse(face.tables().maxp.number_of_glyphs, head, places)?;
    let Some(bytes) = places.glyph_range(GlyphId(drawing)).and_then(|range| drawings.get(range)) else {
        return Some(());
    };
    let word = |at: usize| bytes.get(at..at + 2).map(|b| u16::from(b[0]) << 8 | u16::from(b[1]));
    // A negative number of contours: made of others, which begin behind the rectangle around them.
    if word(0).is_none_or(|contours| contours < 0x8000) {
        return Some(());
    }
    let mut at = 10;
    while let (Some(flags), Some(part)) = (word(at), word(at + 2)) {
        parts(face, part, left)?;
        at += if flags & 0x0001 == 0 { 6 } else { 8 };
        at += match flags & 0x00C8 {
            0x0008 => 2,
            0x0040 => 4,
            0x0080 => 8,
            _ => 0,
        };
        if flags & 0x0020 == 0 {
            break;
        }
    }
    Some(())
}

fn find(face: &Face<'_>, platform: PlatformId, encoding: u16, code: u32) -> Option<GlyphId> {
    let mut tables = face.tables().cmap?.subtables.into_iter();
    tables.find(|t| t.platform_id == platform && t.encoding_id == encoding)?.glyph_index(code)
}

/// The letter that a plain name means: a letter, a digit by its name, or a number.
fn named(name: &str) -> Option<char> {
    const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(c), None) if c.is_ascii_alphabetic() => return Some(c),
        _ => {}
    }
    if let Some(digit) = DIGITS.iter().position(|d| *d == name) {
        return char::from_digit(digit as u32, 10);
    }
    let number = name.strip_prefix("uni").filter(|n| n.len() == 4)?;
    let c = char::from_u32(u32::from_str_radix(number, 16).ok()?)?;
    (!matches!(c, '\u{E000}'..='\u{F8FF}' | '\0')).then_some(c)
}
