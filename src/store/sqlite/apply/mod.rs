//! Applies one commit's changes inside an open transaction: each is compared, checked, written, and stamped into its
//! ledger entry.

mod traffic;
mod exchange;
mod rows;

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use super::connection::first;
use super::decode::{self, cells};
use crate::digest::Digest;
use crate::ledger::{Entry, EntryKind};
use crate::store::codec::no_node;
use crate::store::evidence::{Evidence, Facts};
use crate::store::rules;
use crate::store::{Change, Commit, Officer, Partner, Precondition, Setting, StoreError, Version};

/// What was read in a transaction to check the preconditions of its commits. No other process writes meanwhile.
#[derive(Default)]
pub(super) struct PreconditionReads {
    /// Whether a commit of this transaction changed a partner, an officer or a setting.
    pub(super) roster_moved: bool,
    roster: Option<u64>,
    /// The roster's counter, and the digests of the settings' values that were read at that counter. INVARIANT: the
    /// counter increases with every change of a setting, so the digests are current while it is unchanged.
    values: (u64, BTreeMap<String, Option<Digest>>),
}

impl PreconditionReads {
    /// Returns the state for the next transaction after a committed one: the settings' digests are kept.
    pub(super) fn again(self) -> PreconditionReads {
        PreconditionReads { values: self.values, ..PreconditionReads::default() }
    }
}

/// Applies `commit` and returns its entries, stamped.
pub(super) fn apply(
    conn: &Connection,
    commit: &Commit,
    reads: &mut PreconditionReads,
) -> Result<Vec<Entry>, StoreError> {
    if let Some(precondition) = &commit.precondition {
        check_precondition(conn, precondition, reads)?;
    }
    let mut entries = commit.entries.clone();
    if commit.skip_repeated_alarms {
        let news: Vec<bool> = entries.iter().map(|entry| is_new_alarm(conn, entry)).collect::<Result<_, _>>()?;
        let mut news = news.into_iter();
        entries.retain(|_| news.next().unwrap_or(true));
    }
    for (number, change) in commit.changes.iter().enumerate() {
        let mut stamp = |row: &dyn Evidence, before: Facts| {
            rules::check_unaltered(row, &before, commit.proved.get(&number))?;
            rules::stamp(&mut entries, row, before)
        };
        match change {
            Change::Partner(row) => {
                let before = rows::partner(conn, row)?;
                stamp(&Partner { version: row.version.next(), ..(**row).clone() }, before)?;
            }
            Change::Officer(row) => {
                let before = rows::officer(conn, row)?;
                stamp(&Officer { version: row.version.next(), ..(**row).clone() }, before)?;
            }
            Change::Request(row) => stamp(&**row, rows::request(conn, row)?)?,
            Change::Exchange { row, by, sealed } => {
                stamp(&**row, exchange::exchange(conn, row, by.as_deref(), sealed.as_deref())?)?;
            }
            Change::Approval(row) => stamp(&**row, rows::approval(conn, row)?)?,
            Change::Statement(row) => stamp(&**row, rows::statement(conn, row)?)?,
            Change::Setting(row) => {
                let before = rows::setting(conn, row)?;
                stamp(&Setting { version: row.version.next(), ..(**row).clone() }, before)?;
            }
            Change::Claim { exchange, owner, now, until } => exchange::claim(conn, exchange, owner, *now, *until)?,
            Change::Unclaim { exchange, owner } => exchange::unclaim(conn, exchange, owner)?,
            Change::Traffic(change) => traffic::apply(conn, change)?,
            Change::SweepPayloads { taken_by } => exchange::sweep_payloads(conn, *taken_by)?,
            Change::Prints { exchange, sender, prints: new } => exchange::prints(conn, exchange, sender.as_ref(), new)?,
        }
    }
    Ok(entries)
}

/// Returns whether an entry is not an alarm, or differs from the latest alarm about its subject.
fn is_new_alarm(conn: &Connection, entry: &Entry) -> Result<bool, StoreError> {
    if entry.kind() != EntryKind::Alarm {
        return Ok(true);
    }
    let sql = "SELECT n, bytes FROM ledger WHERE subject = ?1 AND kind = ?2 ORDER BY n DESC LIMIT 1";
    let last = first(conn, sql, params![entry.subject(), entry.kind().as_str()], decode::recorded)?;
    Ok(last.is_none_or(|last| last.entry.detail() != entry.detail()))
}

/// Refuses unless the precondition of a commit holds.
fn check_precondition(
    conn: &Connection,
    precondition: &Precondition,
    reads: &mut PreconditionReads,
) -> Result<(), StoreError> {
    let roster = match reads.roster {
        Some(roster) => roster,
        None => {
            let read = |row: &Row<'_>| cells(row, "node").number("roster_generation");
            let found = first(conn, "SELECT roster_generation FROM node WHERE one = 1", (), read)?;
            let roster = *reads.roster.insert(found.ok_or_else(no_node)?);
            if reads.values.0 != roster {
                reads.values = (roster, BTreeMap::new());
            }
            roster
        }
    };
    let values = &mut reads.values.1;
    let value = match values.get(&precondition.setting) {
        Some(value) => *value,
        None => {
            let sql = "SELECT * FROM setting WHERE name = ?1";
            let setting = first(conn, sql, [&precondition.setting], decode::setting)?;
            let value = setting.map(|setting| Digest::of(&setting.value));
            values.insert(precondition.setting.clone(), value);
            value
        }
    };
    // The counter increases once, at the end of a transaction. A setting that an earlier commit of this transaction
    // changed also set `roster_moved`, so an outdated digest makes no difference.
    precondition.check(roster + u64::from(reads.roster_moved), value)
}

/// Returns the version of a row after it is written.
fn version_after(version: Version) -> i64 {
    i64::try_from(version.next().0).unwrap_or(i64::MAX)
}
