//! Commits: changes of rows and the ledger entries that record them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::evidence::Facts;
use super::{
    Approval, Exchange, Officer, Partner, Request, Setting, Statement, StatementKind, StoreError, TrafficChange,
};
use crate::digest::Digest;
use crate::ident::{ExchangeId, PartnerId};
use crate::ledger::{Entry, SignedCheckpoint};
use crate::origin::Fingerprint;
use crate::time::Time;

/// One row to be written, in full, or one claim to be made. A row whose version is [`super::Version::NEW`] must not
/// exist yet; any other must still be at that version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Enrols or changes a partner.
    Partner(Box<Partner>),
    /// Enrols or changes an officer.
    Officer(Box<Officer>),
    /// Makes a request or changes its state.
    Request(Box<Request>),
    /// Makes an exchange, or changes it; see [`super::legal`] for its steps.
    Exchange {
        /// The row.
        row: Box<Exchange>,
        /// Whose lease this is done under. Without it, an exchange that somebody has claimed is a conflict.
        by: Option<String>,
        /// Its sealed payload, to be kept beside the row: at most [`super::INLINE_BYTES_MAX`] bytes, and exactly those
        /// that the row names. A payload that is kept goes when its exchange needs it no more, or names another; one
        /// that was taken goes with [`Change::SweepPayloads`].
        sealed: Option<Bytes>,
    },
    /// Adds an officer's approval; a second one by the same officer for the same exchange is a conflict.
    Approval(Box<Approval>),
    /// Adds an officer's statement; a second one of the same kind about the same subject is a conflict.
    Statement(Box<Statement>),
    /// Sets a value.
    Setting(Box<Setting>),
    /// Claims an exchange that is to be sent, or renews a claim, so that no other process works on it: one that was
    /// parked or held since it was found due is a conflict. It is evidence of nothing, and does not move the row's
    /// version. A claim ends when the exchange goes to a state other than `sending` and
    /// `receiving`.
    Claim {
        /// The exchange.
        exchange: ExchangeId,
        /// Who claims it: the same text in every claim of one process, and no other's.
        owner: String,
        /// Now: a lease that ended before is as good as none.
        now: Time,
        /// When the claim ends unless renewed.
        until: Time,
    },
    /// Gives a claim up. Giving up what one does not hold changes nothing.
    Unclaim {
        /// The exchange.
        exchange: ExchangeId,
        /// Who gives it up.
        owner: String,
    },
    /// Changes what is remembered of the traffic with a partner. It is evidence of nothing and about no row.
    Traffic(TrafficChange),
    /// Lets go of the payloads kept beside exchanges that were taken by then. It is evidence of nothing and about no row.
    SweepPayloads {
        /// What was taken later stays.
        taken_by: Time,
    },
    /// Adds prints of what an exchange carried, by which its words are found again. Of each partner the exchange by which
    /// it sent something first is kept. They are evidence of nothing by themselves.
    Prints {
        /// The exchange; in the store by the time this is applied.
        exchange: ExchangeId,
        /// Who sent it; `None` for what we sent.
        sender: Option<PartnerId>,
        /// The prints.
        prints: BTreeSet<Fingerprint>,
    },
}

impl From<Partner> for Change {
    fn from(row: Partner) -> Change {
        Change::Partner(Box::new(row))
    }
}

impl From<Officer> for Change {
    fn from(row: Officer) -> Change {
        Change::Officer(Box::new(row))
    }
}

impl From<Request> for Change {
    fn from(row: Request) -> Change {
        Change::Request(Box::new(row))
    }
}

impl From<Exchange> for Change {
    fn from(row: Exchange) -> Change {
        Change::Exchange { row: Box::new(row), by: None, sealed: None }
    }
}

impl Change {
    /// Whether it changes the roster: what trust and policy are loaded from.
    pub(super) fn is_of_roster(&self) -> bool {
        match self {
            Change::Partner(_) | Change::Officer(_) | Change::Setting(_) => true,
            // A statement of an officer may stop what was released; whoever is about to send must notice.
            Change::Statement(row) => row.kind != StatementKind::Submission,
            _ => false,
        }
    }

