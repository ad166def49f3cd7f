//! One write to the database, without any key: what was revoked, suspended, refused or replaced stays so.

use crate::support::{self, Answer, Node, World};

fn write(node: &Node, statement: &str) {
    support::sql(&node.folder.join("store/portcullis.db"), statement);
}

fn submit(world: &World, us: &Node, id: &str, to: &str, officers: &[&str]) -> (String, String) {
    let file = world.product(id, "SECRET//REL TO USA, AUS, GBR", "(S//REL TO USA, AUS, GBR)");
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", to, "--purpose", "EXERCISE", "--expires", "1d"];
    let submitted = us.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
    let request = submitted.text("/request").to_owned();
    for officer in officers {
        us.run(&["approve", &request, "--yes", "--key", &world.key(officer)]).expect(0);
    }
    (request, submitted.text("/exchanges/0/exchange").to_owned())
}

const TWO: [&str; 2] = ["exercise-officer-1", "exercise-officer-2"];
const OTHERS: [&str; 2] = ["exercise-officer-3", "exercise-officer-4"];

/// Two nodes, and two more officers than approve what is attacked.
fn pair(world: &World) -> (Node, Node) {
    let (us, them) = world.pair();
    for officer in OTHERS {
        world.officer(&us, officer, "disclosure-officer");
    }
    (us, them)
}

/// The partner has nothing but one product that others approved, once that has reached it.
fn gets_only(world: &World, us: &Node, them: &Node, other: &str) {
    let (_, good) = submit(world, us, other, &them.name, &OTHERS);
    us.until_state(&good, "delivered");
    let inbox = them.run(&["inbox", "list"]).expect(0);
    let there: Vec<&str> = inbox.list("/items").iter().filter_map(|item| item["exchange"].as_str()).collect();
    assert_eq!(there, [good]);
}

fn alarm(us: &Node, what: &str) {
    us.until_logged("a row does not match the ledger");
    let told = |a: &Answer| {
        a.list("/alarms").iter().any(|alarm| alarm["text"].as_str().is_some_and(|text| text.contains(what)))
    };
    us.until(&["status"], told);
    let entries = us.run(&["ledger", "show", "--limit", "500"]).expect(0).stdout;
    assert_eq!(entries.matches(&format!("\"{what}\"")).count(), 1, "it is put on record once: {entries}");
    assert_ne!(us.run(&["ledger", "verify"]).status, 0);
}

#[test]
fn a_revoked_officer_who_is_set_active_in_the_database_approves_nothing() {
    let world = World::new();
    let (mut us, mut them) = pair(&world);
    let (_, queued) = submit(&world, &us, "QUEUED", &them.name, &TWO);
    us.serve();
    us.until_state(&queued, "queued");
    let (waiting, _) = submit(&world, &us, "WAITING", &them.name, &TWO[..1]);
    us.run(&["officer", "revoke", "exercise-officer-1"]).expect(0);
    us.until_state(&queued, "held");
    write(&us, "UPDATE officer SET state = 'active'");
    alarm(&us, "officer exercise-officer-1");
    us.run(&["approve", &waiting, "--yes", "--key", &world.key("exercise-officer-2")]).expect(0);
    them.serve();
    gets_only(&world, &us, &them, "GOOD");
    us.until_state(&queued, "held");
    // Also after a start, and in a command of its own.
    assert!(us.stop());
    us.serve();
    us.run(&["approve", &waiting, "--yes", "--key", &world.key("exercise-officer-1")]);
    us.until_state(&queued, "held");
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    assert!(us.stop() && them.stop());
}

#[test]
fn the_old_key_of_an_officer_put_back_in_the_database_approves_nothing() {
    let world = World::new();
    let (mut us, mut them) = pair(&world);
    let (_, queued) = submit(&world, &us, "QUEUED", &them.name, &TWO);
    us.serve();
    us.until_state(&queued, "queued");
    let aside = format!("ATTACH '{}' AS aside;", world.file("officers.db", ""));
    write(&us, &format!("{aside} CREATE TABLE aside.officer AS SELECT * FROM main.officer"));
    let new = us.run(&["officer", "new-key", &world.key("exercise-renewed")]).expect(0);
    world.proposed(&us, &["officer", "renew", "exercise-officer-1", "--key", new.text("/public_key")]);
    us.until_state(&queued, "held");
    let back = "UPDATE main.officer AS now SET (public_key, certificates, valid_until) = (SELECT public_key, \
                certificates, valid_until FROM aside.officer AS before WHERE before.id = now.id)";
    write(&us, &format!("{aside} {back}"));
    alarm(&us, "officer exercise-officer-1");
    them.serve();
    gets_only(&world, &us, &them, "GOOD");
    us.until_state(&queued, "held");
    assert!(us.stop() && them.stop());
}

