//! What a partner says it received, and what it says of itself, against a node that believes neither: a receipt counts only
//! from who opened what was sealed, and a payload only from who sealed it.

use crate::machine::{Machine, Play, offered, reoffered};
use crate::support::{Answer, Node, World, sql};
use portcullis::digest::Digest;
use portcullis::envelope::{Manifest, OpeningProof};
use portcullis::ident::ExchangeId;
use portcullis::sign::Signed;
use portcullis::system::{SystemClock, entropy};
use portcullis::time::Clock as _;

const BANNER: &str = "SECRET//REL TO USA, AUS, GBR";
const PORTION: &str = "(S//REL TO USA, AUS, GBR)";

fn release(world: &World, from: &Node, id: &str, to: &Node) -> String {
    let file = world.product(id, BANNER, PORTION);
    world.release(from, &[file], &to.name).text("/exchanges/0/exchange").to_owned()
}

/// Alarms on record about a subject, as the text of their details.
fn alarms(node: &Node, subject: &str) -> Vec<String> {
    let all = node.run(&["ledger", "show", "--limit", "1000"]).expect(0);
    let about = |e: &&serde_json::Value| e["kind"] == "alarm" && e["subject"] == subject;
    all.list("/entries").iter().filter(about).map(|e| e["detail"].to_string()).collect()
}

#[test]
fn a_receipt_of_what_was_never_sent_is_refused_and_holds_up_nothing_else() {
    let world = World::new();
    let (mut us, them) = world.pair();
    let machine = Machine::start(&us, &them, Play::Early, true);
    let exchange = release(&world, &us, "EARLY", &them);
    us.serve();
    let parked = us.until(&["status", &exchange], |a| ["parked", "delivered"].contains(&a.text("/state")));
    assert_eq!(parked.text("/state"), "parked", "everything in that receipt was in the offer: {}", parked.stdout);
    assert!(machine.acts.headers.lock().unwrap().is_empty() && machine.acts.body.lock().unwrap().is_empty());
    assert!(us.inline_payload(&exchange).is_some(), "the payload is kept");
    let alarms = alarms(&us, &exchange);
    assert!(alarms.iter().any(|a| a.contains("of what was never sent")), "{alarms:?}");
    // The same partner, when it does as it should, gets the next one, and the first when an operator says so.
    machine.plays(Play::Honest(None));
    let next = release(&world, &us, "NEXT", &them);
    us.until_state(&next, "delivered");
    us.run(&["exchange", "retry", &exchange]).expect(0);
    us.until_state(&exchange, "delivered");
    assert!(us.stop(), "{}", us.log_text());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn who_says_that_it_has_the_whole_payload_proves_nothing_by_its_digest() {
    let world = World::new();
    let (mut us, them) = world.pair();
    let machine = Machine::start(&us, &them, Play::AtSize, true);
    let exchange = release(&world, &us, "AT-SIZE", &them);
    us.serve();
    let parked = us.until(&["status", &exchange], |a| ["parked", "delivered"].contains(&a.text("/state")));
    assert_eq!(parked.text("/state"), "parked", "not a byte of the payload was sent: {}", parked.stdout);
    assert!(machine.acts.body.lock().unwrap().is_empty());
    assert!(us.inline_payload(&exchange).is_some(), "the payload is kept");
    assert!(alarms(&us, &exchange).iter().any(|a| a.contains("does not prove")), "{:?}", alarms(&us, &exchange));
    machine.plays(Play::Honest(None));
    us.run(&["exchange", "retry", &exchange]).expect(0);
    us.until_state(&exchange, "delivered");
}

#[test]
fn a_receipt_from_before_the_sealing_or_from_the_future_is_refused() {
    let world = World::new();
    let (mut us, them) = world.pair();
    let machine = Machine::start(&us, &them, Play::Honest(Some(i64::MIN)), true);
    us.serve();
    let now = SystemClock.now().unix_ms();
    for (id, at) in [("MIN", i64::MIN), ("MAX", i64::MAX), ("DAY", now - 86_400_000), ("HOUR", now + 3_600_000)] {
        machine.plays(Play::Honest(Some(at)));
        let exchange = release(&world, &us, id, &them);
        let tried = |a: &Answer| !a.text("/last_failure").is_empty() || a.text("/state") == "delivered";
        let waiting = us.until(&["status", &exchange], tried);
        assert_ne!(waiting.text("/state"), "delivered", "received at {at}: {}", waiting.stdout);
        assert!(us.inline_payload(&exchange).is_some(), "the payload is kept");
        assert!(alarms(&us, &exchange).iter().any(|a| a.contains("time")), "{:?}", alarms(&us, &exchange));
        machine.plays(Play::Honest(None));
        // It is asked again by itself: a clock that is ahead of ours is right in the end.
        us.until_state(&exchange, "delivered");
    }
}

#[test]
fn a_partner_that_cannot_open_what_came_delivers_nothing() {
    let world = World::new();
    let (mut us, them) = world.pair();
    let machine = Machine::start(&us, &them, Play::Unopened, true);
    let exchange = release(&world, &us, "UNOPENED", &them);
    us.serve();
    us.until_state(&exchange, "parked");
    assert!(us.inline_payload(&exchange).is_some(), "the payload is kept");
    assert!(alarms(&us, &exchange).iter().any(|a| a.contains("could not open")), "{:?}", alarms(&us, &exchange));
    // Their key is right again: the same bytes are sent once more.
    machine.plays(Play::Honest(None));
    us.run(&["exchange", "retry", &exchange]).expect(0);
    us.until_state(&exchange, "delivered");
}

#[test]
fn a_payload_that_another_partner_sealed_is_never_recorded_as_from_who_offers_it() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let third = world.node("exercise-aus", "AUS");
    world.enrol(&them, &third, &[]);
    world.enrol(&third, &them, &[]);
    let exchange = release(&world, &us, "LEAKED", &them);
    us.serve();
    us.until_state(&exchange, "queued");
    // Ciphertext, header and manifest leaked from our node.
    let row = us.exchange(&exchange);
    let (payload, header) = (us.inline_payload(&exchange).unwrap(), row.header.unwrap());
    let machine = Machine::start(&them, &third, Play::Honest(None), true);
    assert!(us.stop());
    them.serve();
    let number = ExchangeId::new(SystemClock.now(), entropy());
    let offer = reoffered(&machine.acts, &third.name, &row.manifest.unwrap(), number);
    let refused = machine.offers(&them.name, offer, &payload, header);
    assert!(refused.is_err(), "they signed that they have it from `{}`", third.name);
    assert!(refused.unwrap_err().to_string().contains("could not be opened"), "a code, and nothing else");
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
    let alarms = alarms(&them, &number.to_string());
    let names = |a: &String| a.contains("exercise-usa") && a.contains(&exchange);
    assert!(alarms.iter().any(names), "who made it, and for which exchange: {alarms:?}");
    // From the one who sealed it, it is welcome.
    us.serve();
    us.until_state(&exchange, "delivered");
    for node in [&mut us, &mut them] {
        assert!(node.stop(), "{}", node.log_text());
        node.run(&["ledger", "verify"]).expect(0);
    }
}

