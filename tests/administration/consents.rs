//! Consents of sources, and what partners sent: nothing of another's goes on without their consent, on record for
//! exactly this product and partner.

use crate::support::{Answer, Node, World, agreement, block_on};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::digest::Digest;
use portcullis::partner::{Agreement, Description};
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

const FOREIGN: (&str, &str) = ("SECRET//FGI DEU//REL TO USA, DEU, GBR", "(S//FGI DEU//REL TO USA, DEU, GBR)");
const OURS: (&str, &str) = ("SECRET//REL TO USA, DEU, GBR", "(S//REL TO USA, DEU, GBR)");
/// Forty words that nobody else would put in this order.
const THEIRS: &str = "EXERCISE: on the fourth day of the fictitious regatta three grey tugs towed an empty barge past the old \
                      lighthouse while the harbour master counted seventeen gulls, two seals and one bicycle that somebody had \
                      left leaning against the customs shed.";

/// The text of a consent of `source` that something goes on to `partners`, covering what `covers` says.
fn consent(source: &str, partners: &str, covers: &str) -> String {
    let today = SystemClock.now().date();
    format!(
        "condition = \"FGI-CONSENT\"\nsource = \"{source}\"\nconsented_by = \"EXERCISE liaison office, head of release\"\n\
         reference = \"EXERCISE-REF-7\"\npartners = [{partners}]\nvalid_from = {today}\nvalid_until = {}\n\
         [covers]\n{covers}\n",
        today.checked_add(jiff::Span::new().days(30)).unwrap()
    )
}

/// Two officers put a consent on record.
fn record(world: &World, node: &Node, name: &str, text: &str) {
    let file = world.file(&format!("{name}.toml"), text);
    world.changed(node, &["--consent".to_owned(), format!("{name}={file}")]);
}

fn product(world: &World, id: &str, (banner, portion): (&str, &str), text: &str) -> String {
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-{id}\nTitle: (U) EXERCISE {id}\nOriginator: (U) EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\nSubjects: (U) exercise\nContact: (U) EXERCISE desk\n\n{banner}\n\n\
         {portion} {text}\n"
    );
    world.file(&format!("{id}.txt"), &text)
}

/// A small table as an attachment.
fn table() -> String {
    let (digest, content) = (
        "cd87498b16c41bc01185b64ad5c411227ad75c71a2e097ec63d46b8873fc658b",
        "RVhFUkNJU0UgcGxhY2UsRVhFUkNJU0UgY291bnQKaGFyYm91ciwxNwpsaWdodGhvdXNlLDIK",
    );
    format!("{} BEGIN ATTACHMENT counts.csv text/csv 54 {digest}\n{content}\nEND ATTACHMENT", OURS.1)
}

fn described(node: &Node) -> Description {
    Description::parse(&node.run(&["partner", "export"]).expect(0).stdout).unwrap()
}

fn submit(node: &Node, file: &str, to: &str) -> Answer {
    node.run(&[
        "submit",
        file,
        "--key",
        &node.key("exercise-producer"),
        "--to",
        to,
        "--purpose",
        "EXERCISE",
        "--expires",
        "1d",
    ])
}

fn approve(world: &World, node: &Node, request: &str) {
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        node.run(&["approve", "--yes", "--key", &world.key(officer), request]).expect(0);
    }
}

#[test]
fn an_agreement_that_still_carries_a_standing_consent_is_refused_and_says_what_to_do() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let description = world.file("gbr.json", &them.run(&["partner", "export"]).expect(0).stdout);
    for name in ["FGI-CONSENT", "ORCON-LIST"] {
        let text = agreement("USA", "GBR", &[("accreditations", &format!("[\"{name}\"]"))]);
        let file = world.file("standing.toml", &text);
        let out = world.path("standing.json").display().to_string();
        let refused = us.run(&["partner", "add", &description, "--agreement", &file, "--out", &out]);
        assert_ne!(refused.status, 0);
        assert!(refused.stderr.contains(name) && refused.stderr.contains("--consent"), "{}", refused.stderr);
    }
}

