//! Locks on exchanges: one piece of work per exchange at a time in this process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ident::ExchangeId;

/// The exchanges that are locked.
#[derive(Clone, Default)]
pub(in crate::gateway) struct ExchangeLocks(Arc<Mutex<BTreeSet<ExchangeId>>>);

impl ExchangeLocks {
    /// Locks an exchange until the guard is dropped; `None` while it is locked already.
    pub(in crate::gateway) fn take(&self, exchange: ExchangeId) -> Option<ExchangeGuard> {
        let new = self.lock().insert(exchange);
        new.then(|| ExchangeGuard { turns: self.clone(), exchange })
    }

    /// Whether an exchange is locked.
    pub(in crate::gateway) fn is_locked(&self, exchange: ExchangeId) -> bool {
        self.lock().contains(&exchange)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<ExchangeId>> {
        // No code panics while it holds the lock; were it poisoned, the set would still be whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lock on an exchange.
pub(in crate::gateway) struct ExchangeGuard {
    turns: ExchangeLocks,
    exchange: ExchangeId,
}

impl Drop for ExchangeGuard {
    fn drop(&mut self) {
        self.turns.lock().remove(&self.exchange);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    #[test]
    fn an_exchange_has_one_turn_at_a_time_and_another_its_own() {
        let turns = ExchangeLocks::default();
        let [one, other] = [1, 2].map(|n| ExchangeId::new(Time::EPOCH, [n; 10]));
        let first = turns.take(one);
        assert!(first.is_some() && turns.is_locked(one) && turns.clone().take(one).is_none());
        assert!(!turns.is_locked(other) && turns.take(other).is_some());
        drop(first);
        assert!(!turns.is_locked(one) && turns.take(one).is_some());
    }
}
