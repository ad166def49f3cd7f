//! One commit's changes inside an open transaction: each compared, checked, written, and noted for its ledger entry.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params, params_from_iter};

use super::super::evidence::{Evidence, Facts};
use super::super::rules::{self, Keeping};
use super::super::{
    Approval, Change, Commit, Exchange, Officer, Partner, Request, Setting, Stands, Statement, StatementKind,
    StoreError, Version,
};
use super::codec::{self, Cells, no_node};
use super::connection::{every, first, run};
use super::flow;
use crate::digest::{Digest, Pieces};
use crate::envelope::Header;
use crate::ident::{ExchangeId, PartnerId};
use crate::ledger::{Entry, EntryKind};
use crate::origin::Print;
use crate::time::Time;

/// What one transaction found when it was first asked whether a decision still stands. Nobody else writes meanwhile.
#[derive(Default)]
pub(super) struct Standing {
    /// Whether a commit of this transaction changed a partner, an officer or a setting.
    pub(super) roster_moved: bool,
    roster: Option<u64>,
    /// Digests of the settings' values, and where the roster's counter stood when they were read.
    // INVARIANT: the counter moves with every change of a setting, so that these are the values while it stands there.
    values: (u64, BTreeMap<String, Option<Digest>>),
}

impl Standing {
    /// For the transaction after one that was committed: what was found of settings is remembered.
    pub(super) fn again(self) -> Standing {
        Standing { values: self.values, ..Standing::default() }
    }
}

/// Applies `commit` and returns its entries, stamped.
pub(super) fn apply(conn: &Connection, commit: &Commit, standing: &mut Standing) -> Result<Vec<Entry>, StoreError> {
    if let Some(stands) = &commit.stands {
        still_stands(conn, stands, standing)?;
    }
    let mut entries = commit.entries.clone();
    if commit.only_news {
        let news: Vec<bool> = entries.iter().map(|entry| is_news(conn, entry)).collect::<Result<_, _>>()?;
        let mut news = news.into_iter();
        entries.retain(|_| news.next().unwrap_or(true));
    }
    for (number, change) in commit.changes.iter().enumerate() {
        let mut stamp = |row: &dyn Evidence, before: Facts| {
            rules::as_proved(row, &before, commit.proved.get(&number))?;
            rules::stamp(&mut entries, row, before)
        };
        match change {
            Change::Partner(row) => {
                let before = partner(conn, row)?;
                stamp(&Partner { version: row.version.next(), ..(**row).clone() }, before)?;
            }
            Change::Officer(row) => {
                let before = officer(conn, row)?;
                stamp(&Officer { version: row.version.next(), ..(**row).clone() }, before)?;
            }
            Change::Request(row) => stamp(&**row, request(conn, row)?)?,
            Change::Exchange { row, by, sealed } => {
                stamp(&**row, exchange(conn, row, by.as_deref(), sealed.as_deref())?)?;
            }
            Change::Approval(row) => stamp(&**row, approval(conn, row)?)?,
            Change::Statement(row) => stamp(&**row, statement(conn, row)?)?,
            Change::Setting(row) => {
                let before = setting(conn, row)?;
                stamp(&Setting { version: row.version.next(), ..(**row).clone() }, before)?;
            }
            Change::Claim { exchange, owner, now, until } => claim(conn, exchange, owner, *now, *until)?,
            Change::Unclaim { exchange, owner } => unclaim(conn, exchange, owner)?,
            Change::Flow(change) => flow::apply(conn, change)?,
            Change::SweepPayloads { taken_by } => sweep_payloads(conn, *taken_by)?,
            Change::Prints { exchange, sender, prints: new } => prints(conn, exchange, sender.as_ref(), new)?,
        }
    }
    Ok(entries)
}

/// Whether `change` bears on what trust and policy are loaded from.
pub(super) fn is_roster(change: &Change) -> bool {
    match change {
        Change::Partner(_) | Change::Officer(_) | Change::Setting(_) => true,
        // A statement of an officer may stop what was released, which whoever is about to send must notice.
        Change::Statement(row) => row.kind != StatementKind::Submission,
        _ => false,
    }
}

/// Whether an entry is no alarm, or one that the last alarm about its subject did not say.
fn is_news(conn: &Connection, entry: &Entry) -> Result<bool, StoreError> {
    if entry.kind() != EntryKind::Alarm {
        return Ok(true);
    }
    let sql = "SELECT n, bytes FROM ledger WHERE subject = ?1 AND kind = ?2 ORDER BY n DESC LIMIT 1";
    let last = first(conn, sql, params![entry.subject(), entry.kind().as_str()], codec::recorded)?;
    Ok(last.is_none_or(|last| last.entry.detail() != entry.detail()))
}

fn prints(
    conn: &Connection,
    exchange: &ExchangeId,
    sender: Option<&PartnerId>,
    prints: &BTreeSet<Print>,
) -> Result<(), StoreError> {
    let seq = |row: &Row<'_>| row.get::<_, i64>(0).map_err(super::fault::of_write);
    let seq = first(conn, "SELECT seq FROM exchange WHERE id = ?1", [exchange.to_string()], seq)?;
    let seq = seq.ok_or_else(|| rules::not_there(exchange))?;
    let sender = sender.map_or("", PartnerId::as_str);
    let sql = "INSERT INTO print (print, sender, exchange) VALUES (?1, ?2, ?3) ON CONFLICT (print, sender) DO NOTHING";
    prints.iter().try_for_each(|print| run(conn, sql, params![print.to_i64(), sender, seq]).map(|_| ()))
}

