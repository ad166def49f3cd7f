//! What failed a check on its way in is let into the inbox by an officer's signed word for exactly that, and by nothing
//! else.

use crate::support::{Node, World, block_on};
use portcullis::approval::{ContextFault, NoAuthority, QuarantineAdmission, Quarantined, Role, VerificationContext};
use portcullis::config::signer_from;
use portcullis::digest::Digest;
use portcullis::gateway::GatewayError;
use portcullis::ident::ExchangeId;
use portcullis::sign::{Signed, Signer as _};
use portcullis::system::SystemClock;
use portcullis::time::{Clock as _, Time};

/// Two nodes, the second with officers; one exchange is in its quarantine because of a word that only it lists.
fn world() -> (World, Node, Node, String) {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    // The same people are officers at both nodes, each with the one key.
    world.officers(&them);
    let list = "PORTCULLIS WORDS 1\nName: exercise\nMarking: UNCLASSIFIED\n\nEXERCISE text of LISTED\n";
    world.change(&them, &[("words/exercise.txt", list)]);
    let file = world.product("LISTED", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let exchange = world.release(&us, &[file], "exercise-gbr").text("/exchanges/0/exchange").to_owned();
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
    (world, us, them, exchange)
}

fn release<'a>(exchange: &'a str, key: &'a str) -> [&'a str; 8] {
    ["inbox", "quarantine", "release", exchange, "--key", key, "--why", "EXERCISE: the word is ours"]
}

#[test]
fn an_officer_releases_what_is_in_quarantine_once_and_the_ledger_holds_the_statement() {
    let (world, _us, them, exchange) = world();
    let listed = them.run(&["inbox", "quarantine", "list"]).expect(0);
    assert_eq!(listed.text("/items/0/exchange"), exchange);
    let shown = them.run(&["inbox", "quarantine", "show", &exchange]).expect(0);
    assert!(shown.text("/verdicts/0").contains("words.listed"), "{}", shown.stdout);
    assert!(!shown.stdout.contains("text of LISTED"), "content is shown only where it is asked for");
    assert!(them.run(&["inbox", "quarantine", "show", &exchange, "--content"]).expect(0).stdout.contains("LISTED"));
    let out = world.path("taken.txt").display().to_string();
    them.run(&["inbox", "take", &exchange, "--out", &out]).expect(1);

    // An originator holds no role that admits, and nobody knows a key made a moment ago.
    let refused = them.run(&release(&exchange, &world.key("exercise-producer"))).expect(1);
    assert!(refused.stderr.contains("disclosure officer"), "{}", refused.stderr);
    let stranger = world.path("stranger.key").display().to_string();
    them.run(&["officer", "new-key", &stranger]).expect(0);
    them.run(&release(&exchange, &stranger)).expect(1);
    them.run(&["officer", "revoke", "exercise-officer-2"]);
    let officers = them.run(&["officer", "list"]).expect(0);
    assert!(officers.stdout.contains("revoked"), "{}", officers.stdout);
    let refused = them.run(&release(&exchange, &world.key("exercise-officer-2"))).expect(1);
    assert!(refused.stderr.contains("is not in office"), "{}", refused.stderr);
    let mut empty = release(&exchange, "").map(str::to_owned);
    empty[5] = world.key("exercise-officer-1");
    empty[7] = String::new();
    them.run(&empty.each_ref().map(String::as_str)).expect(1);
    assert_eq!(them.run(&["inbox", "quarantine", "list"]).expect(0).list("/items").len(), 1, "nothing was released");

    let key = world.key("exercise-officer-1");
    them.run(&release(&exchange, &key)).expect(0);
    let twice = them.run(&release(&exchange, &key)).expect(1);
    assert!(twice.stderr.contains("not in quarantine"), "{}", twice.stderr);
    assert_eq!(
        them.run(&["inbox", "quarantine", "list"]).expect(0).list("/items").len(),
        0,
        "what is out is not listed"
    );
    them.run(&["inbox", "take", &exchange, "--out", &out]).expect(0);
    assert!(std::fs::read_to_string(&out).unwrap().contains("EXERCISE text of LISTED"));
    them.run(&["ledger", "verify"]).expect(0);
    // The ledger alone gives back the statement, whole and verifiable.
    let entries = them.run(&["ledger", "show", "--limit", "500"]).expect(0);
    let mut pieces = std::collections::BTreeMap::new();
    for entry in entries.list("/entries").iter().filter(|e| e["kind"] == "inbox.admitted") {
        for (name, value) in entry["detail"].as_object().unwrap() {
            if name.starts_with("statement-") {
                pieces.insert(name.clone(), value.as_str().unwrap().to_owned());
            }
        }
    }
    let first = entries.list("/entries").iter().find(|e| e["detail"].get("statement-01").is_some()).unwrap();
    assert!(["key", "role", "verdicts"].iter().all(|name| first["detail"].get(*name).is_some()), "{first}");
    let text: String = pieces.into_values().collect();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
    let signer = signer_from(key.as_ref()).unwrap();
    let signed = Signed::<QuarantineAdmission>::verify(&bytes, signer.public()).unwrap();
    assert_eq!(signed.statement().why, "EXERCISE: the word is ours");
}

