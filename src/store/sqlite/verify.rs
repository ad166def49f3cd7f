//! Holding the whole store against its signed head: entries, tree, kept checkpoints, rows.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Sqlite, Transaction};

use super::super::evidence::{ABSENT, Evidence, Facts};
use super::super::{Disagreement, StoreError, Verification};
use super::codec::{self, Cells};
use super::fault::of_query;
use super::readers::Readers;
use super::writer::{self, signed};
use crate::digest::Digest;
use crate::ledger::{Entry, LedgerFault, LedgerKey, SignedCheckpoint, Verifier, stored_count};

/// Entries fetched at a time.
const PAGE: u64 = 512;
/// Most disagreements that are listed.
const LISTED_MAX: usize = 100;

pub(super) async fn verify(reads: &Readers, key: &LedgerKey) -> Result<Verification, StoreError> {
    // One read transaction: commits made meanwhile are not seen, so that nothing seems to disagree because it moved.
    let mut lent = reads.lend().await?;
    let mut read = lent.conn().begin().await.map_err(of_query)?;
    let note = writer::read_note(&mut read).await?;
    let head = SignedCheckpoint::verify(&note, key).map_err(LedgerFault::from)?;
    let mut verification = Verification { head: head.clone(), rows: 0, ledger: None, disagreements: Vec::new() };
    match ledger(&mut read, key, &head).await? {
        Err(fault) => verification.ledger = Some(fault),
        Ok(()) => rows(&mut read, &mut verification).await?,
    }
    Ok(verification)
}

