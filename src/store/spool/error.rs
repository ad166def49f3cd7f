//! Errors of the spool.

use std::io;

use super::SpoolId;

/// Why the spool did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The folder, or something in it, is not what the spool made.
    #[error("spool: {why}")]
    Place {
        /// What is wrong.
        why: String,
    },
    /// The payload is not there, or not whole.
    #[error("spool file `{id}` is missing or incomplete")]
    Missing {
        /// Which.
        id: SpoolId,
    },
    /// The payload is there, and whole.
    #[error("spool file `{id}` exists already")]
    Exists {
        /// Which.
        id: SpoolId,
    },
    /// Somebody else is writing it.
    #[error("spool file `{id}` is in use by another connection or process")]
    InUse {
        /// Which.
        id: SpoolId,
    },
    /// Too little space would be left.
    #[error(
        "not enough space in the spool: {free} bytes free, {needed} needed; free space, or lower `reserve_bytes` in `[store]`"
    )]
    Reserve {
        /// Bytes free.
        free: u64,
        /// Bytes of the payload and the reserve.
        needed: u64,
    },
    /// The disk is full.
    #[error("disk of the spool is full: free space and try again")]
    Full,
    /// The payload is not what was expected.
    #[error("spool file `{id}` has another digest than expected: it is damaged, or another payload")]
    Disagrees {
        /// Which.
        id: SpoolId,
    },
    /// A sync failed: what was written may be lost, and must never be taken for durable.
    #[error("spool could not make {what} durable: {why}; stop the node and check the disk")]
    Broken {
        /// What was to be made durable.
        what: String,
        /// The system's words.
        why: String,
    },
    /// Another operation failed.
    #[error("spool failed at {what}: {why}")]
    Failed {
        /// At what.
        what: String,
        /// The system's words.
        why: String,
    },
    /// An earlier operation on this file failed or was dropped before its end; open it again.
    #[error("an earlier operation on this spool file failed: open it again")]
    Interrupted,
}

impl SpoolError {
    pub(super) fn of_io(what: &str, error: &io::Error) -> SpoolError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SpoolError::Full,
            _ => SpoolError::Failed { what: what.to_owned(), why: error.to_string() },
        }
    }
}
