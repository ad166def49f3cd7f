//! Errors of the store, by what is known to have happened.

use super::Direction;
use crate::ledger::{LedgerFault, ProofFault};
use crate::sign::SignError;

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A row is not as it was when the caller read it, or exists already. Nothing was written.
    #[error("{what} changed since it was read: expected {expected}, found {found}; read it again and retry")]
    Conflict {
        /// The row.
        what: String,
        /// What the caller took it to be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A change that no row of its kind may undergo. Nothing was written.
    #[error("{what} cannot change in this way: {why}")]
    Illegal {
        /// The row.
        what: String,
        /// The rule against it.
        why: String,
    },
    /// A change to evidence without a ledger entry about it. Nothing was written.
    #[error("{what} cannot change without a ledger entry about it in the same commit")]
    Unrecorded {
        /// The row.
        what: String,
    },
    /// A day's quota would be exceeded. Nothing was written.
    #[error("daily quota of partner `{partner}` ({direction}) is used up; it resets at midnight UTC")]
    Quota {
        /// The partner.
        partner: String,
        /// Which way.
        direction: Direction,
    },
    /// Another process held the store for too long. Nothing was written.
    #[error("store is locked by another process (waited {waited_s} s); try again")]
    Busy {
        /// How long this one waited, in seconds.
        waited_s: u64,
    },
    /// The disk under the store is full. Nothing was written; what was there is unharmed.
    #[error("disk of the store is full: nothing was written; free space and try again")]
    Full,
    /// Whoever asked told the work to stop. Nothing was written.
    #[error("interrupted")]
    Interrupted,
    /// A write or sync failed. Whether the commit will be there after opening the store again is not known; the
    /// handle refuses every further write.
    #[error(
        "outcome unknown: the store failed to write ({why}); stop every process of the node, check the disk, and look up \
         whether the change is on record before you repeat it"
    )]
    Broken {
        /// The backend's words.
        why: String,
    },
    /// The node is stopped: what it has is not what somebody has seen of it. What is on record can be read; nothing is
    /// written but a change that accepts exactly the loss. Nothing was written.
    #[error("the node is stopped, and nothing is decided or recorded: {why}")]
    Stopped {
        /// What is missing or differs, and what to do.
        why: String,
    },
    /// What is stored is not what this version wrote.
    #[error("{what} in the store is damaged or was altered: run `portcullis ledger verify`")]
    Damaged {
        /// The row and column.
        what: String,
    },
    /// A row does not match the ledger: something other than this program wrote it. Nothing is decided on it.
    #[error(
        "{what} does not match the ledger: `{fact}` differs, and nothing is decided on it; run `portcullis ledger verify` \
         and restore the store from a copy"
    )]
    Altered {
        /// The row.
        what: String,
        /// The fact.
        fact: String,
    },
    /// The database, or a file beside it, was replaced while it was open. This process and others would write two records.
    #[error(
        "`{what}` was replaced by another file while the store was open: nothing is decided or recorded; stop every process of \
         the node, restore the newest copy and run `portcullis ledger verify`"
    )]
    Replaced {
        /// The file, by its last name only.
        what: String,
    },
    /// The ledger does not agree with its signed head.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    /// A proof could not be made.
    #[error(transparent)]
    Proof(#[from] ProofFault),
    /// The ledger key is not this store's.
    #[error("wrong ledger key for this store: {why}")]
    WrongKey {
        /// How.
        why: String,
    },
    /// The holder of the ledger key did not sign. Nothing was written.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// There is no store where one was expected, or one where none was, or it cannot be reached.
    #[error("{what}: {why}")]
    Place {
        /// The file, by its last name only.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The handle was closed.
    #[error("store is closed")]
    Closed,
    /// The backend could not answer a query.
    #[error("store query failed: {why}")]
    Query {
        /// The backend's words.
        why: String,
    },
}

impl StoreError {
    /// Whether it is not known if the commit happened. Nothing is undone or deleted on such an error, and nothing done again:
    /// what the store holds when it is opened again is the answer.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, StoreError::Broken { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_have_been_written_has_an_unknown_outcome() {
        let broken = StoreError::Broken { why: "EXERCISE".into() };
        assert!(broken.is_outcome_unknown() && broken.to_string().starts_with("outcome unknown: "), "{broken}");
        for known in
            [StoreError::Full, StoreError::Busy { waited_s: 1 }, StoreError::Stopped { why: "EXERCISE".into() }]
        {
            assert!(!known.is_outcome_unknown(), "{known}");
        }
    }
}
