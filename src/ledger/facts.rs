//! What the ledger proves of each row: its entries, taken in order up to a signed head and folded into the latest stamp
//! of every fact.
//!
//! Nothing is believed before the entries that were taken hash to the root that was signed, and nothing but their bytes
//! is read. What is finished is forgotten, so that it holds what is enrolled and what waits, however long the ledger is:
//! what it does not know is not proved. `docs/RECORDS.md` lists the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::SignedCheckpoint;
use super::entry::Entry;
use super::kind::EntryKind;
use super::verify::{LedgerFault, Verifier};
use crate::digest::Digest;
use crate::ident::ExchangeId;
use crate::time::Time;

/// The value of a fact that is no longer there.
pub const ABSENT: &str = "-";
/// The fact that stands for all others of an exchange: the digest of their names and values.
pub const WHOLE_EXCHANGE: &str = "exchange.whole";
/// States after which an outbound exchange never leaves again.
const FINAL_EXCHANGE: [&str; 5] = ["delivered", "delivered-after-stop", "refused", "cancelled", "expired"];
/// States after which a request is never approved again.
const FINAL_REQUEST: [&str; 3] = ["refused", "expired", "cancelled"];
/// What trust and policy rest on: a fact of one of these families moves [`Proved::roster`].
const ROSTER: [&str; 4] = ["partner", "officer", "setting", "statement"];
/// The families of what is enrolled or set, which is never forgotten.
const LASTING: [&str; 3] = ["partner", "officer", "setting"];

/// Follows a ledger and holds what it says of everything that is not finished.
#[derive(Debug)]
pub struct Facts {
    verifier: Verifier,
    /// Up to where a signed head vouches for what was taken.
    believed: Option<u64>,
    /// Once the ledger was found to be another than the one followed, it is never believed again.
    fault: Option<LedgerFault>,
    subjects: BTreeMap<String, About>,
    /// Exchanges of which single facts are kept no more, or never were: those that came in, and those that never leave
    /// again. What is kept has one length, whatever they carried.
    settled: BTreeMap<ExchangeId, Settled>,
    /// Subjects by the family of their facts, of those that last.
    lasting: BTreeSet<(String, String)>,
    /// The outbound exchanges of each request that are not finished.
    unfinished: BTreeMap<String, BTreeSet<String>>,
    /// Names of facts, each kept once.
    names: BTreeSet<Arc<str>>,
    roster: u64,
    clock_high: Time,
}

/// What is known of an exchange whose single facts are not kept.
#[derive(Debug, Clone, Copy)]
struct Settled {
    /// The value of [`WHOLE_EXCHANGE`].
    whole: Digest,
    /// The number of the last entry that changed a fact.
    changed: u64,
}

/// What is known of one subject.
#[derive(Debug, Default)]
struct About {
    facts: BTreeMap<Arc<str>, Box<str>>,
    /// The number of the last entry that changed one.
    changed: u64,
}

impl About {
    fn fact(&self, name: &str) -> Option<&str> {
        self.facts.get(name).map(|value| &**value)
    }

    /// Whether this is an outbound exchange that may still leave, or whose partner is still to be asked whether it has it:
    /// that is asked with the manifest.
    fn may_leave(&self) -> bool {
        let out = self.fact("exchange.with").is_some_and(|with| with.starts_with("out "));
        let asked = self.fact("exchange.unanswered").is_some();
        out && self.fact("exchange.state").is_some_and(|state| asked || !is_final_exchange(state))
    }

    fn drop_families(&mut self, families: &[&str]) {
        self.facts.retain(|name, _| !families.contains(&family(name)));
    }
}

/// Whether an outbound exchange in a state of this name never leaves again.
pub fn is_final_exchange(state: &str) -> bool {
    FINAL_EXCHANGE.contains(&state)
}

/// What a fact is about: the first word of its name.
pub fn family(fact: &str) -> &str {
    fact.split_once('.').map_or(fact, |(family, _)| family)
}

impl Facts {
    /// Of a ledger of which nothing was taken yet.
    pub fn new() -> Facts {
        Facts {
            verifier: Verifier::new(),
            believed: None,
            fault: None,
            subjects: BTreeMap::new(),
            settled: BTreeMap::new(),
            lasting: BTreeSet::new(),
            unfinished: BTreeMap::new(),
            names: BTreeSet::new(),
            roster: 0,
            clock_high: Time::EPOCH,
        }
    }

    /// The number of the entry to take next.
    pub fn next(&self) -> u64 {
        self.verifier.size()
    }

