//! Creating and opening the database file.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rusqlite::{Connection, Row, params};

use super::connection::{PAGE_BYTES, connect, first, keep_log, run};
use super::error::of_write;
use super::files::{ProcessLock, has_log, last_name, place, sync_folder};
use super::ledger::{read_head, read_note};
use super::{decode, schema};
use crate::ident::NodeId;
use crate::ledger::{Frontier, LedgerKey, SignedCheckpoint};
use crate::sign::Signer;
use crate::store::StoreError;
use crate::store::codec::no_node;
use crate::time::Time;

/// Creates the file and its initial content.
pub(super) fn create(
    path: &Path,
    node: &NodeId,
    key: &LedgerKey,
    signer: &dyn Signer,
    now: Time,
) -> Result<(Connection, ProcessLock), StoreError> {
    // SQLite creates its log and index with the permissions of the database.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| place(path, &e))?;
    let lock = ProcessLock::enter(path)?;
    let mut conn = connect(path)?;
    sync_folder(path).map_err(|e| place(path, &e))?;
    schema::migrate(path, &mut conn)?;
    let head = SignedCheckpoint::sign(0, Frontier::empty().root(), key, signer)?;
    let sql = "INSERT INTO node (one, id, ledger_key, created, clock_high, generation, roster_generation) \
               VALUES (1, ?1, ?2, ?3, 0, 0, 0)";
    run(&conn, sql, params![node.as_str(), key.to_string(), now.unix_ms()])?;
    run(&conn, "INSERT INTO head (one, size, note) VALUES (1, 0, ?1)", [head.as_str()])?;
    Ok((conn, lock))
}

/// Opens an existing file, and checks its ledger key and its checkpoint.
pub(super) fn open(path: &Path, signer: &dyn Signer, bytes_max: u64) -> Result<(Connection, LedgerKey), StoreError> {
    let log_left = has_log(path);
    let mut conn = connect(path)?;
    // Until something is committed, the log is not copied into the database, even when this connection is closed: it
    // may belong to another database or be damaged, and what follows the damage would be lost. A process that only
    // reads changes nothing.
    keep_log(&conn, true)?;
    // SQLite syncs the folder when it first syncs a new log, but ignores an error of that.
    sync_folder(path).map_err(|e| place(path, &e))?;
    schema::migrate(path, &mut conn)?;
    let key = identify(&mut conn, signer).map_err(|error| if log_left { of_log(path, error) } else { error })?;
    bound(&conn, bytes_max)?;
    Ok((conn, key))
}

/// Returns the error of a database that is inconsistent together with the log next to it, for example the log of
/// another file, left there when a copy was restored.
fn of_log(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Damaged { .. } | StoreError::Ledger(_) | StoreError::Proof(_) => {
            let name = last_name(path);
            StoreError::Place {
                what: format!("{name}-wal"),
                why: format!(
                    "`{name}` is not whole with the log that was left beside it ({error}); nothing was changed: if `{name}` \
                     was put back from a copy, move `{name}-wal` and `{name}-shm` out of its folder, where they belong to \
                     the database that was there before; otherwise put the newest copy of both back"
                ),
            }
        }
        other => other,
    }
}

/// Checks that the ledger's key is the signer's and that the checkpoint verifies, and returns the key.
pub(super) fn identify(conn: &mut Connection, signer: &dyn Signer) -> Result<LedgerKey, StoreError> {
    let read = |row: &Row<'_>| decode::cells(row, "node").word("ledger_key");
    let key = first(conn, "SELECT ledger_key FROM node WHERE one = 1", (), read)?;
    let key: LedgerKey = key.ok_or_else(no_node)?;
    if signer.public() != key.public() {
        let (ours, theirs) = (key.public().fingerprint().short(), signer.public().fingerprint().short());
        return Err(StoreError::WrongKey {
            why: format!(
                "the store was made with `{ours}`, the key given is `{theirs}`; restore the key from its backup"
            ),
        });
    }
    check_head(conn, &key)?;
    Ok(key)
}

/// Verifies the checkpoint in one transaction, so that a commit of another process cannot come between two reads.
fn check_head(conn: &mut Connection, key: &LedgerKey) -> Result<(), StoreError> {
    let read = conn.transaction().map_err(of_write)?;
    let note = read_note(&read)?;
    read_head(&read, key, &note).map(drop)
}

fn bound(conn: &Connection, bytes_max: u64) -> Result<(), StoreError> {
    let pages = (bytes_max / u64::from(PAGE_BYTES)).clamp(1, u64::from(u32::MAX - 1));
    // This pragma takes no parameters; the text contains only a number.
    conn.execute_batch(&format!("PRAGMA max_page_count = {pages}")).map_err(of_write)
}
