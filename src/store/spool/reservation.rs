//! Space reservation. The whole size of a payload is allocated before its first byte, so that payloads that would
//! each fit cannot together exceed the disk or use up the reserve.
//!
//! Where the file system supports it, the space is allocated; then it is unavailable to every process, and released
//! when the file is finished, closed or removed. Elsewhere this process counts its reservations, and checks again at
//! each write.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::lock::{Hold, Locked};
use super::{NO_FOLLOW, Spool, SpoolError, blocking};

/// Maximum time to wait for the allocation lock.
const TURN: Duration = Duration::from_secs(5);

/// Bytes that this process has reserved and neither allocated nor written yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Reserved(Arc<Mutex<u64>>);

impl Reserved {
    fn lock(&self) -> MutexGuard<'_, u64> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reserved space; dropping it releases what was not used.
#[derive(Debug)]
pub struct Reservation {
    reserved: Reserved,
    bytes: u64,
}

impl Reservation {
    /// Subtracts bytes that were used or are no longer needed.
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

/// The space of one file that is being written.
#[derive(Debug)]
pub(super) struct Allocation {
    /// Offset up to which the file system has allocated space.
    allocated: u64,
    reservation: Reservation,
}

impl Allocation {
    /// Returns whether more space is allocated than the `length` that the file has.
    pub fn is_larger_than(&self, length: u64) -> bool {
        self.allocated > length
    }

    /// Refuses to write `bytes` after the first `length` bytes of the file if that would use up the reserve.
    pub fn write(&mut self, spool: &Spool, length: u64, bytes: u64) -> Result<(), SpoolError> {
        if length.saturating_add(bytes) <= self.allocated {
            return Ok(());
        }
        self.reservation.take(bytes);
        spool.leaves_reserve(bytes, 0)
    }
}

impl Spool {
    /// Refuses if `size` more bytes would use up the reserve, or space reserved by others.
    ///
    /// # Errors
    /// [`SpoolError::Reserve`].
    pub fn admit(&self, size: u64) -> Result<(), SpoolError> {
        self.leaves_reserve(size, *self.reserved.lock())
    }

    /// Reserves space for `size` bytes that are held in memory until the store has them.
    ///
    /// # Errors
    /// As [`Spool::admit`].
    pub fn reserve(&self, size: u64) -> Result<Reservation, SpoolError> {
        let mut reserved = self.reserved.lock();
        self.leaves_reserve(size, *reserved)?;
        *reserved += size;
        Ok(Reservation { reserved: self.reserved.clone(), bytes: size })
    }

    /// Returns the bytes free to this process on the spool's file system.
    ///
    /// # Errors
    /// [`SpoolError::Failed`] if the file system cannot be queried.
    pub fn free_bytes(&self) -> Result<u64, SpoolError> {
        self.disk.free_bytes(&self.folder).map_err(|e| SpoolError::of_io("free space", &e))
    }

    /// Allocates space for `file`, which has `length` bytes, to grow to `size`.
    pub(super) fn allocate(&self, file: &File, length: u64, size: u64) -> Result<Allocation, SpoolError> {
        // One allocation at a time, over all processes, so that the next one sees the space of this one as used.
        let _turn = self.turn()?;
        let mut reservation = self.reserve(size.saturating_sub(length))?;
        if length < size {
            let held = self.disk.allocate(file, length, size);
            // A failed allocation may have allocated a part.
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

    /// Acquires the allocation lock. It is only held briefly; the wait for a foreign lock is limited.
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

    /// Releases the space that killed processes had allocated for unfinished payloads. Files that are being written
    /// are left alone.
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

/// Releases the space that a file of `length` bytes has beyond its length. The content does not change, so the
/// modification time is kept.
pub(super) fn shrink(file: &File, length: u64) -> io::Result<()> {
    let modified = file.metadata()?.modified()?;
    file.set_len(length)?;
    file.set_modified(modified)
}
