//! Space for payloads: a payload is allocated before its first byte, and none uses up the reserve, however many are
//! accepted at once.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis::ident::ExchangeId;
use portcullis::store::{Disk, Spool, SpoolError, SpoolId, SpoolWriter, SystemDisk};
use portcullis::time::Time;

const MIB: u64 = 1024 * 1024;

/// A disk of `bytes` bytes, on which only the spool's files take space.
#[derive(Debug)]
struct Small {
    folder: PathBuf,
    bytes: u64,
    /// Whether it supports allocation.
    allocates: bool,
}

impl Disk for Small {
    fn wrote(&self, _: &File, _: u64, _: u64) {}

    fn sync(&self, file: &File) -> io::Result<()> {
        SystemDisk.sync(file)
    }

    fn sync_folder(&self, folder: &File, path: &Path) -> io::Result<()> {
        SystemDisk.sync_folder(folder, path)
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        let files = std::fs::read_dir(&self.folder)?.filter_map(|found| found.ok()?.metadata().ok());
        Ok(self.bytes.saturating_sub(files.filter(|found| found.is_file()).map(|found| found.blocks() * 512).sum()))
    }

    fn allocate(&self, file: &File, length: u64, size: u64) -> io::Result<bool> {
        if self.allocates { SystemDisk.allocate(file, length, size) } else { Ok(false) }
    }
}

fn id(number: u8) -> SpoolId {
    SpoolId::Envelope(ExchangeId::new(Time::EPOCH, [number; 10]))
}

fn spool(folder: &Path, bytes: u64, allocates: bool) -> Spool {
    let place = folder.join("spool");
    let spool = Spool::open(&place, 4 * MIB).unwrap();
    spool.with_disk(Arc::new(Small { folder: place, bytes, allocates }))
}

fn reserve<T>(result: Result<T, SpoolError>) -> bool {
    matches!(result, Err(SpoolError::Reserve { .. }))
}

/// Twelve offers of 6 MiB at 15 MiB above the reserve: each would fit alone, and two do.
#[tokio::test]
async fn space_of_an_accepted_payload_is_not_available_to_the_next_offer() {
    for allocates in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path(), 19 * MIB, allocates);
        let mut writers: Vec<SpoolWriter> = Vec::new();
        for number in 0..12 {
            match spool.create(id(number), 6 * MIB).await {
                Ok(writer) => writers.push(writer),
                refused => assert!(reserve(refused), "{number}"),
            }
        }
        assert_eq!(writers.len(), 2, "allocates: {allocates}");
        for writer in &mut writers {
            for _ in 0..24 {
                writer.write(&vec![7; 256 * 1024]).await.unwrap();
            }
            writer.finish(None).await.unwrap();
        }
        assert!(spool.free_bytes().unwrap() >= 4 * MIB, "the reserve is whole");
        assert!(reserve(spool.create(id(99), 6 * MIB).await) && spool.create(id(99), 2 * MIB).await.is_ok());
    }
}

/// Space allocated by another process of the node is not available either.
#[tokio::test]
async fn two_processes_do_not_reserve_the_same_space() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (spool(folder.path(), 19 * MIB, true), spool(folder.path(), 19 * MIB, true));
    let first = one.create(id(1), 10 * MIB).await.unwrap();
    assert!(reserve(other.create(id(2), 10 * MIB).await) && reserve(other.reserve(10 * MIB)));
    assert!(other.create(id(2), 4 * MIB).await.is_ok());
    drop(first);
    assert!(other.create(id(3), 10 * MIB).await.is_ok(), "what is not used is given back");
}

#[tokio::test]
async fn reserves_space_for_payloads_held_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path(), 19 * MIB, true);
    let room = spool.reserve(10 * MIB).unwrap();
    assert!(reserve(spool.create(id(1), 10 * MIB).await) && reserve(spool.reserve(10 * MIB)));
    drop(room);
    assert!(spool.create(id(1), 10 * MIB).await.is_ok());
}

/// Without allocation another process may have used the space since, so each write checks again.
#[tokio::test]
async fn a_write_that_would_eat_into_the_reserve_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path(), 19 * MIB, false);
    let mut writer = spool.create(id(1), 10 * MIB).await.unwrap();
    writer.write(&vec![7; 256 * 1024]).await.unwrap();
    writer.sync().await.unwrap();
    std::fs::write(folder.path().join("spool/others"), vec![1; 14 * MIB as usize]).unwrap();
    writer.write(&vec![7; 1024 * 1024]).await.unwrap();
    assert!(reserve(writer.sync().await));
    assert!(spool.free_bytes().unwrap() >= 4 * MIB);
}

