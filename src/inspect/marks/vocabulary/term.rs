//! The kinds of words that marks are made of.

/// What a word may be in a mark. Most of them are English words or abbreviations too: it is the company that they keep
/// that makes them a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect::marks) enum Term {
    /// A classification written out.
    Level,
    /// The first word of `TOP SECRET`.
    Top,
    /// What NATO writes before a classification.
    Cosmic,
    /// An owner or recipient.
    Code,
    /// A classification by its letters, of two or more.
    Letters,
    /// A classification by one letter, or by two that are common abbreviations of something else.
    Letter,
    /// A control that is no other word, in whatever case.
    Control,
    /// A control that is one only beside others.
    Weak,
    /// `TLP`.
    Tlp,
    /// The first word of what TLP is short for.
    Traffic,
    /// `PAP`, of the Permissible Actions Protocol.
    Actions,
    /// A colour of the Traffic Light Protocol.
    Colour,
    /// What is written before a classification that stands in a field.
    Label,
    /// The same, where it is written before many other things too.
    Heading,
    /// A word with which a sentence-like control or a foreign mark begins: see [`phrases`](super::super::phrases).
    Phrase,
    /// A word with which a restriction in words may begin, and no mark.
    Saying,
    /// A level and its controls run together: `SECRETNOFORN`.
    Banner,
    /// The letters of them: `TSSINF`.
    Run,
}

impl Term {
    /// Whether it may be a word of a mark, and not only stand before one or speak of it.
    pub fn is_of_marks(self) -> bool {
        !matches!(self, Term::Label | Term::Heading | Term::Saying | Term::Traffic | Term::Actions)
    }
}
