//! Order, quotas, circuit breakers, and what an operator does by hand, with real nodes.

use crate::support::{Answer, Node, World, block_on};
use portcullis::ledger::EntryKind;

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

/// Two nodes, with these lines of each one's agreement with the other changed.
fn pair(world: &World, ours: &[(&str, &str)], theirs: &[(&str, &str)]) -> (Node, Node) {
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &them, ours);
    world.enrol(&them, &us, theirs);
    world.officers(&us);
    (us, them)
}

fn release(world: &World, us: &Node, id: &str, precedence: &str) -> String {
    let file = world.product(id, BANNER, PORTION);
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    let submitted = us.run(&[&["submit", &file, "--precedence", precedence], &terms[..]].concat()).expect(0);
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        us.run(&["approve", "--yes", "--key", &world.key(officer), submitted.text("/request")]).expect(0);
    }
    submitted.text("/exchanges/0/exchange").to_owned()
}

fn states(answer: &Answer) -> Vec<String> {
    let mut states: Vec<String> =
        answer.list("/exchanges").iter().map(|e| e["state"].as_str().unwrap().to_owned()).collect();
    states.sort();
    states
}

/// What the ledger says was offered and delivered, in order.
fn offered_and_delivered(node: &Node) -> Vec<(EntryKind, String)> {
    let node = node.open();
    block_on(async {
        let entries = node.store().entries(0, u32::MAX).await.unwrap();
        node.store().close().await;
        let told = [EntryKind::ExchangeOffered, EntryKind::ExchangeDelivered];
        entries
            .into_iter()
            .filter(|e| told.contains(&e.entry.kind()))
            .map(|e| (e.entry.kind(), e.entry.subject().to_owned()))
            .collect()
    })
}

#[test]
fn where_order_was_agreed_one_follows_the_other_and_a_flash_overtakes() {
    let world = World::new();
    let (mut us, mut them) = pair(&world, &[("order", "\"fifo\"")], &[]);
    us.serve();
    let routine: Vec<String> = (0..5).map(|n| release(&world, &us, &format!("FIFO-{n}"), "ROUTINE")).collect();
    let flash = release(&world, &us, "FLASH", "FLASH");
    us.until(&["status"], |a| states(a) == ["queued"; 6]);
    them.serve();
    us.until(&["status", "--all"], |a| states(a) == ["delivered"; 6]);
    assert!(us.stop() && them.stop());
    let history = offered_and_delivered(&us);
    let of = |kind: EntryKind| -> Vec<&String> {
        history.iter().filter(|(k, id)| *k == kind && *id != flash).map(|(_, id)| id).collect()
    };
    assert_eq!(of(EntryKind::ExchangeDelivered), routine.iter().collect::<Vec<_>>());
    // None was even begun before the one before it had its receipt.
    let routines: Vec<_> = history.iter().filter(|(_, id)| *id != flash).collect();
    for pair in routines.chunks(2) {
        let [(EntryKind::ExchangeOffered, offered), (EntryKind::ExchangeDelivered, delivered)] = pair else {
            panic!("{history:?}");
        };
        assert_eq!(offered, delivered);
    }
    // The FLASH was released last, and waited for none of those that were not under way yet.
    let begun = history.iter().position(|(_, id)| *id == flash).unwrap();
    assert!(begun <= 1, "{history:?}");
}

