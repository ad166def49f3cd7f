//! All partners at one moment.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Agreement, Fingerprinted};
use crate::ident::PartnerId;

/// Whether exchanges with a partner are permitted at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Enrolled; exchanges are permitted.
    Active,
    /// Suspended by this node's operator: its connections are closed and its queue is stopped.
    Suspended,
    /// No longer enrolled, by decision of two officers. Its records are kept, and its keys stay assigned to it.
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

/// A foreign organisation that this node has an agreement with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// The name under which it is enrolled; the same as its node's.
    pub id: PartnerId,
    /// The description that its operator provided, confirmed out of band.
    pub description: Fingerprinted,
    /// The agreement with it.
    pub agreement: Agreement,
    /// Whether exchanges are permitted.
    pub standing: Standing,
}

/// All partners at one moment; a snapshot that a decision can be replayed against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster(BTreeMap<PartnerId, Partner>);

impl Roster {
    /// Creates a roster of these partners; of two with the same name the later is used.
    pub fn new(partners: impl IntoIterator<Item = Partner>) -> Roster {
        Roster(partners.into_iter().map(|p| (p.id.clone(), p)).collect())
    }

    /// The partner enrolled under `id`, if there is one.
    pub fn partner(&self, id: &PartnerId) -> Option<&Partner> {
        self.0.get(id)
    }

    /// Every partner, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Partner> {
        self.0.values()
    }
}
