//! Type 3 fonts as a gateway writes them (ISO 32000-1, 9.6.5), and a reader for exactly that form.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::embedded::{EmbeddedFont, Glyphs};
use super::widths::Widths;
use super::{Glyph, Outline, refused};
use crate::rebuild::Fault;
use crate::rebuild::pdf::file::File;
use crate::rebuild::pdf::file::object::{Dict, Object, Reader};
use crate::rebuild::pdf::print::number;

/// The keys of such a font; a font with any other key was not written by a gateway.
const KEYS: [&str; 11] = [
    "Type",
    "Subtype",
    "FontBBox",
    "FontMatrix",
    "FirstChar",
    "LastChar",
    "Widths",
    "Encoding",
    "CharProcs",
    "Resources",
    "ToUnicode",
];

/// Reads a Type 3 font.
///
/// # Errors
/// `pdf.font` if it is not in the form that [`print()`] writes.
pub(super) fn read(
    file: &File<'_>,
    dict: &Dict,
    said: BTreeMap<u32, String>,
    depth_max: usize,
) -> Result<EmbeddedFont, Fault> {
    let other = || refused("a Type 3 font that was not written by a gateway");
    let numbers = |key: &str| match file.at(dict, key) {
        Some(Object::List(list)) => list.iter().map(Object::number).collect::<Option<Vec<f64>>>(),
        _ => None,
    };
    if dict.keys().any(|key| !KEYS.contains(&key.as_str()))
        || numbers("FontMatrix") != Some(vec![0.001, 0.0, 0.0, 0.001, 0.0, 0.0])
        || file.at(dict, "Resources").and_then(|o| file.dict(o)).is_some_and(|r| !r.is_empty())
    {
        return Err(other());
    }
    let widths = Widths::simple(file, dict)?;
    let drawings = file.at(dict, "CharProcs").and_then(|o| file.dict(o)).ok_or_else(other)?;
    let mut drawn = BTreeMap::new();
    for (code, name) in super::differences(file, file.at(dict, "Encoding"))? {
        let (head, data) = drawings.get(&name).and_then(|o| file.stream(o)).ok_or_else(other)?;
        let bytes = file.decoded(head, data)?;
        let mut reader = Reader::new(&bytes, 0, depth_max, false);
        let mut measures = Vec::new();
        for _ in 0..6 {
            measures.push(reader.object()?.number().ok_or_else(other)?);
        }
        reader.expect("d1")?;
        let outline = Outline::read(&mut reader)?;
        let around = outline.bounds().unwrap_or_default().map(f64::from);
        let code = u32::from(code);
        // Viewers may take the width and the bounding box from here or from the font dictionary, so both must agree.
        if measures != [&[widths.of(code)?, 0.0], &around[..]].concat() || drawn.insert(code, outline).is_some() {
            return Err(other());
        }
    }
    if drawn.len() != drawings.len() {
        return Err(other());
    }
    EmbeddedFont::new(false, said, widths, Glyphs::Type3(drawn))
}

/// Returns a font as it is written: its dictionary without the end, for glyph procedures from object number `first` on;
/// the glyph procedures; and the `ToUnicode` CMap.
pub(in crate::rebuild::pdf) fn print(glyphs: &[Glyph], first: usize) -> (String, Vec<String>, String) {
    let mut order: Vec<&Glyph> = glyphs.iter().collect();
    order.sort_by_key(|glyph| glyph.code);
    let (low, high) = (order.first().map_or(0, |g| g.code), order.last().map_or(0, |g| g.code));
    let mut head = format!(
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 0 0] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar {low} \
         /LastChar {high} /Widths ["
    );
    for code in low..=high {
        number(glyphs.iter().find(|g| g.code == code).map_or(0.0, |g| g.width), &mut head);
        head.push_str(if code < high { " " } else { "]" });
    }
    let (mut names, mut procedures, mut drawings) = (String::new(), String::new(), Vec::new());
    let mut letters = String::from(
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapName /GlyphMap def\n/CMapType 2 def\n\
         1 begincodespacerange\n<00> <FF>\nendcodespacerange\n",
    );
    for part in order.chunks(100) {
        let _ = writeln!(letters, "{} beginbfchar", part.len());
        for glyph in part {
            let units: String = glyph.text.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
            let _ = writeln!(letters, "<{:02X}> <{units}>", glyph.code);
        }
        letters.push_str("endbfchar\n");
    }
    letters.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
    for (i, glyph) in order.iter().enumerate() {
        let _ = write!(names, " {} /g{}", glyph.code, glyph.code);
        let _ = write!(procedures, " /g{} {} 0 R", glyph.code, first + i);
        let mut drawing = String::new();
        number(glyph.width, &mut drawing);
        let [x0, y0, x1, y1] = glyph.outline.bounds().unwrap_or_default();
        let _ = writeln!(drawing, " 0 {x0} {y0} {x1} {y1} d1");
        drawing.push_str(&glyph.outline.code());
        drawings.push(drawing);
    }
    let _ = write!(
        head,
        " /Encoding << /Type /Encoding /Differences [{}] >> /CharProcs <<{procedures} >> /Resources << >> /ToUnicode {} 0 R >>",
        names.trim_start(),
        first + order.len()
    );
    (head, drawings, letters)
}
