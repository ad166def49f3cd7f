//! Files of writers that were dropped while their last piece was being written. The next caller that opens such a
//! file waits for that write instead of being refused because the file is in use.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::SpoolId;

/// Maximum time to wait for a last piece.
const PATIENCE: Duration = Duration::from_secs(10);

/// The files of which a last piece is being written.
#[derive(Clone, Debug, Default)]
pub(super) struct ClosingFiles(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    files: Mutex<BTreeSet<SpoolId>>,
    ended: Condvar,
}

/// Marks one such file until it is dropped.
pub(super) struct Closing {
    owner: ClosingFiles,
    id: SpoolId,
}

impl ClosingFiles {
    /// Marks a file whose last piece is being written. Its lock prevents others from starting to write meanwhile.
    pub fn begin(&self, id: SpoolId) -> Closing {
        self.lock().insert(id);
        Closing { owner: self.clone(), id }
    }

    /// Waits until no last piece of the file is being written, at most 10 s; after that the file's lock reports that
    /// it is in use. Blocks.
    pub fn wait(&self, id: SpoolId) {
        drop(self.0.ended.wait_timeout_while(self.lock(), PATIENCE, |files| files.contains(&id)));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<SpoolId>> {
        // No code panics while it holds the lock; were it poisoned, the set would still be whole.
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.owner.lock().remove(&self.id);
        self.owner.0.ended.notify_all();
    }
}
