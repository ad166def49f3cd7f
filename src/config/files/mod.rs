//! Atomic files and folders: complete or absent, even if a command is killed or the power fails. Each is written under a temporary
//! name in the same folder, made durable, and renamed last.
//!
//! Creating a file never overwrites anything, and a failure leaves nothing behind. A killed process leaves `.NAME.new`, which the
//! next write of NAME removes.

mod folder;
mod lock;
mod atomic_create;
mod replace;

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

pub use crate::config::files::atomic_create::{NewFile, NewFolder, write_new, write_secret};
pub use folder::{folder_of, make_private_folder, sync_folder};
pub(super) use lock::clear_abandoned;
pub use replace::{Replacement, replace_file};

/// Reads a file of at most `bytes_max` bytes. Anything other than a regular file is refused: a pipe could block for ever.
///
/// # Errors
/// Any error of the file system; `InvalidInput` if it is not a regular file, `FileTooLarge` if it is longer.
pub fn read_file(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::CWD;

    use super::*;

    #[test]
    fn refuses_a_pipe_and_a_file_that_is_too_long_without_waiting() {
        let world = tempfile::tempdir().unwrap();
        let [file, pipe] = ["file", "pipe"].map(|name| world.path().join(name));
        fs::write(&file, b"EXERCISE").unwrap();
        rustix::fs::mkfifoat(CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(read_file(&file, 8).unwrap(), b"EXERCISE");
        assert_eq!(read_file(&file, 7).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        for other in [&pipe, world.path()] {
            assert_eq!(read_file(other, 8).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{other:?}");
        }
        assert_eq!(read_file(&world.path().join("none"), 8).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
