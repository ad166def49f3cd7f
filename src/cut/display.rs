//! Cuts as shown to officers in a terminal: a product's text with the verdict on each tearline, and two cuts side by side.
//!
//! For this node's officers only: it shows the whole source.

use similar::{ChangeTag, TextDiff};

use super::Cut;
use super::explain::{Explanation, Fate, TearlineVerdict};
use crate::product::{Style, is_delimiter, printable};

/// Formats `source`, the text of the product that was explained, tearline by tearline: each line with a sign for its verdict, and each
/// tearline with a heading. In colour, what is released is green and what is refused is red.
pub fn show(explanation: &Explanation, source: &[u8], style: Style) -> String {
    let text = String::from_utf8_lossy(source);
    let mut out = String::new();
    let mut tearlines = explanation.tearlines.iter();
    let mut current = tearlines.next();
    if let Some(verdict) = current {
        heading(verdict, style, &mut out);
    }
    for line in text.lines() {
        if is_delimiter(line) {
            current = tearlines.next();
            out.push('\n');
            if let Some(verdict) = current {
                heading(verdict, style, &mut out);
            }
            continue;
        }
        let fate = current.map_or(Fate::NotAsked, |t| t.fate);
        let shown = format!("{} {}", sign(fate), safe(line));
        out.push_str(&style.paint(colour(fate), shown.trim_end()));
        out.push('\n');
    }
    if let Ok(cut) = &explanation.cut {
        let generated = if cut.generated_title().is_some() { ", with a generated title" } else { "" };
        let text = cut.bytes().len();
        out.push_str(&format!("\n{}: {text} bytes, SHA-256 {}{generated}\n", cut.id(), cut.digest()));
        if cut.size() != text as u64 {
            out.push_str(&format!("{} bytes together with its attachments\n", cut.size()));
        }
    }
    out
}

fn heading(verdict: &TearlineVerdict, style: Style, out: &mut String) {
    let what = match verdict.fate {
        Fate::Goes => "would be released",
        Fate::Refused => "not releasable",
        Fate::PassedOver => "not used: a lower tearline was requested",
        Fate::NotAsked => "not used: a higher tearline is being released",
    };
    let line = format!("{} tearline {} ({}): {what}", sign(verdict.fate), verdict.index + 1, verdict.banner);
    out.push_str(&style.paint(&format!("1;{}", colour(verdict.fate)), &line));
    out.push('\n');
    for reason in &verdict.reasons {
        out.push_str(&format!("    {} [{}]\n", reason.sentence, reason.code));
    }
}

fn sign(fate: Fate) -> char {
    match fate {
        Fate::Goes => '+',
        Fate::Refused => '-',
        Fate::PassedOver | Fate::NotAsked => ' ',
    }
}

fn colour(fate: Fate) -> &'static str {
    match fate {
        Fate::Goes => "32",
        Fate::Refused => "31",
        Fate::PassedOver | Fate::NotAsked => "2",
    }
}

fn safe(line: &str) -> String {
    line.chars().map(printable).collect()
}

/// Formats two cuts side by side in `width` columns. `<` marks a line that is only on the left, `>` one that is only on the right, `x`
/// lines that differ. The side of a partner that gets nothing is empty.
pub fn side_by_side(left: (&str, Option<&Cut>), right: (&str, Option<&Cut>), width: usize, style: Style) -> String {
    let column = (width.max(40) - 3) / 2;
    let text = |cut: Option<&Cut>| cut.map_or_else(String::new, |c| String::from_utf8_lossy(c.bytes()).into_owned());
    let (a, b) = (text(left.1), text(right.1));
    let mut out = String::new();
    let mut row = |l: &str, mark: &str, r: &str, code: &str| {
        let (l, r): (Vec<String>, Vec<String>) = (wrap(l, column), wrap(r, column));
        for i in 0..l.len().max(r.len()).max(1) {
            let (l, r) = (l.get(i).map_or("", String::as_str), r.get(i).map_or("", String::as_str));
            let line = format!("{l:<column$} {mark} {r}");
            out.push_str(&if code.is_empty() {
                line.trim_end().to_owned()
            } else {
                style.paint(code, line.trim_end())
            });
            out.push('\n');
        }
    };
    let name = |(name, cut): (&str, Option<&Cut>)| match cut {
        Some(cut) => format!("{name}: {}", cut.marking().banner()),
        None => format!("{name}: nothing"),
    };
    row(&name(left), "|", &name(right), "1");
    row(&"-".repeat(column), "+", &"-".repeat(column), "");
    let diff = TextDiff::from_lines(&a, &b);
    for op in diff.ops() {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        for change in diff.iter_changes(op) {
            let line = change.value().trim_end_matches('\n').to_owned();
            match change.tag() {
                ChangeTag::Equal => row(&line, "|", &line, ""),
                ChangeTag::Delete => removed.push(line),
                ChangeTag::Insert => added.push(line),
            }
        }
        for i in 0..removed.len().max(added.len()) {
            match (removed.get(i), added.get(i)) {
                (Some(l), Some(r)) => row(l, "x", r, "33"),
                (Some(l), None) => row(l, "<", "", "36"),
                (None, Some(r)) => row("", ">", r, "35"),
                (None, None) => {}
            }
        }
    }
    out
}

/// Wraps `text`, with control characters replaced, into lines of at most `columns` characters, at spaces if possible.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in safe(text).split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        // INVARIANT: `lines` begins with one element and only grows.
        let last = lines.last_mut().expect("there is a line");
        let used = last.chars().count();
        if used + 1 + word.len() <= columns || used == 0 && word.len() <= columns {
            if used > 0 {
                last.push(' ');
            }
            last.extend(word);
            continue;
        }
        while word.len() > columns {
            let rest = word.split_off(columns);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        lines.push(word.into_iter().collect());
    }
    if lines.len() > 1 && lines[0].is_empty() {
        lines.remove(0);
    }
    lines
}
