//! The files of a database: their names, permissions and locks, and whether they were replaced.
//!
//! Files that others can read or change, links in their place, and files that replaced the opened ones are refused.

mod permissions;
mod process_lock;
mod open_files;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

pub(super) use open_files::OpenFiles;
pub(super) use permissions::{is_private, takes_writes};
pub(super) use process_lock::{ProcessLock, clear_sync_failure, record_sync_failure, turn};

/// Symbolic links are never followed when a file is written.
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

/// Returns whether there is a non-empty write-ahead log.
pub(super) fn has_log(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Returns the path of the database with this suffix.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Makes the entries of the database's folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Returns the error for a file of the database at `path` that cannot be opened, locked or written.
pub(super) fn place(path: &Path, error: &std::io::Error) -> StoreError {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no store here; create one with `portcullis init`".to_owned(),
        std::io::ErrorKind::AlreadyExists => "there is a store here already; it is never overwritten".to_owned(),
        std::io::ErrorKind::StorageFull => return StoreError::Full,
        std::io::ErrorKind::PermissionDenied => {
            "permission denied; run this command as the user that owns the node's files".to_owned()
        }
        _ => format!("it cannot be opened, locked or written: {error}; check the disk"),
    };
    StoreError::Place { what: last_name(path), why }
}

/// Returns the file name of a path, for errors.
pub(super) fn last_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "store".into(), |name| name.to_string_lossy().into_owned())
}