#[test]
fn what_another_government_gave_goes_with_its_consent_for_this_product_alone_and_the_decision_names_it() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let file = product(&world, "FOREIGN", FOREIGN, "EXERCISE text of another government.");
    let refused = submit(&us, &file, "exercise-gbr").expect(1);
    assert!(refused.stdout.contains("CONDITION:FGI-CONSENT"), "{}", refused.stdout);
    let gbr = "\"exercise-gbr\"";
    record(&world, &us, "other-product", &consent("DEU", gbr, "product = \"EXERCISE-OTHER\""));
    record(&world, &us, "other-source", &consent("FRA", gbr, "product = \"EXERCISE-FOREIGN\""));
    submit(&us, &file, "exercise-gbr").expect(1);
    // Nothing is put on record that nothing could rest on.
    for (source, said) in [
        ("QQQ", "is not a code in the marking register"),
        ("DEUX", "is not a code in the marking register"),
        ("FVEY", "group of countries"),
        ("USA", "our own code"),
    ] {
        let wrong = world.file("wrong.toml", &consent(source, gbr, "product = \"EXERCISE-FOREIGN\""));
        let out = world.path("wrong.json").display().to_string();
        let refused = us.run(&["change", "propose", "--consent", &format!("wrong={wrong}"), "--out", &out]).expect(1);
        assert!(refused.stderr.contains(said), "{source}: {}", refused.stderr);
    }
    // Nor one that has ended.
    let (today, last) = (SystemClock.now().date(), SystemClock.now().date().checked_add(jiff::Span::new().days(30)));
    let ended = consent("DEU", gbr, "product = \"EXERCISE-FOREIGN\"").replace(&today.to_string(), "2026-01-01");
    let ended = world.file("ended.toml", &ended.replace(&last.unwrap().to_string(), "2026-01-31"));
    let out = world.path("ended.json").display().to_string();
    let refused = us.run(&["change", "propose", "--consent", &format!("ended={ended}"), "--out", &out]).expect(1);
    assert!(refused.stderr.contains("it ended on 2026-01-31"), "{}", refused.stderr);
    // A group of countries that is a partner speaks for what it sends.
    let group = world.made("exercise-cmf", "AUS", "cnsa2");
    let group = Description { code: "CMFC".into(), ..described(&group) };
    let terms = Agreement::parse(&agreement("USA", "CMFC", &[("kind", "\"organisation\"")])).unwrap();
    let sent = consent("CMFC", gbr, "product = \"EXERCISE-FOREIGN\"");
    let file_of = |name: &str| format!("{name}={}", world.file("sent.toml", &sent));
    let out = world.path("sent.json").display().to_string();
    us.run(&["change", "propose", "--consent", &file_of("sent"), "--out", &out]).expect(1);
    world.decided(&us, |wanted| {
        wanted.partners.push(group.clone());
        wanted.agreements.insert(group.node.clone().into(), terms);
    });
    us.run(&["change", "propose", "--consent", &file_of("sent"), "--out", &out]).expect(0);
    record(&world, &us, "foreign", &consent("DEU", gbr, "product = \"EXERCISE-FOREIGN\""));
    let submitted = submit(&us, &file, "exercise-gbr").expect(0);
    let (request, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    let review = block_on(us.open().review(&request.parse().unwrap())).unwrap();
    assert!(review.cuts[0].consents[0].contains("EXERCISE-REF-7"), "{:?}", review.cuts[0].consents);
    approve(&world, &us, request);
    us.serve();
    them.serve();
    us.until_state(exchange, "delivered");
    let listed = us.run(&["consent", "show", "foreign"]).expect(0);
    let history = us.run(&["ledger", "show", "--limit", "500"]).expect(0);
    let named = history.value.to_string();
    let decided =
        history.list("/entries").iter().find(|e| e["kind"] == "release.decided").expect("a decision").to_string();
    assert!(decided.contains(listed.text("/digest")), "the decision does not name its consent: {decided} in {named}");
    let explained = us.run(&["explain", exchange]);
    assert!(explained.stdout.contains("foreign: FGI-CONSENT for `DEU`"), "{}", explained.stdout);
}

