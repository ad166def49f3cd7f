//! What the ledger proves about each row of the store: its entries, read in order up to a signed checkpoint and
//! folded into the latest stamp of every fact. Exact bytes of entries and signed checkpoints come in; [`Proved`]
//! facts go out.
//!
//! No fact is used before the entries hash to the signed root, and only their bytes are read. Facts about finished
//! rows are dropped, so that memory holds what is enrolled and what is pending, however long the ledger is; a fact
//! that was dropped is not proved. `docs/RECORDS.md` lists the facts.

mod image;
mod proved;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use proved::Proved;

use super::checkpoint::SignedCheckpoint;
use super::entry::Entry;
use super::kind::EntryKind;
use super::verify::{LedgerFault, Verifier};
use crate::digest::Digest;
use crate::ident::{ExchangeId, RequestId};
use crate::time::Time;

/// The value of a fact that was removed.
pub const ABSENT: &str = "-";
/// The digest over the names and values of all other facts of an exchange.
pub const WHOLE_EXCHANGE: &str = "exchange.whole";
/// The digest over the names and values of all other facts of a request.
pub const WHOLE_REQUEST: &str = "request.whole";
/// The fact with the digest of a request's signed submission.
const SUBMISSION: &str = "statement.submission";
/// States from which an outbound exchange is never sent again.
const FINAL_EXCHANGE: [&str; 5] = ["delivered", "delivered-after-stop", "refused", "cancelled", "expired"];
/// States from which a request is never approved again.
const FINAL_REQUEST: [&str; 3] = ["refused", "expired", "cancelled"];
/// The families of facts on which trust and policy depend: a changed fact of one increases [`Proved::roster`].
/// Submissions are excepted, as they stop nothing.
const ROSTER: [&str; 4] = ["partner", "officer", "setting", "statement"];
/// The families of enrolled partners and officers and of settings, which are never dropped.
const LASTING: [&str; 3] = ["partner", "officer", "setting"];

/// Kinds of which every entry is needed, not only the latest: revocations, trust lists, checkpoints shown by
/// partners.
const EACH_COUNTS: [EntryKind; 5] = [
    EntryKind::TrustChanged,
    EntryKind::PartnerWitnessed,
    EntryKind::OfficerAdded,
    EntryKind::OfficerChanged,
    EntryKind::OfficerRevoked,
];

/// Follows a ledger and holds the facts about everything that is not finished.
#[derive(Debug)]
pub struct Facts {
    verifier: Verifier,
    /// Number of entries that the last verified checkpoint covers.
    verified: Option<u64>,
    /// Set once the ledger diverged from the one followed; it is never trusted again.
    fault: Option<LedgerFault>,
    subjects: BTreeMap<String, About>,
    /// Exchanges without single facts: inbound ones, and those in a final state. Each takes the same space, whatever
    /// it carried.
    settled: BTreeMap<ExchangeId, Settled>,
    /// The values of [`WHOLE_REQUEST`] of requests whose single facts are not kept.
    requests: BTreeMap<RequestId, Digest>,
    /// All exchanges of each request.
    requested: BTreeMap<RequestId, BTreeSet<ExchangeId>>,
    /// The indices of the entries of a kind in [`EACH_COUNTS`], by subject.
    each: BTreeMap<String, Vec<u64>>,
    /// Subjects of lasting facts, as (family, subject).
    lasting: BTreeSet<(String, String)>,
    /// The outbound exchanges of each request that are not finished.
    unfinished: BTreeMap<String, BTreeSet<String>>,
    /// Interned names of facts.
    names: BTreeSet<Arc<str>>,
    roster: u64,
    clock_high: Time,
}

/// An exchange whose single facts are not kept.
#[derive(Debug, Clone, Copy)]
struct Settled {
    /// The value of [`WHOLE_EXCHANGE`].
    whole: Digest,
    /// Index of the last entry that changed a fact.
    changed: u64,
    /// Number of entries about it.
    entries: u64,
}

