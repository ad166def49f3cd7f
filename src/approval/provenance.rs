//! The provenance of a cut: which parts of it came from a partner. Officers see and sign it.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::ident::{ExchangeId, PartnerId};

/// Content of a cut that came from a partner by one exchange.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ReceivedContent {
    /// The partner it came from.
    #[n(0)]
    pub partner: PartnerId,
    /// The partner's code in the marking register: whose consent is needed to pass it on.
    #[n(1)]
    pub code: String,
    /// The exchange it came by.
    #[n(2)]
    pub exchange: ExchangeId,
    /// Where in the cut most of it is, such as `paragraph 2`; the first place of several.
    #[n(3)]
    pub place: String,
    /// Whether it is a whole paragraph, title or attachment.
    #[n(4)]
    pub whole: bool,
    /// Consecutive words; 0 for a whole attachment.
    #[n(5)]
    pub words: u32,
    /// The number of places in the cut.
    #[n(6)]
    pub places: u32,
}

impl ReceivedContent {
    /// This many consecutive words need a consent.
    pub const LONG_WORDS: u32 = 25;

    /// Whether the partner it came from must consent before it goes to another.
    pub fn needs_consent(&self) -> bool {
        self.whole || self.words >= Self::LONG_WORDS
    }
}

impl fmt::Display for ReceivedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReceivedContent { partner, exchange, place, whole, words, places, .. } = self;
        match (whole, words) {
            (true, 0) => write!(f, "{place} is")?,
            (true, _) => write!(f, "all {words} words of {place} are")?,
            (false, _) => write!(f, "{words} words in a row in {place} are")?,
        }
        write!(f, " what `{partner}` sent by {exchange}")?;
        if *places > 1 { write!(f, ", and so are words at {} other place(s)", places - 1) } else { Ok(()) }
    }
}
