//! Lost and found: files that no row needs, moved to a folder of their own, each with a note of what is known
//! about it.
//!
//! A file is never removed only because the store does not mention it: the store may be another one, or an older
//! copy. A file that a process holds until its row is committed is not moved either.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};

use super::id::{Spooled, modified};
use super::lock::{Hold, Locked};
use super::{NO_FOLLOW, PARTIAL, Spool, SpoolError, SpoolId, blocking};
use crate::config::read_file;
use crate::digest::Digest;
use crate::time::Time;

/// Name of the folder, inside the spool folder.
pub(super) const FOLDER: &str = "lost";
/// Suffix of a note's name.
const NOTE: &str = ".json";
/// Maximum size of a note in bytes.
const NOTE_BYTES_MAX: u64 = 64 << 10;
/// A note has the SHA-256 of files up to this size in bytes.
const HASHED_MAX: u64 = 1 << 20;

/// A file that was set aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LostFile {
    /// Its name in the folder.
    pub name: String,
    /// Its name in the spool before.
    pub id: SpoolId,
    /// Whether it was complete.
    pub whole: bool,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Time,
    /// The note written when it was set aside; `None` if the note is missing.
    pub note: Option<Note>,
}

/// The note written when a file is set aside. JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// Its name in the spool before.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was found, in milliseconds since the Unix epoch.
    pub found_ms: i64,
    /// Why it was set aside.
    pub why: String,
    /// Its SHA-256, unless it is too large to be hashed at a start.
    pub sha256: Option<String>,
}

/// An exclusive lock on a spool file: until it is dropped, nobody else writes, reads or removes the file.
#[derive(Debug)]
pub struct ExclusiveFile {
    spool: Spool,
    found: Spooled,
    path: PathBuf,
    file: Locked,
}

impl Spool {
    /// Locks a file that was listed, so that it can be moved or removed. `None` if somebody holds it or it no longer
    /// exists. Query the rows about it after this, not before.
    ///
    /// # Errors
    /// [`SpoolError::Failed`]; [`SpoolError::Place`].
    pub async fn lock_exclusive(&self, found: &Spooled) -> Result<Option<ExclusiveFile>, SpoolError> {
        let (spool, found) = (self.clone(), *found);
        blocking(move || {
            if let SpoolId::Attachment(request, 1..) = found.id {
                // The hold on the first attachment of a request covers all: there can be more than a process may
                // open.
                let first = spool.whole(SpoolId::Attachment(request, 0));
                if first.symlink_metadata().is_ok() && alone(&first)?.is_none() {
                    return Ok(None);
                }
            }
            let path = if found.whole { spool.whole(found.id) } else { spool.partial(found.id) };
            Ok(alone(&path)?.map(|file| ExclusiveFile { spool, found, path, file }))
        })
        .await
    }

    /// Removes a complete payload without a row, to write it again.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] if somebody holds it; otherwise as [`Spool::remove`].
    pub fn remove_unheld(&self, id: SpoolId) -> Result<(), SpoolError> {
        let path = self.whole(id);
        let file = alone(&path)?;
        if file.is_none() && path.symlink_metadata().is_ok() {
            return Err(SpoolError::InUse { id });
        }
        self.remove_blocking(id)
    }

    /// Returns the files that were set aside, by name.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if the folder cannot be read.
    pub async fn lost(&self) -> Result<Vec<LostFile>, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.lost_blocking().map_err(|e| SpoolError::of_io("what was set aside", &e))).await
    }

    /// As [`Spool::lost`], for a caller that may block.
    pub(super) fn lost_blocking(&self) -> io::Result<Vec<LostFile>> {
        let folder = self.lost_folder();
        let found = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut lost = Vec::new();
        for found in found {
            let found = found?;
            let Some(name) = found.file_name().to_str().map(str::to_owned) else { continue };
            let (Some((id, whole)), metadata) = (named(&name), found.metadata()?) else { continue };
            if metadata.is_file() {
                let note = read_file(&folder.join(format!("{name}{NOTE}")), NOTE_BYTES_MAX).ok();
                let note = note.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                lost.push(LostFile { name, id, whole, size: metadata.len(), modified: modified(&metadata), note });
            }
        }
        lost.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(lost)
    }

    /// Returns whether a file that was set aside still matches its note: its size, and its SHA-256 if that was noted.
    /// A file without a note matches.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if it cannot be read.
    pub async fn is_as_noted(&self, lost: &LostFile) -> Result<bool, SpoolError> {
        let (path, note) = (self.lost_folder().join(&lost.name), lost.note.clone());
        blocking(move || {
            let Some(Note { size, sha256, .. }) = note else { return Ok(true) };
            let failed = |e: io::Error| SpoolError::of_io("what was set aside", &e);
            let file = OpenOptions::new().read(true).custom_flags(NO_FOLLOW).open(path).map_err(failed)?;
            if file.metadata().map_err(failed)?.len() != size {
                return Ok(false);
            }
            let Some(sha256) = sha256 else { return Ok(true) };
            let mut bytes = Vec::new();
            file.take(HASHED_MAX).read_to_end(&mut bytes).map_err(failed)?;
            Ok(Digest::of(&bytes).to_string() == sha256)
        })
        .await
    }

    /// Moves a file that was set aside back to the spool.
    ///
    /// # Errors
    /// [`SpoolError::Exists`] if there is a file of that name; [`SpoolError::Missing`]; [`SpoolError::InUse`];
    /// [`SpoolError::Failed`]; [`SpoolError::Broken`].
    pub async fn restore(&self, lost: &LostFile) -> Result<(), SpoolError> {
        let (spool, lost) = (self.clone(), lost.clone());
        blocking(move || {
            let (folder, id) = (spool.lost_folder(), lost.id);
            let path = folder.join(&lost.name);
            let _file = alone(&path)?.ok_or(SpoolError::Missing { id })?;
            let back = if lost.whole { spool.whole(id) } else { spool.partial(id) };
            if !place(&path, &back)? {
                return Err(SpoolError::Exists { id });
            }
            spool.sync_folder()?;
            let _ = fs::remove_file(folder.join(format!("{}{NOTE}", lost.name)));
            spool.sync_folder_at(&folder)
        })
        .await
    }

    /// Removes a file that was set aside, and its note.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if it was not removed; [`SpoolError::Broken`] if the removal is not durable.
    pub async fn drop_lost(&self, lost: &LostFile) -> Result<(), SpoolError> {
        let (spool, name) = (self.clone(), lost.name.clone());
        blocking(move || {
            let folder = spool.lost_folder();
            for path in [folder.join(&name), folder.join(format!("{name}{NOTE}"))] {
                match fs::remove_file(path) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(SpoolError::of_io("a removal", &e)),
                    _ => {}
                }
            }
            spool.sync_folder_at(&folder)
        })
        .await
    }

    fn lost_folder(&self) -> PathBuf {
        self.folder.join(FOLDER)
    }
}

