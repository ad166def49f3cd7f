//! Progress and cancellation of long work.
//!
//! Long work names its step, counts what it has processed, and checks regularly whether it was cancelled. The shell
//! provides the [`Meter`] that shows progress, if there is a terminal. Nothing here affects a decision or is
//! recorded.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The unit that a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes read.
    Bytes,
    /// Entries of the ledger.
    Entries,
}

/// Shows progress. Every call must return at once.
pub trait Meter: Send + Sync {
    /// A step begins: its name, the unit, and the total number of units, if known.
    fn begin(&self, what: &'static str, unit: Unit, total: Option<u64>);
    /// `count` more units are done.
    fn advance(&self, count: u64);
    /// The step ended, with whatever result.
    fn end(&self);
}

/// The work was cancelled before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Reports the progress of long work. Clones report to the same meter and are cancelled together; the default one has
/// no meter.
#[derive(Clone, Default)]
pub struct Progress(Arc<Shared>);

#[derive(Default)]
struct Shared {
    meter: Option<Box<dyn Meter>>,
    stopped: AtomicBool,
    /// Number of steps that have begun and not ended.
    steps: AtomicUsize,
}

impl Progress {
    /// Returns a progress that reports to `meter`.
    pub fn to(meter: impl Meter + 'static) -> Progress {
        Progress(Arc::new(Shared { meter: Some(Box::new(meter)), ..Shared::default() }))
    }

    /// Begins a step, which lasts until the guard is dropped.
    pub fn step(&self, what: &'static str, unit: Unit, total: Option<u64>) -> Step {
        self.0.steps.fetch_add(1, Ordering::SeqCst);
        if let Some(meter) = &self.0.meter {
            meter.begin(what, unit, total);
        }
        Step(self.clone())
    }

    /// Adds to the number of units done.
    pub fn advance(&self, count: u64) {
        if let Some(meter) = &self.0.meter {
            meter.advance(count);
        }
    }

    /// Cancels all work that reports here; it stops at its next check.
    pub fn cancel(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
    }

    /// Returns whether the work was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// Returns whether a step is running, which undoes its effects when it is cancelled.
    pub fn is_busy(&self) -> bool {
        self.0.steps.load(Ordering::SeqCst) > 0
    }

    /// Checks whether the work may continue.
    ///
    /// # Errors
    /// [`Interrupted`] if the work was cancelled.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_cancelled() { Err(Interrupted) } else { Ok(()) }
    }

    /// Wraps a reader: every byte read is counted, and reads fail once the work was cancelled.
    pub fn reading<R>(&self, inner: R) -> Metered<R> {
        Metered { inner, progress: self.clone() }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// A running step; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the step ends when this is dropped"]
pub struct Step(Progress);

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(meter) = &self.0.0.meter {
            meter.end();
        }
        self.0.0.steps.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A stream whose bytes are counted. See [`Progress::reading`].
#[derive(Debug)]
pub struct Metered<R> {
    inner: R,
    progress: Progress,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.progress.check().map_err(io::Error::other)?;
        let read = self.inner.read(into)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Noted(Arc<Mutex<Vec<String>>>);

    impl Meter for Noted {
        fn begin(&self, what: &'static str, unit: Unit, total: Option<u64>) {
            self.0.lock().unwrap().push(format!("{what} {unit:?} {total:?}"));
        }

        fn advance(&self, count: u64) {
            self.0.lock().unwrap().push(count.to_string());
        }

        fn end(&self) {
            self.0.lock().unwrap().push("end".into());
        }
    }

    #[test]
    fn a_step_is_busy_until_it_is_dropped_and_what_is_read_is_counted() {
        let noted = Noted::default();
        let seen = noted.0.clone();
        let progress = Progress::to(noted);
        let step = progress.step("reading", Unit::Bytes, Some(8));
        assert!(progress.is_busy());
        let mut text = String::new();
        progress.reading(&b"EXERCISE"[..]).read_to_string(&mut text).unwrap();
        drop(step);
        assert!(!progress.is_busy() && text == "EXERCISE");
        let seen = seen.lock().unwrap().join(", ");
        assert!(seen.starts_with("reading Bytes Some(8), 8") && seen.ends_with("end"), "{seen}");
    }

    #[test]
    fn a_cancelled_reader_fails_in_every_clone() {
        let progress = Progress::default();
        let mut reader = progress.reading(&b"EXERCISE"[..]);
        progress.clone().cancel();
        assert_eq!(reader.read(&mut [0; 4]).unwrap_err().to_string(), "interrupted");
        assert_eq!(progress.check(), Err(Interrupted));
    }
}
