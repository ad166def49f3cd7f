//! Permissions: the files and their folder must belong to this user alone; and whether they can be written.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{beside, last_name, place};
use crate::store::StoreError;

/// Returns whether the database at `path` and its folder are on a writable file system. Any other problem is reported
/// when the database is opened.
pub(in crate::store::sqlite) fn takes_writes(path: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    use rustix::io::Errno;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    [path, folder].into_iter().all(|place| {
        let allowed = accessat(CWD, place, Access::WRITE_OK, AtFlags::EACCESS);
        !matches!(allowed, Err(Errno::ROFS | Errno::ACCESS | Errno::PERM))
    })
}

/// Refuses a database that others can read or change: its files and their folder must be accessible to this user
/// only.
pub(in crate::store::sqlite) fn is_private(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The folder may be reached through a link; the files in it may not.
    let found = std::fs::metadata(folder).map_err(|e| place(path, &e))?;
    is_own(folder, &found, true)?;
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        match std::fs::symlink_metadata(&file) {
            Ok(found) if !found.is_file() => {
                let why = "expected a plain file, found a link or something else: put the file itself there".to_owned();
                return Err(StoreError::Place { what: last_name(&file), why });
            }
            Ok(found) => is_own(&file, &found, false)?,
            Err(e) if e.kind() == ErrorKind::NotFound && file != *path => {}
            Err(e) => return Err(place(&file, &e)),
        }
    }
    Ok(())
}

fn is_own(path: &Path, found: &std::fs::Metadata, folder: bool) -> Result<(), StoreError> {
    let (owner, ours) = (found.uid(), rustix::process::geteuid().as_raw());
    let mode = found.mode() & 0o7777;
    let what = format!("{}{}", if folder { "folder " } else { "" }, last_name(path));
    if owner != ours {
        let why = format!(
            "it belongs to user {owner}, but this command runs as user {ours}: run it as the owner of the node's files, or \
             change the owner (`chown`)"
        );
        return Err(StoreError::Place { what, why });
    }
    // Whoever can write to a folder can replace files in it, unless it has the sticky bit like /tmp.
    let open = if folder { mode & 0o022 != 0 && mode & 0o1000 == 0 } else { mode & 0o077 != 0 };
    if open {
        let right = if folder { "700" } else { "600" };
        let why = format!(
            "its mode is {mode:03o}, so that others can read or change the record: run `ledger verify`, and set its mode to \
             {right} (`chmod {right}`)"
        );
        return Err(StoreError::Place { what, why });
    }
    Ok(())
}
