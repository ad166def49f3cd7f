//! Commits: changes to rows and the ledger entries that record them.

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

/// One row to write, in full, or one claim to make. A row whose version is [`super::Version::NEW`] must not exist
/// yet; any other row must still have that version in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Enrols a partner or changes its row.
    Partner(Box<Partner>),
    /// Enrols an officer or changes their row.
    Officer(Box<Officer>),
    /// Creates a request or changes its state.
    Request(Box<Request>),
    /// Creates or changes an exchange; [`super::is_legal_transition`] lists the allowed transitions.
    Exchange {
        /// The row.
        row: Box<Exchange>,
        /// Owner of the lease under which the change is made. Without it, a change to a claimed exchange is a
        /// conflict.
        by: Option<String>,
        /// The sealed payload to store inline with the row: at most [`super::INLINE_BYTES_MAX`] bytes, and exactly
        /// those that the row names. A stored payload is removed when its exchange no longer needs it or names
        /// another one; the payload of a taken exchange is removed by [`Change::SweepPayloads`].
        sealed: Option<Bytes>,
    },
    /// Adds an officer's approval. A second one by the same officer for the same exchange is a conflict.
    Approval(Box<Approval>),
    /// Adds an officer's signed statement. A second one of the same kind about the same subject is a conflict.
    Statement(Box<Statement>),
    /// Writes a setting.
    Setting(Box<Setting>),
    /// Claims an exchange that is ready to send, or renews a claim, so that no other process works on it. It is a
    /// conflict if the exchange was parked or held since it was listed as due. A claim needs no ledger entry and does
    /// not change the row's version. It ends when the exchange enters a state other than `sending` and `receiving`.
    Claim {
        /// The exchange.
        exchange: ExchangeId,
        /// Who claims it: a text that identifies one process, the same in all of its claims.
        owner: String,
        /// The current time; a lease that ended before it is ignored.
        now: Time,
        /// When the claim ends unless renewed.
        until: Time,
    },
    /// Releases a claim. Has no effect if `owner` does not hold one.
    Unclaim {
        /// The exchange.
        exchange: ExchangeId,
        /// Who releases it.
        owner: String,
    },
    /// Updates traffic data about a partner. It belongs to no row and needs no ledger entry.
    Traffic(TrafficChange),
    /// Deletes the inline payloads of exchanges that were taken by `taken_by`. It belongs to no row and needs no
    /// ledger entry.
    SweepPayloads {
        /// Payloads of exchanges taken later are kept.
        taken_by: Time,
    },
    /// Adds fingerprints of what an exchange carried, by which its text is recognised later. For each print and
    /// partner, the first exchange that carried it is kept. They belong to no row and need no ledger entry.
    Prints {
        /// The exchange. It must be in the store by the time this change is applied.
        exchange: ExchangeId,
        /// Who sent it; `None` for this node.
        sender: Option<PartnerId>,
        /// The fingerprints.
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
    /// Returns whether it changes the roster: the rows from which trust and policy are loaded.
    pub(super) fn is_of_roster(&self) -> bool {
        match self {
            Change::Partner(_) | Change::Officer(_) | Change::Setting(_) => true,
            // A statement may stop a released exchange, so a sender must notice it.
            Change::Statement(row) => row.kind != StatementKind::Submission,
            _ => false,
        }
    }

    /// Returns the change of `row`, with the sealed payload to store inline, if any.
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

/// What a decision was based on. A commit with this precondition is a conflict unless it still holds in the same
/// transaction: no partner, officer or setting changed since (earlier commits in the same transaction included), and
/// the named setting has the value that the decision used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Precondition {
    /// [`super::Generations::roster`] as read before the decision.
    pub roster: u64,
    /// The name of a setting.
    pub setting: String,
    /// SHA-256 of the setting's value that the decision used.
    pub value: Digest,
}

impl Precondition {
    /// Checks the precondition against the roster's generation and the digest of the setting's value in this
    /// transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with what has changed.
    pub fn check(&self, roster: u64, value: Option<Digest>) -> Result<(), StoreError> {
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

/// Changes and the ledger entries that record them. All of it becomes durable, or none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Commit {
    /// The changes, in the order in which they are applied.
    pub(super) changes: Vec<Change>,
    /// The ledger entries, in the order in which they are appended.
    pub(super) entries: Vec<Entry>,
    /// The precondition, if there is one.
    pub(super) precondition: Option<Precondition>,
    /// What the ledger proves about rows before they are changed, by index of the change; set by
    /// [`super::ProvedStore`].
    pub(super) proved: BTreeMap<usize, Facts>,
    /// Whether an alarm is skipped if the latest alarm about its subject says the same.
    pub(super) skip_repeated_alarms: bool,
}

impl Commit {
    /// Returns an empty commit.
    pub fn new() -> Commit {
        Commit::default()
    }

    /// Adds a change. Changes are applied in the order in which they were added.
    #[must_use]
    pub fn change(mut self, change: impl Into<Change>) -> Commit {
        self.changes.push(change.into());
        self
    }

    /// Adds a change of an exchange, made under the lease of `owner`.
    #[must_use]
    pub fn exchange_by(mut self, row: Exchange, owner: impl Into<String>) -> Commit {
        self.changes.push(Change::Exchange { row: Box::new(row), by: Some(owner.into()), sealed: None });
        self
    }

    /// Adds a ledger entry. The last entry about a changed row is stamped with what changed.
    #[must_use]
    pub fn entry(mut self, entry: Entry) -> Commit {
        self.entries.push(entry);
        self
    }

    /// Makes the commit conditional on `precondition`.
    #[must_use]
    pub fn only_if(mut self, precondition: Precondition) -> Commit {
        self.precondition = Some(precondition);
        self
    }

    /// Skips those alarms that repeat the latest one about their subject, so that an alarm that several processes
    /// raise is recorded once.
    #[must_use]
    pub fn skip_repeated_alarms(mut self) -> Commit {
        self.skip_repeated_alarms = true;
        self
    }

    /// Returns the precondition, if there is one.
    pub fn precondition(&self) -> Option<&Precondition> {
        self.precondition.as_ref()
    }

    /// Returns the changes, in the order in which they are applied.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns the entries, in the order in which they are appended.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns whether there are no changes and no entries.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.entries.is_empty()
    }
}

/// The result of a commit that is durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Committed {
    /// Index of its first ledger entry; the size of the ledger if it had none.
    pub first: u64,
    /// Number of its ledger entries.
    pub entries: u64,
    /// A signed checkpoint of the ledger that covers them.
    pub head: SignedCheckpoint,
}
