//! The disk under the spool: what survives a power failure, and how much space there is. Tests put a simulated disk here.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

/// A disk. Files are written, renamed and removed as files are; what is told here is what decides whether that lasts.
///
/// After a sync that failed, what was to be made durable may never be, and a later sync that succeeds proves nothing:
/// only what was [written](Disk::wrote) again since.
pub trait Disk: Debug + Send + Sync {
    /// Bytes `from` to before `to` of `file` were written, perhaps as they were before.
    fn wrote(&self, file: &File, from: u64, to: u64);

    /// Makes durable what `file` holds, and its length. Blocks.
    ///
    /// # Errors
    /// The system's; then nothing that was written since the last sync may be counted on.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Makes durable which files are in `folder`, and under which names. Blocks.
    ///
    /// # Errors
    /// The system's, as for [`Disk::sync`].
    fn sync_folder(&self, folder: &File, path: &Path) -> io::Result<()>;

    /// Bytes free to this process on the file system of `folder`.
    ///
    /// # Errors
    /// The system's.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(folder)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Takes from what is free what `file`, which has `length` bytes, needs to grow to `size`; its length stays. False if
    /// the file system cannot. It is given back when the file's length is set.
    ///
    /// # Errors
    /// The system's, as when there is not so much.
    fn allocate(&self, file: &File, length: u64, size: u64) -> io::Result<bool> {
        match fallocate(file, FallocateFlags::KEEP_SIZE, length, size - length) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
            other => other.map(|()| true).map_err(io::Error::from),
        }
    }
}

/// The disk that the system has.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn wrote(&self, _: &File, _: u64, _: u64) {}

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_folder(&self, folder: &File, _: &Path) -> io::Result<()> {
        folder.sync_all()
    }
}