    /// As the change of `row` alone, with its sealed payload if that is to be kept beside it.
    pub fn with_payload(row: Exchange, sealed: Option<Bytes>) -> Change {
        Change::Exchange { row: Box::new(row), by: None, sealed }
    }
}

impl From<Approval> for Change {
    fn from(row: Approval) -> Change {
        Change::Approval(Box::new(row))
    }
}

impl From<Statement> for Change {
    fn from(row: Statement) -> Change {
        Change::Statement(Box::new(row))
    }
}

impl From<TrafficChange> for Change {
    fn from(change: TrafficChange) -> Change {
        Change::Traffic(change)
    }
}

impl From<Setting> for Change {
    fn from(row: Setting) -> Change {
        Change::Setting(Box::new(row))
    }
}

/// What a decision was taken on. A commit that says so is a conflict unless it still stands, in the same transaction: no
/// partner, officer or setting changed since, also not by a commit before it that shares its transaction, and the
/// setting named has the value it was taken under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stands {
    /// [`super::Generations::roster`] as it was read before the decision.
    pub roster: u64,
    /// A setting's name.
    pub setting: String,
    /// SHA-256 of the value it was taken under.
    pub value: Digest,
}

impl Stands {
    /// Whether it still stands, given the roster's generation and the digest of the setting's value as they are in this
    /// transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with what has changed.
    pub fn judge(&self, roster: u64, value: Option<Digest>) -> Result<(), StoreError> {
        let conflict =
            |what: String, expected: String, found: String| Err(StoreError::Conflict { what, expected, found });
        if roster != self.roster {
            return conflict("roster".into(), format!("generation {}", self.roster), format!("generation {roster}"));
        }
        match value {
            Some(found) if found == self.value => Ok(()),
            found => {
                let found = found.map_or("none".to_owned(), |found| found.short());
                conflict(format!("setting {}", self.setting), self.value.short(), found)
            }
        }
    }
}

/// Changes and the ledger entries that record them: all of it becomes durable, or none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Commit {
    pub(super) changes: Vec<Change>,
    pub(super) entries: Vec<Entry>,
    pub(super) stands: Option<Stands>,
    /// What the ledger proves of rows before they are changed, by the place of the change: see [`super::ProvedStore`].
    pub(super) proved: BTreeMap<usize, Facts>,
    /// Whether an alarm is left out where the last one about its subject says the same.
    pub(super) only_news: bool,
}

impl Commit {
    /// A commit of nothing yet.
    pub fn new() -> Commit {
        Commit::default()
    }

    /// With one more change; changes are applied in the order they were added.
    #[must_use]
    pub fn change(mut self, change: impl Into<Change>) -> Commit {
        self.changes.push(change.into());
        self
    }

    /// With one more change of an exchange, done under the lease of `owner`.
    #[must_use]
    pub fn exchange_by(mut self, row: Exchange, owner: impl Into<String>) -> Commit {
        self.changes.push(Change::Exchange { row: Box::new(row), by: Some(owner.into()), sealed: None });
        self
    }

    /// With one more ledger entry. The last entry about a changed row is the one that is stamped with what changed.
    #[must_use]
    pub fn entry(mut self, entry: Entry) -> Commit {
        self.entries.push(entry);
        self
    }

    /// Only while what it was decided on still stands.
    #[must_use]
    pub fn only_while(mut self, stands: Stands) -> Commit {
        self.stands = Some(stands);
        self
    }

    /// Without those alarms that the last one about their subject said already. Whoever else may say the same, in whatever
    /// process, it is on record once.
    #[must_use]
    pub fn only_news(mut self) -> Commit {
        self.only_news = true;
        self
    }

    /// What it was decided on, if it says so.
    pub fn stands(&self) -> Option<&Stands> {
        self.stands.as_ref()
    }

    /// Its changes, in the order they are applied.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Its entries, in the order they are appended.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.entries.is_empty()
    }
}

/// A commit that is durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Committed {
    /// Number of the first of its ledger entries; if it had none, the size of the ledger.
    pub first: u64,
    /// How many ledger entries it had.
    pub entries: u64,
    /// A signed head of the ledger that covers them.
    pub head: SignedCheckpoint,
}
