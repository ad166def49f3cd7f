//! New files and folders: they get their name once they are whole, and never replace anything.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::folder::{folder_of, sync_all_in, sync_folder};
use super::lock::{beside, clear_abandoned, locked, remove};

/// Writes a new file that only its owner can read, durable before this returns. Never overwrites.
///
/// # Errors
/// Any error of the file system, `AlreadyExists` included; nothing is there then that was not there before.
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with_mode(path, bytes, 0o600)
}

/// Writes a new public file, durable before this returns. Never overwrites.
///
/// # Errors
/// As [`write_secret`].
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with_mode(path, bytes, 0o644)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = NewFile::begin(path, mode)?;
    file.write_all(bytes)?;
    file.finish()
}

/// A file that is being written and has its name only once it is whole. Dropped before that, it was never there.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    unnamed: Unnamed,
}

impl NewFile {
    /// Begins the file that will be at `path`.
    ///
    /// # Errors
    /// `AlreadyExists` if something is at `path`; `WouldBlock` if somebody else is writing it; any other of the file
    /// system.
    pub fn begin(path: &Path, mode: u32) -> io::Result<NewFile> {
        let mut unnamed = Unnamed::of(path)?;
        let file = locked(&unnamed.beside, mode)?;
        unnamed.made = true;
        Ok(NewFile { file, unnamed })
    }

    /// Makes it durable and gives it its name.
    ///
    /// # Errors
    /// As [`NewFile::begin`].
    pub fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        self.unnamed.named()
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

/// A folder that is being filled and has its name only once it is whole. Dropped before that, it was never there.
#[derive(Debug)]
pub struct NewFolder {
    unnamed: Unnamed,
    /// Held for as long as it is filled.
    _lock: File,
}

impl NewFolder {
    /// Begins the folder that will be at `path`, which only its owner can enter.
    ///
    /// # Errors
    /// As [`NewFile::begin`].
    pub fn begin(path: &Path) -> io::Result<NewFolder> {
        let mut unnamed = Unnamed::of(path)?;
        clear_abandoned(&unnamed.beside)?;
        DirBuilder::new().mode(0o700).create(&unnamed.beside)?;
        unnamed.made = true;
        let lock = File::open(&unnamed.beside)?;
        lock.lock()?;
        Ok(NewFolder { unnamed, _lock: lock })
    }

    /// Where it is until then.
    pub fn path(&self) -> &Path {
        &self.unnamed.beside
    }

    /// Makes everything in it durable and gives it its name.
    ///
    /// # Errors
    /// As [`NewFile::begin`].
    pub fn finish(self) -> io::Result<()> {
        sync_all_in(&self.unnamed.beside)?;
        self.unnamed.named()
    }
}

/// What is made beside the place it is for.
#[derive(Debug)]
struct Unnamed {
    beside: PathBuf,
    place: PathBuf,
    /// Whether it is there, and ours to remove.
    made: bool,
}

impl Unnamed {
    fn of(place: &Path) -> io::Result<Unnamed> {
        let taken = || io::Error::from(io::ErrorKind::AlreadyExists);
        if place.symlink_metadata().is_ok() {
            return Err(taken());
        }
        Ok(Unnamed { beside: beside(place)?, place: place.to_owned(), made: false })
    }

    fn named(mut self) -> io::Result<()> {
        match renameat_with(CWD, &self.beside, CWD, &self.place, RenameFlags::NOREPLACE) {
            // Not every file system can: a link is refused as well where something is, and a folder does not replace one
            // that has something in it.
            Err(rustix::io::Errno::INVAL) if self.beside.is_dir() => fs::rename(&self.beside, &self.place)?,
            Err(rustix::io::Errno::INVAL) => {
                fs::hard_link(&self.beside, &self.place)?;
                fs::remove_file(&self.beside)?;
            }
            named => named?,
        }
        self.made = false;
        sync_folder(folder_of(&self.place)).inspect_err(|_| {
            // Whether it would be there after the power failed is not known, and nothing half made is left.
            let _ = remove(&self.place);
        })
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if self.made {
            let _ = remove(&self.beside);
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
        // Whoever else wants the same place while it is being written is told so, and harms nothing.
        assert_eq!(write_secret(&place, b"other").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(begun);
        assert!(names(world.path()).is_empty());
        // What a kill left is in nobody's way.
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
