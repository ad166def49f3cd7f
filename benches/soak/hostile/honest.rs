//! The honest partner: a node of its own that delivers all the time, as fast as its agreement lets it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::budget::RECONNECT_MAX;
use super::meter::{count, open};
use crate::support::{Node, World};

/// Products submitted at a time.
const BATCH: usize = 200;
/// With nothing delivered for this long, a run is given up.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Honest {
    pub node: Node,
    /// Exchanges of everything that was submitted.
    pub released: BTreeSet<String>,
    victim: String,
    records: Connection,
}

impl Honest {
    pub fn start(mut node: Node, victim: &str) -> Honest {
        node.serve();
        node.until_serving();
        let records = open(&node.folder.join("store/portcullis.db"));
        Honest { node, released: BTreeSet::new(), victim: victim.to_owned(), records }
    }

    pub fn delivered(&self) -> u64 {
        count(&self.records, "SELECT count(*) FROM exchange WHERE direction = 'out' AND state = 'delivered'")
    }

    fn waiting(&self) -> u64 {
        (self.released.len() as u64).saturating_sub(self.delivered())
    }

    /// Has at least so many products wait to be sent, sealed and all: what is measured is their delivery.
    pub fn have(&mut self, world: &World, wanted: u64) {
        while self.waiting() < wanted {
            let first = self.released.len();
            let files: Vec<String> = (first..first + BATCH)
                .map(|n| world.product(&format!("HONEST-{n:06}"), "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)"))
                .collect();
            let submitted = world.release(&self.node, &files, &self.victim);
            let exchange = |request: &serde_json::Value| {
                request.pointer("/exchanges/0/exchange").and_then(|e| e.as_str()).unwrap_or_default().to_owned()
            };
            self.released.extend(submitted.list("/requests").iter().map(exchange));
            files.iter().for_each(|file| drop(std::fs::remove_file(file)));
        }
        let unsealed =
            "SELECT count(*) FROM exchange WHERE direction = 'out' AND state IN ('requested', 'held', 'approved')";
        let began = Instant::now();
        while count(&self.records, unsealed) > 0 && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops and starts its node; how long it took until it delivered again.
    pub fn reconnect(&mut self) -> Option<Duration> {
        let ended = self.node.stop();
        let (before, began) = (self.delivered(), Instant::now());
        self.node.serve();
        while ended && began.elapsed() < RECONNECT_MAX {
            if self.delivered() > before {
                return Some(began.elapsed());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Waits until everything is delivered, or nothing has been for a long time.
    pub fn finish(&self) {
        let (mut last, mut since) = (self.waiting(), Instant::now());
        while last > 0 && since.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(100));
            let now = self.waiting();
            if now < last {
                (last, since) = (now, Instant::now());
            }
        }
    }
}
