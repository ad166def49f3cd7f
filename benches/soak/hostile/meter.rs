//! What a node takes, read from outside of it: the kernel's account of its processes, its files, and its records.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::room::free_bytes;

/// How often the most of something is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// What was used up to one moment.
pub struct Reading {
    pub at: Instant,
    /// Deliveries of the honest partner, by its own record.
    pub delivered: u64,
    /// Processor time of the node and of its children that have ended, in seconds.
    pub cpu: f64,
    pub log: u64,
    pub database: u64,
    pub wal: u64,
    pub spool: u64,
    /// Entries of the node's ledger that are not about an honest exchange.
    pub entries: u64,
}

/// Where to read a node.
#[derive(Clone)]
pub struct Meter {
    pub pid: u32,
    pub log: PathBuf,
    pub store: PathBuf,
    pub honest: String,
    pub hostile: String,
}

impl Meter {
    pub fn read(&self, delivered: u64) -> Reading {
        let length = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
        let sql = format!(
            "SELECT count(*) FROM ledger WHERE NOT EXISTS \
             (SELECT 1 FROM exchange WHERE id = ledger.subject AND partner = '{}')",
            self.honest
        );
        Reading {
            at: Instant::now(),
            delivered,
            cpu: cpu_seconds(self.pid),
            log: length(self.log.clone()),
            database: length(self.store.join("portcullis.db")),
            wal: length(self.store.join("portcullis.db-wal")),
            spool: bytes_under(&self.store.join("spool")),
            entries: count(&open(&self.store.join("portcullis.db")), &sql),
        }
    }

    /// Has the kernel look for the most memory anew.
    pub fn forget_peak(&self) {
        // Where that cannot be done, the most since the start counts, which is more.
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.pid), "5");
    }

    /// The most memory of the node since it was forgotten, in bytes.
    pub fn peak(&self) -> u64 {
        field(self.pid, "VmHWM:")
    }

    /// Looks for the most of what no counter holds, until it is asked.
    pub fn watch(&self) -> Watch {
        let (meter, stop) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let records = open(&meter.store.join("portcullis.db"));
            let sql = format!(
                "SELECT count(*) FROM exchange WHERE direction = 'in' AND partner = '{}' AND state = 'receiving'",
                meter.hostile
            );
            let mut most = Most { free_least: u64::MAX, ..Most::default() };
            while !stopped.load(Ordering::Relaxed) {
                let children: u64 = children(meter.pid).into_iter().map(|child| field(child, "VmRSS:")).sum();
                most.children = most.children.max(children);
                most.unfinished = most.unfinished.max(count(&records, &sql));
                most.free_least = most.free_least.min(free_bytes(&meter.store.join("spool")));
                std::thread::sleep(LOOK);
            }
            most
        });
        Watch { stop, thread }
    }
}

/// The most there was while it was watched.
#[derive(Default)]
pub struct Most {
    /// Memory of the node's children, in bytes.
    pub children: u64,
    /// Unfinished payloads of the hostile partner.
    pub unfinished: u64,
    /// The least that was free on the spool's disk.
    pub free_least: u64,
}

pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Most>,
}

impl Watch {
    pub fn end(self) -> Most {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a thread that only reads")
    }
}

/// A node's records, to be read only.
pub fn open(database: &Path) -> Connection {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
    connection.pragma_update(None, "query_only", true).expect("a setting");
    connection.busy_timeout(Duration::from_secs(10)).expect("a setting");
    connection
}

pub fn count(records: &Connection, sql: &str) -> u64 {
    records.query_row(sql, (), |row| row.get::<_, i64>(0)).map_or(0, |n| u64::try_from(n).unwrap_or(0))
}

/// Bytes that the files under a folder take on their disk.
fn bytes_under(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_under(&entry.path()),
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// Processor time of a process, its threads and its ended children, in seconds.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name in parentheses, the 12th to 15th fields are times in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = fields.get(11..15).unwrap_or_default();
    ticks.iter().map(|ticks| ticks.parse::<f64>().unwrap_or(0.0) / 100.0).sum()
}

fn children(pid: u32) -> Vec<u32> {
    let all = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    all.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// A field of a process' status that is told in kibibytes, in bytes.
fn field(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}
