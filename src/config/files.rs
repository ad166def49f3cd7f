//! Files and folders that are there whole or not at all, whenever a command is killed or the power fails: each is made
//! under another name in the same folder, made durable, and named last.
//!
//! It refuses to write over anything that is there, and leaves nothing behind when it fails. What a kill leaves is beside
//! the place, as `.NAME.new`, and the next one who writes there removes it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

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

/// Where what is for `place` is made.
fn beside(place: &Path) -> io::Result<PathBuf> {
    let name = place.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(".new");
    Ok(folder_of(place).join(beside))
}

fn remove(path: &Path) -> io::Result<()> {
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
pub(super) fn clear_abandoned(path: &Path) -> io::Result<()> {
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

/// Makes a folder that only its owner can enter, with its parents, durable before this returns.
///
/// # Errors
/// Any error of the file system.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut missing: Vec<&Path> = Vec::new();
    let mut at = path;
    while !at.is_dir() {
        missing.push(at);
        match at.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => at = parent,
            _ => break,
        }
    }
    for folder in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(folder) {
            // Somebody else made it in the same moment.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            made => made?,
        }
        sync_folder(folder_of(folder))?;
    }
    Ok(())
}

/// Replaces a file in one step, durable before this returns: readers see the old or the new bytes, never a part. Who
/// replaces the same file at the same moment waits.
///
/// # Errors
/// As [`Replacement::finish`].
pub fn replace_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    Replacement::begin(path, mode)?.finish(bytes)
}

/// Reads a file of at most so many bytes. Anything but a file is refused: a pipe in its place would be waited for without end.
///
/// # Errors
/// Any error of the file system; `InvalidInput` if it is no file, `FileTooLarge` if it is longer.
pub fn read_file(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
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

/// A new file at `path`, in the place of what was abandoned there; held for as long as it is written, so that nobody takes
/// it for abandoned.
fn locked(path: &Path, mode: u32) -> io::Result<File> {
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
fn wait_for(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|file| file.lock()) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Makes the names in a folder durable.
///
/// # Errors
/// Any error of the file system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes every file and folder under `folder` durable, whoever wrote it, and last the folder itself.
fn sync_all_in(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_all_in(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

/// The folder a file is in, also for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
    fn what_is_no_file_or_too_long_is_not_read_and_nobody_waits_for_it() {
        let world = tempfile::tempdir().unwrap();
        let [file, pipe] = ["file", "pipe"].map(|name| world.path().join(name));
        fs::write(&file, b"EXERCISE").unwrap();
        rustix::fs::mkfifoat(CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(read_file(&file, 8).unwrap(), b"EXERCISE");
        assert_eq!(read_file(&file, 7).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        for other in [&pipe, world.path()] {
            assert_eq!(read_file(other, 8).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{other:?}");
        }
        assert_eq!(read_file(&world.path().join("none"), 8).unwrap_err().kind(), io::ErrorKind::NotFound);
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

    #[test]
    fn a_folder_is_made_with_its_parents_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let world = tempfile::tempdir().unwrap();
        let place = world.path().join("a/b/c");
        make_private_folder(&place).unwrap();
        make_private_folder(&place).unwrap();
        for folder in ["a", "a/b", "a/b/c"] {
            assert_eq!(fs::metadata(world.path().join(folder)).unwrap().permissions().mode() & 0o777, 0o700);
        }
        fs::write(world.path().join("file"), b"EXERCISE").unwrap();
        assert!(make_private_folder(&world.path().join("file/under")).is_err());
    }
}
