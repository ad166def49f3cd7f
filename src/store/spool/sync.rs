//! Syncing payloads, and discarding those of which a sync failed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use super::lock::Locked;
use super::{NO_FOLLOW, Spool, SpoolError, SpoolId, UNSYNCED};
use crate::digest::Hasher;

impl Spool {
    /// Locks the map of synced prefixes.
    pub(super) fn synced_bytes(&self) -> MutexGuard<'_, BTreeMap<SpoolId, (u64, Hasher)>> {
        // No code panics while it holds the lock.
        self.synced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers how much of an unfinished payload was synced.
    pub(super) fn note_synced(&self, id: SpoolId, length: u64, hasher: Hasher) {
        self.synced_bytes().insert(id, (length, hasher));
    }

    /// Forgets it, for a payload that is finished, removed or started again.
    pub(super) fn forget_synced(&self, id: SpoolId) {
        self.synced_bytes().remove(&id);
    }

    /// Syncs the content of a file.
    pub(super) fn sync(&self, file: &File) -> Result<(), SpoolError> {
        self.disk.sync(file).map_err(|e| self.sync_failure.by("a payload", &e))
    }

    /// Syncs the spool folder.
    pub(super) fn sync_folder(&self) -> Result<(), SpoolError> {
        self.sync_folder_at(&self.folder)
    }

    /// Syncs the folder at `path`.
    pub(super) fn sync_folder_at(&self, path: &Path) -> Result<(), SpoolError> {
        let folder = File::open(path).map_err(|e| SpoolError::of_io("its folder", &e))?;
        self.disk.sync_folder(&folder, path).map_err(|e| self.sync_failure.by("a name in its folder", &e))
    }

    /// Makes a file unusable if `error` is a failed sync of it. On a failing disk each of the steps may fail, so all
    /// are tried: the mark that the next start reads, the bytes, and the name.
    pub(super) fn give_up(&self, id: SpoolId, file: &Locked, error: &SpoolError) {
        if !matches!(error, SpoolError::Broken { .. }) {
            return;
        }
        self.forget_synced(id);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).custom_flags(NO_FOLLOW);
        if let Ok(mut note) = options.open(self.mark(id)) {
            let _ = io::Write::write_all(&mut note, format!("{error}\n").as_bytes());
            let _ = self.disk.sync(&note);
        }
        let _ = file.set_len(0);
        for path in [self.whole(id), self.partial(id)] {
            if file.is_at(&path) {
                let _ = fs::remove_file(path);
            }
        }
        let _ = self.sync_folder();
    }

    /// The path of the mark that records a failed sync of a payload.
    pub(super) fn mark(&self, id: SpoolId) -> PathBuf {
        self.folder.join(format!("{id}{UNSYNCED}"))
    }

    /// Removes that mark, once nothing is left of the payload.
    pub(super) fn unmark(&self, id: SpoolId) {
        let _ = fs::remove_file(self.mark(id));
    }
}
