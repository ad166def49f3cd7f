//! A cache of parser results, by the digest of the file. A decision is repeated from the product as submitted, and its
//! files need not be parsed again each time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::digest::Digest;
use crate::rebuild::{Fault, Kind, PageImages, Rebuilder, Rebuilt, Task};

type Key = (Task, Kind, Digest);

/// A [`Rebuilder`] that caches successful results. Faults are not cached, because a fault may come from the machine and
/// not from the file.
pub struct CachingRebuilder<R> {
    inner: R,
    bytes_max: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    answers: BTreeMap<Key, Rebuilt>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl<R: Rebuilder> CachingRebuilder<R> {
    /// Creates a cache in front of `inner` that holds up to `bytes_max` bytes of results. The oldest ones are evicted
    /// first.
    pub fn new(inner: R, bytes_max: usize) -> CachingRebuilder<R> {
        CachingRebuilder { inner, bytes_max, known: Mutex::new(Known::default()) }
    }
}

impl<R: Rebuilder> Rebuilder for CachingRebuilder<R> {
    fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        self.work_for("", task, kind, bytes)
    }

    fn work_for(&self, party: &str, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        let key = (task, kind, Digest::of(bytes));
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).answers.get(&key) {
            return Ok(known.clone());
        }
        let rebuilt = blocking(|| self.inner.work_for(party, task, kind, bytes))?;
        let size = rebuilt.bytes.len() + rebuilt.text.len();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if size <= self.bytes_max && known.answers.insert(key, rebuilt.clone()).is_none() {
            known.order.push_back(key);
            known.bytes += size;
            while known.bytes > self.bytes_max {
                let Some(gone) = known.order.pop_front().and_then(|oldest| known.answers.remove(&oldest)) else {
                    break;
                };
                known.bytes -= gone.bytes.len() + gone.text.len();
            }
        }
        Ok(rebuilt)
    }

    // Page images are requested only when an officer looks at a file, and are larger than it: they are not cached.
    fn draw(&self, kind: Kind, bytes: &[u8]) -> Result<PageImages, Fault> {
        blocking(|| self.inner.draw(kind, bytes))
    }
}

/// Runs a blocking call without blocking the other tasks of this runtime thread.
fn blocking<T>(run: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(run),
        _ => run(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Counts(AtomicUsize);

    impl Rebuilder for &Counts {
        fn work(&self, _: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
            self.0.fetch_add(1, Ordering::Relaxed);
            match kind {
                Kind::Png => Ok(Rebuilt { bytes: bytes.to_vec(), text: String::new(), dropped: Vec::new() }),
                _ => Err(Fault::new("png.form", "no image")),
            }
        }
    }

    #[test]
    fn asks_once_about_what_passed_and_again_about_what_did_not() {
        let counts = Counts(AtomicUsize::new(0));
        let remembering = CachingRebuilder::new(&counts, 10);
        let ask = |kind, bytes: &[u8]| remembering.work(Task::Examine, kind, bytes).is_ok();
        assert!(ask(Kind::Png, b"aaaa") && ask(Kind::Png, b"aaaa"));
        assert_eq!(counts.0.load(Ordering::Relaxed), 1);
        assert!(!ask(Kind::Pdf, b"aaaa") && !ask(Kind::Pdf, b"aaaa"));
        assert_eq!(counts.0.load(Ordering::Relaxed), 3);
        // The oldest entry is evicted when a new one does not fit.
        assert!(ask(Kind::Png, b"bbbbbbbb") && ask(Kind::Png, b"bbbbbbbb") && ask(Kind::Png, b"aaaa"));
        assert_eq!(counts.0.load(Ordering::Relaxed), 5);
    }
}
