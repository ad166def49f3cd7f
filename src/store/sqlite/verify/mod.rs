//! Verification of the whole store against its signed checkpoint: the file, entries, tree, stored checkpoints, rows.
//! It changes nothing.

mod integrity;

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use super::connection::every;
use super::decode::{self, cells};
use super::error::of_write;
use super::ledger::{LedgerRow, read_note, signed};
use super::{SqliteStore, schema};
use crate::digest::Digest;
use crate::ledger::{ABSENT, Entry, LedgerFault, LedgerKey, SignedCheckpoint, Verifier, leaf_hash, stored_count};
use crate::progress::{Progress, Unit};
use crate::store::evidence::{self, Evidence, Facts};
use crate::store::{Disagreement, StoreError, Verification};

pub(super) use integrity::{Interruptible, check_part, quick_check};

/// Entries read at a time.
const PAGE: u64 = 512;

impl SqliteStore {
    /// As [`Store::verify`](crate::store::Store::verify), reporting progress.
    ///
    /// # Errors
    /// As [`Store::verify`](crate::store::Store::verify), and [`StoreError::Interrupted`] if `progress` was
    /// cancelled.
    pub async fn verify_with_progress(&self, progress: &Progress) -> Result<Verification, StoreError> {
        let (key, progress) = (self.key.clone(), progress.clone());
        self.reads.query(move |conn| check(conn, &key, &progress)).await
    }
}

fn check(conn: &mut Connection, key: &LedgerKey, progress: &Progress) -> Result<Verification, StoreError> {
    // In one read transaction: concurrent commits are not visible, so they cannot appear as disagreements.
    let read = conn.transaction().map_err(of_write)?;
    let note = read_note(&read)?;
    let head = SignedCheckpoint::verify(&note, key).map_err(LedgerFault::from)?;
    let mut verification = Verification { head: head.clone(), rows: 0, ledger: None, disagreements: Vec::new() };
    let mut found = integrity::file(&read);
    if let Some(part) = schema::schema_difference(&read)? {
        let (recorded, other) = ("the expected schema".to_owned(), "another schema".to_owned());
        found.push(Disagreement { what: "schema".into(), fact: part, recorded, found: other });
    }
    {
        let _step = progress.step("verifying the ledger", Unit::Entries, Some(head.size()));
        verification.ledger = ledger(&read, key, &head, &mut found, progress)?;
    }
    for disagreement in found {
        verification.disagree(disagreement);
    }
    let _step = progress.step("verifying the records", Unit::Entries, Some(head.size()));
    rows(&read, &mut verification, progress)?;
    Ok(verification)
}

