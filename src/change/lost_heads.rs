//! Lost heads of our own ledger, which partners have seen or which were kept beside the store: the text that officers sign
//! to accept the loss.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ident::PartnerId;

/// Where a node keeps the last head of its own ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadPlace {
    /// In a file beside the database.
    Database,
    /// In a file in the spool.
    Spool,
}

impl HeadPlace {
    /// Both.
    pub const ALL: [HeadPlace; 2] = [HeadPlace::Database, HeadPlace::Spool];

    /// Its name, as commands take it.
    pub fn as_str(self) -> &'static str {
        match self {
            HeadPlace::Database => "database",
            HeadPlace::Spool => "spool",
        }
    }
}

impl std::fmt::Display for HeadPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for HeadPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<HeadPlace, String> {
        let place = HeadPlace::ALL.into_iter().find(|place| place.as_str() == text);
        place.ok_or_else(|| "expected `database` or `spool`".to_owned())
    }
}

/// A missing or damaged file of the last head, and the head of the ledger at that time. Accepting it writes the file again,
/// once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingHead {
    /// Where.
    pub place: HeadPlace,
    /// How many entries the ledger has meanwhile.
    pub entries: u64,
    /// The root of its tree.
    pub root: Digest,
}

/// One head that a partner has seen, or that was kept beside the store, and that our ledger no longer extends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostHead {
    /// Who has seen it; the node's own name if it was kept beside the store.
    pub partner: PartnerId,
    /// How many entries it covers.
    pub entries: u64,
    /// The root of its tree.
    pub root: Digest,
}

/// Every accepted loss. A partner that shows one of these heads does not stop the node; any other head that our ledger does
/// not extend does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostHeads {
    lost: BTreeSet<LostHead>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    missing: BTreeSet<MissingHead>,
}

impl LostHeads {
    /// Reads what [`LostHeads::to_toml`] wrote; `None` if it is anything else.
    pub fn parse(text: &str) -> Option<LostHeads> {
        let read: LostHeads = toml::from_str(text).ok()?;
        (read.to_toml() == text).then_some(read)
    }

    /// The text that is signed for.
    pub fn to_toml(&self) -> String {
        // INVARIANT: every field is a plain TOML value.
        toml::to_string_pretty(self).expect("a list of heads is plain data")
    }

    /// These and one more; `None` if that one is among them.
    pub fn with(&self, head: LostHead) -> Option<LostHeads> {
        let mut more = self.clone();
        more.lost.insert(head).then_some(more)
    }

    /// These and a file that is missing; `None` if that one is among them.
    pub fn with_missing(&self, head: MissingHead) -> Option<LostHeads> {
        let mut more = self.clone();
        more.missing.insert(head).then_some(more)
    }

    /// The places whose files are to be made anew by what was accepted after `before`.
    pub fn anew_since(&self, before: &LostHeads) -> BTreeSet<HeadPlace> {
        self.missing.difference(&before.missing).map(|missing| missing.place).collect()
    }

    /// Whether it was accepted that this head is lost.
    pub fn accepts(&self, head: &LostHead) -> bool {
        self.lost.contains(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_exactly_the_head_of_exactly_the_partner_and_reads_back() {
        let head = |partner: &str, entries, root: &[u8]| LostHead {
            partner: partner.parse().unwrap(),
            entries,
            root: Digest::of(root),
        };
        let one = head("exercise-gbr", 9, b"a");
        let lost = LostHeads::default().with(one.clone()).unwrap();
        assert_eq!(LostHeads::parse(&lost.to_toml()), Some(lost.clone()));
        assert!(lost.accepts(&one) && lost.with(one).is_none());
        for other in [head("exercise-aus", 9, b"a"), head("exercise-gbr", 8, b"a"), head("exercise-gbr", 9, b"b")] {
            assert!(!lost.accepts(&other), "{other:?}");
        }
        assert_eq!(LostHeads::parse("lost = [ ]"), None);
        let missing = MissingHead { place: HeadPlace::Spool, entries: 7, root: Digest::of(b"a") };
        let more = lost.with_missing(missing.clone()).unwrap();
        assert_eq!(LostHeads::parse(&more.to_toml()), Some(more.clone()));
        assert_eq!(more.with_missing(missing), None);
        assert_eq!(more.anew_since(&lost), [HeadPlace::Spool].into());
        assert!(more.anew_since(&more).is_empty());
    }
}
