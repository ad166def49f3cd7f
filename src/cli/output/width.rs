//! Text in the width of a terminal: lines are cut off or wrapped to it. Where the answer goes elsewhere they stay as they are.

use std::fmt::Write as _;

use crate::cli::output::Out;

/// Terminals with fewer columns than this get whole lines.
pub(in crate::cli) const NARROW: usize = 40;

/// `text` in at most `columns`, ending in `…` where it is cut off; `None` for no limit.
pub(in crate::cli) fn fitting(text: &str, columns: Option<usize>) -> String {
    match columns {
        Some(columns) if text.chars().count() > columns => {
            let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
        _ => text.to_owned(),
    }
}

/// `text` with each line wrapped to the columns of the terminal; continuation lines are indented by four more.
pub(in crate::cli) fn folded(text: &str, out: Out) -> String {
    let Some(width) = out.width().filter(|width| *width >= NARROW) else { return text.to_owned() };
    let mut folded = String::new();
    for line in text.lines() {
        let rest = line.trim_start();
        let indent = line.len() - rest.len();
        for (i, part) in wrapped(rest, width - indent - 4).iter().enumerate() {
            let indent = if i == 0 { indent } else { indent + 4 };
            let _ = writeln!(folded, "{:indent$}{part}", "");
        }
    }
    folded
}

/// The columns that `text` takes. Escape sequences that set a colour take none.
fn columns(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let plain = parts.next().unwrap_or_default().chars().count();
    plain + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| rest.chars().count())).sum::<usize>()
}

/// `text` in lines of at most `columns`; a longer word has a line of its own.
pub(in crate::cli) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && self::columns(&line) + 1 + self::columns(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_wrapped_to_the_columns_given() {
        assert_eq!(fitting("EXERCISE title", Some(9)), "EXERCISE…");
        assert_eq!(fitting("EXERCISE", Some(8)), "EXERCISE");
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("\u{1b}[31mone\u{1b}[0m two three", 7), ["\u{1b}[31mone\u{1b}[0m two", "three"]);
    }
}