/// The facts about one subject.
#[derive(Debug, Default)]
struct About {
    facts: BTreeMap<Arc<str>, Box<str>>,
    /// Index of the last entry that changed a fact.
    changed: u64,
    /// Number of entries about it that are not counted in `settled`.
    entries: u64,
}

impl About {
    fn fact(&self, name: &str) -> Option<&str> {
        self.facts.get(name).map(|value| &**value)
    }

    /// Returns whether this is an outbound exchange that may still be sent, or whose receipt is still to be
    /// requested; the request contains the manifest.
    fn may_leave(&self) -> bool {
        let out = self.fact("exchange.with").is_some_and(|with| with.starts_with("out "));
        let asked = self.fact("exchange.unanswered").is_some();
        out && self.fact("exchange.state").is_some_and(|state| asked || !is_final_exchange(state))
    }

    fn drop_families(&mut self, families: &[&str]) {
        self.facts.retain(|name, _| !families.contains(&family(name)));
    }
}

/// Returns whether an outbound exchange in the state with this name is never sent again.
pub fn is_final_exchange(state: &str) -> bool {
    FINAL_EXCHANGE.contains(&state)
}

/// Returns the family of a fact: the first component of its name.
pub fn family(fact: &str) -> &str {
    fact.split_once('.').map_or(fact, |(family, _)| family)
}

impl Facts {
    /// Returns the facts of an empty ledger.
    pub fn new() -> Facts {
        Facts {
            verifier: Verifier::new(),
            verified: None,
            fault: None,
            subjects: BTreeMap::new(),
            settled: BTreeMap::new(),
            requests: BTreeMap::new(),
            requested: BTreeMap::new(),
            each: BTreeMap::new(),
            lasting: BTreeSet::new(),
            unfinished: BTreeMap::new(),
            names: BTreeSet::new(),
            roster: 0,
            clock_high: Time::EPOCH,
        }
    }

    /// Returns the index of the next entry.
    pub fn next(&self) -> u64 {
        self.verifier.size()
    }

