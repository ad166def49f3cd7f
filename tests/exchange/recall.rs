//! Recalls and replacements between real nodes: what each side does, in whatever order things arrive.

use crate::machine::{Machine, Play, recalled};
use crate::support::{Answer, Node, World};
use portcullis::envelope::Receipt;
use portcullis::sign::Signed;

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

/// A product that is approved: its request and its exchange.
fn release(world: &World, node: &Node, id: &str, to: &str) -> (String, String) {
    let file = world.product(id, BANNER, PORTION);
    let answer = world.release(node, &[file], to);
    (answer.text("/request").to_owned(), answer.text("/exchanges/0/exchange").to_owned())
}

fn recall(world: &World, node: &Node, subject: &str, officer: &str) -> Answer {
    node.run(&["recall", subject, "--why", "incorrect", "--key", &world.key(officer)])
}

fn item(node: &Node, exchange: &str) -> serde_json::Value {
    let inbox = node.run(&["inbox", "list"]).expect(0);
    inbox.list("/items").iter().find(|i| i["exchange"] == exchange).cloned().unwrap_or_default()
}

fn take(world: &World, node: &Node, exchange: &str, more: &[&str]) -> Answer {
    let file = world.path(&format!("{exchange}-{}.taken", more.len()));
    node.run(&[&["inbox", "take", exchange, "--out", file.to_str().unwrap()], more].concat())
}

fn answered(node: &Node, exchange: &str, answer: &str) {
    node.until(&["status", exchange], |a| a.text("/answer").starts_with(answer));
}

fn end(nodes: [&mut Node; 2]) {
    for node in nodes {
        assert!(node.stop(), "{}", node.log_text());
        let verified = node.run(&["ledger", "verify"]);
        assert_eq!(verified.status, 0, "{}", verified.stdout);
    }
}

#[test]
fn a_recalled_product_is_marked_and_not_handed_out_and_the_sender_learns_what_was_done_with_it() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let exchanges: Vec<(String, String)> =
        ["UNOPENED", "SHOWN", "TAKEN"].iter().map(|id| release(&world, &us, id, "exercise-gbr")).collect();
    us.serve();
    them.serve();
    for (_, exchange) in &exchanges {
        us.until_state(exchange, "delivered");
    }
    them.run(&["inbox", "show", &exchanges[1].1]).expect(0);
    take(&world, &them, &exchanges[2].1, &[]).expect(0);
    for ((request, exchange), done) in exchanges.iter().zip(["never opened", "shown at", "taken at"]) {
        let recalled = recall(&world, &us, request, "exercise-officer-1").expect(0);
        assert_eq!(recalled.list("/notices").len(), 1, "{}", recalled.stdout);
        answered(&us, exchange, done);
        let found = item(&them, exchange);
        assert!(found["recalled"].as_str().unwrap().contains("incorrect"), "{found}");
    }
    // The neighbour of each refusal: the same with the switch that says so.
    let unopened = &exchanges[0].1;
    let refused = take(&world, &them, unopened, &[]).expect(1);
    assert!(refused.stderr.contains("--recalled"), "{}", refused.stderr);
    assert!(!world.path(&format!("{unopened}-0.taken")).exists());
    take(&world, &them, unopened, &["--recalled"]).expect(0);
    // A second recall of the same is refused here, before anybody is told twice.
    let again = recall(&world, &us, &exchanges[0].0, "exercise-officer-2").expect(1);
    assert!(again.stderr.contains("recalled already"), "{}", again.stderr);
    recall(&world, &us, unopened, "exercise-officer-2").expect(1);
    let status = us.run(&["status", unopened]).expect(0);
    assert!(status.list("/history").iter().any(|e| e["kind"] == "exchange.recalled"), "{}", status.stdout);
    // The notice itself is no product: it is in nobody's inbox.
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 3);
    end([&mut us, &mut them]);
}

#[test]
fn what_was_recalled_before_it_left_never_leaves_and_nobody_is_told() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let (request, exchange) = release(&world, &us, "QUEUED", "exercise-gbr");
    us.serve();
    us.until_state(&exchange, "queued");
    for who in ["exercise-producer", "exercise-stranger"] {
        if who == "exercise-stranger" {
            us.run(&["officer", "new-key", &world.key(who)]).expect(0);
        }
        recall(&world, &us, &request, who).expect(1);
        assert_eq!(us.run(&["status", &exchange]).expect(0).text("/state"), "queued");
    }
    let recalled = recall(&world, &us, &request, "exercise-officer-1").expect(0);
    assert_eq!((recalled.list("/cancelled").len(), recalled.list("/notices").len()), (1, 0), "{}", recalled.stdout);
    assert_eq!(us.run(&["status", &exchange]).expect(0).text("/state"), "cancelled");
    us.run(&["approve", &request, "--yes", "--key", &world.key("exercise-officer-2")]).expect(1);
    // Another one goes as before, so that the queue was served in between.
    let (_, other) = release(&world, &us, "OTHER", "exercise-gbr");
    them.serve();
    us.until_state(&other, "delivered");
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    recall(&world, &us, "rq-00000000000000000000000000000000", "exercise-officer-1").expect(2);
    let inbound = item(&them, &other)["exchange"].as_str().unwrap().to_owned();
    let theirs = them.run(&["recall", &inbound, "--why", "other", "--key", &world.key("exercise-officer-1")]);
    assert_eq!(theirs.status, 1, "an exchange that came from a partner is not ours to recall: {}", theirs.stdout);
    end([&mut us, &mut them]);
}

