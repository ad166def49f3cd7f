//! The whole gateway met by a peer of another make: it delivers what a partner has signed and sealed, and is refused
//! whatever is another partner's, another recipient's or nobody's; and what it says of its ledger again and again is on
//! record once.
//!
//! Needs a Python with `aioquic` and `cbor2`, named in `PORTCULLIS_PYTHON`; `scripts/test` makes one.

use std::process::Command;

use crate::partner::Partner;
use crate::support::{self, Node, World, block_on};
use portcullis::wire::RefusalCode;
use serde_json::Value;

/// One exchange of `from`, sealed and signed, as files that a peer can offer.
struct Sealed {
    exchange: String,
    files: [String; 3],
}

fn sealed(world: &World, from: &mut Node, to: &Node) -> Sealed {
    // What a country sends on is its own: for what others own it would need their consent.
    let (banner, portion) =
        (format!("//{} SECRET//REL TO USA, AUS, GBR", from.code), format!("(//{} S//REL TO USA, AUS, GBR)", from.code));
    let file = world.product(&format!("{}-{}", from.name, to.name), &banner, &portion);
    let exchange = world.release(from, &[file], &to.name).text("/exchanges/0/exchange").to_owned();
    from.serve();
    from.until_state(&exchange, "queued");
    assert!(from.stop());
    let payload = world.path(&format!("{exchange}.payload"));
    std::fs::write(&payload, from.inline_payload(&exchange).unwrap()).unwrap();
    let node = from.open();
    let (manifest, header) = block_on(async {
        let row = node.store().exchange(&exchange.parse().unwrap()).await.unwrap().unwrap();
        node.store().close().await;
        (row.manifest.unwrap(), row.header.unwrap())
    });
    let path = world.path(&format!("{exchange}.manifest"));
    std::fs::write(&path, manifest).unwrap();
    let opens = world.path(&format!("{exchange}.header"));
    std::fs::write(&opens, header.bytes()).unwrap();
    Sealed { exchange, files: [path, payload, opens].map(|file| file.display().to_string()) }
}

/// Offers `what` to `to` over a connection with the certificate of `by`.
fn offer(python: &str, to: &Node, by: &Node, what: &Sealed) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/aioquic_peer.py");
    let own = |file: &str| by.folder.join(file).display().to_string();
    let output = Command::new(python)
        .args([script, "127.0.0.1", &to.port.to_string(), &own("certs/node.pem"), &own("keys/node.key"), &by.name])
        .args(["deliver", &what.exchange, &what.files[0], &what.files[1], "0", &what.files[2]])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_foreign_peer_delivers_what_its_node_sealed_and_nothing_of_anybody_elses() {
    let Ok(python) = std::env::var("PORTCULLIS_PYTHON") else {
        support::not_run::not_run("PORTCULLIS_PYTHON names no Python with aioquic and cbor2; scripts/test makes one");
        return;
    };
    let world = World::new();
    let classical = [("profile", "\"classical\"")];
    let mut usa = world.node_of("exercise-usa", "USA", "classical");
    let mut gbr = world.node_of("exercise-gbr", "GBR", "classical");
    // Its people are others, with keys of their own.
    let elsewhere = World::new();
    let mut aus = elsewhere.node_of("exercise-aus", "AUS", "classical");
    for (one, other) in [(&usa, &gbr), (&gbr, &usa), (&usa, &aus), (&gbr, &aus)] {
        world.enrol(one, other, &classical);
    }
    elsewhere.enrol(&aus, &usa, &classical);
    world.officers(&gbr);
    let for_us = sealed(&world, &mut gbr, &usa);
    let for_aus = sealed(&world, &mut gbr, &aus);
    elsewhere.officers(&aus);
    let of_aus = sealed(&elsewhere, &mut aus, &usa);
    usa.serve();
    usa.until_serving();

    let refused = |answer: &Value, code: RefusalCode| {
        assert_eq!(
            (&answer["first"]["kind"], &answer["first"]["message"]["0"]),
            (&Value::from(0x12), &Value::from(code.number())),
            "{answer}"
        );
        assert_eq!(answer["again"], answer["first"]);
    };
    // Signed by another partner; meant for another recipient; signed by nobody.
    refused(&offer(&python, &usa, &gbr, &of_aus), RefusalCode::SignatureInvalid);
    refused(&offer(&python, &usa, &gbr, &for_aus), RefusalCode::WrongAudience);
    let nobodys = world.file("nobodys.manifest", "EXERCISE manifest");
    let forged = Sealed {
        exchange: for_us.exchange.clone(),
        files: [nobodys, for_us.files[1].clone(), for_us.files[2].clone()],
    };
    refused(&offer(&python, &usa, &gbr, &forged), RefusalCode::SignatureInvalid);
    assert!(usa.run(&["inbox", "list"]).expect(0).list("/items").is_empty());

    // Its own is received, opened and receipted; offered again, the same receipt.
    let told = offer(&python, &usa, &gbr, &for_us);
    assert_eq!(told["first"]["kind"], 0x13, "{told}\n{}", usa.log_text());
    assert_eq!(told["again"], told["first"]);
    assert_eq!(offer(&python, &usa, &gbr, &for_us)["first"], told["first"]);
    // The number of that exchange is nobody else's to use, whatever they have signed.
    let stolen = Sealed { exchange: for_us.exchange.clone(), files: of_aus.files.clone() };
    let answer = offer(&python, &usa, &aus, &stolen);
    assert_eq!(answer["first"]["kind"], 0x12, "{answer}");
    let items = usa.run(&["inbox", "list"]).expect(0);
    assert_eq!((items.list("/items").len(), items.text("/items/0/exchange")), (1, for_us.exchange.as_str()));
    assert!(usa.stop());
    usa.run(&["ledger", "verify"]).expect(0);
}

