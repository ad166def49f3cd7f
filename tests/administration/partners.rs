//! Partners: enrolled only as confirmed and agreed, stopped when suspended, and refused once their certificate is revoked.

use crate::support::{Answer, Node, World, agreement};

/// What somebody needs to enrol `them` at `us`: the description's file, its fingerprint, and an agreement's file.
fn papers(world: &World, us: &Node, them: &Node) -> (String, String, String) {
    let description = world.file("description.json", &them.run(&["partner", "export"]).expect(0).stdout);
    let fingerprint = them.run(&["partner", "fingerprint"]).expect(0).text("/description").to_owned();
    (description, fingerprint, world.file("agreement.toml", &agreement(&us.code, &them.code, &[])))
}

/// Proposes to enrol a partner; the change file is `enrol.json` if it is not refused.
fn add(world: &World, us: &Node, description: &str, agreement: &str, confirm: &str) -> Answer {
    let out = world.path("enrol.json").display().to_string();
    us.run(&["partner", "add", description, "--agreement", agreement, "--confirm", confirm, "--out", &out])
}

/// How often the server said that its link came up (or went down).
fn changes(node: &Node, up: bool) -> usize {
    let state = format!("\"up\":{up}");
    node.log_text().lines().filter(|line| line.contains("link changed") && line.contains(&state)).count()
}

