//! A cache of what the parsers answered for the same bytes. A decision is repeated from the product as submitted; its files
//! need not be parsed each time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::digest::Digest;
use crate::rebuild::{Fault, Kind, PageImages, Rebuilder, Rebuilt, Task};

type Key = (Task, Kind, Digest);

/// A rebuilder that remembers what passed. What did not is asked again: a fault may be the machine's and not the file's.
pub struct Remembering<R> {
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

impl<R: Rebuilder> Remembering<R> {
    /// Remembers up to `bytes_max` bytes of answers of `inner`, the latest ones.
    pub fn new(inner: R, bytes_max: usize) -> Remembering<R> {
        Remembering { inner, bytes_max, known: Mutex::new(Known::default()) }
    }
}

impl<R: Rebuilder> Rebuilder for Remembering<R> {
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

    // Pictures are asked for when an officer looks, and are larger than what they are of: none is kept.
    fn draw(&self, kind: Kind, bytes: &[u8]) -> Result<PageImages, Fault> {
        blocking(|| self.inner.draw(kind, bytes))
    }
}

/// Runs what waits for a process without keeping other tasks of this thread waiting.
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
        let remembering = Remembering::new(&counts, 10);
        let ask = |kind, bytes: &[u8]| remembering.work(Task::Examine, kind, bytes).is_ok();
        assert!(ask(Kind::Png, b"aaaa") && ask(Kind::Png, b"aaaa"));
        assert_eq!(counts.0.load(Ordering::Relaxed), 1);
        assert!(!ask(Kind::Pdf, b"aaaa") && !ask(Kind::Pdf, b"aaaa"));
        assert_eq!(counts.0.load(Ordering::Relaxed), 3);
        // What no longer fits goes, the oldest first.
        assert!(ask(Kind::Png, b"bbbbbbbb") && ask(Kind::Png, b"bbbbbbbb") && ask(Kind::Png, b"aaaa"));
        assert_eq!(counts.0.load(Ordering::Relaxed), 5);
    }
}
