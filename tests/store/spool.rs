//! The spool, and reconciling it with the store.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::store_support::*;
use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::ledger::EntryKind;
use portcullis::store::*;
use portcullis::time::Time;

fn spool(folder: &Path) -> Spool {
    Spool::open(&folder.join("spool"), 0).expect("a folder of our own")
}

fn payload(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i % 251) as u8).collect()
}

async fn written(spool: &Spool, id: SpoolId, bytes: &[u8]) -> CompletePayload {
    let mut writer = spool.create(id, bytes.len() as u64).await.unwrap();
    writer.write(bytes).await.unwrap();
    writer.finish(None).await.unwrap()
}

#[tokio::test]
async fn what_was_written_reads_back_from_any_offset() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, id) = (spool(folder.path()), SpoolId::Envelope(ex(1)));
    let bytes = payload(9_000_003);
    let mut writer = spool.create(id, bytes.len() as u64).await.unwrap();
    for piece in bytes.chunks(70_001) {
        writer.write(piece).await.unwrap();
    }
    assert!(
        matches!(spool.read(id).await, Err(SpoolError::Missing { .. })),
        "a payload is not there before it is whole"
    );
    let whole = writer.finish(Some(Digest::of(&bytes))).await.unwrap();
    assert_eq!(whole, CompletePayload { size: bytes.len() as u64, digest: Digest::of(&bytes) });
    // A short one is read from memory, with the same result; so is one marked `once`, even when it is read twice.
    let (first, again) = (spool.read(id).await.unwrap(), spool.read(id).await.unwrap().once());
    for mut reader in [first, PayloadReader::from(Bytes::from(bytes.clone())), again.clone(), again] {
        assert_eq!(reader.size(), whole.size);
        assert_eq!(reader.read_at(8_999_990, 100).await.unwrap(), bytes[8_999_990..]);
        assert_eq!(reader.read_at(300_000, 100).await.unwrap(), bytes[300_000..300_100]);
        assert!(reader.read_at(u64::MAX, 100).await.unwrap().is_empty());
        assert_eq!(reader.prefix_digest(5).await.unwrap(), Digest::of(&bytes[..5]));
        assert_eq!(reader.prefix_digest(whole.size).await.unwrap(), whole.digest);
        assert!(reader.prefix_digest(whole.size + 1).await.is_err());
        let (mut cursor, mut all) = (reader.cursor(), Vec::new());
        cursor.seek(SeekFrom::Start(7)).unwrap();
        cursor.read_to_end(&mut all).unwrap();
        assert!(all == bytes[7..]);
        cursor.seek(SeekFrom::Start(whole.size + 9)).unwrap();
        assert_eq!(cursor.read(&mut [0; 8]).unwrap(), 0);
    }
}

#[test]
fn short_payloads_are_inline_up_to_the_limit_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let short = |most, size| spool(folder.path()).with_inline_bytes_max(most).is_inline(size);
    assert!(!spool(folder.path()).is_inline(1));
    assert!(short(8, 8) && !short(8, 9) && !short(8, 0) && !short(0, 1));
    assert!(short(u64::MAX, INLINE_BYTES_MAX) && !short(u64::MAX, INLINE_BYTES_MAX + 1));
}

#[tokio::test]
async fn refuses_to_finish_another_payload_than_expected() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, id) = (spool(folder.path()), SpoolId::Envelope(ex(1)));
    let mut writer = spool.create(id, 8).await.unwrap();
    writer.write(b"EXERCISE").await.unwrap();
    let refused = writer.finish(Some(Digest::of(b"exercise"))).await;
    assert_eq!(refused, Err(SpoolError::Disagrees { id }));
    assert_eq!(writer.write(b"more").await, Err(SpoolError::Interrupted));
    assert!(matches!(spool.read(id).await, Err(SpoolError::Missing { .. })));
    writer.discard().await.unwrap();
    assert_eq!(spool.list().await.unwrap(), Listing::default());
}

