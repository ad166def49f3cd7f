//! Who submits and who approves at a real node: submissions are signed, namesakes are told apart, and officers sign on
//! machines that have no node.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{self, Answer, Node, World, block_on, program, sql};
use portcullis::approval::{Declared, Role, Submission, Terms};
use portcullis::config::signer_from;
use portcullis::digest::Digest;
use portcullis::envelope::Precedence;
use portcullis::gateway::{AppointmentRequest, ChangeRequest, SubmitOutcome};
use portcullis::ident::RequestId;
use portcullis::product::TextAlone;
use portcullis::sign::Signed;
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;
use serde_json::json;

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";
const TERMS: [&str; 6] = ["--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];

fn submit(us: &Node, file: &str, by: &str) -> Answer {
    us.run(&[&["submit", file, "--key", &us.key(by)], &TERMS[..]].concat())
}

fn approve(us: &Node, request: &str, officer: &str) -> Answer {
    us.run(&["approve", request, "--yes", "--key", &us.key(officer)])
}

/// Runs the program in a folder that is no node's, without any configuration.
fn run_elsewhere(folder: &Path, arguments: &[&str]) -> Answer {
    std::fs::create_dir_all(folder).unwrap();
    let mut command = Command::new(program());
    command.current_dir(folder).env_remove("PORTCULLIS_CONFIG").stdin(Stdio::null());
    support::answer(command.args(["--format", "json"]).args(arguments).output().unwrap())
}

#[test]
fn a_submitter_who_is_not_enrolled_or_may_not_submit_is_refused() {
    let world = World::new();
    let (us, _) = world.pair();
    let file = world.product("WHO", BANNER, PORTION);
    us.run(&["officer", "new-key", &us.key("ghost")]).expect(0);
    let ghost = submit(&us, &file, "ghost").expect(1);
    assert!(ghost.stderr.contains("is not enrolled"), "{}", ghost.stderr);
    let officer = submit(&us, &file, "exercise-officer-1").expect(1);
    assert!(officer.stderr.contains("the role `originator` is required"), "{}", officer.stderr);
    us.run(&[&["submit", &file], &TERMS[..]].concat()).expect(2);
    assert!(us.run(&["status", "--all"]).expect(0).list("/exchanges").is_empty());
    // The neighbour: whoever is enrolled for it, until they are revoked.
    let request = submit(&us, &file, "exercise-producer").expect(0).text("/request").to_owned();
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        approve(&us, &request, officer).expect(0);
    }
    us.run(&["explain", &request]).expect(0);
    us.run(&["officer", "revoke", "exercise-producer"]).expect(0);
    let explained = us.run(&["explain", &request]).expect(1);
    assert!(explained.stdout.contains("submitter `exercise-producer` is not in office"), "{}", explained.stdout);
    submit(&us, &file, "exercise-producer").expect(1);
}

#[test]
fn a_request_that_is_not_what_its_submitter_signed_is_not_released() {
    for (change, said) in [
        ("UPDATE request SET purpose = 'EXERCISE other'", "another purpose"),
        ("UPDATE request SET precedence = 3", "another precedence"),
        ("UPDATE request SET expires = expires + 1000", "another expiry"),
        ("UPDATE request SET submitter = 'exercise-officer-1'", "another submitter"),
        ("DELETE FROM statement", "is not signed"),
        ("UPDATE statement SET bytes = CAST(x'd28440' AS BLOB)", "is not signed"),
    ] {
        let world = World::new();
        let (us, _) = world.pair();
        let file = world.product("ALTERED", BANNER, PORTION);
        let request = submit(&us, &file, "exercise-producer").expect(0).text("/request").to_owned();
        let forecast = |answer: &Answer| answer.stdout.contains(said);
        assert!(!forecast(&us.run(&["explain", &request]).expect(1)));
        sql(&us.folder.join("store/portcullis.db"), change);
        let explained = us.run(&["explain", &request]);
        assert!(explained.status != 0, "{change}: {}", explained.stdout);
        let refused = explained.stdout.contains(said) || explained.stderr.contains("does not match the ledger");
        assert!(refused, "{change}: {}{}", explained.stdout, explained.stderr);
    }
}

