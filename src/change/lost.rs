//! Heads of our own ledger that partners have seen and that are lost, as the text that officers sign.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ident::PartnerId;

/// One head that a partner has seen and that is not in our ledger any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostHead {
    /// Who has seen it.
    pub partner: PartnerId,
    /// How many entries it covers.
    pub entries: u64,
    /// The root of its tree.
    pub root: Digest,
}

/// Every loss that was accepted. A partner that shows one of exactly these heads does not stop the node; any other head
/// that our ledger does not extend does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostHeads {
    lost: BTreeSet<LostHead>,
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
    }
}
