//! The lock that every process holds while it has the database open, and recovery by the first one that opens it.
//!
//! After a failed sync, the kernel may mark pages clean that never reached the disk: reads return them, and the next
//! sync succeeds without them. A commit whose sync failed is undone in the index that processes share, but stays in
//! SQLite's write-ahead log, and whoever opens the database when no other process has it open rebuilds the index from
//! the log, that commit included. So the first process rewrites the log in place with the same bytes, and syncs it,
//! before SQLite reads it. What it finds is then on disk, whatever an earlier sync did. If this is interrupted at any
//! point, the log is unchanged and it can be repeated. Copying the log into the database instead could put pages
//! there that a power failure may still remove from the log.
//!
//! A process that is not the first need not do this: the failed commit is undone in the shared index, and the next
//! commit overwrites it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

use super::permissions::is_private;
use super::{NO_FOLLOW, beside, place, sync_folder};
use crate::config::read_file;
use crate::store::StoreError;

/// Bytes of the log rewritten at a time.
const PIECE: usize = 1 << 20;
/// The byte of the shared-memory file on which every process that has SQLite's log open holds a lock (os_unix.c,
/// UNIX_SHM_DMS).
const IN_USE: u64 = 128;
/// Maximum length in bytes of the recorded reason of a failed sync.
const WHY_MAX: usize = 1024;

/// A lock that marks the database as open in this process. While a process holds one, no other process can consider
/// itself the first.
#[derive(Debug)]
pub(in crate::store::sqlite) struct ProcessLock {
    _held: File,
    /// Why an earlier process failed to sync, if it recorded that and no process had the database open since.
    failed: Option<String>,
}

impl ProcessLock {
    /// Acquires the lock for the database at `path`. If no other process has it open, the log is rewritten and synced
    /// before this returns.
    ///
    /// # Errors
    /// [`StoreError::Place`] if the database, its log or their folder is accessible to others, belongs to another
    /// user or is not a regular file, or if the log cannot be rewritten: then its content is not durable.
    pub(in crate::store::sqlite) fn enter(path: &Path) -> Result<ProcessLock, StoreError> {
        is_private(path)?;
        let turn = turn(path)?;
        let name = beside(path, ".open");
        let held = lock_file(&name)?;
        let failed = match held.try_lock() {
            Ok(()) => {
                let failed = match in_use(path) {
                    // A program that does not use this lock file has it open; its shared index is authoritative.
                    true => None,
                    false => alone(path)?,
                };
                held.unlock().map_err(|e| place(&name, &e))?;
                failed
            }
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(e)) => return Err(place(&name, &e)),
        };
        // No process can intervene, because whoever wants to be the first needs the `turn` lock.
        held.lock_shared().map_err(|e| place(&name, &e))?;
        drop(turn);
        Ok(ProcessLock { _held: held, failed })
    }

    /// Returns why an earlier process failed to sync. Its log was rewritten when this lock was acquired.
    pub(in crate::store::sqlite) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }
}

/// Acquires the lock that serializes processes opening the database at `path`; it is held while the file is open.
pub(in crate::store::sqlite) fn turn(path: &Path) -> Result<File, StoreError> {
    let name = beside(path, "-migrate");
    let turn = lock_file(&name)?;
    turn.lock().map_err(|e| place(&name, &e))?;
    Ok(turn)
}

/// Records for the next process that a sync failed. Best effort: the log is rewritten even without this mark.
pub(in crate::store::sqlite) fn record_sync_failure(path: &Path, why: &str) {
    let name = beside(path, ".unsynced");
    let left =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).custom_flags(NO_FOLLOW).open(&name);
    let left = left.and_then(|mut file| file.write_all(why.as_bytes()).and_then(|()| file.sync_all()));
    if let Err(error) = left.and_then(|()| sync_folder(path)) {
        tracing::warn!(%error, "the note that a sync failed could not be written");
    }
}

/// Removes the mark of a failed sync.
pub(in crate::store::sqlite) fn clear_sync_failure(path: &Path) {
    if let Err(error) = std::fs::remove_file(beside(path, ".unsynced")).and_then(|()| sync_folder(path)) {
        tracing::warn!(%error, "the note that a sync failed could not be removed");
    }
}