#[tokio::test]
async fn goes_on_from_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, id) = (spool(folder.path()), SpoolId::Envelope(ex(1)));
    let bytes = payload(900_000);
    let mut writer = spool.create(id, 900_000).await.unwrap();
    writer.write(&bytes[..600_000]).await.unwrap();
    let durable = writer.sync().await.unwrap();
    assert_eq!(durable, (600_000, Digest::of(&bytes[..600_000])));
    drop(writer);
    let mut writer = spool.resume(id, 900_000, Some(durable)).await.unwrap();
    assert_eq!(writer.durable(), durable);
    writer.write(&bytes[600_000..]).await.unwrap();
    writer.finish(Some(Digest::of(&bytes))).await.unwrap();
    // A complete file without a row is resumed too.
    let mut writer = spool.resume(id, 900_000, None).await.unwrap();
    assert_eq!(writer.durable(), (900_000, Digest::of(&bytes)));
    writer.finish(Some(Digest::of(&bytes))).await.unwrap();
}

#[tokio::test]
async fn starts_again_if_the_prefix_is_not_the_promised_one() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    let bytes = payload(600_000);
    let good = (400_000u64, Digest::of(&bytes[..400_000]));
    let cases = [
        ("the promise holds", Some(good), 700_000, 600_000),
        ("another digest", Some((400_000, Digest::of(b"other"))), 700_000, 0),
        ("more than is there", Some((600_001, Digest::of(&bytes))), 700_000, 0),
        ("longer than the payload", None, 599_999, 0),
        ("an empty promise", Some((0, Digest::of(b""))), 700_000, 600_000),
    ];
    for (n, (name, promised, size, kept)) in (1u16..).zip(cases) {
        let id = SpoolId::Envelope(ex(n));
        let mut writer = spool.create(id, 600_000).await.unwrap();
        writer.write(&bytes).await.unwrap();
        writer.sync().await.unwrap();
        drop(writer);
        let writer = spool.resume(id, size, promised).await.unwrap();
        assert_eq!(writer.durable(), (kept, Digest::of(&bytes[..kept as usize])), "{name}");
    }
}

#[tokio::test]
async fn refuses_a_second_writer() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, id) = (spool(folder.path()), SpoolId::Envelope(ex(1)));
    let writer = spool.create(id, 8).await.unwrap();
    assert_eq!(spool.create(id, 8).await.unwrap_err(), SpoolError::InUse { id });
    assert_eq!(spool.resume(id, 8, None).await.unwrap_err(), SpoolError::InUse { id });
    drop(writer);
    spool.resume(id, 8, None).await.unwrap();
}

#[tokio::test]
async fn refuses_to_begin_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, id) = (spool(folder.path()), SpoolId::Envelope(ex(1)));
    written(&spool, id, b"EXERCISE").await;
    assert_eq!(spool.create(id, 8).await.unwrap_err(), SpoolError::Exists { id });
}

#[tokio::test]
async fn refuses_before_the_first_byte_what_would_eat_into_the_reserve() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let free = Spool::open(&path, 0).unwrap().free_bytes().unwrap();
    let careful = Spool::open(&path, free.saturating_mul(2)).unwrap();
    let id = SpoolId::Envelope(ex(1));
    assert!(matches!(careful.create(id, 1).await, Err(SpoolError::Reserve { .. })));
    assert!(matches!(Spool::open(&path, 0).unwrap().admit(u64::MAX), Err(SpoolError::Reserve { .. })));
    assert_eq!(careful.list().await.unwrap(), Listing::default());
}

#[tokio::test]
async fn refuses_links_and_folders_that_others_may_enter() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, id) = (spool(folder.path()), SpoolId::Envelope(ex(1)));
    let secret = folder.path().join("elsewhere");
    fs::write(&secret, b"EXERCISE elsewhere").unwrap();
    symlink(&secret, folder.path().join("spool").join(id.to_string())).unwrap();
    assert!(inside.read(id).await.is_err());
    symlink(&secret, folder.path().join("spool").join(format!("{}.part", SpoolId::Envelope(ex(2))))).unwrap();
    assert!(inside.create(SpoolId::Envelope(ex(2)), 1).await.is_err());
    assert_eq!(fs::read(&secret).unwrap(), b"EXERCISE elsewhere");
    symlink(folder.path().join("spool"), folder.path().join("link")).unwrap();
    assert!(matches!(Spool::open(&folder.path().join("link"), 0), Err(SpoolError::Place { .. })));
    fs::set_permissions(folder.path().join("spool"), fs::Permissions::from_mode(0o750)).unwrap();
    assert!(matches!(Spool::open(&folder.path().join("spool"), 0), Err(SpoolError::Place { .. })));
}

