//! Finds the marks of an attachment of any length, in overlapping windows.

use std::collections::BTreeMap;

use super::cells::Cells;
use super::find::{Enumeration, Finder, Hit, MarkKind};
use super::words::Words;
use crate::product::Attachment;

/// The minimum size of a window, in bytes.
const WINDOW_BYTES: usize = 64 * 1024;
/// The longest mark that is compared with the attachment's own, in bytes; the marking engine accepts no longer one.
const MARK_BYTES_MAX: usize = 1024;
/// The end of a window that is not judged before the text after it is available, in bytes.
const HELD_BYTES: usize = 2 * MARK_BYTES_MAX;
/// The judged text that is kept as context before the next window, in bytes.
const BEFORE_BYTES: usize = 256;
/// The most different marks of one attachment that are compared.
const MARKS_MAX: usize = 200;

/// The layout of a text, which determines how a place in it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect) enum Layout {
    /// Lines.
    Lines,
    /// Names and values, each on its own line.
    Values,
    /// A table, split into cells.
    Table,
    /// Pages, each ending in an empty line.
    Pages,
}

impl Layout {
    /// Returns the layout of an attachment, by its type.
    pub fn of(attachment: &Attachment) -> Layout {
        match attachment.media_type() {
            "text/csv" => Layout::Table,
            "application/pdf" => Layout::Pages,
            "application/json" | "application/stix+json" => Layout::Values,
            _ => Layout::Lines,
        }
    }
}

/// The place of a mark in an attachment. All numbers are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::inspect) enum Place {
    /// On this line.
    Line(usize),
    /// In this row and column.
    Cell(usize, usize),
    /// In this name or value.
    Value(usize),
    /// On this page.
    Page(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Line(line) => write!(f, "on line {line}"),
            Place::Cell(row, column) => write!(f, "in row {row}, column {column}"),
            Place::Value(number) => write!(f, "in name or value {number}"),
            Place::Page(page) => write!(f, "on page {page}"),
        }
    }
}

/// The different marks of one attachment, each with its first place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::inspect) struct Found {
    /// Kind and text of the mark, or the meaning of a label. The text is `None` for a mark that is too long to be
    /// valid, and for a label that is not understood.
    pub marks: BTreeMap<(MarkKind, Option<String>), Place>,
    /// Whether there are more different marks than are compared.
    pub more: bool,
}

impl Found {
    fn add(&mut self, kind: MarkKind, text: Option<&str>, place: Place) {
        let key = (kind, text.map(str::to_owned));
        if self.marks.len() >= MARKS_MAX && !self.marks.contains_key(&key) {
            self.more = true;
        } else {
            self.marks.entry(key).or_insert(place);
        }
    }
}

/// Searches for marks in a text that arrives in blocks.
pub(in crate::inspect) struct Scanner {
    layout: Layout,
    cells: Cells,
    kept: String,
    /// The length of the part of `kept` that was judged, in bytes.
    judged: usize,
    enumeration: Enumeration,
    /// The position in `kept` up to which lines were counted.
    counted: usize,
    counts: Counts,
    found: Found,
}

#[derive(Clone, Copy, Debug)]
struct Counts {
    lines: usize,
    rows: usize,
    columns: usize,
    pages: usize,
    empty: bool,
}

impl Scanner {
    /// Creates a scanner for the text of an attachment.
    pub fn at(attachment: &Attachment) -> Scanner {
        Scanner::of(Layout::of(attachment))
    }

    /// Creates a scanner for a text of this layout.
    pub(super) fn of(layout: Layout) -> Scanner {
        Scanner {
            layout,
            cells: Cells::default(),
            kept: String::new(),
            judged: 0,
            enumeration: Enumeration::default(),
            counted: 0,
            counts: Counts { lines: 1, rows: 1, columns: 1, pages: 1, empty: true },
            found: Found::default(),
        }
    }

    /// Returns whether further marks would still be recorded.
    pub fn wants_more(&self) -> bool {
        !self.found.more
    }

    /// Scans the next block of text.
    pub fn take(&mut self, text: &str) {
        match self.layout {
            Layout::Table => self.cells.add(text, &mut self.kept),
            Layout::Lines | Layout::Values | Layout::Pages => self.kept.push_str(text),
        }
        if self.kept.len() - self.judged >= WINDOW_BYTES + HELD_BYTES {
            self.judge(false);
        }
    }

    /// Finishes the scan and returns the marks.
    pub fn end(mut self) -> Found {
        self.judge(true);
        self.found
    }

    fn judge(&mut self, last: bool) {
        let text = std::mem::take(&mut self.kept);
        let until = if last { text.len() } else { text.floor_char_boundary(text.len() - HELD_BYTES) };
        // Escapes are searched in a second pass, which counts places from the same start.
        let (counts, counted, enumeration) = (self.counts, self.counted, self.enumeration);
        let mut reached = self.read(&text, &Words::of(&text), until, last);
        if let Some(words) = Words::decoded(&text) {
            let after = (self.counts, self.counted, self.enumeration);
            (self.counts, self.counted, self.enumeration) = (counts, counted, enumeration);
            reached = reached.max(self.read(&text, &words, until, last));
            if after.1 > self.counted {
                (self.counts, self.counted) = (after.0, after.1);
            }
            self.enumeration = after.2;
        }
        self.judged = reached.max(until).min(text.len());
        self.place(&text, self.judged);
        let from = text.floor_char_boundary(self.judged.saturating_sub(BEFORE_BYTES));
        text[from..].clone_into(&mut self.kept);
        self.judged -= from;
        self.counted -= from;
    }

