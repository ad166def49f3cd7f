//! Officers' certificates at a real node: what they certify counts, for as long as they do, and nothing beside them.

use std::time::Duration;

use crate::support::{Answer, Node, World, block_on, sql};
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

const DAY: Duration = Duration::from_secs(86_400);

fn world() -> (World, Node) {
    let world = World::new();
    let (us, _) = world.pair();
    (world, us)
}

fn submit(world: &World, us: &Node, id: &str) -> String {
    let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let key = us.key("exercise-producer");
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "7d", "--key", &key];
    us.run(&[&["submit", &file], &terms[..]].concat()).expect(0).text("/request").to_owned()
}

fn approve(world: &World, us: &Node, request: &str, key: &str) -> Answer {
    us.run(&["approve", request, "--yes", "--key", &world.key(key)])
}

/// A key for somebody, made and not enrolled; its public half.
fn new_key(world: &World, us: &Node, name: &str) -> String {
    us.run(&["officer", "new-key", &world.key(name)]).expect(0).text("/public_key").to_owned()
}

fn state(us: &Node, officer: &str) -> String {
    us.run(&["officer", "show", officer]).expect(0).text("/state").to_owned()
}

#[test]
fn an_approval_counts_until_its_officers_certificate_ends_and_not_after() {
    let (world, us) = world();
    let short = ["officer", "renew", "exercise-officer-2", "--valid-for", "1d"];
    world.proposed(&us, &short);
    let request = submit(&world, &us, "ENDS");
    approve(&world, &us, &request, "exercise-officer-1").expect(0);
    assert_eq!(approve(&world, &us, &request, "exercise-officer-2").expect(0).value["exchanges"][0]["permitted"], true);
    let id = request.parse().unwrap();
    for (after, permitted) in [(DAY / 2, true), (DAY * 2, false)] {
        let node = us.open_at(SystemClock.now().plus(after));
        let explained = block_on(node.explain_request(&id)).unwrap();
        assert_eq!(explained.partners[0].permitted, permitted, "{:?}", explained.partners[0].reasons);
        let said: Vec<_> = explained.partners[0].reasons.iter().map(|r| r.sentence.as_str()).collect();
        assert_eq!(said.iter().any(|s| s.contains("no longer in office")), !permitted, "{said:?}");
        block_on(node.store().close());
    }
}

#[test]
fn whoever_alters_the_record_appoints_nobody() {
    for (change, who) in [
        ("UPDATE officer SET roles = '[\"disclosure-officer\"]' WHERE id = 'exercise-producer'", "exercise-producer"),
        ("UPDATE officer SET certificates = x'' WHERE id = 'exercise-officer-1'", "exercise-officer-1"),
        (
            "UPDATE officer SET certificates = (SELECT certificates FROM officer WHERE id = 'exercise-officer-2') \
             WHERE id = 'exercise-officer-1'",
            "exercise-officer-1",
        ),
        (
            "UPDATE officer SET public_key = 'ed25519:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=' \
             WHERE id = 'exercise-officer-1'",
            "exercise-officer-1",
        ),
    ] {
        let (world, us) = world();
        assert_eq!(state(&us, who), "in office");
        let request = submit(&world, &us, "ALTERED");
        approve(&world, &us, &request, "exercise-officer-2").expect(0);
        sql(&us.folder.join("store/portcullis.db"), change);
        assert_eq!(state(&us, who), "altered", "{change}");
        let answer = approve(&world, &us, &request, who);
        assert_eq!(answer.status, 1, "{change}: {}{}", answer.stdout, answer.stderr);
        us.run(&["explain", &request]).expect(1);
        us.run(&["ledger", "verify"]).expect(1);
    }
}

