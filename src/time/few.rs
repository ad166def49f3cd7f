//! What the log is told of that somebody outside can repeat as often as they like: each reason a few times a minute, and how often
//! besides. They fill nobody's disk with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Time;

/// How often the same is said within [`FOR`].
const IN_FULL: u64 = 5;
const FOR: Duration = Duration::from_secs(60);
/// The most reasons that are counted apart; more are counted together.
const REASONS_MAX: usize = 1024;

/// How often each reason was met lately.
#[derive(Debug, Default)]
pub struct Few(Mutex<BTreeMap<String, Met>>);

#[derive(Clone, Copy, Debug)]
struct Met {
    since: Time,
    times: u64,
}

impl Few {
    /// Whether this reason is to be said now, and then how often it was met before without being said.
    pub fn unsaid(&self, reason: &str, now: Time) -> Option<u64> {
        let mut all = self.lock();
        let known = all.contains_key(reason);
        let reason = if known || all.len() < REASONS_MAX { reason } else { "others" };
        let met = all.entry(reason.to_owned()).or_insert(Met { since: now, times: 0 });
        let mut unsaid = 0;
        // A clock that was set back begins anew as well: it must not be silent until it has caught up.
        if now.since(met.since) >= FOR || now < met.since {
            unsaid = met.times.saturating_sub(IN_FULL);
            *met = Met { since: now, times: 0 };
        }
        met.times += 1;
        (met.times <= IN_FULL).then_some(unsaid)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Met>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    #[test]
    fn a_reason_is_said_a_few_times_a_minute_and_then_how_often_it_was_not() {
        let few = Few::default();
        let said = |now: Time| (0..1000).filter_map(|_| few.unsaid("unknown", now)).collect::<Vec<_>>();
        assert_eq!(said(NOW), [0; IN_FULL as usize]);
        assert!(said(NOW.plus(FOR - Duration::from_millis(1))).is_empty());
        assert_eq!(few.unsaid("revoked", NOW), Some(0), "another reason has its own");
        let later = said(NOW.plus(FOR));
        assert_eq!((later.len() as u64, later[0], later[1]), (IN_FULL, 2000 - IN_FULL, 0));
        assert_eq!(few.unsaid("unknown", NOW), Some(1000 - IN_FULL), "the clock was set back");
    }

    #[test]
    fn what_is_counted_apart_is_bounded() {
        let few = Few::default();
        let said = (0..10 * REASONS_MAX).filter(|n| few.unsaid(&n.to_string(), NOW).is_some()).count();
        assert_eq!((few.lock().len(), said as u64), (REASONS_MAX + 1, REASONS_MAX as u64 + IN_FULL));
    }
}
