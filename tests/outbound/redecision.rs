//! Everything queued is decided anew when what it rests on changes. How long that takes is printed, and is no test.

use std::time::Instant;

use crate::support::{Node, World, agreement, block_on};
use portcullis::config::signer_from;
use portcullis::envelope::Precedence;
use portcullis::gateway::{self, ChangeRequest, Draft, SubmitOutcome};
use portcullis::partner::Agreement;
use portcullis::store::{ExchangeFilter, ExchangeState};
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

/// How many are queued; `PORTCULLIS_QUEUED=1000` measures what docs/POLICY.md says.
fn how_many() -> usize {
    std::env::var("PORTCULLIS_QUEUED").ok().and_then(|n| n.parse().ok()).unwrap_or(20)
}

/// Requests for `count` products, each approved by two officers.
fn approved(world: &World, us: &Node, count: usize) {
    let keys = ["exercise-officer-1", "exercise-officer-2"].map(|id| signer_from(world.key(id).as_ref()).unwrap());
    let producer = signer_from(world.key("exercise-producer").as_ref()).unwrap();
    let node = us.open_live();
    block_on(async {
        for n in 0..count {
            let file = world.product(&format!("QUEUE-{n}"), "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
            let draft = Draft {
                product: std::fs::read(file).unwrap(),
                partners: ["exercise-gbr".parse().unwrap()].into(),
                purpose: "EXERCISE".into(),
                legal_basis: "EXERCISE".into(),
                policy_basis: None,
                expires: SystemClock.now().plus(std::time::Duration::from_secs(86_400)),
                precedence: Precedence::Routine,
                from_tearline: 0,
                supersedes: None,
                aims: Default::default(),
                format: None,
            };
            let SubmitOutcome::Open(opened) = node.submit(draft, &producer).await.unwrap() else { panic!("refused") };
            let request = opened.request.parse().unwrap();
            for key in &keys {
                let review = node.review(&request).await.unwrap();
                assert!(node.approve(&request, &review, key).await.unwrap().counts);
            }
        }
        node.store().close().await;
    });
}

async fn in_state(node: &gateway::Node, state: ExchangeState) -> usize {
    let filter = ExchangeFilter { states: [state].into(), limit: u32::MAX, ..ExchangeFilter::default() };
    node.store().exchanges(&filter).await.unwrap().len()
}

/// Queues `how_many` exchanges at a serving node whose partner is away, makes the change, and waits until every one of
/// them is held.
fn held_by(what: &str, wanted: impl Fn(&Node) -> ChangeRequest) {
    let world = World::new();
    let (mut us, them) = world.pair();
    let [decider, senior] = world.deciders(&us).map(|id| signer_from(world.key(&id).as_ref()).unwrap());
    let count = how_many();
    approved(&world, &us, count);
    us.serve();
    us.until_serving();
    let node = us.open_live();
    block_on(async {
        while in_state(&node, ExchangeState::Queued).await < count {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let mut proposal = node.propose(wanted(&us)).await.unwrap();
        for key in [&decider, &senior] {
            node.consent(&mut proposal, key).await.unwrap();
        }
        node.apply_change(&proposal).await.unwrap();
        let (changed, used) = (Instant::now(), us.cpu_seconds());
        while in_state(&node, ExchangeState::Held).await < count {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let (passed, used) = (changed.elapsed().as_secs_f64(), us.cpu_seconds() - used);
        println!("{count} queued, {what}: all held {passed:.2} s after it committed, {used:.2} s of one processor");
        node.store().close().await;
    });
    assert!(us.run(&["ledger", "verify"]).expect(0).value["ok"] == true);
    assert!(us.stop());
    drop(them);
}

fn nothing() -> ChangeRequest {
    ChangeRequest::new("operator", "EXERCISE", SystemClock.now().plus(std::time::Duration::from_secs(3600)))
}

#[test]
fn all_that_is_queued_is_held_when_the_rules_change() {
    held_by("rules changed", |us| {
        let rules = std::fs::read_to_string(us.folder.join("policy/release.cedar")).unwrap() + "\n// EXERCISE\n";
        ChangeRequest { texts: [("release.cedar".to_owned(), Some(rules))].into(), ..nothing() }
    });
}

#[test]
fn all_that_is_queued_is_held_when_the_agreement_no_longer_covers_it() {
    held_by("ceiling lowered", |_| {
        let lower = Agreement::parse(&agreement("USA", "GBR", &[("ceiling", "\"U\"")])).unwrap();
        ChangeRequest { agreements: [("exercise-gbr".parse().unwrap(), lower)].into(), ..nothing() }
    });
}
