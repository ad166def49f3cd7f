//! One commit's changes inside an open transaction: each compared, checked, written, and noted for its ledger entry.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::super::evidence::{Evidence as _, Facts};
use super::super::rules::{self, stamp};
use super::super::{
    Approval, Change, Commit, Exchange, Officer, Partner, Request, Setting, Stands, Statement, StoreError, Version,
};
use super::codec;
use super::fault::of_write;
use super::flow;
use crate::digest::Digest;
use crate::ident::ExchangeId;
use crate::ledger::Entry;
use crate::time::Time;

/// What one transaction found when it was first asked whether a decision still stands. Nobody else writes meanwhile.
#[derive(Default)]
pub(super) struct Standing {
    /// Whether a commit of this transaction changed a partner, an officer or a setting.
    pub(super) roster_moved: bool,
    roster: Option<u64>,
    /// Digests of the settings' values.
    values: BTreeMap<String, Option<Digest>>,
}

/// Applies `commit` and returns its entries, stamped.
pub(super) async fn apply(
    conn: &mut SqliteConnection,
    commit: &Commit,
    standing: &mut Standing,
) -> Result<Vec<Entry>, StoreError> {
    if let Some(stands) = &commit.stands {
        still_stands(conn, stands, standing).await?;
    }
    let mut entries = commit.entries.clone();
    for change in &commit.changes {
        match change {
            Change::Partner(row) => stamp(&mut entries, &**row, partner(conn, row).await?)?,
            Change::Officer(row) => stamp(&mut entries, &**row, officer(conn, row).await?)?,
            Change::Request(row) => stamp(&mut entries, &**row, request(conn, row).await?)?,
            Change::Exchange { row, by } => stamp(&mut entries, &**row, exchange(conn, row, by.as_deref()).await?)?,
            Change::Approval(row) => stamp(&mut entries, &**row, approval(conn, row).await?)?,
            Change::Statement(row) => stamp(&mut entries, &**row, statement(conn, row).await?)?,
            Change::Setting(row) => stamp(&mut entries, &**row, setting(conn, row).await?)?,
            Change::Claim { exchange, owner, now, until } => claim(conn, exchange, owner, *now, *until).await?,
            Change::Unclaim { exchange, owner } => unclaim(conn, exchange, owner).await?,
            Change::Flow(change) => flow::apply(conn, change).await?,
        }
    }
    Ok(entries)
}

/// Whether `change` bears on what trust and policy are loaded from.
pub(super) fn is_roster(change: &Change) -> bool {
    // A statement of an officer may stop what was released, which whoever is about to send must notice.
    matches!(change, Change::Partner(_) | Change::Officer(_) | Change::Setting(_) | Change::Statement(_))
}

async fn fetch<T>(
    conn: &mut SqliteConnection,
    sql: &'static str,
    key: &str,
    read: fn(&SqliteRow) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    sqlx::query(sql).bind(key).fetch_optional(conn).await.map_err(of_write)?.as_ref().map(read).transpose()
}

async fn partner(conn: &mut SqliteConnection, row: &Partner) -> Result<Facts, StoreError> {
    let before = fetch(conn, "SELECT * FROM partner WHERE id = ?1", row.id.as_str(), codec::partner).await?;
    let facts = rules::partner(row, before.as_ref())?;
    sqlx::query(
        "INSERT INTO partner (id, state, description, agreement, crl, added, changed, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET state = ?2, description = ?3, \
         agreement = ?4, crl = ?5, changed = ?7, version = ?8",
    )
    .bind(row.id.as_str())
    .bind(row.state.as_str())
    .bind(&row.description)
    .bind(&row.agreement)
    .bind(&row.crl)
    .bind(row.added.unix_ms())
    .bind(row.changed.unix_ms())
    .bind(next(row.version))
    .execute(conn)
    .await
    .map_err(of_write)?;
    Ok(facts)
}

async fn officer(conn: &mut SqliteConnection, row: &Officer) -> Result<Facts, StoreError> {
    let before = fetch(conn, "SELECT * FROM officer WHERE id = ?1", row.id.as_str(), codec::officer).await?;
    let facts = rules::officer(row, before.as_ref())?;
    sqlx::query(
        "INSERT INTO officer (id, name, public_key, roles, state, added, changed, valid_until, version, certificates) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO UPDATE SET name = ?2, public_key = ?3, \
         roles = ?4, state = ?5, changed = ?7, valid_until = ?8, version = ?9, certificates = ?10",
    )
    .bind(row.id.as_str())
    .bind(&row.name)
    .bind(row.public_key.to_string())
    .bind(codec::list(&row.roles))
    .bind(row.state.as_str())
    .bind(row.added.unix_ms())
    .bind(row.changed.unix_ms())
    .bind(row.valid_until.unix_ms())
    .bind(next(row.version))
    .bind(&row.certificates)
    .execute(conn)
    .await
    .map_err(of_write)?;
    Ok(facts)
}

