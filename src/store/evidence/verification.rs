//! Results of verification: rows that do not match the ledger, damage, and the result of a complete check.

use std::fmt;

use super::{Evidence, Facts};
use crate::ledger::{ABSENT, LedgerFault, SignedCheckpoint};

/// Maximum number of disagreements listed.
const LISTED_MAX: usize = 100;

/// Name of the fact used for damaged structures, which no ledger entry records.
pub(in crate::store) const STRUCTURE: &str = "structure";

/// A row that does not match the ledger, a missing row or ledger record, or damage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disagreement {
    /// Which row.
    pub what: String,
    /// Which fact.
    pub fact: String,
    /// Its value in the ledger; `-` if the ledger has none.
    pub recorded: String,
    /// Its value in the row; `-` if the row has none.
    pub found: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Disagreement { what, fact, recorded, found } = self;
        if fact == STRUCTURE {
            return write!(f, "{what} is damaged: {found}");
        }
        write!(f, "{what}: {fact} is `{recorded}` in the ledger and `{found}` in the store")
    }
}

/// A part of a backend's storage that is checked for damage in one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// A table with its indexes, by its index in the list of tables.
    Table(u32),
    /// Ledger entries from this index on, and the tree over them.
    Entries(u64),
}

impl Part {
    /// The first part to check.
    pub const FIRST: Part = Part::Table(0);
}

/// The result of checking one part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartCheck {
    /// What is damaged.
    pub found: Vec<Disagreement>,
    /// Approximate number of bytes read.
    pub bytes: u64,
    /// The part to check next; `None` after the last one.
    pub next: Option<Part>,
}

/// The result of a check of the whole store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verification {
    /// The signed checkpoint that everything was compared with.
    pub head: SignedCheckpoint,
    /// Number of rows compared with the ledger.
    pub rows: u64,
    /// The first fault of the ledger itself; later ones are among the disagreements.
    pub ledger: Option<LedgerFault>,
    /// Rows that do not match the ledger, and damage; at most 100.
    pub disagreements: Vec<Disagreement>,
}

impl Verification {
    /// Adds a disagreement, unless the list is full.
    pub(in crate::store) fn disagree(&mut self, disagreement: Disagreement) {
        if self.disagreements.len() < LISTED_MAX {
            self.disagreements.push(disagreement);
        }
    }

    /// Returns whether no fault and no disagreement was found.
    pub fn is_good(&self) -> bool {
        self.ledger.is_none() && self.disagreements.is_empty()
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(fault) = &self.ledger {
            writeln!(f, "{fault}")?;
        }
        for disagreement in &self.disagreements {
            writeln!(f, "{disagreement}")?;
        }
        if self.is_good() {
            write!(f, "{} entries and {} rows match the signed checkpoint", self.head.size(), self.rows)?;
        }
        Ok(())
    }
}

/// Compares all rows about `subject` with `stamps`, the latest stamp of each of their facts, and adds what differs.
pub(in crate::store) fn compare(
    subject: &str,
    rows: &[Box<dyn Evidence>],
    mut stamps: Facts,
    verification: &mut Verification,
) {
    for row in rows {
        verification.rows += 1;
        for (fact, found) in row.facts() {
            let recorded = stamps.remove(&fact).unwrap_or_else(|| ABSENT.to_owned());
            if recorded != found {
                verification.disagree(Disagreement { what: row.what(), fact, recorded, found });
            }
        }
    }
    for (fact, recorded) in stamps {
        if recorded != ABSENT {
            verification.disagree(Disagreement { what: subject.to_owned(), fact, recorded, found: ABSENT.into() });
        }
    }
}
