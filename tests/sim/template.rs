//! What every run begins from, made once: nodes that have enrolled each other, and what was submitted and approved at
//! each, as the commits that put it on record.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use portcullis::approval::Role;
use portcullis::config::Config;
use portcullis::envelope::Precedence;
use portcullis::gateway::{
    AppointmentRequest, ChangeRequest, DecidedRequests, Draft, GatewayError, Node, SubmitOutcome, sign_founding,
};
use portcullis::ident::{ExchangeId, PartnerId, RequestId};
use portcullis::partner::{Agreement, Description, Limits};
use portcullis::sign::{Algorithm, LocalSigner, Signer};
use portcullis::store::*;
use portcullis::time::{FixedClock, Time};

use super::budget::UNFINISHED_MAX;
use super::exec::{Exec, SeededEntropy, run_alone};
use super::memory::{Durable, MemoryStore};
use crate::support;

/// When every run begins: 2030-06-01. Later than any file's own time, so that what a crash left behind is old enough
/// to be swept.
pub const START: Time = Time::from_unix_ms(1_906_502_400_000);
/// What stands above the tearline that goes: it must never be found at a partner.
pub const CANARY: &str = "Kestrelmoor";
/// Tries before an exchange is parked, in every agreement here.
pub const ATTEMPTS_MAX: u32 = 6;

const NODES: [(&str, &str); 5] = [
    ("exercise-usa", "USA"),
    ("exercise-gbr", "GBR"),
    ("exercise-aus", "AUS"),
    ("exercise-can", "CAN"),
    ("exercise-nzl", "NZL"),
];

/// The partner that every node has enrolled besides these, and that is hostile in some runs. No node of the run is it.
const FOE: (&str, &str) = ("exercise-fra", "FRA");
/// What the agreements with it allow: little, so that it is used up within a run.
const LITTLE: [(&str, &str); 8] = [
    ("offers_per_minute", "30"),
    ("offers_burst", "10"),
    ("bytes_per_second", "65536"),
    ("bytes_burst", "131072"),
    ("concurrent", "3"),
    ("payload_bytes_max", "98304"),
    ("daily_exchanges", "40"),
    ("daily_bytes", "2097152"),
];

/// What the hostile partner has: its keys, and no node that runs.
pub struct Foe {
    pub name: PartnerId,
    pub signing: Arc<LocalSigner>,
    pub ledger: Arc<dyn Signer>,
    pub limits: Limits,
    description: Description,
}

/// A node as it is before anything is asked of it.
pub struct Proto {
    pub name: PartnerId,
    pub node: Node,
    pub ledger: Arc<dyn Signer>,
    pub signing: Arc<LocalSigner>,
    pub base: Durable,
}

/// What must become of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    /// Delivered, unless its time runs out first.
    Delivered,
    /// Never leaves: an approval is missing.
    Stays,
}

/// One product submitted at a node for one or two partners, with everything that its record needs.
#[derive(Clone)]
pub struct Job {
    pub from: usize,
    pub exchanges: Vec<(ExchangeId, usize)>,
    pub expect: Expect,
    pub expires: Time,
    pub text: String,
    /// Submission and approvals.
    pub commits: Vec<Commit>,
    /// The release and the queue, where a run begins with it queued.
    pub sealed: Vec<Commit>,
    pub files: Vec<(String, Vec<u8>)>,
    pub sealed_files: Vec<(String, Vec<u8>)>,
}

/// Everything that runs share.
pub struct Template {
    pub nodes: Vec<Proto>,
    pub foe: Foe,
    pub jobs: Vec<Job>,
    /// The two who founded every node, and decide its changes.
    pub deciders: Vec<Arc<LocalSigner>>,
    /// The officers of every node.
    pub officers: Vec<Arc<LocalSigner>>,
    /// Keeps the folders with keys and policy.
    _world: support::World,
}

/// The template of this process.
pub fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(make)
}

/// Where runs keep their spools: in memory where the system has such a place.
pub fn spool_root() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

