//! Stop orders of every kind in the midst of transfers between real nodes, some of which are killed right then.
//!
//! What is counted is what is on record, on both sides. A header left after a stop if the sender's ledger has an
//! `exchange.sent` behind the entry of the order (and before the one that takes it back, where it passes); a receipt was
//! lost if the partner's node has the product and the sender's record does not say so.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use portcullis::ledger::{Entry, EntryKind};
use portcullis::store::{Commit, Partner, PartnerState, Setting, TrafficChange, Version};
use serde_json::{Value, json};

use crate::account::query;
use crate::sim::exec::Rng;
use crate::support::{Answer, Node, World, agreement, block_on};

/// Bytes a second that go to the partner.
const RATE: &str = "131072";
/// With no progress for this long, a transfer is given up.
const PATIENCE: Duration = Duration::from_secs(120);
const PARTNER: &str = "exercise-can";
const BANNER: &str = "SECRET//REL TO USA, CAN";
const PORTION: &str = "(S//REL TO USA, CAN)";

/// What stops a transfer, and the kind and subject of the entry that says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Refuse,
    Recall,
    Revoke,
    Suspend,
    Agreement,
    Expiry,
    Clock,
    /// Last: nothing that was approved before counts after it.
    Policy,
}

const ORDERS: [Order; 8] = [
    Order::Refuse,
    Order::Recall,
    Order::Revoke,
    Order::Suspend,
    Order::Agreement,
    Order::Expiry,
    Order::Clock,
    Order::Policy,
];

/// What came of it.
#[derive(Default)]
pub struct Stops {
    pub transfers: usize,
    pub in_midst: usize,
    pub headers_after_stop: usize,
    pub receipts_lost: usize,
    pub records_differ: usize,
    pub delivered_after_stop: usize,
    pub kills: usize,
    pub faults: Vec<String>,
}

impl Stops {
    pub fn held(&self) -> bool {
        self.faults.is_empty() && self.headers_after_stop + self.receipts_lost + self.records_differ == 0
    }

    pub fn view(&self) -> Value {
        json!({
            "transfers": self.transfers,
            "stopped_in_midst": self.in_midst,
            "headers_after_stop": self.headers_after_stop,
            "receipts_lost": self.receipts_lost,
            "records_differ": self.records_differ,
            "delivered_after_stop": self.delivered_after_stop,
            "kills": self.kills,
            "faults": self.faults,
        })
    }
}

/// A transfer that is to be stopped.
struct Transfer {
    request: String,
    exchange: String,
    officer: String,
}

/// Runs `rounds` transfers for each kind of order, from a node that serves.
pub fn run(world: &World, us: &mut Node, rng: &mut Rng, rounds: usize) -> Stops {
    let mut them = world.node(PARTNER, "CAN");
    let slow = [("bytes_per_second", RATE), ("bytes_burst", RATE)];
    world.enrol(us, &them, &slow);
    world.enrol(&them, us, &[]);
    them.serve();
    let mut stops = Stops::default();
    for order in ORDERS {
        for round in 0..rounds {
            one(world, us, &mut them, rng, order, round, &mut stops);
        }
    }
    us.until(&["status", "--all"], |answer| unanswered(answer) == 0);
    compare(us, &them, &mut stops);
    them.kill();
    stops
}

