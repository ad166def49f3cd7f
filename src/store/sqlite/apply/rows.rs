//! Writing partners, officers, settings, requests, approvals and statements.

use rusqlite::{Connection, params};

use super::version_after;
use crate::store::codec;
use crate::store::evidence::Facts;
use crate::store::rules;
use crate::store::sqlite::connection::{every, first, run};
use crate::store::sqlite::decode;
use crate::store::{Approval, Officer, Partner, Request, Setting, Statement, StoreError};

/// Writes a partner. Returns its facts before the change.
pub(super) fn partner(conn: &Connection, row: &Partner) -> Result<Facts, StoreError> {
    let before = first(conn, "SELECT * FROM partner WHERE id = ?1", [row.id.as_str()], decode::partner)?;
    let facts = rules::partner(row, before.as_ref())?;
    run(
        conn,
        "INSERT INTO partner (id, state, description, agreement, crl, added, changed, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET state = ?2, description = ?3, \
         agreement = ?4, crl = ?5, changed = ?7, version = ?8",
        params![
            row.id.as_str(),
            row.state.as_str(),
            &row.description,
            &row.agreement,
            &row.crl,
            row.added.unix_ms(),
            row.changed.unix_ms(),
            version_after(row.version)
        ],
    )?;
    Ok(facts)
}

/// Writes an officer. Returns its facts before the change.
pub(super) fn officer(conn: &Connection, row: &Officer) -> Result<Facts, StoreError> {
    let before = first(conn, "SELECT * FROM officer WHERE id = ?1", [row.id.as_str()], decode::officer)?;
    let facts = rules::officer(row, before.as_ref())?;
    if before.as_ref().is_none_or(|before| (&before.name, &before.declared) != (&row.name, &row.declared)) {
        rules::check_distinct_name(row, &every(conn, "SELECT * FROM officer", (), decode::officer)?)?;
    }
    run(
        conn,
        "INSERT INTO officer (id, name, public_key, roles, state, added, changed, valid_until, version, certificates, \
         declared) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO UPDATE SET name = ?2, \
         public_key = ?3, roles = ?4, state = ?5, changed = ?7, valid_until = ?8, version = ?9, certificates = ?10, \
         declared = ?11",
        params![
            row.id.as_str(),
            &row.name,
            row.public_key.to_string(),
            codec::list(&row.roles),
            row.state.as_str(),
            row.added.unix_ms(),
            row.changed.unix_ms(),
            row.valid_until.unix_ms(),
            version_after(row.version),
            &row.certificates,
            codec::declared(&row.declared)
        ],
    )?;
    Ok(facts)
}

/// Writes a setting. Returns its facts before the change.
pub(super) fn setting(conn: &Connection, row: &Setting) -> Result<Facts, StoreError> {
    let before = first(conn, "SELECT * FROM setting WHERE name = ?1", [&row.name], decode::setting)?;
    let facts = rules::setting(row, before.as_ref())?;
    run(
        conn,
        "INSERT INTO setting (name, value, changed, version) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO UPDATE SET value = ?2, changed = ?3, version = ?4",
        params![&row.name, &row.value, row.changed.unix_ms(), version_after(row.version)],
    )?;
    Ok(facts)
}

/// Writes a request. Returns its facts before the change.
pub(super) fn request(conn: &Connection, row: &Request) -> Result<Facts, StoreError> {
    let id = row.id.to_string();
    let before = first(conn, "SELECT * FROM request WHERE id = ?1", [&id], decode::request)?;
    let facts = rules::request(row, before.as_ref())?;
    run(
        conn,
        "INSERT INTO request (id, product_digest, product_id, product, submitter, purpose, basis, precedence, \
         expires, created, state, reason, version, supersedes, objective, engages, supports_outcome) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
         ON CONFLICT (id) DO UPDATE SET product = ?4, state = ?11, reason = ?12, version = ?13",
        params![
            id,
            &row.product_digest.as_bytes()[..],
            &row.product_id,
            row.product.map(|spool| spool.to_string()),
            &row.submitter,
            &row.purpose,
            &row.basis,
            codec::precedence(row.precedence),
            row.expires.unix_ms(),
            row.created.unix_ms(),
            row.state.as_str(),
            &row.reason,
            version_after(row.version),
            row.supersedes.map(|id| id.to_string()),
            &row.aims.objective,
            row.aims.engages,
            row.aims.supports_outcome
        ],
    )?;
    Ok(facts)
}

/// Adds a statement. Returns no facts, since it is always new.
pub(super) fn statement(conn: &Connection, row: &Statement) -> Result<Facts, StoreError> {
    let done = run(
        conn,
        "INSERT INTO statement (subject, kind, signer, bytes, given) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (subject, kind) DO NOTHING",
        params![&row.subject, row.kind.as_str(), row.signer.as_str(), &row.bytes, row.given.unix_ms()],
    )?;
    rules::statement(row, done == 0)
}

/// Adds an approval. Returns no facts, since it is always new.
pub(super) fn approval(conn: &Connection, row: &Approval) -> Result<Facts, StoreError> {
    let done = run(
        conn,
        "INSERT INTO approval (request, exchange, officer, statement, given) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (exchange, officer) DO NOTHING",
        params![
            row.request.to_string(),
            row.exchange.to_string(),
            row.officer.as_str(),
            &row.statement,
            row.given.unix_ms()
        ],
    )?;
    rules::approval(row, done == 0)
}
