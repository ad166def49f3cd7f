//! Holding the whole store against its signed head: entries, tree, kept checkpoints, rows.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use super::super::evidence::{Evidence, Facts};
use super::super::{Disagreement, StoreError, Verification};
use super::codec::{self, Cells};
use super::connection::every;
use super::fault::of_write;
use super::layout;
use super::readers::Readers;
use super::writer::{self, signed};
use crate::digest::Digest;
use crate::ledger::{ABSENT, Entry, LedgerFault, LedgerKey, SignedCheckpoint, Verifier, stored_count};

/// Entries fetched at a time.
const PAGE: u64 = 512;
/// Most disagreements that are listed.
const LISTED_MAX: usize = 100;

pub(super) async fn verify(reads: &Readers, key: &LedgerKey) -> Result<Verification, StoreError> {
    let key = key.clone();
    reads.ask(move |conn| check(conn, &key)).await
}

fn check(conn: &mut Connection, key: &LedgerKey) -> Result<Verification, StoreError> {
    // One read transaction: commits made meanwhile are not seen, so that nothing seems to disagree because it moved.
    let read = conn.transaction().map_err(of_write)?;
    let note = writer::read_note(&read)?;
    let head = SignedCheckpoint::verify(&note, key).map_err(LedgerFault::from)?;
    let mut verification = Verification { head: head.clone(), rows: 0, ledger: None, disagreements: Vec::new() };
    if let Some(part) = layout::schema_difference(&read)? {
        let (recorded, found) = ("that of the layout".to_owned(), "another".to_owned());
        verification.disagreements.push(Disagreement { what: "schema".into(), fact: part, recorded, found });
    }
    match ledger(&read, key, &head)? {
        Err(fault) => verification.ledger = Some(fault),
        Ok(()) => rows(&read, &mut verification)?,
    }
    Ok(verification)
}

fn ledger(read: &Connection, key: &LedgerKey, head: &SignedCheckpoint) -> Result<Result<(), LedgerFault>, StoreError> {
    let sql = "SELECT size, note FROM checkpoint WHERE size <= ?1 ORDER BY size";
    let mut kept_at: BTreeMap<u64, SignedCheckpoint> = BTreeMap::new();
    for note in every(read, sql, [signed(head.size())], |row| Cells::new(row, "checkpoint").text("note"))? {
        match SignedCheckpoint::verify(&note, key) {
            Ok(signed) => kept_at.insert(signed.size(), signed),
            Err(bad) => return Ok(Err(bad.into())),
        };
    }
    let mut verifier = Verifier::new();
    loop {
        let first = verifier.size();
        let sql = "SELECT n, time, kind, subject, bytes FROM ledger WHERE n >= ?1 ORDER BY n LIMIT ?2";
        let page = every(read, sql, [signed(first), signed(PAGE)], Stored::read)?;
        if page.is_empty() {
            break;
        }
        let mut hashes = hashes(read, first, first + page.len() as u64)?.into_iter();
        for stored in page {
            let index = verifier.size();
            let count = usize::try_from(stored_count(index + 1) - stored_count(index)).unwrap_or(usize::MAX);
            let beside: Vec<Digest> = hashes.by_ref().take(count).collect();
            if stored.n != index {
                return Ok(Err(LedgerFault::Altered { index }));
            }
            let entry = match verifier.entry_and_hashes(&stored.bytes, &beside) {
                Ok(entry) => entry,
                Err(fault) => return Ok(Err(fault)),
            };
            if !stored.says(&entry) {
                return Ok(Err(LedgerFault::Altered { index }));
            }
            if let Some(kept) = kept_at.get(&verifier.size())
                && let Err(fault) = verifier.checkpoint(kept)
            {
                return Ok(Err(fault));
            }
        }
    }
    Ok(verifier.finish(head).map(drop))
}

/// A row of the ledger: the bytes of an entry, and what the columns beside them say of it.
struct Stored {
    n: u64,
    time: i64,
    kind: String,
    subject: String,
    bytes: Vec<u8>,
}

