//! What no row of the store needs is set aside when a node starts: nothing is removed, and everything can be put back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::partner::{Met, Partner, cut, heads};
use crate::support::{Node, World, block_on};
use portcullis::config::Config;
use portcullis::gateway;
use portcullis::ident::ExchangeId;
use portcullis::ledger::{Entry, EntryKind, SignedCheckpoint};
use portcullis::store::{Commit, ExchangeState};
use portcullis::system::SystemClock;
use portcullis::time::{Clock as _, Time};

/// Two nodes with one product in the second's inbox, whose payload is a file of its spool; both are stopped.
fn delivered() -> (World, Node, Node, String) {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    them.keep_payloads_in_files();
    let file = world.product("LOST", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let exchange = world.release(&us, &[file], "exercise-gbr").text("/exchanges/0/exchange").to_owned();
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
    (world, us, them, exchange)
}

fn spool(node: &Node, file: &str) -> PathBuf {
    node.folder.join("store/spool").join(file)
}

/// The file of another exchange than the one that is on record, with `last` as the last figures of its number.
fn other(exchange: &str, last: &str) -> String {
    format!("{}{last}.envelope", &exchange[..exchange.len() - last.len()])
}

#[test]
fn a_start_sets_aside_what_no_row_needs_and_a_command_puts_it_back_or_removes_it() {
    let (world, _us, mut them, exchange) = delivered();
    let (theirs, orphan) = (format!("{exchange}.envelope"), other(&exchange, "0001"));
    std::fs::copy(spool(&them, &theirs), spool(&them, &orphan)).unwrap();
    them.run(&["store", "lost", "drop", &orphan]).expect(2);
    let starts = |node: &mut Node| {
        let before = node.log_text().matches("node started").count();
        node.serve();
        node.until(&["status"], |_| node.log_text().matches("node started").count() > before);
        assert!(node.stop());
    };
    starts(&mut them);
    let listed = them.run(&["store", "lost", "list"]).expect(0);
    assert_eq!(listed.list("/lost").len(), 1, "{}", listed.stdout);
    assert_eq!((listed.text("/lost/0/name"), &listed.value["lost"][0]["needed"]), (&*orphan, &false.into()));
    assert!(spool(&them, &theirs).exists() && !spool(&them, &orphan).exists());
    // Put back, it is where it was until the next start.
    them.run(&["store", "lost", "restore", &orphan]).expect(0);
    assert!(spool(&them, &orphan).exists());
    starts(&mut them);
    // It is whole, and nothing on record says what became of it: no one person removes it now. What was never finished goes.
    let refused = them.run(&["store", "lost", "drop", &orphan]).expect(1);
    assert!(refused.stderr.contains("is not removed before"), "{}", refused.stderr);
    let partial = orphan.clone() + ".part";
    std::fs::rename(spool(&them, &format!("lost/{orphan}")), spool(&them, &format!("lost/{partial}"))).unwrap();
    them.run(&["store", "lost", "drop", &partial]).expect(0);
    std::fs::remove_file(spool(&them, &format!("lost/{orphan}.json"))).unwrap();
    assert!(them.run(&["store", "lost", "list"]).expect(0).list("/lost").is_empty());
    // Set aside beside another store, what is on record needs is back with the next start, and nothing is quarantined.
    std::fs::rename(spool(&them, &theirs), spool(&them, &format!("lost/{theirs}"))).unwrap();
    starts(&mut them);
    assert!(spool(&them, &theirs).exists());
    assert_eq!(them.run(&["status", &exchange]).expect(0).text("/state"), "received");
    // What is on record needs is not removed, and comes back as it was.
    std::fs::rename(spool(&them, &theirs), spool(&them, &format!("lost/{theirs}"))).unwrap();
    assert_eq!(them.run(&["store", "lost", "list"]).expect(0).value["lost"][0]["needed"], true);
    assert!(them.run(&["store", "lost", "drop", &theirs]).expect(1).stderr.contains("store lost restore"));
    them.run(&["store", "lost", "restore", &theirs]).expect(0);
    let out = world.path("taken.txt").display().to_string();
    them.run(&["inbox", "take", &exchange, "--out", &out]).expect(0);
    // What was taken stays, and can be taken again after a start.
    starts(&mut them);
    let again = world.path("again.txt").display().to_string();
    them.run(&["inbox", "take", &exchange, "--out", &again]).expect(0);
    assert_eq!(std::fs::read(out).unwrap(), std::fs::read(again).unwrap());
    let shown = them.run(&["ledger", "show", "--limit", "1000"]).expect(0);
    let of = |kind: &str| shown.list("/entries").iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((of("spool.restored"), of("spool.removed")), (2, 1), "{}", shown.stdout);
    them.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn an_orphan_raises_an_alarm_and_can_be_removed_when_it_was_kept_for_as_many_days_as_are_configured() {
    let (_world, _us, them, exchange) = delivered();
    let orphan = other(&exchange, "0001");
    let quiet = |node: &Node| node.run(&["status"]).expect(0).list("/alarms").iter().all(|a| a["what"] != "orphans");
    std::fs::copy(spool(&them, &format!("{exchange}.envelope")), spool(&them, &orphan)).unwrap();
    let opened = them.open_live();
    block_on(async {
        opened.recover().await.unwrap();
        opened.store().close().await;
    });
    assert!(!quiet(&them));
    let after = |days: u64, minutes: u64| {
        let node = them.open_at(SystemClock.now().plus(Duration::from_secs(days * 86_400 + minutes * 60)));
        block_on(async {
            let dropped = node.drop_lost(&orphan).await;
            node.store().close().await;
            dropped
        })
    };
    // Nor sooner where somebody has shortened the time.
    for days in ["30", "1"] {
        them.reconfigure(
            if days == "30" { "# keep_days = 30" } else { "keep_days = 30" },
            &format!("keep_days = {days}"),
        );
        let early = after(29, 23 * 60).unwrap_err().to_string();
        assert!(early.contains("is not removed before") && !quiet(&them), "{early}");
    }
    assert!(after(30, 10).unwrap().orphan);
    assert!(!spool(&them, &format!("lost/{orphan}")).exists() && quiet(&them));
}

#[test]
fn what_is_damaged_among_the_lost_is_said_to_be_and_is_not_put_back() {
    let (_world, _us, them, exchange) = delivered();
    let theirs = format!("{exchange}.envelope");
    let recovered = |node: &Node| {
        let opened = node.open_live();
        block_on(async {
            opened.recover().await.unwrap();
            opened.store().close().await;
        });
    };
    // Set aside beside a database that does not know it.
    let known = other(&exchange, "0001");
    std::fs::rename(spool(&them, &theirs), spool(&them, &known)).unwrap();
    recovered(&them);
    let lost = |name: &str| spool(&them, &format!("lost/{name}"));
    let note = std::fs::read_to_string(lost(&(known.clone() + ".json"))).unwrap();
    std::fs::write(lost(&(theirs.clone() + ".json")), note.replace(&known, &theirs)).unwrap();
    std::fs::rename(lost(&known), lost(&theirs)).unwrap();
    let whole = std::fs::read(lost(&theirs)).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for (bytes, damaged) in [(&flipped[..], true), (&whole[..whole.len() - 1], true), (&whole[..], false)] {
        std::fs::write(lost(&theirs), bytes).unwrap();
        let listed = them.run(&["store", "lost", "list"]).expect(0);
        assert_eq!(listed.value["lost"][0]["damaged"], damaged, "{}", listed.stdout);
        if damaged {
            let refused = them.run(&["store", "lost", "restore", &theirs]).expect(1);
            assert!(refused.stderr.contains("does not match its note"), "{}", refused.stderr);
            recovered(&them);
            assert!(lost(&theirs).exists() && !spool(&them, &theirs).exists());
        }
    }
    them.run(&["store", "lost", "restore", &theirs]).expect(0);
    assert!(spool(&them, &theirs).exists());
}

#[test]
fn what_is_old_goes_only_once_a_partner_has_confirmed_our_ledger() {
    let (_world, mut us, them, exchange) = delivered();
    let (theirs, orphan) = (format!("{exchange}.envelope"), other(&exchange, "0001"));
    let young = other(&exchange, "0002");
    std::fs::copy(spool(&them, &theirs), spool(&them, &orphan)).unwrap();
    let long_ago = SystemClock.now().minus(Duration::from_secs(40 * 86_400));
    let before = them.open_at(long_ago);
    let out = them.folder.with_file_name("taken.txt");
    block_on(async {
        before.recover().await.unwrap();
        before.take(&exchange.parse().unwrap(), &out, false, &crate::support::reader()).await.unwrap();
        before.store().close().await;
    });
    std::fs::copy(spool(&them, &theirs), spool(&them, &young)).unwrap();
    let lost = |name: &str| spool(&them, &format!("lost/{name}")).exists();
    // Nobody has confirmed that this is no older copy.
    let node = them.open();
    block_on(async {
        node.recover().await.unwrap();
        node.run_housekeeping().await.unwrap();
        node.store().close().await;
    });
    assert!(lost(&orphan) && lost(&young) && spool(&them, &theirs).exists());
    us.serve();
    let config = Config::read(&them.config()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let node = Arc::new(gateway::Node::open(config, Arc::new(SystemClock)).await.unwrap());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let work = async {
            for _ in 0..1200 {
                if node.confirmed().is_some() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            assert!(node.confirmed().is_some(), "no partner showed a head of ours");
            node.run_housekeeping().await.unwrap();
            stop.send(()).unwrap();
        };
        let (served, ()) = tokio::join!(gateway::serve(node.clone(), async { drop(stopped.await) }), work);
        served.unwrap();
        node.store().close().await;
    });
    assert!(!lost(&orphan) && lost(&young) && !spool(&them, &theirs).exists());
    let shown = them.run(&["ledger", "show", "--limit", "1000"]).expect(0);
    let removed: Vec<_> = shown.list("/entries").iter().filter(|entry| entry["kind"] == "spool.removed").collect();
    assert_eq!(removed.len(), 2, "{}", shown.stdout);
    them.run(&["ledger", "verify"]).expect(0);
    assert!(us.stop());
}

/// Sets aside a file that belongs to nothing, at this time; gives its name.
fn set_aside(node: &Node, at: Time) -> String {
    let name = format!("{}.envelope", ExchangeId::new(at, [7; 10]));
    std::fs::write(spool(node, &name), b"EXERCISE: of nothing on record").unwrap();
    let opened = node.open_at(at);
    block_on(async {
        opened.recover().await.unwrap();
        opened.store().close().await;
    });
    assert!(spool(node, &format!("lost/{name}")).exists());
    name
}

/// A node that keeps payloads in files, and a partner in the test's hand that it has enrolled.
fn enrolled(world: &World) -> (Node, Partner) {
    let (us, them) = (world.node("exercise-gbr", "GBR"), world.made("exercise-usa", "USA", "cnsa2"));
    us.keep_payloads_in_files();
    world.enrol(&us, &them, &[]);
    (us, Partner::of(&them))
}

/// Has the partner show a head of our ledger, and what has been of no use for long removed.
fn kept_house(met: &Met, partner: &Partner, seen: &SignedCheckpoint) {
    let told = heads(&partner.head(7, b"EXERCISE root"), Some(seen.as_str()));
    assert_eq!(met.greeted(&partner.id(), &told, None), Ok(()));
    assert!(met.node.confirmed().is_some());
    block_on(met.node.run_housekeeping()).unwrap();
}

#[test]
fn what_is_newer_than_what_was_confirmed_stays_and_by_a_clock_in_doubt_everything_does() {
    let world = World::new();
    let (us, partner) = enrolled(&world);
    let start = SystemClock.now().plus(Duration::from_secs(60));
    let day = |n: u64| start.plus(Duration::from_secs(n * 86_400));
    let early = Met::at(&us, start);
    let seen = early.head();
    early.close();
    let name = set_aside(&us, day(1));
    let lost = || spool(&us, &format!("lost/{name}")).exists();
    let met = Met::at(&us, day(40));
    // The partner knows nothing of what was recorded after it was set aside: that may be missing here.
    kept_house(&met, &partner, &seen);
    assert!(lost(), "newer than what was confirmed");
    // All is confirmed, and the clock is behind what is on record.
    let entry = Entry::new(day(41), EntryKind::Alarm, "exercise", "gateway").with("exercise", "later");
    block_on(met.node.store().commit(Commit::new().entry(entry))).unwrap();
    kept_house(&met, &partner, &met.head());
    assert!(lost(), "by a clock in doubt");
    met.clock.set(day(41));
    kept_house(&met, &partner, &met.head());
    assert!(!lost());
    met.close();
}

#[test]
fn a_payload_that_nobody_took_stays_and_one_that_was_taken_goes_when_it_is_old() {
    const BANNER: &str = "SECRET//REL TO USA, GBR";
    let world = World::new();
    let (us, partner) = enrolled(&world);
    let start = SystemClock.now().plus(Duration::from_secs(60));
    let met = Met::at(&us, start);
    let text = cut("report", BANNER, &["(S//REL TO USA, GBR) EXERCISE text."]);
    let [taken, left] = [(); 2].map(|()| {
        let sent = partner.seals(&met, BANNER, &text, b"");
        met.takes(&partner, &sent).unwrap();
        let exchange = sent.manifest.exchange;
        let row = met.row(&exchange).unwrap();
        assert_eq!(row.state, ExchangeState::Received, "{:?}", row.reason);
        (exchange, spool(&us, &row.payload.unwrap().spool.to_string()))
    });
    block_on(met.node.take(&taken.0, &world.path("taken.txt"), false, &crate::support::reader())).unwrap();
    assert!(taken.1.exists() && left.1.exists());
    met.clock.advance(Duration::from_secs(40 * 86_400));
    // What is on record lately is confirmed with it.
    let entry = Entry::new(met.node.now(), EntryKind::Alarm, "exercise", "gateway").with("exercise", "later");
    block_on(met.node.store().commit(Commit::new().entry(entry))).unwrap();
    kept_house(&met, &partner, &met.head());
    assert!(!taken.1.exists() && left.1.exists());
    // It is there to be taken, and what was taken just now can be taken once more.
    for name in ["left.txt", "again.txt"] {
        block_on(met.node.take(&left.0, &world.path(name), false, &crate::support::reader())).unwrap();
        kept_house(&met, &partner, &met.head());
    }
    met.close();
}

#[test]
fn nothing_is_put_back_over_what_is_in_its_place() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let at = SystemClock.now().plus(Duration::from_secs(60));
    let name = set_aside(&us, at);
    let subject = name.strip_suffix(".envelope").unwrap();
    let node = us.open_at(at);
    for place in [name.clone(), format!("{name}.part")] {
        std::fs::write(spool(&us, &place), b"EXERCISE: another").unwrap();
        let refused = block_on(node.restore_lost(&name)).unwrap_err();
        assert!(matches!(&refused, gateway::GatewayError::Refused(why) if why.contains("in its place")), "{refused}");
        let about = block_on(node.store().entries_about(subject)).unwrap();
        assert!(about.iter().all(|recorded| recorded.entry.kind() != EntryKind::SpoolRestored));
        assert_eq!(std::fs::read(spool(&us, &place)).unwrap(), b"EXERCISE: another");
        std::fs::remove_file(spool(&us, &place)).unwrap();
    }
    block_on(node.restore_lost(&name)).unwrap();
    assert!(spool(&us, &name).exists() && !spool(&us, &format!("lost/{name}")).exists());
    block_on(node.store().close());
}
