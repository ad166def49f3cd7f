//! A cache of recently assembled data: products read from the spool, the cuts made of them, and their inspection
//! verdicts. All of it follows from bytes named by digest, under the rules that a node has for its lifetime, so
//! assembling again gives the same. What decisions rest on besides is always read anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::candidate::InspectedCut;
use crate::digest::Digest;
use crate::inspect::Inspected;
use crate::product::Product;

/// Size of the cache, in bytes of products and of cuts.
const BYTES_MAX: u64 = 8 << 20;
/// Overhead of an entry, in bytes.
const ENTRY_BYTES: u64 = 4 << 10;

/// Key of a cut: the product, the agreement, the rights of the links, and the recorded digest.
pub(in crate::gateway) type CutKey = (Digest, Digest, Digest, Digest);

/// Key of an inspection: the cut, its product, its tearline, and the rights of the link, which say what else is
/// released to the partner.
pub(in crate::gateway) type InspectionKey = (Digest, Digest, usize, Digest);

/// The entries; the least recently used are evicted first.
#[derive(Default)]
pub(in crate::gateway) struct AssemblyCache {
    pub(in crate::gateway) products: Cache<Digest, Product>,
    pub(in crate::gateway) candidates: Cache<CutKey, InspectedCut>,
    /// Verdicts on cuts, so that the same bytes are not inspected again for each decision.
    pub(in crate::gateway) passed: Cache<InspectionKey, Inspected>,
}

/// Values by key, up to [`BYTES_MAX`].
pub(in crate::gateway) struct Cache<K, V>(Mutex<Kept<K, V>>);

struct Kept<K, V> {
    values: BTreeMap<K, (u64, u64, Arc<V>)>,
    bytes: u64,
    asked: u64,
}

impl<K: Ord + Copy, V> Cache<K, V> {
    /// The stored value, which is from now on the most recently used.
    pub(in crate::gateway) fn find(&self, key: &K) -> Option<Arc<V>> {
        let mut kept = self.lock();
        kept.asked += 1;
        let now = kept.asked;
        let (_, asked, value) = kept.values.get_mut(key)?;
        *asked = now;
        Some(value.clone())
    }

    /// Stores a value made of `bytes` bytes, unless it would leave no room for others.
    pub(in crate::gateway) fn keep(&self, key: K, bytes: u64, value: Arc<V>) {
        let cost = bytes.saturating_add(ENTRY_BYTES);
        if cost > BYTES_MAX / 8 {
            return;
        }
        let mut kept = self.lock();
        kept.asked += 1;
        let now = kept.asked;
        if let Some((before, ..)) = kept.values.insert(key, (cost, now, value)) {
            kept.bytes -= before;
        }
        kept.bytes += cost;
        while kept.bytes > BYTES_MAX {
            let oldest = kept.values.iter().min_by_key(|(_, (_, asked, _))| *asked).map(|(key, _)| *key);
            let Some((cost, ..)) = oldest.and_then(|key| kept.values.remove(&key)) else { break };
            kept.bytes -= cost;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept<K, V>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Cache<K, V> {
        Cache(Mutex::new(Kept { values: BTreeMap::new(), bytes: 0, asked: 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evicts_the_least_recently_used_first() {
        let recent: Cache<u64, u64> = Cache::default();
        let many = BYTES_MAX / (1 << 19);
        for n in 0..many {
            recent.keep(n, (1 << 19) - ENTRY_BYTES, Arc::new(n));
        }
        assert_eq!(recent.find(&0).as_deref(), Some(&0));
        recent.keep(many, (1 << 19) - ENTRY_BYTES, Arc::new(many));
        assert_eq!((recent.find(&0).is_some(), recent.find(&1).is_some()), (true, false));
        assert_eq!(recent.find(&many).as_deref(), Some(&many));
    }

    #[test]
    fn a_large_value_is_not_stored_and_a_key_is_counted_once() {
        let recent: Cache<u64, u64> = Cache::default();
        recent.keep(1, BYTES_MAX / 8, Arc::new(1));
        assert_eq!(recent.find(&1), None);
        (0..100).for_each(|_| recent.keep(2, BYTES_MAX / 16, Arc::new(2)));
        assert!(recent.find(&2).is_some());
        assert_eq!(recent.lock().bytes, BYTES_MAX / 16 + ENTRY_BYTES);
    }
}