    /// Reads the exact bytes of the next entry. Its facts are proved only after [`Facts::verify_head`] has verified a
    /// checkpoint over it.
    ///
    /// # Errors
    /// [`LedgerFault`] if the bytes are not an entry, or the ledger was rejected before.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), LedgerFault> {
        self.sound()?;
        let index = self.next();
        match self.verifier.entry(bytes) {
            Ok((entry, _)) => {
                self.fold(index, &entry);
                Ok(())
            }
            Err(fault) => Err(self.reject(fault)),
        }
    }

    /// Verifies the entries read so far against a signed checkpoint. A checkpoint over fewer or other entries belongs
    /// to another ledger, which was rolled back or forked: the ledger is then rejected permanently.
    ///
    /// # Errors
    /// [`LedgerFault`] with the difference.
    pub fn verify_head(&mut self, head: &SignedCheckpoint) -> Result<(), LedgerFault> {
        self.sound()?;
        match self.verifier.checkpoint(head) {
            Ok(()) => {
                self.verified = Some(head.size());
                Ok(())
            }
            Err(fault) => Err(self.reject(fault)),
        }
    }

    /// Rejects the ledger permanently: it is not the one that was followed.
    pub fn reject(&mut self, fault: LedgerFault) -> LedgerFault {
        self.fault = Some(fault.clone());
        fault
    }

    /// Returns what is proved; `None` while entries were read that no verified checkpoint covers.
    pub fn proved(&self) -> Option<Proved<'_>> {
        let whole = self.fault.is_none() && self.verified == Some(self.next());
        whole.then(|| Proved::under(self))
    }

    fn sound(&self) -> Result<(), LedgerFault> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    fn fold(&mut self, index: u64, entry: &Entry) {
        let accepted = entry.kind() == EntryKind::SettingChanged
            && entry.subject() == "clock"
            && entry.detail().get("clock").is_some_and(|said| said == "accepted");
        self.clock_high = if accepted { entry.time() } else { self.clock_high.max(entry.time()) };
        let subject = entry.subject();
        if EACH_COUNTS.contains(&entry.kind()) {
            self.each.entry(subject.to_owned()).or_default().push(index);
        }
        let mut stamps = entry.stamps().peekable();
        if stamps.peek().is_none() {
            if let Some(about) = self.subjects.get_mut(subject) {
                about.entries += 1;
            } else if let Some(settled) = subject.parse().ok().and_then(|id| self.settled.get_mut(&id)) {
                settled.entries += 1;
            }
            return;
        }
        let about = self.subjects.entry(subject.to_owned()).or_default();
        about.entries += 1;
        let left = about.may_leave();
        about.changed = index;
        let mut roster = false;
        for (fact, value) in stamps {
            let family = family(fact);
            roster |= ROSTER.contains(&family) && fact != SUBMISSION;
            if value == ABSENT {
                about.facts.remove(fact);
                continue;
            }
            let name = match self.names.get(fact) {
                Some(name) => name.clone(),
                None => {
                    let name: Arc<str> = fact.into();
                    self.names.insert(name.clone());
                    name
                }
            };
            about.facts.insert(name, value.into());
            if fact == "exchange.request"
                && let (Ok(request), Ok(exchange)) = (value.parse(), subject.parse())
            {
                self.requested.entry(request).or_default().insert(exchange);
            }
            if LASTING.contains(&family) {
                self.lasting.insert((family.to_owned(), subject.to_owned()));
            }
        }
        self.roster += u64::from(roster);
        let (leaves, request) = (about.may_leave(), about.fact("exchange.request").map(str::to_owned));
        if let Some(request) = request.filter(|_| left != leaves) {
            self.count(&request, subject, leaves);
        }
        self.forget_finished(subject);
    }

    /// Updates whether an exchange of a request may still be sent.
    fn count(&mut self, request: &str, exchange: &str, leaves: bool) {
        let unfinished = self.unfinished.entry(request.to_owned()).or_default();
        if leaves {
            unfinished.insert(exchange.to_owned());
            return;
        }
        unfinished.remove(exchange);
        if unfinished.is_empty() {
            self.unfinished.remove(request);
            self.settle_request(request);
            self.tidy(request);
        }
    }

    /// Drops the facts of a subject that are finished. A request is needed while one of its exchanges may be sent.
    fn forget_finished(&mut self, subject: &str) {
        let Some(about) = self.subjects.get_mut(subject) else { return };
        let leaves = about.may_leave();
        if let (Ok(id), Some(whole)) = (subject.parse::<ExchangeId>(), about.fact(WHOLE_EXCHANGE)) {
            match whole.parse() {
                Ok(whole) if !leaves => {
                    let before = self.settled.get(&id).map_or(0, |settled| settled.entries);
                    let entries = before + std::mem::take(&mut about.entries);
                    self.settled.insert(id, Settled { whole, changed: about.changed, entries });
                }
                _ => about.entries += self.settled.remove(&id).map_or(0, |settled| settled.entries),
            }
        }
        let open = about.fact("request.state").is_some_and(|state| !FINAL_REQUEST.contains(&state));
        let of_use = about.fact("request.product").is_some() && (open || self.unfinished.contains_key(subject));
        if !leaves {
            about.drop_families(&["exchange", "approval"]);
        }
        if !of_use {
            self.settle_request(subject);
        }
        self.tidy(subject);
    }

    /// Drops the single facts of a finished request. Officers' refusals and recalls are never dropped.
    fn settle_request(&mut self, subject: &str) {
        let Some(about) = self.subjects.get_mut(subject) else { return };
        if let (Ok(id), Some(Ok(whole))) = (subject.parse(), about.fact(WHOLE_REQUEST).map(str::parse)) {
            self.requests.insert(id, whole);
        }
        about.drop_families(&["request"]);
        about.facts.remove(SUBMISSION);
    }

    fn tidy(&mut self, subject: &str) {
        if self.subjects.get(subject).is_some_and(|about| about.facts.is_empty()) {
            self.subjects.remove(subject);
        }
    }
}

impl Default for Facts {
    fn default() -> Facts {
        Facts::new()
    }
}

#[cfg(test)]
mod tests;
