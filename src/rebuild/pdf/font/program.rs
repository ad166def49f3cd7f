//! A font program, parsed by the `ttf-parser` crate for two purposes only: the outlines of its glyphs, and their names
//! or characters. The crate may fail on untrusted bytes, which is one reason why parsers run in a process of their own.

use std::collections::BTreeMap;

use ttf_parser::{Face, GlyphId, PlatformId, Tag, cff, loca};

use super::glyph_names::{self, Base};
use super::outline::{Outline, Pen};
use super::refused;
use super::type1::Type1;
use crate::rebuild::Fault;

/// A font program that was validated.
pub(super) enum Program {
    /// TrueType or OpenType.
    TrueType(Vec<u8>),
    /// A bare CFF (Compact Font Format) program.
    Cff(Vec<u8>),
    /// A PostScript Type 1 program.
    Type1(Type1),
}

/// The mapping from codes to glyph indices.
pub(super) enum GlyphMap {
    Same,
    Listed(BTreeMap<u32, u16>),
}

impl GlyphMap {
    /// Returns the mapping of a `CIDToGIDMap` stream: two bytes for each code.
    pub fn listed(bytes: &[u8]) -> GlyphMap {
        GlyphMap::Listed((0..).zip(bytes.chunks_exact(2).map(|b| u16::from(b[0]) << 8 | u16::from(b[1]))).collect())
    }

    /// Returns the glyph index of a code; `None` for index 0, `.notdef`.
    pub fn of(&self, code: u32) -> Option<u16> {
        match self {
            GlyphMap::Same => u16::try_from(code).ok(),
            GlyphMap::Listed(list) => list.get(&code).copied(),
        }
        .filter(|drawing| *drawing != 0)
    }
}

/// Maximum number of cmap subtables of one program; ordinary programs have two or three.
const TABLES_MAX: u16 = 16;

/// Maximum difference between a glyph's left edge and its left side bearing, as a fraction of the font size.
const BEARING_OFF_MAX: f64 = 0.1;

fn broken() -> Fault {
    refused("an embedded font that is damaged")
}

impl Program {
    /// Returns a TrueType or OpenType program.
    ///
    /// # Errors
    /// `pdf.font` if it cannot be parsed.
    pub fn true_type(bytes: Vec<u8>) -> Result<Program, Fault> {
        Face::parse(&bytes, 0).map_err(|_| broken())?;
        Ok(Program::TrueType(bytes))
    }

    /// Returns a bare CFF program.
    ///
    /// # Errors
    /// `pdf.font` if it cannot be parsed.
    pub fn cff(bytes: Vec<u8>) -> Result<Program, Fault> {
        cff::Table::parse(&bytes).ok_or_else(broken)?;
        Ok(Program::Cff(bytes))
    }

