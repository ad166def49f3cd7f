//! An index of who sent what, by fingerprint.

use std::collections::BTreeMap;

use super::fingerprint::Fingerprint;
use crate::ident::{ExchangeId, PartnerId};

/// The senders of each plain fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Index(BTreeMap<Fingerprint, BTreeMap<Sender, Seen>>);

/// The sender of a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// The name under which the partner was enrolled.
    pub partner: PartnerId,
    /// Whether the partner was removed since. A partner that has the name now is a different one.
    pub former: bool,
}

impl From<PartnerId> for Sender {
    fn from(partner: PartnerId) -> Sender {
        Sender { partner, former: false }
    }
}

/// The first exchange in which a sender sent a text with this fingerprint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub exchange: ExchangeId,
    /// Whether only some runs of the text have fingerprints. The length of a matching run is then not exact.
    pub sampled: bool,
}

impl Index {
    /// Adds that `sender` sent a text with this fingerprint, first in `exchange`.
    pub fn add(&mut self, print: Fingerprint, sender: Sender, exchange: ExchangeId) {
        let seen = self.0.entry(print.plain()).or_default().entry(sender);
        let sampled = print.is_sampled();
        seen.and_modify(|seen| seen.sampled |= sampled).or_insert(Seen { exchange, sampled });
    }

    /// Returns the senders of a fingerprint; none if `receiver` is one of them.
    pub(super) fn senders(&self, print: Fingerprint, receiver: &Sender) -> impl Iterator<Item = (&Sender, Seen)> {
        let senders = self.0.get(&print.plain()).filter(|senders| !senders.contains_key(receiver));
        senders.into_iter().flatten().map(|(sender, seen)| (sender, *seen))
    }
}