#[test]
fn a_submission_that_was_signed_elsewhere_is_taken_in_once_for_the_product_that_it_names() {
    let world = World::new();
    let (us, them) = world.pair();
    let (file, other) = (world.product("ELSEWHERE", BANNER, PORTION), world.product("OTHER", BANNER, PORTION));
    let description = us.run(&["partner", "export"]).expect(0);
    let terms = |node: &str| {
        json!({
            "node": node, "ledger_key": description.text("/ledger_key"), "submitter": "exercise-producer",
            "partners": ["exercise-gbr"], "purpose": "EXERCISE", "legal_basis": "EXERCISE", "policy_basis": "EXERCISE",
            "expires": "2126-01-01T00:00:00Z", "precedence": "ROUTINE",
        })
    };
    let mut asked = terms("exercise-usa");
    let later = SystemClock.now().plus(std::time::Duration::from_secs(20 * 3600));
    asked["expires"] = later.to_string().into();
    let place = world.path("producer");
    let sign = |name: &str, asked: &serde_json::Value, key: &str| {
        let (terms, signed) = (world.file(&format!("{name}.json"), &asked.to_string()), world.path(name));
        let signed = signed.display().to_string();
        run_elsewhere(&place, &["submit", &file, "--terms", &terms, "--key", &world.key(key), "--out", &signed])
            .expect(0);
        signed
    };
    let signed = sign("signed", &asked, "exercise-producer");
    let refused = us.run(&["submit", &other, "--signed", &signed]).expect(1);
    assert!(refused.stderr.contains("another product"), "{}", refused.stderr);
    let opened = us.run(&["submit", &file, "--signed", &signed]).expect(0);
    let again = us.run(&["submit", &file, "--signed", &signed]).expect(1);
    assert!(again.stderr.contains("processed before"), "{}", again.stderr);
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        approve(&us, opened.text("/request"), officer).expect(0);
    }
    us.run(&["explain", opened.text("/request")]).expect(0);
    // Signed by somebody else than it names; for another node; for longer than a release may last.
    let by_officer = sign("by-officer", &asked, "exercise-officer-1");
    assert!(
        us.run(&["submit", &file, "--signed", &by_officer]).expect(1).stderr.contains("not signed by its submitter")
    );
    let mut for_them = asked.clone();
    for_them["node"] = them.name.as_str().into();
    let for_them = sign("for-them", &for_them, "exercise-producer");
    assert!(us.run(&["submit", &file, "--signed", &for_them]).expect(1).stderr.contains("another node"));
    let too_long = sign("too-long", &terms("exercise-usa"), "exercise-producer");
    assert!(!us.run(&["submit", &file, "--signed", &too_long]).expect(1).list("/faults").is_empty());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_signed_submission_names_the_originator_that_its_product_does_and_is_taken_in_for_a_day() {
    let world = World::new();
    let (us, _) = world.pair();
    let product = std::fs::read(world.product("SIGNED", BANNER, PORTION)).unwrap();
    let signer = signer_from(Path::new(&us.key("exercise-producer"))).unwrap();
    let signed_at = SystemClock.now().plus(Duration::from_secs(60));
    // What comes of a submission so long after it was signed.
    let submitted = |number: u8, originator: &str, after: Duration| {
        let node = us.open_at(signed_at.plus(after));
        let terms = Terms {
            request: RequestId::new(signed_at, [number; 10]),
            submitter: "exercise-producer".parse().unwrap(),
            originator: originator.into(),
            purpose: "EXERCISE".into(),
            legal_basis: "EXERCISE".into(),
            policy_basis: "EXERCISE".into(),
            expires: signed_at.plus(Submission::LIFE * 2),
            objective: None,
            engages: false,
            supports_outcome: false,
            precedence: Precedence::Routine,
            supersedes: None,
        };
        let submission = Submission {
            node: us.name.parse().unwrap(),
            instance: node.instance(),
            product: Digest::of(&product),
            partners: ["exercise-gbr".parse().unwrap()].into(),
            from_tearline: 0,
            terms,
            given_at: signed_at,
        };
        let signed = Signed::sign(submission, &signer).unwrap();
        block_on(async {
            let outcome = node.submit_signed(&product, None, signed.bytes(), &mut TextAlone(Vec::new())).await;
            node.store().close().await;
            outcome.map_err(|error| error.to_string())
        })
    };
    let originator = "EXERCISE Directorate";
    match submitted(1, "EXERCISE somebody else", Duration::ZERO).unwrap() {
        SubmitOutcome::Refused { faults, .. } => {
            assert!(faults[0].contains("the originator in the submission differs"), "{faults:?}")
        }
        SubmitOutcome::Open(opened) => panic!("taken in: {opened:?}"),
    }
    for (number, after) in [(2, Duration::ZERO), (3, Submission::LIFE)] {
        let outcome = submitted(number, originator, after).unwrap();
        assert!(matches!(outcome, SubmitOutcome::Open(_)), "{after:?}: {outcome:?}");
    }
    let late = submitted(4, originator, Submission::LIFE + Duration::from_millis(1)).unwrap_err();
    assert!(late.contains("expired at"), "{late}");
}

