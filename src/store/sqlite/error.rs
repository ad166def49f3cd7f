//! SQLite's error codes, mapped by what they mean for the outcome of a write.

use std::time::Duration;

use super::super::StoreError;

/// How long a writer waits for another process before it fails.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// Extended result codes that are I/O errors although nothing was written and the database is intact: the
/// shared-memory index could not grow (SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_SHMMAP), which happens on a full disk.
const SHARED_MEMORY: [i32; 2] = [4874, 5386];

/// Returns the error of a query: it writes nothing, so its outcome is never unknown.
pub(super) fn of_question(error: StoreError) -> StoreError {
    match error {
        StoreError::Broken { why } => StoreError::Query { why },
        other => other,
    }
}

/// Returns the error of a statement inside a writing transaction.
pub(super) fn of_write(error: rusqlite::Error) -> StoreError {
    let (code, why) = match error {
        rusqlite::Error::SqliteFailure(failure, Some(why)) => (failure.extended_code, why),
        rusqlite::Error::SqliteFailure(failure, None) => (failure.extended_code, failure.to_string()),
        // The error's own text would repeat the statement.
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

/// Returns the error of COMMIT itself. SQLite updates the shared-memory index after it wrote and synced the log: if
/// the index could not grow, the commit may be in the log, where the next process may find it.
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
    /// Returns whether the error concerns one commit only, so that others in the same transaction can proceed.
    pub(super) fn concerns_one_commit(&self) -> bool {
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
        // A full log file has no commit in it.
        assert_eq!(of_commit(failed(13)), StoreError::Full);
    }
}
