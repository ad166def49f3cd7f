//! The disk under the spool: durability and free space. Tests replace it with a simulated disk.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

/// A disk. Files are written, renamed and removed through the file system; these calls decide which of that is
/// durable.
///
/// After a failed sync, data that was written before may never become durable, and a later successful sync proves
/// nothing about it. Only data that was [written](Disk::wrote) again since then is covered.
pub trait Disk: Debug + Send + Sync {
    /// Reports that bytes `from` (inclusive) to `to` (exclusive) of `file` were written, possibly with the same
    /// content.
    fn wrote(&self, file: &File, from: u64, to: u64);

    /// Makes the content and length of `file` durable. Blocks.
    ///
    /// # Errors
    /// The system's error; nothing written since the last successful sync may then be considered durable.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Makes the entries of `folder` durable: which files exist, under which names. Blocks.
    ///
    /// # Errors
    /// The system's error, as for [`Disk::sync`].
    fn sync_folder(&self, folder: &File, path: &Path) -> io::Result<()>;

    /// Returns the bytes free to this process on the file system of `folder`.
    ///
    /// # Errors
    /// The system's error.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(folder)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Allocates the space that `file`, which has `length` bytes, needs to grow to `size`, without changing its
    /// length. Returns false if the file system does not support it. The space is released when the file's length is
    /// set.
    ///
    /// # Errors
    /// The system's error, for example if there is not enough space.
    fn allocate(&self, file: &File, length: u64, size: u64) -> io::Result<bool> {
        match fallocate(file, FallocateFlags::KEEP_SIZE, length, size - length) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
            other => other.map(|()| true).map_err(io::Error::from),
        }
    }
}

/// The disk of the operating system.
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
