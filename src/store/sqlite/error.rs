//! SQLite's error codes, by what they mean for what was written.

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

/// The error of COMMIT itself. SQLite takes what it has written and synced into the shared index last: an index that could not
/// grow then leaves a commit in the log which the next process may find there.
pub(super) fn of_commit(error: rusqlite::Error) -> StoreError {
    let code = error.sqlite_error().map(|failure| failure.extended_code);
    match of_write(error) {
        StoreError::Full if code.is_some_and(|code| SHARED_MEMORY.contains(&code)) => {
            StoreError::Broken { why: "the index of the log could not grow after a commit was written".into() }
        }
        other => other,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_cannot_grow_leaves_a_commit_in_doubt_and_nothing_else() {
        let failed = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        for code in SHARED_MEMORY {
            assert_eq!(of_write(failed(code)), StoreError::Full);
            assert!(of_commit(failed(code)).is_outcome_unknown());
        }
        // A disk that takes no more of the log leaves no commit there.
        assert_eq!(of_commit(failed(13)), StoreError::Full);
    }
}
