//! Integrity checks of the database file itself: its pages, indexes and counts, and the stored tree.
//!
//! An index that differs from its table hides a row from queries that use that index, although the row itself matches
//! the ledger.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, InterruptHandle, Params, Row};

use crate::ledger::{Entry, Frontier, LedgerFault, LedgerKey, SignedCheckpoint, leaf_hash};
use crate::store::evidence::STRUCTURE;
use crate::store::sqlite::connection::{PAGE_BYTES, every, first};
use crate::store::sqlite::error::{of_question, of_write};
use crate::store::sqlite::ledger::{LedgerRow, leaf_hashes, read_hashes, read_note, signed};
use crate::store::{Disagreement, Part, PartCheck, StoreError};

/// Maximum number of faults listed for one table.
const LISTED_MAX: usize = 100;
/// Ledger entries compared with the stored tree at a time.
const PAGE: u64 = 512;

/// A running check, which is interrupted when the store is closed, as it can take minutes.
#[derive(Default)]
pub(in crate::store::sqlite) struct Interruptible(Mutex<Option<InterruptHandle>>);

impl Interruptible {
    /// Runs `work` on `conn` so that it can be interrupted.
    pub fn on<T>(&self, conn: &mut Connection, work: impl FnOnce(&mut Connection) -> T) -> T {
        *self.lock() = Some(conn.get_interrupt_handle());
        let done = work(conn);
        *self.lock() = None;
        done
    }