#[test]
fn a_withdrawn_consent_holds_what_waits_and_one_that_is_withdrawn_stays_so() {
    let world = World::new();
    let (mut us, _them) = world.pair();
    record(&world, &us, "foreign", &consent("DEU", "\"exercise-gbr\"", "kind = \"report\""));
    let file = product(&world, "FOREIGN", FOREIGN, "EXERCISE text of another government.");
    let submitted = submit(&us, &file, "exercise-gbr").expect(0);
    let (request, exchange) = (submitted.text("/request"), submitted.text("/exchanges/0/exchange"));
    approve(&world, &us, request);
    us.serve();
    us.until_state(exchange, "queued");
    us.run(&["consent", "withdraw", "foreign", "--why", "EXERCISE: the source asked for it"]).expect(0);
    us.until_state(exchange, "held");
    assert_eq!(us.run(&["consent", "show", "foreign"]).expect(1).text("/standing"), "withdrawn");
    us.run(&["consent", "withdraw", "foreign", "--why", "EXERCISE"]).expect(1);
    submit(&us, &product(&world, "SECOND", FOREIGN, "EXERCISE second text."), "exercise-gbr").expect(1);
}

#[test]
fn a_consent_outlives_a_renewal_of_its_partner_and_ends_with_its_enrolment_its_keys_or_its_code() {
    let world = World::new();
    let (us, them) = world.pair();
    let enrol = |description: &Description| {
        let terms = Agreement::parse(&agreement("USA", &description.code, &[])).unwrap();
        world.decided(&us, |wanted| {
            wanted.partners.push(description.clone());
            wanted.agreements.insert(description.node.clone().into(), terms);
        });
    };
    let marks = ("SECRET//FGI DEU//REL TO USA, DEU, GBR, NZL", "(S//FGI DEU//REL TO USA, DEU, GBR, NZL)");
    let file = product(&world, "FOREIGN", marks, "EXERCISE text of another government.");
    let consented = |name: &str| {
        record(&world, &us, name, &consent("DEU", "\"exercise-gbr\"", "kind = \"report\""));
        submit(&us, &file, "exercise-gbr").expect(0);
    };
    let wants_consent = |ended: &str| {
        let refused = submit(&us, &file, "exercise-gbr").expect(1);
        assert!(refused.stdout.contains("CONDITION:FGI-CONSENT"), "{}", refused.stdout);
        assert_eq!(us.run(&["consent", "show", ended]).expect(1).text("/standing"), "withdrawn");
    };
    let theirs = described(&them);
    consented("first");
    // A new authority with the keys that it had is a renewal.
    let elsewhere = World::new();
    let other = described(&elsewhere.made("exercise-gbr", "GBR", "cnsa2"));
    let (ca_certificate, revocation_list) = (other.ca_certificate.clone(), other.revocation_list.clone());
    enrol(&Description { ca_certificate, revocation_list, ..theirs.clone() });
    submit(&us, &file, "exercise-gbr").expect(0);
    // Nothing but new keys is somebody else, for all that is known.
    let third = World::new();
    enrol(&described(&third.made("exercise-gbr", "GBR", "cnsa2")));
    wants_consent("first");
    consented("second");
    world.proposed(&us, &["partner", "remove", "exercise-gbr", "--why", "EXERCISE"]);
    let fourth = World::new();
    let newcomer = described(&fourth.made("exercise-gbr", "NZL", "cnsa2"));
    enrol(&newcomer);
    wants_consent("second");
    consented("third");
    enrol(&Description { code: "GBR".into(), ..newcomer });
    wants_consent("third");
    us.run(&["ledger", "verify"]).expect(0);
}

/// Us, a partner that sent us what `text` says with a table, and another that may have it by its marks.
fn received(world: &World, text: &str) -> (Node, Node, String) {
    received_with(world, text, &[])
}

