//! What must hold at every step, judged from outside: by what goes over the wire and what is durable at that moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis::digest::Digest;
use portcullis::ident::ExchangeId;
use portcullis::ledger::EntryKind;
use portcullis::store::{Direction, Exchange, ExchangeState, Payload};
use portcullis::time::Time;
use portcullis::wire::{Frame, RefusalCode};

use super::memory::Durable;
use super::template::{ATTEMPTS_MAX, Expect};
use super::world::Sim;

/// How long after a suspension a transfer may still be running.
const CUT_OFF: Duration = Duration::from_secs(2);

/// The states of what was received.
const IN_THE_INBOX: [ExchangeState; 3] = [ExchangeState::Received, ExchangeState::Taken, ExchangeState::Quarantined];

/// What must hold, each a sentence that a run can show to be false.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Property {
    /// One process at a time sends an exchange.
    SentOnce,
    /// What failed as often as it may is parked.
    ParkedInTheEnd,
    /// Each try that failed counts.
    TriesCounted,
    /// What is said or let go is on record before: a key leaves only once it was decided upon again.
    RecordedFirst,
    /// What was ordered to be stopped goes no further.
    StopHolds,
    /// A prefix is gone on with if, and only if, nothing harmed it.
    PrefixHolds,
    /// Nothing goes to a partner that is suspended.
    PartnerInOffice,
    /// Nothing goes that was not released.
    Released,
    /// Nothing goes after its time.
    InTime,
    /// What a receipt was given for is durable.
    ReceiptedIsDurable,
    /// There is one receipt for an exchange.
    OneReceipt,
    /// What waits on a node's record has its payload.
    WaitingIsWhole,
    /// An exchange comes into an inbox once.
    ReceivedOnce,
    /// What was submitted is delivered, or its end is on record.
    NothingLost,
    /// What a sender's record says is what its partner has.
    BothSidesAgree,
    /// What arrives is the tearline that may go, and nothing else.
    ContentHolds,
    /// Ledgers verify, and grow from what others have seen of them.
    LedgerHolds,
    /// What a hostile partner costs is bounded, and what is on record of it is in order.
    HostileBounded,
}

#[derive(Default)]
struct Seen {
    violations: Vec<(Property, String)>,
    /// How often each exchange came into each inbox.
    received: BTreeMap<(usize, ExchangeId), u32>,
    /// What each node has given a receipt for, and the receipt.
    receipted: BTreeMap<(usize, ExchangeId), Vec<u8>>,
    offers: BTreeMap<ExchangeId, usize>,
    begun: BTreeSet<ExchangeId>,
    active: BTreeMap<ExchangeId, BTreeMap<u64, Time>>,
    failures: BTreeMap<ExchangeId, u32>,
    manual_operation: BTreeSet<ExchangeId>,
    crashes: BTreeMap<usize, u32>,
    trace: u64,
    events: u64,
}

/// The observer of one run.
#[derive(Default)]
pub struct Watch(Mutex<Seen>);

