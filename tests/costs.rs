//! What a file costs: at most 50 ms of a processor and 16 MiB for each 64 KiB of it, whatever is in it, in every format that
//! is read.
//!
//! Counted in instructions, so that a busy machine changes nothing. The files are made and written down first; then a
//! process of its own reads each, behind a small sound one, and what another takes that reads only the small one is
//! subtracted. What is counted is what is built for tests, which takes [`unoptimised`] times as many instructions.
//!
//! Needs `valgrind`, which `scripts/test` installs where it may; without it the test says that it did not count.

#[path = "support/not_run.rs"]
mod not_run;
#[path = "support/costs.rs"]
mod costs;
#[path = "support/inspect.rs"]
mod support;
#[path = "support/vectors.rs"]
mod vectors;
#[path = "support/zip.rs"]
#[allow(dead_code, reason = "archives that are wrong are made elsewhere")]
mod zip;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use costs::{Case, UNOPTIMISED_JPEG, UNOPTIMISED_PDF, Way, cases};
use portcullis::rebuild::Kind;

/// Instructions in 50 ms, at four a nanosecond.
const UNIT: f64 = 200e6;
/// Memory for each 64 KiB.
const UNIT_BYTES: u64 = 16 << 20;
/// By how much two processes differ that do the same: the heap grows in steps.
const PROCESS_BYTES: u64 = 1 << 20;

/// The way that a process of its own goes, and the files that it reads so, in order.
const WAY: &str = "PORTCULLIS_COSTS_WAY";
const FILES: &str = "PORTCULLIS_COSTS_FILES";

/// How many times as many instructions an unoptimised build takes as an optimised one: measured on PNG (15 to 17), on writing
/// JPEG (24 where every coefficient is coded, to 48) and on JSON (9), November 2026; what else is text is taken to be as JSON.
fn unoptimised(way: Way) -> f64 {
    match way {
        Way::Rebuild(Kind::Jpeg) => UNOPTIMISED_JPEG,
        Way::Rebuild(Kind::Png | Kind::Pdf) | Way::Examine(Kind::Png | Kind::Jpeg | Kind::Pdf) => UNOPTIMISED_PDF,
        _ => 9.0,
    }
}

/// Reads files in a process of its own, under whoever counts.
#[test]
#[ignore = "what is counted; `no_file_costs_more_than_it_may` runs it"]
fn reads_files_of_others() {
    let (Ok(name), Some(files)) = (std::env::var(WAY), std::env::var_os(FILES)) else { return };
    let way = Way::all().into_iter().find(|way| way.name() == name).unwrap();
    for file in std::env::split_paths(&files) {
        println!("\ncomes to {}", way.go(&std::fs::read(file).unwrap()));
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("held {}", status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim());
}

/// The process that reads these files, as the argument of `command` or by itself.
fn reader(mut command: Command, way: Way, files: &[PathBuf]) -> Output {
    let ended = command
        .args(["--ignored", "--exact", "reads_files_of_others", "--nocapture", "--test-threads=1"])
        .env(WAY, way.name())
        .env(FILES, std::env::join_paths(files).unwrap())
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}: {}", way.name(), String::from_utf8_lossy(&ended.stderr));
    ended
}

/// What each of these files came to, and the most memory that was held meanwhile, in bytes.
fn held(way: Way, files: &[PathBuf]) -> (Vec<String>, u64) {
    let said = reader(Command::new(std::env::current_exe().unwrap()), way, files).stdout;
    let said = String::from_utf8_lossy(&said);
    let came_to = said.lines().filter_map(|line| line.strip_prefix("comes to ")).map(str::to_owned).collect();
    let held = said.lines().find_map(|line| line.strip_prefix("held ")?.strip_suffix(" kB")).unwrap();
    (came_to, held.parse::<u64>().unwrap() << 10)
}

/// This program without its lines and names, which `valgrind` would read at each start; as it is where nobody strips.
fn stripped(folder: &Path) -> PathBuf {
    let (program, to) = (std::env::current_exe().unwrap(), folder.join("stripped"));
    let ended = Command::new("strip").arg("-o").args([&to, &program]).status();
    if ended.is_ok_and(|status| status.success()) { to } else { program }
}

/// The instructions that reading these files takes, with all that the process does beside.
fn counted(program: &Path, way: Way, files: &[PathBuf]) -> f64 {
    let mut command = Command::new("valgrind");
    // Of the tools that count, the fastest by far.
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    command.arg(program);
    let said = reader(command, way, files).stderr;
    let said = String::from_utf8_lossy(&said);
    let count = said.lines().find_map(|line| line.split_once(" refs:")).unwrap().1;
    count.trim().replace(',', "").parse().unwrap()
}

/// Writes files down, each under its number, behind the small one of their way.
fn written(folder: &Path, case: usize, way: Way, files: &[(Vec<u8>, Option<&str>)]) -> Vec<PathBuf> {
    let small = (way.small(), None);
    let all = std::iter::once(&small).chain(files).enumerate();
    let write = |(number, (bytes, _)): (usize, &(Vec<u8>, Option<&str>))| {
        let path = folder.join(format!("{case}.{number}"));
        std::fs::write(&path, bytes).unwrap();
        path
    };
    all.map(write).collect()
}

#[test]
fn no_file_costs_more_than_it_may() {
    let counts = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    if !counts {
        not_run::not_run("valgrind is missing, which counts what files cost; on Debian: apt-get install valgrind");
    }
    let folder = tempfile::tempdir().unwrap();
    let (program, cases) = (stripped(folder.path()), cases());
    let put = |(n, case): (usize, &Case)| (Some(n), case.way, written(folder.path(), n, case.way, &case.files));
    let mut work: Vec<_> = cases.iter().enumerate().map(put).collect();
    // What each way costs with nothing but the small file.
    let alone: BTreeMap<Way, PathBuf> = work.iter().map(|(_, way, files)| (*way, files[0].clone())).collect();
    work.extend(alone.into_iter().map(|(way, small)| (None, way, vec![small])));
    let (left, found) = (Mutex::new(work), Mutex::new(BTreeMap::new()));
    let next = || left.lock().unwrap().pop();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((case, way, files)) = next() {
                    let (came_to, bytes) = held(way, &files);
                    let count = if counts { counted(&program, way, &files) } else { 0.0 };
                    found.lock().unwrap().insert((case, way), (came_to, bytes, count));
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for (n, case) in cases.iter().enumerate() {
        let (came_to, bytes, count) = &found[&(Some(n), case.way)];
        let (_, bytes_alone, count_alone) = &found[&(None, case.way)];
        let (bytes, count) = (bytes.saturating_sub(*bytes_alone), count - count_alone);
        let may = case.units * UNIT * unoptimised(case.way);
        let may_hold = (case.units * UNIT_BYTES as f64) as u64 + PROCESS_BYTES;
        let line = format!(
            "{}: {}, {} of {} KiB; {}",
            case.name,
            if counts {
                format!("{:.0} million instructions ({:.2} of what is allowed)", count / 1e6, count / may)
            } else {
                "not counted".into()
            },
            bytes >> 10,
            may_hold >> 10,
            came_to[1..].join(" ")
        );
        let other = came_to[1..].iter().zip(&case.files).any(|(came, (_, want))| want.is_some_and(|want| want != came));
        if other || count > may * case.known || bytes > may_hold {
            wrong.push(line.clone());
        }
        table += &format!("{line}\n");
    }
    println!("{table}");
    assert!(
        wrong.is_empty(),
        "{} cost more than they may, or come to something else:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
