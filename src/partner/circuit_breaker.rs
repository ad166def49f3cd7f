//! The circuit breaker of a partner: after several failures in a row no delivery is attempted for a while. Then one exchange
//! is tried, and its result closes or opens the circuit.

use std::fmt;
use std::time::Duration;

use crate::time::Time;

/// The result of an attempt, as an observation of the partner. A refusal is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// The partner answered with a receipt or a refusal.
    Answered,
    /// The partner did not answer, or reported that it cannot accept anything at present.
    Failed,
}

/// The state of the circuit, which determines how many deliveries may be attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// As many as the limits allow.
    Closed,
    /// One, as a probe.
    HalfOpen,
    /// None before this time.
    Open(Time),
}

/// A partner's circuit breaker. It is stored, so that after a restart not everything is sent at once to a partner that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Consecutive failures.
    pub failures: u32,
    /// How many times it opened since it was last closed.
    pub opened: u32,
    /// When it ceases to be open; the epoch if it was never open.
    pub until: Time,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker { failures: 0, opened: 0, until: Time::EPOCH }
    }
}

impl Breaker {
    /// The number of consecutive failures that opens it.
    pub const FAILURES_MAX: u32 = 5;
    /// How long it stays open at first; doubled each time the probe fails as well.
    pub const WAIT: Duration = Duration::from_secs(5);
    /// The longest it stays open.
    pub const WAIT_MAX: Duration = Duration::from_secs(600);

    /// The state of the circuit at `now`.
    pub fn circuit(&self, now: Time) -> Circuit {
        if self.opened == 0 {
            Circuit::Closed
        } else if self.until <= now || self.until.since(now) > Breaker::WAIT_MAX {
            // Longer than the maximum: the clock was set back in the meantime. One attempt costs little.
            Circuit::HalfOpen
        } else {
            Circuit::Open(self.until)
        }
    }

    /// The breaker after an attempt ended at `now`.
    #[must_use]
    pub fn after(self, now: Time, observed: Observed) -> Breaker {
        match (observed, self.circuit(now)) {
            (Observed::Answered, _) => Breaker::default(),
            // Attempts that were in flight when it opened add no information.
            (Observed::Failed, Circuit::Open(_)) => self,
            (Observed::Failed, Circuit::Closed) if self.failures + 1 < Breaker::FAILURES_MAX => {
                Breaker { failures: self.failures + 1, ..self }
            }
            (Observed::Failed, Circuit::Closed | Circuit::HalfOpen) => {
                let doubled = Breaker::WAIT.saturating_mul(1 << self.opened.min(10));
                Breaker {
                    failures: self.failures.saturating_add(1),
                    opened: self.opened.saturating_add(1),
                    until: now.plus(doubled.min(Breaker::WAIT_MAX)),
                }
            }
        }
    }
}

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Circuit::Closed => f.write_str("closed"),
            Circuit::HalfOpen => f.write_str("half-open"),
            Circuit::Open(_) => f.write_str("open"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn failed(mut breaker: Breaker, times: u32, now: Time) -> Breaker {
        for _ in 0..times {
            breaker = breaker.after(now, Observed::Failed);
        }
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row_and_not_after_failures_between_answers() {
        let mixed = failed(Breaker::default(), 4, NOW).after(NOW, Observed::Answered);
        assert_eq!(failed(mixed, 4, NOW).circuit(NOW), Circuit::Closed);
        assert_eq!(failed(mixed, 5, NOW).circuit(NOW), Circuit::Open(NOW.plus(Breaker::WAIT)));
    }

    #[test]
    fn permits_one_probe_after_the_wait_and_closes_when_it_is_answered() {
        let open = failed(Breaker::default(), 5, NOW);
        let later = NOW.plus(Breaker::WAIT);
        assert_eq!(open.circuit(later), Circuit::HalfOpen);
        assert_eq!(open.after(later, Observed::Answered).circuit(later), Circuit::Closed);
    }

    #[test]
    fn stays_open_twice_as_long_when_the_probe_fails_up_to_the_cap() {
        let mut breaker = failed(Breaker::default(), 5, NOW);
        let second = breaker.until;
        breaker = breaker.after(second, Observed::Failed);
        assert_eq!(breaker.until, second.plus(Breaker::WAIT * 2));
        let mut last = breaker.until;
        for _ in 0..40 {
            last = breaker.until;
            breaker = breaker.after(last, Observed::Failed);
        }
        assert_eq!(breaker.until, last.plus(Breaker::WAIT_MAX));
        let at = breaker.until.minus(Breaker::WAIT_MAX);
        assert_eq!(breaker.circuit(at), Circuit::Open(breaker.until));
    }

    #[test]
    fn late_failures_do_not_prolong_it_and_a_late_receipt_closes_it() {
        let open = failed(Breaker::default(), 5, NOW);
        assert_eq!(failed(open, 20, NOW), open);
        assert_eq!(open.after(NOW, Observed::Answered), Breaker::default());
    }

    #[test]
    fn a_clock_set_back_does_not_keep_it_open_for_days() {
        let open = failed(Breaker::default(), 5, NOW.plus(Duration::from_secs(48 * 3600)));
        assert_eq!(open.circuit(NOW), Circuit::HalfOpen);
    }

    proptest! {
        #[test]
        fn is_never_open_for_longer_than_the_cap(steps in prop::collection::vec((any::<bool>(), 0..2_000_000i64), 0..200)) {
            let (mut breaker, mut now) = (Breaker::default(), NOW);
            for (answered, wait_ms) in steps {
                now = Time::from_unix_ms(now.unix_ms() + wait_ms);
                breaker = breaker.after(now, if answered { Observed::Answered } else { Observed::Failed });
                if let Circuit::Open(until) = breaker.circuit(now) {
                    prop_assert!(!answered && until.since(now) <= Breaker::WAIT_MAX);
                }
            }
        }
    }
}