async fn setting(conn: &mut SqliteConnection, row: &Setting) -> Result<Facts, StoreError> {
    let before = fetch(conn, "SELECT * FROM setting WHERE name = ?1", &row.name, codec::setting).await?;
    let facts = rules::setting(row, before.as_ref())?;
    sqlx::query(
        "INSERT INTO setting (name, value, changed, version) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO UPDATE SET value = ?2, changed = ?3, version = ?4",
    )
    .bind(&row.name)
    .bind(&row.value)
    .bind(row.changed.unix_ms())
    .bind(next(row.version))
    .execute(conn)
    .await
    .map_err(of_write)?;
    Ok(facts)
}

async fn request(conn: &mut SqliteConnection, row: &Request) -> Result<Facts, StoreError> {
    let id = row.id.to_string();
    let before = fetch(conn, "SELECT * FROM request WHERE id = ?1", &id, codec::request).await?;
    let facts = rules::request(row, before.as_ref())?;
    sqlx::query(
        "INSERT INTO request (id, product_digest, product_id, product, submitter, purpose, basis, precedence, \
         expires, created, state, reason, version, supersedes) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
         ON CONFLICT (id) DO UPDATE SET product = ?4, state = ?11, reason = ?12, version = ?13",
    )
    .bind(id)
    .bind(&row.product_digest.as_bytes()[..])
    .bind(&row.product_id)
    .bind(row.product.map(|spool| spool.to_string()))
    .bind(&row.submitter)
    .bind(&row.purpose)
    .bind(&row.basis)
    .bind(codec::precedence(row.precedence))
    .bind(row.expires.unix_ms())
    .bind(row.created.unix_ms())
    .bind(row.state.as_str())
    .bind(&row.reason)
    .bind(next(row.version))
    .bind(row.supersedes.map(|id| id.to_string()))
    .execute(conn)
    .await
    .map_err(of_write)?;
    Ok(facts)
}

async fn statement(conn: &mut SqliteConnection, row: &Statement) -> Result<Facts, StoreError> {
    let done = sqlx::query(
        "INSERT INTO statement (subject, kind, signer, bytes, given) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (subject, kind) DO NOTHING",
    )
    .bind(&row.subject)
    .bind(row.kind.as_str())
    .bind(row.signer.as_str())
    .bind(&row.bytes)
    .bind(row.given.unix_ms())
    .execute(conn)
    .await
    .map_err(of_write)?;
    rules::statement(row, done.rows_affected() == 0)
}

async fn approval(conn: &mut SqliteConnection, row: &Approval) -> Result<Facts, StoreError> {
    let done = sqlx::query(
        "INSERT INTO approval (request, exchange, officer, statement, given) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (exchange, officer) DO NOTHING",
    )
    .bind(row.request.to_string())
    .bind(row.exchange.to_string())
    .bind(row.officer.as_str())
    .bind(&row.statement)
    .bind(row.given.unix_ms())
    .execute(conn)
    .await
    .map_err(of_write)?;
    rules::approval(row, done.rows_affected() == 0)
}

async fn exchange(conn: &mut SqliteConnection, row: &Exchange, by: Option<&str>) -> Result<Facts, StoreError> {
    let id = row.id.to_string();
    let before = fetch(conn, "SELECT * FROM exchange WHERE id = ?1", &id, codec::exchange).await?;
    let (facts, keeps_lease) = rules::exchange(row, before.as_ref(), by)?;
    write_exchange(conn, &id, row, keeps_lease).await?;
    let searchable = row.searchable();
    if before.as_ref().map(Exchange::searchable).as_ref() != Some(&searchable) {
        index(conn, &id, &searchable).await?;
    }
    Ok(facts)
}

