//! What SQLite's error codes mean for what was written.

use std::time::Duration;

use super::super::StoreError;

/// How long a writer waits for another process before it gives up.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// Result codes that leave nothing written and the database whole although they are I/O errors: the shared-memory
/// index could not grow (SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_SHMMAP), which happens on a full disk.
const SHARED_MEMORY: [i32; 2] = [4874, 5386];

/// The error of a question, which writes nothing that could be broken.
pub(super) fn of_question(error: StoreError) -> StoreError {
    match error {
        StoreError::Broken { why } => StoreError::Query { why },
        other => other,
    }
}

/// The error of a statement, taken for one inside a writing transaction.
pub(super) fn of_write(error: rusqlite::Error) -> StoreError {
    let (code, why) = match error {
        rusqlite::Error::SqliteFailure(failure, Some(why)) => (failure.extended_code, why),
        rusqlite::Error::SqliteFailure(failure, None) => (failure.extended_code, failure.to_string()),
        // Its own words would repeat the statement.
        rusqlite::Error::SqlInputError { error, msg, .. } => (error.extended_code, msg),
        other => return StoreError::Broken { why: other.to_string() },
    };
    // The low byte is the primary result code (sqlite.org/rescode.html).
    match code & 0xff {
        5 | 6 => StoreError::Busy { waited_s: BUSY.as_secs() },
        13 => StoreError::Full,
        19 => StoreError::Illegal { what: "a row".into(), why },
        10 if SHARED_MEMORY.contains(&code) => StoreError::Full,
        _ => StoreError::Broken { why },
    }
}

impl StoreError {
    /// Whether the error concerns one commit alone, so that others in the same transaction may go on.
    pub(super) fn refuses_one(&self) -> bool {
        matches!(
            self,
            StoreError::Conflict { .. }
                | StoreError::Illegal { .. }
                | StoreError::Unrecorded { .. }
                | StoreError::Quota { .. }
                | StoreError::Altered { .. }
        )
    }
}
