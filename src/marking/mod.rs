//! The vocabulary of levels and links that agreements are written in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Classification level, least to most restrictive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Level {
    /// Unclassified.
    U,
    /// Confidential.
    C,
    /// Secret.
    S,
    /// Top Secret.
    TS,
}

/// Whether a code is a country's or an organisation's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartnerKind {
    /// A country.
    Country,
    /// An organisation.
    Organisation,
}

/// What the link to one partner may carry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkRights {
    /// Trigraph or organisation code.
    pub id: String,
    /// Country or organisation.
    pub kind: PartnerKind,
    /// Highest level.
    pub ceiling: Level,
    /// Conditions met by the link's accreditation record.
    pub accreditations: BTreeSet<String>,
}

impl LinkRights {
    /// The rights of a link to `id`.
    pub fn new(
        id: &str,
        kind: PartnerKind,
        ceiling: Level,
        accreditations: impl IntoIterator<Item = String>,
    ) -> LinkRights {
        LinkRights { id: id.to_owned(), kind, ceiling, accreditations: accreditations.into_iter().collect() }
    }
}
