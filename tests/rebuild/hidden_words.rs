//! Text that Poppler does not show is refused, and text that it shows is accepted: a short run of `scripts/soak
//! hidden`.

use std::sync::atomic::AtomicBool;

use crate::hidden::{poppler, run};
use crate::not_run;

/// Cases of each kind, which cover all means of hiding and showing text.
const CASES: u64 = 320;

#[test]
fn what_poppler_does_not_show_is_refused_and_what_it_shows_is_not() {
    if !poppler::is_there() {
        not_run::not_run("pdftoppm and pdftotext are missing; on Debian: apt-get install poppler-utils");
        return;
    }
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let keep = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hidden-faults");
    let _ = std::fs::remove_dir_all(&keep);
    let plan = run::Plan {
        seed: number("PORTCULLIS_SEED", 1),
        cases: number("PORTCULLIS_CASES", CASES),
        threads: 2,
        keep: keep.clone(),
    };
    let tally = run::run(&plan, &AtomicBool::new(false), &|_, _| ());
    let report = serde_json::to_string_pretty(&tally.report()).unwrap();
    std::fs::create_dir_all(&keep).unwrap();
    std::fs::write(keep.join("report.json"), report).unwrap();
    assert!(tally.held(), "{}: the report and the files of what went wrong", keep.display());
}

#[test]
fn the_vectors_of_hidden_words_are_as_their_script_makes_them() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/inspect/make_hidden.py");
    match std::process::Command::new("python3").args([script, "--check"]).output() {
        Ok(checked) => assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr)),
        Err(why) => not_run::not_run(&format!("python3 is missing ({why}); on Debian: apt-get install python3")),
    }
}
