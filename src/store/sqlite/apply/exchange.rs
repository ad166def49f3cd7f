//! Writing exchanges: the row, its documents and inline payload, its search index, its claim, its fingerprints.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row, params, params_from_iter};

use super::version_after;
use crate::digest::{Digest, Pieces};
use crate::envelope::Header;
use crate::ident::{ExchangeId, PartnerId};
use crate::origin::Fingerprint;
use crate::store::codec;
use crate::store::evidence::{Evidence as _, Facts};
use crate::store::rules::{self, InlineChange};
use crate::store::sqlite::connection::{first, run};
use crate::store::sqlite::decode;
use crate::store::sqlite::error::of_write;
use crate::store::{Exchange, StoreError};
use crate::time::Time;

/// Writes an exchange with its documents, payload and search text. Returns its facts before the change.
pub(super) fn exchange(
    conn: &Connection,
    row: &Exchange,
    by: Option<&str>,
    sealed: Option<&[u8]>,
) -> Result<Facts, StoreError> {
    let id = row.id.to_string();
    let before = first(conn, "SELECT * FROM whole_exchange WHERE id = ?1", [&id], decode::exchange)?;
    let (facts, keeps_lease) = rules::exchange(row, before.as_ref(), by)?;
    let inline_change = rules::inline_change(row, before.as_ref(), sealed)?;
    write_exchange(conn, &id, row, keeps_lease)?;
    write_payload(conn, &id, sealed, inline_change)?;
    if before.as_ref().map_or_else(Documents::default, documents) != documents(row) {
        write_documents(conn, &id, row)?;
    }
    let searchable = row.searchable();
    if before.as_ref().map(Exchange::searchable).as_ref() != Some(&searchable) {
        index(conn, &id, &searchable)?;
    }
    Ok(facts)
}

fn write_exchange(conn: &Connection, id: &str, row: &Exchange, keeps_lease: bool) -> Result<(), StoreError> {
    let digest = |digest: Option<Digest>| digest.map(|digest| digest.as_bytes().to_vec());
    let size = |size: Option<u64>| -> Result<Option<i64>, StoreError> {
        let too_big = |_| StoreError::Illegal { what: row.what(), why: "a size is below 2^63".into() };
        size.map(i64::try_from).transpose().map_err(too_big)
    };
    run(
        conn,
        "INSERT INTO exchange (id, direction, partner, request, state, precedence, cut_digest, cut_size, marking, \
         product_id, title, title_marking, subjects, contact, purpose, payload, payload_size, payload_digest, \
         attempts, next_attempt, expires, created, updated, refusal, reason, policy_digest, register_digest, version, \
         kind, about, recalled, recall_code, superseded_by, opened, taken, unanswered) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
         ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?37) \
         ON CONFLICT (id) DO UPDATE SET state = ?5, precedence = ?6, cut_digest = ?7, cut_size = ?8, marking = ?9, \
         product_id = ?10, title = ?11, title_marking = ?12, subjects = ?13, contact = ?14, purpose = ?15, \
         payload = ?16, payload_size = ?17, payload_digest = ?18, attempts = ?19, next_attempt = ?20, expires = ?21, \
         updated = ?23, refusal = ?24, reason = ?25, policy_digest = ?26, register_digest = ?27, version = ?28, \
         about = ?30, recalled = ?31, recall_code = ?32, superseded_by = ?33, opened = ?34, taken = ?35, \
         unanswered = ?37, \
         lease_owner = iif(?36, lease_owner, NULL), lease_until = iif(?36, lease_until, NULL)",
        params![
            id,
            row.direction.as_str(),
            row.partner.as_str(),
            row.request.map(|request| request.to_string()),
            row.state.as_str(),
            codec::precedence(row.precedence),
            digest(row.cut_digest),
            size(row.cut_size)?,
            &row.marking,
            &row.product_id,
            &row.title,
            &row.title_marking,
            codec::list(&row.subjects),
            &row.contact,
            &row.purpose,
            row.payload.map(|payload| payload.spool.to_string()),
            size(row.payload.map(|payload| payload.size))?,
            digest(row.payload.map(|payload| payload.digest)),
            i64::from(row.attempts),
            row.next_attempt.unix_ms(),
            row.expires.unix_ms(),
            row.created.unix_ms(),
            row.updated.unix_ms(),
            &row.refusal,
            &row.reason,
            digest(row.policy_digest),
            digest(row.register_digest),
            version_after(row.version),
            row.kind.as_str(),
            row.about.map(|id| id.to_string()),
            row.recalled.as_ref().map(|r| r.at.unix_ms()),
            row.recalled.as_ref().map(|r| r.why.as_str()),
            row.superseded_by.map(|id| id.to_string()),
            row.opened.map(Time::unix_ms),
            row.taken.map(Time::unix_ms),
            keeps_lease,
            row.unanswered.map(Time::unix_ms)
        ],
    )?;
    Ok(())
}

/// The signed documents of an exchange, and what opens its payload; in a table of their own.
#[derive(Default, PartialEq)]
struct Documents<'a> {
    manifest: Option<&'a [u8]>,
    receipt: Option<&'a [u8]>,
    partner_checkpoint: Option<&'a str>,
    header: Option<&'a [u8]>,
    pieces: Option<&'a Pieces>,
}

