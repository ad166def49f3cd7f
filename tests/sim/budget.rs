//! What a hostile partner may cost its victim at any moment, whatever it sends: bytes that wait for it, exchanges that are
//! open, payloads that are not finished, rows, entries, and what stands in them. Judged from outside, after every step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::ledger::Entry;
use portcullis::partner::Limits;
use portcullis::store::{Direction, Exchange, ExchangeState, SpoolId};
use portcullis::time::Time;
use portcullis::wire::{CONTROL_FRAME_BYTES_MAX, DATA_BYTES_MAX};

use super::memory::Durable;

/// How many of its payloads may be unfinished in the spool at once: `unfinished_max` of the template's nodes.
pub const UNFINISHED_MAX: usize = 4;
/// After which time without a byte an exchange that was abandoned is gone, with what there was of its payload:
/// `unfinished_hours`, and the hour between two looks.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(25 * 3600);

/// Links that a partner may bring up at once, and how many more a minute.
pub const LINKS: (u32, u32) = (30, 60);
/// Streams of what is no frame that a partner's links survive at once, and how many more a minute.
pub const NO_FRAMES: (u32, u32) = (20, 20);
/// Pings that are answered at once on one link, and how many more a minute.
const PINGS: (u32, u32) = (8, 60);
/// The most entries that one offer leads to: it is on record, then in the inbox, set aside or refused with an alarm, and
/// receipted.
const ENTRIES_AN_OFFER: u32 = 4;
/// The most that all its links lead to in an hour: what was said of its ledger comes and goes so often, and then stays.
const ENTRIES_OF_LEDGER: u32 = 9;
/// The most lines of the log that one offer leads to: what was said of it, and what became of it.
const LINES_AN_OFFER: u32 = 4;
/// The most that one link does: it is up, and what was said of the partner's ledger.
const LINES_A_LINK: u32 = 3;
/// The longest text about it in a row or an entry, in bytes: a sentence of our own, or what was read and is in order.
const TEXT_BYTES_MAX: usize = 1024;
/// Stands in whatever text it sends of its own making, and must stand in nothing that is put on record.
pub const ITS_OWN_WORD: &str = "quagmire";

const MINUTE: Duration = Duration::from_secs(60);

/// What is held for it in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// Frames for a control stream whose link is not up yet: a Hello and a proof.
    Greeting,
    /// Frames for the control stream of a link.
    Control,
    /// Frames for an exchange stream: Accept, Ready, and a last one.
    Exchange,
    /// What has come on a control stream and is no whole frame yet.
    ControlRead,
    /// What has come on an exchange stream and is no whole frame yet.
    ExchangeRead,
}

impl What {
    /// The most bytes of it.
    fn most(self) -> usize {
        match self {
            What::Greeting => 2 * 16 * 1024,
            // An answer, a question of our own, and a goodbye.
            What::Control => 3 * 256,
            What::Exchange => 2 * 256 + CONTROL_FRAME_BYTES_MAX,
            What::ControlRead => CONTROL_FRAME_BYTES_MAX + super::stream::WINDOW,
            What::ExchangeRead => DATA_BYTES_MAX + super::stream::WINDOW,
        }
    }
}

/// What is counted by the minute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Often {
    Links,
    /// Offers that were judged.
    Offers,
    /// Pings that were answered, of one link.
    Pongs(u64),
    /// Streams of what is no frame, of one link.
    NoFrames(u64),
    Entries,
    /// Lines of the log.
    Lines,
}

#[derive(Default)]
struct Spent {
    next: u64,
    held: BTreeMap<u64, (What, usize)>,
    /// Exchanges that it has open.
    open: usize,
    /// When, in the last minute, and since the victim's process began.
    often: BTreeMap<Often, VecDeque<Time>>,
    /// How far the victim's record was looked at.
    entries: usize,
    seen: (usize, u64),
    /// What was found wrong in the log.
    found: Vec<String>,
    /// Something was counted, or the spool was written to, since the last look.
    changed: bool,
    spooled: bool,
}

/// The budget of one partner at one node.
pub struct Budget {
    partner: PartnerId,
    limits: Limits,
    spent: Mutex<Spent>,
    /// The numbers under which it offered something.
    offered: Mutex<BTreeSet<ExchangeId>>,
}

/// So many bytes that are held for it, until this is dropped.
pub struct Gauge {
    budget: Arc<Budget>,
    number: u64,
}

impl Gauge {
    pub fn of(budget: &Arc<Budget>, what: What) -> Gauge {
        let mut spent = budget.lock();
        let number = spent.next;
        spent.next += 1;
        spent.held.insert(number, (what, 0));
        Gauge { budget: budget.clone(), number }
    }

