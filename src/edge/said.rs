//! What the log is told of peers that misbehave: the first few times in full, then a count once a minute. Whoever repeats
//! something a hundred thousand times fills nobody's disk with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often the same is said in full, between two sums.
const IN_FULL: u64 = 5;
/// The most different things that are counted apart; more are counted together.
const KINDS_MAX: usize = 1024;
/// Who is no partner. One name for all of them: addresses are theirs to choose.
pub(super) const STRANGERS: &str = "strangers";

/// How often what was said of whom since the last sum.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<BTreeMap<(String, &'static str), u64>>);

impl Said {
    /// Whether it is to be said in full now. `who` is a partner, or [`STRANGERS`].
    pub(super) fn in_full(&self, who: &str, what: &'static str) -> bool {
        let mut counts = self.lock();
        let known = counts.contains_key(&(who.to_owned(), what));
        let who = if known || counts.len() < KINDS_MAX { who } else { "others" };
        let count = counts.entry((who.to_owned(), what)).or_default();
        *count += 1;
        *count <= IN_FULL
    }

    /// What was not said in full since the last time, each with how often; counting begins anew.
    pub(super) fn sums(&self) -> Vec<(String, &'static str, u64)> {
        let counts = std::mem::take(&mut *self.lock());
        let more = counts.into_iter().filter(|(_, count)| *count > IN_FULL);
        more.map(|((who, what), count)| (who, what, count - IN_FULL)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, &'static str), u64>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_are_said_in_full_and_the_others_counted() {
        let said = Said::default();
        let full = (0..100_000).filter(|_| said.in_full("exercise-gbr", "no-frame")).count() as u64;
        assert_eq!(full, IN_FULL);
        // Another partner, and another thing, have their own.
        assert!(said.in_full("exercise-aus", "no-frame") && said.in_full("exercise-gbr", "no-hello"));
        assert_eq!(said.sums(), [("exercise-gbr".to_owned(), "no-frame", 100_000 - IN_FULL)]);
        assert_eq!(said.sums(), []);
        assert!(said.in_full("exercise-gbr", "no-frame"), "after a sum it is said again");
    }

    #[test]
    fn what_is_counted_apart_is_bounded() {
        let said = Said::default();
        for number in 0..10 * KINDS_MAX {
            said.in_full(&format!("exercise-{number}"), "no-frame");
        }
        assert!(said.lock().len() <= KINDS_MAX + 1);
        let others = said.sums();
        assert_eq!(others, [("others".to_owned(), "no-frame", 9 * KINDS_MAX as u64 - IN_FULL)]);
    }
}
