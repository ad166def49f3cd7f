//! Every kind of object that two nodes and their people make in a real run, shown at other places that take bytes: each as
//! every other kind and under every other key, those of a node made anew under the same name too; what officers sign at the
//! partner's node, at the node made anew and for another matter; what nodes sign for another node or exchange; and what has
//! a version as an older one. Each counts at its own place and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Node, World, block_on};
use portcullis::approval::{
    self, Approval, ContextFault, Enrolment, NoAuthority, NotSubmitted, QuarantineAdmission, Quarantined, RecallOrder,
    Refusal, Role, Subject, Submission, Submitted, Tally, VerificationContext, VoidReason,
};
use portcullis::change::{self, Consent, ConsentVoid, NotAuthorised, Proposal};
use portcullis::config::signer_from;
use portcullis::digest::Digest;
use portcullis::envelope::{Manifest, ManifestFault, Recall, Receipt};
use portcullis::gateway::{self, ExportedRequest};
use portcullis::ident::{ExchangeId, NodeId, OfficerId, RequestId};
use portcullis::ledger::{Entry, LedgerKey, SignedCheckpoint};
use portcullis::partner::Description;
use portcullis::pki::{AuthorityCertificate, NodeCertificate, OfficerCertificate, ProfileName, RevocationList};
use portcullis::sign::{LocalSigner, PublicKey, Signed, Signer as _, Statement};
use portcullis::store::{Exchange, ExchangeFilter, ExchangeKind, Setting, SnapshotDigest};
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

/// How bytes are taken for a statement of one kind, signed with a key.
type Reads = fn(&[u8], &PublicKey) -> bool;

macro_rules! kinds {
    ($($kind:ty),* $(,)?) => {
        [$((<$kind as Statement>::CONTENT_TYPE, |bytes, key| Signed::<$kind>::verify(bytes, key).is_ok())),*]
    };
}

/// Every kind of signed statement. `every_kind_of_statement_is_here` holds this against the source.
const KINDS: [(&str, Reads); 10] = kinds![
    Manifest,
    Receipt,
    Recall,
    Submission,
    Approval,
    Refusal,
    RecallOrder,
    QuarantineAdmission,
    Consent,
    SnapshotDigest
];

/// Something that was made in the run.
struct Object {
    name: &'static str,
    /// Its content type, or for what is no signed statement the name of the reader that takes it.
    kind: &'static str,
    /// By the name of the key: whose it is.
    by: String,
    bytes: Vec<u8>,
}

/// The run: two nodes, and all that they and their people made.
struct Run {
    world: World,
    us: Node,
    them: Node,
    objects: Vec<Object>,
    /// Request and exchange of what was delivered, of what is in quarantine there, and of what was refused.
    delivered: (RequestId, ExchangeId),
    quarantined: (RequestId, ExchangeId),
    refused: (RequestId, ExchangeId),
    /// The exchange of the recall.
    notice: ExchangeId,
    keys: BTreeMap<String, PublicKey>,
}

impl Run {
    fn object(&self, name: &str) -> &[u8] {
        &self.objects.iter().find(|object| object.name == name).unwrap_or_else(|| panic!("no {name}")).bytes
    }
}

fn officer(world: &World, id: &str) -> LocalSigner {
    signer_from(Path::new(&world.key(id))).unwrap()
}

/// The signing key of a node.
fn signing(node: &Node) -> LocalSigner {
    signer_from(&node.folder.join("keys/signing.key")).unwrap()
}

/// The key that signs the heads of a node's ledger.
fn ledger_signer(node: &Node) -> LocalSigner {
    signer_from(&node.folder.join("keys/ledger.key")).unwrap()
}

/// What a node's authority issued, from a file of its certificates.
fn issued(node: &Node, file: &str) -> Vec<u8> {
    pem::parse(std::fs::read(node.folder.join("certs").join(file)).unwrap()).unwrap().into_contents()
}

