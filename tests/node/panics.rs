//! A panic in the work of one exchange sets that exchange aside, with an alarm on record, and ends nothing else.

use crate::support::{Node, World, block_on};
use portcullis::ledger::{Entry, EntryKind};

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

fn alarms(node: &Node, subject: &str) -> Vec<Entry> {
    let opened = node.open_live();
    block_on(async {
        let entries = opened.store().entries_about(subject).await.unwrap();
        opened.store().close().await;
        entries.into_iter().map(|recorded| recorded.entry).filter(|entry| entry.kind() == EntryKind::Alarm).collect()
    })
}

fn release(world: &World, us: &Node, id: &str) -> String {
    let released = world.release(us, &[world.product(id, BANNER, PORTION)], "exercise-gbr");
    released.text("/exchanges/0/exchange").to_owned()
}

/// The first exchange that passes `place` is parked, whatever comes behind it is delivered, and so is the first once an
/// operator retries it.
fn parks_the_first_and_delivers_the_others(place: &str, doing: &str) {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    them.serve();
    them.until_serving();
    us.serve_panicking(place);
    us.until_serving();
    let first = release(&world, &us, "FIRST");
    let parked = us.until_state(&first, "parked");
    assert!(parked.stdout.contains("internal fault"), "{}", parked.stdout);
    let second = release(&world, &us, "SECOND");
    us.until_state(&second, "delivered");
    assert_eq!(us.run(&["status", &first]).expect(0).text("/state"), "parked");
    let said = alarms(&us, &first);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].detail().get("panic").map(String::as_str), Some(doing));
    assert!(alarms(&us, &second).is_empty());
    us.run(&["exchange", "retry", &first]).expect(0);
    us.until_state(&first, "delivered");
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_panic_while_a_release_is_sealed_parks_that_exchange_alone() {
    parks_the_first_and_delivers_the_others("release-decided", "sealing");
}

#[test]
fn a_panic_while_an_exchange_is_delivered_parks_that_exchange_alone() {
    for place in ["offer-decided", "attempt-claimed"] {
        parks_the_first_and_delivers_the_others(place, "delivering");
    }
}

#[test]
fn a_panic_over_what_a_partner_sent_refuses_that_alone() {
    let world = World::new();
    let (mut us, mut them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &them, &[]);
    world.enrol_undialled(&them, &us);
    world.officers(&us);
    them.serve_panicking("payload-whole");
    them.until_serving();
    us.serve();
    let first = release(&world, &us, "FIRST");
    // What a partner refuses for good waits for an operator here.
    us.until_state(&first, "parked");
    let second = release(&world, &us, "SECOND");
    us.until_state(&second, "delivered");
    let said = alarms(&them, &first);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].detail().get("panic").map(String::as_str), Some("opening"));
    assert!(alarms(&them, &second).is_empty());
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    assert!(us.stop() && them.stop());
    them.run(&["ledger", "verify"]).expect(0);
}
