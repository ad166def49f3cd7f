//! What is stopped while it is being sent: by whom and by what ever, the partner gets nothing that it could read, and
//! both sides' records say the same.

use crate::support::{Answer, Node, World};

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";
/// Bytes a second that go to the partner.
const RATE: u64 = 16 * 1024;
/// Paragraphs of a kilobyte each, which take a minute and a half to send.
const PARAGRAPHS: usize = 1500;

fn large(world: &World, id: &str) -> String {
    let file = world.product(id, BANNER, PORTION);
    let paragraph = format!("\n{PORTION} {}\n", "EXERCISE text of no meaning whatever. ".repeat(26));
    let text = std::fs::read_to_string(&file).unwrap() + &paragraph.repeat(PARAGRAPHS);
    world.file(&format!("{id}.txt"), &text)
}

/// Two nodes with a slow way from the first to the second.
fn slow_pair(world: &World) -> (Node, Node) {
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let slow = RATE.to_string();
    world.enrol(&us, &them, &[("bytes_per_second", &slow), ("bytes_burst", &slow)]);
    world.enrol(&them, &us, &[]);
    world.officers(&us);
    (us, them)
}

fn kinds(answer: &Answer) -> Vec<&str> {
    answer.list("/history").iter().filter_map(|entry| entry["kind"].as_str()).collect()
}

/// The exchanges that `status` says were delivered after they were stopped.
fn alarms(status: &Answer) -> Vec<&str> {
    let late = status.list("/alarms").iter().filter(|alarm| alarm["what"] == "delivered-after-stop");
    late.filter_map(|alarm| alarm["subject"].as_str()).collect()
}

/// Nobody's record says that anything was delivered, and nobody has it.
fn undelivered(us: &mut Node, them: &mut Node, exchange: &str) {
    let status = us.run(&["status", exchange]).expect(0);
    assert!(!kinds(&status).iter().any(|kind| kind.starts_with("exchange.delivered")), "{}", status.stdout);
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
    assert!(us.stop() && them.stop());
    for node in [us, them] {
        node.run(&["ledger", "verify"]).expect(0);
    }
}

