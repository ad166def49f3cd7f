//! The log of a simulated node's store, as SQLite keeps one: what processes see of the store, what the log holds beyond
//! that, and what would be left of both without power.
//!
//! A commit whose sync fails is undone for those who have the store open, and may be found again by a process that opens
//! it when nobody else has it. What was lost with that sync stays lost whatever is synced later, and with it everything
//! behind it in the log, unless whoever opens the store writes the log again before going on.

use super::exec::Rng;
use super::memory::Durable;
use super::volume::Synced;

/// The log.
pub struct Wal {
    /// What a power cut would leave, where that is not what is seen.
    disk: Option<Durable>,
    /// What the log holds beyond what is seen, and whether the disk never got it.
    beyond: Option<(Durable, bool)>,
    /// Whether nothing that is synced reaches the disk: there is a gap before it in the log.
    gap: bool,
    rng: Rng,
}

impl Wal {
    pub fn new(seed: u64) -> Wal {
        Wal { disk: None, beyond: None, gap: false, rng: Rng::new(seed) }
    }

    /// A commit was synced, or seems to have been; `before` is what was seen before it.
    pub fn synced(&mut self, before: Option<Durable>) {
        // It stands where in the log stood what was undone.
        self.beyond = None;
        self.disk = match self.gap {
            true => self.disk.take().or(before),
            false => None,
        };
    }

    /// Whether what is synced may never reach the disk.
    pub fn has_gap(&self) -> bool {
        self.gap
    }

    /// A commit was written and not synced: its sync failed, or the process was killed before. What is seen is `before`.
    pub fn unsynced(&mut self, before: &Durable, after: Durable, how: Synced) {
        let (failed, written) = (how == Synced::Failed || self.rng.one_in(2), self.rng.one_in(2));
        if !self.gap {
            self.disk = Some(if written { after.clone() } else { before.clone() });
        }
        self.beyond = Some((after, failed && !written));
    }

    /// Nobody else has the store open. What is seen then is `seen`, or what is given back; it is written again unless the
    /// log is `trusted` as it is read.
    pub fn opened(&mut self, seen: &Durable, trusted: bool, rewritten: bool) -> Result<Option<Durable>, ()> {
        if !trusted && !rewritten {
            return Err(());
        }
        let found = self.beyond.take();
        if trusted {
            if let Some((_, lost)) = &found {
                self.disk.get_or_insert_with(|| seen.clone());
                self.gap |= lost;
            }
        } else if !self.gap {
            self.disk = None;
        }
        Ok(found.map(|(after, _)| after))
    }

    /// The power fails: what is left.
    pub fn cut_power(&mut self) -> Option<Durable> {
        self.beyond = None;
        self.gap = false;
        self.disk.take()
    }

    /// What a power cut would leave, where that is not what is seen.
    pub fn left(&self) -> Option<&Durable> {
        self.disk.as_ref()
    }
}
