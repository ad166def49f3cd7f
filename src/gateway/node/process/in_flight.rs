//! What this process is sending, and how that is stopped: each attempt holds its own claim on its exchange and a stop
//! signal.
//!
//! Only the attempt itself may change the row of an exchange that is being sent: whoever wants to stop it signals
//! here, or on record, and the attempt records the outcome.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::edge::StopSignal;
use crate::ident::ExchangeId;
use crate::store::{Exchange, ExchangeKind};
use crate::time::Time;

/// Lease of a claim on an exchange if its owner disappears. It is renewed while the attempt lasts.
pub(in crate::gateway) const LEASE: Duration = Duration::from_secs(120);
/// How often the release of an exchange in flight is decided again although the record has not changed: agreements
/// and appointments end by the calendar.
const DECIDE_AGAIN: Duration = Duration::from_secs(10);

/// The attempts of one process, by exchange.
#[derive(Clone, Default)]
pub(in crate::gateway) struct InFlight(Arc<Mutex<BTreeMap<ExchangeId, Arc<Attempt>>>>);

/// One attempt to deliver an exchange.
pub(in crate::gateway) struct Attempt {
    pub exchange: ExchangeId,
    /// The unique name under which it claimed the exchange.
    pub owner: String,
    pub(in crate::gateway) kind: ExchangeKind,
    pub(in crate::gateway) stop: StopSignal,
    state: Mutex<State>,
}

struct State {
    /// Why it is to stop; the first reason is kept.
    why: Option<String>,
    /// A local failure while deciding or recording, which says nothing about whether it may be sent.
    trouble: Option<String>,
    /// The roster generation of the last decision, and when that was.
    decided: (u64, Time),
    /// End of the claim's lease.
    lease: Time,
}

/// A guard that lists an attempt while it lasts.
pub(in crate::gateway) struct Ongoing {
    attempt: Arc<Attempt>,
    live: InFlight,
}

impl Deref for Ongoing {
    type Target = Attempt;

    fn deref(&self) -> &Attempt {
        &self.attempt
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.live.lock().remove(&self.attempt.exchange);
    }
}

impl InFlight {
    /// Begins an attempt at `row`, which `owner` claimed at `now`, decided on the roster of that generation.
    pub fn begin(&self, row: &Exchange, owner: &str, roster: u64, now: Time) -> Ongoing {
        // If the partner may have it already, the attempt waits for the partner's answer.
        let stop = if row.unanswered.is_some() { StopSignal::after_answer() } else { StopSignal::default() };
        let state = Mutex::new(State { why: None, trouble: None, decided: (roster, now), lease: now.plus(LEASE) });
        let attempt = Arc::new(Attempt { exchange: row.id, owner: owner.to_owned(), kind: row.kind, stop, state });
        self.lock().insert(row.id, Arc::clone(&attempt));
        Ongoing { attempt, live: self.clone() }
    }

    /// Whether nothing is being sent.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The current attempt of `owner` at an exchange.
    pub fn attempt(&self, exchange: &ExchangeId, owner: &str) -> Option<Arc<Attempt>> {
        self.lock().get(exchange).filter(|attempt| attempt.owner == owner).cloned()
    }

