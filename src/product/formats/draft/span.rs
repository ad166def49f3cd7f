//! Strings of a source with their places, and faults at those places.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use crate::product::fault::{FaultCode, ProductFault};

/// Where a string stands in its source, and how it is spelled there.
#[derive(Clone, Debug)]
pub(in crate::product) struct Origin<'s> {
    /// The line, counted from one.
    pub line: usize,
    /// The byte of that line at which the spelling begins, counted from zero.
    pub column: usize,
    /// The spelling, without quotation marks.
    pub raw: &'s str,
    pub spelling: Spelling,
    /// The JSON pointer of the value, where there is one.
    pub pointer: Option<Rc<str>>,
}

/// How the characters of a string are written in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::product) enum Spelling {
    /// As they are.
    Plain,
    /// As in a JSON string.
    Json,
    /// As they are, but for a backslash before a sign.
    Markdown,
    /// In another way: only the whole string has a place, not its characters.
    Whole,
}

impl Origin<'_> {
    /// The byte of the source line at which the decoded byte `at` is spelled.
    pub fn column_of(&self, at: usize) -> usize {
        if self.spelling == Spelling::Whole {
            return if at == 0 { self.column } else { self.column + self.raw.len() };
        }
        let mut raw = self.raw;
        let mut decoded = 0;
        while decoded < at && !raw.is_empty() {
            let (spelled, means) = self.step(raw);
            decoded += means;
            raw = &raw[spelled..];
        }
        self.column + self.raw.len() - raw.len()
    }

    /// The length of the first character's spelling, and of the character itself.
    fn step(&self, raw: &str) -> (usize, usize) {
        let plain = raw.chars().next().map_or(1, char::len_utf8);
        if !raw.starts_with('\\') {
            return (plain, plain);
        }
        match self.spelling {
            Spelling::Plain | Spelling::Whole => (plain, plain),
            Spelling::Markdown => (2.min(raw.len()), 1),
            Spelling::Json => {
                let half = |at: usize| u32::from_str_radix(raw.get(at + 2..at + 6)?, 16).ok();
                match raw.as_bytes().get(1) {
                    Some(b'u') => match half(0) {
                        Some(0xD800..0xDC00) => (12.min(raw.len()), 4),
                        code => (6.min(raw.len()), code.and_then(char::from_u32).map_or(1, char::len_utf8)),
                    },
                    _ => (2.min(raw.len()), 1),
                }
            }
        }
    }
}

/// A string of the source: what it says, and where.
#[derive(Clone, Debug)]
pub(in crate::product) struct Span<'s> {
    pub text: Cow<'s, str>,
    pub origin: Origin<'s>,
    /// Where its further lines stand, if it goes on for several: the byte at which each begins, and its place.
    pub more: Vec<(usize, Origin<'s>)>,
}

impl<'s> Span<'s> {
    /// A string in one place.
    pub fn new(text: Cow<'s, str>, origin: Origin<'s>) -> Span<'s> {
        Span { text, origin, more: Vec::new() }
    }

    /// Adds a further line of the source. Each keeps its own place.
    pub fn join(&mut self, line: Span<'s>) {
        self.text.to_mut().push('\n');
        self.more.push((self.text.len(), line.origin));
        self.text.to_mut().push_str(&line.text);
    }

    /// The place of the decoded byte `at`, and that byte counted from there.
    pub fn place(&self, at: usize) -> (&Origin<'s>, usize) {
        match self.more.iter().rev().find(|(from, _)| *from <= at) {
            Some((from, origin)) => (origin, at - from),
            None => (&self.origin, at),
        }
    }

    /// A string derived from something that is spelled otherwise at `origin`.
    pub fn standing_for(text: String, origin: &Origin<'s>) -> Span<'s> {
        Span::new(Cow::Owned(text), Origin { spelling: Spelling::Whole, ..origin.clone() })
    }
}

/// A fault of a part of a string, given by the bytes of its decoded text.
pub(in crate::product) fn fault_in(
    code: FaultCode,
    span: &Span<'_>,
    part: Range<usize>,
    message: &str,
    hint: &str,
) -> ProductFault {
    let (origin, start) = span.place(part.start);
    ProductFault {
        code: code.into(),
        line: origin.line,
        columns: origin.column_of(start)..origin.column_of(start + part.len()),
        message: message.into(),
        hint: hint.into(),
        rule: code.rule(),
        fix: None,
        pointer: origin.pointer.as_deref().map(str::to_owned),
    }
}
