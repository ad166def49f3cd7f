//! Texts folded once for every filter that compares words, within a budget.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::digest::Digest;
use crate::product::readings::Readings;

/// What the texts of one inspection are folded to.
///
/// They are folded in the gateway itself, so there is an end to it: beyond so many bytes of text nothing is folded, which
/// [`FoldCache::is_spent`] says, and whoever looked for words there refuses the cut.
#[derive(Debug)]
pub(in crate::inspect) struct FoldCache {
    known: Mutex<BTreeMap<Digest, Arc<Readings>>>,
    left: AtomicUsize,
    spent: AtomicBool,
}

impl FoldCache {
    /// FoldCache up to so many bytes of text.
    pub fn of(bytes: usize) -> FoldCache {
        FoldCache { known: Mutex::default(), left: AtomicUsize::new(bytes), spent: AtomicBool::new(false) }
    }

    /// Every way to read `text`; nothing stands there once the budget is spent.
    pub fn readings(&self, text: &str) -> Arc<Readings> {
        let digest = Digest::of(text.as_bytes());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&digest) {
            return known.clone();
        }
        let take = |left: usize| left.checked_sub(text.len());
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            self.spent.store(true, Ordering::Relaxed);
            return Arc::default();
        }
        let readings = Arc::new(Readings::of(text));
        known.insert(digest, readings.clone());
        readings
    }

    /// Whether there was a text that was not folded.
    pub fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_folded_once_and_none_beyond_the_budget() {
        let folds = FoldCache::of(30);
        let first = folds.readings("EXERCISE copper finch");
        assert!(Arc::ptr_eq(&first, &folds.readings("EXERCISE copper finch")));
        assert_eq!(*first, Readings::of("EXERCISE copper finch"));
        assert_ne!(*folds.readings("heron"), Readings::default());
        assert!(!folds.is_spent());
        assert_eq!(*folds.readings("a longer text"), Readings::default());
        assert!(folds.is_spent());
        // What was folded before is known still.
        assert!(Arc::ptr_eq(&first, &folds.readings("EXERCISE copper finch")));
    }
}