    /// Takes the next entry's exact bytes. It counts only once [`Facts::believe`] agrees.
    ///
    /// # Errors
    /// [`LedgerFault`] if it is no entry, or the ledger was found to be another before.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), LedgerFault> {
        self.sound()?;
        let index = self.next();
        match self.verifier.entry(bytes) {
            Ok((entry, _)) => {
                self.fold(index, &entry);
                Ok(())
            }
            Err(fault) => Err(self.refuse(fault)),
        }
    }

    /// Believes what was taken, if it is exactly what this head was signed over. A head of fewer entries than were seen,
    /// or of others, is that of another ledger: it was put back or forked, and nothing of it is ever believed.
    ///
    /// # Errors
    /// [`LedgerFault`] with how it differs.
    pub fn believe(&mut self, head: &SignedCheckpoint) -> Result<(), LedgerFault> {
        self.sound()?;
        match self.verifier.checkpoint(head) {
            Ok(()) => {
                self.believed = Some(head.size());
                Ok(())
            }
            Err(fault) => Err(self.refuse(fault)),
        }
    }

    /// Gives up for good: the ledger is not the one that was followed.
    pub fn refuse(&mut self, fault: LedgerFault) -> LedgerFault {
        self.fault = Some(fault.clone());
        fault
    }

    /// What is proved now; nothing while entries were taken that no head vouches for.
    pub fn proved(&self) -> Option<Proved<'_>> {
        let whole = self.fault.is_none() && self.believed == Some(self.next());
        whole.then_some(Proved(self))
    }

    fn sound(&self) -> Result<(), LedgerFault> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    fn fold(&mut self, index: u64, entry: &Entry) {
        let accepted = entry.kind() == EntryKind::SettingChanged
            && entry.subject() == "clock"
            && entry.detail().get("clock").is_some_and(|said| said == "accepted");
        self.clock_high = if accepted { entry.time() } else { self.clock_high.max(entry.time()) };
        let mut stamps = entry.stamps().peekable();
        if stamps.peek().is_none() {
            return;
        }
        let subject = entry.subject();
        let about = self.subjects.entry(subject.to_owned()).or_default();
        let left = about.may_leave();
        about.changed = index;
        let mut roster = false;
        for (fact, value) in stamps {
            let family = family(fact);
            roster |= ROSTER.contains(&family);
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

    /// Notes that an exchange of a request may leave, or never will again.
    fn count(&mut self, request: &str, exchange: &str, leaves: bool) {
        let unfinished = self.unfinished.entry(request.to_owned()).or_default();
        if leaves {
            unfinished.insert(exchange.to_owned());
            return;
        }
        unfinished.remove(exchange);
        if unfinished.is_empty() {
            self.unfinished.remove(request);
            if let Some(about) = self.subjects.get_mut(request) {
                about.drop_families(&["request", "statement"]);
            }
            self.tidy(request);
        }
    }

    /// Forgets of a subject what is finished. A request is of use while an exchange of it may leave.
    fn forget_finished(&mut self, subject: &str) {
        let Some(about) = self.subjects.get_mut(subject) else { return };
        let leaves = about.may_leave();
        if let (Ok(id), Some(whole)) = (subject.parse::<ExchangeId>(), about.fact(WHOLE_EXCHANGE)) {
            match whole.parse() {
                Ok(whole) if !leaves => drop(self.settled.insert(id, Settled { whole, changed: about.changed })),
                _ => drop(self.settled.remove(&id)),
            }
        }
        let open = about.fact("request.state").is_some_and(|state| !FINAL_REQUEST.contains(&state));
        let of_use = about.fact("request.product").is_some() && (open || self.unfinished.contains_key(subject));
        if !leaves {
            about.drop_families(&["exchange", "approval"]);
        }
        if !of_use {
            about.drop_families(&["request"]);
        }
        if !leaves && !of_use {
            about.drop_families(&["statement"]);
        }
        self.tidy(subject);
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

/// What the ledger proves under the head that was believed last.
#[derive(Clone, Copy, Debug)]
pub struct Proved<'f>(&'f Facts);

impl<'f> Proved<'f> {
    /// How many entries that head covers.
    pub fn size(self) -> u64 {
        self.0.next()
    }

    /// The facts of one family about a subject, by name.
    pub fn facts(self, subject: &str, of: &str) -> BTreeMap<&'f str, &'f str> {
        let Some(about) = self.0.subjects.get(subject) else { return BTreeMap::new() };
        let facts = about.facts.iter().filter(|(name, _)| family(name) == of);
        facts.map(|(name, value)| (&**name, &**value)).collect()
    }

    /// One fact about a subject.
    pub fn fact(self, subject: &str, name: &str) -> Option<&'f str> {
        self.0.subjects.get(subject)?.fact(name)
    }

    /// Whether anything is known of a subject.
    pub fn knows(self, subject: &str) -> bool {
        self.0.subjects.contains_key(subject)
    }

    /// The number of the last entry that changed a fact about a subject.
    pub fn changed(self, subject: &str) -> Option<u64> {
        let settled = || self.0.settled.get(&subject.parse().ok()?).map(|settled| settled.changed);
        self.0.subjects.get(subject).map(|about| about.changed).or_else(settled)
    }

    /// The value of [`WHOLE_EXCHANGE`] of an exchange whose single facts are not kept.
    pub fn settled(self, exchange: &ExchangeId) -> Option<Digest> {
        self.0.settled.get(exchange).map(|settled| settled.whole)
    }

    /// What is enrolled or set: the subjects of a family that lasts.
    pub fn subjects(self, of: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.lasting.range((of.to_owned(), String::new())..).take_while(move |s| s.0 == of).map(|s| s.1.as_str())
    }

    /// The outbound exchanges that may still leave.
    pub fn unfinished(self) -> impl Iterator<Item = &'f str> {
        self.0.subjects.iter().filter(|(_, about)| about.may_leave()).map(|(subject, _)| subject.as_str())
    }

    /// Those of one request.
    pub fn unfinished_of(self, request: &str) -> impl Iterator<Item = &'f str> {
        self.0.unfinished.get(request).into_iter().flatten().map(String::as_str)
    }

    /// A number that moves whenever a fact about a partner, an officer, a setting or an officer's statement does.
    pub fn roster(self) -> u64 {
        self.0.roster
    }

    /// The latest time in any entry since the clock was last accepted.
    pub fn clock_high(self) -> Time {
        self.0.clock_high
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Frontier, LedgerKey, Origin, leaf_hash};
    use super::*;
    use crate::sign::{Algorithm, LocalSigner, Signer as _};

    const NOW: Time = Time::EPOCH;

    fn entry(subject: &str, stamps: &[(&str, &str)]) -> Vec<u8> {
        let mut entry = Entry::new(NOW, EntryKind::ExchangeRequested, subject, "exercise");
        for (name, value) in stamps {
            entry.stamp(name, value).unwrap();
        }
        entry.to_bytes()
    }

    fn signed(entries: &[Vec<u8>]) -> SignedCheckpoint {
        let key = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
        let named = LedgerKey::new(Origin::of_node(&"exercise-usa".parse().unwrap()), key.public().clone()).unwrap();
        let mut frontier = Frontier::empty();
        entries.iter().for_each(|bytes| drop(frontier.append(leaf_hash(bytes))));
        SignedCheckpoint::sign(frontier.size(), frontier.root(), &named, &key).unwrap()
    }

    fn following(entries: &[Vec<u8>]) -> Facts {
        let mut facts = Facts::new();
        entries.iter().for_each(|bytes| facts.take(bytes).unwrap());
        facts.believe(&signed(entries)).unwrap();
        facts
    }

    fn exchange(state: &str) -> Vec<u8> {
        entry("ex-1", &[("exchange.with", "out exercise-gbr"), ("exchange.request", "rq-1"), ("exchange.state", state)])
    }

    fn request() -> Vec<u8> {
        entry("rq-1", &[("request.product", "p"), ("request.state", "open")])
    }

    #[test]
    fn nothing_is_proved_before_a_signed_head_agrees() {
        let entries = [entry("exercise-gbr", &[("partner.state", "active")])];
        let mut facts = Facts::new();
        facts.take(&entries[0]).unwrap();
        assert!(facts.proved().is_none());
        facts.believe(&signed(&entries)).unwrap();
        assert_eq!(facts.proved().unwrap().fact("exercise-gbr", "partner.state"), Some("active"));
        facts.take(&entry("exercise-gbr", &[("partner.state", "suspended")])).unwrap();
        assert!(facts.proved().is_none());
    }

    #[test]
    fn a_head_that_does_not_extend_what_was_seen_is_never_believed() {
        let entries = [request(), exchange("requested")];
        for other in [&entries[..1], &[request(), exchange("queued")][..]] {
            let mut facts = following(&entries);
            assert!(facts.believe(&signed(other)).is_err());
            assert!(facts.believe(&signed(&entries)).is_err(), "once doubted, always doubted");
            assert!(facts.proved().is_none());
        }
    }

    #[test]
    fn the_latest_stamp_of_each_fact_counts_and_one_that_is_gone_is_gone() {
        let facts = following(&[
            entry("exercise-gbr", &[("partner.state", "active"), ("partner.crl", "a")]),
            entry("exercise-gbr", &[("partner.state", "suspended")]),
            entry("exercise-gbr", &[("partner.crl", ABSENT)]),
        ]);
        let proved = facts.proved().unwrap();
        assert_eq!(proved.facts("exercise-gbr", "partner"), BTreeMap::from([("partner.state", "suspended")]));
        assert_eq!((proved.roster(), proved.changed("exercise-gbr")), (3, Some(2)));
        assert_eq!(proved.subjects("partner").collect::<Vec<_>>(), ["exercise-gbr"]);
        assert_eq!(proved.subjects("officer").count(), 0);
    }

    #[test]
    fn what_is_finished_is_forgotten_and_what_waits_is_not() {
        let mut entries = vec![request(), exchange("requested")];
        entries.push(entry("ex-1", &[("approval.exercise-officer-1", "d")]));
        let waiting = following(&entries);
        assert_eq!(waiting.proved().unwrap().unfinished().collect::<Vec<_>>(), ["ex-1"]);
        assert_eq!(waiting.proved().unwrap().unfinished_of("rq-1").count(), 1);
        for state in FINAL_EXCHANGE {
            let mut ended = entries.clone();
            ended.push(entry("ex-1", &[("exchange.state", state)]));
            ended.push(entry("rq-1", &[("request.state", "expired")]));
            let facts = following(&ended);
            assert!(facts.subjects.is_empty() && facts.unfinished.is_empty(), "{state}: {facts:?}");
        }
    }

    #[test]
    fn a_refused_request_is_remembered_while_an_exchange_of_it_may_leave() {
        let refused = [("request.state", "refused"), ("statement.refusal", "d")];
        let facts = following(&[request(), exchange("sending"), entry("rq-1", &refused)]);
        assert_eq!(facts.proved().unwrap().fact("rq-1", "statement.refusal"), Some("d"));
        let alone = following(&[request(), entry("rq-1", &refused)]);
        assert!(!alone.proved().unwrap().knows("rq-1"));
    }

    #[test]
    fn what_comes_in_is_not_held() {
        let facts =
            following(&[entry("ex-2", &[("exchange.with", "in exercise-gbr"), ("exchange.state", "received")])]);
        assert!(!facts.proved().unwrap().knows("ex-2"));
    }

    #[test]
    fn the_latest_time_counts_from_when_the_clock_was_accepted() {
        let at = |hours: u64| NOW.plus(std::time::Duration::from_secs(hours * 3600));
        let start = Entry::new(at(90), EntryKind::NodeStarted, "exercise-usa", "gateway").to_bytes();
        let mut entries = vec![start, Entry::new(at(1), EntryKind::NodeStarted, "exercise-usa", "gateway").to_bytes()];
        assert_eq!(following(&entries).proved().unwrap().clock_high(), at(90));
        let accepted = Entry::new(at(2), EntryKind::SettingChanged, "clock", "operator").with("clock", "accepted");
        entries.push(accepted.to_bytes());
        assert_eq!(following(&entries).proved().unwrap().clock_high(), at(2));
    }

    #[test]
    fn of_what_is_settled_one_digest_is_known_and_where_it_changed_last() {
        let id = ExchangeId::new(NOW, [7; 10]);
        let (subject, whole) = (id.to_string(), |text: &[u8]| Digest::of(text).to_string());
        let said = |with: &str, state: &str, text: &[u8]| {
            let stamps = [("exchange.with", with), ("exchange.state", state), (WHOLE_EXCHANGE, &whole(text))];
            entry(&subject, &stamps)
        };
        // What came in is settled from the beginning, what goes out when it is finished.
        let mut entries = vec![said("in exercise-gbr", "receiving", b"1"), said("in exercise-gbr", "received", b"2")];
        entries.push(entry(&subject, &[("exchange.opened", "then"), (WHOLE_EXCHANGE, &whole(b"3"))]));
        for size in 1..=3 {
            let facts = following(&entries[..size]);
            let proved = facts.proved().unwrap();
            assert_eq!(proved.settled(&id), Some(Digest::of(size.to_string().as_bytes())));
            assert_eq!(proved.changed(&subject), Some(size as u64 - 1));
            assert_eq!(proved.fact(&subject, "exchange.state"), None, "single facts are not kept");
        }
        let entries = [said("out exercise-gbr", "queued", b"1"), said("out exercise-gbr", "delivered", b"2")];
        assert_eq!(following(&entries[..1]).proved().unwrap().settled(&id), None);
        assert_eq!(following(&entries).proved().unwrap().settled(&id), Some(Digest::of(b"2")));
    }
}
