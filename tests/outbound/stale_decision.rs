//! What was decided is put on record only while what it was decided on still stands: whenever in the course of it an officer
//! who signed is revoked, it counts for nothing, unless it was on record before.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::moments::Moments;
use crate::support::{Node, World, block_on};
use portcullis::approval::{QuarantineAdmission, Quarantined, Role};
use portcullis::config::{Config, signer_from};
use portcullis::digest::Digest;
use portcullis::gateway::{self, ChangeRequest};
use portcullis::ident::ExchangeId;
use portcullis::sign::{LocalSigner, Signed, Signer as _};
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

/// Officers enough for each moment at which one of them is revoked.
const WITNESSES: usize = 24;

fn witness(number: usize) -> String {
    format!("exercise-witness-{number}")
}

fn signer(world: &World, id: &str) -> LocalSigner {
    signer_from(Path::new(&world.key(id))).unwrap()
}

/// Many disclosure officers at `node`.
fn enrol(world: &World, node: &Node) {
    let all: Vec<_> = (0..WITNESSES).map(|n| world.appointed(&witness(n), Role::DisclosureOfficer)).collect();
    world.decided(node, |wanted| wanted.officers.extend(all));
}

/// The node by a clock of moments, and that clock.
fn opened(node: &Node) -> (gateway::Node, Arc<Moments<SystemClock>>) {
    let clock = Arc::new(Moments::over(SystemClock));
    let config = Config::read(&node.config()).unwrap();
    (block_on(gateway::Node::open(config, clock.clone())).unwrap(), clock)
}

/// What revokes an officer, as an operator would beside the running node.
fn revoking(node: &Node, id: &str) -> impl FnOnce() + Send + 'static {
    let (config, id) = (node.config(), id.to_owned());
    move || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
        let done = command.arg("--config").arg(config).args(["officer", "revoke", &id]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// Where on the ledger, from `from` on, the first entry of this kind is, about `subject` if one is given.
fn place(node: &Node, from: u64, kind: &str, subject: Option<&str>) -> Option<u64> {
    let from = from.to_string();
    let shown = node.run(&["ledger", "show", "--from", &from, "--limit", "5000"]).expect(0);
    let about = |entry: &serde_json::Value| subject.is_none_or(|subject| entry["subject"] == subject);
    let found = shown.list("/entries").iter().find(|entry| entry["kind"] == kind && about(entry));
    found.map(|entry| entry["index"].as_u64().unwrap())
}

/// How many entries the ledger has.
fn length(node: &Node) -> u64 {
    node.run(&["ledger", "verify"]).expect(0).value["size"].as_u64().unwrap()
}

/// Tries something at moment after moment, each time with another officer who is revoked then, until it is done before that
/// moment comes. Each time before it must be refused; and whatever was put on record, was before the revocation.
fn at_every_moment(
    node: &Node,
    clock: &Moments<SystemClock>,
    done: &str,
    mut attempt: impl FnMut(usize) -> Result<(), String>,
) {
    let (mut refused, begun) = (0, length(node));
    for moment in 0..WITNESSES {
        clock.set(moment, revoking(node, &witness(moment)));
        let outcome = attempt(moment);
        let never = clock.unset();
        match outcome {
            Ok(()) if never => {
                assert!(refused > 0, "there was no moment at which it could have been refused");
                return;
            }
            Ok(()) => {
                let revoked = place(node, begun, "officer.revoked", Some(&witness(moment))).unwrap();
                let recorded = place(node, begun, done, None).expect("it was said to be done");
                assert!(recorded < revoked, "`{done}` at {recorded} although its officer was revoked at {revoked}");
                assert!(refused > 0, "there was no moment at which it could have been refused");
                return;
            }
            Err(why) => {
                assert!(!never, "refused although nobody was revoked: {why}");
                assert_eq!(place(node, begun, done, None), None, "refused, and on record: {why}");
                refused += 1;
            }
        }
    }
    panic!("it was refused at {refused} moments and never done: more officers are needed");
}

#[test]
fn nothing_is_admitted_on_the_word_of_an_officer_who_is_revoked_meanwhile() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    enrol(&world, &them);
    let list = "PORTCULLIS WORDS 1\nName: exercise\nMarking: UNCLASSIFIED\n\nEXERCISE text of LISTED\n";
    world.change(&them, &[("words/exercise.txt", list)]);
    let file = world.product("LISTED", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let exchange = world.release(&us, &[file], "exercise-gbr").text("/exchanges/0/exchange").to_owned();
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
    let id: ExchangeId = exchange.parse().unwrap();
    let (node, clock) = opened(&them);
    let row = block_on(node.store().exchange(&id)).unwrap().unwrap();
    let what = Quarantined {
        exchange: id,
        manifest: Digest::of(row.manifest.as_deref().unwrap()),
        payload: row.payload.unwrap().digest,
        verdicts: Digest::of(row.reason.as_deref().unwrap().as_bytes()),
    };
    at_every_moment(&them, &clock, "inbox.admitted", |n| {
        let (key, officer) = (signer(&world, &witness(n)), witness(n).parse().unwrap());
        let said = QuarantineAdmission {
            what: what.clone(),
            officer,
            role: Role::DisclosureOfficer,
            why: "EXERCISE".into(),
            given_at: SystemClock.now(),
            nonce: [7; 16],
            instance: node.instance(),
        };
        let signed = Signed::sign(said, &key).unwrap();
        block_on(node.admit_signed(&id, signed.bytes(), key.public())).map(|_| ()).map_err(|e| e.to_string())
    });
    block_on(node.store().close());
    them.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn no_change_takes_effect_on_the_consent_of_an_officer_who_is_revoked_meanwhile() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    enrol(&world, &us);
    let (node, clock) = opened(&us);
    let senior = signer(&world, &world.deciders(&us)[1]);
    let list = "PORTCULLIS WORDS 1\nName: exercise\nMarking: UNCLASSIFIED\n\nLANTERN\n";
    at_every_moment(&us, &clock, "change.applied", |n| {
        // Made and signed before the moment comes; only its taking effect is tried.
        let counted = clock.put_off();
        let change = block_on(async {
            let until = SystemClock.now().plus(Duration::from_secs(3600));
            let mut wanted = ChangeRequest::new("operator", "EXERCISE", until);
            wanted.texts.insert("words/exercise.txt".into(), Some(list.into()));
            let mut change = node.propose(wanted).await.unwrap();
            node.consent(&mut change, &senior).await.unwrap();
            node.consent(&mut change, &signer(&world, &witness(n))).await.unwrap();
            change
        });
        clock.count_from_now(counted);
        block_on(node.apply_change(&change)).map(|_| ()).map_err(|e| e.to_string())
    });
    block_on(node.store().close());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn officers_whose_authority_cannot_be_read_are_not_taken_for_out_of_office() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let file = world.product("UNREADABLE", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let exchange = world.release(&us, &[file], &them.name).text("/exchanges/0/exchange").to_owned();
    let (list, aside) = (us.folder.join("certs/officers-crl.pem"), world.path("aside"));
    them.serve();
    std::fs::rename(&list, &aside).unwrap();
    us.serve();
    us.until_logged("officers-crl.pem");
    assert_eq!(us.exchange(&exchange).state.to_string(), "requested", "nothing was decided on it");
    std::fs::rename(&aside, &list).unwrap();
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
}
