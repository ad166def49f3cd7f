//! The file pool: files of payloads that are no longer needed, emptied and reused for new payloads. Creating and
//! removing a file for every exchange is slow on some file systems.
//!
//! A spare file never contains another payload's bytes, never replaces an existing file, and is never a file that
//! somebody still has open. Where any of this is in doubt, the file is removed or created as if there were no pool.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::NO_FOLLOW;
use super::lock::{Hold, Locked};

/// Name of the folder of spare files, inside the spool folder.
pub(super) const FOLDER: &str = "spare";
/// Maximum number of spare files of a process: as many as the files of a long queue, all removed before the next ones
/// are created.
const FILES_MAX: usize = 1024;

/// The spare files of this process. Each process uses only its own; if two tried to use the same one, one of them
/// would find it locked or missing.
#[derive(Clone, Debug)]
pub(super) struct FilePool {
    folder: Arc<PathBuf>,
    kept: Arc<Mutex<Vec<PathBuf>>>,
}

impl FilePool {
    /// Returns an empty pool for the spool in `spool`. Its folder is created with the first spare file.
    pub fn of(spool: &Path) -> FilePool {
        FilePool { folder: Arc::new(spool.join(FOLDER)), kept: Arc::default() }
    }

    /// Empties the file of a payload that is no longer needed and adds it to the pool. Returns false if the file must
    /// be removed instead.
    pub fn keep(&self, path: &Path) -> bool {
        self.keep_emptied(path, |file| file.set_len(0))
    }

    fn keep_emptied(&self, path: &Path, empty: impl FnOnce(&File) -> io::Result<()>) -> bool {
        if self.kept().len() >= FILES_MAX || !self.has_folder() {
            return false;
        }
        let Some(file) = alone(path) else { return false };
        // Truncated before it is renamed, so that no crash leaves a spare file with content. The name is the inode
        // number, which no other existing file has, so names of two processes never collide.
        let Ok(number) = file.metadata().map(|found| found.ino()) else { return false };
        if empty(&file).is_err() {
            return false;
        }
        let spare = self.folder.join(number.to_string());
        let kept = place(path, &spare).is_ok();
        drop(file);
        if kept {
            self.add(spare);
        }
        kept
    }

