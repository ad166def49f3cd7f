//! Temporary files next to their target. A temporary file is locked as long as it is being written, so that one that a killed
//! process left behind can be distinguished from one that another process is writing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::folder::folder_of;

/// The temporary path for `target`: `.NAME.new` in the same folder.
pub(super) fn temporary_path(target: &Path) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".new");
    Ok(folder_of(target).join(temporary))
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if matches!(e.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::PermissionDenied) => {
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

/// Removes a temporary file or folder that no process is writing any more.
///
/// # Errors
/// `WouldBlock` if a process is writing it; any other error of the file system.
pub(in crate::config) fn clear_abandoned(path: &Path) -> io::Result<()> {
    // Does not follow a symbolic link, and does not block on a pipe.
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let lock = match OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path) {
        Ok(lock) => lock,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    match lock.try_lock() {
        // It was renamed to its target meanwhile, and another process has created a new one.
        Ok(()) if !is_at(&lock, path)? => Ok(()),
        Ok(()) => match remove(path) {
            // It was renamed to its target meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
        // The process that writes it holds the lock until it is renamed.
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::WouldBlock, "another process is writing it"))
        }
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// Creates and locks a new temporary file at `path`, and removes an abandoned one first. The lock must be held as long as it is
/// being written, so that it does not count as abandoned.
pub(super) fn locked(path: &Path, mode: u32) -> io::Result<File> {
    loop {
        clear_abandoned(path)?;
        let file = match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
            // Another process created it at the same time.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made?,
        };
        file.lock()?;
        // Before it was locked, another process may have removed it as abandoned.
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// Whether `path` is this open file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    Ok(path.symlink_metadata().is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
}

/// Waits until no process is writing the file at `path`.
pub(super) fn wait_for(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|file| file.lock()) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
