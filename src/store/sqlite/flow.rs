//! Usage, circuit breakers and witnessed heads: written in the writer's transaction, read like everything else.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::super::{Direction, FlowChange, Spend, StoreError, Usage};
use super::codec::Cells;
use super::fault::of_write;
use super::readers::Readers;
use super::writer::signed;
use crate::ident::{ExchangeId, PartnerId};
use crate::partner::Breaker;
use crate::time::Time;

/// Applies one change.
pub(super) async fn apply(conn: &mut SqliteConnection, change: &FlowChange) -> Result<(), StoreError> {
    match change {
        FlowChange::Spend(what) => spend(conn, what).await,
        FlowChange::Breaker { partner, breaker: after } => breaker(conn, partner, after).await,
        FlowChange::Witness { partner, head } => witness(conn, partner, head.size(), head.as_str()).await,
        FlowChange::AcceptClock { now } => accept_clock(conn, *now).await,
    }
}

/// Adds to a day's usage, if that stays within the quota.
async fn spend(conn: &mut SqliteConnection, spend: &Spend) -> Result<(), StoreError> {
    let key = [spend.partner.to_string(), spend.direction.to_string(), spend.day.to_string()];
    let sql = "SELECT exchanges, bytes FROM usage WHERE partner = ?1 AND direction = ?2 AND day = ?3";
    let row = sqlx::query(sql).bind(&key[0]).bind(&key[1]).bind(&key[2]).fetch_optional(&mut *conn).await;
    let before = row.map_err(of_write)?.as_ref().map(counted).transpose()?.unwrap_or_default();
    let after = spend.after(before)?;
    // What is beyond the column can be reached by no traffic.
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO usage (partner, direction, day, exchanges, bytes) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (partner, direction, day) DO UPDATE SET exchanges = ?4, bytes = ?5",
    )
    .bind(&key[0])
    .bind(&key[1])
    .bind(&key[2])
    .bind(number(after.exchanges))
    .bind(number(after.bytes))
    .execute(conn)
    .await
    .map_err(of_write)?;
    Ok(())
}

fn counted(row: &SqliteRow) -> Result<Usage, StoreError> {
    let cells = Cells::new(row, "usage");
    Ok(Usage { exchanges: cells.number("exchanges")?, bytes: cells.number("bytes")? })
}

async fn breaker(conn: &mut SqliteConnection, partner: &PartnerId, breaker: &Breaker) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO breaker (partner, failures, opened, until) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (partner) DO UPDATE SET failures = ?2, opened = ?3, until = ?4",
    )
    .bind(partner.as_str())
    .bind(i64::from(breaker.failures))
    .bind(i64::from(breaker.opened))
    .bind(breaker.until.unix_ms())
    .execute(conn)
    .await
    .map_err(of_write)?;
    Ok(())
}

/// Remembers a head of a partner's ledger, if it is greater than the one remembered.
async fn witness(conn: &mut SqliteConnection, partner: &PartnerId, size: u64, note: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO witness (partner, size, note) VALUES (?1, ?2, ?3) \
         ON CONFLICT (partner) DO UPDATE SET size = ?2, note = ?3 WHERE size < ?2",
    )
    .bind(partner.as_str())
    .bind(signed(size))
    .bind(note)
    .execute(conn)
    .await
    .map_err(of_write)?;
    Ok(())
}

/// Takes `now` for the time, whatever entries said before.
async fn accept_clock(conn: &mut SqliteConnection, now: Time) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE node SET clock_high = ?1 WHERE one = 1").bind(now.unix_ms()).execute(conn).await;
    done.map(|_| ()).map_err(of_write)
}

pub(super) async fn usage(
    reads: &Readers,
    partner: &PartnerId,
    day: Date,
) -> Result<BTreeMap<Direction, Usage>, StoreError> {
    let sql = "SELECT direction, exchanges, bytes FROM usage WHERE partner = ?1 AND day = ?2";
    let rows = reads.all(sqlx::query(sql).bind(partner.as_str()).bind(day.to_string())).await?;
    rows.iter().map(|row| Ok((Cells::new(row, "usage").word("direction")?, counted(row)?))).collect()
}

pub(super) async fn breakers(reads: &Readers) -> Result<BTreeMap<PartnerId, Breaker>, StoreError> {
    let rows = reads.all(sqlx::query("SELECT * FROM breaker")).await?;
    rows.iter()
        .map(|row| {
            let cells = Cells::new(row, "breaker");
            let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
            let breaker = Breaker {
                failures: small(cells.number("failures")?),
                opened: small(cells.number("opened")?),
                until: cells.time("until")?,
            };
            Ok((cells.word("partner")?, breaker))
        })
        .collect()
}

pub(super) async fn witnessed(reads: &Readers, partner: &PartnerId) -> Result<Option<String>, StoreError> {
    let query = sqlx::query("SELECT note FROM witness WHERE partner = ?1").bind(partner.as_str());
    let row = reads.optional(query).await?;
    row.map(|row| row.try_get(0).map_err(|_| StoreError::Damaged { what: "witness column `note`".into() })).transpose()
}

/// The oldest queued exchange of each precedence, due or not, claimed or not.
pub(super) async fn eldest(reads: &Readers, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError> {
    // The other columns of a row with a lone min() are those of the row that has it (sqlite.org/lang_select.html).
    let sql = "SELECT id, min(seq) FROM exchange WHERE state = 'queued' AND partner = ?1 AND expires > ?2 \
               GROUP BY precedence";
    let rows = reads.all(sqlx::query(sql).bind(partner.as_str()).bind(now.unix_ms())).await?;
    rows.iter().map(|row| Cells::new(row, "exchange").word("id")).collect()
}