#[tokio::test]
async fn files_are_the_owners_alone_and_named_by_identifiers() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, id) = (spool(folder.path()), SpoolId::Product(rq(1)));
    written(&spool, id, b"EXERCISE").await;
    let path = folder.path().join("spool").join(id.to_string());
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(folder.path().join("spool")).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["", ".", "..", "../x.envelope", "ex-1.envelope", &format!("{}.part", id), &format!("{}.inbox", rq(1))]
    {
        assert!(name.parse::<SpoolId>().is_err(), "{name:?}");
    }
    assert_eq!(id.to_string().parse(), Ok(id));
}

fn task<'a>(store: &'a dyn Store, spool: &'a Spool, now: Time) -> Reconcile<'a> {
    Reconcile { store, spool, now, actor: "exercise", gone: &|_| false, hash_bytes_max: 1 << 20 }
}

/// A time after every file of the test was written, whatever the machine's clock shows.
fn much_later() -> Time {
    Time::from_unix_ms(i64::MAX)
}

/// Queues exchange `n` with `bytes` in the spool.
async fn queued(store: &dyn Store, spool: &Spool, n: u16, bytes: &[u8]) -> Exchange {
    let whole = written(spool, SpoolId::Envelope(ex(n)), bytes).await;
    put(store, outbound(n, "exercise-gbr"), EntryKind::ExchangeRequested, ex(n)).await.unwrap();
    let mut row = sealed(read(store, n).await);
    row.payload = Some(Payload { spool: SpoolId::Envelope(ex(n)), size: whole.size, digest: whole.digest });
    put(store, row, EntryKind::ExchangeSealed, ex(n)).await.unwrap();
    read(store, n).await
}

async fn state(store: &dyn Store, n: u16) -> ExchangeState {
    read(store, n).await.state
}

#[tokio::test]
async fn a_clean_node_has_nothing_to_reconcile_and_says_so() {
    let place = Place::new();
    let (store, spool) = (place.create().await, spool(place.folder.path()));
    enrol(&store, "exercise-gbr").await;
    queued(&store, &spool, 1, b"EXERCISE").await;
    assert!(reconcile(&task(&store, &spool, much_later())).await.unwrap().is_clean());
    assert_eq!(store.entries_about("exercise-usa").await.unwrap()[0].entry.kind(), EntryKind::NodeRecovered);
    assert!(store.verify().await.unwrap().is_good());
}

#[tokio::test]
async fn sets_aside_what_the_spool_lost_or_damaged() {
    let place = Place::new();
    let (store, spool) = (place.create().await, spool(place.folder.path()));
    enrol(&store, "exercise-gbr").await;
    for n in 1..=4 {
        queued(&store, &spool, n, b"EXERCISE").await;
    }
    let file = |n: u16| place.folder.path().join("spool").join(SpoolId::Envelope(ex(n)).to_string());
    fs::remove_file(file(1)).unwrap();
    fs::write(file(2), b"exercise").unwrap();
    fs::write(file(3), b"EXERCIS").unwrap();
    let whole = written(&spool, SpoolId::Inbox(ex(5)), b"EXERCISE inbox").await;
    let mut row =
        Exchange::new(ex(5), Direction::In, "exercise-gbr".parse().unwrap(), ExchangeState::Received, NOW, later(9));
    row.payload = Some(Payload { spool: SpoolId::Inbox(ex(5)), size: whole.size, digest: Digest::of(b"other") });
    put(&store, row, EntryKind::ExchangeReceived, ex(5)).await.unwrap();
    let report = reconcile(&task(&store, &spool, much_later())).await.unwrap();
    assert_eq!((report.parked, report.quarantined), (vec![ex(3), ex(2), ex(1)], vec![ex(5)]));
    assert_eq!(state(&store, 2).await, ExchangeState::Parked);
    assert_eq!(state(&store, 4).await, ExchangeState::Queued);
    assert_eq!(state(&store, 5).await, ExchangeState::Quarantined);
    assert!(store.verify().await.unwrap().is_good());
}

#[tokio::test]
async fn requeues_what_was_being_sent_unless_another_process_still_sends_it() {
    let place = Place::new();
    let (store, spool) = (place.create().await, spool(place.folder.path()));
    enrol(&store, "exercise-gbr").await;
    for (n, owner) in [(1, "dead"), (2, "alive")] {
        let mut row = queued(&store, &spool, n, b"EXERCISE").await;
        let claim = Change::Claim { exchange: ex(n), owner: owner.into(), now: NOW, until: later(60) };
        store.commit(Commit::new().change(claim)).await.unwrap();
        row.state = ExchangeState::Sending;
        let entry = note(EntryKind::ExchangeOffered, ex(n));
        store.commit(Commit::new().exchange_by(row, owner).entry(entry)).await.unwrap();
    }
    let task = Reconcile { gone: &|owner| owner == "dead", ..task(&store, &spool, later(1)) };
    assert_eq!(reconcile(&task).await.unwrap().requeued, [ex(1)]);
    assert_eq!((state(&store, 1).await, state(&store, 2).await), (ExchangeState::Queued, ExchangeState::Sending));
    assert_eq!(read(&store, 1).await.lease, None);
}

