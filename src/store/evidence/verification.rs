//! What verification finds: rows that disagree with the ledger, damage, and the result of a whole check.

use std::fmt;

use super::{Evidence, Facts};
use crate::ledger::{ABSENT, LedgerFault, SignedCheckpoint};

/// Most disagreements that are listed.
const LISTED_MAX: usize = 100;

/// The fact that something is whole, of which no entry needs to say anything.
pub(in crate::store) const STRUCTURE: &str = "structure";

/// A row that does not match the ledger, a row or a record of it that is missing, or damage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disagreement {
    /// The row.
    pub what: String,
    /// The fact.
    pub fact: String,
    /// What the ledger says of it; `-` for nothing.
    pub recorded: String,
    /// What the row says; `-` for nothing.
    pub found: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Disagreement { what, fact, recorded, found } = self;
        if fact == STRUCTURE {
            return write!(f, "{what} is damaged: {found}");
        }
        write!(f, "{what}: the ledger says {fact} is `{recorded}`, the store holds `{found}`")
    }
}

/// A part of what a backend keeps, as it looks for damage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// A table with its indexes, by its place among them.
    Table(u32),
    /// Entries of the ledger from this number on, and the tree over them.
    Entries(u64),
}

impl Part {
    /// The one to begin with.
    pub const FIRST: Part = Part::Table(0);
}

/// What was found in one part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartCheck {
    /// What is damaged.
    pub found: Vec<Disagreement>,
    /// About how many bytes were read for it.
    pub bytes: u64,
    /// What to look at next; nothing if this was the last part.
    pub next: Option<Part>,
}

/// What a check of the whole store found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verification {
    /// The signed head that everything was held against.
    pub head: SignedCheckpoint,
    /// How many rows were held against the ledger.
    pub rows: u64,
    /// The first place where the ledger disagrees with itself or its head; others after it are among the disagreements.
    pub ledger: Option<LedgerFault>,
    /// Rows that disagree with the ledger and what is damaged, at most 100.
    pub disagreements: Vec<Disagreement>,
}

impl Verification {
    /// Adds a disagreement, unless the list is full.
    pub(in crate::store) fn disagree(&mut self, disagreement: Disagreement) {
        if self.disagreements.len() < LISTED_MAX {
            self.disagreements.push(disagreement);
        }
    }

    /// Whether nothing disagrees.
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
            write!(f, "{} entries and {} rows agree with the signed head", self.head.size(), self.rows)?;
        }
        Ok(())
    }
}

/// Compares all rows about `subject` with `stamps`, the latest stamp of each of its facts, and adds what disagrees.
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
