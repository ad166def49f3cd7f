//! One key, one owner: a key that somebody has or had, or that proves nothing, is nobody else's; and a partner that two
//! officers removed is out, with its keys.

use crate::support::{Answer, Node, World, agreement, block_on};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portcullis::approval::Role;
use portcullis::digest::Digest;
use portcullis::gateway::{AppointmentRequest, ChangeRequest};
use portcullis::ident::NodeId;
use portcullis::ledger::{Entry, EntryKind, LedgerKey, Origin};
use portcullis::partner::{Agreement, Description};
use portcullis::sign::{Algorithm, LocalSigner, Signer as _};
use portcullis::store::{Commit, Partner};

fn described(node: &Node) -> Description {
    Description::parse(&node.run(&["partner", "export"]).expect(0).stdout).unwrap()
}

/// Proposes to enrol a partner that is described so.
fn add(world: &World, us: &Node, description: &Description) -> Answer {
    let file = world.file("newcomer.json", &description.to_json());
    let code = &description.code;
    let terms =
        world.file("newcomer.toml", &agreement(&us.code, code, &[("profile", &format!("{:?}", description.profile))]));
    let out = world.path("newcomer-change.json").display().to_string();
    let _ = std::fs::remove_file(&out);
    let print = description.fingerprint().to_string();
    us.run(&["partner", "add", &file, "--agreement", &terms, "--confirm", &print, "--out", &out])
}

#[track_caller]
fn refused(world: &World, us: &Node, description: &Description, why: &str) {
    let answer = add(world, us, description).expect(1);
    assert!(answer.stderr.contains(why), "expected `{why}`: {}", answer.stderr);
}

/// The same key as the ledger key of another node.
fn ledger_key_of(node: &NodeId, key: &str) -> String {
    let key: LedgerKey = key.parse().unwrap();
    LedgerKey::new(Origin::of_node(node), key.public().clone()).unwrap().to_string()
}

fn alarms(node: &Node, subject: &str) -> Vec<Entry> {
    let opened = node.open_live();
    block_on(async {
        let entries = opened.store().entries_about(subject).await.unwrap();
        opened.store().close().await;
        entries.into_iter().map(|recorded| recorded.entry).filter(|entry| entry.kind() == EntryKind::Alarm).collect()
    })
}

/// How often the server said that a link came up, or went down.
fn links(node: &Node, up: bool) -> usize {
    let state = format!("\"up\":{up}");
    node.log_text().lines().filter(|line| line.contains("link changed") && line.contains(&state)).count()
}

