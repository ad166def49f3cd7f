//! Products in other formats, as producers submit them and as the partner's people take them.

use crate::support::{Answer, Node, World};

const PARTNERS: &str = "CONFIDENTIAL//REL TO USA, GBR";

/// One product, spelled in every format that is read.
fn spellings(world: &World) -> [(&'static str, String); 4] {
    let text = "PORTCULLIS PRODUCT 1\nId: EXERCISE-2026-0007\nTitle: (C//REL TO USA, GBR) EXERCISE a_b\nOriginator: (U) EXERCISE\n\
                Date: 2026-11-20\nKind: report\n\nCONFIDENTIAL//REL TO USA, GBR\n\n(C//REL TO USA, GBR) EXERCISE 2 * 3 <b>.\n\n\
                (U) EXERCISE list.\n";
    let markdown = "# PORTCULLIS PRODUCT 1\n- Id: EXERCISE-2026-0007\n- Title: (C//REL) EXERCISE a_b\n- Originator: (U) EXERCISE\n\
                    - Date: 2026-11-20\n- Kind: report\n\n## CONFIDENTIAL//REL TO USA, GBR\n\n(C//REL) EXERCISE 2 * 3 \\<b>.\n\n\
                    - (U) EXERCISE list.\n";
    let json = serde_json::json!({
        "portcullis_product": 1, "id": "EXERCISE-2026-0007", "date": "2026-11-20", "kind": "report",
        "tearlines": [{
            "banner": PARTNERS, "title": { "mark": "(C//REL)", "text": "EXERCISE a_b" },
            "originator": { "mark": "(U)", "text": "EXERCISE" },
            "portions": [
                { "mark": "(C//REL)", "text": "EXERCISE 2 * 3 <b>." }, { "mark": "(U)", "text": "EXERCISE list." },
            ],
        }],
    });
    let id = |n: u8| format!("6a4f6c1e-0000-4000-8000-00000000000{n}");
    let time = "2026-11-20T09:30:00Z";
    let object = |kind: &str, n: u8, more: serde_json::Value| {
        let mut object = serde_json::json!({ "type": kind, "spec_version": "2.1", "id": format!("{kind}--{}", id(n)), "created": time });
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object
    };
    let marking = |n: u8, banner: &str| {
        let definition = serde_json::json!({ "definition_type": "statement", "definition": { "statement": format!("MARKING: {banner}") } });
        object("marking-definition", n, definition)
    };
    let marked = |n: u8| serde_json::json!([format!("marking-definition--{}", id(n))]);
    let report = format!("report--{}", id(4));
    let note = |n: u8, mark: u8, text: &str| {
        object(
            "note",
            n,
            serde_json::json!({ "modified": time, "content": text, "object_refs": [report], "object_marking_refs": marked(mark) }),
        )
    };
    let bundle = serde_json::json!({ "type": "bundle", "id": format!("bundle--{}", id(0)), "objects": [
        marking(1, PARTNERS), marking(2, "UNCLASSIFIED"),
        object("identity", 3, serde_json::json!({ "modified": time, "name": "EXERCISE", "object_marking_refs": marked(2) })),
        object("report", 4, serde_json::json!({
            "modified": time, "published": time, "name": "EXERCISE a_b", "report_types": ["report"], "object_marking_refs": marked(1),
            "created_by_ref": format!("identity--{}", id(3)),
            "external_references": [{ "source_name": "portcullis", "external_id": "EXERCISE-2026-0007" }],
            "object_refs": [format!("note--{}", id(5)), format!("note--{}", id(6))],
        })),
        note(5, 1, "EXERCISE 2 * 3 <b>."), note(6, 2, "EXERCISE list."),
    ] });
    // Names say nothing, so each is called by a name that would mislead.
    [
        ("text", world.file("a.json", text)),
        ("markdown", world.file("b.txt", markdown)),
        ("json", world.file("c.md", &json.to_string())),
        ("stix", world.file("d.html", &bundle.to_string())),
    ]
}

fn take(node: &Node, exchange: &str, file: &std::path::Path, more: &[&str]) -> Answer {
    node.run(&[&["inbox", "take", exchange, "--out", file.to_str().unwrap()], more].concat())
}

#[test]
fn every_spelling_of_a_product_is_read_by_its_content_and_gives_the_partner_the_same_bytes() {
    let world = World::new();
    let (us, them) = world.pair();
    let spellings = spellings(&world);
    let cut = |file: &str| us.run_human(&["product", "cut", file, "--for", &them.name]).expect(0).stdout;
    let expected = cut(&spellings[0].1);
    for (format, file) in &spellings {
        let checked = us.run(&["product", "check", file]).expect(0);
        assert_eq!(checked.text("/format"), *format);
        us.run(&["product", "check", file, "--as", format]).expect(0);
        assert_eq!(cut(file), expected, "{format}");
        let other = if *format == "json" { "stix" } else { "json" };
        let refused = us.run(&["product", "check", file, "--as", other]).expect(1);
        assert_eq!(refused.text("/faults/0/code"), "P-FORMAT", "{format}");
        let key = us.key("exercise-producer");
        let terms = ["--to", &them.name, "--purpose", "EXERCISE", "--expires", "1d", "--key", &key];
        us.run(&[&["submit", file, "--as", other], &terms[..]].concat()).expect(1);
        let submitted = us.run(&[&["submit", file, "--as", format], &terms[..]].concat()).expect(0);
        assert_eq!(
            submitted.text("/exchanges/0/digest"),
            portcullis::digest::Digest::of(expected.as_bytes()).to_string()
        );
    }
    for format in ["text", "markdown", "json", "stix"] {
        let shown =
            us.run_human(&["product", "cut", &spellings[0].1, "--for", &them.name, "--as", format]).expect(0).stdout;
        let file = world.file(&format!("{format}.cut"), &shown);
        assert_eq!(cut(&file), expected, "a cut shown as {format} is a product that gives the same cut");
    }
    let page = world.path("page.html").display().to_string();
    let write = ["product", "cut", &spellings[0].1, "--for", &them.name, "--as", "html", "--output", &page];
    us.run(&write).expect(0);
    assert!(std::fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));
    us.run(&write).expect(1); // Nothing is written over.
    us.run(&["product", "check", &spellings[0].1, "--as", "pdf"]).expect(2);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn the_renderings_that_the_senders_agreement_names_are_made_where_the_product_is_taken() {
    let world = World::new();
    let (mut us, mut them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &them, &[("formats", "[\"html\", \"json\", \"stix\"]")]);
    world.enrol(&them, &us, &[("formats", "[]")]);
    world.officers(&us);
    let json = spellings(&world)[2].1.clone();
    let exchange = world.release(&us, &[json], &them.name).text("/exchanges/0/exchange").to_owned();
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");

    let file = world.path("taken.txt");
    let taken = take(&them, &exchange, &file, &[]).expect(0);
    assert_eq!(taken.list("/renderings").len(), 3);
    assert!(taken.list("/left_out").is_empty());
    let page = std::fs::read_to_string(world.path("taken.html")).unwrap();
    assert!(page.contains(PARTNERS) && page.contains("EXERCISE 2 * 3 &lt;b&gt;."));
    for (name, format) in [("taken.txt", "text"), ("taken.json", "json"), ("taken.stix.json", "stix")] {
        let checked = them.run(&["product", "check", world.path(name).to_str().unwrap()]).expect(0);
        assert_eq!(checked.text("/format"), format);
    }

    // Other renderings may be asked for instead, and none.
    let other = take(&them, &exchange, &world.path("other"), &["--as", "markdown"]).expect(0);
    assert_eq!(other.list("/renderings").len(), 1);
    assert!(world.path("other.md").exists() && !world.path("other.html").exists());
    assert!(take(&them, &exchange, &world.path("bare"), &["--as", "text"]).expect(0).list("/renderings").is_empty());
    take(&them, &exchange, &world.path("never"), &["--as", "pdf"]).expect(2);
    // Nothing is written over, and nothing is half taken.
    world.file("there.html", "EXERCISE");
    let refused = take(&them, &exchange, &world.path("there"), &[]).expect(1);
    assert!(refused.stderr.contains("there.html"), "{}", refused.stderr);
    assert!(!world.path("there").exists());
    for node in [&mut us, &mut them] {
        assert!(node.stop(), "{}", node.log_text());
        node.run(&["ledger", "verify"]).expect(0);
    }
}

#[test]
fn an_agreement_that_names_no_rendering_hands_over_the_product_alone() {
    let world = World::new();
    let (mut us, mut them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &them, &[("formats", "[]")]);
    world.enrol(&them, &us, &[]);
    world.officers(&us);
    let exchange =
        world.release(&us, &[spellings(&world)[0].1.clone()], &them.name).text("/exchanges/0/exchange").to_owned();
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    assert!(take(&them, &exchange, &world.path("alone.txt"), &[]).expect(0).list("/renderings").is_empty());
    assert!(!world.path("alone.html").exists());
    us.stop();
    them.stop();
}