/// The same, where our policy has `texts` before it comes.
fn received_with(world: &World, text: &str, texts: &[(&str, &str)]) -> (Node, Node, String) {
    let (mut us, mut deu, gbr) =
        (world.node("exercise-usa", "USA"), world.node("exercise-deu", "DEU"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &gbr, &[]);
    world.enrol(&us, &deu, &[]);
    world.enrol(&deu, &us, &[]);
    world.officers(&us);
    world.officers(&deu);
    if !texts.is_empty() {
        world.change(&us, texts);
    }
    let file = product(world, "THEIRS", OURS, &format!("{text}\n\n{}", table()));
    let submitted = submit(&deu, &file, "exercise-usa").expect(0);
    approve(world, &deu, submitted.text("/request"));
    let exchange = submitted.text("/exchanges/0/exchange").to_owned();
    us.serve();
    deu.serve();
    deu.until_state(&exchange, "delivered");
    (us, deu, exchange)
}

#[test]
fn what_one_partner_sent_goes_to_another_with_its_consent_alone_whatever_its_marks_say() {
    let world = World::new();
    let (mut us, _deu, exchange) = received(&world, THEIRS);
    let refuses = |file: &str| {
        let refused = submit(&us, file, "exercise-gbr").expect(1);
        for said in ["received-from-another", &exchange, "exercise-deu"] {
            assert!(refused.stdout.contains(said), "no `{said}` in {}", refused.stdout);
        }
    };
    // The paragraph as it came, in disguise, and a long run of it; the attachment.
    refuses(&product(&world, "WHOLE", OURS, THEIRS));
    refuses(&product(&world, "DISGUISED", OURS, &THEIRS.to_uppercase().replace("TOWED", "TO-WED").replace(',', " /")));
    refuses(&product(&world, "TABLE", OURS, &format!("EXERCISE: our own words.\n\n{}", table())));
    let words: Vec<&str> = THEIRS.split(' ').collect();
    let run = |words: &[&str]| format!("EXERCISE: we have heard that {} and nothing else.", words.join(" "));
    refuses(&product(&world, "RUN", OURS, &run(&words[4..29])));
    // Back to whoever sent it.
    submit(&us, &product(&world, "BACK", OURS, THEIRS), "exercise-deu").expect(0);
    // A shorter run is shown to the officers with its origin, and they sign it.
    let short = submit(&us, &product(&world, "SHORT", OURS, &run(&words[4..20])), "exercise-gbr").expect(0);
    let shown = us.run(&["explain", short.text("/request")]);
    assert!(shown.stdout.contains("16 words in a row") && shown.stdout.contains(&exchange), "{}", shown.stdout);
    // Their consent lets the whole go, once it is on record.
    let file = product(&world, "CONSENTED", OURS, THEIRS);
    refuses(&file);
    record(&world, &us, "regatta", &consent("DEU", "\"exercise-gbr\"", "product = \"EXERCISE-CONSENTED\""));
    submit(&us, &file, "exercise-gbr").expect(0);
    // What was received is known again after a restart.
    assert!(us.stop(), "{}", us.log_text());
    let again = submit(&us, &product(&world, "AGAIN", OURS, THEIRS), "exercise-gbr").expect(1);
    assert!(again.stdout.contains(&exchange), "{}", again.stdout);
    // Whoever is enrolled under the same name later is somebody else.
    world.proposed(&us, &["partner", "remove", "exercise-deu", "--why", "EXERCISE"]);
    let elsewhere = World::new();
    let namesake = described(&elsewhere.made("exercise-deu", "DEU", "cnsa2"));
    world.decided(&us, |wanted| {
        let terms = Agreement::parse(&agreement("USA", "DEU", &[])).unwrap();
        wanted.agreements.insert(namesake.node.clone().into(), terms);
        wanted.partners.push(namesake);
    });
    let back = submit(&us, &product(&world, "NAMESAKE", OURS, THEIRS), "exercise-deu").expect(1);
    assert!(back.stdout.contains(&exchange), "{}", back.stdout);
}

#[test]
fn what_lies_in_quarantine_is_known_again_before_anybody_admits_it() {
    let world = World::new();
    let list = "PORTCULLIS WORDS 1\nName: exercise\nMarking: UNCLASSIFIED\n\nEXERCISE text of LISTED\n";
    let text = format!("{THEIRS}\n\n{} EXERCISE text of LISTED.", OURS.1);
    let (us, _deu, exchange) = received_with(&world, &text, &[("words/exercise.txt", list)]);
    let shown = us.run(&["inbox", "quarantine", "show", &exchange, "--content"]).expect(0);
    assert!(shown.stdout.contains("regatta"), "{}", shown.stdout);
    for (id, text) in [("WHOLE", THEIRS.to_owned()), ("TABLE", format!("EXERCISE: our own words.\n\n{}", table()))] {
        let refused = submit(&us, &product(&world, id, OURS, &text), "exercise-gbr").expect(1);
        for said in ["received-from-another", &exchange, "exercise-deu"] {
            assert!(refused.stdout.contains(said), "no `{said}` in {}", refused.stdout);
        }
    }
    submit(&us, &product(&world, "OURS", OURS, "EXERCISE: our own words."), "exercise-gbr").expect(0);
}

#[test]
fn what_a_partner_wrote_is_known_again_in_lines_of_the_head_and_in_names_of_files() {
    let world = World::new();
    let (us, _deu, exchange) = received(&world, THEIRS);
    let words: Vec<&str> = THEIRS.split(' ').collect();
    let text = std::fs::read_to_string(product(&world, "HEAD", OURS, "EXERCISE: our own words.")).unwrap();
    let text = text
        .replace("Title: (U) EXERCISE HEAD", &format!("Title: (U) {}", words[4..9].join(" ")))
        .replace("Subjects: (U) exercise", &format!("Subjects: (U) {}", words[9..16].join(" ")));
    let content = "EXERCISE a,EXERCISE b\n1,2\n";
    let (digest, base64) = (Digest::of(content.as_bytes()), STANDARD.encode(content));
    let name = format!("{}.csv", words[1..9].join("-"));
    let named = format!(
        "EXERCISE: our own words.\n\n{} BEGIN ATTACHMENT {name} text/csv {} {digest}\n{base64}\nEND ATTACHMENT",
        OURS.1,
        content.len()
    );
    for (file, said) in [
        (world.file("head.txt", &text), "12 words in a row"),
        (product(&world, "NAME", OURS, &named), "8 words in a row"),
    ] {
        let submitted = submit(&us, &file, "exercise-gbr").expect(0);
        let shown = us.run(&["explain", submitted.text("/request")]);
        assert!(shown.stdout.contains(said) && shown.stdout.contains(&exchange), "{said}: {}", shown.stdout);
    }
    // The neighbour: a head and a name of our own.
    let ours = product(&world, "OURS", OURS, &named.replace(&name, "counts.csv"));
    let submitted = submit(&us, &ours, "exercise-gbr").expect(0);
    let shown = us.run(&["explain", submitted.text("/request")]);
    assert!(!shown.stdout.contains("words in a row"), "{}", shown.stdout);
}

#[test]
fn words_that_left_here_first_are_not_a_partners_because_it_sends_them_back() {
    let world = World::new();
    let (mut us, mut deu) = (world.node("exercise-usa", "USA"), world.node("exercise-deu", "DEU"));
    let gbr = world.node("exercise-gbr", "GBR");
    world.enrol(&us, &gbr, &[]);
    world.enrol(&us, &deu, &[]);
    world.enrol(&deu, &us, &[]);
    world.officers(&us);
    world.officers(&deu);
    us.serve();
    deu.serve();
    let submitted = submit(&us, &product(&world, "FIRST", OURS, THEIRS), "exercise-deu").expect(0);
    approve(&world, &us, submitted.text("/request"));
    us.until_state(submitted.text("/exchanges/0/exchange"), "delivered");
    // They may quote us back to ourselves.
    let quoted = submit(&deu, &product(&world, "QUOTED", OURS, THEIRS), "exercise-usa").expect(0);
    approve(&world, &deu, quoted.text("/request"));
    deu.until_state(quoted.text("/exchanges/0/exchange"), "delivered");
    submit(&us, &product(&world, "SECOND", OURS, THEIRS), "exercise-gbr").expect(0);
}