fn documents(row: &Exchange) -> Documents<'_> {
    Documents {
        manifest: row.manifest.as_deref(),
        receipt: row.receipt.as_deref(),
        partner_checkpoint: row.partner_checkpoint.as_deref(),
        header: row.stored_header().map(Header::bytes),
        pieces: row.stored_pieces(),
    }
}

fn write_documents(conn: &Connection, id: &str, row: &Exchange) -> Result<(), StoreError> {
    let sql = "INSERT INTO document (exchange, manifest, receipt, partner_checkpoint, header, pieces) \
               VALUES ((SELECT seq FROM exchange WHERE id = ?1), ?2, ?3, ?4, ?5, ?6) \
               ON CONFLICT (exchange) DO UPDATE SET manifest = ?2, receipt = ?3, partner_checkpoint = ?4, header = ?5, \
               pieces = ?6";
    let Documents { manifest, receipt, partner_checkpoint, header, pieces } = documents(row);
    run(conn, sql, params![id, manifest, receipt, partner_checkpoint, header, pieces.map(Pieces::to_bytes)])?;
    Ok(())
}

/// Stores the inline payload that came with a row, or deletes the stored one.
fn write_payload(
    conn: &Connection,
    id: &str,
    sealed: Option<&[u8]>,
    inline_change: InlineChange,
) -> Result<(), StoreError> {
    match inline_change {
        InlineChange::Keep => {}
        InlineChange::Replace => {
            let sql = "INSERT OR REPLACE INTO payload (exchange, bytes) \
                       VALUES ((SELECT seq FROM exchange WHERE id = ?1), ?2)";
            run(conn, sql, params![id, sealed])?;
        }
        InlineChange::Delete => {
            run(conn, "DELETE FROM payload WHERE exchange = (SELECT seq FROM exchange WHERE id = ?1)", [id])?;
        }
    }
    Ok(())
}

/// Deletes the inline payloads of exchanges taken by `taken_by`.
pub(super) fn sweep_payloads(conn: &Connection, taken_by: Time) -> Result<(), StoreError> {
    let sql = "DELETE FROM payload WHERE exchange IN (SELECT seq FROM exchange JOIN payload ON payload.exchange = seq \
               WHERE state = 'taken' AND coalesce(taken, updated) <= ?1)";
    run(conn, sql, [taken_by.unix_ms()]).map(drop)
}

fn index(conn: &Connection, id: &str, searchable: &[String; 7]) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO record (rowid, title, subjects, purpose, partner, contact, marking, product) \
               VALUES ((SELECT seq FROM exchange WHERE id = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    run(conn, sql, params_from_iter(std::iter::once(id).chain(searchable.iter().map(String::as_str))))?;
    Ok(())
}

/// Claims an exchange for `owner` until `until`, or renews its claim.
pub(super) fn claim(conn: &Connection, id: &ExchangeId, owner: &str, now: Time, until: Time) -> Result<(), StoreError> {
    let done = run(
        conn,
        "UPDATE exchange SET lease_owner = ?2, lease_until = ?4 \
         WHERE id = ?1 AND (lease_owner IS NULL OR lease_owner = ?2 OR lease_until <= ?3) \
         AND (state IN ('queued', 'sending') OR unanswered IS NOT NULL \
              AND state IN ('held', 'refused', 'cancelled', 'expired'))",
        params![id.to_string(), owner, now.unix_ms(), until.unix_ms()],
    )?;
    if done == 1 {
        return Ok(());
    }
    let row = first(conn, "SELECT * FROM whole_exchange WHERE id = ?1", [id.to_string()], decode::exchange)?;
    Err(rules::cannot_claim(id, row.as_ref()))
}

/// Releases the claim of `owner` on an exchange.
pub(super) fn unclaim(conn: &Connection, id: &ExchangeId, owner: &str) -> Result<(), StoreError> {
    run(
        conn,
        "UPDATE exchange SET lease_owner = NULL, lease_until = NULL WHERE id = ?1 AND lease_owner = ?2",
        params![id.to_string(), owner],
    )?;
    Ok(())
}

/// Adds fingerprints of what an exchange carried.
pub(super) fn prints(
    conn: &Connection,
    exchange: &ExchangeId,
    sender: Option<&PartnerId>,
    prints: &BTreeSet<Fingerprint>,
) -> Result<(), StoreError> {
    let seq = |row: &Row<'_>| row.get::<_, i64>(0).map_err(of_write);
    let seq = first(conn, "SELECT seq FROM exchange WHERE id = ?1", [exchange.to_string()], seq)?;
    let seq = seq.ok_or_else(|| rules::no_such_exchange(exchange))?;
    let sender = sender.map_or("", PartnerId::as_str);
    let sql = "INSERT INTO print (print, sender, exchange) VALUES (?1, ?2, ?3) ON CONFLICT (print, sender) DO NOTHING";
    prints.iter().try_for_each(|print| run(conn, sql, params![print.to_i64(), sender, seq]).map(|_| ()))
}
