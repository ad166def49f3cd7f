//! A font program, read by a library for two things only: the outlines of its glyphs, and their names or characters. The
//! library may fail on untrusted bytes, which is why it runs in a process of its own.

use std::collections::BTreeMap;

use ttf_parser::{Face, GlyphId, PlatformId, Tag, cff, loca};

use super::glyph_names::{self, Base};
use super::outline::{Outline, Pen};
use super::refused;
use super::type1::Type1;
use crate::rebuild::Fault;

/// The bytes of a program, known to be one.
pub(super) enum Program {
    /// TrueType or OpenType.
    TrueType(Vec<u8>),
    /// A compact font by itself (CFF).
    Compact(Vec<u8>),
    /// One of the old PostScript kind.
    Type1(Type1),
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

/// How far the left edge of a letter may be from where its metrics say, in its size.
const BEARING_OFF_MAX: f64 = 0.1;

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
            Program::Compact(_) | Program::Type1(_) => None,
        }
    }

    fn table(&self) -> Option<cff::Table<'_>> {
        match self {
            Program::TrueType(_) | Program::Type1(_) => None,
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
            parts(&face, drawing, &mut left).ok_or_else(|| refused("a composite glyph with too many parts"))?;
            let mut pen = Pen::new(1000.0 / f64::from(face.units_per_em()));
            let drawn = face.outline_glyph(id, &mut pen);
            let outline = pen.outline()?;
            // A blank has no rectangle around it; what stops halfway has none either, and is not passed.
            if drawn.is_none() && !outline.is_blank() {
                return Err(broken());
            }
            // Readers move a letter so that its left edge is where its metrics say: what they say must be nearly so.
            let edge = face.tables().glyf.and_then(|glyf| glyf.bbox(id)).map(|edges| f64::from(edges.x_min));
            let said = face.glyph_hor_side_bearing(id).map(f64::from);
            let away = edge.zip(said).map_or(0.0, |(edge, said)| (edge - said).abs());
            if !outline.is_blank() && away / f64::from(face.units_per_em()) > BEARING_OFF_MAX {
                return Err(refused("a letter that readers move away from where its drawing is"));
            }
            return Ok(outline);
        }
        if let Program::Type1(program) = self {
            return program.outline(drawing);
        }
        let table = self.table().ok_or_else(broken)?;
        let matrix = table.matrix();
        let placed = [matrix.sx, matrix.ky, matrix.kx, matrix.sy, matrix.tx, matrix.ty].map(f64::from);
        let mut pen = Pen::placed(placed)?;
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

    /// The drawing of each code of a compact font or one of Type 1 (9.6.6.2): by the names that the file gives, else by
    /// the encoding that it begins from, which may be the program's own.
    pub fn by_name(&self, base: Base, given: &[(u8, String)]) -> Letters {
        let given: BTreeMap<u8, &str> = given.iter().map(|(code, name)| (*code, name.as_str())).collect();
        let table = self.table();
        let named = |name: &str| match self {
            Program::Type1(program) => program.named(name),
            _ => table.as_ref()?.glyph_index_by_name(name).map(|id| id.0),
        };
        let own = |code: u8| match self {
            Program::Type1(program) => program.coded(code),
            _ => table.as_ref()?.glyph_index(code).map(|id| id.0),
        };
        let mut lettered: BTreeMap<String, u16> = BTreeMap::new();
        if base != Base::Own {
            // The first of several, and none that is another look of the letter.
            for drawing in (0..self.count()).rev() {
                let name = self.name(drawing).filter(|name| !name.contains('.'));
                lettered.extend(name.and_then(|name| glyph_names::letters(&name)).map(|letter| (letter, drawing)));
            }
        }
        let drawing = |code: u8| match given.get(&code) {
            Some(name) => named(name),
            None if base == Base::Own => own(code),
            None => lettered.get(base.letter(code)?.to_string().as_str()).copied(),
        };
        Letters::Listed((0..=u8::MAX).filter_map(|code| Some((u32::from(code), drawing(code)?))).collect())
    }

    /// The drawing of each code of a TrueType font of one byte a letter (9.6.6.4): by the letter where the file says
    /// which it is, and else as the font says.
    pub fn by_code(&self, base: Base, given: &[(u8, String)]) -> Letters {
        let given: BTreeMap<u8, &str> = given.iter().map(|(code, name)| (*code, name.as_str())).collect();
        let mut list = BTreeMap::new();
        if let Some(face) = self.face() {
            for code in 0..=u8::MAX {
                let name = given.get(&code);
                let letter = match name {
                    Some(name) => glyph_names::letters(name).and_then(|text| text.chars().next()),
                    None if base == Base::Windows => crate::rebuild::pdf::standard_fonts::letter(code, true),
                    None => base.letter(code),
                };
                let id = letter
                    .and_then(|letter| find(&face, PlatformId::Windows, 1, u32::from(letter)))
                    .or_else(|| name.and_then(|name| face.glyph_index_by_name(name)))
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

    /// The letters that a drawing is by its name, where that says it.
    pub fn named(&self, drawing: u16) -> Option<String> {
        glyph_names::letters(&self.name(drawing)?)
    }

    fn name(&self, drawing: u16) -> Option<String> {
        let id = GlyphId(drawing);
        match self {
            Program::TrueType(_) => self.face()?.glyph_name(id).map(str::to_owned),
            Program::Compact(_) => self.table()?.glyph_name(id).map(str::to_owned),
            Program::Type1(program) => program.name(drawing).map(str::to_owned),
        }
    }

    /// How many drawings there are.
    fn count(&self) -> u16 {
        match self {
            Program::TrueType(_) => self.face().map_or(0, |face| face.number_of_glyphs()),
            Program::Compact(_) => self.table().map_or(0, |table| table.number_of_glyphs()),
            Program::Type1(program) => program.count(),
        }
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
