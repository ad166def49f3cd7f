//! Files named on the command line: reading them, and error messages for files that cannot be read or written.

use std::path::Path;

use crate::cli::output::Failure;

/// Reads a file named on the command line as UTF-8 text.
///
/// # Errors
/// As [`cannot_read`].
pub(in crate::cli) fn read_text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|e| cannot_read(file, &e))
}

/// Reads a file named on the command line.
///
/// # Errors
/// As [`cannot_read`].
pub(in crate::cli) fn read_bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|e| cannot_read(file, &e))
}

/// The failure for a file that cannot be read, with what to do about it.
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

/// The failure for a file that cannot be written: refused if it exists, invalid input if permission is denied, and a
/// failure of the system otherwise.
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
    // Nothing was left behind, so the same command works once the cause is removed.
    Failure::trouble(format!("`{}` cannot be written: {error}", path.display()))
}