/// What comes of enrolling somebody of this name, whom two officers sign for.
fn enrolled(world: &World, us: &Node, id: &str, name: &str, declared: Declared) -> Result<(), String> {
    let appoint = AppointmentRequest {
        name: Some(name.into()),
        declared: Some(declared),
        ..world.appointed(id, Role::DisclosureOfficer)
    };
    let node = us.open_live();
    let proposed = block_on(async {
        let mut wanted =
            ChangeRequest::new("operator", "EXERCISE", SystemClock.now().plus(std::time::Duration::from_secs(600)));
        wanted.officers.push(appoint.clone());
        let proposed = node.propose(wanted).await.map(drop).map_err(|e| e.to_string());
        node.store().close().await;
        proposed
    });
    if proposed.is_ok() {
        world.decided(us, |wanted| wanted.officers.push(appoint));
    }
    proposed
}

#[test]
fn people_with_names_that_look_alike_are_one_until_it_is_declared_otherwise() {
    let world = World::new();
    let (us, _) = world.pair();
    let distinct = |id: &str| Declared { distinct_from: [id.parse().unwrap()].into(), ..Declared::default() };
    let same = |id: &str| Declared { same_as: [id.parse().unwrap()].into(), ..Declared::default() };
    // In Cyrillic letters, in wide ones, with accents, run together, and in another order.
    for name in [
        "EXERCISE ex\u{435}r\u{441}is\u{435}-\u{43e}ffi\u{441}er-1",
        "\u{ff25}XERCISE exercise-officer-1",
        "EXERCISE \u{e9}xercise-officer-1",
        "exerciseexerciseofficer1",
        "officer 1, exercise (EXERCISE)",
    ] {
        let refused = enrolled(&world, &us, "exercise-twin", name, Declared::default()).unwrap_err();
        assert!(refused.contains("have names that read alike"), "{name}: {refused}");
    }
    let namesake = "EXERCISE Exercise Officer 1";
    assert!(enrolled(&world, &us, "exercise-twin", namesake, distinct("exercise-nobody")).is_err());
    enrolled(&world, &us, "exercise-twin", namesake, distinct("exercise-officer-1")).unwrap();
    // Somebody who left comes back, and is declared to be the same.
    us.run(&["officer", "revoke", "exercise-officer-2"]).expect(0);
    let name = "EXERCISE exercise-officer-2";
    assert!(enrolled(&world, &us, "exercise-returned", name, Declared::default()).is_err());
    enrolled(&world, &us, "exercise-returned", name, same("exercise-officer-2")).unwrap();
    us.run(&["ledger", "verify"]).expect(0);
    // What is declared is on record as what two officers signed.
    sql(&us.folder.join("store/portcullis.db"), "UPDATE officer SET declared = '{}' WHERE id = 'exercise-twin'");
    us.run(&["ledger", "verify"]).expect(1);
}

/// A request for a product with an attachment beside its text, by a submitter who may submit.
fn with_attachment(world: &World, us: &Node) -> String {
    let folder = world.path("package");
    std::fs::create_dir_all(folder.join("attachments")).unwrap();
    let table = "name,count\nEXERCISE ship,3\n";
    let digest = portcullis::digest::Digest::of(table.as_bytes());
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-SHIPS-1\nTitle: (U) EXERCISE offline\nOriginator: (U) EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\n\nSECRET//NOFORN\n\n(S//NF) EXERCISE source that stays.\n\n{}\n\n{BANNER}\n\
         Title: (U) EXERCISE offline\n\n{PORTION} EXERCISE text that goes.\n\n\
         {PORTION} ATTACHMENT ships.csv text/csv {} {digest}\n",
        "-".repeat(72),
        table.len(),
    );
    std::fs::write(folder.join("product.txt"), text).unwrap();
    std::fs::write(folder.join("attachments/ships.csv"), table).unwrap();
    submit(us, folder.to_str().unwrap(), "exercise-producer").expect(0).text("/request").to_owned()
}

