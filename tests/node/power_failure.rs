//! The power fails at every commit point between the last approval and the receipt: either nothing was sent, or it was
//! sent once and is recorded, and the next start brings it to its end.
//!
//! What the node that dies has not synced by then is gone, and payloads are kept in files: a sync that is missing loses one.

use crate::disk::{Disk, MEMORY};

use crate::support::{Node, World, block_on};
use portcullis::ledger::EntryKind;
use portcullis::system::FAULT_POINTS;

/// How often an entry of this kind about an exchange is on a node's ledger.
fn count(node: &Node, exchange: &str, kind: EntryKind) -> usize {
    let node = node.open();
    block_on(async {
        let entries = node.store().entries_about(exchange).await.unwrap();
        node.store().close().await;
        entries.iter().filter(|e| e.entry.kind() == kind).count()
    })
}

fn arrived(them: &Node, exchange: &str) -> usize {
    let inbox = them.run(&["inbox", "list"]).expect(0);
    inbox.list("/items").iter().filter(|i| i["exchange"] == exchange && i["state"] == "received").count()
}

fn submit(world: &World, us: &Node, id: &str) -> (String, String) {
    let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let key = us.key("exercise-producer");
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d", "--key", &key];
    let submitted = us.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
    let request = submitted.text("/request").to_owned();
    us.run(&["approve", &request, "--yes", "--key", &world.key("exercise-officer-1")]).expect(0);
    (request, submitted.text("/exchanges/0/exchange").to_owned())
}

#[test]
fn a_power_failure_at_any_commit_point_sends_nothing_or_once_and_on_record() {
    let world = World::inside(MEMORY);
    let (mut us, mut them) = world.pair();
    us.keep_payloads_in_files();
    them.keep_payloads_in_files();
    let (our_disk, their_disk) =
        (Disk::of(&us.folder, &world.path("our-disk")), Disk::of(&them.folder, &world.path("their-disk")));
    let receiver = ["offer-recorded", "payload-whole", "inbox-recorded", "receipt-recorded"];
    // From here on the partner may have what opens the payload; before, nothing of it can be read there.
    let left = FAULT_POINTS.iter().position(|p| *p == "payload-whole").unwrap();
    for (n, place) in FAULT_POINTS.into_iter().enumerate() {
        let (request, exchange) = submit(&world, &us, &format!("FAULT-{n:02}"));
        let key = world.key("exercise-officer-2");
        let approve = ["approve", &request, "--yes", "--key", &key];
        if place == "approval-recorded" {
            our_disk.begin();
            us.environment = our_disk.environment();
            assert!(us.run_until(place, &approve), "{place} was not reached");
            us.environment.clear();
            our_disk.cut();
        } else {
            us.run(&approve).expect(0);
            let (victim, disk, other) = match receiver.contains(&place) {
                true => (&mut them, &their_disk, &mut us),
                false => (&mut us, &our_disk, &mut them),
            };
            disk.begin();
            victim.environment = disk.environment();
            other.serve();
            victim.serve_until(place);
            victim.until_dead();
            other.kill();
            victim.environment.clear();
            disk.cut();
        }
        // As the failure left it: at most one arrived, and if one did the sender's record knows that it was offered.
        let there = count(&them, &exchange, EntryKind::ExchangeReceived);
        assert!(there <= usize::from(n > left), "{place}: {there} arrived");
        let offered = count(&us, &exchange, EntryKind::ExchangeOffered);
        assert!(there == 0 || offered > 0, "{place}: it was sent without a record");
        let decided = count(&us, &exchange, EntryKind::ReleaseDecided);
        assert!(offered == 0 || decided == 1, "{place}: it was offered without a release on record");
        // As the next start leaves it: delivered, once, with one receipt.
        us.serve();
        them.serve();
        us.until(&["status", &exchange], |answer| {
            let state = answer.text("/state");
            assert_ne!(state, "parked", "{place}: what was to be sent is not there");
            state == "delivered"
        });
        assert_eq!(arrived(&them, &exchange), 1, "{place}");
        assert!(us.stop() && them.stop(), "{place}");
        for (node, kind) in [
            (&them, EntryKind::ExchangeReceived),
            (&them, EntryKind::ExchangeReceipted),
            (&us, EntryKind::ExchangeDelivered),
            (&us, EntryKind::ReleaseDecided),
        ] {
            assert_eq!(count(node, &exchange, kind), 1, "{place}: {kind}");
        }
        assert_eq!(us.exchange(&exchange).receipt, them.exchange(&exchange).receipt, "{place}");
    }
    us.run(&["ledger", "verify"]).expect(0);
    them.run(&["ledger", "verify"]).expect(0);
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), FAULT_POINTS.len());
}