fn partner(conn: &Connection, row: &Partner) -> Result<Facts, StoreError> {
    let before = first(conn, "SELECT * FROM partner WHERE id = ?1", [row.id.as_str()], codec::partner)?;
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
            next(row.version)
        ],
    )?;
    Ok(facts)
}

fn officer(conn: &Connection, row: &Officer) -> Result<Facts, StoreError> {
    let before = first(conn, "SELECT * FROM officer WHERE id = ?1", [row.id.as_str()], codec::officer)?;
    let facts = rules::officer(row, before.as_ref())?;
    if before.as_ref().is_none_or(|before| (&before.name, &before.declared) != (&row.name, &row.declared)) {
        rules::named_apart(row, &every(conn, "SELECT * FROM officer", (), codec::officer)?)?;
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
            next(row.version),
            &row.certificates,
            codec::declared(&row.declared)
        ],
    )?;
    Ok(facts)
}

fn setting(conn: &Connection, row: &Setting) -> Result<Facts, StoreError> {
    let before = first(conn, "SELECT * FROM setting WHERE name = ?1", [&row.name], codec::setting)?;
    let facts = rules::setting(row, before.as_ref())?;
    run(
        conn,
        "INSERT INTO setting (name, value, changed, version) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO UPDATE SET value = ?2, changed = ?3, version = ?4",
        params![&row.name, &row.value, row.changed.unix_ms(), next(row.version)],
    )?;
    Ok(facts)
}

fn request(conn: &Connection, row: &Request) -> Result<Facts, StoreError> {
    let id = row.id.to_string();
    let before = first(conn, "SELECT * FROM request WHERE id = ?1", [&id], codec::request)?;
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
            next(row.version),
            row.supersedes.map(|id| id.to_string()),
            &row.aims.objective,
            row.aims.engages,
            row.aims.supports_outcome
        ],
    )?;
    Ok(facts)
}

fn statement(conn: &Connection, row: &Statement) -> Result<Facts, StoreError> {
    let done = run(
        conn,
        "INSERT INTO statement (subject, kind, signer, bytes, given) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (subject, kind) DO NOTHING",
        params![&row.subject, row.kind.as_str(), row.signer.as_str(), &row.bytes, row.given.unix_ms()],
    )?;
    rules::statement(row, done == 0)
}

fn approval(conn: &Connection, row: &Approval) -> Result<Facts, StoreError> {
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

fn exchange(conn: &Connection, row: &Exchange, by: Option<&str>, sealed: Option<&[u8]>) -> Result<Facts, StoreError> {
    let id = row.id.to_string();
    let before = first(conn, "SELECT * FROM whole_exchange WHERE id = ?1", [&id], codec::exchange)?;
    let (facts, keeps_lease) = rules::exchange(row, before.as_ref(), by)?;
    let keeping = rules::keeping(row, before.as_ref(), sealed)?;
    write_exchange(conn, &id, row, keeps_lease)?;
    write_payload(conn, &id, sealed, keeping)?;
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
    let digest = |digest: Option<crate::digest::Digest>| digest.map(|digest| digest.as_bytes().to_vec());
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
            next(row.version),
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

/// What of an exchange is kept beside its row: what somebody signed, and what opens its payload.
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
        header: row.kept_header().map(Header::bytes),
        pieces: row.kept_pieces(),
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

/// Keeps the payload that came with a row, or lets go of the one that was kept.
fn write_payload(conn: &Connection, id: &str, sealed: Option<&[u8]>, keeping: Keeping) -> Result<(), StoreError> {
    match keeping {
        Keeping::Stays => {}
        Keeping::Replaced => {
            let sql = "INSERT OR REPLACE INTO payload (exchange, bytes) \
                       VALUES ((SELECT seq FROM exchange WHERE id = ?1), ?2)";
            run(conn, sql, params![id, sealed])?;
        }
        Keeping::Goes => {
            run(conn, "DELETE FROM payload WHERE exchange = (SELECT seq FROM exchange WHERE id = ?1)", [id])?;
        }
    }
    Ok(())
}

fn sweep_payloads(conn: &Connection, taken_by: Time) -> Result<(), StoreError> {
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

fn claim(conn: &Connection, id: &ExchangeId, owner: &str, now: Time, until: Time) -> Result<(), StoreError> {
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
    let row = first(conn, "SELECT * FROM whole_exchange WHERE id = ?1", [id.to_string()], codec::exchange)?;
    Err(rules::not_claimed(id, row.as_ref()))
}

fn unclaim(conn: &Connection, id: &ExchangeId, owner: &str) -> Result<(), StoreError> {
    run(
        conn,
        "UPDATE exchange SET lease_owner = NULL, lease_until = NULL WHERE id = ?1 AND lease_owner = ?2",
        params![id.to_string(), owner],
    )?;
    Ok(())
}

/// Refuses unless what a decision was taken on is still so.
fn still_stands(conn: &Connection, stands: &Stands, standing: &mut Standing) -> Result<(), StoreError> {
    let roster = match standing.roster {
        Some(roster) => roster,
        None => {
            let read = |row: &Row<'_>| Cells::new(row, "node").number("roster_generation");
            let found = first(conn, "SELECT roster_generation FROM node WHERE one = 1", (), read)?;
            let roster = *standing.roster.insert(found.ok_or_else(no_node)?);
            if standing.values.0 != roster {
                standing.values = (roster, BTreeMap::new());
            }
            roster
        }
    };
    let values = &mut standing.values.1;
    let value = match values.get(&stands.setting) {
        Some(value) => *value,
        None => {
            let sql = "SELECT * FROM setting WHERE name = ?1";
            let setting = first(conn, sql, [&stands.setting], codec::setting)?;
            let value = setting.map(|setting| Digest::of(&setting.value));
            values.insert(stands.setting.clone(), value);
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
