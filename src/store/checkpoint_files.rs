//! Checkpoint files: the latest signed checkpoints of the node's own ledger, in one file beside the database and one in the
//! spool. A store that is opened must extend them, so a database or spool restored from an older copy is noticed.
//!
//! A checkpoint is written after the commit that it covers is durable, and not synced: after a power failure it is never ahead
//! of the store. Each file has two slots of one sector, written in turn, so that one is always whole. A smaller checkpoint
//! never replaces a larger one, unless officers accepted the larger one as lost.

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

/// The setting that holds which heads of an earlier ledger of ours, and which files of heads, it was accepted are lost.
/// Nothing else may be written while the store is stopped.
pub const RESTORED: &str = "restored";

/// The name of the file in the spool.
pub(super) const SPOOL_FILE: &str = "head";

/// Bytes of a slot: what a disk writes whole or not at all.
const SLOT: usize = 512;
/// Bytes of a file.
const FILE: usize = 2 * SLOT;

/// What was found in one of the files.
#[derive(Clone, Debug)]
pub struct FoundCheckpoints {
    /// Where it is.
    pub place: CheckpointPlace,
    /// The file.
    pub path: PathBuf,
    /// Whether there is no such file.
    pub absent: bool,
    /// The heads in it; or why there is none.
    pub heads: Result<Vec<SignedCheckpoint>, String>,
}

/// The files in which a node keeps the head of its own ledger.
#[derive(Debug)]
pub struct CheckpointFiles {
    files: [(CheckpointPlace, PathBuf, Mutex<Kept>); 2],
    key: LedgerKey,
}

/// What is known of one file.
#[derive(Debug, Default)]
struct Kept {
    file: Option<File>,
    /// What its slots held when they were last read or written, and the heads in it.
    slots: [(Vec<u8>, Option<SignedCheckpoint>); 2],
    /// Entries of the greatest head that this process wrote.
    written: u64,
    /// Heads that are lost, as officers accepted.
    lost: BTreeSet<(u64, Digest)>,
    /// Whether the log has said that it cannot be written.
    said: bool,
}

impl CheckpointFiles {
    /// The files beside `database` and in the folder `spool`, of the ledger that `key` names.
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

