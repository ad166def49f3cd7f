//! Alterations by somebody who can write to a node's disk: none is delivered as genuine, and nothing else is delayed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::support::{self, Answer, Node, World};
use portcullis::digest::Digest;

fn release(world: &World, us: &Node, id: &str) -> (String, String) {
    let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let answer = world.release(us, &[file], "exercise-gbr");
    (answer.text("/request").into(), answer.text("/exchanges/0/exchange").into())
}

fn spooled(node: &Node, name: &str) -> PathBuf {
    node.folder.join("store/spool").join(name)
}

/// Submits a product with an attached table; returns the request, which is not approved.
fn submit_with_attachment(world: &World, us: &Node, id: &str) -> String {
    let folder = world.path(id);
    std::fs::create_dir_all(folder.join("attachments")).unwrap();
    let lines: Vec<String> = (0..20_000).map(|n| format!("EXERCISE line {n} of nothing.\n")).collect();
    let lines = lines.concat();
    std::fs::write(folder.join("attachments/lines.txt"), &lines).unwrap();
    let (size, digest) = (lines.len(), Digest::of(lines.as_bytes()));
    let text = std::fs::read_to_string(world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)")).unwrap();
    let attached = format!("{text}\n(S//REL TO USA, GBR) ATTACHMENT lines.txt text/plain {size} {digest}\n");
    std::fs::write(folder.join("product.txt"), attached).unwrap();
    let (folder, key) = (folder.display().to_string(), us.key("exercise-producer"));
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d", "--key", &key];
    us.run(&[&["submit", &folder], &terms[..]].concat()).expect(0).text("/request").to_owned()
}

/// Flips one bit in the middle of a file.
fn flip(file: &PathBuf) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x01;
    std::fs::write(file, bytes).unwrap();
}

/// Flips one bit in the middle of the sealed payload of an exchange, inline or in the spool.
fn flip_payload(node: &Node, exchange: &str) {
    let file = spooled(node, &format!("{exchange}.envelope"));
    if file.exists() {
        return flip(&file);
    }
    let mut bytes = node.inline_payload(exchange).expect("in a file or in the store");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x01;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let whose = format!("(SELECT seq FROM exchange WHERE id = '{exchange}')");
    let alter = format!("UPDATE payload SET bytes = x'{hex}' WHERE exchange = {whose}");
    support::sql(&node.folder.join("store/portcullis.db"), &alter);
}

/// Runs `test` with two nodes that store short sealed payloads inline, and with two that store them in files.
fn wherever_payloads_are(test: impl Fn(&World, Node, Node)) {
    for in_files in [false, true] {
        let world = World::new();
        let (us, them) = world.pair();
        if in_files {
            us.keep_payloads_in_files();
            them.keep_payloads_in_files();
        }
        test(&world, us, them);
    }
}

fn ledgers_verify(nodes: &[&Node]) {
    for node in nodes {
        node.run(&["ledger", "verify"]).expect(0);
    }
}

#[test]
fn a_sealed_payload_altered_while_the_node_was_down_is_parked() {
    wherever_payloads_are(|world, mut us, mut them| {
        let ((_, bad), (_, good)) = (release(world, &us, "BAD"), release(world, &us, "GOOD"));
        us.serve();
        us.until_state(&bad, "queued");
        us.until_state(&good, "queued");
        assert!(us.stop());
        flip_payload(&us, &bad);
        us.serve();
        them.serve();
        us.until_state(&good, "delivered");
        let parked = us.run(&["status", &bad]).expect(0);
        assert_eq!(parked.text("/state"), "parked");
        assert!(parked.text("/last_failure").contains("missing or damaged"), "{}", parked.stdout);
        assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
        assert!(us.stop() && them.stop());
        ledgers_verify(&[&us, &them]);
    });
}

#[test]
fn a_sealed_payload_altered_under_the_running_node_is_parked_and_does_not_arrive() {
    wherever_payloads_are(|world, mut us, mut them| {
        let (_, bad) = release(world, &us, "BAD");
        us.serve();
        us.until_state(&bad, "queued");
        flip_payload(&us, &bad);
        them.serve();
        let parked = us.until_state(&bad, "parked");
        assert!(parked.text("/last_failure").contains("missing or damaged"), "{}", parked.stdout);
        let (_, good) = release(world, &us, "GOOD");
        us.until_state(&good, "delivered");
        let inbox = them.run(&["inbox", "list"]).expect(0);
        assert_eq!(inbox.list("/items").len(), 1);
        assert_eq!(inbox.text("/items/0/exchange"), good);
        them.run(&["inbox", "show", &bad]).expect(2);
        assert!(us.stop() && them.stop());
        ledgers_verify(&[&us, &them]);
    });
}

#[test]
fn an_altered_product_is_not_released_and_holds_up_no_other() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    // One that is not released yet, one that is sealed and waits for its link, and one that is not altered.
    let (request, approved) = release(&world, &us, "APPROVED");
    flip(&spooled(&us, &format!("{request}.product")));
    us.run(&["explain", &request]).expect(3);
    us.run(&["approve", &request, "--yes", "--key", &world.key("exercise-officer-1")]).expect(3);
    let (sealed_request, sealed) = release(&world, &us, "SEALED");
    us.serve();
    us.until_state(&sealed, "queued");
    assert!(us.stop());
    flip(&spooled(&us, &format!("{sealed_request}.product")));
    let (_, good) = release(&world, &us, "GOOD");
    us.serve();
    them.serve();
    us.until_state(&good, "delivered");
    us.until_state(&sealed, "held");
    assert_eq!(us.run(&["status", &approved]).expect(0).text("/state"), "requested");
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    assert!(us.stop() && them.stop());
    ledgers_verify(&[&us, &them]);
}

