//! What an officer is shown before signing, and reviewed lists: only what was reviewed is signed.

use crate::support::{Answer, Node, World, block_on};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::digest::Digest;
use portcullis::gateway::RequestReview;
use serde_json::Value;

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
    let key = us.key("exercise-producer");
    let terms = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d", "--key", &key];
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
    // Whom the list reaches by name, and who is one slip away from them.
    let [named] = &cut.named[..] else { panic!("{:?}", cut.named) };
    assert!(named.starts_with("GBR United Kingdom") && named.contains("BGR Republic of Bulgaria"), "{named}");
    let [withheld] = &cut.withheld[..] else { panic!("{:?}", cut.withheld) };
    assert_eq!((withheld.tearline, withheld.marking.as_str(), withheld.portions), (1, "SECRET//NOFORN", 2));
    assert!(withheld.why.iter().any(|w| w.contains("NOT-RELEASABLE")), "{:?}", withheld.why);
    assert!(withheld.why.iter().all(|w| !w.contains("must not go")));
    // The officer's own side may look at the source.
    assert!(cut.source.contains("must not go") && cut.source.contains("not releasable"));
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
    assert!(changes.summary.contains("identical") && changes.diff.is_none(), "{}", changes.summary);
    // Nobody at a terminal: nothing is signed without being asked for.
    let unasked = us.run(&["approve", third.text("/request"), "--key", &world.key("exercise-officer-1")]).expect(1);
    assert!(unasked.stderr.contains("standard input is not a terminal"), "{}", unasked.stderr);
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
    assert!(answer.text("/refused/0/why").contains("not as reviewed"), "{}", answer.stdout);
    // Nor does a list sign anything whose purpose, precedence or expiry was altered in it.
    for (field, value) in [("purpose", "EXERCISE other"), ("precedence", "FLASH"), ("expires", "2026-12-31T00:00:00Z")]
    {
        let mut altered = awaiting.value.clone();
        altered["awaiting"][0][field] = value.into();
        altered["awaiting"].as_array_mut().unwrap().truncate(1);
        let file = world.file("altered-terms.json", &altered.to_string());
        let answer = batch(&world, &us, &file, "exercise-officer-1").expect(1);
        assert!(answer.list("/approvals").is_empty(), "{field}: {}", answer.stdout);
        assert!(answer.text("/refused/0/why").contains("not as reviewed"), "{field}: {}", answer.stdout);
    }
    // The neighbour: the list as it was.
    let answer = batch(&world, &us, &reviewed, "exercise-officer-2").expect(0);
    assert_eq!(answer.list("/approvals").len(), 3, "{}", answer.stdout);
    let by: Vec<usize> =
        requests.iter().map(|r| us.run(&["explain", r]).stdout.matches("awaiting approval: ").count()).collect();
    assert_eq!(by, [1, 1, 0], "only what both reviewed has both votes");
    // A second vote by the same person counts for nothing, and the status says so.
    batch(&world, &us, &reviewed, "exercise-officer-2").expect(1);
    for text in ["", "{}", "{\"awaiting\": [{}]}", "[]"] {
        batch(&world, &us, &world.file("bad.json", text), "exercise-officer-1").expect(2);
    }
    us.run(&["approve", "--batch", &reviewed, &requests[0], "--key", &world.key("exercise-officer-1")]).expect(2);
    us.run(&["ledger", "verify"]).expect(0);
}

/// A product of which a tearline says `below`, and its source `above`.
fn two_tearlines(world: &World, file: &str, above: &str, below: &str) -> String {
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-WORDS-1\nTitle: (U) EXERCISE words\nOriginator: (U) EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\n\nSECRET//NOFORN\n\n(S//NF) EXERCISE source.\n\n{above}\n\n{}\n\n\
         SECRET//REL TO USA, GBR\nTitle: (U) EXERCISE words\n\n(S//REL) EXERCISE tearline.\n\n{below}\n",
        "-".repeat(72)
    );
    world.file(file, &text)
}

const SAID: &str = "the third engineer of the night ferry counts the crates on the quay and tells us every week what \
                    was loaded there and by whom";

/// The first words of what the source says.
fn said(words: usize) -> String {
    SAID.split_whitespace().take(words).collect::<Vec<_>>().join(" ")
}