/// The partner's power fails when it has accepted the offer, and it is told of the recall when it is back.
#[test]
fn a_recall_that_arrives_before_its_product_keeps_it_out() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let (request, exchange) = release(&world, &us, "EARLY", "exercise-gbr");
    them.serve_until("offer-recorded");
    us.serve();
    them.until_dead();
    us.kill();
    us.serve();
    // Whether or not the attempt is known to have failed by now: what was begun may be there.
    let recalled = recall(&world, &us, &request, "exercise-officer-2").expect(0);
    assert_eq!(recalled.list("/notices").len(), 1, "{}", recalled.stdout);
    them.serve();
    answered(&us, &exchange, "it was not there");
    assert_eq!(item(&them, &exchange), serde_json::Value::default());
    // The neighbour: what was not recalled arrives.
    let (_, other) = release(&world, &us, "LATE", "exercise-gbr");
    us.until_state(&other, "delivered");
    end([&mut us, &mut them]);
}

#[test]
fn a_partner_cannot_recall_what_another_sent() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let third = world.node("exercise-fra", "FRA");
    world.enrol(&them, &third, &[]);
    world.enrol(&third, &them, &[]);
    let (request, victim) = release(&world, &us, "VICTIM", "exercise-gbr");
    us.serve();
    them.serve();
    us.until_state(&victim, "delivered");
    // The third knows the number of another's exchange, and signs that it withdraws it.
    let machine = Machine::start(&them, &third, Play::Honest(None), true);
    let (offer, notice) = recalled(&machine.acts, &third.name, &them.name, victim.parse().unwrap());
    let number = offer.exchange.to_string();
    let receipt = machine.sends(&them.name, offer, &notice, None).expect("a notice is answered");
    let handled = Signed::<Receipt>::peek(&receipt).unwrap().handled.unwrap();
    assert_eq!(handled.sentence(), "it was not there", "it learns nothing of what others sent");
    assert_eq!(item(&them, &victim)["recalled"], "");
    let all = them.run(&["ledger", "show", "--limit", "100"]).expect(0);
    let alarm = |e: &&serde_json::Value| e["kind"] == "alarm" && e["subject"] == number;
    let alarms: Vec<String> = all.list("/entries").iter().filter(alarm).map(|e| e["detail"].to_string()).collect();
    assert!(alarms.iter().any(|said| said.contains("not this partner's")), "{alarms:?}");
    // Whoever sent it recalls it.
    recall(&world, &us, &request, "exercise-officer-1").expect(0);
    answered(&us, &victim, "never opened");
    assert_ne!(item(&them, &victim)["recalled"], "");
    end([&mut us, &mut them]);
}

#[test]
fn a_replacement_takes_the_place_of_what_the_partner_got() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let (request, first) = release(&world, &us, "FIRST", "exercise-gbr");
    us.serve();
    them.serve();
    us.until_state(&first, "delivered");
    let file = world.product("SECOND", BANNER, PORTION);
    let key = us.key("exercise-producer");
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d", "--key", &key];
    let submitted = us.run(&[&["submit", &file, "--supersedes", &request], &terms[..]].concat()).expect(0);
    let (second, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    // It needs the whole approval: until then the first stands.
    us.run(&["approve", second, "--yes", "--key", &world.key("exercise-officer-1")]).expect(0);
    us.run(&["explain", second]).expect(1);
    assert_eq!(item(&them, &first)["superseded_by"], "");
    us.run(&["approve", second, "--yes", "--key", &world.key("exercise-officer-2")]).expect(0);
    us.until_state(exchange, "delivered");
    assert_eq!(us.run(&["status", exchange]).expect(0).text("/answer"), "never opened");
    assert_eq!(us.run(&["status", &first]).expect(0).text("/superseded_by"), exchange);
    assert_eq!(item(&them, &first)["superseded_by"], exchange);
    assert_eq!(item(&them, exchange)["replaces"], first.as_str());
    let listed = them.run_human(&["inbox", "list"]).expect(0);
    assert!(listed.stdout.contains("received, superseded"), "{}", listed.stdout);
    take(&world, &them, &first, &[]).expect(0);
    // Nothing to replace, or no such request.
    let unknown = ["submit", &file, "--supersedes", "rq-00000000000000000000000000000000"];
    us.run(&[&unknown, &terms[..]].concat()).expect(2);
    end([&mut us, &mut them]);
}

#[test]
fn what_was_replaced_before_it_left_never_leaves() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let (request, first) = release(&world, &us, "FIRST", "exercise-gbr");
    us.serve();
    us.until_state(&first, "queued");
    let file = world.product("SECOND", BANNER, PORTION);
    let key = us.key("exercise-producer");
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d", "--key", &key];
    let submitted = us.run(&[&["submit", &file, "--supersedes", &request], &terms[..]].concat()).expect(0);
    let (second, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    assert_eq!(us.run(&["status", &first]).expect(0).text("/state"), "queued");
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        us.run(&["approve", second, "--yes", "--key", &world.key(officer)]).expect(0);
    }
    us.until_state(&first, "cancelled");
    them.serve();
    us.until_state(exchange, "delivered");
    let inbox = them.run(&["inbox", "list"]).expect(0);
    assert_eq!(inbox.list("/items").len(), 1, "{}", inbox.stdout);
    // They were never offered the first, and do not learn that there was one.
    assert_eq!(item(&them, exchange)["replaces"], "", "{}", inbox.stdout);
    assert_eq!(us.run(&["status", exchange]).expect(0).text("/answer"), "");
    end([&mut us, &mut them]);
}
