//! `scripts/bench`: what the gateway does in a second, beside what the parts it is made of would allow on this machine.
//!
//! Real nodes as processes on loopback; every limit is computed from primitives timed in the same run.

mod primitives;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use portcullis::digest::Hasher;
use primitives::Primitives;
use serde_json::{Value, json};
use support::{Node, World};

/// Measures the gateway.
#[derive(Parser)]
#[command(name = "scripts/bench")]
struct Options {
    /// Less of everything: minutes become seconds, and the spread grows.
    #[arg(long)]
    quick: bool,
    /// Also write the rows to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only these rows.
    #[arg(long, value_name = "ROW")]
    row: Vec<String>,
    /// The size of the attachment of `bulk`, in MiB.
    #[arg(long)]
    bulk_mib: Option<u64>,
    /// How many products `many` sends.
    #[arg(long)]
    many: Option<usize>,
}

const OFFICERS: [&str; 2] = ["exercise-officer-1", "exercise-officer-2"];
const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

fn main() -> ExitCode {
    // `cargo bench` adds an option of its own.
    let options = Options::parse_from(std::env::args().filter(|argument| argument != "--bench"));
    let wanted = |row: &str| options.row.is_empty() || options.row.iter().any(|name| name == row);
    let measure = || Primitives::measure(if options.quick { 64 << 20 } else { 256 << 20 });
    let mut rows = Vec::new();
    let rounds = if options.quick { 1 } else { 3 };
    if wanted("many") {
        let count = options.many.unwrap_or(if options.quick { 1000 } else { 2000 });
        rows.push(row("many", "exchanges/s", rounds, &measure, Primitives::many_limit, &|| many(count)));
    }
    if wanted("bulk") {
        let bytes = options.bulk_mib.unwrap_or(if options.quick { 64 } else { 1024 }) << 20;
        rows.push(row("bulk", "GB/s", rounds, &measure, Primitives::bulk_limit, &|| bulk(bytes)));
    }
    if wanted("start") {
        rows.push(start(options.many.unwrap_or(if options.quick { 1000 } else { 10_000 })));
    }
    let answer = json!({ "rows": rows, "quick": options.quick });
    let text = serde_json::to_string_pretty(&answer).expect("numbers and texts");
    println!("{text}");
    if let Some(file) = &options.json
        && let Err(error) = std::fs::write(file, text + "\n")
    {
        eprintln!("`{}` cannot be written: {error}", file.display());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The median of what was measured, beside its limit; the spread is that between the extremes, as part of the median.
/// Primitives are timed before each round and after the last: a machine is not as fast in one minute as in the next.
fn row(
    name: &str,
    unit: &str,
    rounds: usize,
    primitives: &dyn Fn() -> Primitives,
    limit: fn(&Primitives) -> f64,
    round: &dyn Fn() -> f64,
) -> Value {
    let (mut measured, mut around) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        around.push(primitives());
        measured.push(round());
    }
    around.push(primitives());
    let limit = around.iter().map(limit).sum::<f64>() / around.len() as f64;
    measured.sort_by(f64::total_cmp);
    let median = measured[measured.len() / 2];
    let spread = (measured[measured.len() - 1] - measured[0]) / median;
    let short = |value: f64| (value * 10_000.0).round() / 10_000.0;
    eprintln!("{name:<8} {median:>10.3} {unit}, {:.2} of its limit {limit:.3}", median / limit);
    json!({
        "row": name,
        "unit": unit,
        "better": "higher",
        "ours": short(median),
        "limit": short(limit),
        "of_limit": short(median / limit),
        "spread": short(spread),
        "primitives": around.iter().map(Primitives::view).collect::<Vec<_>>(),
    })
}

/// Two nodes that have enrolled each other under an agreement that stands in nobody's way.
fn pair(world: &World) -> (Node, Node) {
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let limits = [
        ("offers_per_minute", "6000000"),
        ("offers_burst", "1000000"),
        ("bytes_per_second", "4294967295"),
        ("bytes_burst", "2147483648"),
        ("concurrent", "64"),
        ("payload_bytes_max", "17179869184"),
    ];
    world.enrol(&us, &them, &limits);
    world.enrol(&them, &us, &limits);
    world.officers(&us);
    (us, them)
}

/// Products of 4 KiB, from the first approval to the last receipt; exchanges a second.
fn many(count: usize) -> f64 {
    let world = World::new();
    let (mut us, mut them) = pair(&world);
    let seconds = deliver(&world, &mut us, &mut them, count);
    count as f64 / seconds
}

/// Starts a second, from the command to the line that says it serves, of a node that received so many products; beside those
/// of one that received none. `ours_ms` are the milliseconds of one start, with the slowest of all in `slowest_ms`.
fn start(count: usize) -> Value {
    let (world, other) = (World::new(), World::new());
    let (mut us, mut them) = pair(&world);
    let (_, mut empty) = pair(&other);
    deliver(&world, &mut us, &mut them, count);
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..11 {
        limit.push(time_to_start(&mut empty));
        ours.push(time_to_start(&mut them));
    }
    ours.sort_by(f64::total_cmp);
    limit.sort_by(f64::total_cmp);
    let (middle, slowest) = (ours[ours.len() / 2], ours[ours.len() - 1]);
    let of_limit = limit[limit.len() / 2] / middle;
    eprintln!(
        "{:<8} {middle:>10.3} ms with {count} exchanges, at most {slowest:.3}, {of_limit:.2} of its limit",
        "start"
    );
    json!({
        "row": "start",
        "unit": "starts/s",
        "better": "higher",
        "exchanges": count,
        "ours": 1000.0 / middle,
        "limit": 1000.0 / limit[limit.len() / 2],
        "of_limit": of_limit,
        "spread": (slowest - ours[0]) / middle,
        "ours_ms": middle,
        "slowest_ms": slowest,
    })
}

/// Milliseconds until a node says that it serves; it is stopped again.
fn time_to_start(node: &mut Node) -> f64 {
    use std::io::{Read as _, Seek as _, SeekFrom};
    // Only what is new: the log of so many deliveries is long, and to read it takes as long as a start.
    let (log, seen) = (node.log(), node.log_text().len() as u64);
    let began = Instant::now();
    node.serve();
    let mut said = String::new();
    let mut file = std::fs::File::options().read(true).append(true).create(true).open(log).expect("the log");
    file.seek(SeekFrom::Start(seen)).expect("a file");
    while !said.contains("node started") {
        file.read_to_string(&mut said).expect("the log is text");
        assert!(began.elapsed() < Duration::from_secs(60), "not started in a minute: {}", node.log_text());
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = began.elapsed().as_secs_f64() * 1000.0;
    assert!(node.stop(), "the node did not end in order");
    took
}

/// Submits, approves and delivers so many products; seconds from the first approval to the last receipt.
fn deliver(world: &World, us: &mut Node, them: &mut Node, count: usize) -> f64 {
    let words = "EXERCISE words.\n".repeat(232);
    let files: Vec<String> = (0..count)
        .map(|n| {
            let file = world.product(&format!("MANY-{n:06}"), BANNER, PORTION);
            let text = std::fs::read_to_string(&file).expect("a file just written");
            std::fs::write(&file, format!("{}\n{PORTION} {}", text, words)).expect("a file");
            file
        })
        .collect();
    let submitted: Vec<String> = files.chunks(1000).flat_map(|files| submit(us, files, them)).collect();
    us.serve();
    them.serve();
    us.until_serving();
    them.until_serving();
    let began = Instant::now();
    // Two people, each at a desk of their own.
    std::thread::scope(|scope| {
        for officer in OFFICERS {
            let (us, submitted) = (&*us, &submitted);
            scope.spawn(move || approve(world, us, officer, submitted));
        }
    });
    wait_for(us, count);
    let seconds = began.elapsed().as_secs_f64();
    assert!(us.stop() && them.stop(), "a node did not end in order");
    seconds
}

/// One product with one large attachment, from its last approval to its receipt: decided, sealed, sent, stored, opened,
/// checked and receipted; GB a second.
fn bulk(bytes: u64) -> f64 {
    let world = World::new();
    let (mut us, mut them) = pair(&world);
    let folder = package(&world, bytes);
    let submitted = submit(&us, &[folder], &them);
    us.serve();
    them.serve();
    us.until_serving();
    them.until_serving();
    approve(&world, &us, OFFICERS[0], &submitted);
    approve(&world, &us, OFFICERS[1], &submitted);
    let began = Instant::now();
    wait_for(&us, 1);
    let seconds = began.elapsed().as_secs_f64();
    assert!(us.stop() && them.stop(), "a node did not end in order");
    bytes as f64 / 1e9 / seconds
}

/// A product in a folder, with its attachment beside it.
fn package(world: &World, bytes: u64) -> String {
    use std::io::Write as _;
    let folder = world.path("bulk");
    std::fs::create_dir_all(folder.join("attachments")).expect("a folder");
    let line = b"EXERCISE: a line of sixty-four bytes, over and over again, as text.";
    let block: Vec<u8> = line[..63].iter().chain(b"\n").copied().cycle().take(1 << 20).collect();
    let mut file = std::fs::File::create(folder.join("attachments/bulk.txt")).expect("a file");
    let mut hasher = Hasher::new();
    for _ in 0..bytes >> 20 {
        file.write_all(&block).expect("room on the disk");
        hasher.update(&block);
    }
    let text = world.product("BULK", BANNER, PORTION);
    let text = std::fs::read_to_string(text).expect("a file just written");
    let attachment = format!("\n{PORTION} ATTACHMENT bulk.txt text/plain {bytes} {}\n", hasher.finish());
    std::fs::write(folder.join("product.txt"), text + &attachment).expect("a file");
    folder.display().to_string()
}

fn submit(us: &Node, files: &[String], them: &Node) -> Vec<String> {
    let mut arguments = vec!["submit"];
    arguments.extend(files.iter().map(String::as_str));
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", &them.name, "--purpose", "EXERCISE", "--expires", "1d"];
    arguments.extend(terms);
    let submitted = us.run(&arguments).expect(0);
    match submitted.list("/requests") {
        [] => vec![submitted.text("/request").to_owned()],
        many => many.iter().map(|r| r["request"].as_str().expect("a number").to_owned()).collect(),
    }
}

fn approve(world: &World, us: &Node, officer: &str, requests: &[String]) {
    let key = world.key(officer);
    for some in requests.chunks(1000) {
        let mut arguments = vec!["approve", "--yes", "--key", &key];
        arguments.extend(some.iter().map(String::as_str));
        us.run(&arguments).expect(0);
    }
}

/// Waits until so many exchanges are delivered.
fn wait_for(us: &Node, count: usize) {
    let database = us.folder.join("store/portcullis.db");
    let connection = rusqlite::Connection::open(database).expect("the node's database");
    connection.pragma_update(None, "query_only", true).expect("a setting");
    let sql = "SELECT count(*) FROM exchange WHERE direction = 'out' AND state = 'delivered'";
    let mut delivered = connection.prepare(sql).expect("a query");
    let began = Instant::now();
    let mut so_far = || delivered.query_row((), |row| row.get::<_, i64>(0)).expect("a count");
    while usize::try_from(so_far()).is_ok_and(|n| n < count) {
        assert!(began.elapsed() < Duration::from_secs(1800), "not delivered in half an hour: {}", us.log_text());
        // Often enough for the clock, and seldom enough to take nothing from what is measured.
        std::thread::sleep(Duration::from_millis(50));
    }
}
