//! Checkpoint files: the latest signed checkpoints of the node's own ledger, in one file next to the database and one
//! in the spool. A store must extend them when it is opened, so a database or spool that was restored from an older
//! copy is detected.
//!
//! A checkpoint is written, without a sync, after the commit that it covers is durable: after a power failure it is
//! never ahead of the store. Each file has two slots of one sector each, written alternately, so that one is always
//! intact. A smaller checkpoint never replaces a larger one, unless officers accepted the loss of the larger one.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::change::CheckpointPlace;
use crate::config::replace_file;
use crate::digest::Digest;
use crate::ledger::{LedgerKey, SignedCheckpoint};

/// The setting that lists the earlier checkpoints of this ledger, and the checkpoint files, whose loss officers
/// accepted. It is the only thing that may be written while the store is stopped.
pub const RESTORED: &str = "restored";

/// The name of the file in the spool folder.
pub(super) const SPOOL_FILE: &str = "head";

/// Size of a slot in bytes: one disk sector, which is written atomically.
const SLOT: usize = 512;
/// Size of a file in bytes.
const FILE: usize = 2 * SLOT;

/// What one of the files contains.
#[derive(Clone, Debug)]
pub struct FoundCheckpoints {
    /// Which of the files it is.
    pub place: CheckpointPlace,
    /// The path of the file.
    pub path: PathBuf,
    /// Whether the file does not exist.
    pub absent: bool,
    /// The checkpoints in it, or why there are none.
    pub heads: Result<Vec<SignedCheckpoint>, String>,
}

/// The files in which a node keeps the latest checkpoints of its own ledger.
#[derive(Debug)]
pub struct CheckpointFiles {
    files: [(CheckpointPlace, PathBuf, Mutex<FileState>); 2],
    key: LedgerKey,
}

/// The state of one file.
#[derive(Debug, Default)]
struct FileState {
    file: Option<File>,
    /// The content of its slots when they were last read or written, and the checkpoints in them.
    slots: [(Vec<u8>, Option<SignedCheckpoint>); 2],
    /// Number of entries of the largest checkpoint that this process wrote.
    written: u64,
    /// Checkpoints whose loss officers accepted.
    lost: BTreeSet<(u64, Digest)>,
    /// Whether the log already says that the file cannot be written.
    error_logged: bool,
}

impl CheckpointFiles {
    /// Returns the files next to `database` and in the folder `spool`, for the ledger signed by `key`.
    pub fn of(database: &Path, spool: &Path, key: LedgerKey) -> CheckpointFiles {
        let mut beside = database.as_os_str().to_owned();
        beside.push(".head");
        let file = |place, path| (place, path, Mutex::default());
        CheckpointFiles {
            files: [
                file(CheckpointPlace::Database, beside.into()),
                file(CheckpointPlace::Spool, spool.join(SPOOL_FILE)),
            ],
            key,
        }
    }

    /// Reads the files. Read the store's own checkpoint afterwards, so that it is at least as new.
    ///
    /// # Errors
    /// The path of a file that exists but cannot be read, and the error. Its content is then unknown.
    pub fn read(&self) -> Result<Vec<FoundCheckpoints>, (PathBuf, io::Error)> {
        let found = |(place, path, _): &(CheckpointPlace, PathBuf, _)| {
            let (absent, heads) = match read(path) {
                Ok(bytes) => (false, Some(self.parse(&bytes)).filter(|heads| !heads.is_empty())),
                Err(e) if e.kind() == io::ErrorKind::NotFound => (true, None),
                Err(e) => return Err((path.clone(), e)),
            };
            let why = if absent { "is not there" } else { "is damaged, or another node's" };
            Ok(FoundCheckpoints {
                place: *place,
                path: path.clone(),
                absent,
                heads: heads.ok_or_else(|| why.to_owned()),
            })
        };
        self.files.iter().map(found).collect()
    }

    /// Returns the checkpoints in the bytes of such a file: those of its slots that verify, without duplicates.
    pub fn parse(&self, bytes: &[u8]) -> Vec<SignedCheckpoint> {
        let mut heads: Vec<_> = bytes.chunks(SLOT).filter_map(|slot| self.head_in(slot)).collect();
        heads.dedup();
        heads
    }

    /// Creates one of the files anew, durably, with this checkpoint.
    ///
    /// # Errors
    /// [`io::Error`] of the file system.
    pub fn create(&self, place: CheckpointPlace, head: &SignedCheckpoint) -> io::Result<()> {
        for (_, path, kept) in self.files.iter().filter(|(at, ..)| *at == place) {
            let mut kept = locked(kept);
            let slot = slot_of(head)?;
            replace_file(path, &[slot.clone(), slot].concat(), 0o600)?;
            kept.file = None;
        }
        Ok(())
    }

