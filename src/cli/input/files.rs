//! Files that a user names: reading them, and why one was not written.

use std::path::Path;

use crate::cli::output::Failure;

/// The text of a file that the user named.
pub(in crate::cli) fn read_text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|e| cannot_read(file, &e))
}

/// The bytes of a file that the user named.
pub(in crate::cli) fn read_bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|e| cannot_read(file, &e))
}

/// Why a file that the user named was not read, and what to do.
pub(in crate::cli) fn cannot_read(file: &Path, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind as E;
    let shown = file.display();
    Failure::input(match error.kind() {
        E::NotFound => format!("`{shown}` cannot be read: there is no such file"),
        E::IsADirectory => format!("`{shown}` is a folder: name a file"),
        E::PermissionDenied => format!(
            "`{shown}` cannot be read: permission denied to user {}; run this as the file's owner, or let that user read it",
            rustix::process::geteuid().as_raw()
        ),
        E::InvalidData => format!("`{shown}` is not text in UTF-8"),
        _ => format!("`{shown}` cannot be read: {error}"),
    })
}

/// That a file was not written: refused where something is already, and a failure of the disk otherwise.
pub(in crate::cli) fn cannot_write(path: &Path, error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return Failure::refused(format!("`{}` exists: name a file that does not", path.display()));
    }
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        return Failure::input(format!(
            "`{}` cannot be written: permission denied to user {}; name a place that this user may write to",
            path.display(),
            rustix::process::geteuid().as_raw()
        ));
    }
    // Nothing of it is there then: after the disk has room again the same command works.
    Failure::trouble(format!("`{}` cannot be written: {error}", path.display()))
}
