//! The roles of words in marks.

/// The role of a word in marks. Most are English words or abbreviations too, so only the context makes them a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect::marks) enum Term {
    /// A classification level, spelled out.
    Level,
    /// The first word of `TOP SECRET`.
    Top,
    /// A NATO prefix of a classification.
    Cosmic,
    /// The code of an owner or recipient.
    Code,
    /// An abbreviated classification of two or more letters.
    Letters,
    /// An abbreviated classification of one letter, or of two that are also a common abbreviation of something else.
    Letter,
    /// A control that is no other word, in any case.
    Control,
    /// A control only next to other parts of a mark.
    Weak,
    /// `TLP`.
    Tlp,
    /// The first word of `Traffic Light Protocol`.
    Traffic,
    /// `PAP`, of the Permissible Actions Protocol.
    Actions,
    /// A colour of the Traffic Light Protocol.
    Colour,
    /// The name of a field that contains a classification.
    Label,
    /// The name of a field that contains a classification among other things.
    Heading,
    /// The first word of a phrase: see [`phrases`](super::super::phrases).
    Phrase,
    /// The first word of a restriction in words; not a mark by itself.
    Saying,
    /// A level and its controls joined: `SECRETNOFORN`.
    Banner,
    /// Their abbreviations joined: `TSSINF`.
    Run,
}

impl Term {
    /// Returns whether it can be part of a mark, and not only introduce or mention one.
    pub fn is_of_marks(self) -> bool {
        !matches!(self, Term::Label | Term::Heading | Term::Saying | Term::Traffic | Term::Actions)
    }
}