#[test]
fn an_altered_payload_in_the_inbox_is_not_handed_out() {
    wherever_payloads_are(|world, mut us, mut them| {
        let (_, exchange) = release(world, &us, "STORED");
        us.serve();
        them.serve();
        us.until_state(&exchange, "delivered");
        them.run(&["inbox", "show", &exchange]).expect(0);
        flip_payload(&them, &exchange);
        let out = world.path("taken.txt");
        them.run(&["inbox", "show", &exchange]).expect(3);
        them.run(&["inbox", "take", &exchange, "--out", out.to_str().unwrap()]).expect(3);
        assert!(!out.exists());
        assert!(them.stop());
        them.serve();
        let quarantined = |a: &Answer| a.text("/items/0/state") == "quarantined";
        them.until(&["inbox", "list"], quarantined);
        them.run(&["inbox", "take", &exchange, "--out", out.to_str().unwrap()]).expect(1);
        assert!(us.stop() && them.stop());
        ledgers_verify(&[&us, &them]);
    });
}

#[test]
fn a_record_rewritten_in_the_database_releases_nothing_that_was_not_approved() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    // One vote is missing; the row is altered as if it were there.
    let file = world.product("FORGED", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", &them.name, "--purpose", "EXERCISE", "--expires", "1d"];
    let submitted = us.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
    let exchange = submitted.text("/exchanges/0/exchange").to_owned();
    us.run(&["approve", submitted.text("/request"), "--yes", "--key", &world.key("exercise-officer-1")]).expect(0);
    support::sql(&us.folder.join("store/portcullis.db"), "UPDATE exchange SET state = 'queued', next_attempt = 0");
    us.serve();
    them.serve();
    us.until_logged("a row does not match the ledger");
    let (_, good) = release(&world, &us, "GOOD");
    us.until_state(&good, "delivered");
    let refused = us.run(&["status", &exchange]).expect(3);
    assert!(refused.stderr.contains("exchange.state"), "{}", refused.stderr);
    assert!(us.stop() && them.stop());
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    them.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_product_renamed_a_recall_in_the_database_still_needs_its_release() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let (_, exchange) = release(&world, &us, "RENAMED");
    us.serve();
    us.until_state(&exchange, "queued");
    us.run(&["officer", "revoke", "exercise-officer-1"]).expect(0);
    us.until_state(&exchange, "held");
    assert!(us.stop());
    let database = us.folder.join("store/portcullis.db");
    support::sql(&database, "UPDATE exchange SET kind = 'recall', about = id, state = 'queued', next_attempt = 0");
    us.serve();
    them.serve();
    us.until_logged("a row does not match the ledger");
    assert!(us.stop() && them.stop());
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
    them.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn finds_damage_in_unused_data_while_the_node_serves() {
    let world = World::new();
    let (mut us, them) = world.pair();
    let ((bad, _), (_, good)) = (release(&world, &us, "BAD"), release(&world, &us, "GOOD"));
    let attached = submit_with_attachment(&world, &us, "ATTACHED");
    us.serve();
    us.until_state(&good, "queued");
    assert!(us.stop());
    let damaged = [format!("{bad}.product"), format!("{attached}.0.attachment")].map(|name| spooled(&us, &name));
    let damage = |answer: &Answer| -> BTreeSet<String> {
        let alarms = answer.list("/alarms").iter().filter(|alarm| alarm["what"] == "damage");
        alarms.map(|alarm| alarm["subject"].as_str().unwrap().to_owned()).collect()
    };
    // The second scan finds it undamaged again.
    // One letter in the signature of the authority's certificate, which is not read in normal operation.
    let authority = us.folder.join("certs/ca.pem");
    let whole = std::fs::read(&authority).unwrap();
    let mut other = whole.clone();
    let letter = other.len() - 60;
    other[letter] = if other[letter] == b'A' { b'B' } else { b'A' };
    std::fs::write(&authority, &other).unwrap();
    let refused = us.run(&["serve"]).expect(3).stderr;
    assert!(refused.contains("ca.pem") && refused.contains("from its backup"), "{refused}");
    let certificates = |us: &Node| {
        let status = us.run(&["status"]).expect(0);
        let alarm = |alarm: &&serde_json::Value| alarm["what"] == "certificates";
        status.list("/alarms").iter().find(alarm).map(|alarm| alarm["text"].to_string())
    };
    assert!(certificates(&us).unwrap().contains("from its backup"));
    std::fs::remove_file(&authority).unwrap();
    assert!(certificates(&us).unwrap().contains("from its backup"));
    std::fs::copy(them.folder.join("certs/ca.pem"), &authority).unwrap();
    let another = certificates(&us).unwrap();
    assert!(another.contains("checked against `ca.pem`"), "{another}");
    std::fs::write(&authority, &whole).unwrap();
    assert_eq!(certificates(&us), None);
    for (searched, found) in [(1, BTreeSet::from([bad, attached])), (2, BTreeSet::new())] {
        let before = us.run(&["status"]).expect(0).value["scrub"]["whole"].clone();
        damaged.iter().for_each(flip);
        us.serve();
        us.until(&["status"], |a| a.value["scrub"]["whole"] != before && a.value["scrub"]["at"] == "done");
        let told = us.run(&["status"]).expect(0);
        assert_eq!(damage(&told), found, "search {searched}: {}", told.stdout);
        assert!(us.stop());
    }
    ledgers_verify(&[&us]);
}