/// On a real disk: space is allocated while a payload arrives, and released when its link breaks.
#[tokio::test]
async fn an_unfinished_payload_takes_no_more_than_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool"), 0).unwrap();
    let taken = || std::fs::metadata(folder.path().join(format!("spool/{}.part", id(1)))).unwrap().blocks() * 512;
    let mut writer = spool.create(id(1), 64 * MIB).await.unwrap();
    writer.write(&vec![7; 300 * 1024]).await.unwrap();
    writer.sync().await.unwrap();
    let probe = tempfile::tempfile_in(folder.path()).unwrap();
    if SystemDisk.allocate(&probe, 0, MIB).unwrap() {
        assert!(taken() >= 64 * MIB);
    }
    drop(writer);
    assert!(taken() < MIB, "{}", taken());
    let mut again = spool.resume(id(1), 64 * MIB, None).await.unwrap();
    assert_eq!(again.length(), 300 * 1024);
    again.write(&[7; 1024]).await.unwrap();
    assert_eq!(again.finish(None).await.unwrap().size, 301 * 1024);
    let whole = std::fs::metadata(folder.path().join(format!("spool/{}", id(1)))).unwrap();
    assert!(whole.blocks() * 512 < MIB, "a payload that ended earlier keeps no room");
}

/// A killed process releases nothing: the next one does, and needs no more space than what is missing.
#[tokio::test]
async fn releases_space_allocated_by_a_killed_process_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let one = spool(folder.path(), 19 * MIB, true);
    let part = folder.path().join(format!("spool/{}.part", id(1)));
    let left = |allocated: u64| {
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&part).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![7; MIB as usize], 0).unwrap();
        SystemDisk.allocate(&file, MIB, allocated).unwrap();
        std::fs::metadata(&part).unwrap().blocks() * 512
    };
    // All of it is allocated, so there is no space to allocate the rest again.
    left(12 * MIB);
    let writer = one.resume(id(1), 12 * MIB, None).await.unwrap();
    assert_eq!(writer.length(), MIB);
    drop(writer);
    left(12 * MIB);
    one.release_space().await.unwrap();
    assert!(std::fs::metadata(&part).unwrap().blocks() * 512 < 2 * MIB);
    assert_eq!(std::fs::metadata(&part).unwrap().len(), MIB);
}

#[tokio::test]
async fn a_refused_payload_leaves_no_file_and_a_resumption_without_bytes_keeps_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path(), 19 * MIB, true);
    let held = spool.reserve(14 * MIB).unwrap();
    assert!(reserve(spool.create(id(1), 6 * MIB).await));
    assert!(!spool.has_any(id(1)));
    drop(held);
    let mut writer = spool.create(id(1), 6 * MIB).await.unwrap();
    writer.write(&vec![7; 300 * 1024]).await.unwrap();
    writer.sync().await.unwrap();
    drop(writer);
    let part = folder.path().join(format!("spool/{}.part", id(1)));
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    File::options().write(true).open(&part).unwrap().set_modified(long_ago).unwrap();
    let modified = || std::fs::metadata(&part).unwrap().modified().unwrap();
    drop(spool.resume(id(1), 6 * MIB, None).await.unwrap());
    assert_eq!(modified(), long_ago);
    let mut writer = spool.resume(id(1), 6 * MIB, None).await.unwrap();
    writer.write(&[7; 1024]).await.unwrap();
    writer.sync().await.unwrap();
    drop(writer);
    assert_ne!(modified(), long_ago);
}

/// A foreign lock on the folder is an error after a limited wait.
#[tokio::test]
async fn limits_the_wait_for_a_foreign_lock_on_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path(), 19 * MIB, true);
    let other = File::open(folder.path().join("spool")).unwrap();
    other.lock().unwrap();
    assert!(matches!(spool.create(id(1), MIB).await, Err(SpoolError::Failed { .. })));
    other.unlock().unwrap();
    assert!(spool.create(id(1), MIB).await.is_ok());
}
