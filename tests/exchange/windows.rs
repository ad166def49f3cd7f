//! A partner's window between real nodes: what is not urgent waits for it, and what is urgent does not.

use crate::support::{Node, World, agreement};
use portcullis::partner::Agreement;
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

/// Enrols `them` at `us` with a window that opens three days from now, so that it is closed whenever this test runs.
fn enrol_closed(world: &World, us: &Node, them: &Node) {
    let weekday = (SystemClock.now().unix_seconds() / 86_400 + 3 + 3) % 7;
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][usize::try_from(weekday).unwrap()];
    let windows = format!(
        "[windows]\nunless = \"FLASH\"\nopen = [{{ days = [\"{day}\"], from = \"10:00\", until = \"11:00\" }}]\n"
    );
    let text = format!("{}\n{windows}", agreement("USA", "GBR", &[]));
    world.enrol_under(us, them, Agreement::parse(&text).unwrap());
}

fn submit(world: &World, us: &Node, id: &str, precedence: &str) -> String {
    let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "7d", "--precedence", precedence];
    let submitted = us.run(&[&["submit", &file, "--key", &us.key("exercise-producer")], &terms[..]].concat()).expect(0);
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        us.run(&["approve", submitted.text("/request"), "--yes", "--key", &world.key(officer)]).expect(0);
    }
    submitted.text("/exchanges/0/exchange").to_owned()
}

#[test]
fn what_is_not_urgent_waits_for_the_window_and_what_is_does_not() {
    let world = World::new();
    let (mut us, mut them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    enrol_closed(&world, &us, &them);
    world.enrol(&them, &us, &[]);
    world.officers(&us);
    let (routine, flash) = (submit(&world, &us, "ROUTINE", "ROUTINE"), submit(&world, &us, "FLASH", "FLASH"));
    let explained = us.run(&["explain", &routine]).expect(0);
    assert!(explained.text("/partners/0/window").contains("closed to ROUTINE"), "{}", explained.stdout);
    let explained = us.run(&["explain", &flash]).expect(0);
    assert!(explained.text("/partners/0/window").contains("FLASH is sent at any time"), "{}", explained.stdout);
    us.serve();
    them.serve();
    us.until_state(&flash, "delivered");
    let waiting = us.until(&["status", &routine], |a| a.text("/last_failure").contains("partner's window"));
    assert_eq!((waiting.text("/state"), &waiting.value["attempts"]), ("queued", &0.into()));
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
    assert!(us.exchange(&routine).receipt.is_none());
}
