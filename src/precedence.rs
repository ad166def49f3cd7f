//! Precedence, as in military messaging (ACP 121), in officers' statements, agreements and queues. Only the four
//! upper-case words are accepted.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// How urgently an exchange is handled. Ordered from least to most urgent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "UPPERCASE")]
#[cbor(index_only)]
pub enum Precedence {
    /// Handled in order of arrival.
    #[n(0)]
    Routine,
    /// Before ROUTINE.
    #[n(1)]
    Priority,
    /// Before PRIORITY.
    #[n(2)]
    Immediate,
    /// Before all others.
    #[n(3)]
    Flash,
}

impl Precedence {
    /// Every precedence, least urgent first.
    pub const ALL: [Precedence; 4] =
        [Precedence::Routine, Precedence::Priority, Precedence::Immediate, Precedence::Flash];

    /// Returns the word used in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Precedence::Routine => "ROUTINE",
            Precedence::Priority => "PRIORITY",
            Precedence::Immediate => "IMMEDIATE",
            Precedence::Flash => "FLASH",
        }
    }
}

impl fmt::Display for Precedence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not a precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a precedence: `ROUTINE`, `PRIORITY`, `IMMEDIATE` or `FLASH`")]
pub struct NotAPrecedence;

impl FromStr for Precedence {
    type Err = NotAPrecedence;

    fn from_str(text: &str) -> Result<Precedence, NotAPrecedence> {
        Precedence::ALL.into_iter().find(|p| p.as_str() == text).ok_or(NotAPrecedence)
    }
}
