//! Space reservation. The whole size of a payload is allocated before its first byte, so that payloads that would each fit
//! cannot together exceed the disk or eat into the reserve.
//!
//! The file system allocates the space where it can; then it is taken for every process, and returned when the file is finished,
//! closed or removed. Elsewhere this process counts its reservations, and checks again at each write.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::lock::{Hold, Locked};
use super::{NO_FOLLOW, Spool, SpoolError, blocking};

/// How long the turn to allocate is waited for.
const TURN: Duration = Duration::from_secs(5);

/// What this process has reserved, and neither allocated nor written yet, in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Reserved(Arc<Mutex<u64>>);

impl Reserved {
    fn lock(&self) -> MutexGuard<'_, u64> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that was reserved; dropping it gives back what was not used.
#[derive(Debug)]
pub struct Reservation {
    reserved: Reserved,
    bytes: u64,
}

impl Reservation {
    /// So much of it was used, or is no longer needed.
    fn take(&mut self, bytes: u64) {
        let taken = bytes.min(self.bytes);
        self.bytes -= taken;
        *self.reserved.lock() -= taken;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.take(self.bytes);
    }
}

/// The room of one file that is being written.
#[derive(Debug)]
pub(super) struct Allocation {
    /// Up to where the file system has allocated it.
    allocated: u64,
    reservation: Reservation,
}

impl Allocation {
    /// Whether the file system holds more than the `length` that the file has.
    pub fn is_larger_than(&self, length: u64) -> bool {
        self.allocated > length
    }

    /// Refuses to write `bytes` after the first `length` of the file, if they would eat into the reserve.
    pub fn write(&mut self, spool: &Spool, length: u64, bytes: u64) -> Result<(), SpoolError> {
        if length.saturating_add(bytes) <= self.allocated {
            return Ok(());
        }
        self.reservation.take(bytes);
        spool.leaves_reserve(bytes, 0)
    }
}

impl Spool {
    /// Refuses if `size` more bytes would eat into the reserve, or into what was reserved to others.
    ///
    /// # Errors
    /// [`SpoolError::Reserve`].
    pub fn admit(&self, size: u64) -> Result<(), SpoolError> {
        self.leaves_reserve(size, *self.reserved.lock())
    }

    /// Room for `size` bytes that are kept in memory until the store has them.
    ///
    /// # Errors
    /// As [`Spool::admit`].
    pub fn reserve(&self, size: u64) -> Result<Reservation, SpoolError> {
        let mut reserved = self.reserved.lock();
        self.leaves_reserve(size, *reserved)?;
        *reserved += size;
        Ok(Reservation { reserved: self.reserved.clone(), bytes: size })
    }

    /// Bytes free to this process on the spool's file system.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if the file system does not say.
    pub fn free_bytes(&self) -> Result<u64, SpoolError> {
        self.disk.free_bytes(&self.folder).map_err(|e| SpoolError::of_io("free space", &e))
    }

    /// Allocates room for `file`, which has `length` bytes, to become one of `size`.
    pub(super) fn allocate(&self, file: &File, length: u64, size: u64) -> Result<Allocation, SpoolError> {
        // One at a time, over all processes: the next one finds what this one has allocated gone from what is free.
        let _turn = self.turn()?;
        let mut reservation = self.reserve(size.saturating_sub(length))?;
        if length < size {
            let held = self.disk.allocate(file, length, size);
            // Of what there is not enough, a part may have been allocated.
            let held = held.inspect_err(|_| {
                let _ = file.set_len(length);
            });
            if held.map_err(|e| SpoolError::of_io("allocating room", &e))? {
                reservation.take(size);
                return Ok(Allocation { allocated: size, reservation });
            }
        }
        Ok(Allocation { allocated: length, reservation })
    }

    /// The turn to allocate. Whoever has it has it for a moment; a stranger's lock is not waited for without end.
    fn turn(&self) -> Result<File, SpoolError> {
        let turn = File::open(&**self.folder).map_err(|e| SpoolError::of_io("its folder", &e))?;
        let begun = Instant::now();
        loop {
            match turn.try_lock() {
                Ok(()) => return Ok(turn),
                Err(TryLockError::WouldBlock) if begun.elapsed() < TURN => std::thread::sleep(Duration::from_millis(1)),
                Err(e) => return Err(SpoolError::of_io("a lock on its folder", &e.into())),
            }
        }
    }

    /// Gives back what processes that were killed had allocated for payloads that they did not finish. What somebody is
    /// writing is left alone.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if the folder cannot be read.
    pub async fn release_space(&self) -> Result<(), SpoolError> {
        let spool = self.clone();
        blocking(move || {
            let listing = spool.listing().map_err(|e| SpoolError::of_io("its folder", &e))?;
            for found in listing.files.iter().filter(|found| !found.whole) {
                let path = spool.partial(found.id);
                let Ok(file) = File::options().write(true).custom_flags(NO_FOLLOW).open(&path) else { continue };
                let Ok(Some(file)) = Locked::new(file, &path, Hold::Alone) else { continue };
                let _ = shrink(&file, found.size);
            }
            Ok(())
        })
        .await
    }

    fn leaves_reserve(&self, size: u64, reserved: u64) -> Result<(), SpoolError> {
        let free = self.free_bytes()?;
        let needed = size.saturating_add(reserved).saturating_add(self.reserve_bytes);
        if free < needed { Err(SpoolError::Reserve { free, needed }) } else { Ok(()) }
    }
}

/// Gives back what a file of `length` bytes has beyond them. That is no change of what is in it, so it was last changed when
/// it was before.
pub(super) fn shrink(file: &File, length: u64) -> io::Result<()> {
    let modified = file.metadata()?.modified()?;
    file.set_len(length)?;
    file.set_modified(modified)
}
