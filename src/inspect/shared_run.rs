//! Runs of words that a cut shares with parts that are not released to the partner, as officers are shown and sign for.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::product::PortionKind;

/// More runs than an officer could look at are refused.
pub(super) const RUNS_MAX: usize = 100;

/// Where something stands. It says nothing of what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Place {
    /// What it is.
    #[n(0)]
    pub part: PortionKind,
    /// Which of its kind in its tearline, counted from one.
    #[n(1)]
    pub number: u32,
    /// The line on which it begins, counted from one: of the cut, or of the product as it was submitted.
    #[n(2)]
    pub line: u32,
}

/// A maximal run of at least eight words, folded, that stands in a cut and in a part of its source that is not released to
/// the partner. It is no contradiction, for tearlines are written from their source, and no secret either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct SharedRun {
    /// Where it begins in the cut.
    #[n(0)]
    pub place: Place,
    /// The mark it stands under there: canonical, in parentheses.
    #[n(1)]
    pub marking: String,
    /// The tearline of the source that it stands in too, counted from one at the top.
    #[n(2)]
    pub tearline: u32,
    /// Where it begins there.
    #[n(3)]
    pub source: Place,
    /// The mark it stands under there.
    #[n(4)]
    pub source_marking: String,
    /// How many words it has.
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
