//! Diagnostics for people, in the manner of a compiler: the line, the exact bytes underlined, the rule, why, the fix.
//!
//! A line is never shown raw: characters that could deceive a terminal or a reader are shown as code points.

use std::fmt::Write;
use std::ops::Range;

use super::diagnostic::{Diagnostic, Severity};
use super::remedy::{Remedy, RemedyKind};

/// The place of a mark, for a report.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// The file's name, or what to call the input.
    pub name: &'s str,
    /// The line, from 1.
    pub line: usize,
    /// The line's text, to whose bytes the spans refer.
    pub text: &'s str,
}

/// The widest window of a line that is shown around a span, in bytes.
const WINDOW: usize = 100;

struct Paint {
    error: &'static str,
    warning: &'static str,
    quiet: &'static str,
    added: &'static str,
    end: &'static str,
}

const PLAIN: Paint = Paint { error: "", warning: "", quiet: "", added: "", end: "" };
const COLOURED: Paint = Paint {
    error: "\u{1b}[1;31m",
    warning: "\u{1b}[1;33m",
    quiet: "\u{1b}[1;34m",
    added: "\u{1b}[1;32m",
    end: "\u{1b}[0m",
};

const fn paint(colour: bool) -> &'static Paint {
    if colour { &COLOURED } else { &PLAIN }
}

/// Renders findings about one line.
///
/// ```
/// use portcullis::marking::{DocumentDate, Register, Rules, fault_report};
///
/// let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
/// let text = "SECRET//REL TO GBR, AUS";
/// let rejected = rules.parse_banner(text).unwrap_err();
/// let source = fault_report::Source { name: "report.txt", line: 1, text };
/// let shown = fault_report::render(&source, &rejected.diagnostics, false);
/// assert_eq!(shown, "\
/// error[E-REL-NO-USA]: the United States is missing in REL TO
///  --> report.txt:1:9
///   |
/// 1 | SECRET//REL TO GBR, AUS
///   |         ^^^^^^^^^^^^^^^ USA must come first
///   |
///   = rule: ISM-ID-00031/00214
///
/// ");
/// ```
#[must_use]
pub fn render(source: &Source<'_>, diagnostics: &[Diagnostic], colour: bool) -> String {
    let paint = paint(colour);
    let gutter = source.line.to_string().len();
    let pad = " ".repeat(gutter);
    let (quiet, end) = (paint.quiet, paint.end);
    let mut out = String::new();
    for diagnostic in diagnostics {
        let (word, tint) = match diagnostic.severity {
            Severity::Error => ("error", paint.error),
            Severity::Warning => ("warning", paint.warning),
        };
        let (line, before, width) = excerpt(source.text, &diagnostic.span);
        let column = source.text.get(..diagnostic.span.start).map_or(1, |t| t.chars().count() + 1);
        let marks = "^".repeat(width);
        // INVARIANT: writing to a String does not fail.
        let _ = writeln!(out, "{tint}{word}[{}]{end}: {}", diagnostic.code, diagnostic.message);
        let _ = writeln!(out, "{pad}{quiet}-->{end} {}:{}:{column}", source.name, source.line);
        let _ = writeln!(out, "{pad} {quiet}|{end}");
        let _ = writeln!(out, "{quiet}{} |{end} {line}", source.line);
        let _ = writeln!(out, "{pad} {quiet}|{end} {}{tint}{marks} {}{end}", " ".repeat(before), diagnostic.hint);
        let _ = writeln!(out, "{pad} {quiet}|{end}");
        let _ = writeln!(out, "{pad} {quiet}={end} rule: {}", diagnostic.rule);
        if let Some(fix) = &diagnostic.fix {
            let _ = writeln!(out, "{pad} {quiet}={end} fix: {}", fix.replacement);
        }
        out.push('\n');
    }
    out
}

/// Renders the proposals for a refused mark. Safe fixes are left out: [`render`] shows them with the findings.
///
/// ```
/// use portcullis::marking::{DocumentDate, Kind, Register, Rules, fault_report};
///
/// let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
/// let checked = rules.check("SECRET/NOFORN", Kind::Banner, None);
/// let remedies = rules.remedies("SECRET/NOFORN", Kind::Banner, None, &checked);
/// assert_eq!(fault_report::remedies(&remedies, false), "\
/// help: `/` separates the controls of one category; `//` stands between the classification and what follows
///   = rewrite: SECRET//NOFORN
///
/// ");
/// ```
#[must_use]
pub fn remedies(remedies: &[Remedy], colour: bool) -> String {
    let paint = paint(colour);
    let (quiet, end) = (paint.quiet, paint.end);
    let mut out = String::new();
    for remedy in remedies.iter().filter(|remedy| remedy.kind != RemedyKind::Fix) {
        // INVARIANT: writing to a String does not fail.
        let _ = writeln!(out, "{}help{end}: {}", paint.added, shown(&remedy.text));
        match &remedy.mark {
            Some(mark) => _ = writeln!(out, "  {quiet}={end} {}: {mark}", remedy.kind.as_str()),
            None => _ = writeln!(out, "  {quiet}={end} {}", remedy.kind.as_str()),
        }
        out.push('\n');
    }
    out
}

/// Shows one fixed line as a diff.
#[must_use]
pub fn diff(name: &str, line: usize, before: &str, after: &str, colour: bool) -> String {
    let paint = paint(colour);
    let (quiet, end) = (paint.quiet, paint.end);
    format!(
        "{quiet}@@ {name}:{line} @@{end}\n{}-{}{end}\n{}+{}{end}\n",
        paint.error,
        shown(before),
        paint.added,
        shown(after)
    )
}

/// The part of a line around a span as it may be shown, the width before the span, and the span's own width.
fn excerpt(text: &str, span: &Range<usize>) -> (String, usize, usize) {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (from, to) = (floor(span.start), floor(span.end.max(span.start)));
    let start = if text.len() > WINDOW { floor(from.saturating_sub(WINDOW / 2)) } else { 0 };
    let end = if text.len() > WINDOW { floor(to.min(from + WINDOW) + WINDOW / 2) } else { text.len() };
    let lead = if start > 0 { "..." } else { "" };
    let tail = if end < text.len() { "..." } else { "" };
    let before = shown(&text[start..from]);
    let inside = shown(&text[from..to.min(end)]);
    let after = shown(&text[to.min(end)..end]);
    let width = inside.chars().count().max(1);
    (format!("{lead}{before}{inside}{after}{tail}"), lead.len() + before.chars().count(), width)
}

/// A text with everything but printable ASCII shown as code points.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            out.push(c);
        } else {
            let _ = write!(out, "<U+{:04X}>", u32::from(c));
        }
    }
    out
}