/// What comes of submitting a product.
fn asked(us: &Node, file: &str) -> Answer {
    let key = us.key("exercise-producer");
    us.run(&["submit", file, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d", "--key", &key])
}

#[test]
fn the_same_paragraph_or_file_under_two_marks_is_refused_when_it_is_submitted() {
    let world = World::new();
    let (us, _) = world.pair();
    let paragraph = |mark: &str| format!("{mark} EXERCISE: {SAID}.");
    let (bytes, digest) = (9, portcullis::digest::Digest::of(b"EXERCISE\n"));
    let file = |mark: &str| {
        format!(
            "{mark} BEGIN ATTACHMENT exercise{}.txt text/plain {bytes} {digest}\nRVhFUkNJU0UK\nEND ATTACHMENT",
            mark.len()
        )
    };
    for part in [&paragraph as &dyn Fn(&str) -> String, &file] {
        let product = two_tearlines(&world, "two.txt", &part("(S//NF)"), &part("(S//REL)"));
        let refused = asked(&us, &product).expect(1);
        assert!(refused.stdout.contains("canary.contradiction"), "{}", refused.stdout);
        assert!(refused.stdout.contains("tearline 1") && refused.stdout.contains("`(S//NF)`"), "{}", refused.stdout);
        assert!(!refused.stdout.contains("engineer"), "{}", refused.stdout);
        // The neighbour: the originator has downgraded it, and its mark above says so.
        let product = two_tearlines(&world, "one.txt", &part("(S//REL TO USA, GBR)"), &part("(S//REL)"));
        asked(&us, &product).expect(0);
    }
}

#[test]
fn words_in_common_are_shown_to_every_officer_and_go_only_with_a_senior_one() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    world.officer(&us, "exercise-senior", "senior-disclosure-officer");
    let above = format!("(S//NF) EXERCISE: {SAID}.");
    let product =
        |words| two_tearlines(&world, "words.txt", &above, &format!("(S//REL) A report says {}.", said(words)));
    // Seven words are nobody's, and twenty-five nobody's to approve.
    let seven = submit(&us, &product(7));
    assert!(review(&us, seven.text("/request")).cuts[0].shared.is_empty());
    let refused = asked(&us, &product(25)).expect(1);
    assert!(refused.stdout.contains("canary.shared") && !refused.stdout.contains("engineer"), "{}", refused.stdout);
    us.serve();
    them.serve();
    for words in [8, 24] {
        let submitted = submit(&us, &product(words));
        let (request, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
        let shown = review(&us, request);
        let [run] = &shown.cuts[0].shared[..] else { panic!("{:?}", shown.cuts[0].shared) };
        for part in [
            &format!("{words} words of paragraph 2 ") as &str,
            "(S//REL TO USA, GBR)",
            "tearline 1, paragraph 2",
            "(S//NF)",
        ] {
            assert!(run.contains(part), "{part}: {run}");
        }
        // Nobody signs for it by a list, or together with others.
        let listed = world.file("listed.json", &us.run(&["status", "--awaiting"]).expect(0).stdout);
        let answer = batch(&world, &us, &listed, "exercise-officer-1").expect(1);
        assert!(answer.stdout.contains("words in common"), "{}", answer.stdout);
        for officer in ["exercise-officer-1", "exercise-officer-2"] {
            // Nor by itself without having read it: whoever has says how many runs there are.
            let approve =
                |more: &[&str]| us.run(&[&["approve", request, "--yes", "--key", &world.key(officer)], more].concat());
            for more in [&[] as &[&str], &["--in-common", "2"]] {
                let unseen = approve(more).expect(1);
                assert!(
                    unseen.stderr.contains("words in common") && unseen.stderr.contains("--in-common"),
                    "{}",
                    unseen.stderr
                );
            }
            let signed = approve(&["--in-common", "1"]).expect(0);
            assert!(signed.text("/shared/0").contains(run.as_str()), "{}", signed.stdout);
            assert!(signed.value["counts"] == true, "{}", signed.stdout);
        }
        let why = us.run(&["explain", request]);
        assert!(why.stdout.contains("senior-for-shared-words"), "{}", why.stdout);
        let key = world.key("exercise-senior");
        us.run(&["approve", request, "--yes", "--in-common", "1", "--key", &key]).expect(0);
        us.until_state(exchange, "delivered");
    }
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_limit_that_is_lowered_holds_for_what_was_approved_under_another() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    world.officer(&us, "exercise-senior", "senior-disclosure-officer");
    let shipped = include_str!("../../policy/inspection.toml");
    assert!(shipped.contains("shared_words = 25"));
    world.change(&us, &[("inspection.toml", &shipped.replace("shared_words = 25", "shared_words = 40"))]);
    let above = format!("(S//NF) EXERCISE: {SAID}.");
    let product =
        |words| two_tearlines(&world, "words.txt", &above, &format!("(S//REL) A report says {}.", said(words)));
    let [long, short] = [25, 24].map(|words| submit(&us, &product(words)));
    for officer in ["exercise-officer-1", "exercise-senior"] {
        for request in [&long, &short] {
            let key = world.key(officer);
            us.run(&["approve", request.text("/request"), "--yes", "--in-common", "1", "--key", &key]).expect(0);
        }
    }
    world.change(&us, &[("inspection.toml", shipped)]);
    us.serve();
    them.serve();
    us.until_state(short.text("/exchanges/0/exchange"), "delivered");
    let why = us.run(&["explain", long.text("/request")]);
    assert!(why.stdout.contains("canary.shared"), "{}", why.stdout);
    assert_ne!(us.run(&["status", long.text("/exchanges/0/exchange")]).text("/state"), "delivered");
    assert!(them.run(&["inbox", "list"]).expect(0).list("/items").len() == 1);
}

#[test]
fn a_request_is_written_out_for_reading_into_a_folder_that_is_made_and_never_over_anything() {
    let world = World::new();
    let (us, _) = world.pair();
    let submitted = submit(&us, &product(&world, "out.txt", "last line"));
    let (request, folder) = (submitted.text("/request"), world.path("look/at").display().to_string());
    let shown = us.run(&["request", "show", request, "--output", &folder]).expect(0);
    let written = std::fs::read_to_string(shown.text("/written/0")).unwrap();
    assert!(written.contains("EXERCISE last line") && !written.contains("must not go"), "{written}");
    let again = us.run(&["request", "show", request, "--output", &folder]).expect(1);
    assert!(again.stderr.contains("exists"), "{}", again.stderr);
    let key = world.key("exercise-officer-1");
    us.run(&["approve", request, "--yes", "--key", &key, "--output", &folder]).expect(1);
    let elsewhere = world.path("not/there/yet").display().to_string();
    us.run(&["approve", request, "--yes", "--key", &key, "--output", &elsewhere]).expect(0);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 1);
}

/// A file of two pages, the second of which is turned.
fn two_pages() -> Vec<u8> {
    let page = |sheet: &str, more: &str, code: usize| {
        format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [{sheet}] /Contents {code} 0 R {more} /Resources << /Font << /F1 7 0 R >> >> >>"
        )
    };
    let words = |words: &str| {
        let code = format!("BT /F1 12 Tf 40 100 Td ({words}) Tj ET");
        format!("<< /Length {} >>\nstream\n{code}\nendstream", code.len())
    };
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Count 2 /Kids [3 0 R 5 0 R] >>".to_owned(),
        page("0 0 612 792", "", 4),
        words("EXERCISE upon the first page"),
        page("0 0 300 200", "/Rotate 90", 6),
        words("EXERCISE upon the second"),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let (mut file, mut table) = ("%PDF-1.4\n".to_owned(), "0000000000 65535 f \n".to_owned());
    for (i, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", i + 1));
    }
    let at = file.len();
    format!("{file}xref\n0 8\n{table}trailer\n<< /Root 1 0 R /Size 8 >>\nstartxref\n{at}\n%%EOF\n").into_bytes()
}

