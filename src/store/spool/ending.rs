//! Writers that were dropped before their last piece was written: whoever opens the file next waits for that moment
//! instead of being told that it is in use.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::SpoolId;

/// How long a last piece is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The files of which a last piece is being written.
#[derive(Clone, Debug, Default)]
pub(super) struct Endings(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    files: Mutex<BTreeSet<SpoolId>>,
    ended: Condvar,
}

/// One such file, until this is dropped.
pub(super) struct Ending {
    endings: Endings,
    id: SpoolId,
}

impl Endings {
    /// A last piece of a file is being written. The lock of the file lets nobody else begin one meanwhile.
    pub fn begin(&self, id: SpoolId) -> Ending {
        self.lock().insert(id);
        Ending { endings: self.clone(), id }
    }

    /// Waits until no last piece of the file is being written, which is as long as the disk takes for one; where that is
    /// too long, the file's lock says that it is in use. Blocks.
    pub fn wait(&self, id: SpoolId) {
        drop(self.0.ended.wait_timeout_while(self.lock(), PATIENCE, |files| files.contains(&id)));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<SpoolId>> {
        // No code panics while it holds the lock; were it poisoned, the set would still be whole.
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.endings.lock().remove(&self.id);
        self.endings.0.ended.notify_all();
    }
}