impl ExclusiveFile {
    /// Moves the file to the lost-and-found folder, with a note of when (`at`) and why it was set aside. The note is
    /// written first: a file without a note was not moved.
    ///
    /// # Errors
    /// [`SpoolError::Full`]; [`SpoolError::Failed`]; [`SpoolError::Broken`]. Unless it is [`SpoolError::Broken`], the
    /// file was not moved.
    pub async fn set_aside(self, at: Time, why: &'static str) -> Result<(), SpoolError> {
        blocking(move || self.set_aside_blocking(at, why)).await
    }

    fn set_aside_blocking(self, at: Time, why: &str) -> Result<(), SpoolError> {
        let ExclusiveFile { spool, found, path, file } = self;
        let folder = spool.lost_folder();
        make(&folder)?;
        let failed = |e: io::Error| SpoolError::of_io("a note of what is set aside", &e);
        let sha256 = match found.size <= HASHED_MAX {
            true => fs::read(&path).ok().map(|bytes| Digest::of(&bytes).to_string()),
            false => None,
        };
        let id = found.id.to_string();
        let note = Note { file: id.clone(), size: found.size, found_ms: at.unix_ms(), why: why.to_owned(), sha256 };
        let name = if found.whole { id } else { format!("{id}{PARTIAL}") };
        for number in 1u32.. {
            let name = if number == 1 { name.clone() } else { format!("{name}+{number}") };
            let aside = folder.join(&name);
            if aside.symlink_metadata().is_ok() {
                // Another file of this name was set aside before.
                continue;
            }
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600).custom_flags(NO_FOLLOW);
            let mut written = options.open(folder.join(format!("{name}{NOTE}"))).map_err(failed)?;
            let bytes = serde_json::to_vec_pretty(&note).map_err(|e| failed(e.into()))?;
            written.write_all(&bytes).map_err(failed)?;
            spool.disk.wrote(&written, 0, bytes.len() as u64);
            spool.sync(&written)?;
            if place(&path, &aside)? {
                break;
            }
        }
        drop(file);
        // The destination folder is synced first: after a power failure the file is in one of the two.
        spool.sync_folder_at(&folder)?;
        spool.sync_folder()
    }

    /// Removes the file.
    ///
    /// # Errors
    /// As [`Spool::remove`].
    pub async fn remove(self) -> Result<(), SpoolError> {
        blocking(move || {
            self.spool.forget_synced(self.found.id);
            fs::remove_file(&self.path).map_err(|e| SpoolError::of_io("a removal", &e))?;
            self.spool.sync_folder()
        })
        .await
    }
}

/// Opens and exclusively locks the file at `path`; `None` if it does not exist or somebody else has it.
fn alone(path: &Path) -> Result<Option<Locked>, SpoolError> {
    match OpenOptions::new().read(true).write(true).custom_flags(NO_FOLLOW).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SpoolError::of_io("a payload file", &e)),
        Ok(file) => Locked::new(file, path, Hold::Alone),
    }
}

/// Renames without replacing an existing file; returns false if there is one.
fn place(from: &Path, to: &Path) -> Result<bool, SpoolError> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::EXIST) => Ok(false),
        Err(e) => Err(SpoolError::of_io("a rename", &e.into())),
        Ok(()) => Ok(true),
    }
}

/// Creates the folder with mode 0700 if it does not exist.
fn make(folder: &Path) -> Result<(), SpoolError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(SpoolError::of_io("its folder", &e)),
        _ => {}
    }
    let found = fs::symlink_metadata(folder).map_err(|e| SpoolError::of_io("its folder", &e))?;
    if found.is_dir() && found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(SpoolError::Place { why: "expected `lost` to be a folder of mode 0700".into() })
}

/// Parses a name in the lost-and-found folder: the file's name in the spool, and whether it was complete.
fn named(name: &str) -> Option<(SpoolId, bool)> {
    let name = name.split_once('+').map_or(name, |(name, _)| name);
    let (id, whole) = name.strip_suffix(PARTIAL).map_or((name, true), |id| (id, false));
    Some((id.parse().ok()?, whole))
}
