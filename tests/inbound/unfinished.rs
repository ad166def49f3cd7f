//! What a partner begins to send and does not finish: it goes by itself or by an operator, and there is only so much of it.

use std::path::PathBuf;
use std::time::Duration;

use crate::partner::{Envelope, Met, Partner, cut, heads};
use crate::support::{Node, World, block_on};
use portcullis::edge::Refusal;
use portcullis::envelope::Disposition;
use portcullis::ledger::EntryKind;
use portcullis::store::ExchangeState;
use portcullis::system::SystemClock;
use portcullis::time::{Clock as _, Time};
use portcullis::wire::RefusalCode;

const BANNER: &str = "SECRET//REL TO USA, GBR";
const HOUR: Duration = Duration::from_secs(3600);

/// A node that keeps payloads in files, and a partner in the test's hand that it has enrolled.
fn enrolled(world: &World) -> (Node, Partner) {
    let (us, them) = (world.node("exercise-gbr", "GBR"), world.made("exercise-usa", "USA", "cnsa2"));
    us.keep_payloads_in_files();
    world.enrol(&us, &them, &[]);
    (us, Partner::of(&them))
}

fn start() -> Time {
    SystemClock.now().plus(Duration::from_secs(60))
}

fn sealed(met: &Met, partner: &Partner) -> Envelope {
    partner.seals(met, BANNER, &cut("report", BANNER, &["(S//REL TO USA, GBR) EXERCISE text."]), b"")
}

/// Offers, sends the first byte, and goes away.
fn abandons(met: &Met, partner: &Partner, sent: &Envelope) -> Result<(), Refusal> {
    let part = Envelope { payload: sent.payload[..1].to_vec(), ..sent.clone() };
    met.begins(partner, &part).map(|sink| drop(sink.expect("nothing was received before")))
}

fn part(us: &Node, sent: &Envelope) -> PathBuf {
    us.folder.join(format!("store/spool/{}.envelope.part", sent.manifest.exchange))
}