/// However many exchanges wait, a start checks those in transit and the newest ones.
#[tokio::test]
async fn a_start_checks_exchanges_in_transit_or_claimed_and_the_newest_256_that_wait() {
    let place = Place::new();
    let (store, spool) = (place.create().await, spool(place.folder.path()));
    enrol(&store, "exercise-gbr").await;
    let claim = |n| Change::Claim { exchange: ex(n), owner: "dead".into(), now: NOW, until: later(60) };
    for n in [1, 2] {
        let mut row = queued(&store, &spool, n, b"EXERCISE").await;
        store.commit(Commit::new().change(claim(n))).await.unwrap();
        if n == 1 {
            row.state = ExchangeState::Sending;
            let entry = note(EntryKind::ExchangeOffered, ex(n));
            store.commit(Commit::new().exchange_by(row, "dead").entry(entry)).await.unwrap();
        }
    }
    // None of these has its payload.
    let partner: portcullis::ident::PartnerId = "exercise-gbr".parse().unwrap();
    let received = (3..303).map(|n| {
        let mut row = Exchange::new(ex(n), Direction::In, partner.clone(), ExchangeState::Received, NOW, later(9));
        row.payload = Some(Payload { spool: SpoolId::Inbox(ex(n)), size: 1, digest: Digest::of(b"E") });
        row
    });
    let all = received.fold(Commit::new(), |commit, row| {
        let entry = note(EntryKind::ExchangeReceived, row.id);
        commit.change(row).entry(entry)
    });
    store.commit(all).await.unwrap();
    let task = Reconcile { gone: &|owner| owner == "dead", ..task(&store, &spool, later(1)) };
    let report = reconcile(&task).await.unwrap();
    let newest: Vec<_> = (47..303).rev().map(ex).collect();
    assert_eq!((report.requeued, report.unclaimed, report.quarantined), (vec![ex(1)], vec![ex(2)], newest));
    assert_eq!((read(&store, 1).await.lease, read(&store, 2).await.lease), (None, None));
    assert_eq!(
        (state(&store, 46).await, state(&store, 47).await),
        (ExchangeState::Received, ExchangeState::Quarantined)
    );
}

