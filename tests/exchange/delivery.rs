//! Delivery between real nodes: once, in both directions, within limits, and with nothing lost when something is in the way.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;

use crate::support::{Answer, Node, World};

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

fn release(world: &World, from: &Node, id: &str, to: &Node) -> String {
    let file = world.product(id, BANNER, PORTION);
    world.release(from, &[file], &to.name).text("/exchanges/0/exchange").to_owned()
}

fn inbox(node: &Node) -> Vec<serde_json::Value> {
    node.run(&["inbox", "list"]).expect(0).list("/items").to_vec()
}

/// Stops both; both must end in order and have ledgers that hold.
fn end(nodes: [&mut Node; 2]) {
    for node in nodes {
        assert!(node.stop(), "{}", node.log_text());
        node.run(&["ledger", "verify"]).expect(0);
    }
}

#[test]
fn products_go_both_ways_and_arrive_as_they_were_cut() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    world.officers(&them);
    let (out, back) = (release(&world, &us, "OUT", &them), release(&world, &them, "BACK", &us));
    us.serve();
    them.serve();
    us.until_state(&out, "delivered");
    them.until_state(&back, "delivered");
    for (from, to, id, exchange) in [(&us, &them, "OUT", &out), (&them, &us, "BACK", &back)] {
        let cut = from.run_human(&[
            "product",
            "cut",
            &world.path(&format!("{id}.txt")).display().to_string(),
            "--for",
            &to.name,
        ]);
        let file = world.path(&format!("{id}.taken"));
        to.run(&["inbox", "take", exchange, "--out", file.to_str().unwrap()]).expect(0);
        assert_eq!(std::fs::read_to_string(file).unwrap(), cut.expect(0).stdout);
    }
    end([&mut us, &mut them]);
}

/// The numbers of the files that a node keeps for payloads to come.
fn spares(node: &Node) -> Vec<u64> {
    let found = std::fs::read_dir(node.folder.join("store/spool/spare"));
    found.into_iter().flatten().map(|file| file.unwrap().metadata().unwrap().ino()).collect()
}

#[test]
fn the_file_of_a_delivered_payload_holds_the_next_one() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.keep_payloads_in_files();
    us.serve();
    them.serve();
    let mut kept = Vec::new();
    for id in ["FIRST", "SECOND", "THIRD"] {
        let exchange = release(&world, &us, id, &them);
        us.until_state(&exchange, "delivered");
        // It is let go after the delivery is on record.
        let gone = us.folder.join(format!("store/spool/{exchange}.envelope"));
        us.until(&["status", &exchange], |_| !gone.exists());
        kept.push(spares(&us));
    }
    assert!(kept[0].len() == 1 && kept.iter().all(|spares| *spares == kept[0]), "{kept:?}");
    assert_eq!(inbox(&them).len(), 3);
    end([&mut us, &mut them]);
    // What a start finds it removes.
    us.serve();
    us.until(&["status"], |_| spares(&us).is_empty());
    assert!(us.stop());
}

#[test]
fn the_inbox_hands_out_a_product_again_but_never_over_a_file() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let exchange = release(&world, &us, "TAKE", &them);
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    let (first, second) = (world.path("first"), world.path("second"));
    let take = |file: &std::path::Path| them.run(&["inbox", "take", &exchange, "--out", file.to_str().unwrap()]);
    take(&first).expect(0);
    assert_eq!(inbox(&them)[0]["state"], "taken");
    let refused = take(&first).expect(1);
    assert!(refused.stderr.contains("exists: name a file"), "{}", refused.stderr);
    take(&second).expect(0);
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let unknown = them.run(&["inbox", "take", "ex-00000000000000000000000000000000", "--out", "never"]).expect(2);
    assert!(unknown.stderr.contains("inbox list"), "{}", unknown.stderr);
    // What was sent is not in the sender's own inbox.
    us.run(&["inbox", "show", &exchange]).expect(2);
    end([&mut us, &mut them]);
}

#[test]
fn a_resend_of_what_is_there_gets_the_same_receipt_and_has_no_other_effect() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let exchange = release(&world, &us, "AGAIN", &them);
    us.serve();
    us.until_state(&exchange, "queued");
    assert!(us.stop());
    // The sender as it was just before: what it knows after a crash in which the receipt was lost.
    let before = world.path("before");
    us.copy_to(&before);
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    assert!(us.stop());
    let receipt = us.exchange(&exchange).receipt.unwrap();
    them.run(&["inbox", "take", &exchange, "--out", world.path("taken").to_str().unwrap()]).expect(0);
    let entries = |node: &Node| {
        let all = node.run(&["ledger", "show", "--limit", "1000"]).expect(0);
        all.list("/entries").iter().filter(|e| e["subject"] == exchange.as_str()).count()
    };
    let recorded = entries(&them);

    std::fs::rename(&us.folder, world.path("after")).unwrap();
    std::fs::rename(&before, &us.folder).unwrap();
    world.accept_older_copy(&us, &[&them]);
    us.serve();
    us.until_state(&exchange, "delivered");
    assert_eq!(us.exchange(&exchange).receipt.unwrap(), receipt, "the same bytes");
    assert_eq!(inbox(&them).len(), 1);
    assert_eq!(inbox(&them)[0]["state"], "taken");
    assert_eq!(entries(&them), recorded, "a resend leaves no second entry");
    end([&mut us, &mut them]);
}