impl Stored {
    fn read(row: &Row<'_>) -> Result<Stored, StoreError> {
        let cells = Cells::new(row, "ledger entry");
        Ok(Stored {
            n: cells.number("n")?,
            time: cells.integer("time")?,
            kind: cells.text("kind")?,
            subject: cells.text("subject")?,
            bytes: cells.bytes("bytes")?,
        })
    }

    /// Whether the columns say what the bytes say.
    fn says(&self, entry: &Entry) -> bool {
        self.time == entry.time().unix_ms() && self.kind == entry.kind().as_str() && self.subject == entry.subject()
    }
}

fn hashes(read: &Connection, first: u64, end: u64) -> Result<Vec<Digest>, StoreError> {
    let sql = "SELECT hash FROM ledger_hash WHERE position >= ?1 AND position < ?2 ORDER BY position";
    let between = [signed(stored_count(first)), signed(stored_count(end))];
    every(read, sql, between, |row| Cells::new(row, "stored hash").digest("hash"))
}

/// Holds every row against what the ledger says of its subject, subject by subject, in constant memory.
fn rows(read: &Connection, verification: &mut Verification) -> Result<(), StoreError> {
    let (mut subject, mut n) = (String::new(), -1i64);
    let mut facts = Facts::new();
    loop {
        let sql = "SELECT n, subject, bytes FROM ledger WHERE (subject, n) > (?1, ?2) ORDER BY subject, n LIMIT ?3";
        let page = every(read, sql, params![subject, n, signed(PAGE)], codec::recorded)?;
        if page.is_empty() {
            compare(read, &subject, facts, verification)?;
            break;
        }
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
fn compare(
    read: &Connection,
    subject: &str,
    mut stamps: Facts,
    verification: &mut Verification,
) -> Result<(), StoreError> {
    let mut about: Vec<Box<dyn Evidence>> = Vec::new();
    if subject.starts_with("ex-") {
        gather(read, "SELECT * FROM whole_exchange WHERE id = ?1", subject, codec::exchange, &mut about)?;
        gather(read, "SELECT * FROM approval WHERE exchange = ?1", subject, codec::approval, &mut about)?;
    } else if subject.starts_with("rq-") {
        gather(read, "SELECT * FROM request WHERE id = ?1", subject, codec::request, &mut about)?;
    }
    gather(read, "SELECT * FROM statement WHERE subject = ?1", subject, codec::statement, &mut about)?;
    // A partner, an officer and a setting may have the same name, also one that looks like a number.
    gather(read, "SELECT * FROM partner WHERE id = ?1", subject, codec::partner, &mut about)?;
    gather(read, "SELECT * FROM officer WHERE id = ?1", subject, codec::officer, &mut about)?;
    gather(read, "SELECT * FROM setting WHERE name = ?1", subject, codec::setting, &mut about)?;
    for row in about {
        verification.rows += 1;
        for (fact, found) in row.facts() {
            let recorded = stamps.remove(&fact).unwrap_or_else(|| ABSENT.to_owned());
            if recorded != found {
                disagree(verification, Disagreement { what: row.what(), fact, recorded, found });
            }
        }
    }
    for (fact, recorded) in stamps {
        if recorded != ABSENT {
            disagree(verification, Disagreement { what: subject.to_owned(), fact, recorded, found: ABSENT.into() });
        }
    }
    Ok(())
}

fn gather<T: Evidence + 'static>(
    read: &Connection,
    sql: &'static str,
    subject: &str,
    parse: fn(&Row<'_>) -> Result<T, StoreError>,
    about: &mut Vec<Box<dyn Evidence>>,
) -> Result<(), StoreError> {
    for row in every(read, sql, [subject], parse)? {
        about.push(Box::new(row));
    }
    Ok(())
}

/// Rows whose subject the ledger does not mention at all.
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
    for what in every(read, sql, (), |row| Cells::new(row, "row").text("what"))? {
        let disagreement = Disagreement { what, fact: "row".into(), recorded: ABSENT.into(), found: "there".into() };
        disagree(verification, disagreement);
    }
    Ok(())
}

fn disagree(verification: &mut Verification, disagreement: Disagreement) {
    if verification.disagreements.len() < LISTED_MAX {
        verification.disagreements.push(disagreement);
    }
}
