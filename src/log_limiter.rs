//! Rate limit for log lines that an outside party can cause at will: each event is logged a few times, further ones
//! are only counted. Without it a peer could fill the disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::Time;

/// Maximum number of times that an event is logged in one period.
const LOGGED_MAX: u64 = 5;
/// The length of a period.
const PERIOD: Duration = Duration::from_secs(60);
/// Maximum number of events counted separately; further ones are counted together, under the subject `others`.
const EVENTS_MAX: usize = 1024;

/// Counts events, each by its subject (a partner, a reason) and what happened.
///
/// A period ends after a minute ([`LogLimiter::admit`]), or when the counts are taken ([`LogLimiter::count`],
/// [`LogLimiter::take_suppressed`]). One limiter uses one of the two modes.
#[derive(Debug, Default)]
pub struct LogLimiter(Mutex<BTreeMap<(String, &'static str), Count>>);

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Time,
    times: u64,
}

impl LogLimiter {
    /// Returns whether to log an event at `now`: if so, how many were suppressed since the last one logged.
    pub fn admit(&self, subject: &str, event: &'static str, now: Time) -> Option<u64> {
        let mut counts = self.lock();
        let count = Self::entry(&mut counts, subject, event, now);
        let mut suppressed = 0;
        // A clock that was set back begins a new period too, so that nothing stays suppressed until it has caught up.
        if now.since(count.since) >= PERIOD || now < count.since {
            suppressed = count.times.saturating_sub(LOGGED_MAX);
            *count = Count { since: now, times: 0 };
        }
        count.times += 1;
        (count.times <= LOGGED_MAX).then_some(suppressed)
    }

    /// Returns whether to log an event now, in a period that lasts until [`LogLimiter::take_suppressed`].
    pub fn count(&self, subject: &str, event: &'static str) -> bool {
        let mut counts = self.lock();
        let count = Self::entry(&mut counts, subject, event, Time::EPOCH);
        count.times += 1;
        count.times <= LOGGED_MAX
    }

    /// Returns the events that were suppressed in this period, with the number of times each. A new period begins.
    pub fn take_suppressed(&self) -> Vec<(String, &'static str, u64)> {
        let counts = std::mem::take(&mut *self.lock());
        let more = counts.into_iter().filter(|(_, count)| count.times > LOGGED_MAX);
        more.map(|((subject, event), count)| (subject, event, count.times - LOGGED_MAX)).collect()
    }

    fn entry<'c>(
        counts: &'c mut BTreeMap<(String, &'static str), Count>,
        subject: &str,
        event: &'static str,
        now: Time,
    ) -> &'c mut Count {
        let mut key = (subject.to_owned(), event);
        if counts.len() >= EVENTS_MAX && !counts.contains_key(&key) {
            key.0 = "others".to_owned();
        }
        counts.entry(key).or_insert(Count { since: now, times: 0 })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, &'static str), Count>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    #[test]
    fn logs_an_event_a_few_times_a_minute_and_then_how_many_were_suppressed() {
        let limiter = LogLimiter::default();
        let logged = |now: Time| (0..1000).filter_map(|_| limiter.admit("unknown", "refused", now)).collect::<Vec<_>>();
        assert_eq!(logged(NOW), [0; LOGGED_MAX as usize]);
        assert!(logged(NOW.plus(PERIOD - Duration::from_millis(1))).is_empty());
        assert_eq!(limiter.admit("revoked", "refused", NOW), Some(0), "another subject has its own count");
        let later = logged(NOW.plus(PERIOD));
        assert_eq!((later.len() as u64, later[0], later[1]), (LOGGED_MAX, 2000 - LOGGED_MAX, 0));
        assert_eq!(limiter.admit("unknown", "refused", NOW), Some(1000 - LOGGED_MAX), "the clock was set back");
    }

    #[test]
    fn logs_an_event_a_few_times_until_the_counts_are_taken() {
        let limiter = LogLimiter::default();
        let logged = (0..100_000).filter(|_| limiter.count("exercise-gbr", "no-frame")).count() as u64;
        assert_eq!(logged, LOGGED_MAX);
        assert!(limiter.count("exercise-aus", "no-frame") && limiter.count("exercise-gbr", "no-hello"));
        assert_eq!(limiter.take_suppressed(), [("exercise-gbr".to_owned(), "no-frame", 100_000 - LOGGED_MAX)]);
        assert_eq!(limiter.take_suppressed(), []);
        assert!(limiter.count("exercise-gbr", "no-frame"), "a new period begins when the counts are taken");
    }

    #[test]
    fn counts_a_bounded_number_of_events_apart() {
        let limiter = LogLimiter::default();
        let logged = (0..10 * EVENTS_MAX).filter(|n| limiter.admit(&n.to_string(), "refused", NOW).is_some()).count();
        assert_eq!((limiter.lock().len(), logged as u64), (EVENTS_MAX + 1, EVENTS_MAX as u64 + LOGGED_MAX));
        let others = limiter.take_suppressed();
        assert_eq!(others, [("others".to_owned(), "refused", 9 * EVENTS_MAX as u64 - LOGGED_MAX)]);
    }
}
