//! Faults as a compiler shows them: the line, the place underlined, the rule, why, and what to do.

use super::fault::{Code, ProductFault};

/// Whether the output may hold colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With ANSI colour sequences, for a terminal.
    Colour,
}

impl Style {
    /// `text` in the colour with this ANSI code, or as it is.
    pub fn paint(self, code: &str, text: &str) -> String {
        match self {
            Style::Plain => text.to_owned(),
            Style::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// Characters of a source line shown at most, around the place at fault.
const SHOWN_MAX: usize = 110;

/// Shows one fault with the line it is about, taken from `source`, the product's text. `name` is what the producer
/// called the file. Nothing in the line can act on a terminal: what does not print is shown as its code point.
pub fn render(fault: &ProductFault, source: &[u8], name: &str, style: Style) -> String {
    let red = |s: &str| style.paint("1;31", s);
    let blue = |s: &str| style.paint("1;34", s);
    // What the marking engine found is shown as `marking check` shows it: its hints speak of the bytes underlined.
    let of_a_mark = matches!(fault.code, Code::Marking(_));
    let gutter = fault.line.to_string().len();
    let pad = " ".repeat(gutter);
    let mut out = format!("{}: {}\n", red(&format!("error[{}]", fault.code)), style.paint("1", &fault.message));
    let pointer = fault
        .pointer
        .as_ref()
        .map_or_else(String::new, |p| format!(" at {}", p.chars().map(printable).collect::<String>()));
    out.push_str(&format!("{pad}{} {name}:{}:{}{pointer}\n", blue("-->"), fault.line, fault.columns.start + 1));
    out.push_str(&format!("{pad} {}\n", blue("|")));
    if let Some(raw) = source.split(|b| *b == b'\n').nth(fault.line.saturating_sub(1)) {
        let shown = Shown::of(raw, &fault.columns);
        out.push_str(&format!("{} {} {}\n", blue(&fault.line.to_string()), blue("|"), shown.text));
        let marker = "^".repeat(shown.width.max(1));
        let label = if of_a_mark { format!("{marker} {}", fault.hint) } else { marker };
        out.push_str(&format!("{pad} {} {}{}\n", blue("|"), " ".repeat(shown.before), red(&label)));
        out.push_str(&format!("{pad} {}\n", blue("|")));
    }
    if of_a_mark {
        out.push_str(&format!("{pad} {} rule: {}\n", blue("="), fault.rule));
        if let Some(fix) = &fault.fix {
            out.push_str(&format!("{pad} {} fix: write `{fix}`\n", blue("=")));
        }
    } else {
        out.push_str(&format!("{pad} {} why: {}\n", blue("="), fault.rule));
        out.push_str(&format!("{pad} {} fix: {}\n", blue("="), fault.hint));
    }
    out
}

/// A source line made safe to show, and where in it the fault is, in characters.
struct Shown {
    text: String,
    before: usize,
    width: usize,
}

impl Shown {
    fn of(raw: &[u8], columns: &std::ops::Range<usize>) -> Shown {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let mut pieces: Vec<(usize, String)> = Vec::new();
        let mut at = 0;
        for chunk in raw.utf8_chunks() {
            for c in chunk.valid().chars() {
                pieces.push((at, printable(c)));
                at += c.len_utf8();
            }
            for byte in chunk.invalid() {
                pieces.push((at, format!("<{byte:02X}>")));
                at += 1;
            }
        }
        let length = |from: usize, to: usize| -> usize {
            pieces.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, s)| s.chars().count()).sum()
        };
        let (before, width) = (length(0, columns.start), length(columns.start, columns.end));
        let full: Vec<char> = pieces.iter().flat_map(|(_, s)| s.chars()).collect();
        // A long line is shown from a little before the fault.
        let start = if full.len() > SHOWN_MAX { before.saturating_sub(SHOWN_MAX / 3) } else { 0 };
        let end = full.len().min(start + SHOWN_MAX);
        let mut text: String = full[start.min(end)..end].iter().collect();
        let mut before = before - start;
        if start > 0 {
            text.insert_str(0, "...");
            before += 3;
        }
        if end < full.len() {
            text.push_str("...");
        }
        let width = width.min(text.chars().count().saturating_sub(before));
        Shown { text, before, width }
    }
}

/// `c` itself if it prints and stays where it is; its code point otherwise.
pub(crate) fn printable(c: char) -> String {
    let shown: String = c.escape_debug().collect();
    let quote = matches!(c, '\'' | '"' | '\\');
    if c == ' ' || quote || shown.chars().count() == 1 { c.to_string() } else { format!("<U+{:04X}>", u32::from(c)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::fault::FaultCode;

    fn fault(line: usize, columns: std::ops::Range<usize>) -> ProductFault {
        let code = FaultCode::Unmarked;
        ProductFault {
            code: code.into(),
            line,
            columns,
            message: "a title without a mark".into(),
            hint: "mark it".into(),
            rule: code.rule(),
            fix: None,
            pointer: None,
        }
    }

    #[test]
    fn underlines_the_place_at_fault() {
        let text = render(&fault(2, 7..12), b"one\nTitle: Alpha\n", "a.txt", Style::Plain);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "error[P-UNMARKED]: a title without a mark");
        assert_eq!(lines[1], " --> a.txt:2:8");
        assert_eq!(lines[3], "2 | Title: Alpha");
        assert_eq!(lines[4], "  |        ^^^^^");
    }

    #[test]
    fn lets_nothing_in_the_source_act_on_the_terminal() {
        let text = render(&fault(1, 0..3), b"a\x1b[2J\xe2\x80\xaeb\xff\n", "a.txt", Style::Plain);
        assert!(text.contains("a<U+001B>[2J<U+202E>b<FF>"), "{text}");
        assert!(!text.contains('\x1b'));
    }

    #[test]
    fn shows_a_window_of_a_long_line() {
        let line = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
        let text = render(&fault(1, 500..504), line.as_bytes(), "a.txt", Style::Plain);
        let shown: Vec<&str> = text.lines().collect();
        let at = shown[3].find("HERE").unwrap();
        assert_eq!(shown[4].find("^^^^"), Some(at));
        assert!(shown[3].len() < 140);
    }
}
