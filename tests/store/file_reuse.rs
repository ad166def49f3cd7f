//! Reuse of the files of removed payloads for new ones: no content of the old payload is ever in the new one.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::store_support::*;
use portcullis::digest::Digest;
use portcullis::ledger::EntryKind;
use portcullis::store::*;
use portcullis::time::Time;

/// One process's view of the spool in a folder: what it knows of spares is its own, as are its locks.
fn spool(folder: &Path) -> Spool {
    Spool::open(&folder.join("spool"), 0).expect("a folder of our own")
}

fn envelope(n: u16) -> SpoolId {
    SpoolId::Envelope(ex(n))
}

fn path(folder: &Path, id: SpoolId) -> PathBuf {
    folder.join("spool").join(id.to_string())
}

/// Bytes that no two payloads of different `n` have in common, place by place.
fn payload(n: u16, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i % 251) as u8 ^ n as u8).collect()
}

/// What the spool has of a payload, hashed anew.
async fn kept(spool: &Spool, id: SpoolId) -> CompletePayload {
    let mut reader = spool.read(id).await.unwrap();
    let size = reader.size();
    CompletePayload { size, digest: reader.prefix_digest(size).await.unwrap() }
}

async fn written(spool: &Spool, id: SpoolId, bytes: &[u8]) -> CompletePayload {
    let mut writer = spool.create(id, bytes.len() as u64).await.unwrap();
    writer.write(bytes).await.unwrap();
    writer.finish(Some(Digest::of(bytes))).await.unwrap()
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

/// Returns the spare files, each of which must be empty.
fn spares(folder: &Path) -> BTreeSet<u64> {
    let Ok(found) = fs::read_dir(folder.join("spool/spare")) else { return BTreeSet::new() };
    found
        .map(|found| {
            let metadata = found.unwrap().metadata().unwrap();
            assert_eq!(metadata.len(), 0, "a spare has bytes in it");
            metadata.ino()
        })
        .collect()
}

#[tokio::test]
async fn reuses_the_file_of_a_removed_payload() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, long, short) = (spool(folder.path()), payload(1, 700_001), payload(2, 300));
    written(&spool, envelope(1), &long).await;
    let file = inode(&path(folder.path(), envelope(1)));
    spool.recycle(envelope(1)).await.unwrap();
    assert!(!spool.has_any(envelope(1)));
    assert_eq!(spares(folder.path()), [file].into());
    assert_eq!(spool.list().await.unwrap(), Listing::default(), "a spare is no payload, and no stranger");
    written(&spool, envelope(2), &short).await;
    let next = path(folder.path(), envelope(2));
    assert_eq!((inode(&next), spares(folder.path()).len()), (file, 0));
    assert_eq!(fs::read(&next).unwrap(), short, "nothing of the former is in it");
    assert_eq!(fs::metadata(&next).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[tokio::test]
async fn an_arriving_payload_uses_a_spare_file_and_an_existing_one_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, bytes) = (spool(folder.path()), payload(2, 600_000));
    let mut writer = spool.create(envelope(2), 600_000).await.unwrap();
    writer.write(&bytes[..400_000]).await.unwrap();
    let durable = writer.sync().await.unwrap();
    drop(writer);
    written(&spool, envelope(1), &payload(1, 900_000)).await;
    let file = inode(&path(folder.path(), envelope(1)));
    spool.recycle(envelope(1)).await.unwrap();
    // An existing file keeps its name, complete or not.
    let mut writer = spool.resume(envelope(2), 600_000, Some(durable)).await.unwrap();
    assert_eq!(writer.durable(), durable);
    writer.write(&bytes[400_000..]).await.unwrap();
    writer.finish(Some(Digest::of(&bytes))).await.unwrap();
    assert_eq!(spool.create(envelope(2), 1).await.unwrap_err(), SpoolError::Exists { id: envelope(2) });
    assert_eq!(spares(folder.path()), [file].into());
    let mut writer =
        spool.resume(envelope(3), 600_000, Some((900_000, Digest::of(&payload(1, 900_000))))).await.unwrap();
    assert_eq!((writer.durable(), spares(folder.path()).len()), ((0, Digest::of(b"")), 0));
    assert_eq!(spool.create(envelope(3), 1).await.unwrap_err(), SpoolError::InUse { id: envelope(3) });
    writer.write(&bytes).await.unwrap();
    writer.finish(Some(Digest::of(&bytes))).await.unwrap();
    assert_eq!(inode(&path(folder.path(), envelope(3))), file);
}

