//! `product check` and `submit` say the same of a product, in the same words: what the one passes, the other takes.

use std::process::{Command, Stdio};

use crate::support::{Answer, Node, World, agreement, answer, program};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::digest::Digest;

/// A product of one tearline for the partner with this paragraph, and what belongs to it.
fn one(paragraph: &str, more: &str) -> String {
    format!("SECRET//REL TO USA, GBR\n\n(S//REL TO USA, GBR) {paragraph}\n{more}")
}

/// An attachment of these bytes, in the text.
fn attached(mark: &str, name: &str, media_type: &str, bytes: &[u8]) -> String {
    let lines: Vec<String> = bytes.chunks(57).map(|chunk| STANDARD.encode(chunk)).collect();
    let digest = Digest::of(bytes);
    format!(
        "\n{mark} BEGIN ATTACHMENT {name} {media_type} {} {digest}\n{}\nEND ATTACHMENT\n",
        bytes.len(),
        lines.join("\n")
    )
}

/// A product whose one attachment, marked as its tearline is, has this content.
fn with(name: &str, media_type: &str, content: &str) -> String {
    one("EXERCISE text.", &attached("(S//REL TO USA, GBR)", name, media_type, content.as_bytes()))
}

const ID: &str = "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f";

/// A bundle of one object that refers to this marking, and of the definition of another.
fn bundle(reference: &str, statement: &str) -> String {
    format!(
        r#"{{"type":"bundle","id":"bundle--{ID}","objects":[{{"type":"identity","spec_version":"2.1","id":"identity--{ID}","object_marking_refs":["{reference}"]}},{{"type":"marking-definition","spec_version":"2.1","id":"marking-definition--{ID}","created":"2026-11-20T00:00:00.000Z","definition_type":"statement","definition":{{"statement":"{statement}"}}}}]}}"#
    )
}

const BANNER: &str = "MARKING: SECRET//REL TO USA, GBR";
const STIX: &str = "application/stix+json";

/// What is submitted, and a code of its refusal; `None` where it is taken.
fn cases() -> Vec<(&'static str, String, Option<&'static str>)> {
    let own = format!("marking-definition--{ID}");
    let green = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
    let strict = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003";
    let nothing = "marking-definition--00000000-0000-4000-8000-000000000001";
    let twice = "EXERCISE. The same whole paragraph stands in both of them.";
    let above = |top: &str, lower: &str| format!("SECRET//NOFORN\n\n{top}\n\n------------------------\n\n{lower}");
    vec![
        ("plain", one("EXERCISE text.", ""), None),
        ("table", with("a.csv", "text/csv", "name,count\nAlpha,3\n"), None),
        ("text-green", with("a.txt", "text/plain", "TLP:GREEN\n\nEXERCISE.\n"), None),
        ("data", with("a.json", "application/json", "{\"tlp\": \"green\"}"), None),
        ("bundle", with("a.json", STIX, &bundle(&own, BANNER)), None),
        ("bundle-green", with("a.json", STIX, &bundle(green, BANNER)), None),
        (
            // Nobody looks into what goes to nobody.
            "above",
            above(
                &format!("(S//NF) EXERCISE. The version above.\n{}", attached("(S//NF)", "a.xml", "text/xml", b"<a/>")),
                &one("EXERCISE.", ""),
            ),
            None,
        ),
        ("bundle-as-text", with("a.txt", "text/plain", &bundle(strict, BANNER)), Some("types.kind")),
        ("bundle-as-json", with("a.json", "application/json", &bundle(strict, BANNER)), Some("types.kind")),
        ("strict", with("a.json", STIX, &bundle(strict, BANNER)), Some("stix.marking")),
        ("nothing", with("a.json", STIX, &bundle(nothing, BANNER)), Some("marks.unknown")),
        ("statement", with("a.json", STIX, &bundle(&own, "Not to be passed on")), Some("marks.unknown")),
        ("higher", with("a.json", STIX, &bundle(&own, "MARKING: TOP SECRET//SI//NOFORN")), Some("marks.stated")),
        ("malformed", with("a.json", "application/json", "{\"a\": 1,}"), Some("json.form")),
        ("markup", with("a.txt", "text/plain", "<note><to>EXERCISE</to></note>\n"), Some("types.kind")),
        ("script", with("a.txt", "text/plain", "see <script> of it\n"), Some("types.active")),
        ("formula", with("a.csv", "text/csv", "a,b\n1,=2\n"), Some("csv.formula")),
        ("picture", with("a.png", "image/png", "EXERCISE"), Some("png.form")),
        (
            "mark-in-file",
            with("a.txt", "text/plain", "TOP SECRET//SI//NOFORN\n\nEXERCISE.\n"),
            Some("marks.attachment"),
        ),
        ("mark-in-name", with("annex-TS.txt", "text/plain", "EXERCISE.\n"), Some("marks.name")),
        ("mark-in-text", one("EXERCISE. The source (TS) said so.", ""), Some("marks.text")),
        ("unseen", one("EXERCISE te\u{200b}xt.", ""), Some("text.invisible")),
        ("twice", above(&format!("(S//NF) {twice}"), &one(twice, "")), Some("canary.contradiction")),
        ("type", with("a.jpg", "image/jpeg", "EXERCISE"), Some("attachment-type")),
        ("noforn", "SECRET//NOFORN\n\n(S//NF) EXERCISE.\n".into(), Some("NOT-RELEASABLE")),
        ("ceiling", "TOP SECRET//REL TO USA, GBR\n\n(TS//REL TO USA, GBR) EXERCISE.\n".into(), Some("CEILING")),
        ("others", "SECRET//REL TO USA, AUS\n\n(S//REL TO USA, AUS) EXERCISE.\n".into(), Some("NOT-RELEASABLE")),
        ("unknown", "SECRET//REL TO USA, GBR\n\n(S//NOFORM) EXERCISE.\n".into(), Some("faults")),
        ("below", "SECRET//REL TO USA, GBR\n\n(TS//REL TO USA, GBR) EXERCISE.\n".into(), Some("faults")),
        ("kind", one("EXERCISE.", ""), Some("KIND")),
        ("covert", one("EXERCISE.", ""), Some("COVERT-ACTION")),
        ("future", one("EXERCISE.", ""), Some("DATED-IN-FUTURE")),
        ("old", one("EXERCISE.", ""), Some("TOO-OLD")),
        (
            "consent",
            one("EXERCISE.", "").replace("S//REL", "S//FGI DEU//REL").replace("SECRET//REL", "SECRET//FGI DEU//REL"),
            Some("CONDITION:FGI-CONSENT"),
        ),
        (
            "missing",
            one("EXERCISE.", &format!("\n(U) ATTACHMENT a.txt text/plain 9 {}\n", Digest::of(b"EXERCISE\n"))),
            Some("faults"),
        ),
    ]
}

