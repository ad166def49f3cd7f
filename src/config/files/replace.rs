//! Atomic replacement of a file: readers see the old bytes or the new ones.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::folder::{folder_of, sync_folder};
use super::lock::{locked, temporary_path, wait_for};

/// Replaces a file atomically; it is durable when this returns. Readers see the old or the new bytes, never a part. Waits for
/// another process that is replacing the same file. `mode` is the permission bits.
///
/// # Errors
/// As for [`Replacement::finish`].
pub fn replace_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    Replacement::begin(path, mode)?.finish(bytes)
}

/// The exclusive right to replace a file, until it is finished or dropped. What is read of the file meanwhile is what will be
/// replaced.
#[derive(Debug)]
pub struct Replacement {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    renamed: bool,
}

impl Replacement {
    /// Begins a replacement; waits while another process is replacing the file.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn begin(path: &Path, mode: u32) -> io::Result<Replacement> {
        loop {
            match Replacement::try_begin(path, mode) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => wait_for(&temporary_path(path)?)?,
                begun => return begun,
            }
        }
    }

    /// Begins a replacement without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if another process is replacing the file; any other error of the file system.
    pub fn try_begin(path: &Path, mode: u32) -> io::Result<Replacement> {
        let temporary = temporary_path(path)?;
        let file = locked(&temporary, mode)?;
        Ok(Replacement { file, temporary, path: path.to_owned(), renamed: false })
    }

    /// Replaces the file with `bytes` and makes it durable.
    ///
    /// # Errors
    /// Any error of the file system. The old file is unchanged then, unless only making the folder durable failed.
    pub fn finish(mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.renamed = true;
        sync_folder(folder_of(&self.path))
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.temporary);
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
    fn try_begin_fails_while_another_process_replaces() {
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