/// The certificate that a node issued to an officer.
fn of_officer(node: &Node) -> Vec<u8> {
    let shown = node.run(&["officer", "show", "exercise-officer-1"]).expect(0);
    pem::parse(shown.text("/certificates/0")).unwrap().into_contents()
}

/// The head of a node's ledger.
fn head(node: &Node) -> Vec<u8> {
    at(node, async |node| node.store().head().await.unwrap().as_str().as_bytes().to_vec())
}

fn submit(us: &Node, file: &str) -> (RequestId, ExchangeId) {
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    let opened = us.run(&[&["submit", file], &terms[..]].concat()).expect(0);
    (opened.text("/request").parse().unwrap(), opened.text("/exchanges/0/exchange").parse().unwrap())
}

fn approve(world: &World, us: &Node, request: &RequestId) {
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        us.run(&["approve", "--yes", "--key", &world.key(officer), &request.to_string()]).expect(0);
    }
}

/// What is taken out of an opened node.
fn at<T>(node: &Node, take: impl AsyncFnOnce(&gateway::Node) -> T) -> T {
    let opened = node.open_live();
    block_on(async {
        let taken = take(&opened).await;
        opened.store().close().await;
        taken
    })
}

fn row(node: &Node, id: &ExchangeId) -> Exchange {
    node.exchange(&id.to_string())
}

fn what_is_quarantined(row: &Exchange) -> Quarantined {
    Quarantined {
        exchange: row.id,
        manifest: Digest::of(row.manifest.as_deref().unwrap()),
        payload: row.payload.unwrap().digest,
        verdicts: Digest::of(row.reason.as_deref().unwrap().as_bytes()),
    }
}

fn admission(node: &gateway::Node, what: Quarantined) -> QuarantineAdmission {
    QuarantineAdmission {
        what,
        officer: "exercise-officer-1".parse().unwrap(),
        role: Role::DisclosureOfficer,
        why: "EXERCISE".into(),
        given_at: SystemClock.now(),
        nonce: [7; 16],
        instance: node.instance(),
    }
}

