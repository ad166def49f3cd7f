//! `scripts/soak exchange`: as many seeds as asked for, or one again.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::sim::world::Outcome;
use crate::sim::{Defect, run as run_seed};

#[derive(clap::Args)]
pub struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Run this seed alone, and say what happened.
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Plant a defect, to see it found; `list` names them.
    #[arg(long)]
    defect: Option<String>,
    /// Runs at once.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Also write the answer to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub fn run(options: &Options) -> bool {
    let defect = match options.defect.as_deref() {
        None => None,
        Some(name) => match Defect::ALL.iter().find(|(_, known)| *known == name) {
            Some((defect, _)) => Some(*defect),
            None => {
                let names: Vec<_> = Defect::ALL.iter().map(|(_, name)| *name).collect();
                eprintln!("defects that can be planted: {}", names.join(", "));
                return name == "list";
            }
        },
    };
    let began = Instant::now();
    if let Some(seed) = options.seed {
        let outcome = run_seed(seed, defect);
        summary(options, &[outcome], 1, began)
    } else {
        let (next, stop) = (AtomicU64::new(options.first), AtomicBool::new(false));
        let end = options.first.saturating_add(options.seeds);
        let outcomes: Mutex<Vec<Outcome>> = Mutex::default();
        std::thread::scope(|scope| {
            for _ in 0..options.threads.max(1) {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= end {
                            return;
                        }
                        let outcome = run_seed(seed, defect);
                        let mut outcomes = outcomes.lock().expect("no run panics while it holds this");
                        outcomes.push(outcome);
                        // Enough to look at; each can be run again by its number.
                        let failed = outcomes.iter().filter(|o| !o.violations.is_empty()).count();
                        stop.store(failed >= 10, Ordering::Relaxed);
                        if outcomes.len().is_multiple_of(500) {
                            eprintln!(
                                "{} seeds, {failed} with violations, {:.0} s",
                                outcomes.len(),
                                began.elapsed().as_secs_f64()
                            );
                        }
                    }
                });
            }
        });
        let outcomes = outcomes.into_inner().expect("no run panics while it holds this");
        summary(options, &outcomes, options.seeds, began)
    }
}

fn summary(options: &Options, outcomes: &[Outcome], seeds: u64, began: Instant) -> bool {
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.violations.is_empty()).collect();
    let ok = failed.is_empty() && outcomes.len() as u64 == seeds;
    let failures: Vec<_> = failed
        .iter()
        .map(|outcome| {
            let violations = outcome.violations.iter().map(|(property, what)| format!("{property:?}: {what}"));
            serde_json::json!({ "seed": outcome.seed, "violations": violations.collect::<Vec<_>>() })
        })
        .collect();
    let mut answer = serde_json::json!({
        "seeds": outcomes.len(),
        "offered": outcomes.iter().map(|o| o.offered).sum::<usize>(),
        "delivered": outcomes.iter().map(|o| o.delivered).sum::<usize>(),
        "crashes": outcomes.iter().map(|o| o.crashes).sum::<u32>(),
        "failures": failures,
        "seconds": began.elapsed().as_secs_f64().round(),
        "ok": ok,
    });
    if let [one] = outcomes {
        // Two runs of one seed are the same run if these are equal.
        answer["trace"] = serde_json::json!({ "hash": format!("{:016x}", one.trace.0), "events": one.trace.1 });
    }
    crate::report(&answer, options.json.as_deref());
    ok
}
