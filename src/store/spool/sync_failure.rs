//! The first sync that failed in this process. After it nothing of the spool may be counted on as durable, even if the caller
//! never saw the error, as when its writer was dropped.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::SpoolError;

/// Who is told.
type Told = Box<dyn Fn(&SpoolError) + Send>;

/// Whether a sync of this process failed. Clones share it.
#[derive(Clone, Default)]
pub(super) struct SyncFailure(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    first: Option<SpoolError>,
    told: Option<Told>,
}

impl SyncFailure {
    /// Has `told` called at the first sync that fails, or now if one has.
    pub fn tell(&self, told: Told) {
        let mut state = self.lock();
        if let Some(error) = &state.first {
            told(error);
        }
        state.told = Some(told);
    }

    /// A sync of `what` failed, with the system's words.
    pub fn by(&self, what: &str, error: &io::Error) -> SpoolError {
        let error = SpoolError::Broken { what: what.to_owned(), why: error.to_string() };
        let mut state = self.lock();
        if state.first.is_none() {
            if let Some(told) = &state.told {
                told(&error);
            }
            state.first = Some(error.clone());
        }
        error
    }

    /// # Errors
    /// The first [`SpoolError::Broken`] of this process, if there was one.
    pub fn check(&self) -> Result<(), SpoolError> {
        self.lock().first.clone().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; were it poisoned, what it says would still be so.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SyncFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyncFailure({:?})", self.lock().first)
    }
}