#[tokio::test]
async fn refuses_a_file_that_somebody_still_reads() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (spool(folder.path()), spool(folder.path()));
    for (n, reading) in (1u16..).zip([&ours, &theirs]) {
        let (id, bytes) = (envelope(n), payload(n, 500_000));
        written(&ours, id, &bytes).await;
        let reader = reading.read(id).await.unwrap();
        // A reader lasts as long as its last clone.
        let mut stream = reader.cursor();
        drop(reader);
        let file = inode(&path(folder.path(), id));
        ours.recycle(id).await.unwrap();
        assert!(!ours.has_any(id) && spares(folder.path()).is_empty());
        written(&ours, envelope(n + 10), &payload(n + 10, 500_000)).await;
        assert_ne!(inode(&path(folder.path(), envelope(n + 10))), file);
        let mut read = Vec::new();
        stream.read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes, "another payload is read, or nothing");
    }
    // Without readers, it becomes a spare file.
    written(&ours, envelope(3), b"EXERCISE").await;
    drop(theirs.read(envelope(3)).await.unwrap());
    ours.recycle(envelope(3)).await.unwrap();
    assert_eq!(spares(folder.path()).len(), 1);
}

#[tokio::test]
async fn refuses_a_file_that_somebody_still_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (spool(folder.path()), spool(folder.path()));
    written(&ours, envelope(1), b"EXERCISE").await;
    let mut writer = theirs.resume(envelope(1), 16, None).await.unwrap();
    ours.recycle(envelope(1)).await.unwrap();
    let mut file = ours.begin(envelope(2), 8).unwrap();
    writer.write(b" written").await.unwrap();
    assert!(writer.finish(None).await.is_err(), "its name is gone");
    file.write_all(b"exercise").unwrap();
    file.finish().unwrap();
    assert_eq!(fs::read(path(folder.path(), envelope(2))).unwrap(), b"exercise");
    assert!(spares(folder.path()).is_empty());
}

#[tokio::test]
async fn refuses_to_begin_a_payload_that_is_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    written(&spool, envelope(1), b"EXERCISE").await;
    let reader = spool.read(envelope(1)).await.unwrap();
    assert_eq!(spool.resume(envelope(1), 8, None).await.unwrap_err(), SpoolError::InUse { id: envelope(1) });
    assert_eq!(kept(&spool, envelope(1)).await.digest, Digest::of(b"EXERCISE"));
    drop(reader);
    assert_eq!(spool.resume(envelope(1), 8, None).await.unwrap().length(), 8);
}

#[tokio::test]
async fn refuses_a_file_that_has_another_name_or_mode() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    let copy = folder.path().join("copy");
    written(&spool, envelope(1), b"EXERCISE").await;
    fs::hard_link(path(folder.path(), envelope(1)), &copy).unwrap();
    spool.recycle(envelope(1)).await.unwrap();
    assert_eq!(fs::read(copy).unwrap(), b"EXERCISE");
    written(&spool, envelope(2), b"EXERCISE").await;
    fs::set_permissions(path(folder.path(), envelope(2)), fs::Permissions::from_mode(0o640)).unwrap();
    spool.recycle(envelope(2)).await.unwrap();
    assert!(spool.list().await.unwrap().files.is_empty() && spares(folder.path()).is_empty());
}

#[tokio::test]
async fn keeps_a_bounded_number() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    for n in 1..=1030 {
        written(&spool, envelope(n), b"EXERCISE").await;
    }
    for n in 1..=1030 {
        spool.recycle(envelope(n)).await.unwrap();
    }
    assert_eq!(spares(folder.path()).len(), 1024);
    assert_eq!(spool.list().await.unwrap(), Listing::default());
}

#[test]
fn two_processes_never_have_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let processes = [spool(folder.path()), spool(folder.path())];
    let work = |spool: &Spool, of: u16| {
        for n in of * 100..of * 100 + 40 {
            let bytes = payload(of, 5000 + usize::from(n));
            let mut file = spool.begin(envelope(n), bytes.len() as u64).unwrap();
            file.write_all(&bytes).unwrap();
            file.finish().unwrap();
            let mut read = Vec::new();
            spool.read_blocking(envelope(n)).unwrap().cursor().read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes);
            block_on(spool.recycle(envelope(n))).unwrap();
            if n % 10 == 0 {
                // Another server starts meanwhile.
                block_on(spool.clear_pool()).unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        for of in 1..=4 {
            let spool = &processes[usize::from(of % 2)];
            scope.spawn(move || work(spool, of));
        }
    });
    spares(folder.path());
    assert_eq!(block_on(processes[0].list()).unwrap(), Listing::default());
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    // Outside a runtime the spool works on the current thread.
    futures_util::FutureExt::now_or_never(work).expect("work that is done on the spot")
}

