//! Replacing a file in one step: readers see the old bytes or the new ones.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::folder::{folder_of, sync_folder};
use super::lock::{beside, locked, wait_for};

/// Replaces a file in one step, durable before this returns: readers see the old or the new bytes, never a part. Who
/// replaces the same file at the same moment waits.
///
/// # Errors
/// As [`Replacement::finish`].
pub fn replace_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    Replacement::begin(path, mode)?.finish(bytes)
}

/// A turn at replacing a file: nobody else replaces it until this is finished or dropped, so that what is read of it
/// meanwhile is what is replaced.
#[derive(Debug)]
pub struct Replacement {
    file: File,
    beside: PathBuf,
    path: PathBuf,
    named: bool,
}

impl Replacement {
    /// Begins it, once whoever else replaces the file is done.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn begin(path: &Path, mode: u32) -> io::Result<Replacement> {
        loop {
            match Replacement::try_begin(path, mode) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => wait_for(&beside(path)?)?,
                begun => return begun,
            }
        }
    }

    /// The same, for nobody who would wait.
    ///
    /// # Errors
    /// `WouldBlock` if somebody replaces the file now; any other of the file system.
    pub fn try_begin(path: &Path, mode: u32) -> io::Result<Replacement> {
        let beside = beside(path)?;
        let file = locked(&beside, mode)?;
        Ok(Replacement { file, beside, path: path.to_owned(), named: false })
    }

    /// Puts these bytes in the place of what was there, durably.
    ///
    /// # Errors
    /// Any error of the file system; what was there is there still, unless the folder alone could not be made durable.
    pub fn finish(mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.path)?;
        self.named = true;
        sync_folder(folder_of(&self.path))
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.named {
            let _ = fs::remove_file(&self.beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn who_would_not_wait_replaces_nothing_while_another_does() {
        let world = tempfile::tempdir().unwrap();
        let file = world.path().join("file");
        let first = Replacement::begin(&file, 0o600).unwrap();
        assert_eq!(Replacement::try_begin(&file, 0o600).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        first.finish(b"EXERCISE").unwrap();
        Replacement::try_begin(&file, 0o600).unwrap().finish(b"other").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"other");
    }

    #[test]
    fn a_replacement_that_fails_leaves_what_was_there() {
        let world = tempfile::tempdir().unwrap();
        let place = world.path().join("node.pem");
        replace_file(&place, b"EXERCISE", 0o600).unwrap();
        assert_eq!((fs::read(&place).unwrap(), names(world.path())), (b"EXERCISE".to_vec(), vec!["node.pem".into()]));
        // A folder cannot be replaced by a file, and what was written beside it is gone.
        let taken = world.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(replace_file(&taken, b"EXERCISE", 0o600).is_err());
        assert_eq!(names(world.path()), ["node.pem", "taken"]);
    }
}
