//! What a partner offers and does not get in is on record at the receiver, once and counted.

use crate::support::World;

#[test]
fn an_offer_that_is_refused_is_on_record_once_and_counted_however_often_it_is_made() {
    let world = World::new();
    let (mut us, mut them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &them, &[]);
    world.enrol(&them, &us, &[("ceiling", "\"C\"")]);
    world.officers(&us);
    let release = |id: &str, level: &str, mark: &str| {
        let file = world.product(id, &format!("{level}//REL TO USA, GBR"), &format!("({mark}//REL TO USA, GBR)"));
        world.release(&us, &[file], "exercise-gbr").text("/exchanges/0/exchange").to_owned()
    };
    let above = release("ABOVE", "SECRET", "S");
    let below = release("BELOW", "CONFIDENTIAL", "C");
    us.serve();
    them.serve();
    us.until_state(&above, "parked");
    us.until_state(&below, "delivered");
    for times in 2..5 {
        us.run(&["exchange", "retry", &above]).expect(0);
        them.until(&["status"], |answer| answer.value["refused_offers"][0]["times"] == times);
        us.until_state(&above, "parked");
    }
    let status = them.run(&["status"]).expect(0);
    let [refused] = status.list("/refused_offers") else { panic!("{}", status.stdout) };
    assert_eq!((refused["exchange"].as_str(), refused["partner"].as_str()), (Some(&above[..]), Some("exercise-usa")));
    assert!(refused["code"].as_str().unwrap().ends_with("(40)") && refused["why"] != "", "{refused}");
    let shown = them.run_human(&["status"]).expect(0);
    assert!(shown.stdout.contains(&format!("refused {above} from exercise-usa, 4 times")), "{}", shown.stdout);
    // Once in the ledger, and it holds.
    let history = them.run(&["status", &above]).expect(0);
    assert_eq!(history.list("/history").len(), 1, "{}", history.stdout);
    assert!(us.stop() && them.stop());
    them.run(&["ledger", "verify"]).expect(0);
}
