//! The classification scale.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A classification level, on the one scale to which every system is mapped: U < R < C < S < TS.
///
/// `Restricted` exists in non-US marks only (ISM-ID-00040); a US banner counts it as CONFIDENTIAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// UNCLASSIFIED, `U`.
    #[serde(rename = "U")]
    Unclassified,
    /// RESTRICTED, `R`: foreign and NATO marks only.
    #[serde(rename = "R")]
    Restricted,
    /// CONFIDENTIAL, `C`.
    #[serde(rename = "C")]
    Confidential,
    /// SECRET, `S`.
    #[serde(rename = "S")]
    Secret,
    /// TOP SECRET, `TS`.
    #[serde(rename = "TS")]
    TopSecret,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 5] =
        [Self::Unclassified, Self::Restricted, Self::Confidential, Self::Secret, Self::TopSecret];

    /// The banner word, such as `TOP SECRET`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Unclassified => "UNCLASSIFIED",
            Self::Restricted => "RESTRICTED",
            Self::Confidential => "CONFIDENTIAL",
            Self::Secret => "SECRET",
            Self::TopSecret => "TOP SECRET",
        }
    }

    /// The portion abbreviation, such as `TS`.
    #[must_use]
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::Unclassified => "U",
            Self::Restricted => "R",
            Self::Confidential => "C",
            Self::Secret => "S",
            Self::TopSecret => "TS",
        }
    }

    /// Reads a banner word (`SECRET`), nothing else.
    #[must_use]
    pub fn from_title(text: &str) -> Option<Self> {
        match text {
            "UNCLASSIFIED" => Some(Self::Unclassified),
            "RESTRICTED" => Some(Self::Restricted),
            "CONFIDENTIAL" => Some(Self::Confidential),
            "SECRET" => Some(Self::Secret),
            "TOP SECRET" => Some(Self::TopSecret),
            _ => None,
        }
    }

    /// Reads a portion abbreviation (`S`), nothing else.
    #[must_use]
    pub fn from_abbreviation(text: &str) -> Option<Self> {
        match text {
            "U" => Some(Self::Unclassified),
            "R" => Some(Self::Restricted),
            "C" => Some(Self::Confidential),
            "S" => Some(Self::Secret),
            "TS" => Some(Self::TopSecret),
            _ => None,
        }
    }

    /// The level this counts as in a US banner: foreign RESTRICTED is CONFIDENTIAL there (M16 D.2).
    #[must_use]
    pub const fn in_us_banner(self) -> Self {
        match self {
            Self::Restricted => Self::Confidential,
            other => other,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.abbreviation())
    }
}