    pub fn set(&self, bytes: usize) {
        let mut spent = self.budget.lock();
        spent.changed = true;
        if let Some(held) = spent.held.get_mut(&self.number) {
            held.1 = bytes;
        }
    }

    /// From now on it is held as something else.
    pub fn becomes(&self, what: What) {
        if let Some(held) = self.budget.lock().held.get_mut(&self.number) {
            held.0 = what;
        }
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.budget.lock().held.remove(&self.number);
    }
}

/// An exchange that is open, until this is dropped.
pub struct Open(Arc<Budget>);

impl Open {
    pub fn of(budget: &Arc<Budget>) -> Open {
        let mut spent = budget.lock();
        spent.open += 1;
        spent.changed = true;
        drop(spent);
        Open(budget.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
    }
}

impl Budget {
    pub fn of(partner: PartnerId, limits: Limits) -> Arc<Budget> {
        Arc::new(Budget { partner, limits, spent: Mutex::default(), offered: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offered(&self) -> MutexGuard<'_, BTreeSet<ExchangeId>> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It offers something under this number, which is nobody else's.
    pub fn offers(&self, id: ExchangeId) {
        self.offered().insert(id);
    }

    pub fn count(&self, often: Often, now: Time) {
        let mut spent = self.lock();
        spent.changed = true;
        let times = spent.often.entry(often).or_default();
        times.push_back(now);
        while times.front().is_some_and(|first| now.since(*first) >= MINUTE) {
            times.pop_front();
        }
    }

    /// Something about it goes into the log.
    pub fn says<'a>(&self, of: &str, texts: impl Iterator<Item = (&'a str, &'a str)>) {
        is_in_order(of, "the victim", texts, &mut self.lock().found);
    }

    /// The spool was written to.
    pub fn spooled(&self) {
        self.lock().spooled = true;
    }

    /// The victim's process ended: what was allowed in the last minute is allowed again.
    pub fn begins_anew(&self) {
        self.lock().often.clear();
    }

    /// How often something may be in a minute.
    fn may(&self, often: Often) -> usize {
        let in_a_minute = |(burst, more): (u32, u32)| burst.saturating_add(more);
        let offers = in_a_minute((self.limits.offers_burst, self.limits.offers_per_minute));
        let most = match often {
            Often::Links => in_a_minute(LINKS),
            Often::Offers => offers,
            Often::Pongs(_) => in_a_minute(PINGS),
            // The one too many closes the link.
            Often::NoFrames(_) => in_a_minute(NO_FRAMES) + 1,
            Often::Lines => offers * LINES_AN_OFFER + in_a_minute(LINKS) * LINES_A_LINK,
            Often::Entries => offers * ENTRIES_AN_OFFER + ENTRIES_OF_LEDGER,
        };
        most as usize
    }

    /// What is beyond the budget now; nothing of that is looked at which cannot have changed since the last time.
    pub fn beyond(&self, disk: &Durable, files: impl FnOnce() -> Vec<(SpoolId, u64)>) -> Vec<String> {
        let mut found = Vec::new();
        self.look_at_entries(disk, &mut found);
        let (changed, spooled, written) = {
            let mut spent = self.lock();
            let seen = (disk.exchanges.len(), disk.generations.all);
            let written = std::mem::replace(&mut spent.seen, seen) != seen;
            (std::mem::take(&mut spent.changed), std::mem::take(&mut spent.spooled), written)
        };
        if changed {
            found.append(&mut self.lock().found);
            self.look_at_memory(&mut found);
        }
        if written {
            self.look_at_rows(disk, &mut found);
        }
        if spooled || written {
            self.look_at_spool(disk, &files(), &mut found);
        }
        found
    }

    fn look_at_memory(&self, found: &mut Vec<String>) {
        let spent = self.lock();
        for (what, bytes) in spent.held.values().filter(|(what, bytes)| *bytes > what.most()) {
            found.push(format!("{bytes} bytes are held as {what:?}, {} at most", what.most()));
        }
        let most = self.limits.concurrent as usize;
        if spent.open > most {
            found.push(format!("{} exchanges are open, {most} at most", spent.open));
        }
        for (often, times) in &spent.often {
            let most = self.may(*often);
            if times.len() > most {
                found.push(format!("{often:?}: {} in a minute, {most} at most", times.len()));
            }
        }
    }

    fn look_at_entries(&self, disk: &Durable, found: &mut Vec<String>) {
        // A power cut takes some of them away.
        let first = std::mem::replace(&mut self.lock().entries, disk.entries.len()).min(disk.entries.len());
        for (entry, _) in &disk.entries[first..] {
            if self.caused(entry) {
                self.count(Often::Entries, entry.time());
                let texts = entry.detail().iter().map(|(name, text)| (name.as_str(), text.as_str()));
                is_in_order("an entry", entry.subject(), texts, found);
            }
        }
    }

    fn caused(&self, entry: &Entry) -> bool {
        let about = |id: ExchangeId| self.offered().contains(&id);
        [entry.actor(), entry.subject()].contains(&self.partner.as_str()) || entry.subject().parse().is_ok_and(about)
    }

    fn rows<'a>(&self, disk: &'a Durable) -> impl Iterator<Item = &'a Exchange> {
        let partner = self.partner.clone();
        disk.exchanges.iter().filter(move |row| row.partner == partner && row.direction == Direction::In)
    }