    fn face(&self) -> Option<Face<'_>> {
        match self {
            Program::TrueType(bytes) => Face::parse(bytes, 0).ok(),
            Program::Cff(_) | Program::Type1(_) => None,
        }
    }

    fn table(&self) -> Option<cff::Table<'_>> {
        match self {
            Program::TrueType(_) | Program::Type1(_) => None,
            Program::Cff(bytes) => cff::Table::parse(bytes),
        }
    }

    /// Returns the outline of a glyph.
    ///
    /// # Errors
    /// `pdf.font` if it is missing, malformed or too complex.
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
            // A blank glyph has no bounding box. Neither has one that is cut short, which is refused.
            if drawn.is_none() && !outline.is_blank() {
                return Err(broken());
            }
            // Viewers shift a glyph so that its left edge is at its left side bearing, so the two must nearly agree.
            let edge = face.tables().glyf.and_then(|glyf| glyf.bbox(id)).map(|edges| f64::from(edges.x_min));
            let said = face.glyph_hor_side_bearing(id).map(f64::from);
            let away = edge.zip(said).map_or(0.0, |(edge, said)| (edge - said).abs());
            if !outline.is_blank() && away / f64::from(face.units_per_em()) > BEARING_OFF_MAX {
                return Err(refused("a letter whose left side bearing does not match its outline"));
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

    /// Returns the glyph of each CID of a CFF program; CIDs need not be in order.
    pub fn by_number(&self) -> GlyphMap {
        let Some(table) = self.table() else { return GlyphMap::Same };
        let all = 0..table.number_of_glyphs();
        let list: BTreeMap<u32, u16> =
            all.filter_map(|d| table.glyph_cid(GlyphId(d)).map(|number| (u32::from(number), d))).collect();
        if list.is_empty() { GlyphMap::Same } else { GlyphMap::Listed(list) }
    }

    /// Returns the glyph of each code of a CFF or Type 1 program (9.6.6.2): by the names in `given`, otherwise by the
    /// base encoding, which may be the program's own.
    pub fn by_name(&self, base: Base, given: &[(u8, String)]) -> GlyphMap {
        let given: BTreeMap<u8, &str> = given.iter().map(|(code, name)| (*code, name.as_str())).collect();
        let table = self.table();
        let named = |name: &str| match self {
            Program::Type1(program) => program.named(name),
            _ => table.as_ref()?.glyph_index_by_name(name).map(|id| id.0),
        };
        let own = |code: u8| match self {
            Program::Type1(program) => program.glyph_for_code(code),
            _ => table.as_ref()?.glyph_index(code).map(|id| id.0),
        };
        let mut lettered: BTreeMap<String, u16> = BTreeMap::new();
        if base != Base::Own {
            // The first of several, but no stylistic variant.
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
        GlyphMap::Listed((0..=u8::MAX).filter_map(|code| Some((u32::from(code), drawing(code)?))).collect())
    }

    /// Returns the glyph of each code of a simple TrueType font (9.6.6.4): by character if the file's encoding has one
    /// for the code, otherwise by the program's own table.
    pub fn by_code(&self, base: Base, given: &[(u8, String)]) -> GlyphMap {
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
        GlyphMap::Listed(list)
    }

    /// Returns the characters of each glyph according to the program's cmap subtables. Some programs have none.
    ///
    /// # Errors
    /// `pdf.font` if there are too many subtables.
    pub fn characters(&self) -> Result<BTreeMap<u16, Vec<char>>, Fault> {
        let mut said: BTreeMap<u16, Vec<char>> = BTreeMap::new();
        let face = self.face();
        let tables = face.as_ref().and_then(|face| face.tables().cmap).map(|cmap| cmap.subtables);
        if tables.is_some_and(|tables| tables.len() > TABLES_MAX) {
            return Err(broken());
        }
        for subtable in tables.into_iter().flatten().filter(ttf_parser::cmap::Subtable::is_unicode) {
            // Private-use characters have no defined meaning.
            for c in ('\u{20}'..='\u{D7FF}').chain('\u{F900}'..='\u{FFFD}') {
                if let Some(id) = subtable.glyph_index(u32::from(c)) {
                    said.entry(id.0).or_default().push(c);
                }
            }
        }
        Ok(said)
    }

    /// Returns the text that a glyph's name means, if it has a meaningful name.
    pub fn named(&self, drawing: u16) -> Option<String> {
        glyph_names::letters(&self.name(drawing)?)
    }

    fn name(&self, drawing: u16) -> Option<String> {
        let id = GlyphId(drawing);
        match self {
            Program::TrueType(_) => self.face()?.glyph_name(id).map(str::to_owned),
            Program::Cff(_) => self.table()?.glyph_name(id).map(str::to_owned),
            Program::Type1(program) => program.name(drawing).map(str::to_owned),
        }
    }

    /// Returns the number of glyphs.
    fn count(&self) -> u16 {
        match self {
            Program::TrueType(_) => self.face().map_or(0, |face| face.number_of_glyphs()),
            Program::Cff(_) => self.table().map_or(0, |table| table.number_of_glyphs()),
            Program::Type1(program) => program.count(),
        }
    }
}

/// Maximum components of a composite glyph, nested ones included.
const PARTS_MAX: u32 = 64;

/// Checks the size of a composite TrueType glyph before it is drawn: a few levels of nesting can multiply to any number
/// of components. `None` if there are more than `left`.
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
    // A negative number of contours marks a composite glyph, whose components follow the bounding box.
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
