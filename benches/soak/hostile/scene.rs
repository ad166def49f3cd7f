//! One profile's run: the nodes are made, each attack is measured beside calm, and in the end everything is counted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::partner::{Agreement, Description};
use portcullis::pki::ProfileName;
use serde_json::{Value, json};

use super::Options;
use super::attacks::{Attack, introduce};
use super::budget::{self, Cost};
use super::honest::Honest;
use super::meter::{Meter, Most, count, open};
use super::offers;
use super::partner::Hostile;
use super::room::{DISK, RESERVE, free_bytes};
use super::victim::Victim;
use crate::account::Account;
use crate::support::{Node, World, agreement, block_on};

const VICTIM: &str = "exercise-gbr";
const HONEST: &str = "exercise-usa";
const HOSTILE: &str = "exercise-aus";
/// How often the honest partner brings its link down and up while strangers are silent.
const RECONNECTS: u64 = 5;
/// Besides the seconds that are measured: for what is waited for in between, and for what is delivered between links.
const SPARE_SECONDS: u64 = 5;
const SPARE_SECONDS_OF_LINKS: u64 = 20;

/// What one profile's run came to.
pub struct Outcome {
    pub profile: ProfileName,
    pub limit: String,
    pub disk: String,
    pub costs: Vec<Cost>,
    pub account: Value,
    pub faults: Vec<String>,
}

impl Outcome {
    pub fn ok(&self) -> bool {
        self.faults.is_empty() && self.costs.iter().all(|cost| cost.faults.is_empty())
    }
}

struct Scene<'a> {
    options: &'a Options,
    victim: Victim,
    honest: Honest,
    hostile: Arc<Hostile>,
    meter: Meter,
    world: World,
}

pub fn run(options: &Options, profile: ProfileName, attacks: &[Attack]) -> Outcome {
    let mut scene = Scene::set(options, profile);
    let (limit, disk) = (scene.victim.limit(), scene.victim.disk());
    eprintln!("{profile}: {limit}; disk: {disk}");
    let mut faults = Vec::new();
    let mut costs = Vec::new();
    for attack in attacks {
        let cost = scene.attack(*attack);
        eprintln!("{profile}: {}", super::report::line(&cost));
        costs.push(cost);
        if !scene.victim.runs() {
            faults
                .push(format!("the node ended, or was ended for want of memory, at the latest in `{}`", attack.name()));
            break;
        }
    }
    let (account, more) = scene.account();
    faults.extend(more);
    if options.keep {
        eprintln!("folders kept in {}", scene.world.keep().display());
    }
    Outcome { profile, limit, disk, costs, account, faults }
}