    /// Renames a spare file to `path`, empty and locked. `None` if there is no spare file, or `path` exists or cannot
    /// be created.
    pub fn take(&self, path: &Path) -> Option<Locked> {
        if self.kept().is_empty() || path.symlink_metadata().is_ok() {
            return None;
        }
        loop {
            let spare = self.kept().pop()?;
            // Truncated again, so that it looks newly created, including its modification time.
            if let Some(file) = alone(&spare).filter(|file| file.set_len(0).is_ok()) {
                match place(&spare, path) {
                    Ok(()) => return Some(file),
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                        drop(file);
                        self.add(spare);
                        return None;
                    }
                    Err(_) => {}
                }
            }
            let _ = fs::remove_file(&spare);
        }
    }

    /// Removes spare files of earlier processes, and returns the number of entries left alone because they do not
    /// look like spare files.
    ///
    /// Nothing is truncated here: after a power failure a payload may appear under the name of the spare file that it
    /// was created from as well as under its own, or truncated content may reappear. A file that is not empty is left
    /// alone.
    pub fn clear(&self) -> io::Result<u64> {
        self.kept().clear();
        let mut strangers = 0;
        let found = match fs::read_dir(&*self.folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
            other => other?,
        };
        for found in found {
            let found = found?;
            let is_spare = found.file_name().to_str().is_some_and(|name| name.parse::<u64>().is_ok());
            let metadata = match found.metadata() {
                // Its process used it in the meantime.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            if !is_spare || !metadata.is_file() || metadata.len() > 0 {
                strangers += 1;
                continue;
            }
            match fs::remove_file(found.path()) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(strangers)
    }

    /// Adds a spare file to the list, unless the list has become full.
    fn add(&self, spare: PathBuf) {
        let mut kept = self.kept();
        if kept.len() < FILES_MAX {
            kept.push(spare);
            return;
        }
        drop(kept);
        let _ = fs::remove_file(spare);
    }

    /// Returns whether the folder exists and only the owner may enter it; creates it if it does not exist.
    fn has_folder(&self) -> bool {
        let found = fs::symlink_metadata(&*self.folder).or_else(|_| {
            DirBuilder::new().mode(0o700).create(&*self.folder)?;
            fs::symlink_metadata(&*self.folder)
        });
        found.is_ok_and(|found| found.is_dir() && found.permissions().mode() & 0o077 == 0)
    }

    fn kept(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        // No code panics while it holds the lock; were it poisoned, the list would still be whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens and locks a file that nobody else has open, that has no other name, and that has the owner and mode of a new
/// file.
fn alone(path: &Path) -> Option<Locked> {
    let file = OpenOptions::new().read(true).write(true).custom_flags(NO_FOLLOW).open(path).ok()?;
    let file = Locked::new(file, path, Hold::Alone).ok()??;
    let found = file.metadata().ok()?;
    let ours = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o7777 == 0o600;
    (ours && found.nlink() == 1).then_some(file)
}

/// Renames without replacing an existing file.
fn place(from: &Path, to: &Path) -> io::Result<()> {
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::spool::SpoolError;

    fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn put_aside(folder: &Path) -> usize {
        fs::read_dir(folder.join(FOLDER)).map_or(0, Iterator::count)
    }

    #[test]
    fn refuses_to_keep_what_cannot_be_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let (pool, path) = (FilePool::of(folder.path()), file(folder.path(), "a", b"EXERCISE"));
        assert!(!pool.keep_emptied(&path, |_| Err(io::ErrorKind::PermissionDenied.into())));
        assert_eq!(
            (fs::read(&path).unwrap(), put_aside(folder.path())),
            (b"EXERCISE".to_vec(), 0),
            "it is for removal"
        );
        assert!(pool.take(&folder.path().join("b")).is_none());
        assert!(pool.keep(&path));
        assert!(!path.exists() && put_aside(folder.path()) == 1);
    }

    #[test]
    fn detects_a_file_opened_under_its_earlier_name_before_the_first_byte() {
        let folder = tempfile::tempdir().unwrap();
        let (pool, path) = (FilePool::of(folder.path()), file(folder.path(), "a", b"EXERCISE"));
        let next = folder.path().join("b");
        let open = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let late = [(open(), Hold::Shared), (open(), Hold::Alone)];
        assert!(pool.keep(&path));
        drop(pool.take(&next).unwrap());
        for (file, hold) in late {
            assert!(Locked::new(file, &path, hold).unwrap().is_none(), "{hold:?}");
        }
        let file = File::open(&next).unwrap();
        assert!(Locked::new(file, &next, Hold::Shared).unwrap().is_some(), "under its own name it is there");
    }

    #[test]
    fn refuses_a_spare_that_has_another_name_and_leaves_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (pool, path) = (FilePool::of(folder.path()), file(folder.path(), "a", b""));
        assert!(pool.keep(&path));
        let spare = pool.kept()[0].clone();
        fs::write(&spare, b"EXERCISE").unwrap();
        fs::hard_link(&spare, folder.path().join("payload")).unwrap();
        assert!(pool.take(&path).is_none());
        assert_eq!(fs::read(folder.path().join("payload")).unwrap(), b"EXERCISE");
        assert_eq!(put_aside(folder.path()), 0, "nothing is tried with it again");
    }

    #[test]
    fn empties_a_spare_file_and_replaces_no_existing_one() {
        let folder = tempfile::tempdir().unwrap();
        let (pool, path) = (FilePool::of(folder.path()), file(folder.path(), "a", b""));
        assert!(pool.keep(&path));
        fs::write(&pool.kept()[0], b"EXERCISE").unwrap();
        let taken = file(folder.path(), "b", b"EXERCISE taken");
        assert!(pool.take(&taken).is_none());
        assert_eq!((fs::read(&taken).unwrap(), pool.kept().len()), (b"EXERCISE taken".to_vec(), 1));
        assert_eq!(place(&pool.kept()[0], &taken).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(pool.take(&path).unwrap().metadata().unwrap().len(), 0);
    }

    #[test]
    fn refuses_a_folder_that_is_a_link_or_open_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let (pool, path) = (FilePool::of(folder.path()), file(folder.path(), "a", b"EXERCISE"));
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join(FOLDER)).unwrap();
        assert!(!pool.keep(&path) && fs::read_dir(elsewhere.path()).unwrap().next().is_none());
        fs::remove_file(folder.path().join(FOLDER)).unwrap();
        DirBuilder::new().mode(0o750).create(folder.path().join(FOLDER)).unwrap();
        assert!(!pool.keep(&path));
        fs::set_permissions(folder.path().join(FOLDER), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(pool.keep(&path));
    }

    #[test]
    fn refuses_what_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let open = File::open(folder.path()).unwrap();
        assert!(matches!(Locked::new(open, folder.path(), Hold::Shared), Err(SpoolError::Place { .. })));
    }
}
