//! Errors of the store, classified by what is certain about the outcome.

use super::Direction;
use crate::ledger::{LedgerFault, ProofFault};
use crate::sign::SignError;

/// Why a store operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A row was changed since the caller read it, or already exists. Nothing was written.
    #[error("{what} changed since it was read: expected {expected}, found {found}; read it again and retry")]
    Conflict {
        /// Which row.
        what: String,
        /// What the caller expected to find.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A change that the rules for this kind of row forbid. Nothing was written.
    #[error("{what} cannot change in this way: {why}")]
    Illegal {
        /// Which row.
        what: String,
        /// The rule that forbids it.
        why: String,
    },
    /// A change of recorded facts without a ledger entry about the row. Nothing was written.
    #[error("{what} cannot change without a ledger entry about it in the same commit")]
    Unrecorded {
        /// Which row.
        what: String,
    },
    /// A daily quota would be exceeded. Nothing was written.
    #[error("daily quota of partner `{partner}` ({direction}) is used up; it resets at midnight UTC")]
    Quota {
        /// The partner.
        partner: String,
        /// Which direction.
        direction: Direction,
    },
    /// Another process held the lock on the store for too long. Nothing was written.
    #[error("store is locked by another process (waited {waited_s} s); try again")]
    Busy {
        /// How long this process waited, in seconds.
        waited_s: u64,
    },
    /// The disk that holds the store is full. Nothing was written; existing data is unharmed.
    #[error("disk of the store is full: nothing was written; free space and try again")]
    Full,
    /// The caller cancelled the operation. Nothing was written.
    #[error("interrupted")]
    Interrupted,
    /// A write or sync failed. Whether the commit is durable is unknown until the store is opened again; the handle
    /// refuses every further write.
    #[error(
        "outcome unknown: the store failed to write ({why}); stop every process of the node, check the disk, and look up \
         whether the change is on record before you repeat it"
    )]
    Broken {
        /// The backend's error message.
        why: String,
    },
    /// The node is stopped because its ledger does not extend a checkpoint that was seen of it, or the disk of the store
    /// is read-only. The store can still be read. In the first case it accepts one change: the one by which officers
    /// accept exactly this loss. Nothing was written.
    #[error("the node is stopped, and nothing is decided or recorded: {why}")]
    Stopped {
        /// What is missing or differs, and how to proceed.
        why: String,
    },
    /// A stored value is not in a format that this version writes.
    #[error("{what} in the store is damaged or was altered: run `portcullis ledger verify`")]
    Damaged {
        /// The row and column.
        what: String,
    },
    /// A row does not match the ledger, so something other than this program changed it. No decision uses it.
    #[error(
        "{what} does not match the ledger: `{fact}` differs, and nothing is decided on it; run `portcullis ledger verify` \
         and restore the store from a copy"
    )]
    Altered {
        /// Which row.
        what: String,
        /// Which fact.
        fact: String,
    },
    /// The database, or a file that belongs to it, was replaced while it was open. This process and others would
    /// write to different databases.
    #[error(
        "`{what}` was replaced by another file while the store was open: nothing is decided or recorded; stop every process of \
         the node, restore the newest copy and run `portcullis ledger verify`"
    )]
    Replaced {
        /// The file name, without its folder.
        what: String,
    },
    /// The ledger does not match its signed checkpoint.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    /// A proof could not be constructed.
    #[error(transparent)]
    Proof(#[from] ProofFault),
    /// The ledger key does not belong to this store.
    #[error("wrong ledger key for this store: {why}")]
    WrongKey {
        /// What differs.
        why: String,
    },
    /// The signer of the ledger key failed. Nothing was written.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store does not exist, exists already, or cannot be accessed.
    #[error("{what}: {why}")]
    Place {
        /// The file name, without its folder.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The handle is closed.
    #[error("store is closed")]
    Closed,
    /// The backend could not answer a query.
    #[error("store query failed: {why}")]
    Query {
        /// The backend's error message.
        why: String,
    },
}

impl StoreError {
    /// Returns whether it is unknown if the commit happened. After such an error nothing may be undone, deleted or
    /// repeated: open the store again to learn the outcome.
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