impl<'a> Scene<'a> {
    fn set(options: &'a Options, profile: ProfileName) -> Scene<'a> {
        let world = World::new();
        let name = profile.to_string();
        let make = |id, code| world.node_of(id, code, &name);
        let (victim, honest, hostile) = (make(VICTIM, "GBR"), make(HONEST, "USA"), make(HOSTILE, "AUS"));
        let quoted = format!("\"{name}\"");
        // The honest partner's own limits are its rate; the node would take more from it.
        let (per_minute, burst) = ((options.rate * 60).to_string(), options.rate.to_string());
        let rate = [("profile", quoted.as_str()), ("offers_per_minute", &per_minute), ("offers_burst", &burst)];
        let waits = [("wait_ms", "200"), ("wait_ms_max", "2000"), ("daily_exchanges", "10000000")];
        let free = [("profile", quoted.as_str()), ("offers_per_minute", "100000"), ("offers_burst", "10000")];
        world.enrol(&honest, &victim, &[&rate[..], &waits].concat());
        world.enrol(&victim, &honest, &[&free[..], &waits].concat());
        // With the hostile one everything is as in the sample.
        let sample = [("profile", quoted.as_str()), ("daily_exchanges", "10000000")];
        world.enrol(&hostile, &victim, &sample);
        enrol_undialled(&world, &victim, &hostile, &sample);
        world.officers(&honest);
        let hostile = Arc::new(Hostile::of(&hostile, &victim, profile));
        let victim = Victim::start(victim);
        let honest = Honest::start(honest, VICTIM);
        let meter = victim.meter(HONEST, HOSTILE);
        let scene = Scene { options, victim, honest, hostile, meter, world };
        assert!(introduce(&scene.hostile), "the hostile partner is enrolled: {}", scene.victim.node.log_text());
        scene
    }

    fn attack(&mut self, attack: Attack) -> Cost {
        let seconds = self.options.seconds;
        let life = Duration::from_secs(seconds + 5);
        let spare = if attack == Attack::Silent { SPARE_SECONDS_OF_LINKS } else { SPARE_SECONDS };
        self.honest.have(&self.world, self.options.rate * (2 * seconds + spare));
        // The node has had the time to put right what the attack before left.
        self.until_settled();
        let wait = || std::thread::sleep(Duration::from_secs(seconds));
        self.meter.forget_peak();
        let calm = self.meter.read(self.honest.delivered());
        wait();
        let quiet = self.meter.read(self.honest.delivered());
        let peak = self.meter.peak();
        let begun = attack.begin(&self.hostile, life);
        self.meter.forget_peak();
        let watch = self.meter.watch();
        let before = self.meter.read(self.honest.delivered());
        wait();
        let after = self.meter.read(self.honest.delivered());
        let reconnects = if attack == Attack::Silent { self.reconnect() } else { Vec::new() };
        let went_on = begun.goes_on();
        let counts = begun.end();
        let most = watch.end();
        let memory = (peak, self.meter.peak() + most.children);
        let mut cost = Cost::of(attack.name(), [&calm, &quiet], [&before, &after], memory);
        cost.counts = counts;
        if !went_on || cost.count("attackers_failed") > 0 {
            cost.fault("the attackers ended before they were told to".to_owned());
        }
        self.judge(attack, &mut cost, &most, &reconnects, life);
        cost
    }

    fn until_settled(&self) {
        let began = Instant::now();
        let last = self.honest.delivered();
        while self.honest.delivered() == last && began.elapsed() < budget::RECONNECT_MAX {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn reconnect(&mut self) -> Vec<Option<Duration>> {
        (0..RECONNECTS).map(|_| self.honest.reconnect()).collect()
    }

    fn judge(&self, attack: Attack, cost: &mut Cost, most: &Most, reconnects: &[Option<Duration>], life: Duration) {
        let spool = match attack {
            Attack::Abandoned => budget::UNFINISHED_MAX * offers::ABANDONED,
            Attack::Big => DISK - RESERVE,
            _ => 1 << 20,
        };
        cost.judge(attack.entries(), spool);
        let needed: &[&'static str] = match attack {
            Attack::Pings | Attack::Garbage => &["links", "links_closed", "links_refused"],
            Attack::Older | Attack::Turning => &["links", "links_judged", "links_refused"],
            Attack::Silent => &["validated"],
            Attack::Abandoned => &["accepted", "refused_16_busy"],
            Attack::Big => &["accepted", "refused_20_storage", "bytes"],
            Attack::Recalls => &["refused_40_marking"],
            Attack::Initials => &["packets"],
            Attack::Strangers => &["refused"],
            Attack::Offers => &["accepted", "refused_17_offer_rate"],
        };
        // An attack that did not happen holds every budget.
        let missing: Vec<&str> = needed.iter().copied().filter(|name| cost.count(name) == 0).collect();
        if !missing.is_empty() {
            cost.fault(format!("the attack came to nothing: no {}", missing.join(", no ")));
        }
        match attack {
            Attack::Pings | Attack::Garbage => {
                // The last one may be up when the attack ends.
                if cost.count("links_closed") + 1 < cost.count("links") {
                    cost.fault(format!("{} links, and {} closed", cost.count("links"), cost.count("links_closed")));
                }
            }
            Attack::Silent => {
                let slowest = reconnects.iter().flatten().max().copied().unwrap_or_default();
                cost.counts.insert("reconnects", reconnects.iter().flatten().count() as u64);
                cost.counts.insert("reconnect_ms_most", slowest.as_millis() as u64);
                if reconnects.iter().any(Option::is_none) {
                    cost.fault("the honest partner could not bring its link up again".to_owned());
                }
            }
            Attack::Abandoned => self.judge_abandoned(cost, most, life),
            Attack::Big => {
                cost.counts.insert("free_bytes_least", most.free_least);
                if self.victim.room.is_ok() && most.free_least < RESERVE {
                    cost.fault(format!("{} bytes were free: {RESERVE} are the reserve", most.free_least));
                }
            }
            Attack::Recalls => self.judge_recalls(cost),
            Attack::Older | Attack::Turning => {
                // What follows finds the partner as it was.
                if !self.introduced() {
                    cost.fault("the hostile partner does not get in any more with its newest head".to_owned());
                }
            }
            Attack::Initials | Attack::Strangers | Attack::Offers => {}
        }
    }

    /// Waits until a link may be brought up again, and shows the newest head.
    fn introduced(&self) -> bool {
        (0..5).any(|_| {
            introduce(&self.hostile) || {
                std::thread::sleep(Duration::from_secs(2));
                false
            }
        })
    }

    /// Bounded while it went on; then the operator drops one, and the others go when their manifests have expired.
    fn judge_abandoned(&self, cost: &mut Cost, most: &Most, life: Duration) {
        cost.counts.insert("unfinished_most", most.unfinished);
        if cost.spool_grown == 0 {
            cost.fault("the attack came to nothing: no part of a payload was kept".to_owned());
        }
        if most.unfinished > budget::UNFINISHED_MAX {
            cost.fault(format!("{} unfinished payloads: {} may be", most.unfinished, budget::UNFINISHED_MAX));
        }
        let node = &self.victim.node;
        let records = open(&self.meter.store.join("portcullis.db"));
        let of = format!("FROM exchange WHERE partner = '{HOSTILE}' AND state = 'receiving'");
        let one = records.query_row(&format!("SELECT id {of} LIMIT 1"), (), |row| row.get::<_, String>(0));
        match one {
            Ok(id) if node.run(&["exchange", "cancel", &id]).status == 0 => drop(cost.counts.insert("cancelled", 1)),
            _ => cost.fault("the operator could not drop an unfinished payload".to_owned()),
        }
        std::thread::sleep(life);
        // What the node does once an hour, done now by another process of the same node.
        let opened = node.open_live();
        let kept = block_on(async {
            let kept = opened.run_housekeeping().await;
            opened.store().close().await;
            kept
        });
        let left = count(&records, &format!("SELECT count(*) {of}"));
        let files = parts(&self.meter);
        cost.counts.insert("unfinished_left", left);
        if kept.is_err() || left > 0 || files > 0 {
            cost.fault(format!("{left} unfinished payloads and {files} files are left after their manifests expired"));
        }
    }

    /// Nothing of a marking that is none is on record, in the log or on a screen.
    fn judge_recalls(&self, cost: &mut Cost) {
        let node = &self.victim.node;
        if cost.count("receipts") > 0 {
            cost.fault("a recall under a marking that is none was receipted".to_owned());
        }
        // That it was refused is on record, and nothing that its partner says of it.
        let said = format!(
            "SELECT count(*) FROM exchange WHERE partner = '{HOSTILE}' AND \
             (marking = '' OR instr(marking, '{}') OR instr(marking, char({})))",
            offers::SENTINEL,
            u32::from(offers::TURNED)
        );
        let rows = count(&open(&self.meter.store.join("portcullis.db")), &said);
        let screens = ["status", "inbox"].map(|command| match command {
            "inbox" => node.run_human(&["inbox", "list"]),
            _ => node.run_human(&["status", "--all"]),
        });
        let files = ["portcullis.db", "portcullis.db-wal"].map(|file| self.meter.store.join(file));
        let found = [
            ("on record", rows > 0 || files.iter().any(|file| holds(file, offers::SENTINEL))),
            ("in the log", holds(&node.log(), offers::SENTINEL) || node.log_text().contains(offers::TURNED)),
            (
                "on a screen",
                screens.iter().any(|s| s.stdout.contains(offers::SENTINEL) || s.stdout.contains(offers::TURNED)),
            ),
        ];
        for (place, _) in found.iter().filter(|(_, found)| *found) {
            cost.fault(format!("a marking that is none is {place}"));
        }
    }

    /// Both nodes are stopped, and what they have on record is held against what was submitted.
    fn account(&mut self) -> (Value, Vec<String>) {
        self.honest.finish();
        let free = free_bytes(&self.meter.store.join("spool"));
        let ended = [self.honest.node.stop(), self.victim.stop()];
        let account = Account::of(&self.honest.node, &self.victim.node, &self.honest.released, &BTreeSet::new());
        let mut faults = account.faults.clone();
        let wrong = [
            ("lost", account.lost),
            ("delivered twice", account.duplicated),
            ("received that was not released", account.against_policy),
            ("without an entry", account.unlogged),
        ];
        faults.extend(wrong.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {what}")));
        if !account.ledgers_agree {
            faults.push("the ledgers do not agree".to_owned());
        }
        if ended != [true, true] {
            faults.push("a node did not end with status 0 when it was told to stop".to_owned());
        }
        let view = json!({
            "submitted": self.honest.released.len(),
            "delivered": account.delivered,
            "lost": account.lost,
            "duplicated": account.duplicated,
            "against_policy": account.against_policy,
            "unlogged": account.unlogged,
            "ledgers_agree": account.ledgers_agree,
            "ledger_entries": account.entries,
            "stopped_in_order": ended == [true, true],
            "spool_free_bytes": free,
        });
        (view, faults)
    }
}

/// Enrols the hostile partner without an address: it alone dials, from wherever it likes.
fn enrol_undialled(world: &World, us: &Node, them: &Node, changes: &[(&str, &str)]) {
    let described = them.run(&["partner", "export"]).expect(0).stdout;
    let description = Description::parse(&described).expect("a description");
    let description = Description { addresses: Vec::new(), ..description };
    let agreement = Agreement::parse(&agreement(&us.code, &them.code, changes)).expect("an agreement");
    world.decided(us, |wanted| {
        wanted.agreements.insert(description.node.clone().into(), agreement);
        wanted.partners.push(description);
    });
}

/// Unfinished payloads in the spool.
fn parts(meter: &Meter) -> usize {
    let entries = std::fs::read_dir(meter.store.join("spool")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".envelope.part")).count()
}

/// Whether a file holds a text, whatever else it is.
fn holds(file: &std::path::Path, text: &str) -> bool {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