    /// What the files hold now. Read before the store's own head is, which then is at least as new.
    ///
    /// # Errors
    /// The file that is there and cannot be read, and why: then nothing is known of what it holds.
    pub fn read(&self) -> Result<Vec<FoundCheckpoints>, (PathBuf, io::Error)> {
        let found = |(place, path, _): &(CheckpointPlace, PathBuf, _)| {
            let (absent, heads) = match read(path) {
                Ok(bytes) => (false, Some(self.among(&bytes)).filter(|heads| !heads.is_empty())),
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

    /// The heads in the bytes of such a file, those of its slots that verify, each once.
    pub fn among(&self, bytes: &[u8]) -> Vec<SignedCheckpoint> {
        let mut heads: Vec<_> = bytes.chunks(SLOT).filter_map(|slot| self.head_in(slot)).collect();
        heads.dedup();
        heads
    }

    /// Makes one of the files anew, durably, with this head.
    ///
    /// # Errors
    /// As the file system says.
    pub fn make(&self, place: CheckpointPlace, head: &SignedCheckpoint) -> io::Result<()> {
        for (_, path, kept) in self.files.iter().filter(|(at, ..)| *at == place) {
            let mut kept = locked(kept);
            let slot = slot_of(head)?;
            replace_file(path, &[slot.clone(), slot].concat(), 0o600)?;
            kept.file = None;
        }
        Ok(())
    }

    /// Lets a head that officers accepted as lost be written over.
    pub fn accept(&self, head: &SignedCheckpoint) {
        for (_, _, kept) in &self.files {
            locked(kept).lost.insert((head.size(), head.root()));
        }
    }

    /// Writes the head of a commit that is durable, unless a greater one is there. A file that cannot be written holds up
    /// nothing: it then says less than it could.
    pub fn keep(&self, head: &SignedCheckpoint) {
        for (_, path, kept) in &self.files {
            let mut kept = locked(kept);
            if let Err(error) = self.write(path, &mut kept, head)
                && !std::mem::replace(&mut kept.said, true)
            {
                tracing::error!(file = %path.display(), error = %error, "the checkpoint file could not be written");
            }
        }
    }

    /// Makes what was written durable.
    pub fn sync(&self) {
        for (_, path, kept) in &self.files {
            let kept = locked(kept);
            if let Some(Err(error)) = kept.file.as_ref().map(File::sync_all) {
                tracing::error!(file = %path.display(), error = %error, "the checkpoint file could not be synced");
            }
        }
    }

    fn write(&self, path: &Path, kept: &mut Kept, head: &SignedCheckpoint) -> io::Result<()> {
        if kept.written >= head.size() {
            return Ok(());
        }
        let file = match kept.file.take() {
            Some(file) => file,
            None => options().read(true).write(true).open(path)?,
        };
        // Between looking and writing nobody else writes.
        file.lock()?;
        let written = self.write_locked(&file, kept, head);
        file.unlock()?;
        kept.file = Some(file);
        written?;
        kept.written = head.size();
        Ok(())
    }

    fn write_locked(&self, file: &File, kept: &mut Kept, head: &SignedCheckpoint) -> io::Result<()> {
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

    /// The head in a slot: its text, and line ends after it.
    fn head_in(&self, slot: &[u8]) -> Option<SignedCheckpoint> {
        let text = std::str::from_utf8(slot).ok()?;
        SignedCheckpoint::verify(&format!("{}\n", text.trim_end_matches('\n')), &self.key).ok()
    }
}

/// A slot with this head in it.
fn slot_of(head: &SignedCheckpoint) -> io::Result<Vec<u8>> {
    let mut slot = head.as_str().as_bytes().to_vec();
    if slot.len() > SLOT {
        return Err(io::Error::other(format!("a head of {} bytes is longer than {SLOT}", slot.len())));
    }
    slot.resize(SLOT, b'\n');
    Ok(slot)
}

/// `O_NOFOLLOW` and `O_CLOEXEC`: a link in the place of a head is an error.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // Nobody waits for a pipe in its place.
    let flags = rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::CLOEXEC).union(rustix::fs::OFlags::NONBLOCK);
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    options
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = options().read(true).open(path)?;
    // Without the lock a slot that is being written may not read, and the other does.
    let _ = file.lock_shared();
    read_from(&file)
}

/// The bytes of a file; what is missing is read as nothing.
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

fn locked(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
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
                heads.make(place, &self.head(0, b"0")).unwrap();
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
    fn the_last_two_heads_are_kept_in_both_places_and_a_greater_one_is_never_written_over() {
        let place = Place::new();
        let (one, other) = (place.made(), place.opened());
        one.keep(&place.head(3, b"3"));
        other.keep(&place.head(5, b"5"));
        // A process that was slow, and another head of the same size.
        one.keep(&place.head(4, b"4"));
        other.keep(&place.head(5, b"another"));
        assert_eq!(place.sizes(), [[3, 5], [3, 5]]);
        one.keep(&place.head(6, b"6"));
        assert_eq!(place.sizes(), [[5, 6], [5, 6]]);
        // Unless officers accepted that it is lost.
        let after = place.opened();
        after.accept(&place.head(6, b"6"));
        after.keep(&place.head(2, b"2"));
        assert_eq!(place.sizes(), [[5, 6], [5, 6]], "5 stands");
        after.accept(&place.head(5, b"5"));
        after.keep(&place.head(3, b"3"));
        after.keep(&place.head(4, b"4"));
        assert_eq!(place.sizes(), [[3, 4], [3, 4]]);
    }

    #[test]
    fn one_whole_slot_is_enough_and_a_file_that_is_missing_damaged_or_anothers_has_none() {
        let place = Place::new();
        let heads = place.made();
        heads.keep(&place.head(1, b"1"));
        heads.keep(&place.head(2, b"2"));
        let file = place.folder.path().join("spool/head");
        let whole = std::fs::read(&file).unwrap();
        assert_eq!(whole.len(), FILE);
        let mut torn = whole.clone();
        torn[20] ^= 1;
        std::fs::write(&file, &torn).unwrap();
        let left = heads.read().unwrap()[1].heads.clone().unwrap();
        assert_eq!(left.len(), 1);
        // What is torn is written over next, and what is whole stays.
        heads.keep(&place.head(3, b"3"));
        assert_eq!(heads.read().unwrap()[1].heads.clone().unwrap().len(), 2);
        std::fs::write(&file, Place::new().made().files[0].1.to_string_lossy().as_bytes()).unwrap();
        assert!(heads.read().unwrap()[1].heads.clone().unwrap_err().contains("damaged"));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(heads.read().unwrap()[1].heads.clone().unwrap_err(), "is not there");
        heads.keep(&place.head(4, b"4"));
        assert!(!place.opened().files[1].1.exists(), "only `make` makes one");
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