/// Checks all entries, even after a fault: the first fault is the result, and later entries are checked individually
/// against their stored hashes.
fn ledger(
    read: &Connection,
    key: &LedgerKey,
    head: &SignedCheckpoint,
    found: &mut Vec<Disagreement>,
    progress: &Progress,
) -> Result<Option<LedgerFault>, StoreError> {
    let sql = "SELECT size, note FROM checkpoint WHERE size <= ?1 ORDER BY size";
    let note = |row: &Row<'_>| cells(row, "checkpoint").text("note");
    let mut fault: Option<LedgerFault> = None;
    let mut kept_at: BTreeMap<u64, SignedCheckpoint> = BTreeMap::new();
    for note in integrity::readable(read, sql, [signed(head.size())], note, "checkpoints", found) {
        match SignedCheckpoint::verify(&note, key) {
            Ok(signed) => drop(kept_at.insert(signed.size(), signed)),
            Err(bad) => fault = fault.or_else(|| Some(bad.into())),
        }
    }
    let mut verifier = Some(Verifier::new());
    let mut first = 0;
    while first < head.size() {
        progress.check().map_err(|_| StoreError::Interrupted)?;
        let end = (first + PAGE).min(head.size());
        let sql = "SELECT n, time, kind, subject, bytes FROM ledger WHERE n >= ?1 AND n < ?2 ORDER BY n";
        let page = integrity::readable(read, sql, [signed(first), signed(end)], LedgerRow::read, "ledger", found);
        let mut page: BTreeMap<u64, LedgerRow> = page.into_iter().map(|stored| (stored.n, stored)).collect();
        let sql = "SELECT position, hash FROM ledger_hash WHERE position >= ?1 AND position < ?2";
        let between = [signed(stored_count(first)), signed(stored_count(end))];
        let hash = |row: &Row<'_>| {
            let cells = cells(row, "stored hash");
            Ok((cells.number("position")?, cells.digest("hash")?))
        };
        let hashes: BTreeMap<u64, Digest> =
            integrity::readable(read, sql, between, hash, "stored hashes", found).into_iter().collect();
        for index in first..end {
            let beside = stored_count(index)..stored_count(index + 1);
            let beside: Vec<Digest> = beside.map_while(|position| hashes.get(&position).copied()).collect();
            let held = match (page.remove(&index), &mut verifier) {
                (None, _) => Err(LedgerFault::Altered { index }),
                (Some(stored), Some(verifier)) => in_order(verifier, &stored, &beside, &kept_at),
                (Some(stored), None) => alone(&stored, &beside),
            };
            match held {
                Ok(()) => continue,
                Err(wrong) if fault.is_none() => fault = Some(wrong),
                Err(other) => found.push(integrity::damaged(&format!("ledger entry {index}"), other)),
            }
            verifier = None;
        }
        progress.advance(end - first);
        first = end;
    }
    Ok(fault.or_else(|| verifier.and_then(|verifier| verifier.finish(head).err())))
}

/// Checks the next entry and the tree over all entries so far.
fn in_order(
    verifier: &mut Verifier,
    stored: &LedgerRow,
    beside: &[Digest],
    kept_at: &BTreeMap<u64, SignedCheckpoint>,
) -> Result<(), LedgerFault> {
    let entry = verifier.entry_and_hashes(&stored.bytes, beside)?;
    if !stored.says(&entry) {
        return Err(LedgerFault::Altered { index: stored.n });
    }
    kept_at.get(&verifier.size()).map_or(Ok(()), |kept| verifier.checkpoint(kept))
}

/// Checks an entry against its own stored hash, after a fault in an earlier one.
fn alone(stored: &LedgerRow, beside: &[Digest]) -> Result<(), LedgerFault> {
    let index = stored.n;
    let entry = Entry::from_bytes(&stored.bytes).map_err(|fault| LedgerFault::Entry { index, fault })?;
    match beside.first() == Some(&leaf_hash(&stored.bytes)) && stored.says(&entry) {
        true => Ok(()),
        false => Err(LedgerFault::Altered { index }),
    }
}

/// Compares every row with what the ledger records about its subject, subject by subject, in constant memory.
fn rows(read: &Connection, verification: &mut Verification, progress: &Progress) -> Result<(), StoreError> {
    let (mut subject, mut n) = (String::new(), -1i64);
    let mut facts = Facts::new();
    loop {
        let sql = "SELECT n, subject, bytes FROM ledger WHERE (subject, n) > (?1, ?2) ORDER BY subject, n LIMIT ?3";
        let mut found = Vec::new();
        let page =
            integrity::readable(read, sql, params![subject, n, signed(PAGE)], decode::recorded, "ledger", &mut found);
        found.into_iter().for_each(|damage| verification.disagree(damage));
        if page.is_empty() {
            compare(read, &subject, facts, verification)?;
            break;
        }
        progress.check().map_err(|_| StoreError::Interrupted)?;
        progress.advance(page.len() as u64);
        for recorded in page {
            if recorded.entry.subject() != subject {
                compare(read, &subject, std::mem::take(&mut facts), verification)?;
                recorded.entry.subject().clone_into(&mut subject);
            }
            n = signed(recorded.index);
            facts.extend(recorded.entry.stamps().map(|(fact, value)| (fact.to_owned(), value.to_owned())));
        }
    }
    unrecorded(read, verification)
}