fn run() -> Run {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    // The same people decide at both nodes, each with the one key.
    world.officers(&them);
    world.officer(&them, "exercise-usa-decider", "disclosure-officer");
    world.officer(&them, "exercise-usa-senior", "senior-disclosure-officer");
    let list = "PORTCULLIS WORDS 1\nName: exercise\nMarking: UNCLASSIFIED\n\nEXERCISE text of LISTED\n";
    world.change(&them, &[("words/exercise.txt", list)]);
    let [plain, listed, refused] = ["PLAIN", "LISTED", "REFUSED"].map(|id| world.product(id, BANNER, PORTION));
    let (delivered, quarantined, refused) = (submit(&us, &plain), submit(&us, &listed), submit(&us, &refused));
    let export = world.path("request.export");
    us.run(&["request", "export", &refused.0.to_string(), "--out", export.to_str().unwrap()]).expect(0);
    approve(&world, &us, &delivered.0);
    approve(&world, &us, &quarantined.0);
    let one = world.key("exercise-officer-1");
    us.run(&["refuse", &refused.0.to_string(), "--why", "EXERCISE", "--key", &one]).expect(0);
    us.serve();
    them.serve();
    for exchange in [delivered.1, quarantined.1] {
        us.until_state(&exchange.to_string(), "delivered");
    }
    assert!(us.stop() && them.stop());
    us.run(&["recall", &delivered.1.to_string(), "--why", "incorrect", "--key", &one]).expect(0);
    let notices = at(&us, async |node| {
        let filter = ExchangeFilter { kind: Some(ExchangeKind::Recall), ..ExchangeFilter::default() };
        node.store().exchanges(&filter).await.unwrap()
    });
    let notice = notices[0].id;
    let mut objects = Vec::new();
    let mut made = |name, kind, by: &str, bytes: Vec<u8>| objects.push(Object { name, kind, by: by.into(), bytes });
    made("recall", Recall::CONTENT_TYPE, "us", us.inline_payload(&notice.to_string()).expect("kept with its order"));
    made("manifest of a recall", Manifest::CONTENT_TYPE, "us", notices[0].manifest.clone().unwrap());
    let sent = row(&us, &delivered.1);
    made("manifest", Manifest::CONTENT_TYPE, "us", sent.manifest.clone().unwrap());
    made("receipt", Receipt::CONTENT_TYPE, "them", sent.receipt.clone().unwrap());
    at(&us, async |node| {
        let store = node.store();
        let signed = |id: &RequestId| [id.to_string(), delivered.1.to_string()];
        for statement in store.statements(&signed(&delivered.0)).await.unwrap() {
            match statement.kind {
                portcullis::store::StatementKind::Submission => {
                    made("submission", Submission::CONTENT_TYPE, "exercise-producer", statement.bytes);
                }
                _ => made("recall order", RecallOrder::CONTENT_TYPE, "exercise-officer-1", statement.bytes),
            }
        }
        for statement in store.statements(&[refused.0.to_string()]).await.unwrap() {
            if statement.kind == portcullis::store::StatementKind::Refusal {
                made("refusal", Refusal::CONTENT_TYPE, "exercise-officer-1", statement.bytes);
            }
        }
        for approval in store.approvals(&delivered.0).await.unwrap() {
            let (name, by) = if approval.officer.as_str() == "exercise-officer-1" {
                ("approval", "exercise-officer-1")
            } else {
                ("second approval", "exercise-officer-2")
            };
            made(name, Approval::CONTENT_TYPE, by, approval.statement);
        }
        let entry = store.entries(0, 1).await.unwrap().remove(0).entry;
        made("ledger entry", "ledger entry", "us", entry.to_bytes());
    });
    made("checkpoint", "checkpoint of us", "us", head(&us));
    let image = SnapshotDigest { entries: 1, sha256: Digest::of(b"EXERCISE") };
    let image = Signed::sign(image, &ledger_signer(&us)).unwrap().bytes().to_vec();
    made("facts of a ledger", SnapshotDigest::CONTENT_TYPE, "the ledger of us", image);
    let (change, founding) = at(&us, async |node| {
        let text = async |name: &str| {
            let Setting { value, .. } = node.store().setting(name).await.unwrap().unwrap();
            String::from_utf8(value).unwrap()
        };
        (text("change.1").await, text("change.0").await)
    });
    let consents = Proposal::parse(&change).unwrap().consents;
    made("consent", Consent::CONTENT_TYPE, "exercise-usa-decider", consents[0].clone());
    made("second consent", Consent::CONTENT_TYPE, "exercise-usa-senior", consents[1].clone());
    made("change file", "change file", "us", change.into_bytes());
    made("founding", "change file", "us", founding.into_bytes());
    at(&them, async |node| {
        let item = node.store().exchange(&quarantined.1).await.unwrap().unwrap();
        let signed = Signed::sign(admission(node, what_is_quarantined(&item)), &officer(&world, "exercise-officer-1"));
        made("admission", QuarantineAdmission::CONTENT_TYPE, "exercise-officer-1", signed.unwrap().bytes().to_vec());
    });
    made("description", "description", "us", us.run(&["partner", "export"]).expect(0).stdout.into_bytes());
    made("exported request", "exported request", "us", std::fs::read(&export).unwrap());
    for (name, kind, file) in [
        ("authority", "authority", "ca.pem"),
        ("certificate", "certificate of us", "node.pem"),
        ("revocation list", "list of us", "crl.pem"),
    ] {
        made(name, kind, "us", issued(&us, file));
    }
    made("certificate of an officer", "certificate of an officer of us", "us", of_officer(&us));
    let people = [
        "exercise-producer",
        "exercise-officer-1",
        "exercise-officer-2",
        "exercise-usa-decider",
        "exercise-usa-senior",
    ];
    let mut keys: BTreeMap<String, PublicKey> =
        people.iter().map(|id| ((*id).to_owned(), officer(&world, id).public().clone())).collect();
    keys.insert("us".into(), signing(&us).public().clone());
    keys.insert("them".into(), signing(&them).public().clone());
    keys.insert("the ledger of us".into(), ledger_signer(&us).public().clone());
    keys.insert("the ledger of them".into(), ledger_signer(&them).public().clone());
    Run { world, us, them, objects, delivered, quarantined, refused, notice, keys }
}

