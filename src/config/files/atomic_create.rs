//! Atomic creation of files and folders: they get their name when they are complete, and never replace anything.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::folder::{folder_of, sync_all_in, sync_folder};
use super::lock::{clear_abandoned, locked, remove, temporary_path};

/// Writes a new file that only its owner can read (mode 0600). It is durable when this returns. Never overwrites.
///
/// # Errors
/// Any error of the file system; `AlreadyExists` if something is at `path`. Nothing is created then.
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with_mode(path, bytes, 0o600)
}

/// Writes a new file that everybody can read (mode 0644). It is durable when this returns. Never overwrites.
///
/// # Errors
/// As for [`write_secret`].
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with_mode(path, bytes, 0o644)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = NewFile::begin(path, mode)?;
    file.write_all(bytes)?;
    file.finish()
}

/// A file that is being written. It gets its name when it is complete; if dropped before that, it is removed.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    temporary: Temporary,
}

impl NewFile {
    /// Begins a file that will be at `path`, with this mode (permission bits).
    ///
    /// # Errors
    /// `AlreadyExists` if something is at `path`; `WouldBlock` if another process is writing it; any other error of the file
    /// system.
    pub fn begin(path: &Path, mode: u32) -> io::Result<NewFile> {
        let mut temporary = Temporary::of(path)?;
        let file = locked(&temporary.path, mode)?;
        temporary.created = true;
        Ok(NewFile { file, temporary })
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// As for [`NewFile::begin`].
    pub fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        self.temporary.publish()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A folder that is being filled. It gets its name when it is complete; if dropped before that, it is removed.
#[derive(Debug)]
pub struct NewFolder {
    temporary: Temporary,
    /// Held as long as the folder is being filled.
    _lock: File,
}

impl NewFolder {
    /// Begins a folder that will be at `path`, which only its owner can enter (mode 0700).
    ///
    /// # Errors
    /// As for [`NewFile::begin`].
    pub fn begin(path: &Path) -> io::Result<NewFolder> {
        let mut temporary = Temporary::of(path)?;
        clear_abandoned(&temporary.path)?;
        DirBuilder::new().mode(0o700).create(&temporary.path)?;
        temporary.created = true;
        let lock = File::open(&temporary.path)?;
        lock.lock()?;
        Ok(NewFolder { temporary, _lock: lock })
    }

    /// The temporary path, at which the folder is filled.
    pub fn path(&self) -> &Path {
        &self.temporary.path
    }

    /// Makes everything in the folder durable and gives it its name.
    ///
    /// # Errors
    /// As for [`NewFile::begin`].
    pub fn finish(self) -> io::Result<()> {
        sync_all_in(&self.temporary.path)?;
        self.temporary.publish()
    }
}

/// A temporary file or folder, and the path that it is for.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    target: PathBuf,
    /// Whether this process created it and must remove it.
    created: bool,
}

impl Temporary {
    fn of(target: &Path) -> io::Result<Temporary> {
        let taken = || io::Error::from(io::ErrorKind::AlreadyExists);
        if target.symlink_metadata().is_ok() {
            return Err(taken());
        }
        Ok(Temporary { path: temporary_path(target)?, target: target.to_owned(), created: false })
    }

    fn publish(mut self) -> io::Result<()> {
        match renameat_with(CWD, &self.path, CWD, &self.target, RenameFlags::NOREPLACE) {
            // Not every file system supports this. A hard link does not replace anything either, and a folder can only replace
            // an empty one.
            Err(rustix::io::Errno::INVAL) if self.path.is_dir() => fs::rename(&self.path, &self.target)?,
            Err(rustix::io::Errno::INVAL) => {
                fs::hard_link(&self.path, &self.target)?;
                fs::remove_file(&self.path)?;
            }
            named => named?,
        }
        self.created = false;
        sync_folder(folder_of(&self.target)).inspect_err(|_| {
            // It is unknown whether it would survive a power failure, so it is removed.
            let _ = remove(&self.target);
        })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.created {
            let _ = remove(&self.path);
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
    fn a_new_file_is_there_whole_or_not_at_all_and_nothing_is_written_over() {
        let world = tempfile::tempdir().unwrap();
        let place = world.path().join("exercise.key");
        let mut begun = NewFile::begin(&place, 0o600).unwrap();
        begun.write_all(b"EXERCISE, half").unwrap();
        assert_eq!(names(world.path()), [".exercise.key.new"]);
        // Another writer of the same path fails meanwhile, and changes nothing.
        assert_eq!(write_secret(&place, b"other").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(begun);
        assert!(names(world.path()).is_empty());
        // A file that a killed process left does not block a new one.
        fs::write(world.path().join(".exercise.key.new"), b"EXERCISE, left behind").unwrap();
        write_secret(&place, b"EXERCISE").unwrap();
        assert_eq!(names(world.path()), ["exercise.key"]);
        assert_eq!(write_secret(&place, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&place).unwrap(), b"EXERCISE");
    }

    #[test]
    fn a_new_folder_is_there_whole_or_not_at_all() {
        let world = tempfile::tempdir().unwrap();
        let place = world.path().join("node");
        let begun = NewFolder::begin(&place).unwrap();
        fs::create_dir(begun.path().join("keys")).unwrap();
        fs::write(begun.path().join("keys/exercise.key"), b"EXERCISE").unwrap();
        assert_eq!(NewFolder::begin(&place).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(begun);
        assert!(names(world.path()).is_empty());
        fs::create_dir_all(world.path().join(".node.new/left")).unwrap();
        let begun = NewFolder::begin(&place).unwrap();
        fs::write(begun.path().join("a"), b"EXERCISE").unwrap();
        begun.finish().unwrap();
        assert_eq!(names(world.path()), ["node"]);
        assert_eq!(names(&place), ["a"]);
        assert_eq!(NewFolder::begin(&place).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
