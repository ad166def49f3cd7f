//! Lost checkpoints of this node's own ledger, which partners have seen or which were stored next to the database: the TOML text that
//! officers sign to accept the loss of ledger entries.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ident::PartnerId;

/// A place where a node stores the latest checkpoint of its own ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckpointPlace {
    /// A file next to the database.
    Database,
    /// A file in the spool.
    Spool,
}

impl CheckpointPlace {
    /// Both places.
    pub const ALL: [CheckpointPlace; 2] = [CheckpointPlace::Database, CheckpointPlace::Spool];

    /// The name, as used in commands.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckpointPlace::Database => "database",
            CheckpointPlace::Spool => "spool",
        }
    }
}

impl std::fmt::Display for CheckpointPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for CheckpointPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<CheckpointPlace, String> {
        let place = CheckpointPlace::ALL.into_iter().find(|place| place.as_str() == text);
        place.ok_or_else(|| "expected `database` or `spool`".to_owned())
    }
}

/// A missing or damaged checkpoint file, and the checkpoint of the ledger at the time of the proposal. Accepting it writes the file
/// again, once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingCheckpoint {
    /// The place of the file.
    pub place: CheckpointPlace,
    /// The number of entries of the ledger at that time.
    pub entries: u64,
    /// The root hash of its tree (RFC 6962).
    pub root: Digest,
}

/// One checkpoint that a partner has seen, or that was stored next to the database, and that this node's ledger no longer extends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostCheckpoint {
    /// The partner that has seen it; the node's own name if it was stored next to the database.
    pub partner: PartnerId,
    /// The number of entries that it covers.
    pub entries: u64,
    /// The root hash of its tree (RFC 6962).
    pub root: Digest,
}

/// All accepted losses. The node continues if a partner reports one of these checkpoints, and stops if it reports any other that the
/// ledger does not extend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostCheckpoints {
    lost: BTreeSet<LostCheckpoint>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    missing: BTreeSet<MissingCheckpoint>,
}

impl LostCheckpoints {
    /// Parses the text that [`LostCheckpoints::to_toml`] writes; `None` if it is not in that canonical form.
    pub fn parse(text: &str) -> Option<LostCheckpoints> {
        let read: LostCheckpoints = toml::from_str(text).ok()?;
        (read.to_toml() == text).then_some(read)
    }

    /// The canonical TOML text, which is signed.
    pub fn to_toml(&self) -> String {
        // INVARIANT: every field is a plain TOML value.
        toml::to_string_pretty(self).expect("a list of checkpoints is plain data")
    }

    /// Adds a lost checkpoint; `None` if it is already accepted.
    pub fn with(&self, head: LostCheckpoint) -> Option<LostCheckpoints> {
        let mut more = self.clone();
        more.lost.insert(head).then_some(more)
    }

    /// Adds a missing file; `None` if it is already accepted.
    pub fn with_missing(&self, head: MissingCheckpoint) -> Option<LostCheckpoints> {
        let mut more = self.clone();
        more.missing.insert(head).then_some(more)
    }

    /// The places whose files must be written again because of what was accepted since `before`.
    pub fn restored_since(&self, before: &LostCheckpoints) -> BTreeSet<CheckpointPlace> {
        self.missing.difference(&before.missing).map(|missing| missing.place).collect()
    }

    /// Whether the loss of this checkpoint was accepted.
    pub fn accepts(&self, head: &LostCheckpoint) -> bool {
        self.lost.contains(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_that_checkpoint_of_that_partner_and_parses_its_own_text() {
        let head = |partner: &str, entries, root: &[u8]| LostCheckpoint {
            partner: partner.parse().unwrap(),
            entries,
            root: Digest::of(root),
        };
        let one = head("exercise-gbr", 9, b"a");
        let lost = LostCheckpoints::default().with(one.clone()).unwrap();
        assert_eq!(LostCheckpoints::parse(&lost.to_toml()), Some(lost.clone()));
        assert!(lost.accepts(&one) && lost.with(one).is_none());
        for other in [head("exercise-aus", 9, b"a"), head("exercise-gbr", 8, b"a"), head("exercise-gbr", 9, b"b")] {
            assert!(!lost.accepts(&other), "{other:?}");
        }
        assert_eq!(LostCheckpoints::parse("lost = [ ]"), None);
        let missing = MissingCheckpoint { place: CheckpointPlace::Spool, entries: 7, root: Digest::of(b"a") };
        let more = lost.with_missing(missing.clone()).unwrap();
        assert_eq!(LostCheckpoints::parse(&more.to_toml()), Some(more.clone()));
        assert_eq!(more.with_missing(missing), None);
        assert_eq!(more.restored_since(&lost), [CheckpointPlace::Spool].into());
        assert!(more.restored_since(&more).is_empty());
    }
}
