//! Queries on the ledger's facts, answered under the checkpoint that was verified last.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Facts, family};
use crate::digest::Digest;
use crate::ident::{ExchangeId, RequestId};
use crate::time::Time;

/// What the ledger proves under the last verified checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Proved<'f>(&'f Facts);

impl<'f> Proved<'f> {
    /// Answers from `facts`, all of whose entries a verified checkpoint covers.
    pub(super) fn under(facts: &'f Facts) -> Self {
        Self(facts)
    }

    /// Returns the number of entries that the checkpoint covers.
    pub fn size(self) -> u64 {
        self.0.next()
    }

    /// Returns the facts of one family about a subject, by name.
    pub fn facts(self, subject: &str, of: &str) -> BTreeMap<&'f str, &'f str> {
        let Some(about) = self.0.subjects.get(subject) else { return BTreeMap::new() };
        let facts = about.facts.iter().filter(|(name, _)| family(name) == of);
        facts.map(|(name, value)| (&**name, &**value)).collect()
    }

    /// Returns a fact about a subject.
    pub fn fact(self, subject: &str, name: &str) -> Option<&'f str> {
        self.0.subjects.get(subject)?.fact(name)
    }

    /// Returns whether there are facts about a subject.
    pub fn knows(self, subject: &str) -> bool {
        self.0.subjects.contains_key(subject)
    }

    /// Returns the index of the last entry that changed a fact about a subject.
    pub fn changed(self, subject: &str) -> Option<u64> {
        let settled = || self.0.settled.get(&subject.parse().ok()?).map(|settled| settled.changed);
        self.0.subjects.get(subject).map(|about| about.changed).or_else(settled)
    }

    /// Returns [`WHOLE_EXCHANGE`](super::WHOLE_EXCHANGE) of an exchange whose single facts are not kept.
    pub fn settled(self, exchange: &ExchangeId) -> Option<Digest> {
        self.0.settled.get(exchange).map(|settled| settled.whole)
    }

    /// Returns [`WHOLE_REQUEST`](super::WHOLE_REQUEST) of a request whose single facts are not kept.
    pub fn settled_request(self, request: &RequestId) -> Option<Digest> {
        self.0.requests.get(request).copied()
    }

    /// Returns the exchanges whose single facts are not kept, beginning after `after`.
    pub fn settled_after(self, after: Option<ExchangeId>) -> impl Iterator<Item = ExchangeId> + use<'f> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.settled.range((from, Bound::Unbounded)).map(|(id, _)| *id)
    }

    /// Returns the requests whose single facts are not kept, beginning after `after`.
    pub fn requests_after(self, after: Option<RequestId>) -> impl Iterator<Item = RequestId> + use<'f> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.requests.range((from, Bound::Unbounded)).map(|(id, _)| *id)
    }

    /// Returns all exchanges of a request.
    pub fn exchanges_of(self, request: RequestId) -> impl Iterator<Item = ExchangeId> + use<'f> {
        self.0.requested.get(&request).into_iter().flatten().copied()
    }

    /// Returns the indexes of those entries about a subject of which every one is needed, in order.
    pub fn each(self, subject: &str) -> &'f [u64] {
        self.0.each.get(subject).map_or(&[], Vec::as_slice)
    }

    /// Returns the minimum number of entries about an exchange.
    pub fn entries_of(self, exchange: &ExchangeId) -> u64 {
        let about = self.0.subjects.get(&exchange.to_string()).map_or(0, |about| about.entries);
        about + self.0.settled.get(exchange).map_or(0, |settled| settled.entries)
    }

    /// Returns the subjects of a family that is never dropped: partners, officers or settings.
    pub fn subjects(self, of: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.lasting.range((of.to_owned(), String::new())..).take_while(move |s| s.0 == of).map(|s| s.1.as_str())
    }

    /// Returns the outbound exchanges that may still be sent.
    pub fn unfinished(self) -> impl Iterator<Item = &'f str> {
        self.0.subjects.iter().filter(|(_, about)| about.may_leave()).map(|(subject, _)| subject.as_str())
    }

    /// Returns those of one request.
    pub fn unfinished_of(self, request: &str) -> impl Iterator<Item = &'f str> {
        self.0.unfinished.get(request).into_iter().flatten().map(String::as_str)
    }

    /// Returns a counter that increases whenever a fact about a partner, an officer, a setting or an officer's
    /// statement changes.
    pub fn roster(self) -> u64 {
        self.0.roster
    }

    /// Returns the latest time in any entry since an operator last accepted the clock.
    pub fn clock_high(self) -> Time {
        self.0.clock_high
    }
}