    fn look_at_rows(&self, disk: &Durable, found: &mut Vec<String>) {
        let (rows, most) = (self.rows(disk).count() as u64, self.limits.daily_exchanges);
        if rows > most {
            found.push(format!("{rows} rows are its, {most} a day at most"));
        }
        for row in self.rows(disk) {
            let texts = [
                ("marking", &row.marking),
                ("product", &row.product_id),
                ("title", &row.title),
                ("title's marking", &row.title_marking),
                ("contact", &row.contact),
                ("purpose", &row.purpose),
                ("checkpoint", &row.partner_checkpoint),
                ("refusal", &row.refusal),
                ("reason", &row.reason),
            ];
            let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
            let subjects = row.subjects.iter().map(|subject| ("subject", subject.as_str()));
            is_in_order("the row", &row.id.to_string(), texts.chain(subjects), found);
        }
    }

    fn look_at_spool(&self, disk: &Durable, files: &[(SpoolId, u64)], found: &mut Vec<String>) {
        let is_arriving = |id: &ExchangeId| disk.exchange(id).is_some_and(|row| row.state == ExchangeState::Receiving);
        let unfinished = files.iter().filter_map(|(id, size)| match id {
            SpoolId::Envelope(id) if self.is_unfinished(disk, id) => Some((is_arriving(id), *size)),
            _ => None,
        });
        // What has no row yet is being accepted, and what was refused is being removed, or was when its process was killed: the
        // next start sets it aside.
        let (recorded, begun): (Vec<_>, Vec<_>) = unfinished.partition(|(arriving, _)| *arriving);
        // As many recalls as products.
        let (most, at_once) = (2 * UNFINISHED_MAX, self.limits.concurrent as usize);
        if recorded.len() > most || begun.len() > at_once {
            let (recorded, begun) = (recorded.len(), begun.len());
            found.push(format!(
                "{recorded} of its payloads are unfinished in the spool, {most} at most, and {begun} begun or refused, {at_once} at most"
            ));
        }
        let (sum, bytes) = (recorded.iter().chain(&begun).map(|(_, size)| size).sum::<u64>(), self.limits.daily_bytes);
        if sum > bytes {
            found.push(format!("{sum} bytes of its payloads are unfinished in the spool, {bytes} at most"));
        }
    }

    /// Whether a payload is its, and nothing became of it yet.
    fn is_unfinished(&self, disk: &Durable, id: &ExchangeId) -> bool {
        let ended = |row: &Exchange| row.receipt.is_some() || row.partner != self.partner;
        self.offered().contains(id) && !disk.exchange(id).is_some_and(ended)
    }

    /// What is left of what it abandoned, when that should be gone: exchanges that are arriving, and unfinished payloads.
    pub fn left(&self, disk: &Durable, files: &[(SpoolId, u64)]) -> Vec<String> {
        let arriving = self.rows(disk).filter(|row| row.state == ExchangeState::Receiving);
        let mut left: Vec<String> = arriving.map(|row| format!("{} is still arriving", row.id)).collect();
        for (id, size) in files {
            if let SpoolId::Envelope(id) = id
                && self.is_unfinished(disk, id)
            {
                left.push(format!("{size} bytes of {id} are still in the spool"));
            }
        }
        left
    }
}

/// Whether texts on record are bounded, and none is what the partner made up.
fn is_in_order<'a>(of: &str, which: &str, texts: impl Iterator<Item = (&'a str, &'a str)>, found: &mut Vec<String>) {
    for (name, text) in texts {
        if text.len() > TEXT_BYTES_MAX {
            found.push(format!("{of} of {which} has {} bytes as its {name}, {TEXT_BYTES_MAX} at most", text.len()));
        }
        if text.to_lowercase().contains(ITS_OWN_WORD) {
            let text: String = text.chars().take(200).collect();
            found.push(format!("{of} of {which} has the partner's own words as its {name}: {text}"));
        }
    }
}
