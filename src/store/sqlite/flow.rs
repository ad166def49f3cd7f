//! Usage, circuit breakers and witnessed heads: written in the writer's transaction, read like everything else.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rusqlite::{Connection, Row, params};

use super::super::{Direction, ExchangeState, FlowChange, Spend, StoreError, Usage};
use super::codec::Cells;
use super::connection::{every, first, run};
use super::readers::Readers;
use super::writer::signed;
use crate::ident::{ExchangeId, PartnerId};
use crate::partner::Breaker;
use crate::time::Time;

/// Applies one change.
pub(super) fn apply(conn: &Connection, change: &FlowChange) -> Result<(), StoreError> {
    match change {
        FlowChange::Spend(what) => spend(conn, what),
        FlowChange::Breaker { partner, breaker: after } => breaker(conn, partner, after),
        FlowChange::Witness { partner, head } => witness(conn, partner, head.size(), head.as_str()),
        FlowChange::AcceptClock { now } => accept_clock(conn, *now),
    }
}

/// Adds to a day's usage, if that stays within the quota.
fn spend(conn: &Connection, spend: &Spend) -> Result<(), StoreError> {
    let key = [spend.partner.to_string(), spend.direction.to_string(), spend.day.to_string()];
    let sql = "SELECT exchanges, bytes FROM usage WHERE partner = ?1 AND direction = ?2 AND day = ?3";
    let before = first(conn, sql, [&key[0], &key[1], &key[2]], counted)?.unwrap_or_default();
    let after = spend.after(before)?;
    // What is beyond the column can be reached by no traffic.
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    run(
        conn,
        "INSERT INTO usage (partner, direction, day, exchanges, bytes) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (partner, direction, day) DO UPDATE SET exchanges = ?4, bytes = ?5",
        params![&key[0], &key[1], &key[2], number(after.exchanges), number(after.bytes)],
    )?;
    Ok(())
}

fn counted(row: &Row<'_>) -> Result<Usage, StoreError> {
    let cells = Cells::new(row, "usage");
    Ok(Usage { exchanges: cells.number("exchanges")?, bytes: cells.number("bytes")? })
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

/// Remembers a head of a partner's ledger, if it is greater than the one remembered.
fn witness(conn: &Connection, partner: &PartnerId, size: u64, note: &str) -> Result<(), StoreError> {
    run(
        conn,
        "INSERT INTO witness (partner, size, note) VALUES (?1, ?2, ?3) \
         ON CONFLICT (partner) DO UPDATE SET size = ?2, note = ?3 WHERE size < ?2",
        params![partner.as_str(), signed(size), note],
    )?;
    Ok(())
}

/// Takes `now` for the time, whatever entries said before.
fn accept_clock(conn: &Connection, now: Time) -> Result<(), StoreError> {
    run(conn, "UPDATE node SET clock_high = ?1 WHERE one = 1", [now.unix_ms()])?;
    Ok(())
}

pub(super) async fn usage(
    reads: &Readers,
    partner: &PartnerId,
    day: Date,
) -> Result<BTreeMap<Direction, Usage>, StoreError> {
    let key = [partner.to_string(), day.to_string()];
    let sql = "SELECT direction, exchanges, bytes FROM usage WHERE partner = ?1 AND day = ?2";
    let read = |row: &Row<'_>| Ok((Cells::new(row, "usage").word("direction")?, counted(row)?));
    Ok(reads.ask(move |conn| every(conn, sql, key, read)).await?.into_iter().collect())
}

pub(super) async fn held(
    reads: &Readers,
    partner: &PartnerId,
    states: &[ExchangeState],
) -> Result<BTreeMap<ExchangeState, Usage>, StoreError> {
    let (partner, states) = (partner.to_string(), states.to_vec());
    let sql = "SELECT count(*) AS exchanges, coalesce(sum(payload_size), 0) AS bytes FROM exchange \
               WHERE state = ?1 AND partner = ?2 AND direction = 'in'";
    let read = move |conn: &mut Connection| {
        // Each by the index of states, which has the partner next.
        let of = |state: &ExchangeState| Ok((*state, first(conn, sql, params![state.as_str(), partner], counted)?));
        let all = states.iter().map(of).collect::<Result<Vec<_>, StoreError>>()?;
        let some =
            all.into_iter().filter_map(|(state, usage)| Some((state, usage.filter(|usage| usage.exchanges > 0)?)));
        Ok(some.collect())
    };
    reads.ask(read).await
}

pub(super) async fn breakers(reads: &Readers) -> Result<BTreeMap<PartnerId, Breaker>, StoreError> {
    let read = |row: &Row<'_>| {
        let cells = Cells::new(row, "breaker");
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let partner: PartnerId = cells.word("partner")?;
        let breaker = Breaker {
            failures: small(cells.number("failures")?),
            opened: small(cells.number("opened")?),
            until: cells.time("until")?,
        };
        Ok((partner, breaker))
    };
    Ok(reads.ask(move |conn| every(conn, "SELECT * FROM breaker", (), read)).await?.into_iter().collect())
}

pub(super) async fn witnessed(reads: &Readers, partner: &PartnerId) -> Result<Option<String>, StoreError> {
    let key = partner.to_string();
    let read = |row: &Row<'_>| Cells::new(row, "witness").text("note");
    reads.ask(move |conn| first(conn, "SELECT note FROM witness WHERE partner = ?1", [key], read)).await
}

/// The oldest queued exchange of each precedence, due or not, claimed or not.
pub(super) async fn eldest(reads: &Readers, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError> {
    // The other columns of a row with a lone min() are those of the row that has it (sqlite.org/lang_select.html).
    let sql = "SELECT id, min(seq) FROM exchange WHERE state = 'queued' AND partner = ?1 AND expires > ?2 \
               GROUP BY precedence";
    let key = partner.to_string();
    let read = |row: &Row<'_>| Cells::new(row, "exchange").word("id");
    reads.ask(move |conn| every(conn, sql, params![key, now.unix_ms()], read)).await
}