#[tokio::test]
async fn what_no_row_needs_is_set_aside_and_nothing_is_removed_at_a_start() {
    let place = Place::new();
    let (store, spool) = (place.create().await, spool(place.folder.path()));
    enrol(&store, "exercise-gbr").await;
    let row = queued(&store, &spool, 1, b"EXERCISE").await;
    written(&spool, SpoolId::Envelope(ex(2)), b"EXERCISE orphan").await;
    written(&spool, SpoolId::Product(rq(1)), b"EXERCISE product").await;
    written(&spool, SpoolId::Product(rq(2)), b"EXERCISE orphan").await;
    put(&store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    for n in [3, 4] {
        let mut begun = spool.create(SpoolId::Envelope(ex(n)), 9).await.unwrap();
        begun.write(b"EXERCISE").await.unwrap();
        begun.sync().await.unwrap();
    }
    let arriving = Exchange::new(ex(3), Direction::In, row.partner.clone(), ExchangeState::Receiving, NOW, later(9));
    put(&store, arriving, EntryKind::ExchangeReceiving, ex(3)).await.unwrap();
    // What was taken can be taken again.
    let whole = written(&spool, SpoolId::Envelope(ex(5)), b"EXERCISE taken").await;
    let mut taken = Exchange::new(ex(5), Direction::In, row.partner.clone(), ExchangeState::Received, NOW, later(9));
    taken.payload = Some(Payload { spool: SpoolId::Envelope(ex(5)), size: whole.size, digest: whole.digest });
    put(&store, taken, EntryKind::ExchangeReceived, ex(5)).await.unwrap();
    let taken = Exchange { state: ExchangeState::Taken, taken: Some(NOW), ..read(&store, 5).await };
    put(&store, taken, EntryKind::InboxTaken, ex(5)).await.unwrap();
    fs::write(place.folder.path().join("spool").join("notes.txt"), b"EXERCISE").unwrap();
    let report = reconcile(&task(&store, &spool, much_later())).await.unwrap();
    let orphans = [SpoolId::Product(rq(2)), SpoolId::Envelope(ex(2)), SpoolId::Envelope(ex(4))];
    assert_eq!((&report.set_aside[..], report.unknown_files), (&orphans[..], 1));
    assert_eq!(spool.list().await.unwrap().files.len(), 4);
    // Once it is finished, its payload is set aside too; files set aside before stay there.
    let row = Exchange { state: ExchangeState::Cancelled, ..read(&store, 1).await };
    put(&store, row, EntryKind::ExchangeCancelled, ex(1)).await.unwrap();
    let report = reconcile(&task(&store, &spool, much_later())).await.unwrap();
    assert_eq!((&report.set_aside[..], report.unknown_files), (&[SpoolId::Envelope(ex(1))][..], 1));
    assert_eq!(spool.list().await.unwrap().lost, 4);
    let lost = spool.lost().await.unwrap();
    let of = |id: SpoolId, whole| lost.iter().find(|lost| lost.id == id && lost.whole == whole).unwrap();
    let product = of(SpoolId::Product(rq(2)), true);
    let note = product.note.as_ref().unwrap();
    assert_eq!(
        (note.size, note.found_ms, note.sha256.as_ref()),
        (15, much_later().unix_ms(), Some(&sha256(b"EXERCISE orphan")))
    );
    assert_eq!(of(SpoolId::Envelope(ex(4)), false).size, 8);
    // Another one of the same name is set aside next to it.
    written(&spool, SpoolId::Product(rq(2)), b"EXERCISE another").await;
    reconcile(&task(&store, &spool, much_later())).await.unwrap();
    let second = spool.lost().await.unwrap().into_iter().find(|lost| lost.size == 16).unwrap();
    assert_eq!((second.id, second.whole), (product.id, true));
    // A restored file is unchanged, and never replaces another one.
    spool.restore(product).await.unwrap();
    assert_eq!(spool.restore(&second).await, Err(SpoolError::Exists { id: product.id }));
    assert_eq!(fs::read(place.folder.path().join("spool").join(product.id.to_string())).unwrap(), b"EXERCISE orphan");
    spool.drop_lost(&second).await.unwrap();
    assert!(spool.lost().await.unwrap().iter().all(|lost| lost.id != product.id));
    assert_eq!(spool.restore(&second).await, Err(SpoolError::Missing { id: product.id }));
    assert_eq!(fs::read_dir(place.folder.path().join("spool/lost")).unwrap().count(), 6, "three files, three notes");
}

fn sha256(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

#[tokio::test]
async fn leaves_files_held_by_a_running_process_alone_whatever_their_age() {
    let place = Place::new();
    // One process submits while a server starts: locks of one are not shared with the other.
    let (store, submitting, starting) = (place.create().await, spool(place.folder.path()), spool(place.folder.path()));
    let mut held = Vec::new();
    for n in 0..2 {
        let mut file = submitting.begin(SpoolId::Attachment(rq(1), n), 8).unwrap();
        std::io::Write::write_all(&mut file, b"EXERCISE").unwrap();
        let file = file.finish_held().unwrap().1;
        // The hold on the first attachment covers those after it.
        held.extend((n == 0).then_some(file));
    }
    let mut text = submitting.create(SpoolId::Product(rq(1)), 8).await.unwrap();
    text.write(b"EXERCISE").await.unwrap();
    let mut writing = submitting.begin(SpoolId::Attachment(rq(1), 2), 8).unwrap();
    std::io::Write::write_all(&mut writing, b"EXERCISE").unwrap();
    let report = reconcile(&task(&store, &starting, much_later())).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    // Held or not, it can be read, but not created again.
    assert!(starting.read(SpoolId::Attachment(rq(1), 0)).await.is_ok());
    let id = SpoolId::Attachment(rq(1), 0);
    assert_eq!(starting.remove_unheld(id), Err(SpoolError::InUse { id }));
    assert_eq!(starting.resume(id, 8, None).await.unwrap_err(), SpoolError::InUse { id });
    held.push(text.finish_held().await.unwrap().1);
    assert!(reconcile(&task(&store, &starting, much_later())).await.unwrap().is_clean());
    // A file with a row by then stays; one whose process died before that is set aside.
    put(&store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    drop((held, writing));
    let report = reconcile(&task(&store, &starting, much_later())).await.unwrap();
    let attachments = [0, 1, 2].map(|n| SpoolId::Attachment(rq(1), n));
    assert_eq!(report.set_aside, attachments, "nothing waits for them");
    assert!(starting.has_any(SpoolId::Product(rq(1))));
}

#[tokio::test]
async fn a_start_reports_payloads_of_which_a_sync_failed() {
    let place = Place::new();
    let (store, folder) = (place.create().await, place.folder.path());
    let broken = spool(folder).with_disk(Forgetful::failing_after(0));
    let mut writer = broken.create(SpoolId::Envelope(ex(1)), 8).await.unwrap();
    writer.write(b"EXERCISE").await.unwrap();
    writer.finish(None).await.unwrap_err();
    let report = reconcile(&task(&store, &spool(folder), much_later())).await.unwrap();
    assert_eq!(report.unsynced, [SpoolId::Envelope(ex(1))]);
    assert!(reconcile(&task(&store, &spool(folder), much_later())).await.unwrap().is_clean());
}

#[tokio::test]
async fn reports_an_open_request_whose_product_is_missing() {
    let place = Place::new();
    let (store, spool) = (place.create().await, spool(place.folder.path()));
    put(&store, request(1), EntryKind::RequestSubmitted, rq(1)).await.unwrap();
    let report = reconcile(&task(&store, &spool, much_later())).await.unwrap();
    assert_eq!(report.products_lost, [rq(1)]);
}

/// A disk that loses what a failed sync should have written: the pages count as clean afterwards, and later syncs succeed
/// in spite of the gap. After a power failure it has what was made durable, and nothing else.
#[derive(Debug, Default)]
struct Forgetful(Mutex<Durable>);

#[derive(Debug, Default)]
struct Durable {
    /// Number of syncs that succeed before one fails.
    good: Option<usize>,
    dirty: BTreeMap<u64, Vec<(u64, u64)>>,
    files: BTreeMap<u64, Vec<u8>>,
    names: BTreeMap<PathBuf, u64>,
}

impl Forgetful {
    fn failing_after(good: usize) -> Arc<Forgetful> {
        Arc::new(Forgetful(Mutex::new(Durable { good: Some(good), ..Durable::default() })))
    }

    fn turn(&self) -> std::io::Result<std::sync::MutexGuard<'_, Durable>> {
        let mut durable = self.0.lock().unwrap();
        match durable.good {
            Some(0) => durable.good = None,
            Some(good) => {
                durable.good = Some(good - 1);
                return Ok(durable);
            }
            None => return Ok(durable),
        }
        // What waits to be written is lost.
        durable.dirty.clear();
        Err(std::io::Error::other("EXERCISE: the disk failed"))
    }

    fn has_failed(&self) -> bool {
        self.0.lock().unwrap().good.is_none()
    }

    /// Leaves in `folder` what is there after a power failure.
    fn power_fails(&self, folder: &Path) {
        let durable = self.0.lock().unwrap();
        for found in fs::read_dir(folder).unwrap() {
            fs::remove_file(found.unwrap().path()).unwrap();
        }
        for (path, number) in &durable.names {
            fs::write(path, durable.files.get(number).cloned().unwrap_or_default()).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

impl Disk for Forgetful {
    fn wrote(&self, file: &fs::File, from: u64, to: u64) {
        let number = file.metadata().unwrap().ino();
        self.0.lock().unwrap().dirty.entry(number).or_default().push((from, to));
    }

    fn sync(&self, file: &fs::File) -> std::io::Result<()> {
        let mut durable = self.turn()?;
        let found = file.metadata()?;
        let dirty = durable.dirty.remove(&found.ino()).unwrap_or_default();
        let kept = durable.files.entry(found.ino()).or_default();
        kept.resize(found.len() as usize, 0);
        for (from, to) in dirty {
            let to = to.min(found.len()) as usize;
            if let Some(part) = kept.get_mut(from as usize..to) {
                file.read_exact_at(part, from)?;
            }
        }
        Ok(())
    }

    fn sync_folder(&self, _: &fs::File, path: &Path) -> std::io::Result<()> {
        let mut durable = self.turn()?;
        let files = fs::read_dir(path)?.map(|found| {
            let found = found.unwrap();
            (found.path(), found.metadata().unwrap().ino())
        });
        durable.names = files.collect();
        Ok(())
    }
}

/// Simulates a process on `disk` that receives or resumes the payload `bytes`, and finishes it.
async fn taken(folder: &Path, disk: &Arc<Forgetful>, id: SpoolId, bytes: &[u8]) -> Result<CompletePayload, SpoolError> {
    let spool = spool(folder).with_disk(disk.clone());
    let mut writer = spool.resume(id, bytes.len() as u64, None).await?;
    let from = usize::try_from(writer.length()).unwrap();
    for piece in bytes[from..].chunks(1 << 20) {
        writer.write(piece).await?;
    }
    writer.finish(Some(Digest::of(bytes))).await
}

#[tokio::test]
async fn never_reports_as_durable_what_a_failed_sync_lost() {
    let (id, bytes) = (SpoolId::Envelope(ex(1)), payload(7_500_001));
    for good in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let disk = Forgetful::failing_after(good);
        let first = taken(folder.path(), &disk, id, &bytes).await;
        if !disk.has_failed() {
            assert!(good > 4, "too few syncs");
            first.unwrap();
            break;
        }
        assert!(matches!(first, Err(SpoolError::Broken { .. })), "{good}: {first:?}");
        assert!(!spool(folder.path()).has_any(id), "{good}: something is left to be gone on with");
        assert_eq!(spool(folder.path()).list().await.unwrap().unsynced, [id], "{good}: nothing says so");
        // The next process starts from the beginning, and what it reports as durable is durable.
        let whole = taken(folder.path(), &disk, id, &bytes).await.unwrap();
        disk.power_fails(&folder.path().join("spool"));
        let mut reader = spool(folder.path()).read(id).await.unwrap();
        assert_eq!(reader.prefix_digest(whole.size).await.unwrap(), Digest::of(&bytes), "{good}");
        assert!(spool(folder.path()).list().await.unwrap().unsynced.is_empty(), "{good}");
    }
}

#[tokio::test]
async fn a_power_failure_loses_no_complete_payload_and_restores_no_removed_one() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), Forgetful::failing_after(usize::MAX));
    let (spool, place) = (spool(folder.path()).with_disk(disk.clone()), folder.path().join("spool"));
    let (id, bytes) = (SpoolId::Envelope(ex(1)), payload(7_500_001));
    let mut writer = spool.create(id, bytes.len() as u64).await.unwrap();
    // The last piece is too short to start a sync before one is requested.
    let (first, last) = bytes.split_at(bytes.len() - 1000);
    for piece in first.chunks(1 << 20) {
        writer.write(piece).await.unwrap();
    }
    writer.sync().await.unwrap();
    writer.write(last).await.unwrap();
    writer.finish(None).await.unwrap();
    disk.power_fails(&place);
    let mut reader = spool.read(id).await.unwrap();
    assert_eq!(reader.prefix_digest(bytes.len() as u64).await.unwrap(), Digest::of(&bytes));
    drop(reader);
    spool.remove(id).await.unwrap();
    disk.power_fails(&place);
    assert!(!spool.has_any(id));
}

#[tokio::test]
async fn a_prefix_reported_as_durable_survives_a_power_failure() {
    // Right after it is resumed, and after more of it arrived.
    for more in [0, 4_000_000] {
        let (folder, disk) = (tempfile::tempdir().unwrap(), Forgetful::failing_after(usize::MAX));
        let (spool, id) = (spool(folder.path()).with_disk(disk.clone()), SpoolId::Envelope(ex(1)));
        let bytes = payload(7_500_001);
        // Its process died after so few bytes that no sync had started.
        let mut writer = spool.create(id, bytes.len() as u64).await.unwrap();
        writer.write(&bytes[..2_000_000]).await.unwrap();
        assert_eq!(writer.durable().0, 0, "what is not on the disk is not said to be");
        drop(writer);
        let mut writer = spool.resume(id, bytes.len() as u64, None).await.unwrap();
        if more > 0 {
            writer.write(&bytes[2_000_000..2_000_000 + more]).await.unwrap();
            writer.sync().await.unwrap();
        }
        let told = writer.durable();
        assert_eq!(told, (2_000_000 + more as u64, Digest::of(&bytes[..2_000_000 + more])));
        drop(writer);
        disk.power_fails(&folder.path().join("spool"));
        let left = fs::read(folder.path().join(format!("spool/{id}.part"))).unwrap();
        assert_eq!(Digest::of(&left), told.1, "{} bytes are left of {}", left.len(), told.0);
    }
}

#[tokio::test]
async fn a_process_that_failed_to_sync_makes_nothing_durable_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path()).with_disk(Forgetful::failing_after(0));
    let mut other = spool.create(SpoolId::Envelope(ex(2)), 8).await.unwrap();
    let mut writer = spool.create(SpoolId::Envelope(ex(1)), 8).await.unwrap();
    writer.write(b"EXERCISE").await.unwrap();
    assert!(matches!(writer.finish(None).await, Err(SpoolError::Broken { .. })));
    other.write(b"EXERCISE").await.unwrap();
    let broken =
        |outcome: Option<SpoolError>| assert!(matches!(outcome, Some(SpoolError::Broken { .. })), "{outcome:?}");
    broken(other.finish(None).await.err());
    broken(spool.create(SpoolId::Envelope(ex(3)), 8).await.err());
    broken(spool.resume(SpoolId::Envelope(ex(2)), 8, None).await.err());
    // The bytes of the other one exist, for a process that writes them again.
    assert!(spool.has_any(SpoolId::Envelope(ex(2))));
}

