//! Locks on payload files. A file that is no longer needed may become another payload's (`file_pool`), so whoever opened it
//! under its earlier name must find that out before reading or writing a byte.

use std::fs::{self, File, Metadata, TryLockError};
use std::ops::Deref;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use super::SpoolError;

/// Who may have a file at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hold {
    /// Nobody else: to write it, or to make another payload's file of it.
    Alone,
    /// Others that read.
    Shared,
}

/// An open file and the lock on it.
// INVARIANT: a file becomes another payload's only under a lock of its own (`Hold::Alone`), so as long as somebody has
// one of these, the file is the one of the name it was opened under, or of none.
#[derive(Debug)]
pub(super) struct Locked(File);

impl Locked {
    /// Locks `file`, which was opened as `path`. Nothing, if others have it, or if that is its name no longer.
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
    /// Lets others read what was locked to be written. False if somebody got in between, whose it is then.
    pub fn share(&self) -> bool {
        self.try_lock_shared().is_ok()
    }

    /// Whether `path` names this very file.
    pub fn is_at(&self, path: &Path) -> bool {
        self.metadata().is_ok_and(|file| names(path, &file))
    }
}

/// Whether `path` names this very file.
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
        // Closing the file is not enough: a process that is just being started has a copy of it until it runs its own
        // program, and would keep the lock for as long.
        let _ = self.0.unlock();
    }
}

/// Keeps other processes from taking a whole file, of which no row speaks yet, for one that nobody needs. Whoever wrote it
/// has this until its row is on record; it ends with the process. Of the attachments of a request the first holds all.
#[derive(Clone, Debug)]
pub struct FileHold {
    _file: Arc<Locked>,
}

impl FileHold {
    pub(super) fn new(file: Arc<Locked>) -> FileHold {
        FileHold { _file: file }
    }
}