async fn ledger(
    read: &mut Transaction<'_, Sqlite>,
    key: &LedgerKey,
    head: &SignedCheckpoint,
) -> Result<Result<(), LedgerFault>, StoreError> {
    let kept =
        sqlx::query("SELECT size, note FROM checkpoint WHERE size <= ?1 ORDER BY size").bind(signed(head.size()));
    let mut kept_at: BTreeMap<u64, SignedCheckpoint> = BTreeMap::new();
    for row in kept.fetch_all(&mut **read).await.map_err(of_query)? {
        match SignedCheckpoint::verify(&Cells::new(&row, "checkpoint").text("note")?, key) {
            Ok(signed) => kept_at.insert(signed.size(), signed),
            Err(bad) => return Ok(Err(bad.into())),
        };
    }
    let mut verifier = Verifier::new();
    loop {
        let first = verifier.size();
        let sql = "SELECT n, time, kind, subject, bytes FROM ledger WHERE n >= ?1 ORDER BY n LIMIT ?2";
        let page = sqlx::query(sql).bind(signed(first)).bind(signed(PAGE));
        let page = page.fetch_all(&mut **read).await.map_err(of_query)?;
        if page.is_empty() {
            break;
        }
        let mut hashes = hashes(read, first, first + page.len() as u64).await?.into_iter();
        for row in &page {
            let index = verifier.size();
            let count = usize::try_from(stored_count(index + 1) - stored_count(index)).unwrap_or(usize::MAX);
            let stored: Vec<Digest> = hashes.by_ref().take(count).collect();
            let cells = Cells::new(row, "ledger entry");
            if cells.number("n")? != index {
                return Ok(Err(LedgerFault::Altered { index }));
            }
            let entry = match verifier.entry_and_hashes(&cells.bytes("bytes")?, &stored) {
                Ok(entry) => entry,
                Err(fault) => return Ok(Err(fault)),
            };
            if !indexed(&cells, &entry)? {
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

/// Whether the columns beside the bytes say what the bytes say.
fn indexed(cells: &Cells<'_>, entry: &Entry) -> Result<bool, StoreError> {
    Ok(cells.time("time")? == entry.time()
        && cells.text("kind")? == entry.kind().as_str()
        && cells.text("subject")? == entry.subject())
}

async fn hashes(read: &mut Transaction<'_, Sqlite>, first: u64, end: u64) -> Result<Vec<Digest>, StoreError> {
    let sql = "SELECT hash FROM ledger_hash WHERE position >= ?1 AND position < ?2 ORDER BY position";
    let query = sqlx::query(sql).bind(signed(stored_count(first))).bind(signed(stored_count(end)));
    let rows = query.fetch_all(&mut **read).await.map_err(of_query)?;
    rows.iter().map(|row| Cells::new(row, "stored hash").digest("hash")).collect()
}

/// Holds every row against what the ledger says of its subject, subject by subject, in constant memory.
async fn rows(read: &mut Transaction<'_, Sqlite>, verification: &mut Verification) -> Result<(), StoreError> {
    let (mut subject, mut n) = (String::new(), -1i64);
    let mut facts = Facts::new();
    loop {
        let sql = "SELECT n, subject, bytes FROM ledger WHERE (subject, n) > (?1, ?2) ORDER BY subject, n LIMIT ?3";
        let page = sqlx::query(sql).bind(&subject).bind(n).bind(signed(PAGE));
        let page = page.fetch_all(&mut **read).await.map_err(of_query)?;
        if page.is_empty() {
            compare(read, &subject, facts, verification).await?;
            break;
        }
        for row in &page {
            let recorded = codec::recorded(row)?;
            if recorded.entry.subject() != subject {
                compare(read, &subject, std::mem::take(&mut facts), verification).await?;
                recorded.entry.subject().clone_into(&mut subject);
            }
            n = signed(recorded.index);
            facts.extend(recorded.entry.stamps().map(|(fact, value)| (fact.to_owned(), value.to_owned())));
        }
    }
    unrecorded(read, verification).await
}

/// Compares the rows about `subject` with the latest stamps of their facts.
async fn compare(
    read: &mut Transaction<'_, Sqlite>,
    subject: &str,
    mut stamps: Facts,
    verification: &mut Verification,
) -> Result<(), StoreError> {
    let mut about: Vec<Box<dyn Evidence>> = Vec::new();
    if subject.starts_with("ex-") {
        gather(read, "SELECT * FROM exchange WHERE id = ?1", subject, codec::exchange, &mut about).await?;
        gather(read, "SELECT * FROM approval WHERE exchange = ?1", subject, codec::approval, &mut about).await?;
    } else if subject.starts_with("rq-") {
        gather(read, "SELECT * FROM request WHERE id = ?1", subject, codec::request, &mut about).await?;
    }
    gather(read, "SELECT * FROM statement WHERE subject = ?1", subject, codec::statement, &mut about).await?;
    // A partner, an officer and a setting may have the same name, also one that looks like a number.
    gather(read, "SELECT * FROM partner WHERE id = ?1", subject, codec::partner, &mut about).await?;
    gather(read, "SELECT * FROM officer WHERE id = ?1", subject, codec::officer, &mut about).await?;
    gather(read, "SELECT * FROM setting WHERE name = ?1", subject, codec::setting, &mut about).await?;
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

async fn gather<T: Evidence + 'static>(
    read: &mut Transaction<'_, Sqlite>,
    sql: &'static str,
    subject: &str,
    parse: fn(&SqliteRow) -> Result<T, StoreError>,
    about: &mut Vec<Box<dyn Evidence>>,
) -> Result<(), StoreError> {
    for row in sqlx::query(sql).bind(subject).fetch_all(&mut **read).await.map_err(of_query)? {
        about.push(Box::new(parse(&row)?));
    }
    Ok(())
}

/// Rows whose subject the ledger does not mention at all.
async fn unrecorded(read: &mut Transaction<'_, Sqlite>, verification: &mut Verification) -> Result<(), StoreError> {
    let sql = "SELECT 'exchange ' || id AS what FROM exchange WHERE id NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'approval of ' || exchange FROM approval \
                         WHERE exchange NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'request ' || id FROM request WHERE id NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT kind || ' of ' || subject FROM statement \
                         WHERE subject NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'partner ' || id FROM partner WHERE id NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'officer ' || id FROM officer WHERE id NOT IN (SELECT subject FROM ledger) \
               UNION ALL SELECT 'setting ' || name FROM setting WHERE name NOT IN (SELECT subject FROM ledger)";
    for row in sqlx::query(sql).fetch_all(&mut **read).await.map_err(of_query)? {
        let what = Cells::new(&row, "row").text("what")?;
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