    /// Every current attempt.
    pub(in crate::gateway) fn all(&self) -> Vec<Arc<Attempt>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ExchangeId, Arc<Attempt>>> {
        // No code panics while it holds the lock; were it poisoned, the map would still be whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// The signal, for what carries the exchange.
    pub fn stop_signal(&self) -> StopSignal {
        self.stop.clone()
    }

    /// Asks it to stop, as far as it still can.
    pub fn request_stop(&self, why: &str) {
        let first = self.lock().why.get_or_insert_with(|| why.to_owned()) == why;
        if first && !self.stop.is_stopped() {
            tracing::warn!(exchange.id = %self.exchange, why, "attempt stopped");
            self.stop.stop();
        }
    }

    /// Why it was to stop, if it was.
    pub fn stop_reason(&self) -> Option<String> {
        self.lock().why.clone()
    }

    /// Ends it for a local failure, without deciding whether it may be sent: it is tried again.
    pub fn abort(&self, why: &str) {
        self.note_local_failure(why);
        if !self.stop.is_stopped() {
            tracing::warn!(exchange.id = %self.exchange, why, "attempt aborted");
            self.stop.stop();
        }
    }

    /// Notes a local failure; the first is kept.
    pub fn note_local_failure(&self, why: &str) {
        self.lock().trouble.get_or_insert_with(|| why.to_owned());
    }

    /// The local failure, if there was one.
    pub fn local_failure(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    /// Whether its last decision predates the roster generation `roster`.
    pub fn is_outdated(&self, roster: u64) -> bool {
        self.lock().decided.0 != roster
    }

    /// Whether its release is to be decided again.
    pub(in crate::gateway) fn is_to_be_decided(&self, roster: u64, now: Time) -> bool {
        let (seen, at) = self.lock().decided;
        seen != roster || at > now || now.since(at) >= DECIDE_AGAIN
    }

    /// Notes a decision on the roster of that generation.
    pub(in crate::gateway) fn decided(&self, roster: u64, now: Time) {
        self.lock().decided = (roster, now);
    }

    /// End of the claim's lease.
    pub(in crate::gateway) fn lease(&self) -> Time {
        self.lock().lease
    }

    /// Notes that the claim was renewed.
    pub(in crate::gateway) fn renewed(&self, until: Time) {
        self.lock().lease = until;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; were it poisoned, what it holds would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Direction, ExchangeState};

    fn row() -> Exchange {
        let id = ExchangeId::new(Time::EPOCH, [1; 10]);
        let partner = "exercise-gbr".parse().expect("a name");
        Exchange::new(id, Direction::Out, partner, ExchangeState::Queued, Time::EPOCH, Time::from_unix_ms(1000))
    }

    #[test]
    fn an_attempt_is_stopped_once_and_for_the_first_reason() {
        let live = InFlight::default();
        let attempt = live.begin(&row(), "exercise-1", 7, Time::EPOCH);
        assert!(attempt.stop_reason().is_none() && !attempt.stop_signal().is_stopped());
        attempt.request_stop("EXERCISE");
        attempt.request_stop("another");
        assert!(attempt.stop_signal().is_stopped());
        assert_eq!(attempt.stop_reason().as_deref(), Some("EXERCISE"));
    }

    #[test]
    fn an_attempt_that_is_broken_off_was_not_ordered_to_stop_and_says_what_failed() {
        let live = InFlight::default();
        let attempt = live.begin(&row(), "exercise-1", 7, Time::EPOCH);
        attempt.abort("disk of the store is full");
        attempt.abort("another");
        assert!(attempt.stop_signal().is_stopped() && attempt.stop_reason().is_none());
        assert_eq!(attempt.local_failure().as_deref(), Some("disk of the store is full"));
        // A stop order still takes effect afterwards.
        attempt.request_stop("EXERCISE");
        assert_eq!(attempt.stop_reason().as_deref(), Some("EXERCISE"));
        let found = live.attempt(&attempt.exchange, "exercise-1");
        assert!(found.is_some() && live.attempt(&attempt.exchange, "exercise-2").is_none());
    }

    #[test]
    fn an_attempt_is_live_for_as_long_as_it_lasts() {
        let live = InFlight::default();
        let attempt = live.begin(&row(), "exercise-1", 7, Time::EPOCH);
        assert_eq!(live.all().len(), 1);
        drop(attempt);
        assert!(live.all().is_empty());
    }

    #[test]
    fn it_is_decided_again_when_the_roster_moved_or_some_time_passed() {
        let live = InFlight::default();
        let attempt = live.begin(&row(), "exercise-1", 7, Time::EPOCH);
        assert!(!attempt.is_to_be_decided(7, Time::EPOCH));
        assert!(attempt.is_to_be_decided(8, Time::EPOCH));
        assert!(attempt.is_to_be_decided(7, Time::EPOCH.plus(DECIDE_AGAIN)));
    }
}