#[test]
fn refuses_a_statement_for_another_item_other_findings_another_time_or_another_officer() {
    let (world, us, them, exchange) = world();
    let id: ExchangeId = exchange.parse().unwrap();
    let node = them.open();
    let row = block_on(node.store().exchange(&id)).unwrap().unwrap();
    let what = Quarantined {
        exchange: id,
        manifest: Digest::of(row.manifest.as_deref().unwrap()),
        payload: row.payload.unwrap().digest,
        verdicts: Digest::of(row.reason.as_deref().unwrap().as_bytes()),
    };
    let officers = block_on(node.officers()).unwrap();
    let signer = signer_from(world.key("exercise-officer-1").as_ref()).unwrap();
    let good = QuarantineAdmission {
        what,
        officer: "exercise-officer-1".parse().unwrap(),
        role: Role::DisclosureOfficer,
        why: "EXERCISE".into(),
        given_at: node.now(),
        nonce: [7; 16],
        instance: node.instance(),
    };
    let judge = |statement: &QuarantineAdmission| {
        let signed = Signed::sign(statement.clone(), &signer).unwrap();
        let here = VerificationContext { instance: node.instance(), officers: &officers, now: node.now() };
        QuarantineAdmission::verify(signed.bytes(), signer.public(), &good.what, &here).map(|_| ())
    };
    assert_eq!(judge(&good), Ok(()));
    let change = |edit: fn(&mut QuarantineAdmission)| {
        let mut other = good.clone();
        edit(&mut other);
        judge(&other)
    };
    assert_eq!(change(|a| a.what.exchange = ExchangeId::new(Time::EPOCH, [1; 10])), Err(NoAuthority::Other));
    assert_eq!(change(|a| a.what.manifest = Digest::of(b"other")), Err(NoAuthority::Other));
    assert_eq!(change(|a| a.what.payload = Digest::of(b"other")), Err(NoAuthority::Other));
    assert_eq!(change(|a| a.what.verdicts = Digest::of(b"other")), Err(NoAuthority::Other));
    assert_eq!(
        change(|a| a.officer = "exercise-officer-2".parse().unwrap()),
        Err(NoAuthority::Unknown("exercise-officer-2".parse().unwrap()))
    );
    assert_eq!(
        change(|a| a.role = Role::SeniorDisclosureOfficer),
        Err(NoAuthority::RoleNotHeld(Role::SeniorDisclosureOfficer))
    );
    assert_eq!(change(|a| a.why = " ".into()), Err(NoAuthority::Reason));
    assert_eq!(change(|a| a.why = "a\u{1b}[2J".into()), Err(NoAuthority::Reason));
    // Before they were in office, and longer ago than an admission may be under way.
    for at in [Time::EPOCH, node.now().plus(std::time::Duration::from_secs(3600))] {
        let mut other = good.clone();
        other.given_at = at;
        assert!(matches!(judge(&other), Err(NoAuthority::Context(_))), "{at}");
    }
    assert_eq!(change(|a| a.given_at = a.given_at.minus(std::time::Duration::from_millis(1))), Ok(()));
    let mut elsewhere = good.clone();
    elsewhere.instance = us.open().instance();
    assert!(matches!(judge(&elsewhere), Err(NoAuthority::Context(ContextFault::OtherInstance { .. }))));
    // One bit of the signed bytes, and the gateway itself on a statement for something else.
    let signed = Signed::sign(good.clone(), &signer).unwrap();
    let mut flipped = signed.bytes().to_vec();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    assert!(matches!(
        QuarantineAdmission::verify(
            &flipped,
            signer.public(),
            &good.what,
            &VerificationContext { instance: node.instance(), officers: &officers, now: node.now() }
        ),
        Err(NoAuthority::NotSigned(_))
    ));
    let mut other = good.clone();
    other.what.payload = Digest::of(b"other");
    let other = Signed::sign(other, &signer).unwrap();
    let refused = block_on(node.admit_signed(&id, other.bytes(), signer.public()));
    assert!(matches!(refused, Err(GatewayError::Refused(_))));
    // And the neighbour that is taken.
    block_on(node.admit_signed(&id, signed.bytes(), signer.public())).unwrap();
    block_on(node.store().close());
}

#[test]
fn nothing_is_admitted_by_a_clock_in_doubt() {
    let (world, _us, them, exchange) = world();
    let id: ExchangeId = exchange.parse().unwrap();
    let signer = signer_from(world.key("exercise-officer-1").as_ref()).unwrap();
    let admit = |node: &portcullis::gateway::Node| {
        block_on(async {
            let outcome = node.admit_quarantined(&id, "EXERCISE", &signer).await;
            node.store().close().await;
            outcome.map(|_| ()).map_err(|error| error.to_string())
        })
    };
    let now = SystemClock.now();
    let minutes = |n: u64| std::time::Duration::from_secs(60 * n);
    // What is on record by then is two minutes later than what the clock shows.
    let ahead = them.open_at(now.plus(minutes(2)));
    block_on(async {
        ahead.suspend_partner(&"exercise-usa".parse().unwrap(), "EXERCISE").await.unwrap();
        ahead.store().close().await;
    });
    let refused = admit(&them.open_at(now.plus(std::time::Duration::from_secs(59)))).unwrap_err();
    assert!(refused.contains("clock is in doubt"), "{refused}");
    // Its neighbour: a minute may be between two clocks that are right.
    assert_eq!(admit(&them.open_at(now.plus(minutes(1)))), Ok(()));
}
