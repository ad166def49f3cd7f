//! The disk under a simulated node's spool. The files that are there are what the system has in its cache, and reads see
//! those; beside them stands what would be left of them without power.
//!
//! What is written is dirty until a sync. A sync that succeeds makes the dirty pages durable; one that fails loses some of
//! them: they are clean from then on, and later syncs succeed without writing them, until they are written again. Names
//! are durable once their folder was synced.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis::store::Disk;

use super::exec::Rng;

/// As small as the blocks of a file system are, so that short payloads have several.
const PAGE: u64 = 1024;

/// What becomes of one sync.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Synced {
    /// What was written is durable.
    Done,
    /// It fails, and the process hears of it.
    Failed,
    /// It fails, and the process is killed before it hears of it.
    Died,
}

/// What befalls the syncs of one process.
pub trait Fate: Send + Sync {
    /// What becomes of the next one.
    fn next(&self) -> Synced;
    /// The process is killed.
    fn died(&self);
}

/// The disk of one spool; clones are the same disk.
#[derive(Clone)]
pub struct Volume {
    root: PathBuf,
    state: Arc<Mutex<State>>,
    fate: Option<Arc<dyn Fate>>,
    /// Whether bytes that are written again as they were before count for nothing.
    trusts_prefix: bool,
}

struct State {
    files: BTreeMap<u64, Kept>,
    /// The durable names, relative to the root, and the numbers of their files.
    names: BTreeMap<PathBuf, u64>,
    /// The names that a folder's failed sync lost: as long as nothing else is renamed there, another sync does nothing.
    lost_names: Option<BTreeMap<PathBuf, u64>>,
    /// What a process left that was killed in a sync: what it did afterwards it did not do.
    left: Option<Cache>,
    rng: Rng,
}

impl State {
    /// The files that are left of those in the cache, by name.
    fn without_power(&mut self, cache: &Cache) -> BTreeMap<PathBuf, Vec<u8>> {
        let now: BTreeMap<PathBuf, u64> = cache.iter().map(|(name, (number, _))| (name.clone(), *number)).collect();
        let cached: BTreeMap<u64, &Vec<u8>> = cache.values().map(|(number, bytes)| (*number, bytes)).collect();
        let stays = self.lost_names.as_ref() == Some(&now) || self.rng.one_in(2);
        let names = if stays { std::mem::take(&mut self.names) } else { now };
        let mut left = BTreeMap::new();
        for (name, number) in names {
            let mut kept = self.files.get(&number).cloned().unwrap_or_default();
            let drawn = self.rng.next();
            if let Some(cached) = cached.get(&number) {
                if drawn & 1 == 0 {
                    kept.bytes.truncate(cached.len());
                }
                let written = kept.dirty.into_iter().filter(|page| reaches(drawn, *page));
                written.for_each(|page| write_page(&mut kept.bytes, cached, page));
            }
            left.insert(name, kept.bytes);
        }
        left
    }

    fn new(rng: Rng) -> State {
        let (files, names) = (BTreeMap::new(), BTreeMap::new());
        State { files, names, lost_names: None, left: None, rng }
    }
}

/// What is durable of a file, and what is to become so.
#[derive(Clone, Default)]
struct Kept {
    bytes: Vec<u8>,
    dirty: BTreeSet<u64>,
    /// The pages that failed syncs lost and that were not written since, as they are in the cache.
    lost: BTreeMap<u64, Vec<u8>>,
}

/// The files in the cache, by name, with their numbers and bytes.
type Cache = BTreeMap<PathBuf, (u64, Vec<u8>)>;

impl Volume {
    /// The disk of the spool in `root`; what is there is durable.
    pub fn of(root: &Path, seed: u64, trusts_prefix: bool) -> Volume {
        let state = Arc::new(Mutex::new(State::new(Rng::new(seed))));
        let volume = Volume { root: root.to_owned(), state, fate: None, trusts_prefix };
        volume.adopt();
        volume
    }