    /// Allows a checkpoint whose loss officers accepted to be overwritten.
    pub fn accept_loss(&self, head: &SignedCheckpoint) {
        for (_, _, kept) in &self.files {
            locked(kept).lost.insert((head.size(), head.root()));
        }
    }

    /// Writes the checkpoint of a durable commit, unless the file has a larger one. A file that cannot be written
    /// delays nothing; the error is logged, and the file stays at an older checkpoint.
    pub fn write_if_newer(&self, head: &SignedCheckpoint) {
        for (_, path, kept) in &self.files {
            let mut kept = locked(kept);
            if let Err(error) = self.write(path, &mut kept, head)
                && !std::mem::replace(&mut kept.error_logged, true)
            {
                tracing::error!(file = %path.display(), error = %error, "the checkpoint file could not be written");
            }
        }
    }

    /// Syncs what was written.
    pub fn sync(&self) {
        for (_, path, kept) in &self.files {
            let kept = locked(kept);
            if let Some(Err(error)) = kept.file.as_ref().map(File::sync_all) {
                tracing::error!(file = %path.display(), error = %error, "the checkpoint file could not be synced");
            }
        }
    }

    fn write(&self, path: &Path, kept: &mut FileState, head: &SignedCheckpoint) -> io::Result<()> {
        if kept.written >= head.size() {
            return Ok(());
        }
        let file = match kept.file.take() {
            Some(file) => file,
            None => options().read(true).write(true).open(path)?,
        };
        // No other process writes between the read and the write.
        file.lock()?;
        let written = self.write_locked(&file, kept, head);
        file.unlock()?;
        kept.file = Some(file);
        written?;
        kept.written = head.size();
        Ok(())
    }

    fn write_locked(&self, file: &File, kept: &mut FileState, head: &SignedCheckpoint) -> io::Result<()> {
        let bytes = read_from(file)?;
        for (known, found) in kept.slots.iter_mut().zip(bytes.chunks(SLOT)) {
            if known.0 != found {
                *known = (found.to_vec(), self.head_in(found));
            }
        }
        let standing = |slot: &(Vec<u8>, Option<SignedCheckpoint>)| {
            let head = slot.1.as_ref().filter(|head| !kept.lost.contains(&(head.size(), head.root())));
            head.map(SignedCheckpoint::size)
        };
        let (first, second) = (standing(&kept.slots[0]), standing(&kept.slots[1]));
        if first.max(second).is_some_and(|greatest| greatest >= head.size()) {
            return Ok(());
        }
        let at = usize::from(first > second);
        let slot = slot_of(head)?;
        file.write_all_at(&slot, if at == 0 { 0 } else { SLOT as u64 })?;
        kept.slots[at] = (slot, Some(head.clone()));
        Ok(())
    }

    /// Parses the checkpoint in a slot: its text, padded with line feeds.
    fn head_in(&self, slot: &[u8]) -> Option<SignedCheckpoint> {
        let text = std::str::from_utf8(slot).ok()?;
        SignedCheckpoint::verify(&format!("{}\n", text.trim_end_matches('\n')), &self.key).ok()
    }
}

/// Formats this checkpoint as a slot.
fn slot_of(head: &SignedCheckpoint) -> io::Result<Vec<u8>> {
    let mut slot = head.as_str().as_bytes().to_vec();
    if slot.len() > SLOT {
        return Err(io::Error::other(format!("a head of {} bytes is longer than {SLOT}", slot.len())));
    }
    slot.resize(SLOT, b'\n');
    Ok(slot)
}

/// With `O_NOFOLLOW` and `O_CLOEXEC`: a symbolic link in place of the file is an error.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // `O_NONBLOCK`, so that opening a named pipe in its place does not block.
    let flags = rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::CLOEXEC).union(rustix::fs::OFlags::NONBLOCK);
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    options
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = options().read(true).open(path)?;
    // Without the lock, a slot that is being written may fail to parse; the other slot is still intact.
    let _ = file.lock_shared();
    read_from(&file)
}

/// Reads a file up to its fixed size; a shorter file gives fewer bytes.
fn read_from(file: &File) -> io::Result<Vec<u8>> {
    let (mut bytes, mut filled) = (vec![0; FILE], 0);
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, u64::try_from(filled).unwrap_or_default())? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(bytes)
}