#[test]
fn what_gives_another_proof_than_its_manifest_commits_to_is_not_receipted_and_may_be_offered_again() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let exchange = release(&world, &us, "COMMITTED", &them);
    us.serve();
    us.until_state(&exchange, "queued");
    let row = us.exchange(&exchange);
    let (payload, header) = (us.inline_payload(&exchange).unwrap(), row.header.unwrap());
    assert!(us.stop());
    them.serve();
    {
        // Whoever signs manifests at our node has no idea what it sealed.
        let machine = Machine::start(&them, &us, Play::Honest(None), false);
        let said = Signed::<Manifest>::peek(&row.manifest.unwrap()).unwrap();
        let opening = OpeningProof::from_digest(Digest::of(b"EXERCISE")).commitment();
        let offer = offered(&machine.acts, Manifest { opening, ..said });
        let refused = machine.offers(&them.name, offer, &payload, header);
        assert!(refused.unwrap_err().to_string().contains("could not be opened"));
    }
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").is_empty());
    let alarms = alarms(&them, &exchange);
    assert!(alarms.iter().any(|a| a.contains("another proof")), "{alarms:?}");
    us.serve();
    us.until_state(&exchange, "delivered");
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
}

#[test]
fn a_partner_that_once_showed_a_head_of_its_ledger_must_show_it_from_then_on() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.serve();
    them.serve();
    let first = release(&world, &us, "FIRST", &them);
    us.until_state(&first, "delivered");
    assert!(them.stop());
    // The same machine and keys, put back to an older copy, say, which it would rather not show.
    let machine = Machine::start(&us, &them, Play::Honest(None), false);
    let second = release(&world, &us, "SECOND", &them);
    us.until_logged("sent no checkpoint of its ledger");
    assert!(us.stop(), "{}", us.log_text());
    let before = alarms(&us, &them.name);
    assert!(before.iter().any(|a| a.contains("not-shown")), "{before:?}");
    // It survives a restart, and the loss of the row that says which head it was: the ledger has it that there was one.
    for round in 1..=2 {
        if round == 2 {
            sql(&us.folder.join("store/portcullis.db"), "DELETE FROM witness");
        }
        us.serve();
        us.until(&["status"], |_| us.log_text().matches("sent no checkpoint of its ledger").count() > round);
        assert_ne!(us.run(&["status", &second]).expect(0).text("/state"), "delivered");
        assert!(us.stop(), "{}", us.log_text());
        if round == 1 {
            assert_eq!(alarms(&us, &them.name), before, "it is on record once");
        }
    }
    assert!(machine.acts.offers.lock().unwrap().is_empty(), "nothing is offered over a link like that");
    us.serve();
    *machine.acts.heads.lock().unwrap() = true;
    us.until_state(&second, "delivered");
}

#[test]
fn a_partner_of_which_no_head_was_ever_seen_need_not_show_one() {
    let world = World::new();
    let (mut us, them) = world.pair();
    let _machine = Machine::start(&us, &them, Play::Honest(None), false);
    let exchange = release(&world, &us, "NEW", &them);
    us.serve();
    us.until_state(&exchange, "delivered");
}
