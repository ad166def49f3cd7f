//! Approvals that must not count: twice by one person, by the submitter, by a stranger, too late, revoked, transplanted.

use std::time::Duration;

use crate::support::{self, Answer, Node, World, block_on};
use portcullis::approval::{Refusal, Role};
use portcullis::ident::{ExchangeId, RequestId};
use portcullis::ledger::{Entry, EntryKind};
use portcullis::sign::Signed;
use portcullis::store::{Approval, Commit, StatementKind};
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

fn submit(world: &World, node: &Node, id: &str, by: &str) -> (String, String) {
    let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    let answer = node.run(&[&["submit", &file, "--key", &node.key(by)], &terms[..]].concat()).expect(0);
    (answer.text("/request").into(), answer.text("/exchanges/0/exchange").into())
}

/// Two nodes, where one of the officers may submit as well.
fn pair(world: &World) -> (Node, Node) {
    let (us, them) = world.pair();
    world.officer_in(&us, "exercise-both", &[Role::Originator, Role::DisclosureOfficer]);
    (us, them)
}

fn approve(world: &World, node: &Node, request: &str, key: &str) -> Answer {
    node.run(&["approve", request, "--yes", "--key", &world.key(key)])
}

/// What keeps an exchange from being released, in one text.
fn against(node: &Node, exchange: &str) -> String {
    let explained = node.run(&["explain", exchange]).expect(1);
    let reasons = explained.list("/partners/0/reasons").iter().filter(|r| r["permits"] == false);
    reasons.map(|r| r["sentence"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_of_many_requests_that_cannot_be_approved_stops_none_of_the_others() {
    let world = World::new();
    let (us, _) = pair(&world);
    let (first, _) = submit(&world, &us, "FIRST", "exercise-producer");
    let (own, _) = submit(&world, &us, "OWN", "exercise-both");
    let (last, _) = submit(&world, &us, "LAST", "exercise-producer");
    let (key, nobody) = (world.key("exercise-both"), "rq-00000000000000000000000000000000");
    let answer = us.run(&["approve", "--yes", "--key", &key, &first, nobody, &own, &last]).expect(1);
    let counted: Vec<_> =
        answer.list("/approvals").iter().map(|a| (a["request"].as_str(), a["counts"] == true)).collect();
    assert_eq!(counted, [(Some(&*first), true), (Some(&*own), false), (Some(&*last), true)]);
    assert_eq!(answer.text("/refused/0/request"), nobody);
    let both = us.run(&["approve", "--yes", "--key", &world.key("exercise-officer-2"), &first, &last]).expect(0);
    assert_eq!((both.list("/approvals").len(), both.list("/refused").len()), (2, 0));
    assert_eq!(both.value.pointer("/approvals/1/exchanges/0/permitted"), Some(&serde_json::Value::Bool(true)));
}

#[test]
fn two_approvals_by_one_person_are_one() {
    let world = World::new();
    let (us, _) = world.pair();
    let (request, exchange) = submit(&world, &us, "TWICE", "exercise-producer");
    approve(&world, &us, &request, "exercise-officer-1").expect(0);
    let again = approve(&world, &us, &request, "exercise-officer-1").expect(1);
    assert!(again.text("/void/0").contains("already approved this request"), "{}", again.stdout);
    assert_eq!(us.run(&["status", &exchange]).expect(0).list("/approvals").len(), 1);
    assert!(against(&us, &exchange).contains("awaiting approval: 1 of 2"), "{}", against(&us, &exchange));
    // The neighbour: a second person makes it two.
    let second = approve(&world, &us, &request, "exercise-officer-2").expect(0);
    assert_eq!(second.value["exchanges"][0]["permitted"], true);
    us.run(&["explain", &exchange]).expect(0);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn one_person_cannot_be_enrolled_with_two_keys_nor_one_key_for_two_people() {
    let world = World::new();
    let (us, _) = world.pair();
    let out = world.path("twin.json").display().to_string();
    let add = |id: &str, key: &str| {
        let role = ["--name", "EXERCISE twin", "--role", "disclosure-officer", "--key", key, "--out", &out];
        us.run(&[&["officer", "add", id], &role[..]].concat())
    };
    let second = us.run(&["officer", "new-key", &world.key("second")]).expect(0);
    add("exercise-officer-1", second.text("/public_key")).expect(1);
    let theirs = std::fs::read_to_string(format!("{}.pub", world.key("exercise-officer-1"))).unwrap();
    let refused = add("exercise-twin", theirs.trim()).expect(1);
    assert!(refused.stderr.contains("each key belongs to one officer"), "{}", refused.stderr);
    assert_eq!(us.run(&["officer", "list"]).expect(0).list("/officers").len(), 5);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn nobody_approves_what_they_submitted() {
    let world = World::new();
    let (us, _) = pair(&world);
    let (request, exchange) = submit(&world, &us, "OWN", "exercise-both");
    let own = approve(&world, &us, &request, "exercise-both").expect(1);
    assert!(own.text("/void/0").contains("may not approve it"), "{}", own.stdout);
    approve(&world, &us, &request, "exercise-officer-2").expect(0);
    assert!(!against(&us, &exchange).is_empty());
    // Nor does one who may only submit approve for others.
    let (request, _) = submit(&world, &us, "OTHERS", "exercise-both");
    let powerless = approve(&world, &us, &request, "exercise-producer").expect(1);
    assert!(powerless.text("/void/0").contains("does not count"), "{}", powerless.stdout);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn refuses_an_approval_with_a_key_that_no_officer_is_enrolled_with() {
    let world = World::new();
    let (us, _) = world.pair();
    let (request, exchange) = submit(&world, &us, "STRANGER", "exercise-producer");
    us.run(&["officer", "new-key", &world.key("stranger")]).expect(0);
    let refused = approve(&world, &us, &request, "stranger").expect(1);
    assert!(refused.stderr.contains("no officer is enrolled") && refused.stderr.contains("officer list"));
    let public = format!("{}.pub", world.key("stranger"));
    let unreadable = us.run(&["approve", &request, "--yes", "--key", &public]).expect(2);
    assert!(unreadable.stderr.contains("stranger.key.pub"), "{}", unreadable.stderr);
    assert!(us.run(&["status", &exchange]).expect(0).list("/approvals").is_empty());
    // Without a person at a terminal and without --yes nothing is signed.
    us.run(&["approve", &request, "--key", &world.key("exercise-officer-1")]).expect(1);
    assert!(us.run(&["status", &exchange]).expect(0).list("/approvals").is_empty());
}

#[test]
fn refuses_an_approval_after_the_request_expired() {
    let world = World::new();
    let (us, _) = world.pair();
    let (request, _) = submit(&world, &us, "LATE", "exercise-producer");
    let id: RequestId = request.parse().unwrap();
    let signer = portcullis::config::signer_from(world.key("exercise-officer-1").as_ref()).unwrap();
    let now = SystemClock.now();
    let (in_time, later) = (us.open_at(now), us.open_at(now.plus(Duration::from_secs(86_400))));
    block_on(async {
        // Shown in time, signed too late.
        let review = in_time.review(&id).await.unwrap();
        let refused = later.approve(&id, &review, &signer).await.unwrap_err().to_string();
        assert!(refused.contains("expired at") && refused.contains("submit the product again"), "{refused}");
        assert!(later.review(&id).await.is_err());
    });
    // The neighbour: in time it counts.
    approve(&world, &us, &request, "exercise-officer-1").expect(0);
}

#[test]
fn refuses_an_approval_of_a_request_that_was_refused() {
    let world = World::new();
    let (us, _) = world.pair();
    let (request, exchange) = submit(&world, &us, "REFUSED", "exercise-producer");
    approve(&world, &us, &request, "exercise-officer-1").expect(0);
    let refuse = |key: &str, why: &str| us.run(&["refuse", &request, "--why", why, "--key", &world.key(key)]);
    us.run(&["officer", "new-key", &world.key("exercise-stranger")]).expect(0);
    refuse("exercise-stranger", "EXERCISE").expect(1);
    refuse("exercise-officer-2", " ").expect(1);
    assert_eq!(us.run(&["status", &exchange]).expect(0).text("/state"), "requested");
    refuse("exercise-officer-2", "EXERCISE reason").expect(0);
    approve(&world, &us, &request, "exercise-officer-2").expect(1);
    refuse("exercise-officer-1", "again").expect(1);
    assert_eq!(us.run(&["status", &exchange]).expect(0).text("/state"), "refused");
    let status = us.run(&["status", &request]).expect(0);
    assert_eq!(status.text("/request/refusal"), "EXERCISE reason");
    assert_eq!(status.text("/request/refused_by"), "exercise-officer-2");
    assert!(against(&us, &exchange).contains("`exercise-officer-2` refused the request: EXERCISE reason"));
    // What is on record is what the officer signed.
    let node = us.open();
    let mut kept = block_on(node.store().statements(std::slice::from_ref(&request))).unwrap();
    kept.retain(|statement| statement.kind == StatementKind::Refusal);
    let key: portcullis::sign::PublicKey =
        std::fs::read_to_string(format!("{}.pub", world.key("exercise-officer-2"))).unwrap().trim().parse().unwrap();
    let signed = Signed::<Refusal>::verify(&kept[0].bytes, &key).unwrap();
    assert_eq!((kept.len(), signed.statement().why.as_str()), (1, "EXERCISE reason"));
    block_on(node.store().close());
    us.run(&["ledger", "verify"]).expect(0);
    approve(&world, &us, "rq-00000000000000000000000000000000", "exercise-officer-1").expect(2);
}

#[test]
fn a_submitter_withdraws_their_own_request_and_nobody_elses() {
    let world = World::new();
    let (us, _) = pair(&world);
    let (own, _) = submit(&world, &us, "OWN", "exercise-producer");
    let (other, _) = submit(&world, &us, "OTHER", "exercise-both");
    let refuse = |request: &str| {
        us.run(&["refuse", request, "--why", "EXERCISE mistake", "--key", &world.key("exercise-producer")])
    };
    refuse(&other).expect(1);
    refuse(&own).expect(0);
    assert_eq!(us.run(&["status", &own]).expect(0).text("/request/state"), "refused");
    assert_eq!(us.run(&["status", &other]).expect(0).text("/request/state"), "open");
}

#[test]
fn an_officer_revoked_before_the_release_does_not_count_and_a_third_one_does() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    world.officer(&us, "exercise-officer-3", "disclosure-officer");
    let (request, exchange) = submit(&world, &us, "REVOKED", "exercise-producer");
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        approve(&world, &us, &request, officer).expect(0);
    }
    us.run(&["explain", &exchange]).expect(0);
    us.run(&["officer", "revoke", "exercise-officer-2", "--why", "EXERCISE"]).expect(0);
    assert!(against(&us, &exchange).contains("no longer in office"), "{}", against(&us, &exchange));
    us.serve();
    them.serve();
    let decided = |a: &Answer| a.value.pointer("/partners/0/decided") == Some(&true.into());
    us.until(&["explain", &exchange], decided);
    assert_eq!(us.run(&["status", &exchange]).expect(0).text("/state"), "requested");
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
    approve(&world, &us, &request, "exercise-officer-2").expect(1);
    approve(&world, &us, &request, "exercise-officer-3").expect(0);
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn an_officer_revoked_after_the_release_holds_what_has_not_left() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let (request, exchange) = submit(&world, &us, "HELD", "exercise-producer");
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        approve(&world, &us, &request, officer).expect(0);
    }
    us.serve();
    us.until_state(&exchange, "queued");
    us.run(&["officer", "revoke", "exercise-officer-1"]).expect(0);
    us.until_state(&exchange, "held");
    // What was sealed stays, for a partner that has it already answers to that envelope alone; it does not leave.
    assert!(us.inline_payload(&exchange).is_some(), "what was offered before can be offered again as it was");
    them.serve();
    us.until_logged("link changed");
    assert_eq!(us.run(&["status", &exchange]).expect(0).text("/state"), "held");
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn an_approval_transplanted_from_another_request_does_not_count() {
    let world = World::new();
    let (us, _) = world.pair();
    let (shown, _) = submit(&world, &us, "SHOWN", "exercise-producer");
    let (other, exchange) = submit(&world, &us, "OTHER", "exercise-producer");
    approve(&world, &us, &shown, "exercise-officer-1").expect(0);
    // What somebody who can write to the store and holds the ledger's key could do.
    let node = us.open();
    block_on(async {
        let approval = node.store().approvals(&shown.parse().unwrap()).await.unwrap().remove(0);
        let exchange: ExchangeId = exchange.parse().unwrap();
        let entry = Entry::new(node.now(), EntryKind::ApprovalGiven, exchange, &approval.officer);
        let moved = Approval { request: other.parse().unwrap(), exchange, ..approval };
        node.store().commit(Commit::new().change(moved).entry(entry)).await.unwrap();
        node.store().close().await;
    });
    approve(&world, &us, &other, "exercise-officer-2").expect(0);
    assert!(against(&us, &exchange).contains("approval is for another"), "{}", against(&us, &exchange));
}

#[test]
fn an_approval_that_counts_no_more_is_shown_as_such_and_ends_no_list() {
    let world = World::new();
    let (us, _) = world.pair();
    let (request, exchange) = submit(&world, &us, "VOID", "exercise-producer");
    approve(&world, &us, &request, "exercise-officer-1").expect(0);
    let awaiting = us.run(&["status", "--awaiting"]).expect(0);
    assert_eq!(awaiting.value["awaiting"][0]["approved_by"][0], "exercise-officer-1");
    assert!(us.run(&["status", &exchange]).expect(0).list("/approvals/0/void").is_empty());
    let agreement = support::agreement("USA", "GBR", &[("product_age_days_max", "300")]);
    world.change_agreement(&us, "exercise-gbr", &agreement);
    let awaiting = us.run(&["status", "--awaiting"]).expect(0);
    assert!(awaiting.list("/awaiting/0/approved_by").is_empty(), "{}", awaiting.stdout);
    assert!(awaiting.text("/awaiting/0/void/0").starts_with("exercise-officer-1: "), "{}", awaiting.stdout);
    let status = us.run(&["status", &exchange]).expect(0);
    assert_eq!(status.list("/approvals/0/void").len(), 1, "{}", status.stdout);
    let said = us.run_human(&["status", &exchange]).expect(0);
    assert!(said.stdout.contains("not counted"), "{}", said.stdout);
    // Whoever gave it is told what there is to do, by itself as in a list, and the others of the list are signed.
    let again = approve(&world, &us, &request, "exercise-officer-1").expect(1);
    for part in ["no longer counts", "let another officer approve it", "submit the product again"] {
        assert!(again.stderr.contains(part), "{}", again.stderr);
    }
    let (other, _) = submit(&world, &us, "OTHER", "exercise-producer");
    let list = world.file("list.json", &us.run(&["status", "--awaiting"]).expect(0).stdout);
    let key = world.key("exercise-officer-1");
    let listed = us.run(&["approve", "--batch", &list, "--key", &key]).expect(1);
    assert_eq!((listed.list("/approvals").len(), listed.list("/refused").len()), (1, 1), "{}", listed.stdout);
    assert_eq!((listed.text("/approvals/0/request"), listed.text("/refused/0/request")), (&*other, &*request));
    assert!(listed.text("/refused/0/why").contains("no longer counts"), "{}", listed.stdout);
    // Whoever signs unasked is told that others decide by now.
    assert_eq!(listed.value["recent_changes"], 4, "{}", listed.stdout);
    // The neighbours: others approve it, and it is released.
    let other_officer = approve(&world, &us, &request, "exercise-officer-2").expect(0);
    assert_eq!(other_officer.value["recent_changes"], 4);
    let key = world.key(&world.deciders(&us)[1]);
    let senior = us.run_human(&["approve", &request, "--yes", "--key", &key]).expect(0);
    assert!(senior.stdout.contains("Approved; queued for delivery"), "{}", senior.stdout);
    assert!(senior.stdout.contains("4 changes of officers, partners and policy"), "{}", senior.stdout);
    us.run(&["approve", &request, &request, "--yes", "--key", &key]).expect(2);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_refusal_says_what_it_stops_and_what_has_left_and_is_none_where_nothing_is_left_to_stop() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let away = world.node("exercise-can", "CAN");
    world.enrol(&us, &away, &[]);
    world.officer(&us, "exercise-officer-3", "disclosure-officer");
    let both = world.product("BOTH", "SECRET//REL TO USA, CAN, GBR", "(S//REL TO USA, CAN, GBR)");
    let key = us.key("exercise-producer");
    let to =
        ["--to", "exercise-gbr", "--to", "exercise-can", "--purpose", "EXERCISE", "--expires", "1d", "--key", &key];
    let submitted = us.run(&[&["submit", &both], &to[..]].concat()).expect(0);
    let partners = submitted.list("/exchanges").iter();
    let exchanges: std::collections::BTreeMap<_, _> =
        partners.map(|e| (e["partner"].as_str().unwrap(), e["exchange"].as_str().unwrap())).collect();
    let (request, single) = (submitted.text("/request"), submit(&world, &us, "ONE", "exercise-producer"));
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        approve(&world, &us, request, officer).expect(0);
        approve(&world, &us, &single.0, officer).expect(0);
    }
    us.serve();
    them.serve();
    us.until_state(exchanges["exercise-gbr"], "delivered");
    us.until_state(&single.1, "delivered");
    let refuse =
        |request: &str| us.run(&["refuse", request, "--why", "EXERCISE", "--key", &world.key("exercise-officer-3")]);
    // Nothing of this one is left to stop: there is no refusal, and nothing on record of one.
    let late = refuse(&single.0).expect(1);
    for part in ["nothing left to stop", "`exercise-gbr`: delivered at ", &format!("`recall {}`", single.0)] {
        assert!(late.stderr.contains(part), "{}", late.stderr);
    }
    let ledger = us.run(&["ledger", "show", "--limit", "500"]).expect(0);
    let refusals = |request: &str| {
        let about = |e: &&serde_json::Value| e["kind"] == "request.refused" && e["subject"] == request;
        ledger.list("/entries").iter().filter(about).count()
    };
    assert_eq!(refusals(&single.0), 0);
    assert_eq!(us.run(&["status", &single.0]).expect(0).text("/request/state"), "open");
    // Nor is it released by one who approves now.
    let key = world.key("exercise-officer-3");
    let late = us.run_human(&["approve", &single.0, "--yes", "--key", &key]).expect(0);
    assert!(
        late.stdout.contains("to exercise-gbr: delivered") && !late.stdout.contains("queued for delivery"),
        "{}",
        late.stdout
    );
    // The neighbour: of this one the partner that is away gets nothing, and what the other has is said.
    let refused = refuse(request).expect(0);
    let outcome = |partner: &str| {
        let found = refused.list("/exchanges").iter().find(|e| e["partner"] == partner).unwrap();
        (found["outcome"].as_str().unwrap(), found["what"].as_str().unwrap())
    };
    assert!(
        matches!(outcome("exercise-gbr"), ("left", what) if what.starts_with("delivered at ")),
        "{}",
        refused.stdout
    );
    assert!(matches!(outcome("exercise-can").0, "stopped" | "stopping"), "{}", refused.stdout);
    us.until_state(exchanges["exercise-can"], "refused");
    let again = refuse(request).expect(1);
    assert!(again.stderr.contains("is refused already") && again.stderr.contains("`recall "), "{}", again.stderr);
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}