/// Compares the rows about `subject` with the latest stamps of their facts.
fn compare(read: &Connection, subject: &str, stamps: Facts, verification: &mut Verification) -> Result<(), StoreError> {
    let mut about: Vec<Box<dyn Evidence>> = Vec::new();
    let mut damage = Vec::new();
    if subject.starts_with("ex-") {
        gather(read, "SELECT * FROM whole_exchange WHERE id = ?1", subject, decode::exchange, &mut about, &mut damage);
        gather(read, "SELECT * FROM approval WHERE exchange = ?1", subject, decode::approval, &mut about, &mut damage);
    } else if subject.starts_with("rq-") {
        gather(read, "SELECT * FROM request WHERE id = ?1", subject, decode::request, &mut about, &mut damage);
    }
    gather(read, "SELECT * FROM statement WHERE subject = ?1", subject, decode::statement, &mut about, &mut damage);
    // A partner, an officer and a setting may have the same name, even one that looks like an identifier.
    gather(read, "SELECT * FROM partner WHERE id = ?1", subject, decode::partner, &mut about, &mut damage);
    gather(read, "SELECT * FROM officer WHERE id = ?1", subject, decode::officer, &mut about, &mut damage);
    gather(read, "SELECT * FROM setting WHERE name = ?1", subject, decode::setting, &mut about, &mut damage);
    damage.into_iter().for_each(|damage| verification.disagree(damage));
    evidence::compare(subject, &about, stamps, verification);
    Ok(())
}

fn gather<T: Evidence + 'static>(
    read: &Connection,
    sql: &'static str,
    subject: &str,
    parse: fn(&Row<'_>) -> Result<T, StoreError>,
    about: &mut Vec<Box<dyn Evidence>>,
    damage: &mut Vec<Disagreement>,
) {
    for row in integrity::readable(read, sql, [subject], parse, subject, damage) {
        about.push(Box::new(row));
    }
}

/// Reports rows whose subject has no ledger entry.
fn unrecorded(read: &Connection, verification: &mut Verification) -> Result<(), StoreError> {
    let sql = "SELECT 'exchange ' || id AS what FROM exchange WHERE id NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'approval of ' || exchange FROM approval \
                         WHERE exchange NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'request ' || id FROM request WHERE id NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT kind || ' of ' || subject FROM statement \
                         WHERE subject NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'partner ' || id FROM partner WHERE id NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'officer ' || id FROM officer WHERE id NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'setting ' || name FROM setting WHERE name NOT IN (SELECT subject FROM ledger)";
    for what in every(read, sql, (), |row| cells(row, "row").text("what"))? {
        let disagreement = Disagreement { what, fact: "row".into(), recorded: ABSENT.into(), found: "there".into() };
        verification.disagree(disagreement);
    }
    witnesses(read, verification)
}

/// Checks the checkpoints of partners' ledgers: the size column, which decides which of two is larger, must match the
/// signed text.
fn witnesses(read: &Connection, verification: &mut Verification) -> Result<(), StoreError> {
    let witness = |row: &Row<'_>| {
        let cells = cells(row, "witness");
        Ok((cells.text("partner")?, cells.number("size")?.to_string(), cells.text("note")?))
    };
    for (partner, size, note) in every(read, "SELECT partner, size, note FROM witness", (), witness)? {
        // The second line of a checkpoint (C2SP tlog-checkpoint).
        let said = note.lines().nth(1).unwrap_or(ABSENT);
        if said != size {
            let (what, fact) = (format!("checkpoint of `{partner}`"), "size".to_owned());
            verification.disagree(Disagreement { what, fact, recorded: said.to_owned(), found: size });
        }
    }
    Ok(())
}
