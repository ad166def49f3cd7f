//! The files of an open database, and whether their names still refer to them. SQLite keeps using the files that it
//! opened, while every process that starts later opens whatever has their names then.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{beside, last_name};
use crate::store::StoreError;

/// Suffixes of the files that exist while the database is open: SQLite's write-ahead log, its index, and the lock
/// file of the processes that have it open.
const BESIDE: [&str; 3] = ["-wal", "-shm", ".open"];

/// The database file and its companions, each with its device and inode number.
#[derive(Clone, Debug)]
pub(in crate::store::sqlite) struct OpenFiles(Vec<(PathBuf, (u64, u64))>);

impl OpenFiles {
    /// Returns those of the open database at `path`.
    pub(in crate::store::sqlite) fn of(path: &Path) -> OpenFiles {
        let known = |path: PathBuf| std::fs::metadata(&path).ok().map(|file| (path, id(&file)));
        let all = std::iter::once(path.to_owned()).chain(BESIDE.map(|end| beside(path, end)));
        OpenFiles(all.filter_map(known).collect())
    }

    /// Refuses unless each of them still has its name.
    pub(in crate::store::sqlite) fn check(&self) -> Result<(), StoreError> {
        let replaced =
            |(path, known): &&(PathBuf, (u64, u64))| std::fs::metadata(path).map(|f| id(&f)).ok() != Some(*known);
        match self.0.iter().find(replaced) {
            Some((path, _)) => Err(StoreError::Replaced { what: last_name(path) }),
            None => Ok(()),
        }
    }
}

fn id(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