/// One attempt, for as long as it lasts.
pub struct Attempt<'a> {
    watch: &'a Watch,
    id: ExchangeId,
    process: u64,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut seen = self.watch.lock();
        if let Some(active) = seen.active.get_mut(&self.id) {
            active.remove(&self.process);
        }
    }
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn violation(&self, property: Property, what: impl Into<String>) {
        let mut seen = self.lock();
        if seen.violations.len() < 20 {
            seen.violations.push((property, what.into()));
        }
    }

    pub fn violations(&self) -> Vec<(Property, String)> {
        self.lock().violations.clone()
    }

    pub fn has_violations(&self) -> bool {
        !self.lock().violations.is_empty()
    }

    /// Adds to the run's trace, by which two runs of one seed are compared.
    pub fn note(&self, now: Time, what: &str) {
        let mut seen = self.lock();
        seen.events += 1;
        let mut hash = seen.trace ^ 0xcbf2_9ce4_8422_2325;
        for byte in now.unix_ms().to_be_bytes().iter().chain(what.as_bytes()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        seen.trace = hash;
    }

    pub fn trace(&self) -> (u64, u64) {
        let seen = self.lock();
        (seen.trace, seen.events)
    }

    pub fn crashed(&self, at: usize) {
        *self.lock().crashes.entry(at).or_default() += 1;
    }

    pub fn crashes(&self) -> u32 {
        self.lock().crashes.values().sum()
    }

    pub fn manual_operation(&self, id: ExchangeId) {
        self.lock().manual_operation.insert(id);
    }

    /// A delivery begins.
    pub fn attempt<'a>(&'a self, sim: &Sim, from: usize, process: u64, id: ExchangeId) -> Attempt<'a> {
        let now = sim.exec.now();
        self.note(now, &format!("attempt {from} {process} {id}"));
        let mut seen = self.lock();
        seen.begun.remove(&id);
        let active = seen.active.entry(id).or_default();
        // A claim that ran out is as good as none, so another process may well begin then.
        let others =
            active.iter().any(|(other, since)| *other != process && now.since(*since) < Duration::from_secs(100));
        active.insert(process, now);
        drop(seen);
        if others {
            self.violation(Property::SentOnce, format!("{id} is being sent by two processes at once"));
        }
        Attempt { watch: self, id, process }
    }

    pub fn failed(&self, from: usize, id: ExchangeId) {
        let mut seen = self.lock();
        let crashes = seen.crashes.get(&from).copied().unwrap_or_default();
        let failures = seen.failures.entry(id).or_default();
        *failures += 1;
        let failures = *failures;
        drop(seen);
        // A failure that a crash kept from being recorded does not count as a try.
        if failures > ATTEMPTS_MAX + crashes + 2 {
            self.violation(Property::ParkedInTheEnd, format!("{id} failed {failures} times and was not parked"));
        }
    }

    /// A frame leaves the sender.
    pub fn sent(&self, sim: &Sim, from: usize, to: usize, id: ExchangeId, frame: &Frame) {
        let now = sim.exec.now();
        match frame {
            Frame::Offer(_) => {
                let offers = {
                    let mut seen = self.lock();
                    let offers = seen.offers.entry(id).or_default();
                    *offers += 1;
                    *offers
                };
                self.note(now, &format!("offer {from} {to} {id}"));
                if sim.recorded(from, id, EntryKind::ExchangeOffered) < offers {
                    self.violation(Property::RecordedFirst, format!("{id} was offered before that was on record"));
                }
                // What left before is offered again to hear what became of it.
                if sim.row(from, &id).is_some_and(|row| row.unanswered.is_none()) {
                    self.may_leave(sim, from, id, now, "is offered");
                    let what = sim.stopped_before(from, &id, EntryKind::ExchangeOffered);
                    if let Some(what) = what.filter(|_| !sim.is_notice(from, &id)) {
                        self.violation(Property::StopHolds, format!("{id} is offered after {what} was on record"));
                    }
                }
            }
            Frame::End(_) => self.key_leaves(sim, from, to, id, now),
            Frame::Data(_) => self.data_leaves(sim, from, to, id, now),
            Frame::Restart(_) if !sim.was_garbled(to, id) && !sim.is_hostile() => {
                self.violation(Property::PrefixHolds, format!("{id}: a prefix that nothing harmed was thrown away"));
            }
            _ => {}
        }
    }

    fn data_leaves(&self, sim: &Sim, from: usize, to: usize, id: ExchangeId, now: Time) {
        let first = self.lock().begun.insert(id);
        self.to_a_partner_in_office(sim, from, to, id, now);
        if first {
            self.note(now, &format!("data {from} {to} {id}"));
        }
    }

    /// What opens the payload leaves: from here on the partner can read it.
    fn key_leaves(&self, sim: &Sim, from: usize, to: usize, id: ExchangeId, now: Time) {
        self.note(now, &format!("key {from} {to} {id}"));
        if sim.is_notice(from, &id) {
            return;
        }
        self.to_a_partner_in_office(sim, from, to, id, now);
        self.may_leave(sim, from, id, now, "leaves");
        // By the ledger, and not by the clock: an order that became durable with the key's own entry may stand behind it.
        if let Some(what) = sim.stopped_before(from, &id, EntryKind::ExchangeSent) {
            self.violation(Property::StopHolds, format!("the key of {id} leaves after {what} was on record"));
        }
        if sim.recorded(from, id, EntryKind::ExchangeSent) == 0 {
            self.violation(Property::RecordedFirst, format!("the key of {id} leaves before that was on record"));
        }
    }

    fn to_a_partner_in_office(&self, sim: &Sim, from: usize, to: usize, id: ExchangeId, now: Time) {
        let suspended = sim.suspended(from, to);
        if suspended.is_some_and(|since| now.since(since) > CUT_OFF) {
            self.violation(
                Property::PartnerInOffice,
                format!("{id} leaves for a partner suspended {:?} ago", suspended.map(|s| now.since(s))),
            );
        }
    }

    /// What must hold at both gates.
    fn may_leave(&self, sim: &Sim, from: usize, id: ExchangeId, now: Time, how: &str) {
        if sim.is_notice(from, &id) {
            return;
        }
        let Some(job) = sim.job(&id) else {
            return self.violation(Property::Released, format!("{id} is nobody's, and {how}"));
        };
        if job.expect == Expect::Stays {
            self.violation(Property::Released, format!("{id} {how} without its approvals"));
        }
        if now >= job.expires {
            self.violation(Property::InTime, format!("{id} {how} after its expiry"));
        }
        if sim.recorded(from, id, EntryKind::ReleaseDecided) == 0 {
            self.violation(Property::Released, format!("{id} {how} without a release on record"));
        }
    }

    /// A frame leaves the receiver.
    pub fn answered(&self, sim: &Sim, at: usize, to: usize, id: ExchangeId, frame: &Frame) {
        let Frame::Receipt(receipt) = frame else { return };
        self.note(sim.exec.now(), &format!("receipt {at} {to} {id}"));
        self.lock().receipted.entry((at, id)).or_insert_with(|| receipt.receipt.clone());
        let record = sim.durable(at);
        self.holds_what_it_receipted(sim, at, &record, id, &receipt.receipt);
        if sim.recorded(at, id, EntryKind::ExchangeReceipted) != 1 {
            self.violation(Property::RecordedFirst, format!("{id}: the receipt is not on record once"));
        }
    }

    /// What a node has given a receipt for is durable: the row, the receipt and the payload.
    fn holds_what_it_receipted(&self, sim: &Sim, at: usize, record: &Durable, id: ExchangeId, receipt: &[u8]) {
        let Some(row) = record.exchange(&id) else {
            return self.violation(Property::ReceiptedIsDurable, format!("{id} is receipted and not durable"));
        };
        if !IN_THE_INBOX.contains(&row.state) || row.direction != Direction::In {
            self.violation(Property::ReceiptedIsDurable, format!("{id} is receipted in state `{}`", row.state));
        }
        if row.receipt.as_deref() != Some(receipt) {
            self.violation(
                Property::OneReceipt,
                format!("{id} is answered with another receipt than the one on record"),
            );
        }
        if !is_whole(row, &sim.sealed(at, record, &id)) {
            self.violation(
                Property::ReceiptedIsDurable,
                format!("{id} is receipted and its payload is not whole in store or spool"),
            );
        }
    }

    /// A node's disks are as a crash or a power cut left them: what it has given receipts for is still there, and the payload
    /// of whatever waits on its record. What is gone from the record may come again.
    pub fn opened(&self, sim: &Sim, at: usize) {
        let record = sim.durable(at);
        let receipted: Vec<(ExchangeId, Vec<u8>)> = {
            let mut seen = self.lock();
            let inbox = |id: &ExchangeId| record.exchange(id).is_some_and(|row| IN_THE_INBOX.contains(&row.state));
            seen.received.retain(|(place, id), _| *place != at || inbox(id));
            let here = seen.receipted.iter().filter(|((place, _), _)| *place == at);
            here.map(|((_, id), receipt)| (*id, receipt.clone())).collect()
        };
        for (id, receipt) in receipted {
            self.holds_what_it_receipted(sim, at, &record, id, &receipt);
        }
        let waits = [ExchangeState::Queued, ExchangeState::Sending, ExchangeState::Received];
        for row in record.exchanges.iter().filter(|row| waits.contains(&row.state)) {
            if !is_whole(row, &sim.sealed(at, &record, &row.id)) {
                self.violation(
                    Property::WaitingIsWhole,
                    format!("{} is on record as `{}` and its payload is gone", row.id, row.state),
                );
            }
        }
    }

    /// The partner's refusal, as the sender hears it.
    pub fn refused(&self, sim: &Sim, id: ExchangeId, code: RefusalCode) {
        self.note(sim.exec.now(), &format!("refused {id} {}", code.number()));
        if code == RefusalCode::DigestMismatch && !sim.is_hostile() {
            self.violation(
                Property::PrefixHolds,
                format!("{id} arrived as other bytes, and nothing altered them on the way"),
            );
        }
    }

    /// A row was written.
    pub fn row(&self, sim: &Sim, at: usize, before: Option<&Exchange>, after: &Exchange) {
        let from = before.map(|row| row.state);
        let again = before.is_some_and(|row| {
            row.state == ExchangeState::Queued
                && after.state == ExchangeState::Queued
                && after.next_attempt > row.next_attempt
                && after.attempts <= row.attempts
        });
        // What failed here, on a full disk for one, is no try: neither the release nor the partner has to do with it.
        let ours = after.reason.as_ref().is_some_and(|why| why.contains("could not be decided or recorded"));
        if again && !ours && !self.lock().manual_operation.contains(&after.id) {
            self.violation(Property::TriesCounted, format!("{}: a try that failed was not counted", after.id));
        }
        if from == Some(after.state) && before.is_some_and(|row| row.attempts == after.attempts) {
            return;
        }
        self.note(sim.exec.now(), &format!("row {at} {} {} {}", after.id, after.state, after.attempts));
        let mut seen = self.lock();
        let mut wrong = None;
        if after.state == ExchangeState::Received && from != Some(ExchangeState::Received) {
            let count = seen.received.entry((at, after.id)).or_default();
            *count += 1;
            if *count > 1 {
                wrong = Some((Property::ReceivedOnce, format!("{} came into the inbox {count} times", after.id)));
            }
        }
        if from == Some(ExchangeState::Received) && after.state == ExchangeState::Quarantined {
            wrong = Some((Property::WaitingIsWhole, format!("{} was received and its payload is gone", after.id)));
        }
        if after.direction == Direction::Out {
            let fewer = before.is_some_and(|row| row.attempts > after.attempts);
            let manual_operation = fewer && seen.manual_operation.remove(&after.id);
            if fewer && !manual_operation {
                wrong = Some((Property::TriesCounted, format!("{}: the count of tries went back", after.id)));
            }
            if manual_operation || after.state != ExchangeState::Queued {
                seen.failures.remove(&after.id);
            }
        }
        drop(seen);
        if let Some((property, wrong)) = wrong {
            self.violation(property, wrong);
        }
    }
}

/// Whether a row has a payload, and these are its bytes.
fn is_whole(row: &Exchange, bytes: &[u8]) -> bool {
    let is_it = |payload: Payload| payload.size == bytes.len() as u64 && payload.digest == Digest::of(bytes);
    row.payload.is_some_and(is_it)
}
