//! A cache of folded texts, shared by every filter that compares words, with a limit on the total size.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::digest::Digest;
use crate::product::confusable::Readings;

/// The folded texts of one inspection.
///
/// Folding runs in the gateway's own process, so it is limited: once the budget in bytes is used up, no more text is
/// folded and [`FoldCache::is_exhausted`] returns true. A filter that searches for words then refuses the cut.
#[derive(Debug)]
pub(in crate::inspect) struct FoldCache {
    folded: Mutex<BTreeMap<Digest, Arc<Readings>>>,
    left: AtomicUsize,
    exhausted: AtomicBool,
}

impl FoldCache {
    /// Creates a cache that folds at most `bytes` bytes of text.
    pub fn with_budget(bytes: usize) -> FoldCache {
        FoldCache { folded: Mutex::default(), left: AtomicUsize::new(bytes), exhausted: AtomicBool::new(false) }
    }

    /// Returns every reading of `text`; none once the budget is used up.
    pub fn readings(&self, text: &str) -> Arc<Readings> {
        let digest = Digest::of(text.as_bytes());
        let mut folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folded) = folded.get(&digest) {
            return folded.clone();
        }
        let take = |left: usize| left.checked_sub(text.len());
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            self.exhausted.store(true, Ordering::Relaxed);
            return Arc::default();
        }
        let readings = Arc::new(Readings::of(text));
        folded.insert(digest, readings.clone());
        readings
    }

    /// Returns whether any text was not folded because the budget was used up.
    pub fn is_exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_folded_once_and_none_beyond_the_budget() {
        let folds = FoldCache::with_budget(30);
        let first = folds.readings("EXERCISE copper finch");
        assert!(Arc::ptr_eq(&first, &folds.readings("EXERCISE copper finch")));
        assert_eq!(*first, Readings::of("EXERCISE copper finch"));
        assert_ne!(*folds.readings("heron"), Readings::default());
        assert!(!folds.is_exhausted());
        assert_eq!(*folds.readings("a longer text"), Readings::default());
        assert!(folds.is_exhausted());
        // A text folded earlier is still returned from the cache.
        assert!(Arc::ptr_eq(&first, &folds.readings("EXERCISE copper finch")));
    }
}
