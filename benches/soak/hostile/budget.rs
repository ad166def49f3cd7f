//! What an attack may cost, each with the reason for it, and whether it did.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::meter::Reading;

/// The memory that the node is started under, as systemd's `MemoryMax=512M` would.
pub const MEMORY_MAX: u64 = 512 << 20;

/// Beyond the most it took in calm. The windows of the streams that a hostile partner may have open (16 agreed and a few to
/// refuse with), 32 handshakes of strangers and what the allocator keeps of them: the same as `scripts/soak flood` allows.
pub const MEMORY_GROWN_MAX: u64 = 64 << 20;

/// What the honest partner gets of its rate in calm, at least: as in `scripts/soak flood`.
pub const RATIO_MIN: f64 = 0.8;

/// Bytes of log besides those of honest deliveries: at once, and each second. It was measured when each offer that comes to
/// nothing had two lines of up to 400 bytes, a hundred offers at once and ten each second; now each reason has five lines a
/// minute, like everything else but links, which have some five lines each.
pub const LOG_AT_ONCE: u64 = 96 << 10;
pub const LOG_PER_SECOND: u64 = 8 << 10;

/// Disk besides that of honest deliveries: an entry of the ledger, its hashes, a row and its manifest of up to 8 KiB
/// (a signature of ML-DSA-87 is 4,627 bytes), and their indexes.
pub const DISK_PER_ENTRY: u64 = 16 << 10;
/// Pages that the database takes ahead of need, and what is gathered in memory before it is written.
pub const DISK_AT_ONCE: u64 = 8 << 20;
/// The log of the database is written back at 4,000 pages of 4 KiB; a reader may hold that up for a while.
pub const WAL_MAX: u64 = 64 << 20;

/// Processor time, in cores, besides what the same honest deliveries take in calm. The smallest machine has two: an attacker
/// at the rates stated here leaves three quarters of it.
pub const CORES_MAX: f64 = 0.5;

/// How soon the honest partner is to be delivering again when it has brought its link down, in the midst of an attack. Stopping
/// and starting its node takes about a second of this, and the pause after a dial that failed up to half of it.
pub const RECONNECT_MAX: Duration = Duration::from_secs(15);

/// Unfinished payloads of a partner: `[store] unfinished_max`, by default.
pub const UNFINISHED_MAX: u64 = 64;

/// Links that a partner may bring up, at once and each second.
pub const LINKS_AT_ONCE: u64 = 30;
pub const LINKS_PER_SECOND: u64 = 1;
/// Offers that a partner may make: those of the sample agreement, at once and each second.
pub const OFFERS_AT_ONCE: u64 = 100;
pub const OFFERS_PER_SECOND: u64 = 10;
/// Entries of one offer that is accepted and comes to nothing: that it is coming, and that it was taken back or dropped.
pub const ENTRIES_PER_OFFER: u64 = 2;

/// How many entries of the ledger an attack may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entries {
    /// So many in all, however long it goes on.
    Most(u64),
    /// One for each link that may be brought up.
    OfLinks,
    /// Those of the offers that were agreed.
    OfOffers,
}

impl Entries {
    pub fn most(self, seconds: f64) -> u64 {
        let during = |at_once: u64, per_second: u64| at_once + (per_second as f64 * seconds).ceil() as u64;
        match self {
            Entries::Most(most) => most,
            Entries::OfLinks => during(LINKS_AT_ONCE, LINKS_PER_SECOND),
            Entries::OfOffers => ENTRIES_PER_OFFER * during(OFFERS_AT_ONCE, OFFERS_PER_SECOND),
        }
    }
}

/// What an attack cost, beside what the same time costs in calm.
pub struct Cost {
    pub attack: &'static str,
    pub seconds: f64,
    pub calm_per_second: f64,
    pub attacked_per_second: f64,
    pub memory_peak: u64,
    pub memory_grown: u64,
    pub log_bytes: u64,
    pub database_grown: u64,
    pub spool_grown: u64,
    pub wal: u64,
    pub entries: u64,
    pub cores: f64,
    pub cores_calm: f64,
    /// What the attackers counted.
    pub counts: BTreeMap<&'static str, u64>,
    /// What did not hold.
    pub faults: Vec<String>,
}

