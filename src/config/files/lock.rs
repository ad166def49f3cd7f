//! The file beside a place that something is being written for: it is locked for as long as it is written, so that what a killed
//! process left can be told from what another process writes now.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::folder::folder_of;

/// Where what is for `place` is made.
pub(super) fn beside(place: &Path) -> io::Result<PathBuf> {
    let name = place.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(".new");
    Ok(folder_of(place).join(beside))
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if matches!(e.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::PermissionDenied) => {
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

/// Removes what nobody is making any more and what never got its name.
///
/// # Errors
/// `WouldBlock` if somebody is making it now; any other of the file system.
pub(in crate::config) fn clear_abandoned(path: &Path) -> io::Result<()> {
    // Never through a link, and never waiting for somebody at the other end.
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let lock = match OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path) {
        Ok(lock) => lock,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    match lock.try_lock() {
        // It got its name a moment ago, and somebody makes another here now.
        Ok(()) if !is_at(&lock, path)? => Ok(()),
        Ok(()) => match remove(path) {
            // It took its place a moment ago.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
        // Whoever makes it holds the lock until it has its name.
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::WouldBlock, "another process is writing it at this moment"))
        }
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// A new file at `path`, in the place of what was abandoned there; held for as long as it is written, so that nobody takes
/// it for abandoned.
pub(super) fn locked(path: &Path, mode: u32) -> io::Result<File> {
    loop {
        clear_abandoned(path)?;
        let file = match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
            // Somebody else began in the same moment.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made?,
        };
        file.lock()?;
        // Before it was locked, it may have been taken for abandoned.
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// Whether `path` names this very file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    Ok(path.symlink_metadata().is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
}

/// Waits until whoever writes the file at `path` is done.
pub(super) fn wait_for(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|file| file.lock()) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
