//! Resuming a payload that was not finished: the existing bytes are hashed, written again and synced, or discarded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::file::SpoolFile;
use super::lock::{Hold, Locked};
use super::reservation::shrink;
use super::writer::SpoolWriter;
use super::{CHUNK, Disk, NO_FOLLOW, Spool, SpoolError, SpoolId, blocking};
use crate::digest::{Digest, Hasher};

impl Spool {
    /// Resumes a payload of `size` bytes from the existing bytes, or creates it. Existing bytes are read, hashed,
    /// written again and synced, never assumed durable: that they can be read proves nothing, since an earlier sync
    /// may have failed. If the file is longer than `size`, does not begin with the prefix `promised` (length and
    /// digest), or a sync of it failed, it is discarded and the payload starts from the beginning.
    ///
    /// # Errors
    /// [`SpoolError::Reserve`]; [`SpoolError::InUse`]; [`SpoolError::Broken`].
    pub async fn resume(
        &self,
        id: SpoolId,
        size: u64,
        promised: Option<(u64, Digest)>,
    ) -> Result<SpoolWriter, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.resume_blocking(id, size, promised).map(SpoolWriter::new)).await
    }

    fn resume_blocking(
        &self,
        id: SpoolId,
        size: u64,
        promised: Option<(u64, Digest)>,
    ) -> Result<SpoolFile, SpoolError> {
        self.sync_failure.check()?;
        // A file that was finished by a process that died before it committed the row is resumed too.
        let file = match self.unfinished(id)? {
            Some(file) => file,
            None => self.partial_file(id)?,
        };
        let truncation = |e: io::Error| SpoolError::of_io("a truncation", &e);
        if self.mark(id).symlink_metadata().is_ok() {
            file.set_len(0).map_err(truncation)?;
        }
        let metadata = file.metadata().map_err(|e| SpoolError::of_io("its length", &e))?;
        let found = metadata.len();
        // A killed process may have left more space allocated than it wrote.
        shrink(&file, found).map_err(truncation)?;
        self.admit(size.saturating_sub(found))?;
        // What this process has synced is on disk: after a failed sync nothing more would be made durable. Reading
        // and writing gigabytes again for each broken link would take longer than a sender waits.
        let proven = self.synced_bytes().get(&id).cloned().unwrap_or((0, Hasher::new()));
        let (length, hasher) = prefix(&*self.disk, &file, found, proven, size, promised)?;
        file.set_len(length).map_err(truncation)?;
        let synced = self.sync(&file).and_then(|()| self.sync_folder());
        synced.inspect_err(|error| self.give_up(id, &file, error))?;
        self.unmark(id);
        self.note_synced(id, length, hasher.clone());
        let room = self.allocate(&file, length, size)?;
        // No new bytes yet, so the modification time is kept.
        let modified = metadata.modified().and_then(|modified| file.set_modified(modified));
        modified.map_err(|e| SpoolError::of_io("its time", &e))?;
        Ok(SpoolFile::new(self.clone(), id, file, room, hasher, length))
    }

    /// Renames a complete file back to a partial one, with an exclusive lock; `None` if there is none.
    fn unfinished(&self, id: SpoolId) -> Result<Option<Locked>, SpoolError> {
        let path = self.whole(id);
        let file = match OpenOptions::new().read(true).write(true).custom_flags(NO_FOLLOW).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|e| SpoolError::of_io("a payload file", &e))?,
        };
        // Locked first, so that a file that another process reads or removes is not renamed.
        let file = Locked::new(file, &path, Hold::Alone)?.ok_or(SpoolError::InUse { id })?;
        rename_new(&path, &self.partial(id)).map_err(|e| SpoolError::of_io("a rename", &e))?;
        Ok(Some(file))
    }
}

/// Returns how much of `file`, which has `found` bytes, can be kept for a payload of `size` bytes, and the hasher
/// after it. The prefix `proven`, which this process synced and hashed itself, is not read again. Every other byte
/// that is kept is written again as it is read, so that the next sync covers it whatever happened to earlier ones.
/// The file is left positioned after the kept bytes.
fn prefix(
    disk: &dyn Disk,
    mut file: &File,
    found: u64,
    (proven, proven_hash): (u64, Hasher),
    size: u64,
    promised: Option<(u64, Digest)>,
) -> Result<(u64, Hasher), SpoolError> {
    let mut hasher = Hasher::new();
    let mut length = 0u64;
    let mut kept = found <= size && promised.is_none_or(|(promised, _)| promised <= found);
    if kept && promised.is_none() && proven <= found {
        (length, hasher) = (proven, proven_hash);
    }
    if kept {
        let failed = |e: std::io::Error| SpoolError::of_io("reading a prefix back", &e);
        file.seek(SeekFrom::Start(length)).map_err(failed)?;
        let mut chunk = vec![0; CHUNK];
        while kept && length < found {
            // The promised prefix is compared at exactly its end.
            let end = promised.map(|(end, _)| end).filter(|end| *end > length).unwrap_or(found);
            let take = usize::try_from(end - length).map_or(CHUNK, |left| left.min(CHUNK));
            let read = file.read(&mut chunk[..take]).map_err(failed)?;
            if read == 0 {
                break;
            }
            if length + read as u64 > proven {
                let again = |e| SpoolError::of_io("writing a prefix again", &e);
                file.write_all_at(&chunk[..read], length).map_err(again)?;
                disk.wrote(file, length, length + read as u64);
            }
            hasher.update(&chunk[..read]);
            length += read as u64;
            kept = promised.is_none_or(|(end, digest)| end != length || hasher.clone().finish() == digest);
        }
    }
    if !kept {
        (hasher, length) = (Hasher::new(), 0);
    }
    file.seek(SeekFrom::Start(length)).map_err(|e| SpoolError::of_io("a seek", &e))?;
    Ok((length, hasher))
}

/// Renames without replacing an existing file.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Both exist only if a partial file was begun next to a complete one, which `create` refuses: the complete
        // one was finished last.
        Err(rustix::io::Errno::EXIST) => fs::rename(from, to),
        other => other.map_err(io::Error::from),
    }
}