    /// Interrupts the running statement. What it would have found is found by the next pass.
    pub fn interrupt(&self) {
        if let Some(handle) = self.lock().as_ref() {
            handle.interrupt();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<InterruptHandle>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Interruptible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interruptible")
    }
}

/// Checks one part, and returns which part is next.
pub(in crate::store::sqlite) fn check_part(
    conn: &mut Connection,
    key: &LedgerKey,
    part: Part,
) -> Result<PartCheck, StoreError> {
    match part {
        Part::Table(n) => {
            let tables = tables(conn)?;
            let Some(table) = tables.get(n as usize) else {
                return Ok(PartCheck { next: Some(Part::Entries(0)), ..PartCheck::default() });
            };
            let pages = first(conn, "PRAGMA page_count", (), |row| row.get::<_, u32>(0).map_err(of_write))?;
            // The number of pages of this table is not queried: that would read them once more.
            let bytes = u64::from(pages.unwrap_or(0)) * u64::from(PAGE_BYTES) / tables.len() as u64;
            // Both counts are of one moment, whatever is committed meanwhile; and before the check, see
            // [`read_anew`].
            let read = conn.transaction().map_err(of_write)?;
            let counted = count(&read, table);
            let mut found = structure(&read, Some(table.as_str()));
            found.extend(counted);
            Ok(PartCheck { found, bytes, next: Some(Part::Table(n + 1)) })
        }
        Part::Entries(first) => entries(conn, key, first),
    }
}

/// Returns the findings of `integrity_check` for the whole file, and for each table whether its index has all rows;
/// inside the open transaction.
pub(super) fn file(read: &Connection) -> Vec<Disagreement> {
    let counted = match tables(read) {
        Ok(tables) => tables.iter().filter_map(|table| count(read, table)).collect(),
        Err(error) => vec![damaged("database", error)],
    };
    let mut found = structure(read, None);
    found.extend(counted);
    found
}

/// Returns the findings of `quick_check`; none if it takes longer than `budget`.
pub(in crate::store::sqlite) fn quick_check(
    conn: &Connection,
    budget: Duration,
) -> Result<Vec<Disagreement>, StoreError> {
    let interrupt = conn.get_interrupt_handle();
    let (done, ended) = channel::<()>();
    std::thread::scope(|scope| {
        let clock = std::thread::Builder::new().name("store-quick-check".into()).spawn_scoped(scope, move || {
            if ended.recv_timeout(budget) == Err(RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        });
        // Without the timer thread, the check would not be limited.
        clock.map_err(|e| StoreError::Query { why: format!("cannot start a timer thread: {e}") })?;
        let read = conn.unchecked_transaction().map_err(of_write)?;
        let found = read_anew(&read).and_then(|()| lines(&read, "PRAGMA quick_check"));
        drop(done);
        Ok(match found {
            Ok(found) => found.into_iter().map(|line| damaged("database", line)).collect(),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Vec::new(),
            Err(error) => vec![damaged("database", of_question(of_write(error)))],
        })
    })
}

/// Returns the disagreement for damage.
pub(super) fn damaged(what: &str, found: impl std::fmt::Display) -> Disagreement {
    let (what, fact) = (what.to_owned(), STRUCTURE.to_owned());
    Disagreement { what, fact, recorded: "whole".to_owned(), found: found.to_string() }
}

/// Returns every row of a result that can be decoded; the others are reported as damage.
pub(super) fn readable<T>(
    conn: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    what: &str,
    found: &mut Vec<Disagreement>,
) -> Vec<T> {
    let mut answer = Vec::new();
    let mut each = |row: &Row<'_>| match read(row) {
        Ok(row) => answer.push(row),
        Err(error) => found.push(damaged(what, error)),
    };
    let walked = walk(conn, sql, parameters, &mut each);
    if let Err(error) = walked {
        found.push(damaged(what, of_question(error)));
    }
    answer
}

fn walk(
    conn: &Connection,
    sql: &str,
    parameters: impl Params,
    each: &mut impl FnMut(&Row<'_>),
) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(of_write)?;
    let mut rows = statement.query(parameters).map_err(of_write)?;
    while let Some(row) = rows.next().map_err(of_write)? {
        each(row);
    }
    Ok(())
}

fn structure(conn: &Connection, table: Option<&str>) -> Vec<Disagreement> {
    let (what, sql) = match table {
        None => ("database".to_owned(), format!("PRAGMA integrity_check({LISTED_MAX})")),
        Some(table) => (format!("table {table}"), format!("PRAGMA integrity_check({})", quoted(table))),
    };
    match lines(conn, &sql) {
        Ok(found) => found.into_iter().map(|line| damaged(&what, line)).collect(),
        Err(error) => vec![damaged(&what, of_question(of_write(error)))],
    }
}

/// Makes FTS5 reload its index structure. FTS5 caches it between transactions and checks whether the cache is current
/// when the table is read, but not in an integrity check, which would then report commits of others as damage. A
/// count of its rows has the same effect.
fn read_anew(read: &Connection) -> rusqlite::Result<()> {
    match read.query_row("SELECT 1 FROM record LIMIT 1", (), |_| Ok(())) {
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(()),
        read => read,
    }
}

/// Returns the findings of a check, without the line that reports success.
fn lines(conn: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare(sql)?;
    let lines = statement.query_map((), |row| row.get::<_, String>(0))?;
    lines.filter(|line| line.as_ref().map_or(true, |line| line != "ok")).take(LISTED_MAX).collect()
}

/// Compares the number of rows of a table with the number in whatever index it has.
fn count(conn: &Connection, table: &str) -> Option<Disagreement> {
    let table = quoted(table);
    let rows = |sql: String| conn.query_row(&sql, (), |row| row.get::<_, i64>(0));
    let scanned = rows(format!("SELECT count(*) FROM {table} NOT INDEXED"));
    let counted = rows(format!("SELECT count(*) FROM {table}"));
    match (scanned, counted) {
        (Ok(scanned), Ok(counted)) if scanned == counted => None,
        (Ok(scanned), Ok(counted)) => {
            Some(damaged(&format!("table {table}"), format!("{scanned} rows, and {counted} by its index")))
        }
        (Err(error), _) | (_, Err(error)) => Some(damaged(&format!("table {table}"), of_question(of_write(error)))),
    }
}

/// Returns the names of all tables, in order.
fn tables(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    every(conn, sql, (), |row| row.get(0).map_err(of_write))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Compares entries with the stored tree, and the tree with the signed checkpoint at the end.
fn entries(conn: &mut Connection, key: &LedgerKey, first: u64) -> Result<PartCheck, StoreError> {
    let read = conn.transaction().map_err(of_write)?;
    let head = SignedCheckpoint::verify(&read_note(&read)?, key).map_err(LedgerFault::from)?;
    let end = (first + PAGE).min(head.size());
    let next = (end < head.size()).then_some(Part::Entries(end));
    let (bytes, found) = match held(&read, &head, first, end) {
        Ok(bytes) => (bytes, Vec::new()),
        Err(error) => (0, vec![damaged(&format!("ledger entries {first} to {end}"), of_question(error))]),
    };
    Ok(PartCheck { found, bytes, next })
}

fn held(read: &Connection, head: &SignedCheckpoint, first: u64, end: u64) -> Result<u64, StoreError> {
    let mut frontier = Frontier::from_stored(first, &read_hashes(read, &Frontier::needs(first))?)?;
    let sql = "SELECT n, time, kind, subject, bytes FROM ledger WHERE n >= ?1 AND n < ?2 ORDER BY n";
    let stored = every(read, sql, [signed(first), signed(end)], LedgerRow::read)?;
    let mut beside = leaf_hashes(read, first, end)?.into_iter();
    let mut bytes = 0;
    for stored in stored {
        let index = frontier.size();
        let entry = Entry::from_bytes(&stored.bytes).map_err(|fault| LedgerFault::Entry { index, fault })?;
        let computed = frontier.append(leaf_hash(&stored.bytes));
        let altered = computed.iter().any(|hash| beside.next().as_ref() != Some(hash));
        if altered || stored.n != index || !stored.says(&entry) {
            return Err(LedgerFault::Altered { index }.into());
        }
        bytes += stored.bytes.len() as u64;
    }
    if frontier.size() != end {
        return Err(LedgerFault::Altered { index: frontier.size() }.into());
    }
    if end == head.size() && frontier.root() != head.root() {
        return Err(LedgerFault::Root { first: 0, end }.into());
    }
    Ok(bytes)
}
