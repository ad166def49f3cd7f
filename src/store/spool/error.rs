//! Errors of the spool.

use std::io;

use super::SpoolId;

/// Why a spool operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The folder, or an entry in it, is not as the spool creates it.
    #[error("spool: {why}")]
    Place {
        /// What is wrong.
        why: String,
    },
    /// The payload does not exist or is incomplete.
    #[error("spool file `{id}` is missing or incomplete")]
    Missing {
        /// Which.
        id: SpoolId,
    },
    /// The payload exists and is complete.
    #[error("spool file `{id}` exists already")]
    Exists {
        /// Which.
        id: SpoolId,
    },
    /// Another writer has it open.
    #[error("spool file `{id}` is in use by another connection or process")]
    InUse {
        /// Which.
        id: SpoolId,
    },
    /// The write would leave less free space than the reserve.
    #[error(
        "not enough space in the spool: {free} bytes free, {needed} needed; free space, or lower `reserve_bytes` in `[store]`"
    )]
    Reserve {
        /// Bytes free.
        free: u64,
        /// Bytes of the payload and the reserve together.
        needed: u64,
    },
    /// The disk is full.
    #[error("disk of the spool is full: free space and try again")]
    Full,
    /// The payload has another digest than expected.
    #[error("spool file `{id}` has another digest than expected: it is damaged, or another payload")]
    Disagrees {
        /// Which.
        id: SpoolId,
    },
    /// A sync failed: data that was written may be lost and must not be considered durable.
    #[error("spool could not make {what} durable: {why}; stop the node and check the disk")]
    Broken {
        /// What could not be made durable.
        what: String,
        /// The system's error message.
        why: String,
    },
    /// Another operation failed.
    #[error("spool failed at {what}: {why}")]
    Failed {
        /// Which operation.
        what: String,
        /// The system's error message.
        why: String,
    },
    /// An earlier operation on this file failed or was dropped before it completed; open the file again.
    #[error("an earlier operation on this spool file failed: open it again")]
    Interrupted,
}

impl SpoolError {
    /// Converts an error of the system in operation `what`: [`SpoolError::Full`] if the disk is full, else
    /// [`SpoolError::Failed`].
    pub(super) fn of_io(what: &str, error: &io::Error) -> SpoolError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SpoolError::Full,
            _ => SpoolError::Failed { what: what.to_owned(), why: error.to_string() },
        }
    }
}