#[test]
fn refuses_a_description_whose_fingerprint_nobody_confirmed() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let (description, fingerprint, agreement) = papers(&world, &us, &them);
    let ours = us.run(&["partner", "fingerprint"]).expect(0).text("/description").to_owned();
    for wrong in [&*ours, "", &fingerprint[..32], "exercise"] {
        let refused = add(&world, &us, &description, &agreement, wrong).expect(1);
        assert!(refused.stderr.contains("not confirmed") && refused.stderr.contains("Nothing was enrolled"));
    }
    let out = world.path("unconfirmed.json").display().to_string();
    us.run(&["partner", "add", &description, "--agreement", &agreement, "--out", &out]).expect(1);
    assert!(us.run(&["partner", "list"]).expect(0).list("/partners").is_empty());
    // The neighbour: spelled in groups, as people read it out, it is the same.
    let spoken: Vec<_> = fingerprint.as_bytes().chunks(8).map(|c| std::str::from_utf8(c).unwrap()).collect();
    add(&world, &us, &description, &agreement, &spoken.join(" ").to_uppercase()).expect(0);
    // Nobody enrols anybody alone: it is proposed, and two officers sign it.
    assert!(us.run(&["partner", "list"]).expect(0).list("/partners").is_empty());
    let change = world.path("enrol.json").display().to_string();
    assert!(us.run(&["change", "apply", &change]).expect(1).stderr.contains("awaiting consent: 0 of 2"));
    let [one, two] = world.deciders(&us).map(|id| world.key(&id));
    us.run(&["change", "sign", &change, "--yes", "--key", &one, "--key", &two]).expect(0);
    us.run(&["change", "apply", &change]).expect(0);
    let again = add(&world, &us, &description, &agreement, &fingerprint).expect(1);
    assert!(again.stderr.contains("enrolled already") && again.stderr.contains("partner show"), "{}", again.stderr);
    assert_eq!(us.run(&["partner", "list"]).expect(0).list("/partners").len(), 1);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn refuses_a_partner_that_is_not_whom_the_agreement_is_with() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let (description, fingerprint, _) = papers(&world, &us, &them);
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 4] = [
        ("USA", &[("code", "\"AUS\"")], "the agreement names `AUS`"),
        ("CAN", &[], "this node represents `USA`"),
        ("USA", &[("profile", "\"classical\"")], "certificate profile"),
        ("USA", &[("kind", "\"organisation\"")], "not in the marking register"),
    ];
    for (ours, lines, why) in cases {
        let agreement = world.file("other.toml", &agreement(ours, "GBR", lines));
        let refused = add(&world, &us, &description, &agreement, &fingerprint);
        // An agreement whose lines contradict each other does not even read.
        assert!([1, 2].contains(&refused.status), "{why}: {}", refused.stdout);
        assert!(refused.stderr.contains(why), "{why}: {}", refused.stderr);
    }
    let own = world.file("own.json", &us.run(&["partner", "export"]).expect(0).stdout);
    let ours = us.run(&["partner", "fingerprint"]).expect(0).text("/description").to_owned();
    let agreement = world.file("own.toml", &agreement("USA", "USA", &[]));
    let refused = add(&world, &us, &own, &agreement, &ours);
    assert!([1, 2].contains(&refused.status) && us.run(&["partner", "list"]).expect(0).list("/partners").is_empty());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn an_update_takes_no_other_keys_and_no_older_revocation_list() {
    let world = World::new();
    let (us, them) = world.pair();
    let old = world.file("old.json", &them.run(&["partner", "export"]).expect(0).stdout);
    them.run(&["cert", "refresh-list"]).expect(0);
    let new = world.file("new.json", &them.run(&["partner", "export"]).expect(0).stdout);
    us.run(&["partner", "update", &new]).expect(0);
    let refused = us.run(&["partner", "update", &old]).expect(1);
    assert!(refused.stderr.contains("older than number") && refused.stderr.contains("nothing was changed"));
    let impostor = World::new();
    let other = impostor.node("exercise-gbr", "GBR");
    let forged = world.file("forged.json", &other.run(&["partner", "export"]).expect(0).stdout);
    let refused = us.run(&["partner", "update", &forged]).expect(1);
    assert!(refused.stderr.contains("other keys"), "{}", refused.stderr);
    us.run(&["partner", "update", &world.file("broken.json", "{}")]).expect(2);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn refuses_to_submit_for_a_partner_that_is_not_enrolled() {
    let world = World::new();
    let (us, _) = world.pair();
    let file = world.product("UNKNOWN", "SECRET//REL TO USA, AUS", "(S//REL TO USA, AUS)");
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--purpose", "EXERCISE", "--expires", "1d", "--to", "exercise-aus"];
    let refused = us.run(&[&["submit", &file], &terms[..]].concat()).expect(2);
    assert!(refused.stderr.contains("exercise-aus") && refused.stderr.contains("partner list"), "{}", refused.stderr);
    us.run(&["product", "cut", &file, "--for", "exercise-aus"]).expect(2);
    assert!(us.run(&["status", "--all"]).expect(0).list("/exchanges").is_empty());
}

#[test]
fn a_suspended_partners_queue_is_frozen_and_goes_on_when_it_is_resumed() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let file = world.product("FROZEN", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let exchange = world.release(&us, &[file], &them.name).text("/exchanges/0/exchange").to_owned();
    us.serve();
    us.until_state(&exchange, "queued");
    us.run(&["partner", "suspend", &them.name, "--why", "EXERCISE"]).expect(0);
    us.run(&["partner", "suspend", &them.name]).expect(1);
    let held = us.until_state(&exchange, "held");
    assert!(held.text("/last_failure").contains("suspended"), "{}", held.stdout);
    them.serve();
    them.until_serving();
    let late = world.product("LATE", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let late = world.release(&us, &[late], &them.name).text("/exchanges/0/exchange").to_owned();
    let decided = |a: &Answer| a.value.pointer("/partners/0/decided") == Some(&true.into());
    us.until(&["explain", &late], decided);
    assert_eq!(us.run(&["status", &late]).expect(0).text("/state"), "requested");
    assert_eq!(changes(&us, true), 0, "no link to a suspended partner");
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
    world.proposed(&us, &["partner", "resume", &them.name]);
    for exchange in [&exchange, &late] {
        us.until_state(exchange, "delivered");
    }
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 2);
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
    them.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_revoked_certificate_closes_the_live_link_and_a_renewed_one_opens_it_again() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.serve();
    them.serve();
    us.until_logged("\"up\":true");
    them.run(&["cert", "revoke"]).expect(1);
    assert_eq!(them.run(&["cert", "revoke", "--yes"]).expect(0).value["node_revoked"], true);
    let description = world.file("revoked.json", &them.run(&["partner", "export"]).expect(0).stdout);
    us.run(&["partner", "update", &description]).expect(0);
    us.until_logged("\"up\":false");
    let file = world.product("REVOKED", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let exchange = world.release(&us, &[file], &them.name).text("/exchanges/0/exchange").to_owned();
    let told = |a: &Answer| a.text("/state") == "queued" && a.text("/last_failure").contains("certificate");
    us.until(&["status", &exchange], told);
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
    // A new certificate on the newest list is trusted again, without anything being enrolled anew.
    assert_eq!(them.run(&["cert", "renew"]).expect(0).value["node_revoked"], false);
    let description = world.file("renewed.json", &them.run(&["partner", "export"]).expect(0).stdout);
    us.run(&["partner", "update", &description]).expect(0);
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
    them.run(&["ledger", "verify"]).expect(0);
}