#[test]
fn a_key_that_somebody_has_or_had_is_refused_by_name() {
    let world = World::new();
    let (us, them) = world.pair();
    let newcomer = world.made("exercise-aus", "AUS", "cnsa2");
    let (sound, theirs, ours) = (described(&newcomer), described(&them), described(&us));
    let officer = world.public_key("exercise-officer-1");
    let certificate = |name: &str| std::fs::read_to_string(us.folder.join("certs").join(name)).unwrap();
    let gbr = "of partner `exercise-gbr`";
    let authority = |of: &Description| Description {
        ca_certificate: of.ca_certificate.clone(),
        revocation_list: of.revocation_list.clone(),
        ..sound.clone()
    };
    let signing = |of: &Description| Description { signing_key: of.signing_key.clone(), ..sound.clone() };
    let payload = |of: &Description| Description { payload_recipient: of.payload_recipient.clone(), ..sound.clone() };
    let ledger =
        |of: &Description| Description { ledger_key: ledger_key_of(&sound.node, &of.ledger_key), ..sound.clone() };
    let officers = Description {
        ca_certificate: certificate("officers.pem"),
        revocation_list: certificate("officers-crl.pem"),
        ..sound.clone()
    };
    for (description, why) in [
        (authority(&theirs), format!("already the authority key {gbr}")),
        (signing(&theirs), format!("already the signing key {gbr}")),
        (payload(&theirs), format!("already the payload recipient {gbr}")),
        (ledger(&theirs), format!("already the ledger key {gbr}")),
        (authority(&ours), "already the authority key of this node".to_owned()),
        (officers, "already the officer authority key of this node".to_owned()),
        (signing(&ours), "already the signing key of this node".to_owned()),
        (payload(&ours), "already the payload recipient of this node".to_owned()),
        (ledger(&ours), "already the ledger key of this node".to_owned()),
        (
            Description { signing_key: officer.clone(), ..sound.clone() },
            "already the key of officer `exercise-officer-1`".to_owned(),
        ),
    ] {
        refused(&world, &us, &description, &why);
    }
    add(&world, &us, &sound).expect(0);
    // Nor does an officer get the key of a partner or of the node.
    let appointed = |key: &str| {
        let out = world.path("officer-change.json").display().to_string();
        let add = ["officer", "add", "exercise-other", "--name", "EXERCISE Other", "--role", "originator"];
        us.run(&[&add[..], &["--key", key, "--out", &out]].concat())
    };
    for (key, why) in [(&theirs.signing_key, gbr), (&ours.signing_key, "of this node")] {
        let refused = appointed(&key.to_string()).expect(1);
        assert!(refused.stderr.contains(&format!("already the signing key {why}")), "{}", refused.stderr);
    }
    appointed(&world.public_key("exercise-other").to_string()).expect(0);
    // Two who come with one change are two as well.
    let second = Description { node: "exercise-can".parse().unwrap(), code: "CAN".into(), ..sound.clone() };
    let second = Description { ledger_key: ledger_key_of(&second.node, &described(&them).ledger_key), ..second };
    let opened = us.open_live();
    let proposed = |partners: &[&Description]| {
        let expires = opened.now().plus(std::time::Duration::from_secs(3600));
        let mut wanted = ChangeRequest::new("operator", "EXERCISE", expires);
        for description in partners {
            let terms = Agreement::parse(&agreement("USA", &description.code, &[])).unwrap();
            wanted.agreements.insert(description.node.clone().into(), terms);
            wanted.partners.push((*description).clone());
        }
        block_on(opened.propose(wanted)).map(drop).map_err(|e| e.to_string())
    };
    let both = proposed(&[&sound, &second]).unwrap_err();
    assert!(both.contains("already the authority key of partner `exercise-aus`"), "{both}");
    proposed(&[&sound]).unwrap();
    block_on(opened.store().close());
}

