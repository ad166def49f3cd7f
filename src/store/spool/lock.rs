//! Locks on payload files. A file that is no longer needed may be reused for another payload (`file_pool`), so
//! whoever opened it under its earlier name must detect that before reading or writing a byte.

use std::fs::{self, File, Metadata, TryLockError};
use std::ops::Deref;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use super::SpoolError;

/// The mode of a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hold {
    /// Exclusive: to write the file, or to reuse it for another payload.
    Alone,
    /// Shared with other readers.
    Shared,
}

/// An open file with a lock on it.
// INVARIANT: a file is reused only under an exclusive lock (`Hold::Alone`). So while one of these exists, the file is
// the one of the name under which it was opened, or has no name.
#[derive(Debug)]
pub(super) struct Locked(File);

impl Locked {
    /// Locks `file`, which was opened as `path`. `None` if others have a conflicting lock, or if `path` no longer
    /// names this file.
    pub fn new(file: File, path: &Path, hold: Hold) -> Result<Option<Locked>, SpoolError> {
        let locked = match hold {
            Hold::Alone => file.try_lock(),
            Hold::Shared => file.try_lock_shared(),
        };
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(SpoolError::of_io("a lock", &e)),
        }
        let locked = Locked(file);
        let found = locked.metadata().map_err(|e| SpoolError::of_io("a payload file", &e))?;
        if !found.is_file() {
            return Err(SpoolError::Place {
                why: "expected a payload file, found something else under its name".into(),
            });
        }
        Ok(names(path, &found).then_some(locked))
    }
}

impl Locked {
    /// Changes an exclusive lock into a shared one. Returns false if another process locked the file in between.
    pub fn share(&self) -> bool {
        self.try_lock_shared().is_ok()
    }

    /// Returns whether `path` names this file.
    pub fn is_at(&self, path: &Path) -> bool {
        self.metadata().is_ok_and(|file| names(path, &file))
    }
}

/// Returns whether `path` names this file.
fn names(path: &Path, file: &Metadata) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file does not suffice: a child process that is being started has a copy of the descriptor until
        // it executes its program, and would keep the lock until then.
        let _ = self.0.unlock();
    }
}

/// Prevents other processes from treating a complete file without a row as unneeded. The writer holds it until the
/// row is committed; it ends with the process. For the attachments of a request, the hold on the first covers all.
#[derive(Clone, Debug)]
pub struct FileHold {
    _file: Arc<Locked>,
}

impl FileHold {
    /// Holds the complete file whose lock is `file`.
    pub(super) fn new(file: Arc<Locked>) -> FileHold {
        FileHold { _file: file }
    }
}
