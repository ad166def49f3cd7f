//! Products that are wrong, as producers meet the refusal: every fault with its place and what to do, nothing queued.

use crate::support::{Answer, Node, World};

/// A product with one body, and everything else as it should be.
fn product(world: &World, id: &str, body: &str) -> String {
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-{id}\nTitle: (U) EXERCISE {id}\nOriginator: (U) EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\nSubjects: (U) exercise\nContact: (U) EXERCISE desk\n\n{body}"
    );
    world.file(&format!("{id}.txt"), &text)
}

fn submit(node: &Node, file: &str, partner: &str) -> Answer {
    node.run(&[
        "submit",
        file,
        "--key",
        &node.key("exercise-producer"),
        "--to",
        partner,
        "--purpose",
        "EXERCISE",
        "--expires",
        "1d",
    ])
}

/// Nothing is queued, nothing is kept, and what is on record holds.
#[track_caller]
fn nothing_was_queued(node: &Node) {
    assert!(node.run(&["status", "--all"]).expect(0).list("/exchanges").is_empty());
    let spool = std::fs::read_dir(node.folder.join("store/spool")).unwrap();
    let names: Vec<_> = spool.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["head"], "no part of a refused product is kept, and the ledger's head is there");
    node.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn refuses_products_that_do_not_read_and_says_where_and_what_to_do() {
    let world = World::new();
    let (us, them) = world.pair();
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/EXERCISE-faulty.txt")).unwrap();
    let cases = [
        ("MALFORMED", world.file("malformed.txt", &sample), 3),
        ("UNKNOWN", product(&world, "UNKNOWN", "SECRET//REL TO USA, GBR\n\n(S//NOFORM) EXERCISE text.\n"), 12),
        ("CONTROL", product(&world, "CONTROL", "SECRET//CRIMSON\n\n(S) EXERCISE text.\n"), 10),
        ("BELOW", product(&world, "BELOW", "SECRET//REL TO USA, GBR\n\n(TS//REL TO USA, GBR) EXERCISE text.\n"), 10),
        ("NOFORN", product(&world, "NOFORN", "SECRET//REL TO USA, GBR\n\n(S//NF) EXERCISE text.\n"), 10),
        ("UNMARKED", product(&world, "UNMARKED", "SECRET//REL TO USA, GBR\n\nEXERCISE text.\n"), 12),
        ("EMPTY", world.file("empty.txt", ""), 1),
        ("BINARY", world.file("binary.txt", "\u{0}\u{1}PORTCULLIS"), 1),
    ];
    for (case, file, line) in cases {
        let checked = us.run(&["product", "check", &file]).expect(1);
        assert_eq!(checked.value["valid"], false, "{case}");
        let faults = checked.list("/faults");
        assert!(faults.iter().any(|f| f["line"] == line), "{case}: {}", checked.stdout);
        for fault in faults {
            for part in ["code", "message", "hint", "rule"] {
                assert!(fault[part].as_str().is_some_and(|t| !t.is_empty()), "{case}: {part} of {fault}");
            }
        }
        let shown = us.run_human(&["product", "check", &file]).expect(1);
        assert!(shown.stdout.contains("not valid"), "{case}: {}", shown.stdout);

        let submitted = submit(&us, &file, &them.name).expect(1);
        let said = submitted.list("/faults");
        assert_eq!(said.len(), faults.len(), "{case}: a submission names the same faults as a check");
        assert!(said.iter().any(|f| f.as_str().is_some_and(|t| t.starts_with(&format!("line {line}, column ")))));
        assert!(submitted.text("/request").is_empty());
    }
    nothing_was_queued(&us);
    let log = us.run(&["ledger", "show"]).expect(0);
    let refused = log.list("/entries").iter().filter(|e| e["kind"] == "request.refused").count();
    assert_eq!(refused, 8, "every refused submission is on the ledger");
}

#[test]
fn accepts_the_same_product_once_its_banner_covers_its_portions() {
    let world = World::new();
    let (us, them) = world.pair();
    let good = product(&world, "COVERED", "SECRET//REL TO USA, GBR\n\n(S//REL TO USA, GBR) EXERCISE text.\n");
    us.run(&["product", "check", &good]).expect(0);
    let submitted = submit(&us, &good, &them.name).expect(0);
    assert_eq!(us.run(&["status", submitted.text("/exchanges/0/exchange")]).expect(0).text("/state"), "requested");
}

#[test]
fn a_file_that_cannot_be_read_is_an_input_error_and_not_a_refusal() {
    let world = World::new();
    let (us, them) = world.pair();
    let missing = world.path("missing.txt").display().to_string();
    let folder = world.path("missing").join("product").display().to_string();
    for file in [&missing, &folder] {
        for answer in [us.run(&["product", "check", file]), submit(&us, file, &them.name)] {
            let answer = answer.expect(2);
            assert!(
                answer.stderr.contains(file.as_str()) && answer.stderr.contains("cannot be read"),
                "{}",
                answer.stderr
            );
        }
    }
    nothing_was_queued(&us);
}

#[test]
fn refuses_terms_without_end_or_purpose() {
    let world = World::new();
    let (us, them) = world.pair();
    let file = world.product("TERMS", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    for (purpose, expires) in [("EXERCISE", "400d"), ("EXERCISE", "2026-01-01T00:00:00Z"), ("", "1d")] {
        let key = us.key("exercise-producer");
        let terms = ["--to", &them.name, "--purpose", purpose, "--expires", expires, "--key", &key];
        let refused = us.run(&[&["submit", &file], &terms[..]].concat()).expect(1);
        assert!(!refused.list("/faults").is_empty(), "{}", refused.stdout);
    }
    nothing_was_queued(&us);
}

#[test]
fn refuses_what_no_tearline_lets_a_partner_have_and_says_why_for_each() {
    let world = World::new();
    let (us, them) = world.pair();
    let cases = [
        ("NOFORN", "SECRET//NOFORN", "(S//NF)"),
        ("COUNTRY", "SECRET//REL TO USA, AUS", "(S//REL TO USA, AUS)"),
        ("CEILING", "TOP SECRET//REL TO USA, GBR", "(TS//REL TO USA, GBR)"),
    ];
    for (id, banner, portion) in cases {
        let file = world.product(id, banner, portion);
        us.run(&["product", "check", &file]).expect(0);
        let refused = submit(&us, &file, &them.name).expect(1);
        assert_eq!(refused.text("/refused/0/partner"), them.name);
        assert!(
            refused.text("/refused/0/reasons/0/sentence").starts_with("tearline 1 is not releasable to `"),
            "{}",
            refused.stdout
        );
        us.run(&["product", "cut", &file, "--for", &them.name]).expect(1);
    }
    nothing_was_queued(&us);
}

#[test]
fn refuses_the_whole_request_when_one_of_its_partners_may_have_nothing() {
    let world = World::new();
    let (us, them) = world.pair();
    let third = world.node("exercise-aus", "AUS");
    world.enrol(&us, &third, &[]);
    let file = world.product("BOTH", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let both = ["--to", &them.name, "--to", &third.name];
    let key = us.key("exercise-producer");
    let terms = ["--purpose", "EXERCISE", "--expires", "1d", "--key", &key];
    let refused = us.run(&[&["submit", &file], &both[..], &terms[..]].concat()).expect(1);
    assert_eq!(refused.text("/refused/0/partner"), third.name);
    assert_eq!(refused.list("/refused").len(), 1);
    nothing_was_queued(&us);
}
