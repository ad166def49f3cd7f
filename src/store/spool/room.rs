//! Room on the disk. What is accepted is allocated before its first byte, so that offers that would each fit alone are not
//! too much together, and no payload ever takes of the reserve.
//!
//! A file's room is allocated by the file system itself, where that can do so: then it is taken for every process, and
//! given back when the file is finished, closed or removed. Elsewhere this process counts what it promised, and looks
//! again at each write.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Spool, SpoolError};

/// What this process has promised, and neither allocated nor written yet, in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Promised(Arc<Mutex<u64>>);

impl Promised {
    fn lock(&self) -> MutexGuard<'_, u64> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that was promised; dropping it gives back what was not used.
#[derive(Debug)]
pub struct Promise {
    promised: Promised,
    bytes: u64,
}

impl Promise {
    /// So much of it was used, or is no longer needed.
    fn take(&mut self, bytes: u64) {
        let taken = bytes.min(self.bytes);
        self.bytes -= taken;
        *self.promised.lock() -= taken;
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.take(self.bytes);
    }
}

/// The room of one file that is being written.
#[derive(Debug)]
pub(super) struct Room {
    /// Up to where the file system set it aside.
    allocated: u64,
    promise: Promise,
}

impl Room {
    /// Whether the file system holds more than the `length` that the file has.
    pub fn is_larger_than(&self, length: u64) -> bool {
        self.allocated > length
    }

    /// Refuses to write `bytes` after the first `length` of the file, if they would eat into the reserve.
    pub fn write(&mut self, spool: &Spool, length: u64, bytes: u64) -> Result<(), SpoolError> {
        if length.saturating_add(bytes) <= self.allocated {
            return Ok(());
        }
        self.promise.take(bytes);
        spool.leaves_reserve(bytes, 0)
    }
}

impl Spool {
    /// Refuses if `size` more bytes would eat into the reserve, or into what was promised to others.
    ///
    /// # Errors
    /// [`SpoolError::Reserve`].
    pub fn admit(&self, size: u64) -> Result<(), SpoolError> {
        self.leaves_reserve(size, *self.promised.lock())
    }

    /// Room for `size` bytes that are kept in memory until the store has them.
    ///
    /// # Errors
    /// As [`Spool::admit`].
    pub fn promise(&self, size: u64) -> Result<Promise, SpoolError> {
        let mut promised = self.promised.lock();
        self.leaves_reserve(size, *promised)?;
        *promised += size;
        Ok(Promise { promised: self.promised.clone(), bytes: size })
    }

    /// Bytes free to this process on the spool's file system.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if the file system does not say.
    pub fn free_bytes(&self) -> Result<u64, SpoolError> {
        self.disk.free_bytes(&self.folder).map_err(|e| SpoolError::of_io("free space", &e))
    }

    /// Allocates room for `file`, which has `length` bytes, to become one of `size`.
    pub(super) fn allocate(&self, file: &File, length: u64, size: u64) -> Result<Room, SpoolError> {
        // One at a time, over all processes: the next one finds what this one has allocated gone from what is free.
        let turn = File::open(&**self.folder).map_err(|e| SpoolError::of_io("its folder", &e))?;
        turn.lock().map_err(|e| SpoolError::of_io("a lock on its folder", &e))?;
        let mut promise = self.promise(size.saturating_sub(length))?;
        if length < size {
            let held = self.disk.allocate(file, length, size);
            if held.map_err(|e| SpoolError::of_io("allocating room", &e))? {
                promise.take(size);
                return Ok(Room { allocated: size, promise });
            }
        }
        Ok(Room { allocated: length, promise })
    }

    fn leaves_reserve(&self, size: u64, promised: u64) -> Result<(), SpoolError> {
        let free = self.free_bytes()?;
        let needed = size.saturating_add(promised).saturating_add(self.reserve_bytes);
        if free < needed { Err(SpoolError::Reserve { free, needed }) } else { Ok(()) }
    }
}