/// Links that a partner may bring up at once; each second it may one more (`edge/limits/allowance.rs`).
const LINKS_AT_ONCE: u64 = 30;

#[test]
fn a_foreign_peer_that_reconnects_without_end_with_an_older_head_gets_a_few_links_and_one_alarm() {
    let Ok(python) = std::env::var("PORTCULLIS_PYTHON") else {
        support::not_run::not_run("PORTCULLIS_PYTHON names no Python with aioquic and cbor2; scripts/test makes one");
        return;
    };
    let world = World::new();
    let classical = [("profile", "\"classical\"")];
    let mut usa = world.node_of("exercise-usa", "USA", "classical");
    let gbr = world.made("exercise-gbr", "GBR", "classical");
    world.enrol(&usa, &gbr, &classical);
    // What one address may try is bounded more narrowly than what one partner may bring up.
    usa.reconfigure("# attempts_per_minute = 60", "attempts_per_minute = 100000");
    usa.serve();
    usa.until_serving();
    let partner = Partner::of(&gbr);
    let head = |entries: u64| world.file(&format!("{entries}.head"), partner.head(entries, b"EXERCISE root").as_str());
    let reconnects = |head: &str, count: &str| -> Value {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/hostile_peer.py");
        let own = |file: &str| gbr.folder.join(file).display().to_string();
        let output = Command::new(&python)
            .args([script, "127.0.0.1", &usa.port.to_string(), &own("certs/node.pem"), &own("keys/node.key")])
            .args([&gbr.name, "reconnects", count, head])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)))
    };
    let entries = || {
        let answer = usa.run(&["ledger", "show", "--limit", "1000"]).expect(0);
        let about = answer.list("/entries").iter().filter(|entry| entry["subject"] == gbr.name.as_str());
        let of = |kind: &str| about.clone().filter(|entry| entry["kind"] == kind).count();
        (of("partner.witnessed"), of("alarm"))
    };
    assert_eq!(reconnects(&head(1 << 20), "1")["up"], 1, "{}", usa.log_text());
    assert_eq!(entries(), (1, 0));
    let told = reconnects(&head(1 << 10), "200");
    let (up, seconds) = (told["up"].as_u64().unwrap(), told["seconds"].as_f64().unwrap().ceil() as u64);
    assert!((2..=LINKS_AT_ONCE + seconds + 1).contains(&up), "{told}");
    assert!(told["closed"][RefusalCode::Busy.number().to_string()].as_u64().is_some_and(|n| n + up == 200), "{told}");
    assert_eq!(entries(), (1, 1), "one alarm while it lasts");
    assert!(usa.stop());
    usa.run(&["ledger", "verify"]).expect(0);
}
