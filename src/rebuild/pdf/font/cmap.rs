//! `ToUnicode` CMaps (ISO 32000-1, 9.10.3): the text that each code of a font maps to.

use std::collections::BTreeMap;

use crate::rebuild::Fault;
use crate::rebuild::pdf::file::object::{Object, Reader};

/// Maximum entries of one map: there are no more two-byte codes.
const LETTERS_MAX: usize = 65_536;

/// Keywords around the mappings, which do not affect them.
const AROUND: [&str; 13] = [
    "findresource",
    "begin",
    "begincmap",
    "endcmap",
    "dict",
    "dup",
    "def",
    "end",
    "CMapName",
    "currentdict",
    "defineresource",
    "pop",
    "readonly",
];

fn broken() -> Fault {
    Fault::new("pdf.font", "a font with an invalid `ToUnicode` map")
}

/// Reads the map in `bytes` for codes of `width` bytes; returns text by code.
///
/// # Errors
/// `pdf.font` if it is malformed or maps a code to two texts.
pub(super) fn read(bytes: &[u8], width: usize, depth_max: usize) -> Result<BTreeMap<u32, String>, Fault> {
    let mut reader = Reader::new(bytes, 0, depth_max, false);
    let (mut letters, mut stated) = (BTreeMap::new(), 0);
    let code = |object: Object| match object {
        Object::Text(bytes) if bytes.len() == width => Ok(bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b))),
        // Some tools write one-byte codes as two bytes.
        Object::Text(bytes) if width == 1 && bytes.len() == 2 && bytes[0] == 0 => Ok(u32::from(bytes[1])),
        _ => Err(broken()),
    };
    // Code space ranges state only the length of codes, which is known.
    let range = |object: Object| match object {
        Object::Text(bytes) if bytes.len() == width || width == 1 && bytes.len() == 2 => Ok(()),
        _ => Err(broken()),
    };
    let mut add = |code: u32, units: &[u16]| {
        let text = String::from_utf16(units).map_err(|_| broken())?;
        // Entries are counted as stated, so that a map that repeats itself is bounded as well.
        stated += 1;
        match letters.insert(code, text.clone()) {
            Some(other) if other != text => Err(Fault::new("pdf.font", "a font that maps one code to two texts")),
            _ if stated > LETTERS_MAX => Err(broken()),
            _ => Ok(()),
        }
    };
    while !reader.at_end() {
        let word = match reader.object()? {
            Object::Keyword(word) => word,
            _ => continue,
        };
        match word.as_str() {
            "begincodespacerange" => {
                while let Some(first) = before(&mut reader, "endcodespacerange")? {
                    range(first)?;
                    range(reader.object()?)?;
                }
            }
            "beginbfchar" => {
                while let Some(first) = before(&mut reader, "endbfchar")? {
                    add(code(first)?, &units(reader.object()?)?)?;
                }
            }
            "beginbfrange" => {
                while let Some(first) = before(&mut reader, "endbfrange")? {
                    let (first, last) = (code(first)?, code(reader.object()?)?);
                    match reader.object()? {
                        Object::List(list) if first <= last && list.len() == (last - first + 1) as usize => {
                            for (code, text) in (first..=last).zip(list) {
                                add(code, &units(text)?)?;
                            }
                        }
                        Object::Text(text) if first <= last => {
                            let mut units = units(Object::Text(text))?;
                            for code in first..=last {
                                add(code, &units)?;
                                let unit = units.last_mut().ok_or_else(broken)?;
                                *unit = unit.checked_add(1).ok_or_else(broken)?;
                            }
                        }
                        _ => return Err(broken()),
                    }
                }
            }
            word if AROUND.contains(&word) => {}
            _ => return Err(broken()),
        }
    }
    Ok(letters)
}

/// Returns the next object, or `None` if the keyword `end` is next.
fn before(reader: &mut Reader<'_>, end: &str) -> Result<Option<Object>, Fault> {
    match reader.object()? {
        Object::Keyword(word) if word == end => Ok(None),
        Object::Keyword(_) => Err(broken()),
        object => Ok(Some(object)),
    }
}

/// Returns the text of one code in UTF-16: at most four units, for a ligature.
fn units(object: Object) -> Result<Vec<u16>, Fault> {
    match object {
        Object::Text(bytes) if (1..=4).contains(&(bytes.len() / 2)) && bytes.len().is_multiple_of(2) => {
            Ok(bytes.chunks_exact(2).map(|pair| u16::from(pair[0]) << 8 | u16::from(pair[1])).collect())
        }
        _ => Err(broken()),
    }
}
