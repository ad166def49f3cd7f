//! The stored ledger: its signed checkpoint, the hashes of its tree, its rows.

use rusqlite::{Connection, Row};

use super::super::StoreError;
use super::connection::{every, first};
use super::decode::cells;
use crate::digest::Digest;
use crate::ledger::{Entry, Frontier, Hashes, LedgerFault, LedgerKey, ProofFault, SignedCheckpoint, stored_count};

/// A verified checkpoint and the right edge of the tree under it.
pub(super) type Seen = (SignedCheckpoint, Frontier);

/// Returns the text of the signed checkpoint.
pub(super) fn read_note(conn: &Connection) -> Result<String, StoreError> {
    let read = |row: &Row<'_>| cells(row, "head").text("note");
    let lost = || StoreError::Damaged { what: "the ledger's checkpoint".into() };
    first(conn, "SELECT note FROM head WHERE one = 1", (), read)?.ok_or_else(lost)
}

/// Verifies the checkpoint in `note` and returns it with the right edge of the tree under it.
///
/// INVARIANT: the edge hashes to the signed root, so an append extends exactly the ledger that was signed.
pub(super) fn read_head(conn: &Connection, key: &LedgerKey, note: &str) -> Result<Seen, StoreError> {
    let head = SignedCheckpoint::verify(note, key).map_err(LedgerFault::from)?;
    let hashes = read_hashes(conn, &Frontier::needs(head.size()))?;
    let frontier = Frontier::from_stored(head.size(), &hashes)?;
    let size = |row: &Row<'_>| Ok(cells(row, "ledger").number("size").unwrap_or(0));
    let found = first(conn, "SELECT coalesce(max(n) + 1, 0) AS size FROM ledger", (), size)?.unwrap_or(0);
    if found != head.size() {
        return Err(LedgerFault::Size { signed: head.size(), found }.into());
    }
    if frontier.root() != head.root() {
        return Err(LedgerFault::Root { first: 0, end: head.size() }.into());
    }
    Ok((head, frontier))
}

/// Returns the stored hashes at `positions`.
pub(super) fn read_hashes(conn: &Connection, positions: &[u64]) -> Result<Hashes, StoreError> {
    let mut hashes = Hashes::new();
    for &position in positions {
        let read = |row: &Row<'_>| cells(row, "stored hash").digest("hash");
        let hash = first(conn, "SELECT hash FROM ledger_hash WHERE position = ?1", [signed(position)], read)?;
        hashes.insert(position, hash.ok_or(ProofFault::LostHash { position })?);
    }
    Ok(hashes)
}

/// A row of the ledger: the bytes of an entry, and the columns derived from them.
pub(super) struct LedgerRow {
    /// The entry's index.
    pub(super) n: u64,
    time: i64,
    kind: String,
    subject: String,
    /// The entry's exact bytes.
    pub(super) bytes: Vec<u8>,
}

impl LedgerRow {
    /// Decodes a row.
    pub(super) fn read(row: &Row<'_>) -> Result<LedgerRow, StoreError> {
        let cells = cells(row, "ledger entry");
        Ok(LedgerRow {
            n: cells.number("n")?,
            time: cells.integer("time")?,
            kind: cells.text("kind")?,
            subject: cells.text("subject")?,
            bytes: cells.bytes("bytes")?,
        })
    }

    /// Returns whether the columns match the entry.
    pub(super) fn says(&self, entry: &Entry) -> bool {
        self.time == entry.time().unix_ms() && self.kind == entry.kind().as_str() && self.subject == entry.subject()
    }
}

/// Returns the stored leaf hashes of the entries from `first` (inclusive) to `end` (exclusive).
pub(super) fn leaf_hashes(read: &Connection, first: u64, end: u64) -> Result<Vec<Digest>, StoreError> {
    let sql = "SELECT hash FROM ledger_hash WHERE position >= ?1 AND position < ?2 ORDER BY position";
    let between = [signed(stored_count(first)), signed(stored_count(end))];
    every(read, sql, between, |row| cells(row, "stored hash").digest("hash"))
}

/// Converts a number to SQLite's signed integer.
pub(super) fn signed(number: u64) -> i64 {
    // INVARIANT: sizes come from checkpoints, which are refused above 2^63 - 1, and positions are below twice that of
    // any ledger that fits on a disk.
    i64::try_from(number).expect("ledger positions fit SQLite's integers")
}
