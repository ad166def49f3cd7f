//! Crashes: nodes as processes, killed with SIGKILL while they exchange.

use std::collections::BTreeSet;

use crate::support::{Answer, Node, World};

const EXCHANGES: usize = 100;

/// Kill points are spread over the exchange's progress by a fixed seed, not by the clock.
fn kill_points(kills: usize) -> Vec<usize> {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut points: Vec<usize> = (0..kills)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % (EXCHANGES - 1)
        })
        .collect();
    points.sort_unstable();
    points
}

fn delivered(answer: &Answer) -> usize {
    answer.list("/exchanges").iter().filter(|e| e["state"] == "delivered").count()
}

#[test]
fn a_hundred_exchanges_survive_ten_kills_of_either_node() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let files: Vec<String> = (0..EXCHANGES)
        .map(|n| world.product(&format!("CRASH-{n:03}"), "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)"))
        .collect();
    world.release(&us, &files, &them.name);

    us.serve();
    them.serve();
    for (n, point) in kill_points(10).into_iter().enumerate() {
        us.until(&["status", "--all"], |a| delivered(a) >= point);
        let victim: &mut Node = if n % 2 == 0 { &mut us } else { &mut them };
        victim.kill();
        victim.serve();
    }
    let status = us.until(&["status", "--all"], |a| delivered(a) == EXCHANGES);

    let sent: BTreeSet<String> =
        status.list("/exchanges").iter().map(|e| e["exchange"].as_str().unwrap().to_owned()).collect();
    let inbox = them.run(&["inbox", "list"]).expect(0);
    let arrived: Vec<String> =
        inbox.list("/items").iter().map(|i| i["exchange"].as_str().unwrap().to_owned()).collect();
    assert_eq!(arrived.len(), EXCHANGES, "each arrived once and none twice");
    assert_eq!(arrived.into_iter().collect::<BTreeSet<_>>(), sent);
    assert!(inbox.list("/items").iter().all(|i| i["state"] == "received"));
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
    them.run(&["ledger", "verify"]).expect(0);
}
