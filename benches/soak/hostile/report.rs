//! The answer: as JSON, and as a table to be read.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Options;
use super::attacks::Attack;
use super::budget::{self, Cost};
use super::scene::Outcome;

pub fn answer(options: &Options, runs: &[Outcome]) -> (Value, bool) {
    let ok = !runs.is_empty() && runs.iter().all(Outcome::ok);
    let rates: serde_json::Map<String, Value> =
        Attack::ALL.iter().map(|attack| (attack.name().to_owned(), Value::from(attack.rate()))).collect();
    let profiles: Vec<Value> = runs.iter().map(profile).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let answer = json!({
        "seconds_each": options.seconds,
        "honest_per_second_agreed": options.rate,
        "machine": { "processors": cores, "attackers": "threads of their own at the lowest priority (nice 19)" },
        "rates": rates,
        "budgets": {
            "honest_ratio_min": budget::RATIO_MIN,
            "memory_bytes_max": budget::MEMORY_MAX,
            "memory_bytes_beyond_calm_max": budget::MEMORY_GROWN_MAX,
            "log_bytes_max": { "at_once": budget::LOG_AT_ONCE, "per_second": budget::LOG_PER_SECOND },
            "database_bytes_max": { "at_once": budget::DISK_AT_ONCE, "per_entry": budget::DISK_PER_ENTRY },
            "wal_bytes_max": budget::WAL_MAX,
            "cores_beyond_calm_max": budget::CORES_MAX,
            "unfinished_max": budget::UNFINISHED_MAX,
            "reconnect_ms_max": budget::RECONNECT_MAX.as_millis() as u64,
        },
        "profiles": profiles,
        "ok": ok,
    });
    (answer, ok)
}

fn profile(run: &Outcome) -> Value {
    json!({
        "profile": run.profile.to_string(),
        "memory_limit": run.limit,
        "disk": run.disk,
        "attacks": run.costs.iter().map(Cost::view).collect::<Vec<_>>(),
        "account": run.account,
        "faults": run.faults,
        "ok": run.ok(),
    })
}

/// One attack in a line, while a run goes on.
pub fn line(cost: &Cost) -> String {
    let faults = if cost.faults.is_empty() { "held".to_owned() } else { format!("FAILED: {}", cost.faults.join("; ")) };
    format!("{} {} {faults}", row(cost), serde_json::to_string(&cost.counts).unwrap_or_default())
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / (1 << 20) as f64)
}

fn row(cost: &Cost) -> String {
    format!(
        "| {} | {:.1} | {:.1} | {:.2} | {} | {} | {:.1} | {} | {} | {} | {} | {:.2} | {:.2} |",
        cost.attack,
        cost.calm_per_second,
        cost.attacked_per_second,
        cost.ratio(),
        mib(cost.memory_peak),
        mib(cost.memory_grown),
        cost.log_bytes as f64 / 1024.0,
        mib(cost.database_grown),
        mib(cost.wal),
        mib(cost.spool_grown),
        cost.entries,
        cost.cores_calm,
        cost.cores,
    )
}

pub fn table(runs: &[Outcome]) -> String {
    let mut text = String::new();
    for run in runs {
        let _ = writeln!(text, "\n{} ({})\n", run.profile, if run.ok() { "held" } else { "FAILED" });
        let _ = writeln!(
            text,
            "| attack | honest/s calm | attacked | ratio | MiB peak | beyond calm | KiB log | MiB db | MiB wal | MiB spool | entries | cores calm | attacked |"
        );
        let _ = writeln!(text, "| --- |{}", " --: |".repeat(12));
        for line in run.costs.iter().map(row).chain(run.faults.iter().map(|fault| format!("FAILED: {fault}"))) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}
