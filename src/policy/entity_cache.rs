//! A cache of Cedar entities, by the facts that they were made from: the same cut is decided on at every step on its way to
//! the same partner, and most cuts of a day have the same facts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::Entities;
use serde_json::Value;

use super::fault::PolicyFault;

/// How many entries are kept; the least recently used is dropped first.
const ENTRIES_MAX: usize = 32;

/// Entities by the facts about a partner and a cut, under one schema.
///
/// INVARIANT: an entry is used only for facts that are equal in everything. What changes from one question to the next, such
/// as the time, is not among the facts.
#[derive(Default)]
pub(super) struct EntityCache(Mutex<VecDeque<(Facts, Arc<Entities>)>>);

/// Facts about a partner, and about a cut.
pub(super) type Facts = (Value, Value);

impl EntityCache {
    /// The entities of `facts`: from the cache, or made by `make`. A fault is not cached.
    pub fn entities(
        &self,
        facts: Facts,
        make: impl FnOnce(&Facts) -> Result<Entities, PolicyFault>,
    ) -> Result<Arc<Entities>, PolicyFault> {
        // No code panics while it holds the lock; were it poisoned, the queue would still be whole.
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = {
            let mut cache = lock();
            let place = cache.iter().position(|(before, _)| *before == facts);
            place.and_then(|place| cache.remove(place)).map(|asked| {
                let entities = asked.1.clone();
                cache.push_front(asked);
                entities
            })
        };
        if let Some(entities) = before {
            return Ok(entities);
        }
        let entities = Arc::new(make(&facts)?);
        let mut cache = lock();
        cache.push_front((facts, entities.clone()));
        cache.truncate(ENTRIES_MAX);
        Ok(entities)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_facts_are_made_once_and_facts_that_differ_in_anything_are_made_anew() {
        let cache = EntityCache::default();
        let mut made = 0;
        let mut ask = |partner: u64, cut: &str| {
            let make = |_: &Facts| {
                made += 1;
                Ok(Entities::empty())
            };
            cache.entities((json!({ "bytesMax": partner }), json!({ "kind": cut })), make).unwrap();
            made
        };
        assert_eq!([ask(1, "report"), ask(1, "report")], [1, 1]);
        assert_eq!([ask(2, "report"), ask(1, "image"), ask(1, "report")], [2, 3, 3]);
        // What is asked for again and again is kept; what is not is forgotten, and made again.
        for n in 0..2 * ENTRIES_MAX as u64 {
            ask(100 + n, "report");
            ask(1, "report");
        }
        let before = ask(1, "report");
        assert_eq!(ask(2, "report"), before + 1);
    }

    #[test]
    fn a_fault_is_not_remembered() {
        let cache = EntityCache::default();
        let facts = || (json!({}), json!({}));
        assert!(cache.entities(facts(), |_| Err(PolicyFault::Question("EXERCISE".into()))).is_err());
        assert!(cache.entities(facts(), |_| Ok(Entities::empty())).is_ok());
    }
}