fn task<'a>(store: &'a dyn Store, spool: &'a Spool) -> Reconcile<'a> {
    let now = Time::from_unix_ms(i64::MAX);
    Reconcile { store, spool, now, actor: "exercise", gone: &|_| false, hash_bytes_max: 1 << 20 }
}

/// Commits exchange `n` with the payload in the spool, queued or delivered.
async fn recorded(store: &dyn Store, n: u16, whole: CompletePayload, state: ExchangeState) {
    put(store, outbound(n, "exercise-gbr"), EntryKind::ExchangeRequested, ex(n)).await.unwrap();
    let mut row = sealed(read(store, n).await);
    row.payload = Some(Payload { spool: envelope(n), size: whole.size, digest: whole.digest });
    put(store, row, EntryKind::ExchangeSealed, ex(n)).await.unwrap();
    if state != ExchangeState::Queued {
        let row = Exchange { state, ..read(store, n).await };
        put(store, row, EntryKind::ExchangeCancelled, ex(n)).await.unwrap();
    }
}

#[tokio::test]
async fn a_start_removes_only_empty_spares_of_earlier_processes() {
    let place = Place::new();
    let (store, folder) = (place.create().await, place.folder.path());
    let before = spool(folder);
    for n in 1..=2 {
        written(&before, envelope(n), b"EXERCISE").await;
        before.recycle(envelope(n)).await.unwrap();
    }
    // One with a payload in it after a power failure, and a file that the spool did not create.
    fs::write(folder.join("spool/spare/18446744073709551615"), b"EXERCISE").unwrap();
    fs::write(folder.join("spool/spare/notes.txt"), b"EXERCISE").unwrap();
    let report = reconcile(&task(&store, &spool(folder))).await.unwrap();
    assert_eq!((report.set_aside.len(), report.unknown_files), (0, 2));
    let left = fs::read_dir(folder.join("spool/spare")).unwrap().map(|f| f.unwrap().file_name());
    let left: BTreeSet<_> = left.collect();
    assert_eq!(left, ["18446744073709551615".into(), "notes.txt".into()].into());
    // The earlier process, if it still runs, finds none and creates a file.
    written(&before, envelope(3), b"EXERCISE").await;
    assert_eq!(kept(&before, envelope(3)).await.digest, Digest::of(b"EXERCISE"));
}

#[tokio::test]
async fn sets_aside_a_removed_payload_that_reappears_after_a_power_failure() {
    let (long, queued) = (payload(1, 3000), payload(2, 2000));
    // Possible files under the earlier name: the emptied one, the original, or the one that reused it.
    for back in ["empty", "whole", "the next one's"] {
        let place = Place::new();
        let (store, folder) = (place.create().await, place.folder.path());
        enrol(&store, "exercise-gbr").await;
        let before = spool(folder);
        let whole = written(&before, envelope(1), &long).await;
        recorded(&store, 1, whole, ExchangeState::Cancelled).await;
        let file = inode(&path(folder, envelope(1)));
        before.recycle(envelope(1)).await.unwrap();
        let whole = written(&before, envelope(2), &queued).await;
        recorded(&store, 2, whole, ExchangeState::Queued).await;
        assert_eq!(inode(&path(folder, envelope(2))), file);
        match back {
            "empty" => fs::write(path(folder, envelope(1)), b"").unwrap(),
            "whole" => fs::write(path(folder, envelope(1)), &long).unwrap(),
            _ => fs::hard_link(path(folder, envelope(2)), path(folder, envelope(1))).unwrap(),
        }
        // The spare file may reappear too, as the file that reused it.
        fs::hard_link(path(folder, envelope(2)), folder.join(format!("spool/spare/{file}"))).unwrap();
        let after = spool(folder);
        let report = reconcile(&task(&store, &after)).await.unwrap();
        assert_eq!((report.set_aside, report.parked, report.unknown_files), (vec![envelope(1)], vec![], 1), "{back}");
        assert_eq!(kept(&after, envelope(2)).await, whole, "{back}");
        assert_eq!(read(&store, 2).await.state, ExchangeState::Queued, "{back}");
    }
}