#[test]
fn a_daily_quota_of_the_receiver_is_refused_and_survives_a_restart() {
    let world = World::new();
    let (mut us, mut them) = pair(&world, &[], &[("daily_exchanges", "2")]);
    us.serve();
    them.serve();
    for n in 0..3 {
        release(&world, &us, &format!("QUOTA-{n}"), "ROUTINE");
    }
    let over = |a: &Answer| {
        states(a) == ["delivered", "delivered", "queued"]
            && a.list("/exchanges").iter().any(|e| e["last_failure"] == "quota exceeded")
    };
    us.until(&["status", "--all"], over);
    let shown = them.run(&["partner", "show", "exercise-usa"]).expect(0);
    assert_eq!(shown.value.pointer("/flow/received/exchanges").unwrap(), 2);
    assert_eq!(shown.value.pointer("/flow/received/exchanges_max").unwrap(), 2);
    let waiting = us.run(&["status"]).expect(0).text("/exchanges/0/exchange").to_owned();
    assert!(them.stop());
    them.serve();
    // By hand it is tried at once, and refused as before: the restart has forgotten nothing.
    us.until(&["status", &waiting], |_| us.log_text().matches("\"up\":true").count() >= 2);
    us.run(&["exchange", "retry", &waiting]).expect(0);
    us.until(&["status", &waiting], |a| a.text("/last_failure") == "quota exceeded" && a.value["attempts"] == 1);
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 2);
    let files = std::fs::read_dir(them.folder.join("store/spool")).unwrap();
    let in_spool = files.map(|f| f.unwrap().file_name()).any(|name| name.to_string_lossy().contains(&waiting));
    assert!(!in_spool && them.inline_payload(&waiting).is_none(), "something was kept of what was refused");
    assert!(us.stop() && them.stop());
    them.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_daily_quota_of_the_sender_keeps_the_rest_for_tomorrow() {
    let world = World::new();
    let (mut us, mut them) = pair(&world, &[("daily_exchanges", "1")], &[]);
    us.serve();
    them.serve();
    release(&world, &us, "FIRST", "ROUTINE");
    us.until(&["status", "--all"], |a| states(a) == ["delivered"]);
    let second = release(&world, &us, "SECOND", "FLASH");
    let told = |a: &Answer| a.text("/last_failure").contains("daily quota") && a.value["attempts"] == 0;
    us.until(&["status", &second], told);
    assert!(us.stop());
    us.serve();
    us.until_logged("\"up\":true");
    us.run(&["exchange", "retry", &second]).expect(0);
    us.until(&["status", &second], told);
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    let refused = us.run(&["partner", "show", "exercise-gbr"]).expect(0);
    assert_eq!(refused.value.pointer("/flow/sent/exchanges").unwrap(), 1);
}

#[test]
fn a_partner_that_cannot_work_is_left_alone_and_tried_with_one() {
    let world = World::new();
    let (mut us, mut them) = pair(&world, &[("wait_ms", "50"), ("wait_ms_max", "100")], &[]);
    let (default, full) = ("# reserve_bytes = 67108864", "reserve_bytes = 9000000000000000000");
    them.reconfigure(default, full);
    us.serve();
    them.serve();
    for n in 0..6 {
        release(&world, &us, &format!("CIRCUIT-{n}"), "ROUTINE");
    }
    us.until(&["status"], |a| a.text("/alarms/0/what") == "circuit");
    let shown = us.run(&["partner", "show", "exercise-gbr"]).expect(0);
    assert!(["open", "half-open"].contains(&shown.text("/flow/circuit")), "{}", shown.stdout);
    assert!(us.run_human(&["status"]).expect(0).stdout.contains("ALARM circuit exercise-gbr"));
    assert_eq!(them.run(&["status"]).expect(0).text("/alarms/0/what"), "spool");
    // A restart does not begin with everything at once.
    assert!(us.stop());
    assert_eq!(us.run(&["status"]).expect(0).text("/alarms/0/what"), "circuit");
    us.serve();
    assert!(them.stop());
    them.reconfigure(full, default);
    them.serve();
    us.until(&["status", "--all"], |a| states(a) == ["delivered"; 6]);
    assert!(us.run(&["status"]).expect(0).list("/alarms").is_empty());
    us.run(&["partner", "retry", "exercise-gbr"]).expect(1);
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_payload_damaged_here_is_sealed_anew_by_a_retry_and_not_sent_as_it_is() {
    let world = World::new();
    let (mut us, mut them) = pair(&world, &[], &[]);
    us.keep_payloads_in_files();
    us.serve();
    let exchange = release(&world, &us, "DAMAGED", "ROUTINE");
    us.until_state(&exchange, "queued");
    let before = us.exchange(&exchange).payload.unwrap();
    us.run(&["exchange", "park", &exchange]).expect(0);
    us.run(&["exchange", "park", &exchange]).expect(1);
    let file = us.folder.join("store/spool").join(format!("{exchange}.envelope"));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    us.run(&["exchange", "retry", &exchange]).expect(0);
    us.until_state(&exchange, "queued");
    let after = us.exchange(&exchange).payload.unwrap();
    assert_ne!(before.digest, after.digest, "the damaged payload was queued again");
    them.serve();
    us.until_state(&exchange, "delivered");
    us.run(&["exchange", "cancel", &exchange]).expect(1);
    // One that is whole goes as it is.
    assert!(them.stop());
    let whole = release(&world, &us, "WHOLE", "ROUTINE");
    us.until_state(&whole, "queued");
    let before = us.exchange(&whole).payload.unwrap();
    us.run(&["exchange", "park", &whole]).expect(0);
    us.run(&["exchange", "retry", &whole]).expect(0);
    assert_eq!(us.exchange(&whole).payload.unwrap(), before);
    us.run(&["exchange", "cancel", &whole]).expect(0);
    us.run(&["exchange", "retry", &whole]).expect(1);
    assert!(us.stop());
    us.run(&["ledger", "verify"]).expect(0);
}