#[test]
fn an_officer_signs_an_exported_request_where_no_node_is() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let request = with_attachment(&world, &us);
    let shown = us.run_human(&["request", "show", &request]).expect(0).stdout;
    for expected in ["EXERCISE text that goes", "EXERCISE ship | 3", "NOT-RELEASABLE", "under agreement"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("source that stays") && !shown.contains("ign this"), "{shown}");
    let file = world.path("request.export").display().to_string();
    us.run(&["request", "export", &request, "--out", &file]).expect(0);
    us.run(&["request", "export", &request, "--out", &file]).expect(1);
    let away = world.path("officers-machine");
    let sign = |officer: &str| {
        let (key, signed) = (us.key(officer), world.path(&format!("{officer}.signed")).display().to_string());
        run_elsewhere(&away, &["approve", "--offline", &file, "--yes", "--key", &key, "--out", &signed]).expect(0);
        signed
    };
    let (one, two) = (sign("exercise-officer-1"), sign("exercise-officer-2"));
    assert_eq!(std::fs::read_dir(&away).unwrap().count(), 0, "nothing but what was asked for is left there");
    // Whoever submitted, or may not approve, signs nothing there either; and nobody signs unasked.
    let (key, out) = (us.key("exercise-producer"), world.path("no").display().to_string());
    run_elsewhere(&away, &["approve", "--offline", &file, "--yes", "--key", &key, "--out", &out]).expect(1);
    let key = us.key("exercise-officer-1");
    run_elsewhere(&away, &["approve", "--offline", &file, "--key", &key, "--out", &out]).expect(1);
    assert_eq!(us.run(&["approve", "--import", &one]).expect(0).value["counts"], true);
    let again = us.run(&["approve", "--import", &one]).expect(1);
    assert!(again.stdout.contains("already approved this request"), "{}", again.stdout);
    let second = us.run(&["approve", "--import", &two]).expect(0);
    assert_eq!(second.value.pointer("/exchanges/0/permitted"), Some(&true.into()), "{}", second.stdout);
    us.serve();
    them.serve();
    us.until_state(second.text("/exchanges/0/exchange"), "delivered");
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}

/// `file` with the first `from` in it, which must be there, replaced by as many bytes.
fn altered(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = file.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("`{from}` is not in the file"));
    [&file[..at], to.as_bytes(), &file[at + from.len()..]].concat()
}

#[test]
fn nothing_counts_that_was_signed_on_an_exported_request_which_was_tampered_with() {
    let world = World::new();
    let (us, _) = world.pair();
    let request = with_attachment(&world, &us);
    let place = world.path("request.export");
    us.run(&["request", "export", &request, "--out", place.to_str().unwrap()]).expect(0);
    let good = std::fs::read(&place).unwrap();
    let mut longer = good.clone();
    longer.push(0);
    let tampered = [
        ("version", altered(&good, "REQUEST 1", "REQUEST 2")),
        ("cut", altered(&good, "text that goes", "text that lies")),
        ("mark", altered(&good, "(S//REL TO USA, GBR) EXERCISE", "(C//REL TO USA, GBR) EXERCISE")),
        ("attachment", altered(&good, "EXERCISE ship,3", "EXERCISE ship,9")),
        ("submission", flipped_in(&good, b"application/vnd.portcullis.submission")),
        ("description", altered(&good, "EXERCISE desk", "EXERCISE dusk")),
        ("agreement", altered(&good, "ceiling = \"S\"", "ceiling = \"C\"")),
        ("policy", altered(&good, "@sentence(\"The partner", "@sentence(\"the partner")),
        ("node", altered(&good, "exercise-usa", "exercise-usb")),
        ("instance", other_instance(&us, &good)),
        ("shorter", good[..good.len() - 1].to_vec()),
        ("longer", longer),
        ("empty", Vec::new()),
    ];
    let away = world.path("officers-machine");
    for (what, bytes) in tampered {
        let file = world.path(&format!("{what}.export"));
        std::fs::write(&file, bytes).unwrap();
        let signed = world.path(&format!("{what}.signed")).display().to_string();
        let key = us.key("exercise-officer-1");
        let sign = ["approve", "--offline", file.to_str().unwrap(), "--yes", "--key", &key, "--out", &signed];
        if run_elsewhere(&away, &sign).status == 0 {
            // What was shown is what was signed, and that is not what the node has.
            let imported = us.run(&["approve", "--import", &signed]).expect(1);
            assert!(!imported.list("/void").is_empty(), "{what}: {}{}", imported.stdout, imported.stderr);
            assert!(["description", "agreement", "policy"].contains(&what), "{what} was signed");
        } else {
            assert!(!Path::new(&signed).exists(), "{what}");
        }
    }
    let status = us.run(&["explain", &request]);
    assert!(status.stdout.contains("awaiting approval: 0 of 2"), "{}", status.stdout);
    // The neighbour: as it was written, it counts; and altered on its way back it does not.
    let (key, signed) = (us.key("exercise-officer-1"), world.path("good.signed").display().to_string());
    let sign = ["approve", "--offline", place.to_str().unwrap(), "--yes", "--key", &key, "--out", &signed];
    run_elsewhere(&away, &sign).expect(0);
    let mut bytes = std::fs::read(&signed).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    let bad = world.path("bad.signed");
    std::fs::write(&bad, bytes).unwrap();
    us.run(&["approve", "--import", bad.to_str().unwrap()]).expect(1);
    us.run(&["approve", "--import", &signed]).expect(0);
}

