//! What an officer is shown before signing, and reviewed lists: only what was reviewed is signed.

mod support;

use portcullis::gateway::RequestReview;
use support::{Answer, Node, World, block_on};

/// A source version for nobody else, and a tearline for the partner whose last line is `line`.
fn product(world: &World, file: &str, line: &str) -> String {
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-LINE-1\nTitle: (U) EXERCISE line\nOriginator: (U) EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\n\nSECRET//NOFORN\n\n(S//NF) EXERCISE source that must not go.\n\n\
         (S//NF) EXERCISE more of it.\n\n{}\n\nSECRET//REL TO USA, GBR\nTitle: (U) EXERCISE line\n\n\
         (S//REL TO USA, GBR) EXERCISE first line.\n\n(S//REL TO USA, GBR) EXERCISE {line}.\n",
        "-".repeat(72)
    );
    world.file(file, &text)
}

fn submit(us: &Node, file: &str) -> Answer {
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d", "--by", "exercise-producer"];
    us.run(&[&["submit", file], &terms[..]].concat()).expect(0)
}

fn review(us: &Node, request: &str) -> RequestReview {
    let node = us.open();
    block_on(async {
        let review = node.review(&request.parse().unwrap()).await.unwrap();
        node.store().close().await;
        review
    })
}

fn batch(world: &World, us: &Node, file: &str, officer: &str) -> Answer {
    us.run(&["approve", "--batch", file, "--key", &world.key(officer)])
}

#[test]
fn shows_what_is_held_back_and_why_and_what_changed_since_the_last_release() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let first = submit(&us, &product(&world, "first.txt", "second line as it was"));
    let shown = review(&us, first.text("/request"));
    let cut = &shown.cuts[0];
    assert!(!cut.text.contains("must not go") && cut.text.contains("as it was"));
    let [withheld] = &cut.withheld[..] else { panic!("{:?}", cut.withheld) };
    assert_eq!((withheld.tearline, withheld.marking.as_str(), withheld.portions), (1, "SECRET//NOFORN", 2));
    assert!(withheld.why.iter().any(|w| w.contains("NOT-RELEASABLE")), "{:?}", withheld.why);
    assert!(withheld.why.iter().all(|w| !w.contains("must not go")));
    // The officer's own side may look at the source.
    assert!(cut.source.contains("must not go") && cut.source.contains("may not go"));
    assert!(cut.changes.since.is_none() && cut.changes.summary.contains("never released"), "{}", cut.changes.summary);
    us.serve();
    them.serve();
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        us.run(&["approve", first.text("/request"), "--yes", "--key", &world.key(officer)]).expect(0);
    }
    us.until_state(first.text("/exchanges/0/exchange"), "delivered");
    let second = submit(&us, &product(&world, "second.txt", "second line as it is now"));
    let changes = &review(&us, second.text("/request")).cuts[0].changes;
    assert_eq!(changes.since.as_deref(), Some(first.text("/exchanges/0/exchange")));
    // The line, and the number of the cut, which is made from its bytes.
    assert_eq!(changes.summary, "lines added: 2, removed: 2", "{:?}", changes.diff);
    let diff = changes.diff.as_deref().unwrap();
    assert!(diff.contains("-(S//REL TO USA, GBR) EXERCISE second line as it was."), "{diff}");
    assert!(diff.contains("+(S//REL TO USA, GBR) EXERCISE second line as it is now."), "{diff}");
    assert!(!diff.contains("must not go"), "{diff}");
    let third = submit(&us, &product(&world, "third.txt", "second line as it was"));
    let changes = &review(&us, third.text("/request")).cuts[0].changes;
    assert!(changes.summary.contains("byte for byte") && changes.diff.is_none(), "{}", changes.summary);
    // Nobody at a terminal: nothing is signed without being asked for.
    let unasked = us.run(&["approve", third.text("/request"), "--key", &world.key("exercise-officer-1")]).expect(1);
    assert!(unasked.stderr.contains("nobody typed yes"), "{}", unasked.stderr);
}

#[test]
fn a_reviewed_list_signs_what_was_reviewed_and_nothing_else() {
    let world = World::new();
    let (us, _) = world.pair();
    let requests: Vec<String> = ["ONE", "TWO", "THREE"]
        .iter()
        .map(|id| {
            let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
            submit(&us, &file).text("/request").to_owned()
        })
        .collect();
    let awaiting = us.run(&["status", "--awaiting"]).expect(0);
    assert_eq!(awaiting.list("/awaiting").len(), 3);
    let reviewed = world.file("reviewed.json", &awaiting.stdout);
    // Somebody altered the digest of one, and added a partner to another.
    let mut altered = awaiting.value.clone();
    let of = |request: &str| {
        awaiting.list("/awaiting").iter().position(|a| a["request"] == request).expect("it is in the list")
    };
    altered["awaiting"][of(&requests[0])]["cuts"][0]["digest"] = "00".repeat(32).into();
    let mut more = altered["awaiting"][of(&requests[1])]["cuts"][0].clone();
    more["partner"] = "exercise-fra".into();
    altered["awaiting"][of(&requests[1])]["cuts"].as_array_mut().unwrap().push(more);
    let altered = world.file("altered.json", &altered.to_string());
    let answer = batch(&world, &us, &altered, "exercise-officer-1").expect(1);
    assert_eq!((answer.list("/approvals").len(), answer.list("/refused").len()), (1, 2), "{}", answer.stdout);
    assert_eq!(answer.text("/approvals/0/request"), requests[2]);
    assert!(answer.text("/refused/0/why").contains("not the ones that were reviewed"), "{}", answer.stdout);
    // The neighbour: the list as it was.
    let answer = batch(&world, &us, &reviewed, "exercise-officer-2").expect(0);
    assert_eq!(answer.list("/approvals").len(), 3, "{}", answer.stdout);
    let by: Vec<usize> =
        requests.iter().map(|r| us.run(&["explain", r]).stdout.matches("of 2 people").count()).collect();
    assert_eq!(by, [1, 1, 0], "only what both reviewed has both votes");
    // A second vote by the same person counts for nothing, and the status says so.
    batch(&world, &us, &reviewed, "exercise-officer-2").expect(1);
    for text in ["", "{}", "{\"awaiting\": [{}]}", "[]"] {
        batch(&world, &us, &world.file("bad.json", text), "exercise-officer-1").expect(2);
    }
    us.run(&["approve", "--batch", &reviewed, &requests[0], "--key", &world.key("exercise-officer-1")]).expect(2);
    us.run(&["ledger", "verify"]).expect(0);
}