    /// The same disk for one process, of whose syncs `fate` decides.
    pub fn under(&self, fate: Arc<dyn Fate>) -> Volume {
        Volume { fate: Some(fate), ..self.clone() }
    }

    /// Takes everything that is there for durable.
    pub fn adopt(&self) {
        let mut state = self.lock();
        *state = State::new(state.rng.clone());
        for (name, path) in self.there() {
            let bytes = std::fs::read(&path).expect("a file");
            let number = number_of(&path);
            state.files.insert(number, Kept { bytes, ..Kept::default() });
            state.names.insert(name, number);
        }
    }

    /// What is durable under a name.
    pub fn durable(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.lock();
        let number = state.names.get(Path::new(name))?;
        state.files.get(number).map(|kept| kept.bytes.clone())
    }

    /// A process ended: what it did in its last breath is undone.
    pub fn process_ended(&self) {
        let mut state = self.lock();
        let Some(left) = state.left.take() else { return };
        for (name, path) in self.there() {
            if !left.contains_key(&name) {
                std::fs::remove_file(path).expect("a file");
            }
        }
        for (name, (number, bytes)) in left {
            let path = self.root.join(name);
            std::fs::write(&path, bytes).expect("a file");
            // One that was made again is another file to the system that the simulation runs on, and the same in it.
            let made = number_of(&path);
            if made != number {
                let kept = state.files.remove(&number).unwrap_or_default();
                state.files.insert(made, kept);
                state.names.values_mut().filter(|named| **named == number).for_each(|named| *named = made);
            }
        }
    }

    /// The power fails: of what is not durable some pages may have been written, and the names as well. Gives the names of
    /// the payloads of which something else is there than the beginning of what was.
    pub fn cut_power(&self) -> Vec<String> {
        self.process_ended();
        let before = self.cache();
        before.keys().for_each(|name| std::fs::remove_file(self.root.join(name)).expect("a file"));
        let after = self.lock().without_power(&before);
        for (name, bytes) in &after {
            let path = self.root.join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, bytes).expect("a file");
        }
        self.adopt();
        let begins = |name: &str, left: &Vec<u8>| {
            let mut known = before.iter().filter(|(before, _)| payload(before) == name);
            known.any(|(_, (_, bytes))| bytes.starts_with(left))
        };
        let left = after.iter().map(|(name, bytes)| (payload(name), bytes)).filter(|(_, bytes)| !bytes.is_empty());
        left.filter(|(name, bytes)| !begins(name, bytes)).map(|(name, _)| name).collect()
    }

    /// Every file in the spool and in its folders.
    fn there(&self) -> Vec<(PathBuf, PathBuf)> {
        fn walk(root: &Path, folder: &Path, all: &mut Vec<(PathBuf, PathBuf)>) {
            for found in std::fs::read_dir(folder).expect("a spool") {
                let found = found.expect("an entry");
                let path = found.path();
                if found.file_type().expect("a type").is_dir() {
                    walk(root, &path, all);
                } else {
                    all.push((path.strip_prefix(root).expect("inside").to_owned(), path));
                }
            }
        }
        let mut all = Vec::new();
        walk(&self.root, &self.root, &mut all);
        all.sort();
        all
    }

    fn cache(&self) -> Cache {
        let read = |path: &Path| (number_of(path), std::fs::read(path).expect("a file"));
        self.there().into_iter().map(|(name, path)| (name, read(&path))).collect()
    }

    fn names_now(&self) -> BTreeMap<PathBuf, u64> {
        self.there().into_iter().map(|(name, path)| (name, number_of(&path))).collect()
    }

    fn fate(&self) -> Synced {
        self.fate.as_ref().map_or(Synced::Done, |fate| fate.next())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for Volume {
    fn wrote(&self, file: &File, from: u64, to: u64) {
        let mut state = self.lock();
        let cached = bytes_of(file);
        let kept = state.files.entry(number(file)).or_default();
        for page in from / PAGE..to.div_ceil(PAGE) {
            if self.trusts_prefix && kept.lost.get(&page).is_some_and(|lost| *lost == page_of(&cached, page)) {
                continue;
            }
            kept.lost.remove(&page);
            kept.dirty.insert(page);
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.lock().left.is_some() {
            return Err(dead());
        }
        // Drawn before anything is locked: whoever draws may look at this disk.
        let fate = self.fate();
        let mut state = self.lock();
        let (number, cached) = (number(file), bytes_of(file));
        let State { files, rng, .. } = &mut *state;
        let drawn = rng.next();
        let kept = files.entry(number).or_default();
        let dirty = std::mem::take(&mut kept.dirty);
        if fate == Synced::Done {
            kept.bytes.truncate(cached.len());
            dirty.iter().for_each(|page| write_page(&mut kept.bytes, &cached, *page));
            return Ok(());
        }
        for page in dirty {
            if reaches(drawn, page) {
                write_page(&mut kept.bytes, &cached, page);
            } else {
                kept.lost.insert(page, page_of(&cached, page));
            }
        }
        if fate == Synced::Died {
            state.left = Some(self.cache());
            drop(state);
            self.fate.iter().for_each(|fate| fate.died());
        }
        Err(io::Error::other("EXERCISE: a sync failed"))
    }

    fn sync_folder(&self, _: &File, path: &Path) -> io::Result<()> {
        if self.lock().left.is_some() {
            return Err(dead());
        }
        let fate = self.fate();
        let now = self.names_now();
        let mut state = self.lock();
        if fate != Synced::Done {
            state.lost_names = Some(now);
            if fate == Synced::Died {
                state.left = Some(self.cache());
                drop(state);
                self.fate.iter().for_each(|fate| fate.died());
            }
            return Err(io::Error::other("EXERCISE: a sync of a folder failed"));
        }
        if state.lost_names.as_ref() == Some(&now) {
            return Ok(());
        }
        state.lost_names = None;
        let here = |name: &PathBuf| self.root.join(name).parent() == Some(path);
        state.names.retain(|name, _| !here(name));
        state.names.extend(now.into_iter().filter(|(name, _)| here(name)));
        Ok(())
    }
}

impl std::fmt::Debug for Volume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Volume({})", self.root.display())
    }
}