fn one(world: &World, us: &mut Node, them: &mut Node, rng: &mut Rng, order: Order, round: usize, stops: &mut Stops) {
    let transfer = begin(world, us, order, round);
    stops.transfers += 1;
    let part = them.folder.join(format!("store/spool/{}.envelope.part", transfer.exchange));
    let arrived = || std::fs::metadata(&part).map_or(0, |file| file.len());
    let began = Instant::now();
    while arrived() == 0 && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(rng.below(2500)));
    stops.in_midst += usize::from(arrived() > 0);
    let before = entries(us);
    give(world, us, order, &transfer);
    if rng.one_in(3) {
        stops.kills += 1;
        let victim = if rng.one_in(2) { &mut *us } else { &mut *them };
        victim.kill();
        victim.serve();
    }
    let settled = |answer: &Answer| {
        let queued = answer.text("/state") == "queued" && order != Order::Clock;
        !queued && answer.text("/unanswered").is_empty()
    };
    us.until(&["status", &transfer.exchange], settled);
    let back = entries(us);
    take_back(world, us, order);
    let Some(stop) = ordered_at(us, order, &transfer, before) else {
        return stops.faults.push(format!("{order:?} of {} is not on record", transfer.exchange));
    };
    let sent = query(
        us,
        &format!(
            "SELECT n FROM ledger WHERE kind = 'exchange.sent' AND subject = '{}' AND n > {stop} AND n < {back}",
            transfer.exchange
        ),
        |row| row.get_unwrap::<_, i64>(0),
    );
    stops.headers_after_stop += sent.len();
    if !sent.is_empty() {
        stops.faults.push(format!("{order:?}: the key of {} left after the order", transfer.exchange));
    }
}

/// Submits something large and approves it twice.
fn begin(world: &World, us: &Node, order: Order, round: usize) -> Transfer {
    let id = format!("STOP-{order:?}-{round}").to_uppercase();
    let file = world.product(&id, BANNER, PORTION);
    let text = std::fs::read_to_string(&file).expect("a file just written");
    let body = "EXERCISE words without end, line after line.\n".repeat(30_000);
    std::fs::write(&file, format!("{text}\n{PORTION} {body}")).expect("a file");
    let officer = match order {
        Order::Revoke => {
            let spare = format!("exercise-spare-{round}");
            world.officer(us, &spare, "disclosure-officer");
            spare
        }
        _ => "exercise-officer-2".to_owned(),
    };
    let expires = if order == Order::Expiry { "20s" } else { "1d" };
    let producer = world.key("exercise-producer");
    let terms = ["--key", &producer, "--to", PARTNER, "--purpose", "EXERCISE", "--expires", expires];
    let submitted = us.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
    let request = submitted.text("/request").to_owned();
    for officer in ["exercise-officer-1", &officer] {
        us.run(&["approve", "--yes", "--key", &world.key(officer), &request]).expect(0);
    }
    Transfer { exchange: submitted.text("/exchanges/0/exchange").to_owned(), request, officer }
}

fn give(world: &World, us: &Node, order: Order, transfer: &Transfer) {
    let key = world.key("exercise-officer-1");
    match order {
        Order::Refuse => drop(us.run(&["refuse", &transfer.request, "--why", "EXERCISE", "--key", &key]).expect(0)),
        Order::Recall => drop(us.run(&["recall", &transfer.exchange, "--why", "other", "--key", &key]).expect(0)),
        Order::Revoke => drop(us.run(&["officer", "revoke", &transfer.officer, "--why", "EXERCISE"]).expect(0)),
        Order::Suspend => drop(us.run(&["partner", "suspend", PARTNER, "--why", "EXERCISE"]).expect(0)),
        Order::Agreement => drop(world.change_agreement(us, PARTNER, &agreed(us, "false"))),
        Order::Policy => {
            let file = us.folder.join("policy/release.cedar");
            let rules = std::fs::read_to_string(file).expect("the policy's rules");
            world.change(us, &[("release.cedar", &format!("{rules}\n// EXERCISE: changed.\n"))]);
        }
        // Nobody orders it: the time comes.
        Order::Expiry => {}
        Order::Clock => clock(us, false),
    }
}

fn take_back(world: &World, us: &Node, order: Order) {
    match order {
        Order::Suspend => resume(us),
        Order::Agreement => drop(world.change_agreement(us, PARTNER, &agreed(us, "true"))),
        Order::Clock => clock(us, true),
        _ => {}
    }
}

fn agreed(us: &Node, send: &str) -> String {
    agreement(&us.code, "CAN", &[("bytes_per_second", RATE), ("bytes_burst", RATE), ("send", send)])
}