/// Performs the recovery of the first process. Returns the recorded reason of a failed sync.
fn alone(path: &Path) -> Result<Option<String>, StoreError> {
    let log = beside(path, "-wal");
    write_again(&log).map_err(|error| match place(&log, &error) {
        StoreError::Place { what, why } => {
            let why =
                format!("its contents could not be made durable, so the store is not opened: {why}; check the disk");
            StoreError::Place { what, why }
        }
        other => other,
    })?;
    let word = match read_file(&beside(path, ".unsynced"), 64 << 10) {
        Ok(word) => word,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(_) => Vec::new(),
    };
    let word = String::from_utf8_lossy(word.get(..WHY_MAX).unwrap_or(&word)).into_owned();
    tracing::warn!(
        failed = word,
        "an earlier sync of the store had failed: its log was written again and is durable now"
    );
    Ok(Some(word))
}

/// Rewrites a log in place with the same bytes and syncs it: its pages become dirty, so the sync writes them.
fn write_again(log: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).custom_flags(NO_FOLLOW).open(log) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        let read = match file.read_at(&mut piece, at) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        file.write_all_at(piece.get(..read).unwrap_or_default(), at)?;
        at += read as u64;
    }
    file.sync_all()?;
    sync_folder(log)
}

/// Returns whether another process has SQLite's shared index open, including programs that do not use this lock file.
fn in_use(path: &Path) -> bool {
    let lock =
        Flock { start: IN_USE, length: 1, pid: None, typ: FlockType::WriteLock, offset_type: FlockOffsetType::Set };
    match File::open(beside(path, "-shm")) {
        Ok(index) => fcntl_getlk(&index, &lock).map_or(true, |held| held.is_some()),
        // If it cannot be determined, the index counts as in use, so that nothing is written while another program
        // uses it.
        Err(e) => e.kind() != ErrorKind::NotFound,
    }
}

fn lock_file(name: &Path) -> Result<File, StoreError> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).custom_flags(NO_FOLLOW).open(name);
    file.map_err(|e| place(name, &e))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;

    fn database() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exercise.db");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        drop(file);
        (folder, path)
    }

    #[test]
    fn the_log_holds_the_same_bytes_when_it_was_written_again() {
        let (_folder, path) = database();
        let log = beside(&path, "-wal");
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 77] {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 31 % 251) as u8).collect();
            std::fs::write(&log, &bytes).unwrap();
            write_again(&log).unwrap();
            assert_eq!(std::fs::read(&log).unwrap(), bytes);
        }
    }

    #[test]
    fn only_the_first_process_reads_the_mark_of_a_failed_sync() {
        let (_folder, path) = database();
        let first = ProcessLock::enter(&path).unwrap();
        record_sync_failure(&path, "EXERCISE");
        assert_eq!(ProcessLock::enter(&path).unwrap().failed(), None);
        drop(first);
        assert_eq!(ProcessLock::enter(&path).unwrap().failed(), Some("EXERCISE"));
        clear_sync_failure(&path);
        assert_eq!(ProcessLock::enter(&path).unwrap().failed(), None);
    }

    #[test]
    fn what_others_can_read_or_replace_is_not_opened() {
        let (folder, path) = database();
        let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let log = beside(&path, "-wal");
        std::fs::write(&log, b"").unwrap();
        set(&log, 0o600);
        for (place, right, wrong) in [(folder.path(), 0o750, 0o770), (&path, 0o600, 0o640), (&log, 0o600, 0o606)] {
            set(place, wrong);
            let refused = ProcessLock::enter(&path).map(|_| ());
            assert!(matches!(&refused, Err(StoreError::Place { why, .. }) if why.contains("chmod")), "{refused:?}");
            set(place, right);
            ProcessLock::enter(&path).unwrap();
        }
        std::fs::remove_file(&log).unwrap();
        std::os::unix::fs::symlink(&path, &log).unwrap();
        let refused = ProcessLock::enter(&path).map(|_| ());
        assert!(matches!(&refused, Err(StoreError::Place { why, .. }) if why.contains("link")), "{refused:?}");
    }
}
