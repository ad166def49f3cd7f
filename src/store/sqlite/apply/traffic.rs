//! Writing usage, circuit breakers, and checkpoints of partners' ledgers.

use rusqlite::{Connection, params};

use crate::ident::PartnerId;
use crate::partner::Breaker;
use crate::store::sqlite::connection::{first, run};
use crate::store::sqlite::decode;
use crate::store::sqlite::ledger::signed;
use crate::store::{Spend, StoreError, TrafficChange};
use crate::time::Time;

/// Applies one change.
pub(super) fn apply(conn: &Connection, change: &TrafficChange) -> Result<(), StoreError> {
    match change {
        TrafficChange::Spend(what) => spend(conn, what),
        TrafficChange::Breaker { partner, breaker: after } => breaker(conn, partner, after),
        TrafficChange::Witness { partner, head } => witness(conn, partner, head.size(), head.as_str()),
        TrafficChange::AcceptClock { now } => accept_clock(conn, *now),
    }
}

/// Adds to a day's usage, if that stays within the quota.
fn spend(conn: &Connection, spend: &Spend) -> Result<(), StoreError> {
    let key = [spend.partner.to_string(), spend.direction.to_string(), spend.day.to_string()];
    let sql = "SELECT exchanges, bytes FROM usage WHERE partner = ?1 AND direction = ?2 AND day = ?3";
    let before = first(conn, sql, [&key[0], &key[1], &key[2]], decode::usage)?.unwrap_or_default();
    let after = spend.after(before)?;
    // A value beyond the column's range cannot be reached by any traffic.
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    run(
        conn,
        "INSERT INTO usage (partner, direction, day, exchanges, bytes) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (partner, direction, day) DO UPDATE SET exchanges = ?4, bytes = ?5",
        params![&key[0], &key[1], &key[2], number(after.exchanges), number(after.bytes)],
    )?;
    Ok(())
}

fn breaker(conn: &Connection, partner: &PartnerId, breaker: &Breaker) -> Result<(), StoreError> {
    run(
        conn,
        "INSERT INTO breaker (partner, failures, opened, until) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (partner) DO UPDATE SET failures = ?2, opened = ?3, until = ?4",
        params![partner.as_str(), i64::from(breaker.failures), i64::from(breaker.opened), breaker.until.unix_ms()],
    )?;
    Ok(())
}

/// Stores a checkpoint of a partner's ledger, unless the stored one is at least as large.
fn witness(conn: &Connection, partner: &PartnerId, size: u64, note: &str) -> Result<(), StoreError> {
    run(
        conn,
        "INSERT INTO witness (partner, size, note) VALUES (?1, ?2, ?3) \
         ON CONFLICT (partner) DO UPDATE SET size = ?2, note = ?3 WHERE size < ?2",
        params![partner.as_str(), signed(size), note],
    )?;
    Ok(())
}

/// Sets the latest recorded time to `now`, even if entries have a later one.
fn accept_clock(conn: &Connection, now: Time) -> Result<(), StoreError> {
    run(conn, "UPDATE node SET clock_high = ?1 WHERE one = 1", [now.unix_ms()])?;
    Ok(())
}
