//! The advance width of each glyph, in thousandths of the font size (ISO 32000-1, 9.6.2.1 and 9.7.4.3).

use std::collections::BTreeMap;

use super::refused;
use crate::rebuild::Fault;
use crate::rebuild::pdf::file::File;
use crate::rebuild::pdf::file::object::{Dict, Object};

/// Advance widths by code.
pub(super) struct Widths {
    listed: BTreeMap<u32, f64>,
    usual: f64,
}

fn broken() -> Fault {
    refused("a font with invalid widths")
}

impl Widths {
    /// Reads the widths of a simple font.
    ///
    /// # Errors
    /// `pdf.font` if they are malformed.
    pub fn simple(file: &File<'_>, font: &Dict) -> Result<Widths, Fault> {
        let first = file.at(font, "FirstChar").and_then(Object::count).filter(|c| *c < 256).ok_or_else(broken)?;
        let Some(Object::List(list)) = file.at(font, "Widths") else { return Err(broken()) };
        if list.len() > 256 - first {
            return Err(broken());
        }
        let listed: Option<BTreeMap<u32, f64>> = (first as u32..)
            .zip(list)
            .map(|(code, width)| file.resolve(width).number().map(|width| (code, width)))
            .collect();
        Ok(Widths { listed: listed.ok_or_else(broken)?, usual: 0.0 })
    }

    /// Returns the known widths of a standard font.
    pub fn standard(listed: BTreeMap<u32, f64>) -> Widths {
        Widths { listed, usual: 0.0 }
    }

    /// Reads the widths of a composite font.
    ///
    /// # Errors
    /// `pdf.font` if they are malformed.
    pub fn composite(file: &File<'_>, font: &Dict) -> Result<Widths, Fault> {
        let usual = file.at(font, "DW").map_or(Some(1000.0), Object::number).ok_or_else(broken)?;
        let mut listed = BTreeMap::new();
        let list: &[Object] = match file.at(font, "W") {
            None => &[],
            Some(Object::List(list)) => list,
            Some(_) => return Err(broken()),
        };
        let mut items = list.iter().map(|o| file.resolve(o));
        let mut stated = 0;
        while let Some(first) = items.next() {
            let first = first.count().filter(|n| *n < 65_536).ok_or_else(broken)?;
            match items.next() {
                Some(Object::List(widths)) if first + widths.len() <= 65_536 => {
                    stated += widths.len();
                    for (code, width) in (first..).zip(widths) {
                        listed.insert(code as u32, file.resolve(width).number().ok_or_else(broken)?);
                    }
                }
                Some(last) => {
                    let last = last.count().filter(|n| (first..65_536).contains(n)).ok_or_else(broken)?;
                    let width = items.next().and_then(Object::number).ok_or_else(broken)?;
                    stated += last - first;
                    listed.extend((first..=last).map(|code| (code as u32, width)));
                }
                None => return Err(broken()),
            }
            // Widths are counted as stated: no ordinary font repeats them this often.
            if stated > 65_536 {
                return Err(broken());
            }
        }
        Ok(Widths { listed, usual })
    }

    /// Returns the width of a glyph, rounded as it will be written.
    ///
    /// # Errors
    /// `pdf.hidden` if it is not between 0 and 5000.
    pub fn of(&self, code: u32) -> Result<f64, Fault> {
        let width = self.listed.get(&code).copied().unwrap_or(self.usual);
        if !(0.0..=5000.0).contains(&width) {
            return Err(Fault::new("pdf.hidden", "overlapping letters"));
        }
        Ok((width * 10_000.0).round() / 10_000.0)
    }
}