#[test]
fn a_key_of_the_past_stays_its_owners() {
    let world = World::new();
    let (us, them) = world.pair();
    let (newcomer, theirs) = (world.made("exercise-aus", "AUS", "cnsa2"), described(&them));
    let sound = described(&newcomer);
    // The partner is re-keyed, and an officer too.
    let elsewhere = World::new();
    let rekeyed = described(&elsewhere.made("exercise-gbr", "GBR", "cnsa2"));
    let earlier = world.public_key("exercise-officer-1");
    let key = elsewhere.public_key("exercise-officer-1");
    let renewed = AppointmentRequest {
        key: Some(key),
        name: None,
        roles: None,
        ..world.appointed("exercise-officer-1", Role::DisclosureOfficer)
    };
    world.decided(&us, |wanted| {
        wanted.partners.push(rekeyed.clone());
        wanted.officers.push(renewed);
    });
    let with =
        |signing_key: &portcullis::sign::PublicKey| Description { signing_key: signing_key.clone(), ..sound.clone() };
    refused(&world, &us, &with(&theirs.signing_key), "already the signing key of partner `exercise-gbr`");
    refused(&world, &us, &with(&rekeyed.signing_key), "already the signing key of partner `exercise-gbr`");
    refused(&world, &us, &with(&earlier), "already the key of officer `exercise-officer-1`");
    let taken = Description {
        ca_certificate: theirs.ca_certificate.clone(),
        revocation_list: theirs.revocation_list.clone(),
        ..sound.clone()
    };
    refused(&world, &us, &taken, "already the authority key of partner `exercise-gbr`");
    // Its own it may take up again.
    world.decided(&us, |wanted| wanted.partners.push(theirs.clone()));
    add(&world, &us, &sound).expect(0);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn keys_that_prove_nothing_are_not_enrolled() {
    let world = World::new();
    let (us, other) = (world.node("exercise-usa", "USA"), world.made("exercise-aus", "AUS", "cnsa2"));
    let sound = described(&other);
    // 32 zero bytes: what is sealed to them opens for everybody, and the library panics over them.
    let weak = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z".to_owned();
    refused(&world, &us, &Description { payload_recipient: weak, ..sound.clone() }, "weak age recipient");
    let identity = {
        let mut raw = vec![1; 1];
        raw.extend([1].into_iter().chain([0; 31]));
        let origin = Origin::of_node(&sound.node);
        let id = Digest::of(&[origin.as_str().as_bytes(), b"\n", &raw].concat());
        format!("{origin}+{}+{}", hex::encode(&id.as_bytes()[..4]), BASE64.encode(&raw))
    };
    refused(&world, &us, &Description { ledger_key: identity, ..sound.clone() }, "weak Ed25519 key");
    let anothers = ledger_key_of(&"exercise-nzl".parse().unwrap(), &sound.ledger_key);
    refused(&world, &us, &Description { ledger_key: anothers, ..sound.clone() }, "but the ledger is");
    let ed25519 = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
    let classical = Description { signing_key: ed25519.public().clone(), ..sound.clone() };
    refused(&world, &us, &classical, "profile `cnsa2` takes statements signed with `mldsa87`");
    // A key that is all zero behind its seed does not even read.
    let raw = sound.signing_key.raw();
    let zero = format!("mldsa87:{}", BASE64.encode([&raw[..32], &vec![0; raw.len() - 32]].concat()));
    let file = world.file("zero.json", &sound.to_json().replace(&sound.signing_key.to_string(), &zero));
    let read = us.run(&["partner", "fingerprint", &file]).expect(2);
    assert!(read.stderr.contains("weak `mldsa87` public key"), "{}", read.stderr);
    add(&world, &us, &sound).expect(0);
}

#[test]
fn whoever_is_on_record_later_with_anothers_authority_takes_no_link_down() {
    let world = World::new();
    let (mut us, mut them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &them, &[]);
    world.officers(&us);
    world.enrol_undialled(&them, &us);
    us.serve();
    them.serve();
    us.until_logged("\"up\":true");
    // As a store of earlier has it, which took any description that was confirmed.
    let newcomer: NodeId = "exercise-aus".parse().unwrap();
    let theirs = described(&them);
    let description = Description {
        ledger_key: ledger_key_of(&newcomer, &theirs.ledger_key),
        node: newcomer.clone(),
        code: "AUS".into(),
        addresses: Vec::new(),
        ..theirs
    };
    let opened = us.open_live();
    block_on(async {
        let gbr = opened.store().partner(&"exercise-gbr".parse().unwrap()).await.unwrap().unwrap();
        let now = opened.now();
        let row = Partner {
            id: newcomer.clone().into(),
            description: description.to_json().into_bytes(),
            agreement: agreement("USA", "AUS", &[]).into_bytes(),
            added: now,
            changed: now,
            version: portcullis::store::Version::NEW,
            ..gbr
        };
        let entry = Entry::new(now, EntryKind::PartnerAdded, &newcomer, "operator");
        opened.store().commit(Commit::new().change(row).entry(entry)).await.unwrap();
        opened.store().close().await;
    });
    us.until_logged("partner's record cannot be trusted");
    // Whatever is wrong with the newcomer, the other goes on as if it were not there.
    let file = world.product("STAYS", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let released = world.release(&us, &[file], "exercise-gbr");
    us.until_state(released.text("/exchanges/0/exchange"), "delivered");
    us.run(&["partner", "suspend", "exercise-aus"]).expect(0);
    let file = world.product("STILL", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let released = world.release(&us, &[file], "exercise-gbr");
    us.until_state(released.text("/exchanges/0/exchange"), "delivered");
    assert_eq!((links(&us, true), links(&us, false)), (1, 0), "{}", us.log_text());
    let said = alarms(&us, "exercise-aus");
    assert_eq!(said.len(), 1, "{said:?}");
    let why = said[0].detail().get("trust").unwrap();
    assert!(why.contains("`exercise-gbr`, which was enrolled first"), "{why}");
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_partner_that_two_officers_remove_is_out_and_its_keys_stay_its_own() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    world.officers(&them);
    us.serve();
    us.until_serving();
    let banner = ("SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let product = |id: &str| world.product(id, banner.0, banner.1);
    them.serve();
    let delivered =
        world.release(&us, &[product("DELIVERED")], "exercise-gbr").text("/exchanges/0/exchange").to_owned();
    us.until_state(&delivered, "delivered");
    assert!(them.stop());
    let before = links(&us, true);
    let queued = world.release(&us, &[product("QUEUED")], "exercise-gbr").text("/exchanges/0/exchange").to_owned();
    us.until_state(&queued, "queued");
    let terms = ["--purpose", "EXERCISE", "--expires", "1d", "--to", "exercise-gbr", "--key"];
    let key = world.key("exercise-producer");
    let submit = |file: String| us.run(&[&["submit", &file], &terms[..], &[&*key]].concat());
    let asked = submit(product("ASKED")).expect(0).text("/exchanges/0/exchange").to_owned();
    // It takes two, and it is written down before.
    us.run(&["partner", "remove", "exercise-gbr"]).expect(2);
    let change = world.path("remove.json").display().to_string();
    us.run(&["partner", "remove", "exercise-gbr", "--why", "EXERCISE", "--out", &change]).expect(0);
    let [one, two] = world.deciders(&us).map(|id| world.key(&id));
    us.run(&["change", "sign", &change, "--yes", "--key", &one]).expect(0);
    us.run(&["change", "apply", &change]).expect(1);
    assert_eq!(us.run(&["partner", "list"]).expect(0).text("/partners/0/standing"), "active");
    us.run(&["change", "sign", &change, "--yes", "--key", &two]).expect(0);
    us.run(&["change", "apply", &change]).expect(0);
    // What waits for it ends, and says why; nothing new begins.
    for exchange in [&queued, &asked] {
        let ended = us.until_state(exchange, "cancelled");
        assert!(ended.stdout.contains("the partner was removed"), "{}", ended.stdout);
    }
    submit(product("LATE")).expect(2);
    let shown = us.run(&["partner", "show", "exercise-gbr"]).expect(0);
    assert_eq!(shown.text("/partner/standing"), "removed");
    // A recall of what it was sent waits for its return.
    assert_eq!(
        us.run(&["recall", &delivered, "--why", "incorrect", "--key", &world.key("exercise-officer-1")]).status,
        0
    );
    // It does not get in, and what it sends stays with it.
    them.serve();
    us.until_logged("partner `exercise-gbr` was removed");
    let offered = world.release(&them, &[product("THEIRS")], "exercise-usa");
    let waits = |a: &Answer| a.text("/last_failure").contains("; next attempt within ");
    them.until(&["status", offered.text("/exchanges/0/exchange")], waits);
    assert_eq!(links(&us, true), before, "those from before it was removed");
    let out = world.path("again.json").display().to_string();
    for command in [
        &["partner", "suspend", "exercise-gbr"][..],
        &["partner", "resume", "exercise-gbr", "--out", &out],
        &["partner", "remove", "exercise-gbr", "--out", &out],
    ] {
        let refused = us.run(command).expect(1);
        assert!(refused.stderr.contains("was removed"), "{}", refused.stderr);
    }
    // Its keys are nobody else's.
    let theirs = described(&them);
    let newcomer = described(&world.made("exercise-aus", "AUS", "cnsa2"));
    let thief = Description { signing_key: theirs.signing_key.clone(), ..newcomer };
    refused(&world, &us, &thief, "already the signing key of partner `exercise-gbr`");
    // It returns as it came, by two.
    let added = |us: &Node| us.run(&["partner", "list"]).expect(0).text("/partners/0/standing").to_owned();
    add(&world, &us, &theirs).expect(0);
    world.enrol(&us, &them, &[]);
    assert_eq!(added(&us), "active");
    them.until_state(offered.text("/exchanges/0/exchange"), "delivered");
    us.until(&["status", &delivered], |a| a.text("/answer").starts_with("never opened"));
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}