fn make() -> Template {
    let world = support::World::new();
    let exec = Exec::new(START);
    let mut nodes = Vec::new();
    let opened = |name, code| {
        let folder = world.made(name, code, "cnsa2").folder.clone();
        let mut config = Config::read(&folder.join("portcullis.toml")).expect("a configuration");
        config.store.unfinished_max = UNFINISHED_MAX as u64;
        support::block_on(Node::open(config, Arc::new(FixedClock::at(START)))).expect("a node")
    };
    let foe = foe(&opened(FOE.0, FOE.1));
    for (name, code) in NODES {
        let node = opened(name, code);
        let ledger: Arc<dyn Signer> = Arc::new(node.config().keys.signer("ledger").expect("a key"));
        let signing = Arc::new(node.config().keys.signer("signing").expect("a key"));
        let base = MemoryStore::create(&node.config().node.name, ledger.clone(), START).lock().clone();
        nodes.push(Proto { name: name.parse().expect("a name"), node, ledger, signing, base });
    }
    // Two who approve, and one who submits.
    let officers: Vec<Arc<LocalSigner>> = (0..3).map(|_| key(Algorithm::MlDsa87)).collect();
    let deciders: Vec<Arc<LocalSigner>> = (0..2).map(|_| key(Algorithm::MlDsa87)).collect();
    let mut jobs = Vec::new();
    for n in 0..nodes.len() {
        enrol(&mut nodes, n, &foe, &officers, &deciders, &exec);
        let plan: &[(&[usize], Kind)] = match n {
            0 => &[
                (&[1], Kind::Plain),
                (&[1], Kind::Flash),
                (&[1], Kind::Large),
                (&[1], Kind::Plain),
                (&[1], Kind::OneApproval),
                (&[1], Kind::Short),
                (&[1, 2], Kind::Plain),
                (&[2], Kind::Short),
                (&[2], Kind::Plain),
                (&[3], Kind::Plain),
                (&[4], Kind::Large),
            ],
            1 => &[(&[0], Kind::Plain), (&[0], Kind::Large), (&[2], Kind::Plain)],
            2 => &[(&[0], Kind::Plain), (&[1], Kind::Short)],
            _ => &[(&[0], Kind::Plain)],
        };
        for (to, kind) in plan {
            jobs.push(submit(&nodes, n, to, *kind, &officers, &exec, &world));
        }
    }
    Template { nodes, foe, jobs, deciders, officers, _world: world }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Flash,
    Large,
    Short,
    OneApproval,
}

fn foe(node: &Node) -> Foe {
    let keys = &node.config().keys;
    let agreement = support::agreement(NODES[0].1, FOE.1, &LITTLE);
    Foe {
        name: FOE.0.parse().expect("a name"),
        signing: Arc::new(keys.signer("signing").expect("a key")),
        ledger: Arc::new(keys.signer("ledger").expect("a key")),
        limits: Agreement::parse(&agreement).expect("an agreement").limits,
        description: node.description().expect("a description"),
    }
}

/// The marking under which the hostile partner may send something to a node.
pub fn banner(to: usize) -> String {
    let mut codes = vec![FOE.1, NODES[to].1];
    codes.sort_unstable();
    if NODES[to].1 != "USA" {
        codes.insert(0, "USA");
    }
    codes.sort_by_key(|code| *code != "USA");
    format!("//{} SECRET//REL TO {}", FOE.1, codes.join(", "))
}

fn key(algorithm: Algorithm) -> Arc<LocalSigner> {
    let der = LocalSigner::generate(algorithm).expect("a key");
    Arc::new(LocalSigner::from_pkcs8(&der).expect("a key just made"))
}