#[test]
fn an_approval_outlives_a_renewal_with_the_same_key_and_not_one_with_another() {
    let (world, us) = world();
    let request = submit(&world, &us, "RENEW");
    approve(&world, &us, &request, "exercise-officer-1").expect(0);
    approve(&world, &us, &request, "exercise-officer-2").expect(0);
    world.proposed(&us, &["officer", "renew", "exercise-officer-1", "--valid-for", "30d"]);
    us.run(&["explain", &request]).expect(0);
    let card = new_key(&world, &us, "card");
    world.proposed(&us, &["officer", "renew", "exercise-officer-1", "--key", &card, "--keep-keys"]);
    us.run(&["explain", &request]).expect(0);
    let shown = us.run(&["officer", "show", "exercise-officer-1"]).expect(0);
    assert_eq!((shown.list("/keys").len(), shown.list("/certificates").len()), (2, 2));
    // Two keys are still one person.
    let again = approve(&world, &us, &request, "card").expect(1);
    assert!(again.text("/void/0").contains("already approved this request"), "{}", again.stdout);
    // A new key that takes the place of the others voids what they signed.
    let lost = new_key(&world, &us, "replacement");
    world.proposed(&us, &["officer", "renew", "exercise-officer-1", "--key", &lost]);
    us.run(&["explain", &request]).expect(1);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn an_approval_in_a_role_that_was_taken_away_is_void() {
    let (world, us) = world();
    let request = submit(&world, &us, "ROLE");
    approve(&world, &us, &request, "exercise-officer-1").expect(0);
    approve(&world, &us, &request, "exercise-officer-2").expect(0);
    world.proposed(&us, &["officer", "renew", "exercise-officer-2", "--role", "originator"]);
    let explained = us.run(&["explain", &request]).expect(1);
    assert!(explained.stdout.contains("does not hold the role"), "{}", explained.stdout);
    world.proposed(&us, &["officer", "renew", "exercise-officer-2", "--role", "disclosure-officer"]);
    us.run(&["explain", &request]).expect(0);
}

#[test]
fn refuses_certificates_that_live_too_long_too_many_keys_and_renewal_after_revocation() {
    let (world, us) = world();
    let out = world.path("refused.json").display().to_string();
    let renew = |arguments: &[&str], status: i32| {
        us.run(&[&["officer", "renew"], arguments, &["--out", &out]].concat()).expect(status)
    };
    let too_long = renew(&["exercise-officer-1", "--valid-for", "181d"], 1);
    assert!(too_long.stderr.contains("at most 180 days"), "{}", too_long.stderr);
    world.proposed(&us, &["officer", "renew", "exercise-officer-1", "--valid-for", "180d"]);
    for n in 0..3 {
        let key = new_key(&world, &us, &format!("spare-{n}"));
        world.proposed(&us, &["officer", "renew", "exercise-officer-1", "--key", &key, "--keep-keys"]);
    }
    let key = new_key(&world, &us, "spare-4");
    renew(&["exercise-officer-1", "--key", &key, "--keep-keys"], 1);
    // A key of another officer is nobody else's.
    let theirs = std::fs::read_to_string(format!("{}.pub", world.key("exercise-officer-2"))).unwrap();
    renew(&["exercise-officer-1", "--key", theirs.trim()], 1);
    us.run(&["officer", "revoke", "exercise-officer-1", "--why", "EXERCISE"]).expect(0);
    let final_word = renew(&["exercise-officer-1"], 1);
    assert!(final_word.stderr.contains("final"), "{}", final_word.stderr);
    renew(&["exercise-nobody"], 2);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn keys_are_certified_and_approve_if_the_profile_takes_what_they_sign() {
    let (world, us) = world();
    let add = |us: &Node, id: &str, algorithm: &str| {
        let key = us.run(&["officer", "new-key", &world.key(id), "--algorithm", algorithm]).expect(0);
        let (name, key) = (format!("EXERCISE {id}"), key.text("/public_key").to_owned());
        let add = ["officer", "add", id, "--name", &name, "--role", "disclosure-officer", "--key", &key];
        add.map(str::to_owned)
    };
    // CNSA 2.0 is ML-DSA-87 and nothing else.
    for algorithm in ["ed25519", "p384"] {
        let add = add(&us, &format!("exercise-strict-{algorithm}"), algorithm);
        let mut add: Vec<&str> = add.iter().map(String::as_str).collect();
        let out = world.path("refused.json").display().to_string();
        add.extend(["--out", &out]);
        let refused = us.run(&add).expect(1);
        assert!(refused.stderr.contains("profile `cnsa2` takes"), "{}", refused.stderr);
        assert!(refused.stderr.contains(&format!("`{algorithm}` key")), "{}", refused.stderr);
    }
    let (us, them) =
        (world.node_of("exercise-can", "CAN", "classical"), world.node_of("exercise-aus", "AUS", "classical"));
    world.enrol(&us, &them, &[("profile", "\"classical\"")]);
    world.officer(&us, "exercise-producer", "originator");
    // Its own: for what the United States own it would need their consent.
    let file = world.product("KINDS", "//CAN SECRET//REL TO USA, AUS, CAN", "(//CAN S//REL TO USA, AUS, CAN)");
    let terms = ["--to", "exercise-aus", "--purpose", "EXERCISE", "--expires", "7d", "--key"];
    let producer = world.key("exercise-producer");
    let submitted = us.run(&[&["submit", &file], &terms[..], &[&*producer]].concat());
    let request = submitted.expect(0).text("/request").to_owned();
    for algorithm in ["ed25519", "p384"] {
        let id = format!("exercise-kind-{algorithm}");
        let add = add(&us, &id, algorithm);
        world.proposed(&us, &add.iter().map(String::as_str).collect::<Vec<_>>());
        approve(&world, &us, &request, &id).expect(0);
    }
    us.run(&["explain", &request]).expect(0);
}

#[test]
fn who_was_revoked_is_shown_so_is_no_fault_in_the_log_and_is_told_the_way_back() {
    let (world, mut us) = world();
    let request = submit(&world, &us, "REVOKED");
    us.serve();
    us.until_serving();
    us.run(&["officer", "revoke", "exercise-officer-1", "--why", "EXERCISE"]).expect(0);
    // The server has looked at everybody since, and decided.
    approve(&world, &us, &request, "exercise-officer-2").expect(0);
    world.officer(&us, "exercise-officer-3", "disclosure-officer");
    approve(&world, &us, &request, "exercise-officer-3").expect(0);
    us.until(&["status", &request], |status| status.text("/exchanges/0/state") == "queued");
    assert!(!us.log_text().contains("do not match the record"), "{}", us.log_text());
    let shown = us.run(&["officer", "show", "exercise-officer-1"]).expect(0);
    assert_eq!((shown.text("/state"), shown.text("/until")), ("revoked", ""));
    let list = us.run_human(&["officer", "list"]).expect(0);
    assert!(!list.stdout.contains("1970"), "{}", list.stdout);
    // Both commands name the way that works, and it works.
    let out = world.path("back.json").display().to_string();
    let key = new_key(&world, &us, "exercise-back");
    let add = |id: &str| {
        let person = ["--name", "EXERCISE exercise-officer-1", "--role", "disclosure-officer", "--key", &key];
        us.run(&[&["officer", "add", id], &person[..], &["--out", &out]].concat())
    };
    let renewed = us.run(&["officer", "renew", "exercise-officer-1", "--out", &out]).expect(1);
    for refused in [renewed, add("exercise-officer-1").expect(1)] {
        for part in ["another identifier", "a new key", "--same-as exercise-officer-1"] {
            assert!(refused.stderr.contains(part), "{}", refused.stderr);
        }
    }
    let back = ["--name", "EXERCISE exercise-officer-1", "--role", "disclosure-officer", "--key", &key];
    world.proposed(&us, &[&["officer", "add", "exercise-back", "--same-as", "exercise-officer-1"], &back[..]].concat());
    assert_eq!(state(&us, "exercise-back"), "in office");
    // The neighbour: somebody whom the record has in office is a fault, which is said once and not at every look.
    std::fs::write(us.folder.join("certs/officers-crl.pem"), "EXERCISE").unwrap();
    world_looks_again(&mut us);
    let faults =
        |id: &str| us.log_text().lines().filter(|l| l.contains("do not match the record") && l.contains(id)).count();
    assert_eq!((faults("\"exercise-officer-2\""), faults("\"exercise-officer-1\"")), (1, 0), "{}", us.log_text());
}

/// Has the server read its officers several times.
fn world_looks_again(us: &mut Node) {
    us.run(&["partner", "suspend", "exercise-gbr"]).expect(0);
    us.until_logged("do not match the record");
    us.run(&["officer", "revoke", "exercise-officer-3"]).expect(0);
    us.until(&["status"], |status| status.stdout.contains("held"));
    assert!(us.stop());
}
