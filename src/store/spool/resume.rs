//! Resuming a payload that was not finished: what is there is hashed, written again and synced, or discarded.

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
    /// Goes on with a payload of `size` bytes from what is there, or begins it. What is there is read, hashed, written
    /// again and made durable, never assumed: that it reads back proves nothing, for a sync before this may have failed.
    /// If it is longer than `size`, does not begin with the prefix `promised` (length and digest), or is known not to be
    /// durable, it is discarded and the payload begins anew.
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
        // A file that was finished by a process that then died before it recorded so is gone on with as well.
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
        // A process that was killed may have left more allocated than it wrote.
        shrink(&file, found).map_err(truncation)?;
        self.admit(size.saturating_sub(found))?;
        // What this process has synced is on the disk, or it would make nothing durable any more; reading and writing
        // gigabytes again for each link that breaks would take longer than a sender waits.
        let proven = self.synced_bytes().get(&id).cloned().unwrap_or((0, Hasher::new()));
        let (length, hasher) = prefix(&*self.disk, &file, found, proven, size, promised)?;
        file.set_len(length).map_err(truncation)?;
        let synced = self.sync(&file).and_then(|()| self.sync_folder());
        synced.inspect_err(|error| self.give_up(id, &file, error))?;
        self.unmark(id);
        self.note_synced(id, length, hasher.clone());
        let room = self.allocate(&file, length, size)?;
        // Nothing has come yet, so it is as old as it was.
        let modified = metadata.modified().and_then(|modified| file.set_modified(modified));
        modified.map_err(|e| SpoolError::of_io("its time", &e))?;
        Ok(SpoolFile::new(self.clone(), id, file, room, hasher, length))
    }

    /// The whole file, locked like a partial one and made one again; nothing if there is none.
    fn unfinished(&self, id: SpoolId) -> Result<Option<Locked>, SpoolError> {
        let path = self.whole(id);
        let file = match OpenOptions::new().read(true).write(true).custom_flags(NO_FOLLOW).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|e| SpoolError::of_io("a payload file", &e))?,
        };
        // Locked first: were it another's to read or let go, it would not lose its name to this.
        let file = Locked::new(file, &path, Hold::Alone)?.ok_or(SpoolError::InUse { id })?;
        rename_new(&path, &self.partial(id)).map_err(|e| SpoolError::of_io("a rename", &e))?;
        Ok(Some(file))
    }
}

/// How much of `file`, which has `found` bytes, may be kept for a payload of `size` bytes, and the hash so far. What this process
/// has synced and hashed itself, `proven`, is not read again; any other byte that is kept was written again as it was read, so
/// that a sync after this is one of these bytes whatever became of those before. The file is left positioned after it.
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

/// Renames without ever replacing a file that is there.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Both are there only if a partial file was begun beside a whole one, which `create` refuses: the whole one
        // is what was finished last.
        Err(rustix::io::Errno::EXIST) => fs::rename(from, to),
        other => other.map_err(io::Error::from),
    }
}
