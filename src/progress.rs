//! How far long work has come, and how it is told to stop.
//!
//! Work that may take long names its step, counts what it has handled, and asks now and then whether to go on. Who watches
//! ([`Meter`]) is a matter of the shell: nobody does where nobody sits at a terminal. It refuses to decide anything, and
//! what is counted here is never put on record.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What is counted in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes read.
    Bytes,
    /// Entries of the ledger.
    Entries,
}

/// Who is shown how far work has come. Every call returns at once.
pub trait Meter: Send + Sync {
    /// A step begins: what it is, what is counted, and how much of that there is, if it is known.
    fn begin(&self, what: &'static str, unit: Unit, total: Option<u64>);
    /// So much more is done.
    fn advance(&self, count: u64);
    /// The step ended, whatever became of it.
    fn end(&self);
}

/// The work was told to stop before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// What long work reports to. Clones report to the same meter and are stopped together; the default one reports to nobody.
#[derive(Clone, Default)]
pub struct Progress(Arc<Shared>);

#[derive(Default)]
struct Shared {
    meter: Option<Box<dyn Meter>>,
    stopped: AtomicBool,
    /// Steps that have begun and not ended.
    steps: AtomicUsize,
}

impl Progress {
    /// Reports to `meter`.
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

    /// Counts what was handled.
    pub fn advance(&self, count: u64) {
        if let Some(meter) = &self.0.meter {
            meter.advance(count);
        }
    }

    /// Tells all work that reports here to stop where it next asks.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
    }

    /// Whether it was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// Whether a step is under way, which undoes what it began when it is told to stop.
    pub fn is_busy(&self) -> bool {
        self.0.steps.load(Ordering::SeqCst) > 0
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`Interrupted`] if the work was told to stop.
    pub fn go_on(&self) -> Result<(), Interrupted> {
        if self.is_stopped() { Err(Interrupted) } else { Ok(()) }
    }

    /// `inner`, of which every byte read is counted, and which fails once the work was told to stop.
    pub fn reading<R>(&self, inner: R) -> Metered<R> {
        Metered { inner, progress: self.clone() }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// A step that is under way; it ends when this is dropped.
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
        self.progress.go_on().map_err(io::Error::other)?;
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
    fn what_was_told_to_stop_reads_no_more_in_any_clone() {
        let progress = Progress::default();
        let mut reader = progress.reading(&b"EXERCISE"[..]);
        progress.clone().stop();
        assert_eq!(reader.read(&mut [0; 4]).unwrap_err().to_string(), "interrupted");
        assert_eq!(progress.go_on(), Err(Interrupted));
    }
}