impl Cost {
    /// From readings around the calm before an attack and around the attack; `grown_from` is the most memory of the calm.
    pub fn of(attack: &'static str, calm: [&Reading; 2], attacked: [&Reading; 2], memory: (u64, u64)) -> Cost {
        let seconds = |of: [&Reading; 2]| of[1].at.duration_since(of[0].at).as_secs_f64();
        let (quiet, loud) = (seconds(calm), seconds(attacked));
        let delivered = |of: [&Reading; 2]| of[1].delivered.saturating_sub(of[0].delivered);
        let (in_calm, in_attack) = (delivered(calm), delivered(attacked));
        // What so many honest deliveries would have taken in calm; where there were none, nothing is known to be theirs.
        let theirs = |of: fn(&Reading) -> u64| {
            let whole = of(calm[1]).saturating_sub(of(calm[0])) as f64;
            (whole * in_attack as f64 / in_calm.max(1) as f64) as u64
        };
        let besides =
            |of: fn(&Reading) -> u64| of(attacked[1]).saturating_sub(of(attacked[0])).saturating_sub(theirs(of));
        let cores = |of: [&Reading; 2], seconds: f64| (of[1].cpu - of[0].cpu) / seconds;
        Cost {
            attack,
            seconds: loud,
            calm_per_second: in_calm as f64 / quiet,
            attacked_per_second: in_attack as f64 / loud,
            memory_peak: memory.1,
            memory_grown: memory.1.saturating_sub(memory.0),
            log_bytes: besides(|r| r.log),
            database_grown: besides(|r| r.database),
            spool_grown: besides(|r| r.spool),
            wal: attacked[1].wal,
            entries: attacked[1].entries.saturating_sub(attacked[0].entries),
            cores: cores(attacked, loud),
            cores_calm: cores(calm, quiet),
            counts: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    pub fn ratio(&self) -> f64 {
        self.attacked_per_second / self.calm_per_second.max(f64::MIN_POSITIVE)
    }

    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    pub fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    pub fn log_most(&self) -> u64 {
        LOG_AT_ONCE + (LOG_PER_SECOND as f64 * self.seconds) as u64
    }

    /// Holds it to its budget; `spool_most` is what the attack may leave in the spool.
    pub fn judge(&mut self, entries: Entries, spool_most: u64) {
        let disk = DISK_AT_ONCE + DISK_PER_ENTRY * self.entries;
        let amounts = [
            ("bytes of memory", self.memory_peak, MEMORY_MAX),
            ("bytes of memory beyond calm", self.memory_grown, MEMORY_GROWN_MAX),
            ("bytes of log", self.log_bytes, self.log_most()),
            ("bytes of database", self.database_grown, disk),
            ("bytes of the database's log", self.wal, WAL_MAX),
            ("bytes of spool", self.spool_grown, spool_most),
            ("entries of the ledger", self.entries, entries.most(self.seconds)),
        ];
        for (what, found, most) in amounts.into_iter().filter(|(_, found, most)| found > most) {
            self.fault(format!("{found} {what}: {most} may be"));
        }
        if self.cores - self.cores_calm > CORES_MAX {
            self.fault(format!("{:.2} cores, {:.2} in calm: {CORES_MAX} more may be", self.cores, self.cores_calm));
        }
        if self.ratio() < RATIO_MIN {
            self.fault(format!("{:.2} of the honest partner's rate: {RATIO_MIN} at least", self.ratio()));
        }
    }

    pub fn view(&self) -> Value {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        json!({
            "attack": self.attack,
            "seconds": round(self.seconds),
            "honest_per_second": { "calm": round(self.calm_per_second), "attacked": round(self.attacked_per_second), "ratio": round(self.ratio()) },
            "memory_bytes": { "peak": self.memory_peak, "beyond_calm": self.memory_grown },
            "log_bytes": self.log_bytes,
            "database_grown_bytes": self.database_grown,
            "wal_bytes": self.wal,
            "spool_grown_bytes": self.spool_grown,
            "ledger_entries": self.entries,
            "cores": { "calm": round(self.cores_calm), "attacked": round(self.cores) },
            "counts": self.counts,
            "faults": self.faults,
            "ok": self.faults.is_empty(),
        })
    }
}