async fn write_exchange(
    conn: &mut SqliteConnection,
    id: &str,
    row: &Exchange,
    keeps_lease: bool,
) -> Result<(), StoreError> {
    let digest = |digest: Option<crate::digest::Digest>| digest.map(|digest| digest.as_bytes().to_vec());
    let size = |size: Option<u64>| -> Result<Option<i64>, StoreError> {
        let too_big = |_| StoreError::Illegal { what: row.what(), why: "a size is below 2^63".into() };
        size.map(i64::try_from).transpose().map_err(too_big)
    };
    sqlx::query(
        "INSERT INTO exchange (id, direction, partner, request, state, precedence, cut_digest, cut_size, marking, \
         product_id, title, title_marking, subjects, contact, purpose, manifest, payload, payload_size, \
         payload_digest, attempts, next_attempt, expires, created, updated, receipt, partner_checkpoint, refusal, \
         reason, policy_digest, register_digest, version, kind, about, recalled, recall_code, superseded_by, opened, \
         taken) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
         ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?33, ?34, ?35, ?36, ?37, ?38, ?39) \
         ON CONFLICT (id) DO UPDATE SET state = ?5, precedence = ?6, cut_digest = ?7, cut_size = ?8, marking = ?9, \
         product_id = ?10, title = ?11, title_marking = ?12, subjects = ?13, contact = ?14, purpose = ?15, \
         manifest = ?16, payload = ?17, payload_size = ?18, payload_digest = ?19, attempts = ?20, \
         next_attempt = ?21, expires = ?22, updated = ?24, receipt = ?25, partner_checkpoint = ?26, refusal = ?27, \
         reason = ?28, policy_digest = ?29, register_digest = ?30, version = ?31, \
         about = ?34, recalled = ?35, recall_code = ?36, superseded_by = ?37, opened = ?38, taken = ?39, \
         lease_owner = iif(?32, lease_owner, NULL), lease_until = iif(?32, lease_until, NULL)",
    )
    .bind(id)
    .bind(row.direction.as_str())
    .bind(row.partner.as_str())
    .bind(row.request.map(|request| request.to_string()))
    .bind(row.state.as_str())
    .bind(codec::precedence(row.precedence))
    .bind(digest(row.cut_digest))
    .bind(size(row.cut_size)?)
    .bind(&row.marking)
    .bind(&row.product_id)
    .bind(&row.title)
    .bind(&row.title_marking)
    .bind(codec::list(&row.subjects))
    .bind(&row.contact)
    .bind(&row.purpose)
    .bind(&row.manifest)
    .bind(row.payload.map(|payload| payload.spool.to_string()))
    .bind(size(row.payload.map(|payload| payload.size))?)
    .bind(digest(row.payload.map(|payload| payload.digest)))
    .bind(i64::from(row.attempts))
    .bind(row.next_attempt.unix_ms())
    .bind(row.expires.unix_ms())
    .bind(row.created.unix_ms())
    .bind(row.updated.unix_ms())
    .bind(&row.receipt)
    .bind(&row.partner_checkpoint)
    .bind(&row.refusal)
    .bind(&row.reason)
    .bind(digest(row.policy_digest))
    .bind(digest(row.register_digest))
    .bind(next(row.version))
    .bind(keeps_lease)
    .bind(row.kind.as_str())
    .bind(row.about.map(|id| id.to_string()))
    .bind(row.recalled.as_ref().map(|r| r.at.unix_ms()))
    .bind(row.recalled.as_ref().map(|r| r.why.as_str()))
    .bind(row.superseded_by.map(|id| id.to_string()))
    .bind(row.opened.map(Time::unix_ms))
    .bind(row.taken.map(Time::unix_ms))
    .execute(conn)
    .await
    .map_err(of_write)?;
    Ok(())
}

async fn index(conn: &mut SqliteConnection, id: &str, searchable: &[String; 7]) -> Result<(), StoreError> {
    let mut query = sqlx::query(
        "INSERT OR REPLACE INTO record (rowid, title, subjects, purpose, partner, contact, marking, product) \
         VALUES ((SELECT seq FROM exchange WHERE id = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(id);
    for text in searchable {
        query = query.bind(text);
    }
    query.execute(conn).await.map_err(of_write)?;
    Ok(())
}

async fn claim(
    conn: &mut SqliteConnection,
    id: &ExchangeId,
    owner: &str,
    now: Time,
    until: Time,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE exchange SET lease_owner = ?2, lease_until = ?4 \
         WHERE id = ?1 AND (lease_owner IS NULL OR lease_owner = ?2 OR lease_until <= ?3) \
         AND state NOT IN ('delivered', 'refused', 'cancelled', 'expired', 'taken')",
    )
    .bind(id.to_string())
    .bind(owner)
    .bind(now.unix_ms())
    .bind(until.unix_ms())
    .execute(&mut *conn)
    .await
    .map_err(of_write)?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    let row = fetch(conn, "SELECT * FROM exchange WHERE id = ?1", &id.to_string(), codec::exchange).await?;
    Err(rules::not_claimed(id, row.as_ref()))
}

async fn unclaim(conn: &mut SqliteConnection, id: &ExchangeId, owner: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE exchange SET lease_owner = NULL, lease_until = NULL WHERE id = ?1 AND lease_owner = ?2")
        .bind(id.to_string())
        .bind(owner)
        .execute(conn)
        .await
        .map_err(of_write)?;
    Ok(())
}

/// Refuses unless what a decision was taken on is still so.
async fn still_stands(conn: &mut SqliteConnection, stands: &Stands, standing: &mut Standing) -> Result<(), StoreError> {
    let roster = match standing.roster {
        Some(roster) => roster,
        None => {
            let row = sqlx::query("SELECT roster_generation FROM node WHERE one = 1");
            let row = row.fetch_one(&mut *conn).await.map_err(of_write)?;
            *standing.roster.insert(codec::Cells::new(&row, "node").number("roster_generation")?)
        }
    };
    let value = match standing.values.get(&stands.setting) {
        Some(value) => *value,
        None => {
            let sql = "SELECT * FROM setting WHERE name = ?1";
            let setting = fetch(conn, sql, &stands.setting, codec::setting).await?;
            let value = setting.map(|setting| Digest::of(&setting.value));
            standing.values.insert(stands.setting.clone(), value);
            value
        }
    };
    // The counter moves once, at the end of a transaction. A setting that a commit of this transaction changed moved the
    // roster with it, so that the value from before is of no consequence.
    stands.judge(roster + u64::from(standing.roster_moved), value)
}

fn next(version: Version) -> i64 {
    i64::try_from(version.next().0).unwrap_or(i64::MAX)
}