#[test]
fn every_kind_of_statement_is_here() {
    let mut files = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = BTreeSet::new();
    while let Some(place) = files.pop() {
        if place.is_dir() {
            files.extend(std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        // Beside the code lie files that are no text, such as tables of glyphs.
        if place.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&place).unwrap();
        let code = text.split("mod tests {").next().unwrap_or_default();
        for said in code.split("const CONTENT_TYPE: &'static str = \"").skip(1) {
            found.insert(said.split('"').next().unwrap().to_owned());
        }
    }
    assert_eq!(KINDS.map(|(kind, _)| kind.to_owned()).into_iter().collect::<BTreeSet<_>>(), found);
}

/// A reader by its name.
type Reader = (&'static str, Box<dyn Fn(&[u8]) -> bool>);

/// What else takes bytes: every reader, with the key or authority that it goes by. `anew` is the node made anew.
fn readers(run: &Run, anew: &Node) -> Vec<Reader> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let ledger =
        |node: &Node| -> LedgerKey { node.run(&["partner", "export"]).expect(0).text("/ledger_key").parse().unwrap() };
    let profile = || ProfileName::Cnsa2.profile();
    let authority = |node: &Node, file: &str| AuthorityCertificate::parse(&issued(node, file), profile()).unwrap();
    let mut all: Vec<Reader> = Vec::new();
    let nodes = [
        (&run.us, ["checkpoint of us", "certificate of us", "list of us", "certificate of an officer of us"]),
        (&run.them, ["checkpoint of them", "certificate of them", "list of them", "certificate of an officer of them"]),
        // Under the name of `us`, so that nothing but its keys tells them apart.
        (anew, ["checkpoint of anew", "certificate of anew", "list of anew", "certificate of an officer of anew"]),
    ];
    for (node, [checkpoint, certificate, list, of_officer]) in nodes {
        let (key, id): (LedgerKey, NodeId) = (ledger(node), node.name.parse().unwrap());
        let (ca, officers, name) = (authority(node, "ca.pem"), authority(node, "officers.pem"), id.clone());
        let listed = ca.clone();
        all.push((checkpoint, Box::new(move |b| text(b).is_some_and(|t| SignedCheckpoint::verify(&t, &key).is_ok()))));
        all.push((certificate, Box::new(move |b| NodeCertificate::parse(b, &ca, &name, profile()).is_ok())));
        all.push((list, Box::new(move |b| RevocationList::parse(b, &listed, profile()).is_ok())));
        all.push((of_officer, Box::new(move |b| OfficerCertificate::parse(b, &officers, &id, profile()).is_ok())));
    }
    all.push(("authority", Box::new(move |b| AuthorityCertificate::parse(b, profile()).is_ok())));
    all.push(("description", Box::new(move |b| text(b).is_some_and(|t| Description::parse(&t).is_ok()))));
    all.push(("change file", Box::new(move |b| text(b).is_some_and(|t| Proposal::parse(&t).is_ok()))));
    all.push(("ledger entry", Box::new(|b| Entry::from_bytes(b).is_ok())));
    let place = run.world.path("replayed");
    all.push((
        "exported request",
        Box::new(move |b| {
            std::fs::write(&place, b).unwrap();
            ExportedRequest::read(&place, SystemClock.now()).is_ok()
        }),
    ));
    all
}

#[test]
fn everything_counts_as_what_it_is_by_whom_it_is_and_nowhere_else() {
    let run = run();
    let (_elsewhere, anew) = made_anew(&run);
    let readers = readers(&run, &anew);
    let mut keys = run.keys.clone();
    keys.insert("anew".into(), signing(&anew).public().clone());
    keys.insert("the ledger of anew".into(), ledger_signer(&anew).public().clone());
    let (mut counted, mut shown) = (BTreeSet::new(), 0);
    for object in &run.objects {
        let Object { name, kind, by, bytes } = object;
        for (as_kind, verifies) in KINDS {
            for (whose, key) in &keys {
                let own = *kind == as_kind && by == whose;
                assert_eq!(verifies(bytes, key), own, "{name} of {by} as {as_kind} of {whose}");
                shown += 1;
            }
        }
        for (reader, reads) in &readers {
            assert_eq!(reads(bytes), kind == reader, "{name} of {by} as {reader}");
            shown += 1;
        }
        counted.insert(*kind);
    }
    // The readers of the node made anew do read, what is its own.
    for (reader, bytes) in [
        ("checkpoint of anew", head(&anew)),
        ("certificate of anew", issued(&anew, "node.pem")),
        ("list of anew", issued(&anew, "crl.pem")),
        ("certificate of an officer of anew", of_officer(&anew)),
    ] {
        assert!(readers.iter().any(|(name, reads)| *name == reader && reads(&bytes)), "{reader}");
    }
    // Nothing is missing: every kind of statement was made, and every reader was shown something of its own, but for those
    // that go by the keys of another node.
    for (kind, _) in KINDS {
        assert!(counted.contains(kind), "the run made no {kind}");
    }
    let elsewhere = |reader: &str| reader.ends_with("of them") || reader.ends_with("of anew");
    for (reader, _) in readers.iter().filter(|(reader, _)| !elsewhere(reader)) {
        assert!(counted.contains(reader), "the run made nothing for `{reader}`");
    }
    assert_eq!(shown, run.objects.len() * (KINDS.len() * keys.len() + readers.len()));
}

/// A node that was made anew under the name of `us`, in a world of its own, with the same people and keys of theirs and the
/// same partner.
fn made_anew(run: &Run) -> (World, Node) {
    let world = World::new();
    for id in run.keys.keys().filter(|id| Path::new(&run.world.key(id)).exists()) {
        std::fs::copy(run.world.key(id), world.key(id)).unwrap();
    }
    let anew = world.node("exercise-usa", "USA");
    world.enrol(&anew, &run.them, &[]);
    world.officers(&anew);
    (world, anew)
}

/// What `verify` says of a statement here, at the node that `which` is.
fn there<T>(node: &Node, verify: impl FnOnce(&gateway::Node, &VerificationContext<'_>) -> T) -> T {
    at(node, async |opened| {
        let officers = opened.officers().await.unwrap();
        verify(opened, &VerificationContext { instance: opened.instance(), officers: &officers, now: opened.now() })
    })
}

fn is_another_node(why: &ContextFault) -> bool {
    matches!(why, ContextFault::OtherInstance { .. })
}

/// What an approval counts for at a node and for a request, where nothing but these two can be others than it was given for.
fn tally(node: &Node, request: RequestId, approval: &[u8]) -> Tally {
    let mut said = Signed::<Approval>::peek(approval).unwrap();
    said.terms.request = request;
    let cuts = said.cuts.iter().map(|cut| (cut.partner.clone(), cut.cut.clone())).collect();
    let enrolled = said.cuts.iter().map(|cut| {
        let with = Enrolment { description: cut.enrolment, agreement: cut.agreement };
        (cut.partner.clone(), with)
    });
    let enrolments = enrolled.collect();
    there(node, |_, here| {
        let subject = Subject {
            instance: here.instance,
            terms: &said.terms,
            cuts: &cuts,
            enrolments: &enrolments,
            policy: said.policy,
            register: said.register,
        };
        approval::count(&[approval.to_vec()], &subject, here.officers, here.now)
    })
}

#[test]
fn what_officers_signed_counts_at_its_node_for_its_matter_alone() {
    let run = run();
    let (elsewhere, anew) = made_anew(&run);
    let (us, them) = (&run.us, &run.them);
    let officer: OfficerId = "exercise-producer".parse().unwrap();

    // A refusal: at its node and for its request; not for another, not at the partner's, not at the node made anew.
    let refusal = |node: &Node, request| {
        there(node, |_, here| Refusal::verify(run.object("refusal"), request, &officer, here).map(|_| ()))
    };
    assert_eq!(refusal(us, &run.refused.0), Ok(()));
    assert_eq!(refusal(us, &run.delivered.0), Err(NoAuthority::Other));
    for node in [them, &anew] {
        let found = refusal(node, &run.refused.0);
        assert!(matches!(&found, Err(NoAuthority::Context(why)) if is_another_node(why)), "{found:?}");
    }

    // An order to recall, in the same way.
    let order = |node: &Node, request, exchanges: &[ExchangeId]| {
        there(node, |_, here| RecallOrder::verify(run.object("recall order"), request, exchanges, here).map(|_| ()))
    };
    assert_eq!(order(us, &run.delivered.0, &[run.delivered.1]), Ok(()));
    assert_eq!(order(us, &run.delivered.0, &[run.quarantined.1]), Err(NoAuthority::Other));
    assert_eq!(order(us, &run.quarantined.0, &[run.delivered.1]), Err(NoAuthority::Other));
    for node in [them, &anew] {
        let found = order(node, &run.delivered.0, &[run.delivered.1]);
        assert!(matches!(&found, Err(NoAuthority::Context(why)) if is_another_node(why)), "{found:?}");
    }

    // An admission: of its item and findings, at the node that has it in quarantine.
    let key = run.keys["exercise-officer-1"].clone();
    let item = what_is_quarantined(&row(them, &run.quarantined.1));
    let admitted = |node: &Node, what: &Quarantined| {
        there(node, |_, here| QuarantineAdmission::verify(run.object("admission"), &key, what, here).map(|_| ()))
    };
    assert_eq!(admitted(them, &item), Ok(()));
    assert_eq!(admitted(them, &Quarantined { exchange: run.delivered.1, ..item.clone() }), Err(NoAuthority::Other));
    for node in [us, &anew] {
        let found = admitted(node, &item);
        assert!(matches!(&found, Err(NoAuthority::Context(why)) if is_another_node(why)), "{found:?}");
    }

    // A submission: once, at its node, of its product.
    let said = Signed::<Submission>::peek(run.object("submission")).unwrap();
    let submitted = |node: &Node, name: &str, product| {
        let (name, instance) = (name.parse().unwrap(), at(node, async |opened| opened.instance()));
        there(node, |_, here| {
            let of = Submitted { node: &name, instance, product };
            Submission::verify(run.object("submission"), &of, here.officers, here.now).map(|_| ())
        })
    };
    assert_eq!(submitted(us, "exercise-usa", said.product), Ok(()));
    assert_eq!(submitted(us, "exercise-usa", Digest::of(b"EXERCISE another")), Err(NotSubmitted::Other("product")));
    assert_eq!(submitted(them, "exercise-gbr", said.product), Err(NotSubmitted::Other("node")));
    let found = submitted(&anew, "exercise-usa", said.product);
    assert!(matches!(&found, Err(NotSubmitted::Context(why)) if is_another_node(why)), "{found:?}");
    let (file, signed) = (run.world.product("PLAIN", BANNER, PORTION), run.world.path("submission.signed"));
    std::fs::write(&signed, run.object("submission")).unwrap();
    let take = |node: &Node| node.run(&["submit", &file, "--signed", signed.to_str().unwrap()]).expect(1).stderr;
    assert!(take(us).contains("was processed before"));
    assert!(take(&anew).contains("another node"));

    // Approvals: one person's one vote at its node; and at the node made anew not one, although the request there is the
    // same to the letter, submitted anew by the same person.
    let import = |node: &Node, bytes: &[u8]| {
        let file = elsewhere.path("approval.signed");
        std::fs::write(&file, bytes).unwrap();
        node.run(&["approve", "--import", file.to_str().unwrap()])
    };
    let old = run.object("approval");
    for node in [them, &anew] {
        assert!(import(node, old).expect(2).stderr.contains("no request"));
        let found = tally(node, run.delivered.0, old);
        let reasons: Vec<&VoidReason> = found.void.iter().flat_map(|void| &void.reasons).collect();
        let misplaced = reasons.iter().any(|why| matches!(why, VoidReason::Context(why) if is_another_node(why)));
        assert!(misplaced && found.people() == 0, "{found:?}");
    }
    let found = tally(us, run.delivered.0, old);
    assert_eq!((found.people(), found.void.len()), (1, 0), "{found:?}");
    let found = tally(us, run.refused.0, old);
    assert_eq!((found.people(), found.void.len()), (0, 1), "{found:?}");
    assert_eq!(found.void[0].reasons, [VoidReason::Other("request")]);
    let again = Submission { instance: at(&anew, async |opened| opened.instance()), ..said };
    let again = Signed::sign(again, &self::officer(&run.world, "exercise-producer")).unwrap();
    std::fs::write(&signed, again.bytes()).unwrap();
    anew.run(&["submit", &file, "--signed", signed.to_str().unwrap()]).expect(0);
    let refused = import(&anew, old).expect(1);
    assert_eq!(refused.list("/void").len(), 1, "{}{}", refused.stdout, refused.stderr);
    assert!(refused.text("/void/0").contains("another node"), "{}", refused.stdout);
    let here = at(&anew, async |opened| opened.instance());
    let renewed = Approval { instance: here, ..Signed::<Approval>::peek(old).unwrap() };
    let renewed = Signed::sign(renewed, &self::officer(&run.world, "exercise-officer-1")).unwrap();
    assert_eq!(import(&anew, renewed.bytes()).expect(0).value["counts"], true);

    // Consents: to their change, at their node; in the place of those of another change they are for another.
    let change = |name: &str| Proposal::parse(std::str::from_utf8(run.object(name)).unwrap()).unwrap();
    let counted =
        |node: &Node, proposal: &Proposal| there(node, |_, here| change::authorise(proposal, here).map(|_| ()));
    let void = |not: NotAuthorised| not.void.into_iter().map(|void| void.reasons).collect::<Vec<_>>();
    assert!(counted(us, &change("change file")).is_ok());
    for node in [them, &anew] {
        // The same two people are in office there in the same roles.
        let found = void(counted(node, &change("change file")).unwrap_err());
        let elsewhere = |why: &ConsentVoid| matches!(why, ConsentVoid::Context(why) if is_another_node(why));
        let misplaced = |reasons: &Vec<ConsentVoid>| reasons.iter().any(elsewhere);
        assert!(found.len() == 2 && found.iter().all(misplaced), "{found:?}");
    }
    let mut other = change("change file");
    other.set.why.push('.');
    let found = void(counted(us, &other).unwrap_err());
    assert!(found == [[ConsentVoid::OtherChange], [ConsentVoid::OtherChange]], "{found:?}");
    for (name, command) in [("change file", "change"), ("founding", "found")] {
        let file = elsewhere.path("applied.json");
        std::fs::write(&file, run.object(name)).unwrap();
        for (node, why) in [(&anew, "made anew"), (them, "exercise-usa")] {
            let refused = node.run(&[command, "apply", file.to_str().unwrap()]).expect(1);
            assert!(refused.stderr.contains(why), "{name} at {}: {}", node.name, refused.stderr);
        }
    }
    for node in [them, &anew] {
        node.run(&["ledger", "verify"]).expect(0);
    }
}

/// Whether a manifest may be considered by `recipient` when `sender` offers it.
fn offered(manifest: &Manifest, sender: &str, recipient: &str) -> Result<(), ManifestFault> {
    let (sender, recipient): (NodeId, NodeId) = (sender.parse().unwrap(), recipient.parse().unwrap());
    manifest.admit(&sender, &recipient, u64::MAX, SystemClock.now())
}

/// Whether a receipt answers a manifest now.
fn answers(receipt: &Signed<Receipt>, manifest: &Signed<Manifest>) -> bool {
    receipt.statement().answers(manifest, SystemClock.now()).is_ok()
}

/// Whether a recall is what a manifest says it is.
fn belongs(recall: &Signed<Recall>, manifest: &Signed<Manifest>) -> bool {
    recall.statement().belongs_to(recall.digest(), manifest.statement()).is_ok()
}

#[test]
fn what_nodes_signed_is_from_one_node_for_one_other_and_for_one_exchange() {
    let run = run();
    let verified = |node: &Node, bytes: &[u8]| Signed::<Manifest>::verify(bytes, signing(node).public()).unwrap();
    let (product, recall) =
        (verified(&run.us, run.object("manifest")), verified(&run.us, run.object("manifest of a recall")));
    for manifest in [product.statement(), recall.statement()] {
        assert_eq!(offered(manifest, "exercise-usa", "exercise-gbr"), Ok(()));
        assert_eq!(offered(manifest, "exercise-usa", "exercise-deu"), Err(ManifestFault::Audience));
        assert_eq!(offered(manifest, "exercise-deu", "exercise-gbr"), Err(ManifestFault::Sender));
        // Given back to whoever made it.
        assert_eq!(offered(manifest, "exercise-gbr", "exercise-usa"), Err(ManifestFault::Audience));
        let older = Manifest { version: Manifest::VERSION - 1, ..manifest.clone() };
        assert_eq!(offered(&older, "exercise-usa", "exercise-gbr"), Err(ManifestFault::Version));
    }
    let receipt = Signed::<Receipt>::verify(run.object("receipt"), signing(&run.them).public()).unwrap();
    let of_other = verified(&run.us, &row(&run.us, &run.quarantined.1).manifest.unwrap());
    assert!(answers(&receipt, &product));
    assert!(!answers(&receipt, &of_other) && !answers(&receipt, &recall));
    let again = |receipt: Receipt| Signed::sign(receipt, &signing(&run.them)).unwrap();
    let older = again(Receipt { version: Receipt::VERSION - 1, ..receipt.statement().clone() });
    assert!(!answers(&older, &product) && answers(&again(receipt.statement().clone()), &product));
    let order = Signed::<Recall>::verify(run.object("recall"), signing(&run.us).public()).unwrap();
    assert_eq!((order.statement().notice, order.statement().exchange), (run.notice, run.delivered.1));
    assert!(belongs(&order, &recall) && !belongs(&order, &product) && !belongs(&order, &of_other));
    let older = Recall { version: Recall::VERSION - 1, ..order.statement().clone() };
    assert!(!belongs(&Signed::sign(older, &signing(&run.us)).unwrap(), &recall));
    // And of what is a text, an older version is another text.
    for (name, from, to) in [
        ("description", Description::FORMAT, "portcullis-description/0"),
        ("change file", Proposal::FORMAT, "portcullis-change/0"),
    ] {
        let text = String::from_utf8(run.object(name).to_vec()).unwrap();
        let older = text.replace(from, to);
        assert_ne!(older, text);
        let reads = |text: &str| Description::parse(text).is_ok() || Proposal::parse(text).is_ok();
        assert!(reads(&text) && !reads(&older), "{name}");
    }
    let place = run.world.path("older.export");
    let exported = run.object("exported request");
    let older: Vec<u8> = [b"PORTCULLIS REQUEST 0", &exported[20..]].concat();
    for (bytes, reads) in [(exported, true), (&older, false)] {
        std::fs::write(&place, bytes).unwrap();
        assert_eq!(ExportedRequest::read(&place, SystemClock.now().plus(Duration::ZERO)).is_ok(), reads);
    }
}