#[tokio::test]
async fn a_prefix_that_was_only_read_back_is_written_again() {
    let (id, bytes) = (SpoolId::Envelope(ex(1)), payload(7_500_001));
    // The prefix of an unfinished payload, and a complete one without a row.
    for written in [5_000_000, 7_500_001] {
        let folder = tempfile::tempdir().unwrap();
        let disk = Forgetful::failing_after(usize::MAX);
        let before = spool(folder.path()).with_disk(disk.clone());
        let mut writer = before.create(id, bytes.len() as u64).await.unwrap();
        writer.write(&bytes[..written]).await.unwrap();
        match written == bytes.len() {
            true => drop(writer.finish(None).await.unwrap()),
            false => drop(writer.sync().await.unwrap()),
        }
        drop(writer);
        // Its process died after a failed sync, before it could record that.
        *disk.0.lock().unwrap() = Durable::default();
        let whole = taken(folder.path(), &disk, id, &bytes).await.unwrap();
        disk.power_fails(&folder.path().join("spool"));
        let mut reader = spool(folder.path()).read(id).await.unwrap();
        assert_eq!(reader.prefix_digest(whole.size).await.unwrap(), Digest::of(&bytes), "{written}");
    }
}

#[tokio::test]
async fn counts_what_has_the_name_of_a_payload_and_is_not_a_file_as_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, id) = (spool(folder.path()), SpoolId::Envelope(ex(1)));
    let place = |name: &str| folder.path().join("spool").join(name);
    fs::create_dir(place(&id.to_string())).unwrap();
    let listing = spool.list().await.unwrap();
    assert_eq!((listing.files, listing.unknown_files), (vec![], 1));
    // It is not removed, and this is an error.
    assert!(matches!(spool.remove(id).await, Err(SpoolError::Failed { .. })));
    fs::remove_dir(place(&id.to_string())).unwrap();
    // A link is not followed either, not even to resume.
    fs::write(folder.path().join("elsewhere"), b"EXERCISE").unwrap();
    symlink(folder.path().join("elsewhere"), place(&id.to_string())).unwrap();
    assert!(matches!(spool.resume(id, 8, None).await, Err(SpoolError::Failed { .. })));
    assert_eq!(fs::read(folder.path().join("elsewhere")).unwrap(), b"EXERCISE");
}

#[tokio::test]
async fn distinguishes_its_own_files_from_unknown_ones_by_name_and_type() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    let place = |name: &str| folder.path().join("spool").join(name);
    for name in ["spare", "lost"] {
        fs::create_dir_all(place(name)).unwrap();
    }
    fs::write(place("head"), b"EXERCISE").unwrap();
    assert_eq!(spool.list().await.unwrap().unknown_files, 0);
    fs::remove_file(place("head")).unwrap();
    fs::create_dir(place("head")).unwrap();
    fs::write(place("tail"), b"EXERCISE").unwrap();
    assert_eq!(spool.list().await.unwrap().unknown_files, 2);
    for name in ["spare", "lost"] {
        fs::remove_dir(place(name)).unwrap();
        fs::write(place(name), b"EXERCISE").unwrap();
    }
    assert_eq!(spool.list().await.unwrap().unknown_files, 4);
}
