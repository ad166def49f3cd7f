//! `scripts/soak chaos`: real nodes as processes over a bad network, killed at random; then everything is counted.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::builder::RangedU64ValueParser;
use serde_json::{Value, json};

use crate::account::{self, Account};
use crate::relay::Relay;
use crate::sim::exec::Rng;
use crate::support::{Node, World};

#[path = "stops.rs"]
mod stops;

/// Products submitted and approved at a time.
const BATCH: usize = 250;
/// One product in so many gets one approval only, and must never leave.
const UNAPPROVED: usize = 50;
/// One kill of the receiver in so many is followed by a start on a full disk.
const FULL_DISK: usize = 10;
/// How often a run says how far it is.
const SAID_EVERY: Duration = Duration::from_secs(15);
/// With no progress for this long, a run is given up.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(clap::Args)]
pub struct Options {
    /// Exchanges that must be delivered.
    #[arg(long, default_value_t = 1000, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    exchanges: usize,
    /// How often a node is killed.
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// How many transfers are stopped in their midst by each kind of order.
    #[arg(long, default_value_t = 2)]
    stops: usize,
    /// What network and kills are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Also write the answer to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Keep the nodes' folders, and say where they are.
    #[arg(long)]
    keep: bool,
}

/// Two nodes, and a third that loses its standing.
struct Stage {
    world: World,
    us: Node,
    them: Node,
    relays: [Relay; 2],
    rng: Rng,
    kills: usize,
    full_disks: usize,
    spent: Spent,
}

/// Where a run's time went, besides waiting.
#[derive(Default)]
struct Spent {
    submitting: Duration,
    approving: Duration,
    killing: Duration,
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = [self.submitting, self.approving, self.killing].map(|spent| spent.as_secs());
        write!(f, "{} s submitting, {} s approving, {} s killing and starting", seconds[0], seconds[1], seconds[2])
    }
}

pub fn run(options: &Options) -> bool {
    let began = Instant::now();
    let mut stage = Stage::set(options.seed);
    let revoked = stage.revoke_in_transfer();
    let stops = stops::run(&stage.world, &mut stage.us, &mut stage.rng, options.stops);
    let set_up = began.elapsed();
    let delivering = Instant::now();
    let offered = stage.exchange(options);
    let seconds = delivering.elapsed().as_secs_f64();
    let ended = stage.us.stop() & stage.them.stop();
    let account = Account::of(&stage.us, &stage.them, &offered.released, &offered.withheld);
    let harmed: u64 = stage.relays.iter().map(|relay| relay.harmed.load(Ordering::Relaxed)).sum();
    let against_policy = account.against_policy + usize::from(!revoked.held);
    let ok = account.lost == 0
        && account.duplicated == 0
        && against_policy == 0
        && account.unlogged == 0
        && account.ledgers_agree
        && stops.held()
        && stage.kills == options.kills
        && ended;
    let answer = json!({
        "offered": offered.released.len(),
        "delivered": account.delivered,
        "lost": account.lost,
        "duplicated": account.duplicated,
        "against_policy": against_policy,
        "unlogged": account.unlogged,
        "kills": stage.kills,
        "full_disks": stage.full_disks,
        "withheld": offered.withheld.len(),
        "datagrams_harmed": harmed,
        "revoked_in_transfer": revoked.view(),
        "stopped_in_transfer": stops.view(),
        "ledgers_agree": account.ledgers_agree,
        "ledger_entries": account.entries,
        "stopped_in_order": ended,
        "seconds": { "set_up": set_up.as_secs_f64().round(), "exchanges": seconds.round() },
        "exchanges_per_second": (offered.released.len() as f64 / seconds * 10.0).round() / 10.0,
        "faults": account.faults,
        "ok": ok,
    });
    crate::report(&answer, options.json.as_deref());
    if options.keep || !ok {
        eprintln!("folders kept in {}", stage.world.keep().display());
    }
    ok
}

/// What was submitted in a run, by exchange number.
#[derive(Default)]
struct Offered {
    released: BTreeSet<String>,
    withheld: BTreeSet<String>,
}

