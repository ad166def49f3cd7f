//! Decoding: a product's bytes as lines of text.

use crate::invisible::Invisible;
use crate::product::bounds::Bounds;
use crate::product::fault::{FaultCode, Faults};

/// One line of the text, with its number counted from one.
#[derive(Clone, Copy, Debug)]
pub(in crate::product) struct Line<'t> {
    pub number: usize,
    pub text: &'t str,
}

impl Line<'_> {
    pub fn is_blank(&self) -> bool {
        self.text.trim_matches(' ').is_empty()
    }

    /// The byte column of `part`, which must be a slice of this line.
    pub fn column_of(&self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len())
    }
}

/// The source as characters, if it is UTF-8 and within its bound; `None` if not, and then `faults` says why.
pub(in crate::product) fn characters<'t>(source: &'t [u8], bounds: &Bounds, faults: &mut Faults) -> Option<&'t str> {
    if source.len() > bounds.bytes_max {
        faults.at(
            FaultCode::Bounds,
            1,
            0..0,
            // Whoever reads a package stops one byte behind the limit, so the length of `source` says no more than this.
            format!("the product is larger than the limit of {} bytes", bounds.bytes_max),
            "split the product, or ask the operator to raise `product_bytes`",
        );
        return None;
    }
    let characters = std::str::from_utf8(source);
    if characters.is_err() {
        report_not_utf8(source, faults);
    }
    characters.ok()
}

/// Splits `bytes` into lines. `None` means that nothing more can be read from such bytes; the faults say why.
pub(in crate::product) fn lines<'t>(bytes: &'t [u8], bounds: &Bounds, faults: &mut Faults) -> Option<Vec<Line<'t>>> {
    let text = characters(bytes, bounds, faults)?;
    let mut found = Vec::new();
    let mut carriage_return_reported = false;
    for (index, raw) in text.strip_suffix('\n').unwrap_or(text).split('\n').enumerate() {
        let number = index + 1;
        if number > bounds.lines_max {
            faults.at(
                FaultCode::Bounds,
                number,
                0..0,
                format!("more than {} lines", bounds.lines_max),
                "split the product, or ask the operator to raise `lines`",
            );
            return None;
        }
        let mut line = raw;
        if let Some(rest) = raw.strip_suffix('\r') {
            line = rest;
            if !carriage_return_reported {
                carriage_return_reported = true;
                faults.at(
                    FaultCode::Control,
                    number,
                    rest.len()..raw.len(),
                    "the line ends in CR LF",
                    "save the file with LF line endings; further such lines are not listed",
                );
            }
        }
        if line.len() > bounds.line_bytes_max {
            faults.at(
                FaultCode::Bounds,
                number,
                bounds.line_bytes_max..bounds.line_bytes_max,
                format!("the line is {} bytes long; the limit is {}", line.len(), bounds.line_bytes_max),
                "break the line",
            );
        }
        for (at, c) in line.char_indices().filter(|(_, c)| is_control(*c)) {
            faults.at(
                FaultCode::Control,
                number,
                at..at + c.len_utf8(),
                format!("character U+{:04X} is not allowed in a product", u32::from(c)),
                "remove it, or write a space",
            );
        }
        found.push(Line { number, text: line });
    }
    Some(found)
}

/// Characters that end lines for some readers and not for others, or that no text needs.
fn is_control(c: char) -> bool {
    let noncharacter = matches!(u32::from(c) & 0xFFFF, 0xFFFE | 0xFFFF) || ('\u{FDD0}'..='\u{FDEF}').contains(&c);
    noncharacter || c == '\u{FEFF}' || matches!(Invisible::of(c), Some(Invisible::Control | Invisible::Separator))
}

fn report_not_utf8(bytes: &[u8], faults: &mut Faults) {
    let (mut line, mut column) = (1, 0);
    for chunk in bytes.utf8_chunks() {
        for piece in chunk.valid().split_inclusive('\n') {
            column += piece.len();
            if piece.ends_with('\n') {
                line += 1;
                column = 0;
            }
        }
        if !chunk.invalid().is_empty() {
            let width = chunk.invalid().len();
            faults.at(
                FaultCode::Utf8,
                line,
                column..column + width,
                format!("{width} byte(s) here are not UTF-8"),
                "save the file as UTF-8",
            );
            column += width;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Option<usize>, Vec<String>) {
        let bounds = Bounds { bytes_max: 1000, lines_max: 5, line_bytes_max: 80, ..Bounds::default() };
        let mut faults = Faults::new(&bounds);
        let count = lines(bytes, &bounds, &mut faults).map(|l| l.len());
        (count, faults.into_sorted().iter().map(|f| format!("{}:{}:{}", f.code, f.line, f.columns.start)).collect())
    }

    #[test]
    fn splits_plain_text_and_forgives_a_missing_last_line_end() {
        assert_eq!(read(b"a\n\nb\n"), (Some(3), vec![]));
        assert_eq!(read(b"a\n\nb"), (Some(3), vec![]));
    }

    #[test]
    fn refuses_bytes_that_are_not_utf8_and_says_where() {
        assert_eq!(
            read(b"ab\ncd\xff\xfe\n\xe2\x80"),
            (None, vec!["P-UTF8:2:2".into(), "P-UTF8:2:3".into(), "P-UTF8:3:0".into()])
        );
    }

    #[test]
    fn refuses_controls_foreign_line_ends_and_byte_order_marks() {
        for (text, column) in
            [("a\tb", 1), ("a\0b", 1), ("\u{feff}a", 0), ("a\u{2028}b", 1), ("a\u{85}b", 1), ("a\u{1b}[2J", 1)]
        {
            assert_eq!(read(text.as_bytes()).1, vec![format!("P-CONTROL:1:{column}")], "{text:?}");
        }
        assert_eq!(read(b"a\r\nb\r\n").1, vec!["P-CONTROL:1:1"]);
    }

    #[test]
    fn refuses_whatever_is_larger_than_its_bound() {
        assert_eq!(read(&[b'a'; 1001]), (None, vec!["P-BOUNDS:1:0".into()]));
        assert_eq!(read(b"1\n2\n3\n4\n5\n6\n"), (None, vec!["P-BOUNDS:6:0".into()]));
        assert_eq!(read(&[b'a'; 81]).1, vec!["P-BOUNDS:1:80"]);
    }
}
