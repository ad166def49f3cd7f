//! The first failed sync of this process. After it nothing in the spool may be considered durable, even if no caller
//! saw the error, for example because its writer was dropped.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::SpoolError;

/// The callback to notify.
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
    /// Registers `told`, to be called at the first failed sync, or now if one has failed.
    pub fn tell(&self, told: Told) {
        let mut state = self.lock();
        if let Some(error) = &state.first {
            told(error);
        }
        state.told = Some(told);
    }

    /// Records that a sync of `what` failed.
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

    /// Returns an error if a sync has failed.
    ///
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
