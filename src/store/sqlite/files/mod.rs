//! The files of a database: their names, who may open them, who has them open, and whether they were replaced.
//!
//! It refuses files that others can read or change, links in their place, and files that took the place of those that were
//! opened.

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

/// A link is never followed to what is written here.
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

/// Whether a log was left beside the database that holds anything.
pub(super) fn has_log(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// The file beside the database whose name ends so.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Makes the names in the database's folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The error of a file of the database at `path` that cannot be opened, locked or written.
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

/// The last name of a path, for errors.
pub(super) fn last_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "store".into(), |name| name.to_string_lossy().into_owned())
}