#[test]
fn the_number_of_a_complete_exchange_cannot_be_used_for_other_bytes() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let exchange = release(&world, &us, "REUSED", &them);
    // A sender restored from before it sealed seals anew: the same number, another manifest.
    let before = world.path("before");
    us.copy_to(&before);
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    assert!(us.stop());
    let receipt = them.exchange(&exchange).receipt.unwrap();
    std::fs::rename(&us.folder, world.path("after")).unwrap();
    std::fs::rename(&before, &us.folder).unwrap();
    world.accept_older_copy(&us, &[&them]);
    us.serve();
    let parked = us.until_state(&exchange, "parked");
    assert!(parked.text("/last_failure").contains("exchange number in use"), "{}", parked.stdout);
    assert_eq!(them.exchange(&exchange).receipt.unwrap(), receipt);
    assert_eq!(inbox(&them).len(), 1);
    end([&mut us, &mut them]);
}

#[test]
fn what_the_partners_own_word_list_stops_is_quarantined_and_receipted_as_such() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let list = "PORTCULLIS WORDS 1\nName: EXERCISE list\nMarking: UNCLASSIFIED\n\nLANTERN\n";
    world.change(&them, &[("words/exercise.txt", list)]);
    let (bad, good) = (release(&world, &us, "LANTERN", &them), release(&world, &us, "HARMLESS", &them));
    us.serve();
    them.serve();
    assert_eq!(us.until_state(&bad, "delivered").text("/receipt/disposition"), "quarantined");
    assert_eq!(us.until_state(&good, "delivered").text("/receipt/disposition"), "accepted");
    let shown = them.run(&["inbox", "show", &bad]).expect(0);
    assert!(shown.value["text"].is_null() && !shown.list("/quarantine").is_empty(), "{}", shown.stdout);
    assert!(!shown.stdout.contains("LANTERN"), "neither the entry nor the content is shown");
    let file = world.path("taken");
    let refused = them.run(&["inbox", "take", &bad, "--out", file.to_str().unwrap()]).expect(1);
    assert!(refused.stderr.contains("quarantine") && !file.exists(), "{}", refused.stderr);
    end([&mut us, &mut them]);
}

#[test]
fn offers_beyond_the_rate_wait_with_a_reason_whichever_side_limits_them() {
    let tiny = [("offers_per_minute", "1"), ("offers_burst", "2")];
    for (limits, reason) in
        [([&tiny[..], &[]], "our own limit for this partner is used up"), ([&[], &tiny[..]], "offer rate exceeded")]
    {
        let world = World::new();
        let (mut us, mut them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
        world.enrol(&us, &them, limits[0]);
        world.enrol(&them, &us, limits[1]);
        world.officers(&us);
        let files: Vec<String> = (0..3).map(|n| world.product(&format!("RATE-{n}"), BANNER, PORTION)).collect();
        world.release(&us, &files, &them.name);
        us.serve();
        them.serve();
        let waiting = |a: &Answer| a.list("/exchanges").iter().any(|e| e["last_failure"] == reason);
        us.until(&["status", "--all"], waiting);
        let states = |a: &Answer| {
            let mut states: Vec<String> =
                a.list("/exchanges").iter().map(|e| e["state"].as_str().unwrap().to_owned()).collect();
            states.sort();
            states
        };
        us.until(&["status", "--all"], |a| states(a) == ["delivered", "delivered", "queued"]);
        assert_eq!(inbox(&them).len(), 2);
        end([&mut us, &mut them]);
    }
}

#[test]
fn a_full_disk_at_the_partner_delays_delivery_and_loses_nothing() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let (default, full) = ("# reserve_bytes = 67108864", "reserve_bytes = 9000000000000000000");
    them.reconfigure(default, full);
    let exchange = release(&world, &us, "FULL", &them);
    us.serve();
    them.serve();
    let refused = |a: &Answer| a.text("/last_failure") == "storage unavailable";
    let waiting = us.until(&["status", &exchange], refused);
    assert!(["queued", "sending"].contains(&waiting.text("/state")));
    assert!(inbox(&them).is_empty());
    // Our own full disk refuses a submission and keeps nothing of it.
    us.reconfigure(default, full);
    let file = world.product("OURS", BANNER, PORTION);
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", &them.name, "--purpose", "EXERCISE", "--expires", "1d"];
    let ours = us.run(&[&["submit", &file], &terms[..]].concat()).expect(3);
    assert!(ours.stderr.contains("free space, or lower `reserve_bytes`"), "{}", ours.stderr);
    assert_eq!(us.run(&["status", "--all"]).expect(0).list("/exchanges").len(), 1);
    us.reconfigure(full, default);
    assert!(them.stop());
    them.reconfigure(full, default);
    them.serve();
    // Nobody does anything: the agreement's wait is short, and nothing else may stand in the way of the next attempt.
    us.until_state(&exchange, "delivered");
    us.run(&["exchange", "retry", &exchange]).expect(1);
    assert_eq!(inbox(&them).len(), 1);
    end([&mut us, &mut them]);
}

