//! The partners as they stand at one moment.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Agreement, Fingerprinted};
use crate::ident::PartnerId;

/// Whether anything may flow to or from a partner at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Enrolled and in use.
    Active,
    /// Suspended by our operator: connections are closed and its queue is stopped.
    Suspended,
    /// No longer enrolled, by decision of two officers. Its records stay, and so do its keys.
    Removed,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standing::Active => "active",
            Standing::Suspended => "suspended",
            Standing::Removed => "removed",
        })
    }
}

/// A foreign organisation we have an agreement with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// The name it is enrolled under; the same as its node's.
    pub id: PartnerId,
    /// What its operator told ours, confirmed out of band.
    pub description: Fingerprinted,
    /// What may flow.
    pub agreement: Agreement,
    /// Whether it is in use.
    pub standing: Standing,
}

/// All partners at one moment; a snapshot that a decision can be replayed against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster(BTreeMap<PartnerId, Partner>);

impl Roster {
    /// A roster of these partners; of two with one name the later stands.
    pub fn new(partners: impl IntoIterator<Item = Partner>) -> Roster {
        Roster(partners.into_iter().map(|p| (p.id.clone(), p)).collect())
    }

    /// The partner enrolled under `id`.
    pub fn partner(&self, id: &PartnerId) -> Option<&Partner> {
        self.0.get(id)
    }

    /// Every partner, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Partner> {
        self.0.values()
    }
}
