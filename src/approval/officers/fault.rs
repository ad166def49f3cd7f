//! What can be wrong with a roster of officers, and whom each fault excludes.

use std::collections::BTreeMap;

use crate::approval::{Officer, OfficerState};
use crate::ident::OfficerId;

/// What is wrong with a roster of officers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfficersFault {
    /// Two records with one id.
    #[error("officer `{0}` is on the roster twice: revoke one record")]
    Twice(OfficerId),
    /// Two officers who hold the same key: one person would have two votes.
    #[error("officers `{first}` and `{second}` hold the same key: each key belongs to one officer")]
    SharedKey {
        /// The officer who had it first, by name.
        first: OfficerId,
        /// The other.
        second: OfficerId,
    },
    /// Two officers whose display names read alike, so they may be one person enrolled twice.
    #[error(
        "officers `{first}` and `{second}` have names that read alike: declare that they are two people (distinct-from) or \
         one (same-as)"
    )]
    SharedName {
        /// The officer who had it first, by id.
        first: OfficerId,
        /// The other.
        second: OfficerId,
    },
    /// A declaration about somebody who is not on the roster, or that contradicts another.
    #[error("officer `{officer}` is declared to be {what} `{other}`, which {why}")]
    Declared {
        /// Whose record declares it.
        officer: OfficerId,
        /// `the same as` or `another than`.
        what: &'static str,
        /// About whom.
        other: OfficerId,
        /// Why it cannot be.
        why: &'static str,
    },
    /// A value that is not allowed.
    #[error("officer `{officer}` {problem}")]
    Record {
        /// Whose record.
        officer: OfficerId,
        /// What is wrong and what is expected.
        problem: &'static str,
    },
}

impl OfficersFault {
    /// Whether it is about any of those officers whom `which` picks.
    pub fn concerns(&self, which: impl Fn(&OfficerId) -> bool) -> bool {
        match self {
            OfficersFault::Twice(officer)
            | OfficersFault::Declared { officer, .. }
            | OfficersFault::Record { officer, .. } => which(officer),
            OfficersFault::SharedKey { first, second } | OfficersFault::SharedName { first, second } => {
                which(first) || which(second)
            }
        }
    }

    /// Whose records it excludes.
    pub(in crate::approval) fn excludes<'f>(&'f self, officers: &BTreeMap<OfficerId, Officer>) -> Vec<&'f OfficerId> {
        let revoked = |id| officers.get(id).is_some_and(|officer: &Officer| officer.state == OfficerState::Revoked);
        match self {
            OfficersFault::Twice(officer)
            | OfficersFault::Declared { officer, .. }
            | OfficersFault::Record { officer, .. } => vec![officer],
            OfficersFault::SharedKey { first, second } => vec![first, second],
            // One of them who is revoked signs nothing more; both are one person all the same.
            OfficersFault::SharedName { first, second } if revoked(first) || revoked(second) => Vec::new(),
            OfficersFault::SharedName { first, second } => vec![first, second],
        }
    }
}