#[test]
fn sends_nothing_to_a_partner_with_an_altered_row_and_does_not_delay_others() {
    let recipient = |name: &str| {
        format!(
            "UPDATE partner SET description = CAST(replace(CAST(description AS TEXT), \
             json_extract(CAST(description AS TEXT), '$.payload_recipient'), \
             (SELECT json_extract(CAST(description AS TEXT), '$.payload_recipient') FROM partner \
             WHERE id = 'exercise-aus')) AS BLOB) \
             WHERE id = '{name}'"
        )
    };
    for alter in [
        "UPDATE partner SET state = 'active' WHERE id = 'exercise-gbr'".to_owned(),
        "UPDATE partner SET agreement = CAST(replace(CAST(agreement AS TEXT), '\"S\"', '\"TS\"') AS BLOB) \
         WHERE id = 'exercise-gbr'"
            .to_owned(),
        recipient("exercise-gbr"),
    ] {
        let world = World::new();
        let (mut us, mut them) = pair(&world);
        let mut third = world.node("exercise-aus", "AUS");
        world.enrol(&us, &third, &[]);
        world.enrol(&third, &us, &[]);
        let (request, waiting) = submit(&world, &us, "WAITING", &them.name, &TWO[..1]);
        us.serve();
        let (_, queued) = submit(&world, &us, "QUEUED", &them.name, &TWO);
        us.until_state(&queued, "queued");
        if alter.contains("active") {
            us.run(&["partner", "suspend", &them.name]).expect(0);
            us.until_state(&queued, "held");
        }
        write(&us, &alter);
        alarm(&us, "partner exercise-gbr");
        // Whoever is asked to approve now is not shown that partner as if nothing were.
        us.run(&["approve", &request, "--yes", "--key", &world.key(TWO[1])]);
        them.serve();
        third.serve();
        gets_only(&world, &us, &third, "GOOD");
        for exchange in [&queued, &waiting] {
            assert_ne!(us.run(&["status", exchange]).expect(0).text("/state"), "delivered");
        }
        assert!(us.stop() && them.stop() && third.stop());
        assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
    }
}

#[test]
fn a_refused_request_that_is_opened_in_the_database_stays_refused() {
    let world = World::new();
    let (mut us, mut them) = pair(&world);
    let (request, exchange) = submit(&world, &us, "REFUSED", &them.name, &TWO);
    us.run(&["refuse", &request, "--why", "EXERCISE", "--key", &world.key(TWO[0])]).expect(0);
    write(&us, "DELETE FROM statement");
    write(&us, "UPDATE request SET state = 'open', reason = NULL");
    write(&us, "UPDATE exchange SET state = 'requested', reason = NULL");
    us.serve();
    them.serve();
    gets_only(&world, &us, &them, "GOOD");
    us.run(&["status", &exchange]);
    assert!(us.stop() && them.stop());
    assert_ne!(us.run(&["ledger", "verify"]).status, 0);
}

#[test]
fn officers_whose_list_is_gone_or_whose_certificate_is_on_it_approve_nothing() {
    let world = World::new();
    let (us, them) = pair(&world);
    let list = us.folder.join("certs/officers-crl.pem");
    let earlier = std::fs::read(&list).unwrap();
    us.run(&["officer", "revoke", "exercise-officer-2"]).expect(0);
    // An older list reopens nobody: what counts is on record.
    std::fs::write(&list, earlier).unwrap();
    let (request, _) = submit(&world, &us, "LISTED", &them.name, &TWO[..1]);
    let refused = us.run(&["approve", &request, "--yes", "--key", &world.key(TWO[1])]);
    assert!(refused.status != 0 || refused.value.pointer("/counts") == Some(&false.into()), "{}", refused.stdout);
    let (another, _) = submit(&world, &us, "UNLISTED", &them.name, &[]);
    std::fs::remove_file(&list).unwrap();
    let refused = us.run(&["approve", &another, "--yes", "--key", &world.key(TWO[0])]);
    assert!(refused.status != 0 || refused.value.pointer("/counts") == Some(&false.into()), "{}", refused.stdout);
}