    /// Records the marks that begin before `until`. Returns the end of the last one.
    fn read(&mut self, text: &str, words: &Words<'_>, until: usize, last: bool) -> usize {
        // Names and values are on separate lines: a label may be the next value, or the previous one.
        let lines = if self.layout == Layout::Values { 3 } else { 1 };
        let finder = Finder { words, alone: false, last, lines };
        let mut reached = self.judged;
        let mut i = words.list.partition_point(|w| words.origin(w.start) < self.judged);
        while let Some(word) = words.list.get(i) {
            let at = words.origin(word.start);
            if at >= until {
                break;
            }
            match finder.at(i, &mut self.enumeration) {
                Some(hit) => {
                    let (from, to) = extent(words, text, &hit);
                    let place = self.place(text, at);
                    let written = text.get(from..to).filter(|t| t.len() <= MARK_BYTES_MAX);
                    self.found.add(hit.kind, if hit.is_label() { hit.label } else { written }, place);
                    i = hit.to.max(i + 1);
                    reached = reached.max(to);
                }
                None => i += 1,
            }
        }
        reached
    }

    /// Counts up to `at`, which is never before the position reached, and returns the place.
    fn place(&mut self, text: &str, at: usize) -> Place {
        let counts = &mut self.counts;
        for b in text.as_bytes().get(self.counted..at).unwrap_or_default() {
            match b {
                b'\n' => {
                    counts.lines += 1;
                    counts.columns += 1;
                    counts.pages += usize::from(counts.empty);
                    counts.empty = true;
                }
                &super::cells::ROW_END => {
                    counts.rows += 1;
                    counts.columns = 0;
                }
                _ => counts.empty = false,
            }
        }
        self.counted = self.counted.max(at);
        match self.layout {
            Layout::Lines => Place::Line(counts.lines),
            Layout::Table => Place::Cell(counts.rows, counts.columns),
            Layout::Values => Place::Value(counts.lines),
            Layout::Pages => Place::Page(counts.pages),
        }
    }
}

/// Returns the range of a mark in the original, including its brackets or the slashes at the beginning of a foreign
/// mark.
pub(super) fn extent(words: &Words<'_>, text: &str, hit: &Hit) -> (usize, usize) {
    let (first, last) = (words.list[hit.from], words.list[hit.to - 1]);
    let (before, behind) = (words.gap(hit.from), words.gap(hit.to));
    let mut from = first.start;
    let mut to = last.end;
    if hit.bracketed {
        from -= before.rfind(['(', '[', '{', '<']).map_or(0, |at| before.len() - at);
        to += behind.find([')', ']', '}', '>']).map_or(0, |at| at + 1);
    } else if before.ends_with("//") {
        from -= 2;
    }
    (words.origin(from), words.origin(to).min(text.len()))
}

/// Returns the marks of a whole text.
pub(in crate::inspect) fn all(text: &str, layout: Layout) -> Found {
    let mut scanner = Scanner::of(layout);
    scanner.take(text);
    scanner.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the marks of a text that arrives in pieces of this length.
    fn in_pieces(text: &str, length: usize) -> Found {
        let mut scanner = Scanner::of(Layout::Lines);
        text.as_bytes().chunks(length).for_each(|piece| scanner.take(std::str::from_utf8(piece).unwrap()));
        scanner.end()
    }

    #[test]
    fn finds_what_stands_anywhere_once_and_whole() {
        let filler = |bytes: usize| "nothing of note was seen here today\n".repeat(bytes / 36);
        for before in (WINDOW_BYTES - 2500..WINDOW_BYTES + 2500).step_by(144).chain([0, 3 * WINDOW_BYTES]) {
            let text = format!("{}the TOP\nSECRET//REL TO USA, GBR\nsang\n{}", filler(before), filler(5000));
            let found = in_pieces(&text, 1000);
            let marks: Vec<_> = found.marks.iter().collect();
            let line = Place::Line(before / 36 + 1);
            let written = Some("TOP\nSECRET//REL TO USA, GBR".to_owned());
            assert_eq!(marks, [(&(MarkKind::Classification, written), &line)], "{before}");
        }
    }

    #[test]
    fn an_enumeration_goes_on_from_one_window_to_the_next() {
        let filler = "nothing of note was seen here today\n".repeat(WINDOW_BYTES / 18);
        let found = |letters: [&str; 3]| {
            let text: String = letters.iter().map(|l| format!("({l}) The item.\n{filler}")).collect();
            in_pieces(&text, 4096).marks.len()
        };
        assert_eq!(found(["A", "B", "C"]), 0);
        assert_eq!(found(["A", "D", "C"]), 1);
    }

    #[test]
    fn different_marks_are_counted_and_memory_is_not_spent_on_them() {
        let many: String = (0..MARKS_MAX + 5).map(|n| format!("SECRET//REL TO USA, X{n}X\n")).collect();
        let found = all(&many, Layout::Lines);
        assert!(found.more && found.marks.len() == MARKS_MAX);
        let same = all(&"SECRET//NOFORN\n".repeat(5000), Layout::Lines);
        assert!(!same.more && same.marks.len() == 1);
        let long = all(&format!("SECRET//REL TO USA{}\n", ", GBR".repeat(400)), Layout::Lines);
        assert!(long.marks.keys().all(|(_, text)| text.is_none()), "{long:?}");
    }

    #[test]
    fn tells_the_place_by_line_cell_and_page() {
        let place = |text, layout| all(text, layout).marks.into_values().next();
        assert_eq!(place("a\nb\nNOFORN\n", Layout::Lines), Some(Place::Line(3)));
        assert_eq!(place("a,b\n1,2\n3,NOFORN\n", Layout::Table), Some(Place::Cell(3, 2)));
        assert_eq!(place("a\nb\n\n\nc\nNOFORN\n\n", Layout::Pages), Some(Place::Page(3)));
    }
}
