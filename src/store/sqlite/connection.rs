//! Connections to the database file, and functions that run a statement on one. Every repeated statement is compiled
//! once for each connection.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Params, Row};

use super::super::StoreError;
use super::error::{BUSY, of_commit, of_write};

/// Size of a database page in bytes.
pub(super) const PAGE_BYTES: u32 = 4096;
/// Pages in the write-ahead log before they are copied into the database, so that a page that changes with every
/// commit is copied once for many commits.
const CHECKPOINT_PAGES: u32 = 4000;
/// Number of compiled statements that a connection caches: more than this module has, including the variants that
/// filters produce.
const STATEMENTS_KEPT: usize = 128;

/// Opens the existing database file for reading and writing.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(of_write)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    conn.busy_handler(Some(try_again)).map_err(of_write)?;
    conn.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; \
         PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; \
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
    ))
    .map_err(of_write)?;
    Ok(conn)
}

/// How a database is opened for queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Concurrently with a writer: a reader uses the shared-memory index, and so writes to it.
    Shared,
    /// On a read-only disk, with the content of the write-ahead log.
    Log,
    /// On a read-only disk without a write-ahead log, so the file cannot change.
    Unchanging,
}

/// Opens the database file for queries. No statement on this connection can change anything.
pub(super) fn connect_to_read(path: &Path, access: Access) -> Result<Connection, StoreError> {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = match access {
        Access::Shared => connect(path)?,
        Access::Log => Connection::open_with_flags(path, read_only).map_err(of_write)?,
        Access::Unchanging => {
            let name = format!("file:{}?immutable=1", in_uri(path));
            Connection::open_with_flags(name, read_only | OpenFlags::SQLITE_OPEN_URI).map_err(of_write)?
        }
    };
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    keep_log(&conn, true)?;
    conn.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
        .map_err(of_write)?;
    Ok(conn)
}

/// Sets whether the write-ahead log is kept when this connection is closed as the last one.
pub(super) fn keep_log(conn: &Connection, keep: bool) -> Result<(), StoreError> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(drop).map_err(of_write)
}

/// Percent-encodes a path for a URI (RFC 3986, section 2.1).
fn in_uri(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Sleeps before the next attempt to lock the database; `tries` is the number of attempts so far. SQLite's own
/// handler soon sleeps for 100 ms at a time, which would delay a commit that much for a lock that is held for a few
/// milliseconds.
fn try_again(tries: i32) -> bool {
    const PAUSE: Duration = Duration::from_millis(1);
    let left = u128::try_from(tries).is_ok_and(|tries| tries < BUSY.as_millis() / PAUSE.as_millis());
    if left {
        std::thread::sleep(PAUSE);
    }
    left
}

/// Runs a statement that returns no rows, and returns the number of rows it changed.
pub(super) fn run(conn: &Connection, sql: &str, parameters: impl Params) -> Result<usize, StoreError> {
    conn.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters)).map_err(of_write)
}

/// Commits the transaction durably.
pub(super) fn commit(conn: &Connection) -> Result<(), StoreError> {
    conn.prepare_cached("COMMIT").and_then(|mut statement| statement.execute(())).map(drop).map_err(of_commit)
}

/// Returns the first row of a result, if there is one.
pub(super) fn first<T>(
    conn: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(of_write)?;
    let mut rows = statement.query(parameters).map_err(of_write)?;
    rows.next().map_err(of_write)?.map(read).transpose()
}

/// Returns every row of a result.
pub(super) fn every<T>(
    conn: &Connection,
    sql: &str,
    parameters: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(of_write)?;
    let mut rows = statement.query(parameters).map_err(of_write)?;
    let mut answer = Vec::new();
    while let Some(row) = rows.next().map_err(of_write)? {
        answer.push(read(row)?);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_a_path_in_a_uri() {
        assert_eq!(in_uri(Path::new("/a b/x?y#z%20.db")), "/a%20b/x%3Fy%23z%2520.db");
    }

    #[test]
    fn a_connection_that_writes_syncs_every_commit_and_holds_rows_to_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        std::fs::write(&path, b"").unwrap();
        let conn = connect(&path).unwrap();
        let setting = |name: &str| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        // sqlite.org/pragma.html: 2 is FULL, with which a commit is durable when it returns.
        assert_eq!((setting("synchronous"), setting("foreign_keys"), setting("trusted_schema")), (2, 1, 0));
        let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
}
