//! An index of who sent what, by fingerprint.

use std::collections::BTreeMap;

use super::fingerprint::Fingerprint;
use crate::ident::{ExchangeId, PartnerId};

/// Senders by plain fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Index(BTreeMap<Fingerprint, BTreeMap<Sender, Seen>>);

/// Who sent something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// The name under which it was enrolled.
    pub partner: PartnerId,
    /// Whether the partner was removed since: whoever has the name now is another partner.
    pub former: bool,
}

impl From<PartnerId> for Sender {
    fn from(partner: PartnerId) -> Sender {
        Sender { partner, former: false }
    }
}

/// Where a partner's fingerprint was first seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub exchange: ExchangeId,
    /// Whether the text had fingerprints of some of its runs only: how long the run is beyond this one is not known.
    pub sampled: bool,
}

impl Index {
    /// Adds that `sender` sent what `fingerprint` is of, first by `exchange`.
    pub fn add(&mut self, print: Fingerprint, sender: Sender, exchange: ExchangeId) {
        let seen = self.0.entry(print.plain()).or_default().entry(sender);
        let sampled = print.is_sampled();
        seen.and_modify(|seen| seen.sampled |= sampled).or_insert(Seen { exchange, sampled });
    }

    /// Who sent it, unless `receiver` did too.
    pub(super) fn senders(&self, print: Fingerprint, receiver: &Sender) -> impl Iterator<Item = (&Sender, Seen)> {
        let senders = self.0.get(&print.plain()).filter(|senders| !senders.contains_key(receiver));
        senders.into_iter().flatten().map(|(sender, seen)| (sender, *seen))
    }
}