/// What a server puts on record that finds that its clock was set, which nobody does to this machine's; or people who
/// accept it.
fn clock(us: &Node, accepted: bool) {
    let node = us.open_live();
    block_on(async {
        let (now, name) = (node.now(), "clock".to_owned());
        let version = node.store().setting("clock").await.expect("a store").map_or(Version::NEW, |row| row.version);
        let (value, entry) = match accepted {
            true => {
                let entry = Entry::new(now, EntryKind::SettingChanged, "clock", "operator").with("clock", "accepted");
                (b"accepted".to_vec(), entry)
            }
            false => {
                let entry = Entry::new(now, EntryKind::Alarm, "clock", "gateway").with("set", "EXERCISE");
                (b"doubted: EXERCISE".to_vec(), entry)
            }
        };
        let commit = Commit::new().change(Setting { name, value, changed: now, version }).entry(entry);
        let commit = if accepted { commit.change(TrafficChange::AcceptClock { now }) } else { commit };
        node.store().commit(commit).await.expect("a store that takes it");
        node.store().close().await;
    });
}

/// What leaves on record that a suspended partner is let in again.
fn resume(us: &Node) {
    let node = us.open_live();
    block_on(async {
        let id = PARTNER.parse().expect("a name");
        let row = node.store().partner(&id).await.expect("a store").expect("a partner");
        let row = Partner { state: PartnerState::Active, changed: node.now(), ..row };
        let entry = Entry::new(node.now(), EntryKind::PartnerResumed, PARTNER, "operator");
        node.store().commit(Commit::new().change(row).entry(entry)).await.expect("a store that takes it");
        node.store().close().await;
    });
}

fn entries(us: &Node) -> i64 {
    query(us, "SELECT coalesce(max(n), -1) FROM ledger", |row| row.get_unwrap(0))[0]
}

/// The number of the entry by which an order is on record; of an expiry, that of the last entry before its time.
fn ordered_at(us: &Node, order: Order, transfer: &Transfer, before: i64) -> Option<i64> {
    let first = |kind: &str, subject: &str| {
        let sql = format!("SELECT min(n) FROM ledger WHERE kind = '{kind}' AND subject = '{subject}' AND n > {before}");
        query(us, &sql, |row| row.get_unwrap::<_, Option<i64>>(0))[0]
    };
    match order {
        Order::Refuse => first("request.refused", &transfer.request),
        Order::Recall => first("exchange.recalled", &transfer.exchange),
        Order::Revoke => first("officer.revoked", &transfer.officer),
        Order::Suspend => first("partner.suspended", PARTNER),
        Order::Agreement => first("partner.changed", PARTNER),
        Order::Policy => first("policy.changed", "policy.texts"),
        Order::Clock => first("alarm", "clock"),
        Order::Expiry => {
            let sql = format!(
                "SELECT coalesce(max(n), -1) FROM ledger WHERE time < (SELECT expires FROM exchange WHERE id = '{}')",
                transfer.exchange
            );
            Some(query(us, &sql, |row| row.get_unwrap(0))[0])
        }
    }
}

fn unanswered(answer: &Answer) -> usize {
    answer.list("/exchanges").iter().filter(|e| e["unanswered"].as_str().is_some_and(|since| !since.is_empty())).count()
}

/// Holds both sides' records of what was delivered against each other.
fn compare(us: &Node, them: &Node, stops: &mut Stops) {
    let ids = |node, sql: &str| -> BTreeSet<String> { query(node, sql, |row| row.get_unwrap(0)).into_iter().collect() };
    let states = |node, states: &str, way: &str, with: &str| {
        let sql = format!(
            "SELECT id FROM exchange WHERE direction = '{way}' AND kind = 'product' AND partner = '{with}' AND state IN ({states})"
        );
        ids(node, &sql)
    };
    let sent = states(us, "'delivered', 'delivered-after-stop'", "out", PARTNER);
    let came = states(them, "'received', 'taken', 'quarantined'", "in", &us.name);
    stops.delivered_after_stop = states(us, "'delivered-after-stop'", "out", PARTNER).len();
    stops.receipts_lost = came.difference(&sent).count();
    stops.records_differ = sent.symmetric_difference(&came).count();
    for exchange in sent.symmetric_difference(&came) {
        let side = if came.contains(exchange) { "the partner has it and we deny it" } else { "we say it is there" };
        stops.faults.push(format!("{exchange}: {side}"));
    }
}