/// Founds node `n`, and enrols every other node and the officers there.
fn enrol(
    nodes: &mut [Proto],
    n: usize,
    foe: &Foe,
    officers: &[Arc<LocalSigner>],
    deciders: &[Arc<LocalSigner>],
    exec: &Exec,
) {
    let store = opened(&nodes[n]);
    let spool = Spool::open(&spool_root().join(format!("portcullis-sim-{}", std::process::id())), 0).expect("a spool");
    let node = nodes[n].node.over(Arc::new(store.clone()), spool, Arc::new(exec.clone()), SeededEntropy::new(n as u64));
    let others: Vec<_> = nodes
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != n)
        .map(|(other, proto)| {
            let text = support::agreement(NODES[n].1, NODES[other].1, &[]);
            let retry = format!("attempts_max = {ATTEMPTS_MAX}");
            let text = text.replace("attempts_max = 200", &retry).replace("wait_ms = 500", "wait_ms = 1000");
            (proto.node.description().expect("a description"), Agreement::parse(&text).expect("an agreement"))
        })
        .chain([(foe.description.clone(), {
            let text = support::agreement(NODES[n].1, FOE.1, &LITTLE);
            Agreement::parse(&text).expect("an agreement")
        })])
        .collect();
    let people = [
        ("producer", Role::Originator, officers[2].clone()),
        ("officer-1", Role::DisclosureOfficer, officers[0].clone()),
        ("officer-2", Role::DisclosureOfficer, officers[1].clone()),
        ("decider", Role::DisclosureOfficer, deciders[0].clone()),
        ("senior", Role::SeniorDisclosureOfficer, deciders[1].clone()),
    ];
    let appoint = |(id, role, key): &(&str, Role, Arc<LocalSigner>)| AppointmentRequest {
        officer: id.parse().expect("a name"),
        name: Some(format!("EXERCISE {id}")),
        roles: Some([*role].into()),
        key: Some(key.public().clone()),
        keep_keys: false,
        lifetime: None,
        declared: None,
    };
    let first: Vec<AppointmentRequest> = people.iter().map(appoint).collect();
    let deciders = deciders.to_vec();
    run_alone(exec, async move {
        node.record_first_policy().await.expect("a new store");
        let (now, expires) = (node.now(), node.now().plus(Duration::from_secs(600)));
        let mut founding = node.propose_founding(&first, "operator", expires).await.expect("a founding");
        for (number, (_, _, key)) in (1..).zip(&people) {
            sign_founding(&mut founding, &**key, now, [number; 16]).expect("one whom it appoints");
        }
        node.found(&founding).await.expect("a node that is not founded");
        let mut wanted = ChangeRequest::new("operator", "EXERCISE", expires);
        for (description, agreement) in others {
            let id = PartnerId::from(description.node.clone());
            wanted.partners.push(description);
            wanted.agreements.insert(id, agreement);
        }
        decided(&node, wanted, &deciders).await.expect("partners");
    });
    // Kept on another medium, as it should be: all runs share the node's folder, and an officer whom one of them revokes
    // must not be on the list of certificates that the others read.
    std::fs::remove_file(nodes[n].node.config().keys.file("officers")).expect("the officer authority's key");
    nodes[n].base = store.lock().clone();
}

/// Puts a change in force as two officers would.
pub async fn decided(node: &Node, wanted: ChangeRequest, deciders: &[Arc<LocalSigner>]) -> Result<(), GatewayError> {
    let mut change = node.propose(wanted).await?;
    for key in deciders {
        node.consent(&mut change, &**key).await?;
    }
    node.apply_change(&change).await?;
    Ok(())
}

fn opened(proto: &Proto) -> MemoryStore {
    MemoryStore::open(Arc::new(Mutex::new(proto.base.clone())), proto.ledger.clone())
}

