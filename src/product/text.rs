//! From bytes to lines: the one place where a product's bytes become text.

use super::bounds::Bounds;
use super::fault::{FaultCode, ProductFault};
use crate::invisible::Invisible;

/// One line of the text, with its number counted from one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'t> {
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

/// Collects faults up to the bound, and then one that says so.
#[derive(Debug)]
pub(super) struct Faults {
    list: Vec<ProductFault>,
    max: usize,
}

impl Faults {
    pub fn new(bounds: &Bounds) -> Faults {
        Faults { list: Vec::new(), max: bounds.faults_max.max(1) }
    }

    pub fn add(&mut self, fault: ProductFault) {
        if self.list.len() < self.max {
            self.list.push(fault);
        } else if self.list.len() == self.max {
            self.list.push(ProductFault {
                code: FaultCode::More.into(),
                line: fault.line,
                columns: 0..0,
                message: format!("more than {} faults: the rest are not listed", self.max),
                hint: "mend these and check again".into(),
                rule: FaultCode::More.rule(),
                fix: None,
                pointer: None,
            });
        }
    }

    pub fn at(
        &mut self,
        code: FaultCode,
        line: usize,
        columns: std::ops::Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let rule = code.rule();
        let (message, hint) = (message.into(), hint.into());
        self.add(ProductFault { code: code.into(), line, columns, message, hint, rule, fix: None, pointer: None });
    }

    /// Another collector with the same bound, for faults whose places are still to be moved.
    pub fn fresh(&self) -> Faults {
        Faults { list: Vec::new(), max: self.max }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The faults in the order in which they were found.
    pub fn so_far(&self) -> &[ProductFault] {
        &self.list
    }

    /// The faults in the order of the text.
    pub fn into_sorted(mut self) -> Vec<ProductFault> {
        self.list.sort_by(|a, b| {
            let last = |f: &ProductFault| f.code == FaultCode::More.into();
            (last(a), a.line, a.columns.start, &a.code).cmp(&(last(b), b.line, b.columns.start, &b.code))
        });
        self.list
    }
}

/// Splits `bytes` into lines. `None` means that nothing more can be read from such bytes; the faults say why.
pub(super) fn lines<'t>(bytes: &'t [u8], bounds: &Bounds, faults: &mut Faults) -> Option<Vec<Line<'t>>> {
    if bytes.len() > bounds.bytes_max {
        faults.at(
            FaultCode::Bounds,
            1,
            0..0,
            format!("the product is {} bytes long, and at most {} may be read", bytes.len(), bounds.bytes_max),
            "split the product, or ask the operator to raise `product_bytes`",
        );
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => {
            utf8_faults(bytes, faults);
            return None;
        }
    };
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
                    "save the file with LF line ends; later lines of the kind are not listed",
                );
            }
        }
        if line.len() > bounds.line_bytes_max {
            faults.at(
                FaultCode::Bounds,
                number,
                bounds.line_bytes_max..bounds.line_bytes_max,
                format!("the line is {} bytes long, and at most {} may be read", line.len(), bounds.line_bytes_max),
                "break the line",
            );
        }
        for (at, c) in line.char_indices().filter(|(_, c)| is_control(*c)) {
            faults.at(
                FaultCode::Control,
                number,
                at..at + c.len_utf8(),
                format!("character U+{:04X} may not stand in a product", u32::from(c)),
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

pub(super) fn utf8_faults(bytes: &[u8], faults: &mut Faults) {
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

/// Whether `line` separates nothing yet looks as if it did: no letter and no digit in it, or one foreign sign over
/// and over. Twenty or more hyphens and nothing else are the real delimiter and are for the caller to recognise.
pub(super) fn looks_like_delimiter(line: &str) -> bool {
    let mut visible = line.chars().filter(|c| !c.is_whitespace()).take(200).peekable();
    // Most lines begin with a letter or digit, which is no sign of a line drawn whatever follows.
    if visible.peek().is_none_or(char::is_ascii_alphanumeric) {
        return false;
    }
    let visible: Vec<char> = visible.collect();
    let Some(first) = visible.first() else { return false };
    if is_rule_sign(*first) && visible.len() >= 3 && visible[..3].iter().all(|c| c == first) {
        return true;
    }
    // A line may begin behind a word, with the sign that ends its sentence, and a picture draws no line by itself.
    if visible.len() < 3 && visible.iter().all(|c| ends_sentence(*c) || is_picture(*c)) {
        return false;
    }
    if visible.iter().all(|c| !c.is_alphanumeric()) {
        return true;
    }
    // Letters such as U+30FC or U+4E00 draw a line as well as a dash does.
    visible.len() >= 3 && visible.iter().all(|c| c == first)
}

/// Signs of India and Tibet behind which a sentence ends, and before which there may be a space.
fn ends_sentence(c: char) -> bool {
    matches!(c, '\u{964}' | '\u{965}' | '\u{F0D}' | '\u{F0E}')
}

/// Emoji.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{1F300}'..='\u{1F64F}' | '\u{1F680}'..='\u{1F6FF}' | '\u{1F900}'..='\u{1F9FF}')
}

/// Signs that people draw lines with.
fn is_rule_sign(c: char) -> bool {
    matches!(c, '-' | '=' | '_' | '*' | '~' | '#' | '+' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2500}'..='\u{257F}')
}

/// Whether `line` is the delimiter between two tearlines: at least twenty hyphens and nothing else.
pub(crate) fn is_delimiter(line: &str) -> bool {
    line.len() >= 20 && line.bytes().all(|b| b == b'-')
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

    #[test]
    fn knows_a_delimiter_from_its_impostors() {
        assert!(is_delimiter(&"-".repeat(20)));
        for text in [
            "-------------------",
            "-------------------- ",
            "- - - - - - - - - - -",
            "=====",
            "\u{2014}\u{2014}\u{2014}",
            "***",
            "\u{30fc}\u{30fc}\u{30fc}\u{30fc}",
            "\u{4e00} \u{4e00} \u{4e00}",
            "---\u{200b}---",
            "_",
            "---- CUT HERE ----",
        ] {
            assert!(!is_delimiter(text), "{text:?}");
            assert!(looks_like_delimiter(text), "{text:?}");
        }
        assert!(looks_like_delimiter("\u{964} \u{964} \u{964}") && looks_like_delimiter("\u{1f6a2}\u{1f6a2}\u{1f6a2}"));
        for text in ["a - b", "(U) text", "1.", "Noted.", "aaa", "\u{964}", "\u{f0d}", "\u{1f6a2}"] {
            assert!(!looks_like_delimiter(text), "{text:?}");
        }
    }
}