#[test]
fn what_is_not_finished_goes_with_its_manifest_and_after_its_time_and_may_come_again() {
    let world = World::new();
    let (us, partner) = enrolled(&world);
    us.reconfigure("# unfinished_hours = 24", "unfinished_hours = 6");
    let met = Met::at(&us, start());
    let (idle, mut brief) = (sealed(&met, &partner), sealed(&met, &partner));
    brief.manifest.expires_at_ms = met.node.now().plus(HOUR).unix_ms();
    for sent in [&idle, &brief] {
        abandons(&met, &partner, sent).unwrap();
    }
    let here = || [&idle, &brief].map(|sent| part(&us, sent).exists());
    let after = |minutes: u64| {
        met.clock.set(start().plus(Duration::from_secs(minutes * 60)));
        block_on(met.node.run_housekeeping()).unwrap();
        here()
    };
    assert_eq!(after(58), [true, true]);
    assert_eq!(after(62), [true, false], "its manifest expired");
    assert_eq!(after(5 * 60 + 57), [true, false]);
    assert_eq!(after(6 * 60 + 4), [false, false], "nothing came for six hours");
    for (sent, why) in [(&brief, "before it expired"), (&idle, "nothing came for 6 hours")] {
        let row = met.row(&sent.manifest.exchange).unwrap();
        assert_eq!((row.state, row.payload), (ExchangeState::Refused, None));
        let recorded = met.recorded(&sent.manifest.exchange.to_string(), EntryKind::ExchangeRefused);
        assert!(recorded.len() == 1 && recorded[0].contains(why), "{recorded:?}");
    }
    // Nothing was lost by it: it is offered again, and received.
    assert_eq!(met.takes(&partner, &idle).unwrap().disposition, Disposition::Accepted);
    met.close();
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn what_is_whole_stays_until_a_partner_has_shown_that_this_is_no_older_copy() {
    let world = World::new();
    let (us, partner) = enrolled(&world);
    let met = Met::at(&us, start());
    let sent = sealed(&met, &partner);
    let mut sink = met.begins(&partner, &sent).unwrap().unwrap();
    block_on(sink.finish()).unwrap();
    drop(sink);
    let whole = us.folder.join(format!("store/spool/{}.envelope", sent.manifest.exchange));
    let seen = met.head();
    met.clock.set(start().plus(25 * HOUR));
    block_on(met.node.run_housekeeping()).unwrap();
    assert!(whole.exists());
    let told = heads(&partner.head(7, b"EXERCISE root"), Some(seen.as_str()));
    assert_eq!(met.greeted(&partner.id(), &told, None), Ok(()));
    block_on(met.node.run_housekeeping()).unwrap();
    assert!(whole.exists(), "it was written after what the partner has seen");
    assert!(met.takes(&partner, &sealed(&met, &partner)).is_ok());
    let later = heads(&partner.head(7, b"EXERCISE root"), Some(met.head().as_str()));
    assert_eq!(met.greeted(&partner.id(), &later, None), Ok(()));
    block_on(met.node.run_housekeeping()).unwrap();
    assert!(!whole.exists());
    met.close();
}

#[test]
fn an_operator_drops_what_is_not_finished_but_not_what_is_arriving() {
    let world = World::new();
    let (us, partner) = enrolled(&world);
    let met = Met::at(&us, start());
    let (left, arriving) = (sealed(&met, &partner), sealed(&met, &partner));
    abandons(&met, &partner, &left).unwrap();
    let sink = met.begins(&partner, &Envelope { payload: arriving.payload[..1].to_vec(), ..arriving.clone() }).unwrap();
    let cancel = |sent: &Envelope| us.run(&["exchange", "cancel", &sent.manifest.exchange.to_string()]);
    let refused = cancel(&arriving).expect(1);
    assert!(refused.stderr.contains("is arriving now"), "{}", refused.stderr);
    let park = us.run(&["exchange", "park", &left.manifest.exchange.to_string()]).expect(1);
    assert!(park.stderr.contains("can only be cancelled"), "{}", park.stderr);
    assert_eq!(cancel(&left).expect(0).value["state"], "refused");
    assert!(!part(&us, &left).exists() && part(&us, &arriving).exists());
    let again = cancel(&left).expect(1);
    assert!(again.stderr.contains("is refused"), "{}", again.stderr);
    drop(sink);
    cancel(&arriving).expect(0);
    assert!(!part(&us, &arriving).exists());
    assert_eq!(met.takes(&partner, &arriving).unwrap().disposition, Disposition::Accepted);
    let received = cancel(&arriving).expect(1);
    assert!(received.stderr.contains("see `inbox`"), "{}", received.stderr);
    met.close();
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_partner_has_so_many_places_for_what_it_does_not_finish_and_another_has_its_own() {
    let world = World::new();
    let (us, partner) = enrolled(&world);
    let other = world.made("exercise-aus", "AUS", "cnsa2");
    world.enrol(&us, &other, &[]);
    let other = Partner::of(&other);
    us.reconfigure("# unfinished_max = 64", "unfinished_max = 16");
    let met = Met::at(&us, start());
    let begun: Vec<Envelope> = (0..16).map(|_| sealed(&met, &partner)).collect();
    for sent in &begun {
        abandons(&met, &partner, sent).unwrap();
    }
    let more = sealed(&met, &partner);
    let refused = abandons(&met, &partner, &more).unwrap_err();
    assert_eq!((refused.code, refused.retry_after), (RefusalCode::Busy, Some(Duration::from_secs(60))));
    assert!(met.row(&more.manifest.exchange).is_none() && !part(&us, &more).exists(), "nothing of it is here");
    // What it has begun it may go on with, a recall comes all the same, and so does everybody else.
    assert_eq!(met.takes(&partner, &begun[0]).unwrap().disposition, Disposition::Accepted);
    let recall = |n: usize| partner.recalls(&met, begun[n].manifest.exchange, |_| {});
    assert!(met.takes(&partner, &recall(1)).is_ok());
    let text = cut("report", "SECRET//REL TO USA, AUS, GBR", &["(S//REL TO USA, AUS, GBR) EXERCISE text."]);
    let theirs = other.seals(&met, "SECRET//REL TO USA, AUS, GBR", &text, b"");
    assert_eq!(met.takes(&other, &theirs).unwrap().disposition, Disposition::Accepted);
    // One was received, so there is a place again.
    assert_eq!(met.takes(&partner, &more).unwrap().disposition, Disposition::Accepted);
    // Of recalls as well there are only so many.
    let unfinished = (0..40).filter(|_| abandons(&met, &partner, &recall(2)).is_ok()).count();
    assert!((16..=18).contains(&unfinished), "{unfinished}");
    met.close();
}

/// A byte a day keeps nothing for ever.
#[test]
fn what_never_ends_is_over_after_thirty_times_the_time() {
    let world = World::new();
    let (us, partner) = enrolled(&world);
    let met = Met::at(&us, start());
    let mut sent = sealed(&met, &partner);
    sent.manifest.expires_at_ms = met.node.now().plus(100 * 24 * HOUR).unix_ms();
    abandons(&met, &partner, &sent).unwrap();
    let after = |days: u32| {
        let now = start().plus(days * 24 * HOUR);
        met.clock.set(now);
        if let Ok(file) = std::fs::File::options().write(true).open(part(&us, &sent)) {
            let at = std::time::UNIX_EPOCH + Duration::from_millis(now.unix_ms() as u64) - Duration::from_secs(60);
            file.set_modified(at).unwrap();
        }
        block_on(met.node.run_housekeeping()).unwrap();
        part(&us, &sent).exists()
    };
    assert!(after(1) && after(15) && after(29));
    assert!(!after(31));
    met.close();
}

#[test]
fn a_partner_has_a_share_of_the_room_and_no_more() {
    let world = World::new();
    let (us, partner) = enrolled(&world);
    // About 2 GiB above the reserve, whatever else writes to this disk meanwhile: a hundredth of that is some 20 MiB.
    let stat = rustix::fs::statvfs(&us.folder).unwrap();
    let reserve = (stat.f_bavail * stat.f_frsize).saturating_sub(2 << 30);
    us.reconfigure("# reserve_bytes = 67108864", &format!("reserve_bytes = {reserve}"));
    us.reconfigure("# partner_percent = 50", "partner_percent = 1");
    let met = Met::at(&us, start());
    let mut large = sealed(&met, &partner);
    large.manifest.payload_size = 60 << 20;
    let refused = abandons(&met, &partner, &large).unwrap_err();
    assert_eq!((refused.code, refused.retry_after), (RefusalCode::StorageUnavailable, Some(Duration::from_secs(60))));
    assert!(!part(&us, &large).exists());
    // What was offered counts as offered, however little of it came: no row of abandoned offers makes room for the next.
    let announced = |size: u64| {
        let mut sent = sealed(&met, &partner);
        sent.manifest.payload_size = size;
        abandons(&met, &partner, &sent).is_ok().then_some(size)
    };
    let taken: u64 = (0..12).filter_map(|_| announced(5 << 20)).sum();
    assert!((5 << 20..30 << 20).contains(&taken), "{taken} of some 20 MiB");
    assert_eq!(met.takes(&partner, &sealed(&met, &partner)).unwrap().disposition, Disposition::Accepted);
    met.close();
}

/// What was counted is counted again after a while by a clock that nobody sets: one that went back keeps nobody out.
#[test]
fn a_clock_that_goes_back_keeps_no_old_count() {
    let world = World::new();
    let (us, partner) = enrolled(&world);
    // Some 40 MiB: room for one of two offers.
    let stat = rustix::fs::statvfs(&us.folder).unwrap();
    let reserve = (stat.f_bavail * stat.f_frsize).saturating_sub(2 << 30);
    us.reconfigure("# reserve_bytes = 67108864", &format!("reserve_bytes = {reserve}"));
    us.reconfigure("# partner_percent = 50", "partner_percent = 2");
    let met = Met::at(&us, start());
    let offered = |size: u64| {
        let mut sent = sealed(&met, &partner);
        sent.manifest.payload_size = size;
        abandons(&met, &partner, &sent).map(|()| sent)
    };
    let first = offered(30 << 20).unwrap();
    assert_eq!(offered(30 << 20).err().map(|refused| refused.code), Some(RefusalCode::StorageUnavailable));
    us.run(&["exchange", "cancel", &first.manifest.exchange.to_string()]).expect(0);
    met.clock.advance(Duration::from_secs(2));
    met.clock.set(start().minus(Duration::from_secs(30)));
    assert!(offered(30 << 20).is_ok());
    met.close();
}