/// What came of revoking a partner while it was sending.
struct Revoked {
    held: bool,
    stopped_ms: u128,
    arrived: u64,
}

impl Revoked {
    fn view(&self) -> Value {
        json!({ "nothing_in_the_inbox_and_stopped": self.held, "last_byte_after_ms": self.stopped_ms, "bytes_before": self.arrived })
    }
}

impl Stage {
    fn set(seed: u64) -> Stage {
        let world = World::new();
        let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
        let relay = |node: &Node, n| {
            let address: SocketAddr = format!("127.0.0.1:{}", node.port).parse().expect("an address");
            let relay = Relay::start(address, seed ^ n);
            // Partners are told of the relay, not of the node.
            let (own, public) = (format!("advertise = [\"{address}\"]"), relay.port);
            node.reconfigure(&own, &format!("advertise = [\"127.0.0.1:{public}\"]"));
            node.reconfigure("# attempts_per_minute = 600", "attempts_per_minute = 100000");
            relay
        };
        let relays = [relay(&us, 11), relay(&them, 22)];
        let limits = [
            ("offers_per_minute", "1000000"),
            ("offers_burst", "100000"),
            ("bytes_per_second", "1073741824"),
            ("bytes_burst", "1073741824"),
            ("concurrent", "64"),
            ("wait_ms", "200"),
            ("wait_ms_max", "2000"),
        ];
        world.enrol(&us, &them, &limits);
        world.enrol(&them, &us, &limits);
        world.officers(&us);
        Stage { world, us, them, relays, rng: Rng::new(seed), kills: 0, full_disks: 0, spent: Spent::default() }
    }