/// Has a transfer stopped in its midst, and looks at how much still came: not half of it, and nothing that could be opened.
fn stopped_in_transfer(order: impl Fn(&World, &Node, &str), state: &str) {
    let world = World::new();
    let (mut us, mut them) = slow_pair(&world);
    let submitted = world.release(&us, &[large(&world, "STOPPED")], "exercise-gbr");
    let (request, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    us.serve();
    them.serve();
    let part = them.folder.join("store/spool").join(format!("{exchange}.envelope.part"));
    let length = || std::fs::metadata(&part).map_or(0, |m| m.len());
    us.until(&["status", exchange], |_| length() > 0);
    order(&world, &us, request);
    let most = std::cell::Cell::new(length());
    us.until(&["status", exchange], |answer| {
        most.set(length().max(most.get()));
        answer.text("/state") == state
    });
    let half = PARAGRAPHS as u64 * 1024 / 2;
    assert!(most.get() < half, "{} bytes came", most.get());
    // It was told so, or cut off.
    let ended = |log: &str| log.contains("cancelled: withdrawn by sender") || log.contains("\"up\":false");
    us.until(&["status", exchange], |_| ended(&them.log_text()));
    // Then its record does not say for ever that it is arriving.
    if them.log_text().contains("cancelled: withdrawn by sender") {
        let told = them.until_state(exchange, "refused");
        assert!(kinds(&told).contains(&"exchange.refused"), "{}", told.stdout);
    }
    undelivered(&mut us, &mut them, exchange);
}

#[test]
fn a_request_that_is_refused_while_it_is_being_sent_goes_no_further() {
    let refuse = |world: &World, us: &Node, request: &str| {
        us.run(&["refuse", request, "--why", "EXERCISE", "--key", &world.key("exercise-officer-1")]).expect(0);
    };
    stopped_in_transfer(refuse, "refused");
}

#[test]
fn what_is_recalled_while_it_is_being_sent_goes_no_further() {
    let recall = |world: &World, us: &Node, request: &str| {
        us.run(&["recall", request, "--why", "mismarked", "--key", &world.key("exercise-officer-1")]).expect(0);
    };
    stopped_in_transfer(recall, "cancelled");
}

#[test]
fn what_an_officer_approved_who_is_revoked_while_it_is_being_sent_goes_no_further() {
    let revoke = |_: &World, us: &Node, _: &str| {
        us.run(&["officer", "revoke", "exercise-officer-2", "--why", "EXERCISE"]).expect(0);
    };
    stopped_in_transfer(revoke, "held");
}

#[test]
fn a_partner_that_is_suspended_while_it_is_sent_something_gets_no_more_of_it() {
    let suspend = |_: &World, us: &Node, _: &str| {
        us.run(&["partner", "suspend", "exercise-gbr", "--why", "EXERCISE"]).expect(0);
    };
    stopped_in_transfer(suspend, "held");
}

/// The receipt is on its way when the order comes: our power fails with it, so that only the partner knows.
#[test]
fn what_was_delivered_before_the_order_is_on_record_as_delivered_after_it_was_stopped() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let file = world.product("LATE", BANNER, PORTION);
    let submitted = world.release(&us, &[file], "exercise-gbr");
    let (request, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    them.serve();
    us.serve_until("receipt-here");
    us.until_dead();
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    us.run(&["refuse", request, "--why", "EXERCISE", "--key", &world.key("exercise-officer-1")]).expect(0);
    us.serve();
    let status = us.until_state(exchange, "delivered-after-stop");
    assert!(kinds(&status).contains(&"exchange.delivered-after-stop"), "{}", status.stdout);
    assert!(kinds(&status).contains(&"alarm"), "{}", status.stdout);
    assert_eq!(status.text("/receipt/disposition"), "accepted");
    // Whoever looks sees it without being asked, and finds out why.
    let seen = us.run(&["status"]).expect(0);
    assert!(alarms(&seen) == [exchange], "{}", seen.stdout);
    let explained = us.run(&["explain", exchange]).expect(1);
    assert_eq!(explained.text("/partners/0/reasons/0/code"), "delivered-after-stop", "{}", explained.stdout);
    let found = us.run(&["store", "search", "LATE"]).expect(0);
    assert_eq!(found.text("/records/0/state"), "delivered-after-stop", "{}", found.stdout);
    // Withdrawing it is the way on: the partner is told, and the alarm has been looked at.
    let recalled = us.run(&["recall", exchange, "--why", "other", "--key", &world.key("exercise-officer-2")]).expect(0);
    assert_eq!(recalled.list("/notices").len(), 1, "{}", recalled.stdout);
    us.until(&["status", exchange], |answer| answer.text("/answer").starts_with("never opened"));
    assert!(alarms(&us.run(&["status"]).expect(0)).is_empty());
    assert!(us.stop() && them.stop());
    for node in [&us, &them] {
        node.run(&["ledger", "verify"]).expect(0);
    }
}

/// The neighbour: the power fails before anything of it left, and the partner, asked, says that it has nothing.
#[test]
fn what_was_stopped_and_is_not_there_stays_what_it_became() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let file = world.product("EARLY", BANNER, PORTION);
    let submitted = world.release(&us, &[file], "exercise-gbr");
    let (request, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    them.serve();
    us.serve_until("key-recorded");
    us.until_dead();
    us.run(&["refuse", request, "--why", "EXERCISE", "--key", &world.key("exercise-officer-1")]).expect(0);
    us.serve();
    let settled = |answer: &Answer| answer.text("/state") == "refused" && answer.text("/unanswered").is_empty();
    us.until(&["status", exchange], settled);
    let ledger = us.run(&["ledger", "show", "--limit", "500"]).expect(0);
    let mut about = ledger.list("/entries").iter().filter(|entry| entry["subject"] == exchange);
    assert_eq!(about.next_back().unwrap()["kind"], "exchange.refused", "{}", ledger.stdout);
    undelivered(&mut us, &mut them, exchange);
}

#[test]
fn a_node_that_did_not_come_up_has_not_started() {
    let world = World::new();
    let mut node = world.node("exercise-usa", "USA");
    let taken = std::net::UdpSocket::bind(("127.0.0.1", node.port)).unwrap();
    node.serve();
    assert_ne!(node.until_ended(), Some(0));
    let started = |node: &Node| {
        let ledger = node.run(&["ledger", "show", "--limit", "100"]).expect(0);
        ledger.list("/entries").iter().filter(|entry| entry["kind"] == "node.started").count()
    };
    assert_eq!(started(&node), 0);
    drop(taken);
    node.serve();
    node.until(&["status"], |_| started(&node) == 1);
    assert!(node.stop());
}