/// The payload that a file belongs to, whole or not.
fn payload(name: &Path) -> String {
    name.to_string_lossy().trim_end_matches(".part").to_owned()
}

fn dead() -> io::Error {
    io::Error::other("EXERCISE: the process is dead")
}

fn number(file: &File) -> u64 {
    file.metadata().expect("a file").ino()
}

fn number_of(path: &Path) -> u64 {
    std::fs::symlink_metadata(path).expect("a file").ino()
}

/// What the cache has of a file, which may be open to be written alone, and have no name any more.
fn bytes_of(file: &File) -> Vec<u8> {
    std::fs::read(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("an open file")
}

fn page_of(bytes: &[u8], page: u64) -> Vec<u8> {
    let from = usize::try_from(page * PAGE).expect("a length").min(bytes.len());
    let to = usize::try_from((page + 1) * PAGE).expect("a length").min(bytes.len());
    bytes[from..to].to_vec()
}

/// Whether a page is written that nobody waits for. Drawn page by page, so that the length of a payload, which differs from
/// one sealing to the next, changes nothing for others.
fn reaches(drawn: u64, page: u64) -> bool {
    Rng::new(drawn ^ page).one_in(2)
}

/// Writes one page of the cache to what is durable; what lies between is nothing but zeros.
fn write_page(durable: &mut Vec<u8>, cached: &[u8], page: u64) {
    let bytes = page_of(cached, page);
    let from = usize::try_from(page * PAGE).expect("a length");
    if bytes.is_empty() {
        return;
    }
    durable.resize(durable.len().max(from + bytes.len()), 0);
    durable[from..from + bytes.len()].copy_from_slice(&bytes);
}
