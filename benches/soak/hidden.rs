//! `scripts/soak hidden`: words on pages, hidden by every means or to be seen, and what Poppler shows of them.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::pages::run::{Plan, Tally, run as run_plan};

/// How often a run says how far it is.
const SAID_EVERY: Duration = Duration::from_secs(15);

#[derive(clap::Args)]
pub struct Options {
    /// Pages with hidden words, and as many with words to be seen.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    cases: u64,
    /// What the pages are drawn from: the same number makes the same pages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Also write the answer to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The folder for the files and pictures of what did not hold.
    #[arg(long, default_value = "target/soak-hidden")]
    keep: PathBuf,
}

/// Runs, and answers whether all held that is asked for. An interrupted run answers for the pages that it tried.
pub fn run(options: &Options) -> bool {
    let began = Instant::now();
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    std::thread::spawn(|| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime for signals");
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            eprintln!("stopping: the pages that are being tried are finished");
            stop.store(true, Ordering::Relaxed);
        }
    });
    if let Ok(left) = std::fs::read_dir(&options.keep)
        && left.flatten().next().is_some()
    {
        eprintln!("`{}` holds files of an earlier run; new ones go beside them", options.keep.display());
    }
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let plan = Plan { seed: options.seed, cases: options.cases, threads, keep: options.keep.clone() };
    let last = Mutex::new(Instant::now());
    let said = |done: u64, tally: &Tally| {
        let mut last = last.lock().unwrap_or_else(|e| e.into_inner());
        if last.elapsed() >= SAID_EVERY {
            *last = Instant::now();
            let faults = tally.faults.len() + tally.unread.len();
            let share = 100.0 * tally.refused_share();
            eprintln!("{done} of {} pages: {faults} faults, {share:.2} % of what is shown refused", 2 * options.cases);
        }
    };
    let tally = run_plan(&plan, stop, &said);
    let mut answer = tally.report();
    let whole = !stop.load(Ordering::Relaxed);
    for (key, value) in [
        ("seed", json!(options.seed)),
        ("cases", json!(options.cases)),
        ("finished", json!(whole)),
        ("seconds", json!(began.elapsed().as_secs_f64())),
        ("kept", json!(options.keep.display().to_string())),
    ] {
        answer[key] = value;
    }
    crate::report(&answer, options.json.as_deref());
    if !tally.faults.is_empty() || !tally.unread.is_empty() || !tally.reasons.is_empty() {
        eprintln!("files and pictures of what did not hold, and of each reason: {}", options.keep.display());
    }
    whole && tally.held()
}
