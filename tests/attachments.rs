//! Attachments of any size, between two real nodes: what they cost in memory, that they survive interruptions, and what
//! is refused on the way.
//!
//! `PORTCULLIS_ATTACHMENT_MIB` sets the size in mebibytes: the bound on memory stays the same, whatever it is.

mod support;

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis::digest::{Digest, Hasher};
use support::{Answer, Node, World};

const MIB: u64 = 1 << 20;
/// What either node, or a command, may use above what it uses idle, whatever the attachment's size.
const ABOVE_IDLE_MAX: u64 = 40 * MIB;
/// What a node may use in all while it sends or receives, idle included.
const RESIDENT_MAX: u64 = 90 * MIB;

fn size() -> u64 {
    let mib = std::env::var("PORTCULLIS_ATTACHMENT_MIB").ok().and_then(|v| v.parse().ok()).unwrap_or(64);
    mib * MIB
}

/// Writes plain text of `size` bytes, no line of it like another, and gives its digest.
fn write_text(path: &Path, size: u64) -> Digest {
    let mut file = BufWriter::with_capacity(1 << 20, fs::File::create(path).unwrap());
    let (mut hasher, mut written, mut n) = (Hasher::new(), 0, 0u64);
    while written < size {
        let line = format!("EXERCISE sighting {n} at berth {}, nothing more to report.\n", n % 97);
        let take = (size - written).min(line.len() as u64) as usize;
        let mut line = line.into_bytes();
        line.truncate(take);
        *line.last_mut().unwrap() = b'\n';
        file.write_all(&line).unwrap();
        hasher.update(&line);
        written += take as u64;
        n += 1;
    }
    file.into_inner().unwrap().sync_all().unwrap();
    hasher.finish()
}

/// A product in a folder, with one attachment of `size` bytes.
fn package(world: &World, id: &str, size: u64) -> (PathBuf, Digest) {
    let folder = world.path(id);
    fs::create_dir_all(folder.join("attachments")).unwrap();
    let digest = write_text(&folder.join("attachments/sightings.txt"), size);
    let text = format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-{id}\nTitle: (U) EXERCISE {id}\nOriginator: (U) EXERCISE Directorate\n\
         Date: 2026-11-20\nKind: report\n\nSECRET//REL TO USA, GBR\n\n(S//REL TO USA, GBR) EXERCISE {id}, attached.\n\n\
         (S//REL TO USA, GBR) ATTACHMENT sightings.txt text/plain {size} {digest}\n"
    );
    fs::write(folder.join("product.txt"), text).unwrap();
    (folder, digest)
}

/// Two nodes whose agreement takes payloads of this size, at this many bytes a second.
fn pair(world: &World, payload: u64, per_second: u64) -> (Node, Node) {
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let (payload, per_second) = ((payload * 2).to_string(), per_second.to_string());
    let changes = [("payload_bytes_max", &*payload), ("bytes_per_second", &*per_second), ("bytes_burst", "4194304")];
    world.enrol(&us, &them, &changes);
    world.enrol(&them, &us, &changes);
    world.officers(&us);
    (us, them)
}

