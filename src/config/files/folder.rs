//! Folders: private ones, and durable entries.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Creates a folder that only its owner can enter (mode 0700), and missing parents. They are durable when this returns.
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
            // Another process created it at the same time.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            made => made?,
        }
        sync_folder(folder_of(folder))?;
    }
    Ok(())
}

/// Makes the entries of a folder durable.
///
/// # Errors
/// Any error of the file system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes every file and folder under `folder` durable, and last the folder itself.
pub(super) fn sync_all_in(folder: &Path) -> io::Result<()> {
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

/// The folder that contains a file; `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

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