fn file(world: &World, id: &str, body: &str) -> String {
    let (date, kind) = match id {
        "kind" => ("2026-11-20", "exercise-letter"),
        "covert" => ("2026-11-20", "covert-action"),
        "future" => ("2099-01-01", "report"),
        "old" => ("2010-06-01", "report"),
        _ => ("2026-11-20", "report"),
    };
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-{}\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE Directorate\n\
         Date: {date}\nKind: {kind}\nContact: (U) EXERCISE desk\n\n{body}",
        id.to_uppercase()
    );
    world.file(&format!("{id}.txt"), &text)
}

fn submit(node: &Node, file: &str, partner: &str) -> Answer {
    let key = node.key("exercise-producer");
    node.run(&["submit", file, "--key", &key, "--to", partner, "--purpose", "EXERCISE", "--expires", "1d"])
}

/// Codes and sentences of what speaks against.
fn told(reasons: &[serde_json::Value]) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    reasons.iter().map(|reason| (text(&reason["code"]), text(&reason["sentence"]))).collect()
}

#[test]
fn what_a_check_passes_is_taken_and_what_it_refuses_is_refused_in_the_same_words() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let types = r#"["application/json", "application/stix+json", "image/png", "text/csv", "text/plain"]"#;
    world.enrol(&us, &them, &[("attachments", types)]);
    world.officers(&us);
    let mut wrong = Vec::new();
    for (id, body, refused) in cases() {
        let product = file(&world, id, &body);
        let kept = || std::fs::read_dir(us.folder.join("store/spool")).unwrap().count();
        let before = kept();
        let checked = us.run(&["product", "check", &product, "--partner", &them.name]);
        assert_eq!(kept(), before, "{id}: a check keeps nothing");
        let submitted = submit(&us, &product, &them.name);
        let (of_check, of_submit) =
            (told(checked.list("/partners/0/reasons")), told(submitted.list("/refused/0/reasons")));
        let faults = (checked.list("/faults").len(), submitted.list("/faults").len());
        let codes = |code: &str| of_check.iter().any(|(found, _)| found == code) || code == "faults" && faults.0 > 0;
        let same = checked.status == submitted.status && of_check == of_submit && faults.0 == faults.1;
        let expected = checked.status == i32::from(refused.is_some()) && refused.is_none_or(codes);
        if !same || !expected {
            let said = (checked.status, submitted.status, of_check, of_submit, faults);
            wrong.push(format!("{id}, expected {refused:?}: {said:?} {}", checked.stderr));
        }
        // A cut is shown only of what would be taken.
        let cut = us.run_human(&["product", "cut", &product, "--for", &them.name]);
        if cut.status != checked.status {
            wrong.push(format!("{id}: cut {} {}", cut.status, cut.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    the_answers_help(&world, &us);
}

/// The answer names the tearline, the place and what to do, for people and for programs.
fn the_answers_help(world: &World, us: &Node) {
    let product = file(world, "words", &with("a.txt", "text/plain", &bundle("x", BANNER)));
    let shown = us.run_human(&["product", "check", &product]).expect(1).stdout;
    for part in ["tearline 1: ", "declared `text/plain`", "is STIX", "declared `application/stix+json`", "[types.kind]"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.starts_with("not valid: "), "{shown}");
    // That a product is not for a partner is no fault of the product, unless it is asked about that partner.
    let others = file(world, "elsewhere", "SECRET//REL TO USA, AUS\n\n(S//REL TO USA, AUS) EXERCISE.\n");
    let checked = us.run(&["product", "check", &others]).expect(0);
    assert_eq!(checked.value["partners"][0]["reasons"][0]["code"], "NOT-RELEASABLE");
    // But what it says to others is looked at.
    let body = with("a.txt", "text/plain", &bundle("x", BANNER)).replace("GBR", "AUS");
    let checked = us.run(&["product", "check", &file(world, "beyond", &body)]).expect(1);
    assert_eq!(checked.text("/findings/0/reasons/0/code"), "types.kind");
    us.run(&["product", "check", &others, "--partner", "exercise-nobody"]).expect(2);
    // What keeps a product from everybody is a fault of it, and what one agreement leaves out is none, unless it is asked about.
    for (id, status) in [("covert", 1), ("future", 1), ("kind", 0), ("old", 0)] {
        us.run(&["product", "check", &file(world, id, &one("EXERCISE.", ""))]).expect(status);
    }
    // A consent that is missing is named: whose, for what, and what to do.
    let (_, consent, _) = cases().into_iter().find(|(id, ..)| *id == "consent").unwrap();
    let shown = us.run_human(&["product", "check", &file(world, "consent", &consent), "--partner", "exercise-gbr"]);
    for part in ["no consent of `DEU`", "(line 11)", "change propose --consent"] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    // What is too large says by how much, and which lower tearline may go.
    let small = agreement("USA", "GBR", &[("payload_bytes_max", "600")]);
    world.change_agreement(us, "exercise-gbr", &small);
    let long = one("EXERCISE grey tugs tow an empty barge past it.\n".repeat(20).trim_end(), "");
    let large =
        file(world, "large", &format!("{long}\n------------------------\n\n{}", one("EXERCISE: in short.", "")));
    let shown = us.run_human(&["product", "check", &large, "--partner", "exercise-gbr"]);
    for part in ["limit 600", "`--tearline 2`"] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    us.run(&["product", "check", &large, "--partner", "exercise-gbr", "--tearline", "2"]).expect(0);
    // Whoever is suspended gets it when that ends: it is taken, and said.
    us.run(&["partner", "suspend", "exercise-gbr"]).expect(0);
    let product = file(world, "waits", &one("EXERCISE text.", ""));
    let checked = us.run(&["product", "check", &product, "--partner", "exercise-gbr"]).expect(0);
    let waits = told(checked.list("/partners/0/waits"));
    assert!(waits.iter().any(|(code, _)| code == "SUSPENDED"), "{}", checked.stdout);
    submit(us, &product, "exercise-gbr").expect(0);
}

/// Where no node is, the filters as they are delivered say it, for everybody whom the marks release a tearline to.
#[test]
fn without_a_node_every_tearline_is_looked_at_as_delivered() {
    let world = World::new();
    let check = |product: &str| {
        let mut command = Command::new(program());
        command.args(["--format", "json", "product", "check", product]).current_dir(world.folder.path());
        answer(command.env_remove("PORTCULLIS_CONFIG").stdin(Stdio::null()).output().unwrap())
    };
    // Whom a partner's own terms keep from, nobody can say here.
    let terms = ["type", "ceiling", "noforn", "others", "kind", "old", "consent"];
    for (id, body, refused) in cases().into_iter().filter(|(id, ..)| !terms.contains(id)) {
        let checked = check(&file(&world, id, &body));
        assert_eq!(checked.status, i32::from(refused.is_some()), "{id}: {} {}", checked.stdout, checked.stderr);
        let found = checked.list("/findings").iter().flat_map(|f| told(f["reasons"].as_array().unwrap()));
        let codes: Vec<String> = found.map(|(code, _)| code).collect();
        assert!(refused.is_none_or(|code| code == "faults" || codes.contains(&code.into())), "{id}: {codes:?}");
    }
    // One configuration that was named and is not there is no answer.
    let product = file(&world, "named", &one("EXERCISE.", ""));
    let mut command = Command::new(program());
    command.args(["--config", "elsewhere.toml", "product", "check", &product]).current_dir(world.folder.path());
    assert_eq!(answer(command.output().unwrap()).status, 2);
}