/// A line of /proc/PID/status, in bytes.
fn memory(pid: u32, line: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|l| l.strip_prefix(line))?;
    Some(value.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

/// Runs a command of a node to its end; its answer, and the most memory it was seen to use.
fn watched(node: &Node, arguments: &[&str]) -> (String, u64) {
    let mut command = Command::new(support::program());
    command.arg("--config").arg(node.config()).args(["--format", "json"]).args(arguments);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(memory(child.id(), "VmHWM").unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    (String::from_utf8(output.stdout).unwrap(), most)
}

fn submit(us: &Node, package: &Path) -> (Answer, u64) {
    let package = package.display().to_string();
    let (stdout, most) = watched(
        us,
        &[
            "submit",
            &package,
            "--key",
            &us.key("exercise-producer"),
            "--to",
            "exercise-gbr",
            "--purpose",
            "EXERCISE",
            "--expires",
            "1d",
        ],
    );
    let value = serde_json::from_str(&stdout).unwrap();
    (Answer { status: 0, value, stdout, stderr: String::new() }, most)
}

fn approve(world: &World, us: &Node, request: &str) {
    for officer in ["exercise-officer-1", "exercise-officer-2"] {
        us.run(&["approve", "--yes", "--key", &world.key(officer), request]).expect(0);
    }
}

/// Submits a package and approves it twice; the request and its one exchange.
fn release(world: &World, us: &Node, package: &Path) -> (String, String) {
    let (answer, _) = submit(us, package);
    let (request, exchange) = (answer.text("/request").to_owned(), answer.text("/exchanges/0/exchange").to_owned());
    approve(world, us, &request);
    (request, exchange)
}

fn spooled(node: &Node, name: &str) -> PathBuf {
    node.folder.join("store/spool").join(name)
}

fn spool_is_empty_of(node: &Node, what: &str) -> bool {
    let files = fs::read_dir(node.folder.join("store/spool")).unwrap();
    !files.map(|f| f.unwrap().file_name().into_string().unwrap()).any(|name| name.contains(what))
}

/// The digest of a file, read in pieces.
fn digest_of(path: &Path) -> Digest {
    let mut hasher = Hasher::new();
    let mut file = fs::File::open(path).unwrap();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match std::io::Read::read(&mut file, &mut chunk).unwrap() {
            0 => return hasher.finish(),
            read => hasher.update(&chunk[..read]),
        }
    }
}

#[test]
fn an_attachment_costs_no_more_memory_than_a_text_at_either_end() {
    let world = World::new();
    let size = size();
    let (mut us, mut them) = pair(&world, size, 1 << 30);
    us.serve();
    them.serve();
    // A small one first: what a node uses once it has done everything once is what it uses idle.
    let (small, _) = package(&world, "SMALL", 1000);
    let (answer, idle_submit) = submit(&us, &small);
    approve(&world, &us, answer.text("/request"));
    us.until_state(answer.text("/exchanges/0/exchange"), "delivered");
    let idle: Vec<u64> = [&us, &them].map(|n| memory(n.pid(), "VmRSS").unwrap()).into();

    let (large, digest) = package(&world, "LARGE", size);
    let (answer, submitting) = submit(&us, &large);
    fs::remove_dir_all(&large).unwrap();
    let (request, exchange) = (answer.text("/request").to_owned(), answer.text("/exchanges/0/exchange").to_owned());
    assert!(spooled(&us, &format!("{request}.0.attachment")).exists());
    approve(&world, &us, &request);
    us.until_state(&exchange, "delivered");
    // Nothing waits for the attachment any more. It goes after the delivery is on record, and a gigabyte takes a moment.
    us.until(&["status", &exchange], |_| spool_is_empty_of(&us, "attachment"));

    let out = world.path("taken");
    let (_, taking) = watched(&them, &["inbox", "take", &exchange, "--out", out.to_str().unwrap()]);
    assert_eq!(digest_of(&out.join("attachments/sightings.txt")), digest);

    let most: Vec<u64> = [&us, &them].map(|n| memory(n.pid(), "VmHWM").unwrap()).into();
    let above = |most: u64, idle: u64| most.saturating_sub(idle);
    let figures = [
        ("sender", above(most[0], idle[0])),
        ("receiver", above(most[1], idle[1])),
        ("submit", above(submitting, idle_submit)),
        ("take", above(taking, idle_submit)),
    ];
    for (who, above) in figures {
        println!("{who}: {} MiB above idle for an attachment of {} MiB", above / MIB, size / MIB);
    }
    println!("idle: sender {} MiB, receiver {} MiB", idle[0] / MIB, idle[1] / MIB);
    for (who, above) in figures {
        assert!(above <= ABOVE_IDLE_MAX, "{who} used {} MiB above idle", above / MIB);
    }
    assert!(us.stop() && them.stop());
    us.run(&["ledger", "verify"]).expect(0);
    them.run(&["ledger", "verify"]).expect(0);
}

/// Makes a change to a spool file of a node that does not run, and lets the node try.
fn altered(change: impl FnOnce(&Path)) -> Answer {
    let world = World::new();
    let (mut us, them) = pair(&world, MIB, 1 << 30);
    let (folder, _) = package(&world, "ALTERED", 200_000);
    let (request, exchange) = release(&world, &us, &folder);
    change(&spooled(&us, &format!("{request}.0.attachment")));
    us.serve();
    let held =
        us.until(&["status", &exchange], |a| !a.text("/last_failure").is_empty() || a.text("/state") != "requested");
    assert!(us.stop());
    drop(them);
    held
}

#[test]
fn refuses_to_seal_an_attachment_altered_cut_short_swapped_or_missing_at_rest() {
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let cut_short = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_len(100_000).unwrap();
    // Another item that the same key keeps: it opens, and is not what the text names.
    let swap = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap().replace(".0.attachment", ".product");
        fs::copy(path.with_file_name(name), path).unwrap();
    };
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    type Change<'a> = &'a dyn Fn(&Path);
    let changes: [(Change<'_>, &str); 4] =
        [(&flip, "is damaged"), (&cut_short, "is damaged"), (&swap, "is damaged"), (&remove, "is missing")];
    for (change, why) in changes {
        let answer = altered(change);
        assert_eq!(answer.text("/state"), "requested", "{why}: nothing was sealed");
        assert!(answer.text("/last_failure").contains(why), "{why}: {}", answer.text("/last_failure"));
    }
    let untouched = altered(|_| {});
    assert_eq!(untouched.text("/state"), "queued", "{}", untouched.text("/last_failure"));
}

#[test]
fn a_refused_submission_leaves_no_attachment_behind() {
    let world = World::new();
    let (us, _them) = pair(&world, MIB, 1 << 30);
    let (folder, _) = package(&world, "REFUSED", 200_000);
    let submit = |folder: &Path, to: &str| {
        let folder = folder.display().to_string();
        us.run(&[
            "submit",
            &folder,
            "--key",
            &us.key("exercise-producer"),
            "--to",
            to,
            "--purpose",
            "EXERCISE",
            "--expires",
            "1d",
        ])
    };
    let text = fs::read_to_string(folder.join("product.txt")).unwrap();
    fs::write(folder.join("product.txt"), text.replace("REL TO USA, GBR", "NOFORN").replace("(S//NOFORN)", "(S//NF)"))
        .unwrap();
    let refused = submit(&folder, "exercise-gbr").expect(1);
    assert!(refused.stdout.contains("NOT-RELEASABLE"), "{}", refused.stdout);
    assert!(spool_is_empty_of(&us, "attachment"));
    fs::write(folder.join("product.txt"), text).unwrap();
    fs::write(folder.join("attachments/sightings.txt"), "EXERCISE\n").unwrap();
    let refused = submit(&folder, "exercise-gbr").expect(1);
    assert!(refused.stdout.contains("K-LENGTH"), "{}", refused.stdout);
    assert!(spool_is_empty_of(&us, "attachment") && spool_is_empty_of(&us, "product"));
}

#[test]
fn an_attachment_that_may_not_pass_is_refused_at_submission_and_cancelled_ones_are_let_go() {
    let world = World::new();
    let (us, _them) = pair(&world, MIB, 1 << 30);
    let (folder, _) = package(&world, "HIDDEN", 200_000);
    let (request, exchange) = release(&world, &us, &folder);
    assert!(spooled(&us, &format!("{request}.0.attachment")).exists());
    us.run(&["exchange", "cancel", &exchange]).expect(0);
    assert!(spool_is_empty_of(&us, "attachment"), "nothing waits for it any more");

    let path = folder.join("attachments/sightings.txt");
    let mut bytes = fs::read(&path).unwrap();
    bytes.splice(150_000..150_003, "\u{202e}".bytes());
    fs::write(&path, &bytes).unwrap();
    let text = fs::read_to_string(folder.join("product.txt")).unwrap();
    let digest = text.trim_end().rsplit(' ').next().unwrap().to_owned();
    fs::write(folder.join("product.txt"), text.replace(&digest, &Digest::of(&bytes).to_string())).unwrap();
    let folder = folder.display().to_string();
    let refused = us
        .run(&[
            "submit",
            &folder,
            "--key",
            &us.key("exercise-producer"),
            "--to",
            "exercise-gbr",
            "--purpose",
            "X",
            "--expires",
            "1d",
        ])
        .expect(1);
    assert!(refused.stdout.contains("text.bidi"), "{}", refused.stdout);
    assert!(spool_is_empty_of(&us, "attachment"));
}

/// How much of a payload is in a node's spool.
fn arrived(node: &Node, exchange: &str) -> u64 {
    let part = spooled(node, &format!("{exchange}.envelope.part"));
    let length = |path: PathBuf| fs::metadata(path).map(|m| m.len()).ok();
    length(part).or_else(|| length(spooled(node, &format!("{exchange}.envelope")))).unwrap_or(0)
}

/// From where the receiver went on, each time that it did.
fn resumed(node: &Node) -> Vec<u64> {
    let log = node.log_text();
    let lines = log.lines().filter(|line| line.contains("payload resumed"));
    lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["offset"].as_u64()).collect()
}

#[test]
fn a_payload_interrupted_three_times_goes_on_from_where_it_stopped() {
    const AT_MOST_AGAIN: u64 = 8 * MIB;
    let world = World::new();
    let size = size() / 2;
    // Slow enough to be interrupted, and three times faster than it takes to notice.
    let (mut us, mut them) = pair(&world, size, size / 8);
    let (folder, digest) = package(&world, "RESUMED", size);
    let (_, exchange) = release(&world, &us, &folder);
    fs::remove_dir_all(&folder).unwrap();
    us.serve();
    them.serve();
    let mut stopped = Vec::new();
    for quarter in 1..=3 {
        while arrived(&them, &exchange) < size / 4 * quarter {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        // Either side, by turns; what had arrived is read after nothing more can.
        let victim = if quarter == 2 { &mut us } else { &mut them };
        victim.kill();
        if quarter == 2 {
            us.serve();
        } else {
            stopped.push(arrived(&them, &exchange));
            them.serve();
        }
        while resumed(&them).len() < quarter as usize {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        if quarter == 2 {
            stopped.push(size / 4 * quarter);
        }
    }
    us.until_state(&exchange, "delivered");
    let resumed = resumed(&them);
    assert!(resumed.len() >= 3, "{resumed:?}");
    for (stopped, resumed) in stopped.iter().zip(&resumed) {
        println!("stopped with {} KiB, went on from {} KiB", stopped / 1024, resumed / 1024);
        assert!(resumed + AT_MOST_AGAIN >= *stopped, "stopped at {stopped}, went on from {resumed}");
    }
    for node in [&us, &them] {
        let most = memory(node.pid(), "VmHWM").unwrap();
        println!("{} used {} MiB at most since it was started last", node.name, most / MIB);
        assert!(most <= RESIDENT_MAX, "{} used {} MiB", node.name, most / MIB);
    }
    us.until(&["status", &exchange], |_| spool_is_empty_of(&us, "envelope"));
    let out = world.path("taken");
    them.run(&["inbox", "take", &exchange, "--out", out.to_str().unwrap()]).expect(0);
    assert_eq!(digest_of(&out.join("attachments/sightings.txt")), digest);
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    assert!(us.stop() && them.stop());
}
