//! What of a cut came from a partner, as officers are shown it and sign it.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::ident::{ExchangeId, PartnerId};

/// What stands in a cut and came from a partner by one exchange.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Received {
    /// From whom.
    #[n(0)]
    pub partner: PartnerId,
    /// That partner's code in the marking register: whose consent it takes to pass it on.
    #[n(1)]
    pub code: String,
    /// By which exchange.
    #[n(2)]
    pub exchange: ExchangeId,
    /// Where in the cut, such as `paragraph 2`: the first place with as much of it as any.
    #[n(3)]
    pub place: String,
    /// Whether all of a paragraph, title or attachment came that way.
    #[n(4)]
    pub whole: bool,
    /// How many words in a row; of an attachment that came whole, 0.
    #[n(5)]
    pub words: u32,
    /// At how many places.
    #[n(6)]
    pub places: u32,
}

impl Received {
    /// From so many words in a row on it takes a consent.
    pub const LONG_WORDS: u32 = 25;

    /// Whether the partner it came from must consent before it goes to another.
    pub fn needs_consent(&self) -> bool {
        self.whole || self.words >= Self::LONG_WORDS
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Received { partner, exchange, place, whole, words, places, .. } = self;
        match (whole, words) {
            (true, 0) => write!(f, "{place} is")?,
            (true, _) => write!(f, "all {words} words of {place} are")?,
            (false, _) => write!(f, "{words} words in a row in {place} are")?,
        }
        write!(f, " what `{partner}` sent by {exchange}")?;
        if *places > 1 { write!(f, ", and so are words at {} other place(s)", places - 1) } else { Ok(()) }
    }
}