/// `file` as if another node of the same name had written it: with one bit flipped of the fingerprint of its ledger's key.
fn other_instance(us: &Node, file: &[u8]) -> Vec<u8> {
    let print = us.run(&["partner", "fingerprint"]).expect(0);
    let own = hex::decode(print.text("/ledger_key")).unwrap();
    let at = file.windows(own.len()).position(|window| window == own).expect("the file names the node");
    let mut file = file.to_vec();
    file[at] ^= 1;
    file
}

/// `file` with one bit of what follows `after` flipped.
fn flipped_in(file: &[u8], after: &[u8]) -> Vec<u8> {
    let at = file.windows(after.len()).position(|window| window == after).expect("it is there");
    let mut file = file.to_vec();
    file[at + after.len() + 200] ^= 1;
    file
}

#[test]
fn a_record_that_is_wrong_excludes_its_officer_and_nobody_else() {
    use portcullis::ledger::{Entry, EntryKind};
    use portcullis::store::{Commit, Officer};
    let world = World::new();
    let (us, _them) = world.pair();
    let bad: portcullis::ident::OfficerId = "exercise-bad".parse().unwrap();
    let opened = us.open_live();
    support::block_on(async {
        let good = opened.store().officer(&"exercise-officer-1".parse().unwrap()).await.unwrap().unwrap();
        // A name without letters, which nothing enrols any more.
        let row = Officer {
            id: bad.clone(),
            name: "--".into(),
            public_key: world.public_key("exercise-bad"),
            added: opened.now(),
            version: portcullis::store::Version::NEW,
            ..good
        };
        let entry = Entry::new(opened.now(), EntryKind::OfficerAdded, &bad, "operator");
        opened.store().commit(Commit::new().change(row).entry(entry)).await.unwrap();
        opened.store().close().await;
    });
    let product = world.product("EXCLUDED", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let request = submit(&us, &product, "exercise-producer").expect(0).text("/request").to_owned();
    approve(&us, &request, "exercise-bad").expect(1);
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        approve(&us, &request, officer).expect(0);
    }
    us.run(&["explain", &request]).expect(0);
    // Others are enrolled meanwhile, and an operator ends what is wrong.
    world.officer(&us, "exercise-officer-3", "disclosure-officer");
    us.run(&["officer", "revoke", "exercise-bad"]).expect(0);
    let opened = us.open_live();
    let said = support::block_on(async {
        let entries = opened.store().entries_about(bad.as_str()).await.unwrap();
        opened.store().close().await;
        entries.into_iter().filter(|recorded| recorded.entry.kind() == EntryKind::Alarm).count()
    });
    assert_eq!(said, 1, "an alarm is on record, once");
    us.run(&["ledger", "verify"]).expect(0);
}
