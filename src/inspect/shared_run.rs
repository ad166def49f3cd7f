//! Runs of words that a cut shares with parts that are not released to the partner. Officers review them, and their
//! approval covers them.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::product::PortionKind;

/// The most runs shown to an officer; a cut with more is refused.
pub(super) const RUNS_MAX: usize = 100;

/// The position of a part in a cut or product. It reveals nothing of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Place {
    /// The kind of part.
    #[n(0)]
    pub part: PortionKind,
    /// Its number among the parts of this kind in its tearline, counted from 1.
    #[n(1)]
    pub number: u32,
    /// The line on which it begins, counted from 1: of the cut, or of the product as submitted.
    #[n(2)]
    pub line: u32,
}

/// A maximal run of at least eight folded words that occurs in a cut and in a part of its source that is not released
/// to the partner. This is normal, because lower tearlines are written from their source; runs of
/// [`SHARED_WORDS`](super::SHARED_WORDS) words or more are refused unless configured otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct SharedRun {
    /// Where the run begins in the cut.
    #[n(0)]
    pub place: Place,
    /// The portion mark of that part of the cut: canonical, in parentheses.
    #[n(1)]
    pub marking: String,
    /// The tearline of the source in which it also occurs, counted from 1 at the top.
    #[n(2)]
    pub tearline: u32,
    /// Where it begins in the source.
    #[n(3)]
    pub source: Place,
    /// The portion mark of that part of the source: canonical, in parentheses.
    #[n(4)]
    pub source_marking: String,
    /// Its length in words.
    #[n(5)]
    pub words: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (line {})", self.part, self.number, self.line)
    }
}

impl fmt::Display for SharedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SharedRun { place, marking, tearline, source, source_marking, words } = self;
        write!(f, "{words} words of {place} of the cut, marked `{marking}`, also occur in tearline {tearline}, ")?;
        write!(f, "{source} of the product, marked `{source_marking}`, which does not release them to this partner")
    }
}