fn locked(kept: &Mutex<FileState>) -> MutexGuard<'_, FileState> {
    // No code panics while it holds the lock.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Origin;
    use crate::sign::{Algorithm, LocalSigner, Signer as _};

    struct Place {
        folder: tempfile::TempDir,
        signer: LocalSigner,
        key: LedgerKey,
    }

    impl Place {
        fn new() -> Place {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("spool")).unwrap();
            let signer = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
            let name = "exercise-usa".parse().unwrap();
            let key = LedgerKey::new(Origin::of_node(&name), signer.public().clone()).unwrap();
            Place { folder, signer, key }
        }

        fn opened(&self) -> CheckpointFiles {
            CheckpointFiles::of(
                &self.folder.path().join("exercise.db"),
                &self.folder.path().join("spool"),
                self.key.clone(),
            )
        }

        fn head(&self, size: u64, root: &[u8]) -> SignedCheckpoint {
            SignedCheckpoint::sign(size, Digest::of(root), &self.key, &self.signer).unwrap()
        }

        fn made(&self) -> CheckpointFiles {
            let heads = self.opened();
            for place in CheckpointPlace::ALL {
                heads.create(place, &self.head(0, b"0")).unwrap();
            }
            heads
        }

        fn sizes(&self) -> Vec<Vec<u64>> {
            let sizes = |found: FoundCheckpoints| {
                let mut sizes: Vec<u64> = found.heads.unwrap().iter().map(SignedCheckpoint::size).collect();
                sizes.sort_unstable();
                sizes
            };
            self.opened().read().unwrap().into_iter().map(sizes).collect()
        }
    }

    #[test]
    fn keeps_the_last_two_checkpoints_and_never_overwrites_a_larger_one() {
        let place = Place::new();
        let (one, other) = (place.made(), place.opened());
        one.write_if_newer(&place.head(3, b"3"));
        other.write_if_newer(&place.head(5, b"5"));
        // A slow process, and another checkpoint of the same size.
        one.write_if_newer(&place.head(4, b"4"));
        other.write_if_newer(&place.head(5, b"another"));
        assert_eq!(place.sizes(), [[3, 5], [3, 5]]);
        one.write_if_newer(&place.head(6, b"6"));
        assert_eq!(place.sizes(), [[5, 6], [5, 6]]);
        // Unless officers accepted its loss.
        let after = place.opened();
        after.accept_loss(&place.head(6, b"6"));
        after.write_if_newer(&place.head(2, b"2"));
        assert_eq!(place.sizes(), [[5, 6], [5, 6]], "5 stands");
        after.accept_loss(&place.head(5, b"5"));
        after.write_if_newer(&place.head(3, b"3"));
        after.write_if_newer(&place.head(4, b"4"));
        assert_eq!(place.sizes(), [[3, 4], [3, 4]]);
    }

    #[test]
    fn reads_one_intact_slot_and_nothing_from_a_missing_damaged_or_foreign_file() {
        let place = Place::new();
        let heads = place.made();
        heads.write_if_newer(&place.head(1, b"1"));
        heads.write_if_newer(&place.head(2, b"2"));
        let file = place.folder.path().join("spool/head");
        let whole = std::fs::read(&file).unwrap();
        assert_eq!(whole.len(), FILE);
        let mut torn = whole.clone();
        torn[20] ^= 1;
        std::fs::write(&file, &torn).unwrap();
        let left = heads.read().unwrap()[1].heads.clone().unwrap();
        assert_eq!(left.len(), 1);
        // A torn slot is overwritten next; the intact slot stays.
        heads.write_if_newer(&place.head(3, b"3"));
        assert_eq!(heads.read().unwrap()[1].heads.clone().unwrap().len(), 2);
        std::fs::write(&file, Place::new().made().files[0].1.to_string_lossy().as_bytes()).unwrap();
        assert!(heads.read().unwrap()[1].heads.clone().unwrap_err().contains("damaged"));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(heads.read().unwrap()[1].heads.clone().unwrap_err(), "is not there");
        heads.write_if_newer(&place.head(4, b"4"));
        assert!(!place.opened().files[1].1.exists(), "only `create` makes one");
        assert_eq!(place.sizes_of_database(), [3, 4]);
    }

    impl Place {
        fn sizes_of_database(&self) -> Vec<u64> {
            let mut sizes: Vec<u64> =
                self.opened().read().unwrap()[0].heads.clone().unwrap().iter().map(SignedCheckpoint::size).collect();
            sizes.sort_unstable();
            sizes
        }
    }
}