/// A picture of 24 by 16 pixels.
fn picture() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 24, 16);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[128; 24 * 16]).unwrap();
    bytes
}

/// The width and height that a PNG says it has.
fn png_size(file: &str) -> [u32; 2] {
    let bytes = std::fs::read(file).unwrap();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{file} is no PNG");
    [16, 20].map(|at| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()))
}

#[test]
fn pages_and_pictures_are_looked_at_as_files_and_not_as_base64() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let kinds = r#"["text/csv", "text/plain", "application/pdf", "image/png"]"#;
    world.enrol(&us, &them, &[("attachments", kinds)]);
    world.officers(&us);
    let attached = |name: &str, kind: &str, bytes: &[u8]| {
        let body: Vec<String> = bytes.chunks(57).map(|part| STANDARD.encode(part)).collect();
        let (length, digest) = (bytes.len(), Digest::of(bytes));
        format!(
            "(S//REL TO USA, GBR) BEGIN ATTACHMENT {name} {kind} {length} {digest}\n{}\nEND ATTACHMENT",
            body.join("\n")
        )
    };
    let below = [
        attached("exercise.pdf", "application/pdf", &two_pages()),
        attached("exercise.png", "image/png", &picture()),
        attached("exercise.txt", "text/plain", b"EXERCISE of words\n"),
    ];
    let file = two_tearlines(&world, "looks.txt", "(S//NF) EXERCISE above.", &below.join("\n\n"));
    let submitted = submit(&us, &file);
    let request = submitted.text("/request");
    let folder = |name: &str| world.path(name).display().to_string();

    // What a request shows: kind, length, pages and digest of each, the words, and no base64.
    let shown = us.run(&["request", "show", request, "--output", &folder("show")]).expect(0);
    let [pdf, image, text] = shown.list("/cuts/0/attachments") else { panic!("{}", shown.stdout) };
    assert_eq!((pdf["media_type"].as_str(), pdf["pages"].as_u64()), (Some("application/pdf"), Some(2)), "{pdf}");
    assert!(pdf["text"].as_str().unwrap().contains("upon the second"), "{pdf}");
    assert_eq!((image["media_type"].as_str(), &image["pages"]), (Some("image/png"), &Value::Null), "{image}");
    assert!(text["text"].as_str().unwrap().contains("EXERCISE of words"), "{text}");
    let cut = shown.text("/cuts/0/text");
    assert!(cut.contains(&format!("{} {}", pdf["bytes"], pdf["digest"].as_str().unwrap())), "{cut}");
    assert!(cut.contains("[content omitted here]") && cut.lines().all(|line| line.len() < 200), "{cut}");
    assert!(!cut.contains(&STANDARD.encode(b"EXERCISE of words\n")), "{cut}");
    // What is written is all of it, and what it looks like beside it.
    let written = std::fs::read_to_string(shown.text("/written/0")).unwrap();
    assert!(written.contains("END ATTACHMENT") && !written.contains("left out"), "{written}");
    looked_at(&shown, "/looks");

    // So does an approval, and a cut that is looked at before there is a request.
    let key = world.key("exercise-officer-1");
    let approved = us.run(&["approve", request, "--yes", "--key", &key, "--output", &folder("approve")]).expect(0);
    looked_at(&approved, "/written/0/attachments");
    let key = world.key("exercise-officer-2");
    let told =
        us.run_human(&["approve", request, "--yes", "--key", &key, "--output", &folder("told")]).expect(0).stdout;
    for part in
        ["application/pdf, ", " bytes, 2 pages, sha256 ", "view ", "1-exercise.pdf.page-002.png", "2-exercise.png"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let place = folder("cut.txt");
    let cut = us.run(&["product", "cut", &file, "--for", &them.name, "--output", &place]).expect(0);
    looked_at(&cut, "/looks");
    let again = us.run(&["product", "cut", &file, "--for", &them.name, "--output", &place]).expect(1);
    assert!(again.stderr.contains("exists"), "{}", again.stderr);

    // And on a machine that has no node.
    let (exported, signed) = (folder("request.bin"), folder("signed.bin"));
    let third = submit(&us, &two_tearlines(&world, "more.txt", "(S//NF) EXERCISE more above.", &below.join("\n\n")));
    us.run(&["request", "export", third.text("/request"), "--out", &exported]).expect(0);
    let offline = ["approve", "--offline", &exported, "--out", &signed, "--yes", "--key", &key];
    let offline = us.run(&[&offline[..], &["--output", &folder("offline")]].concat()).expect(0);
    looked_at(&offline, "/written/0/attachments");
}

/// Holds the files of the three attachments to what they must be.
fn looked_at(answer: &Answer, list: &str) {
    let [pdf, image, text] = answer.list(list) else { panic!("{}", answer.stdout) };
    let files = |of: &Value| -> Vec<String> {
        of["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap().to_owned()).collect()
    };
    let [first, second, words] = &files(pdf)[..] else { panic!("{pdf}") };
    assert_eq!((png_size(first), png_size(second)), ([850, 1100], [278, 417]), "{pdf}");
    let words = std::fs::read_to_string(words).unwrap();
    assert!(words.contains("upon the first page") && words.contains("upon the second"), "{words}");
    assert_eq!((pdf["pages"].as_u64(), &pdf["lacks"]), (Some(2), &Value::Null), "{pdf}");
    let [image] = &files(image)[..] else { panic!("{image}") };
    assert_eq!(png_size(image), [24, 16]);
    assert_eq!(
        Digest::of(&std::fs::read(image).unwrap()).to_string(),
        answer.list(list)[1]["digest"].as_str().unwrap()
    );
    assert!(files(text).is_empty(), "{text}");
}