#[test]
fn sigterm_ends_in_order_with_work_in_flight_and_the_next_start_goes_on() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let files: Vec<String> = (0..12).map(|n| world.product(&format!("TERM-{n}"), BANNER, PORTION)).collect();
    world.release(&us, &files, &them.name);
    let delivered = |a: &Answer| a.list("/exchanges").iter().filter(|e| e["state"] == "delivered").count();
    us.serve();
    them.serve();
    us.until(&["status", "--all"], |a| delivered(a) > 0);
    assert!(us.stop(), "{}", us.log_text());
    us.serve();
    us.until_serving();
    assert!(them.stop(), "{}", them.log_text());
    them.serve();
    let status = us.until(&["status", "--all"], |a| delivered(a) == files.len());
    let sent: BTreeSet<&str> = status.list("/exchanges").iter().filter_map(|e| e["exchange"].as_str()).collect();
    let items = inbox(&them);
    let arrived: BTreeSet<&str> = items.iter().filter_map(|i| i["exchange"].as_str()).collect();
    assert_eq!((items.len(), arrived), (files.len(), sent));
    end([&mut us, &mut them]);
}

#[test]
fn what_explain_says_is_what_then_happens() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let file = world.product("ONE-VOTE", BANNER, PORTION);
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", &them.name, "--purpose", "EXERCISE", "--expires", "1d"];
    let submitted = us.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
    let (request, lacking) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    us.run(&["approve", request, "--yes", "--key", &world.key("exercise-officer-1")]).expect(0);
    let refused = us.run(&["explain", request]).expect(1);
    assert!(refused.value["partners"][0]["permitted"] == false);
    assert!(refused.list("/partners/0/reasons").iter().any(|r| r["permits"] == false && r["source"] == "policy"));
    let whole = release(&world, &us, "TWO-VOTES", &them);
    let permitted = us.run(&["explain", &whole]).expect(0);
    assert!(permitted.value["partners"][0]["permitted"] == true);
    us.serve();
    them.serve();
    us.until_state(&whole, "delivered");
    assert_eq!(us.run(&["status", lacking]).expect(0).text("/state"), "requested");
    let received = inbox(&them);
    assert_eq!(received.len(), 1);
    // What was received is not a release, and is not explained as one.
    them.run(&["explain", &whole]).expect(2);
    end([&mut us, &mut them]);
}

#[test]
fn no_log_line_and_no_error_quotes_a_product() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    for node in [&us, &them] {
        node.reconfigure("# filter = \"info\"", "filter = \"debug\"");
    }
    let list = "PORTCULLIS WORDS 1\nName: EXERCISE list\nMarking: UNCLASSIFIED\n\nHeronsong\n";
    world.change(&them, &[("words/exercise.txt", list)]);
    let product = |name: &str, mark: &str, extra: &str| {
        let text = format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-{name}\nTitle: (C//REL TO USA, GBR) EXERCISE Kestrelmoor\n\
             Originator: (U) EXERCISE Directorate\nDate: 2026-11-20\nKind: report\nSubjects: (U) exercise\n\
             Contact: (U) EXERCISE desk\n\n{BANNER}\n\n{mark} EXERCISE Wrenhollow {extra}.\n"
        );
        world.file(&format!("{name}.txt"), &text)
    };
    let files = [product("PASSES", PORTION, ""), product("STOPPED", PORTION, "Heronsong")];
    let mut said = String::new();
    let faulty = product("FAULTY", "(S//NOFORM)", "");
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", &them.name, "--purpose", "EXERCISE", "--expires", "1d"];
    said.push_str(&us.run_human(&[&["submit", &faulty], &terms[..]].concat()).expect(1).stdout);
    said.push_str(&us.run(&["product", "check", &faulty]).expect(1).stdout);
    let released = world.release(&us, &files, &them.name);
    us.serve();
    them.serve();
    for request in released.list("/requests") {
        us.until_state(request["exchanges"][0]["exchange"].as_str().unwrap(), "delivered");
    }
    for node in [&us, &them] {
        said.push_str(&node.run(&["ledger", "show", "--limit", "1000"]).expect(0).stdout);
    }
    end([&mut us, &mut them]);
    for (what, text) in [("our log", us.log_text()), ("their log", them.log_text()), ("answers", said)] {
        for canary in ["kestrelmoor", "wrenhollow", "heronsong"] {
            let line = text.lines().find(|line| line.to_lowercase().contains(canary));
            assert_eq!(line, None, "{what} quotes content");
        }
    }
    for node in [&us, &them] {
        let log = node.log_text();
        assert!(log.lines().count() > 10);
        for line in log.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
        }
    }
}
