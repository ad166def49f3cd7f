//! Listing of the spool folder.

use std::fs;
use std::io;

use super::id::{Spooled, modified};
use super::{PARTIAL, Spool, SpoolError, SpoolId, UNSYNCED, blocking, file_pool, lost_and_found};
use crate::store::checkpoint_files;

/// The content of the spool.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Listing {
    /// Its files, by name.
    pub files: Vec<Spooled>,
    /// Number of files that were set aside: [`Spool::lost`].
    pub lost: u64,
    /// Payloads of which a sync failed; what is left of them is discarded.
    pub unsynced: Vec<SpoolId>,
    /// Number of entries that the spool did not create. They are left alone.
    pub unknown_files: u64,
}

impl Spool {
    /// Lists the spool.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if the folder cannot be read.
    pub async fn list(&self) -> Result<Listing, SpoolError> {
        let spool = self.clone();
        blocking(move || spool.listing().map_err(|e| SpoolError::of_io("its folder", &e))).await
    }

    /// As [`Spool::list`], for a caller that may block.
    pub(super) fn listing(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for found in fs::read_dir(&**self.folder)? {
            let found = found?;
            let name = found.file_name();
            let name = name.to_str().unwrap_or_default();
            if let Some(Ok(id)) = name.strip_suffix(UNSYNCED).map(str::parse) {
                listing.unsynced.push(id);
                continue;
            }
            let (stem, whole) = name.strip_suffix(PARTIAL).map_or((name, true), |stem| (stem, false));
            let metadata = match found.metadata() {
                // It was removed or renamed in the meantime.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            match stem.parse() {
                Ok(id) if metadata.is_file() => {
                    let modified = modified(&metadata);
                    listing.files.push(Spooled { id, whole, size: metadata.len(), modified });
                }
                _ if name == file_pool::FOLDER && metadata.is_dir() => {}
                _ if name == checkpoint_files::SPOOL_FILE && metadata.is_file() => {}
                _ if name == lost_and_found::FOLDER && metadata.is_dir() => {
                    listing.lost = self.lost_blocking()?.len() as u64
                }
                _ => listing.unknown_files += 1,
            }
        }
        listing.unsynced.sort();
        listing.files.sort_by_key(|file| (file.id, file.whole));
        Ok(listing)
    }
}