fn submit(
    nodes: &[Proto],
    from: usize,
    to: &[usize],
    kind: Kind,
    officers: &[Arc<LocalSigner>],
    exec: &Exec,
    world: &support::World,
) -> Job {
    static NUMBER: Mutex<u64> = Mutex::new(0);
    let number = {
        let mut number = NUMBER.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        *number
    };
    let recorder = opened(&nodes[from]).recording();
    let folder = world.path(&format!("template-{number}"));
    let spool = Spool::open(&folder, 0).expect("a spool");
    let entropy = SeededEntropy::new(1000 + number);
    let node = Arc::new(nodes[from].node.over(Arc::new(recorder.clone()), spool, Arc::new(exec.clone()), entropy));
    let codes: Vec<&str> = to.iter().map(|n| NODES[*n].1).collect();
    let text = product(number, NODES[from].1, &codes, kind == Kind::Large);
    let lasts = if kind == Kind::Short { 90 } else { 6 * 3600 };
    let expires = START.plus(Duration::from_secs(600 + lasts));
    let draft = Draft {
        product: text.into_bytes(),
        partners: to.iter().map(|n| nodes[*n].name.clone()).collect(),
        purpose: "EXERCISE".into(),
        legal_basis: "EXERCISE".into(),
        policy_basis: None,
        expires,
        precedence: if kind == Kind::Flash { Precedence::Flash } else { Precedence::Routine },
        from_tearline: 0,
        supersedes: None,
        aims: Default::default(),
        format: None,
    };
    let approving: Vec<_> = officers.iter().take(if kind == Kind::OneApproval { 1 } else { 2 }).cloned().collect();
    let producer = officers[2].clone();
    let recording = recorder.clone();
    let whole = folder.clone();
    let (opened, commits, files) = run_alone(exec, async move {
        let opened = match node.submit(draft, &*producer).await.expect("a store that takes it") {
            SubmitOutcome::Open(opened) => opened,
            SubmitOutcome::Refused { refused, faults } => {
                let why: Vec<_> = refused.iter().flat_map(|r| &r.reasons).map(|r| &r.sentence).collect();
                panic!("product {number} was refused: {why:?} {faults:?}");
            }
        };
        let request: RequestId = opened.request.parse().expect("a number");
        let review = node.review(&request).await.expect("a request that is open");
        for key in approving {
            assert!(node.approve(&request, &review, &*key).await.expect("an officer").counts);
        }
        let (commits, files) = (recording.recorded(), files_in(&whole));
        node.release_approved(&mut DecidedRequests::default(), 0).await.expect("a store that takes it");
        (opened, commits, files)
    });
    let sealed = recorder.recorded();
    let sealed_files = files_in(&folder).into_iter().filter(|(name, _)| name.ends_with(".envelope")).collect();
    let number_of = |partner: &str| to.iter().copied().find(|n| nodes[*n].name.as_str() == partner).expect("asked for");
    Job {
        from,
        exchanges: opened
            .exchanges
            .iter()
            .map(|e| (e.exchange.parse().expect("a number"), number_of(&e.partner)))
            .collect(),
        expect: if kind == Kind::OneApproval { Expect::Stays } else { Expect::Delivered },
        expires,
        text: marker(number),
        commits,
        sealed,
        files,
        sealed_files,
    }
}

fn marker(number: u64) -> String {
    format!("EXERCISE marker {number:04}")
}

/// A source version that must stay, and a tearline that may go.
fn product(number: u64, ours: &str, theirs: &[&str], large: bool) -> String {
    let mut codes: Vec<&str> = theirs.to_vec();
    codes.push(ours);
    codes.sort_unstable();
    // USA stands first in a list of countries, the others by the alphabet.
    codes.sort_by_key(|code| *code != "USA");
    if !codes.contains(&"USA") {
        codes.insert(0, "USA");
    }
    let list = codes.join(", ");
    // What a node other than that of the United States passes on is its own: of theirs it would need their consent.
    let owner = if ours == "USA" { String::new() } else { format!("//{ours} ") };
    let more = if large {
        format!("\n({owner}S//REL TO {list}) {}\n", "EXERCISE words without end.\n".repeat(900).trim_end())
    } else {
        String::new()
    };
    let marker = marker(number);
    format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-SIM-{number}\nTitle: (S//NF) EXERCISE {CANARY}\n\
         Originator: (U) EXERCISE Directorate\nDate: 2026-11-20\nKind: report\nSubjects: (U) exercise\n\
         Contact: (U) EXERCISE desk\n\nSECRET//NOFORN\n\n(S//NF) EXERCISE source {CANARY}.\n\n\
         ------------------------------------------------------------------------\n\n\
         {owner}SECRET//REL TO {list}\nTitle: (U) EXERCISE {number}\n\n({owner}S//REL TO {list}) {marker}.\n{more}"
    )
}

fn files_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a spool")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name().into_string().expect("a name"), std::fs::read(entry.path()).expect("a file")))
        .collect();
    files.sort();
    files
}