    /// A third node sends something large; in the middle of it, it is suspended at the receiver.
    fn revoke_in_transfer(&mut self) -> Revoked {
        let mut third = self.world.node("exercise-aus", "AUS");
        let slow = [("bytes_per_second", "131072"), ("bytes_burst", "131072")];
        self.world.enrol(&third, &self.us, &slow);
        self.world.enrol(&self.us, &third, &slow);
        self.world.officers(&third);
        let body = "EXERCISE words without end, line after line.\n".repeat(20_000);
        let file = self.world.product("REVOKED", "SECRET//REL TO USA, AUS", "(S//REL TO USA, AUS)");
        let text = std::fs::read_to_string(&file).expect("a file just written");
        std::fs::write(&file, format!("{text}\n(S//REL TO USA, AUS) {body}")).expect("a file");
        let submitted = self.world.release(&third, &[file], &self.us.name);
        let exchange = submitted.text("/exchanges/0/exchange").to_owned();
        let arriving = self.us.folder.join(format!("store/spool/{exchange}.envelope.part"));
        let size = || std::fs::metadata(&arriving).map_or(0, |m| m.len());
        self.us.serve();
        third.serve();
        let began = Instant::now();
        while size() == 0 && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.us.run(&["partner", "suspend", "exercise-aus", "--why", "EXERCISE"]).expect(0);
        let (suspended, arrived) = (Instant::now(), size());
        let (mut last, mut changed) = (arrived, suspended);
        while suspended.elapsed() < Duration::from_secs(5) {
            if size() > last {
                (last, changed) = (size(), Instant::now());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let stopped_ms = changed.duration_since(suspended).as_millis();
        let inbox = self.us.run(&["inbox", "list"]).expect(0);
        let held = arrived > 0 && stopped_ms <= 2000 && inbox.list("/items").is_empty();
        third.kill();
        Revoked { held, stopped_ms, arrived }
    }

    /// Submits, approves, kills and waits until everything that was released is delivered.
    fn exchange(&mut self, options: &Options) -> Offered {
        self.them.serve();
        let mut offered = Offered::default();
        let mut points: Vec<usize> =
            (0..options.kills).map(|_| self.rng.below(options.exchanges as u64 - 1) as usize).collect();
        points.sort_unstable_by(|a, b| b.cmp(a));
        let mut progress = (Instant::now(), 0);
        let mut number = 0;
        let mut said = Instant::now();
        loop {
            let delivered = account::delivered(&self.us);
            if delivered != progress.1 {
                progress = (Instant::now(), delivered);
            }
            if said.elapsed() >= SAID_EVERY {
                said = Instant::now();
                eprintln!("{delivered} of {} delivered, {} kills, {}", options.exchanges, self.kills, self.spent);
            }
            while points.last().is_some_and(|point| *point <= delivered) {
                points.pop();
                self.kill();
            }
            let ahead = offered.released.len().saturating_sub(delivered);
            if offered.released.len() < options.exchanges && ahead < 2 * BATCH {
                let wanted = BATCH.min(options.exchanges - offered.released.len());
                self.submit(&mut offered, wanted, &mut number);
            } else if delivered >= options.exchanges {
                return offered;
            } else if progress.0.elapsed() > PATIENCE {
                eprintln!("no progress for {PATIENCE:?} at {delivered} of {}", options.exchanges);
                return offered;
            } else {
                self.retry_parked();
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    fn submit(&mut self, offered: &mut Offered, wanted: usize, number: &mut usize) {
        let mut files = Vec::new();
        while files.len() < wanted + wanted / UNAPPROVED {
            *number += 1;
            files.push(self.world.product(
                &format!("CHAOS-{number:06}"),
                "SECRET//REL TO USA, GBR",
                "(S//REL TO USA, GBR)",
            ));
        }
        let mut arguments = vec!["submit"];
        arguments.extend(files.iter().map(String::as_str));
        let key = self.us.key("exercise-producer");
        let terms = ["--key", &key, "--to", &self.them.name, "--purpose", "EXERCISE", "--expires", "1d"];
        arguments.extend(terms);
        let began = Instant::now();
        let submitted = self.us.run(&arguments).expect(0);
        self.spent.submitting += began.elapsed();
        let single = [submitted.value.clone()];
        let requests = if submitted.list("/requests").is_empty() { &single[..] } else { submitted.list("/requests") };
        let text = |value: &Value, pointer: &str| {
            value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let pairs: Vec<_> = requests.iter().map(|r| (text(r, "/request"), text(r, "/exchanges/0/exchange"))).collect();
        let (released, withheld) = pairs.split_at(wanted);
        let began = Instant::now();
        // Two people, each at a desk of their own.
        let (world, us) = (&self.world, &self.us);
        std::thread::scope(|scope| {
            for (officer, requests) in [("exercise-officer-1", &pairs[..]), ("exercise-officer-2", released)] {
                scope.spawn(move || {
                    let key = world.key(officer);
                    let mut arguments = vec!["approve", "--yes", "--key", &key];
                    arguments.extend(requests.iter().map(|(request, _)| request.as_str()));
                    us.run(&arguments).expect(0);
                });
            }
        });
        self.spent.approving += began.elapsed();
        offered.released.extend(released.iter().map(|(_, exchange)| exchange.clone()));
        offered.withheld.extend(withheld.iter().map(|(_, exchange)| exchange.clone()));
        files.iter().for_each(|file| drop(std::fs::remove_file(file)));
    }

    /// SIGKILL to one side, and a start; now and then what starts finds its disk full at first.
    fn kill(&mut self) {
        let began = Instant::now();
        self.kills += 1;
        let ours = self.rng.one_in(2);
        let victim = if ours { &mut self.us } else { &mut self.them };
        victim.kill();
        if !ours && self.rng.one_in(FULL_DISK as u64) {
            self.full_disks += 1;
            let (default, full) = ("# reserve_bytes = 67108864", "reserve_bytes = 9000000000000000000");
            victim.reconfigure(default, full);
            victim.serve();
            std::thread::sleep(Duration::from_millis(1500));
            victim.kill();
            victim.reconfigure(full, default);
        }
        victim.serve();
        // A link that is cut for a moment, once in a while.
        if self.rng.one_in(4) {
            let relay = &self.relays[self.rng.below(2) as usize];
            relay.cut.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(100 + self.rng.below(400)));
            relay.cut.store(false, Ordering::Relaxed);
        }
        self.spent.killing += began.elapsed();
    }

    /// What an operator does with what was tried too often.
    fn retry_parked(&self) {
        for exchange in account::parked(&self.us) {
            self.us.run(&["exchange", "retry", &exchange]);
        }
    }
}
