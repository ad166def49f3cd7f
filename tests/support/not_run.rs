//! Reports tests that were not run because the machine lacks something they need; counted by `scripts/test`, which
//! fails in `.ci/run` where something that can be installed was missing.
#![allow(dead_code, reason = "each program uses its own part")]

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Reports that the test, or a part of it, was not run because `missing` is not available.
pub fn not_run(missing: &str) {
    tell(&format!("NOT RUN: {missing}"));
}

/// Reports that the test, or a part of it, was not run because this machine does not permit what it does.
pub fn not_permitted(what: &str) {
    tell(&format!("NOT PERMITTED: {what}"));
}

/// Whether system calls of other programs can be traced and made to fail here. Reports it if not.
pub fn can_trace() -> bool {
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if quiet(Command::new("strace").arg("-V")).is_err() {
        not_run("strace is missing; on Debian: apt-get install strace");
        return false;
    }
    let traced = quiet(Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]));
    let traced = traced.is_ok_and(|status| status.success());
    if !traced {
        not_permitted("strace may trace nothing here");
    }
    traced
}

fn tell(what: &str) {
    let thread = std::thread::current();
    let line = format!("{what} ({})", thread.name().unwrap_or("a test"));
    eprintln!("{line}");
    let Some(file) = std::env::var_os("PORTCULLIS_NOT_RUN") else { return };
    let told = std::fs::OpenOptions::new().append(true).create(true).open(file);
    // One write, so that lines of several tests do not mix.
    told.and_then(|mut told| told.write_all(format!("{line}\n").as_bytes())).expect("the list of what was not run");
}
