//! Queries about the traffic with a partner.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rusqlite::{Connection, Row, params};

use crate::ident::{ExchangeId, PartnerId};
use crate::partner::Breaker;
use crate::store::sqlite::connection::{every, first};
use crate::store::sqlite::decode::{self, cells};
use crate::store::sqlite::readers::Readers;
use crate::store::{Direction, ExchangeState, StoreError, Usage};
use crate::time::Time;

/// Returns what was used of a partner's quotas on a day, by direction.
pub(in crate::store::sqlite) async fn usage(
    reads: &Readers,
    partner: &PartnerId,
    day: Date,
) -> Result<BTreeMap<Direction, Usage>, StoreError> {
    let key = [partner.to_string(), day.to_string()];
    let sql = "SELECT direction, exchanges, bytes FROM usage WHERE partner = ?1 AND day = ?2";
    let read = |row: &Row<'_>| Ok((cells(row, "usage").word("direction")?, decode::usage(row)?));
    Ok(reads.query(move |conn| every(conn, sql, key, read)).await?.into_iter().collect())
}

/// Returns count and offered payload bytes of inbound exchanges of a partner, by state.
pub(in crate::store::sqlite) async fn inbound_usage(
    reads: &Readers,
    partner: &PartnerId,
    states: &[ExchangeState],
) -> Result<BTreeMap<ExchangeState, Usage>, StoreError> {
    let (partner, states) = (partner.to_string(), states.to_vec());
    let sql = "SELECT count(*) AS exchanges, coalesce(sum(payload_size), 0) AS bytes FROM exchange \
               WHERE state = ?1 AND partner = ?2 AND direction = 'in'";
    let read = move |conn: &mut Connection| {
        // One query for each state, by the index of states, whose next column is the partner.
        let of =
            |state: &ExchangeState| Ok((*state, first(conn, sql, params![state.as_str(), partner], decode::usage)?));
        let all = states.iter().map(of).collect::<Result<Vec<_>, StoreError>>()?;
        let some =
            all.into_iter().filter_map(|(state, usage)| Some((state, usage.filter(|usage| usage.exchanges > 0)?)));
        Ok(some.collect())
    };
    reads.query(read).await
}

/// Returns all circuit breakers, by partner.
pub(in crate::store::sqlite) async fn breakers(reads: &Readers) -> Result<BTreeMap<PartnerId, Breaker>, StoreError> {
    Ok(reads.query(move |conn| every(conn, "SELECT * FROM breaker", (), decode::breaker)).await?.into_iter().collect())
}

/// Returns the largest checkpoint seen of a partner's ledger, as its signed text.
pub(in crate::store::sqlite) async fn partner_checkpoint(
    reads: &Readers,
    partner: &PartnerId,
) -> Result<Option<String>, StoreError> {
    let key = partner.to_string();
    let read = |row: &Row<'_>| cells(row, "witness").text("note");
    reads.query(move |conn| first(conn, "SELECT note FROM witness WHERE partner = ?1", [key], read)).await
}

/// Returns the oldest queued exchange of each precedence, whether or not it is due or claimed.
pub(in crate::store::sqlite) async fn oldest_queued(
    reads: &Readers,
    partner: &PartnerId,
    now: Time,
) -> Result<Vec<ExchangeId>, StoreError> {
    // The other columns of a row with a single min() are those of the row that has the minimum
    // (sqlite.org/lang_select.html).
    let sql = "SELECT id, min(seq) FROM exchange WHERE state = 'queued' AND partner = ?1 AND expires > ?2 \
               GROUP BY precedence";
    let key = partner.to_string();
    let read = |row: &Row<'_>| cells(row, "exchange").word("id");
    reads.query(move |conn| every(conn, sql, params![key, now.unix_ms()], read)).await
}
