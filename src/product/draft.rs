//! What the readers of the other formats find: the parts of a product, each string with its place in the source.
//!
//! A draft says nothing of what the strings mean. `lower` spells it as text, and the one reader of text judges it.

use std::borrow::Cow;
use std::rc::Rc;

/// Where a string stands in its source, and how it is spelled there.
#[derive(Clone, Debug)]
pub(super) struct Origin<'s> {
    /// The line, counted from one.
    pub line: usize,
    /// The byte of that line at which the spelling begins.
    pub column: usize,
    /// The spelling, without quotation marks.
    pub raw: &'s str,
    pub spelling: Spelling,
    /// The JSON pointer of the value, where there is one.
    pub pointer: Option<Rc<str>>,
}

/// How the characters of a string are written in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are.
    Plain,
    /// As in a JSON string.
    Json,
    /// As they are, but for a backslash before a sign.
    Markdown,
    /// In another way: only the whole has a place.
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
pub(super) struct Span<'s> {
    pub text: Cow<'s, str>,
    pub origin: Origin<'s>,
    /// Where its further lines stand, if it goes on for several: the byte at which each begins, and its place.
    pub more: Vec<(usize, Origin<'s>)>,
}

impl<'s> Span<'s> {
    /// A string that stands in one place.
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

    /// A string that stands for something spelled otherwise at `origin`.
    pub fn standing_for(text: String, origin: &Origin<'s>) -> Span<'s> {
        Span::new(Cow::Owned(text), Origin { spelling: Spelling::Whole, ..origin.clone() })
    }
}

/// A product's parts.
#[derive(Debug)]
pub(super) struct Draft<'s> {
    pub origin: Origin<'s>,
    pub id: Option<Span<'s>>,
    pub date: Option<Span<'s>>,
    pub kind: Option<Span<'s>>,
    pub tearlines: Vec<DraftTearline<'s>>,
}

/// A tearline's parts. The first one's head is the front block.
#[derive(Debug)]
pub(super) struct DraftTearline<'s> {
    pub origin: Origin<'s>,
    pub banner: Option<Span<'s>>,
    pub title: Option<DraftItem<'s>>,
    pub originator: Option<DraftItem<'s>>,
    pub subjects: Vec<DraftItem<'s>>,
    pub contact: Option<DraftItem<'s>>,
    pub protected: Vec<Span<'s>>,
    pub portions: Vec<DraftItem<'s>>,
    pub attachments: Vec<DraftAttachment<'s>>,
}

impl<'s> DraftTearline<'s> {
    /// A tearline with nothing in it yet.
    pub fn at(origin: Origin<'s>) -> DraftTearline<'s> {
        DraftTearline {
            origin,
            banner: None,
            title: None,
            originator: None,
            subjects: Vec::new(),
            contact: None,
            protected: Vec::new(),
            portions: Vec::new(),
            attachments: Vec::new(),
        }
    }
}

/// A marked text. Only an originator may do without its mark, which the reader of text decides.
#[derive(Debug)]
pub(super) struct DraftItem<'s> {
    pub mark: Option<Span<'s>>,
    pub text: Span<'s>,
}

/// An attachment: what its begin line says, and its body.
#[derive(Debug)]
pub(super) struct DraftAttachment<'s> {
    pub mark: Option<Span<'s>>,
    /// Name, media type, length and SHA-256, in the order of the begin line.
    pub fields: Vec<Span<'s>>,
    pub body: Body<'s>,
}

/// How the bytes of an attachment are given.
#[derive(Debug)]
pub(super) enum Body<'s> {
    /// As base64 in one string.
    Base64(Span<'s>),
    /// Beside the product: only length and digest are in it.
    Detached,
    /// As the lines of the text format, up to and with the one that ends it.
    Lines(Vec<Span<'s>>),
}
