//! The queries, on connections that cannot write.

pub(super) mod traffic;

use std::collections::BTreeSet;
use std::fmt::Display;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::super::codec;
use super::super::{
    Counts, Due, Exchange, ExchangeFilter, ExchangeState, Generations, IndexedEntry, Node, RecordedPrint, Request,
    RequestFilter, SearchHit, Statement, StoreError, Waiting, WholeRequest,
};
use super::connection::{every, first};
use super::decode::{self, cells};
use super::error::of_write;
use super::ledger;
use super::readers::Readers;
use crate::ident::RequestId;
use crate::ledger::Hashes;
use crate::origin::Fingerprint;
use crate::time::Time;

/// Number of rows in a listing if the caller sets no limit.
const LIMIT: u32 = 100;

type Read<T> = fn(&Row<'_>) -> Result<T, StoreError>;

/// Selects one request.
pub(super) const REQUEST: &str = "SELECT * FROM request WHERE id = ?1";
/// Selects the approvals of one request.
pub(super) const APPROVALS: &str = "SELECT * FROM approval WHERE request = ?1 ORDER BY seq";

/// Selects the signed submission of one request.
const SUBMISSION: &str = "SELECT * FROM statement WHERE subject = ?1 AND kind = 'submission'";

/// Returns the row with this key.
pub(super) async fn one<T: Send + 'static>(
    reads: &Readers,
    sql: &'static str,
    key: impl Display,
    read: Read<T>,
) -> Result<Option<T>, StoreError> {
    let key = key.to_string();
    reads.query(move |conn| first(conn, sql, [key], read)).await
}

/// Returns every row with this key.
pub(super) async fn many<T: Send + 'static>(
    reads: &Readers,
    sql: &'static str,
    key: impl Display,
    read: Read<T>,
) -> Result<Vec<T>, StoreError> {
    let key = key.to_string();
    reads.query(move |conn| every(conn, sql, [key], read)).await
}

/// Returns every row of a query without parameters.
pub(super) async fn all<T: Send + 'static>(
    reads: &Readers,
    sql: &'static str,
    read: Read<T>,
) -> Result<Vec<T>, StoreError> {
    reads.query(move |conn| every(conn, sql, (), read)).await
}

/// Returns the node's own row.
pub(super) async fn node(reads: &Readers) -> Result<Node, StoreError> {
    let sql = "SELECT * FROM node WHERE one = 1";
    reads.query(move |conn| first(conn, sql, (), decode::node)).await?.ok_or_else(codec::no_node)
}

/// Returns the counters.
pub(super) async fn generations(reads: &Readers) -> Result<Generations, StoreError> {
    let sql = "SELECT generation, roster_generation, clock_high, \
               (SELECT coalesce(max(seq), 0) FROM approval) AS approvals FROM node WHERE one = 1";
    reads.query(move |conn| first(conn, sql, (), decode::generations)).await?.ok_or_else(codec::no_node)
}

/// Returns which of these fingerprints are on record.
pub(super) async fn find_prints(
    reads: &Readers,
    prints: &BTreeSet<Fingerprint>,
) -> Result<Vec<RecordedPrint>, StoreError> {
    if prints.is_empty() {
        return Ok(Vec::new());
    }
    // Passed as one JSON array, since the number of parameters of a statement is limited.
    let plain: BTreeSet<Fingerprint> = prints.iter().map(|print| print.plain()).collect();
    let numbers: Vec<String> = plain.iter().map(|print| print.to_i64().to_string()).collect();
    let numbers = format!("[{}]", numbers.join(","));
    let sql = "SELECT print.print, print.sender, exchange.id FROM json_each(?1) AS asked \
               CROSS JOIN print ON print.print BETWEEN asked.value AND asked.value + 1 \
               JOIN exchange ON exchange.seq = print.exchange";
    let read = |row: &Row<'_>| {
        let sender: String = row.get(1).map_err(of_write)?;
        let damaged = |_| StoreError::Query { why: "a stored print has no sender or exchange".into() };
        Ok(RecordedPrint {
            print: Fingerprint::from_i64(row.get(0).map_err(of_write)?),
            sender: if sender.is_empty() { None } else { Some(sender.parse().map_err(damaged)?) },
            exchange: row.get::<_, String>(2).map_err(of_write)?.parse().map_err(damaged)?,
        })
    };
    reads.query(move |conn| every(conn, sql, [numbers], read)).await
}

/// Returns the number of rows of each kind.
pub(super) async fn counts(reads: &Readers) -> Result<Counts, StoreError> {
    reads.query(count).await
}

fn count(conn: &mut Connection) -> Result<Counts, StoreError> {
    // In one transaction, so that the counts are consistent.
    let read = conn.transaction().map_err(of_write)?;
    let sql = "SELECT direction, state, count(*) AS count FROM exchange GROUP BY direction, state";
    let exchanges = every(&read, sql, (), |row| {
        let cells = cells(row, "exchange");
        Ok(((cells.word("direction")?, cells.word("state")?), cells.number("count")?))
    })?;
    let requests = every(&read, "SELECT state, count(*) AS count FROM request GROUP BY state", (), |row| {
        let cells = cells(row, "request");
        Ok((cells.word("state")?, cells.number("count")?))
    })?;
    let sql = "SELECT (SELECT count(*) FROM partner) AS partners, (SELECT count(*) FROM officer) AS officers, \
               (SELECT size FROM head) AS entries";
    let rest = first(&read, sql, (), |row| {
        let cells = cells(row, "count");
        let (exchanges, requests) = (exchanges.into_iter().collect(), requests.into_iter().collect());
        let (partners, officers) = (cells.number("partners")?, cells.number("officers")?);
        Ok(Counts { exchanges, requests, partners, officers, entries: cells.number("entries")? })
    })?;
    // INVARIANT: a query without a FROM has one row.
    Ok(rest.expect("one row of counts"))
}

/// In one transaction, so that everything is consistent.
pub(super) async fn whole_request(reads: &Readers, id: &RequestId) -> Result<Option<WholeRequest>, StoreError> {
    let id = id.to_string();
    let exchanges = "SELECT * FROM whole_exchange WHERE request = ?1 ORDER BY seq DESC";
    reads
        .query(move |conn| {
            let read = conn.transaction().map_err(of_write)?;
            let Some(request) = first(&read, REQUEST, [&id], decode::request)? else { return Ok(None) };
            Ok(Some(WholeRequest {
                request,
                exchanges: every(&read, exchanges, [&id], decode::exchange)?,
                approvals: every(&read, APPROVALS, [&id], decode::approval)?,
                submission: first(&read, SUBMISSION, [&id], decode::statement)?,
            }))
        })
        .await
}

/// Returns requests, newest first.
pub(super) async fn requests(reads: &Readers, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
    let mut listing = Listing::of("request", "request");
    listing.among("state", filter.states.iter().map(|state| state.as_str()));
    if let Some((first, last)) = &filter.between {
        listing.and("id >= ?", first.to_string());
        listing.and("id <= ?", last.to_string());
    }
    if let Some(before) = &filter.before {
        listing.and("seq < (SELECT seq FROM request WHERE id = ?)", before.to_string());
    }
    if let Some(time) = filter.expired_by {
        listing.and("expires <= ?", time.unix_ms());
    }
    listing.newest(reads, filter.limit, decode::request).await
}

/// Returns the identifiers of all requests.
pub(super) async fn request_ids(reads: &Readers) -> Result<BTreeSet<RequestId>, StoreError> {
    let ids = all(reads, "SELECT id FROM request", |row| cells(row, "request").word("id")).await?;
    Ok(ids.into_iter().collect())
}

/// Returns requests that have approvals and await their release.
pub(super) async fn approved_waiting(reads: &Readers) -> Result<Vec<Waiting>, StoreError> {
    // The join order is fixed: few requests wait, but all approvals ever given are in the table.
    let sql = "SELECT approval.request AS request, count(DISTINCT approval.seq) AS count, \
               max(exchange.precedence) AS precedence \
               FROM exchange CROSS JOIN approval ON approval.request = exchange.request \
               WHERE exchange.state IN ('requested', 'held') AND exchange.direction = 'out' \
               GROUP BY approval.request ORDER BY precedence DESC, request";
    all(reads, sql, |row| {
        let cells = cells(row, "approval");
        Ok(Waiting {
            request: cells.word("request")?,
            approvals: cells.number("count")?,
            precedence: cells.precedence()?,
        })
    })
    .await
}

/// Returns exchanges, newest first.
pub(super) async fn exchanges(reads: &Readers, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError> {
    let mut listing = Listing::of("exchange", "whole_exchange");
    listing.among("state", filter.states.iter().map(|state| state.as_str()));
    if let Some(direction) = filter.direction {
        listing.and("direction = ?", direction.as_str().to_owned());
    }
    if let Some(partner) = &filter.partner {
        listing.and("partner = ?", partner.to_string());
    }
    if let Some(request) = &filter.request {
        listing.and("request = ?", request.to_string());
    }
    if let Some(kind) = filter.kind {
        listing.and("kind = ?", kind.as_str().to_owned());
    }
    if let Some(about) = &filter.about {
        listing.and("about = ?", about.to_string());
    }
    if filter.claimed {
        listing.and("id IN (SELECT id FROM exchange WHERE lease_until >= ?)", i64::MIN);
    }
    if let Some(product) = &filter.product_id {
        listing.and("product_id = ?", product.clone());
    }
    if let Some((first, last)) = &filter.between {
        listing.and("id >= ?", first.to_string());
        listing.and("id <= ?", last.to_string());
    }
    if let Some(before) = &filter.before {
        listing.and("seq < (SELECT seq FROM exchange WHERE id = ?)", before.to_string());
    }
    if filter.about.is_some() {
        // A caller that asks what recalls or replaces an exchange proceeds if there is nothing, so no row may be
        // skipped.
        return listing.newest(reads, filter.limit, decode::exchange).await;
    }
    let rows = listing.newest(reads, filter.limit, |row| readable(decode::exchange(row))).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// Returns a row of a list, or `None` if it cannot be decoded, so that a damaged row does not hide the others.
/// Whoever needs the row itself detects that it is missing.
fn readable<T>(row: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match row {
        Err(StoreError::Damaged { what }) => {
            tracing::error!(what, "a row cannot be decoded and is missing from a list; run `ledger verify`");
            Ok(None)
        }
        row => row.map(Some),
    }
}

/// Returns the statements about these subjects, in the order they were given.
pub(super) async fn statements(reads: &Readers, subjects: &[String]) -> Result<Vec<Statement>, StoreError> {
    let sql = format!("SELECT * FROM statement WHERE subject IN ({}) ORDER BY seq", places(subjects.len()));
    let subjects = subjects.to_vec();
    reads.query(move |conn| every(conn, &sql, params_from_iter(subjects), decode::statement)).await
}

/// A query whose conditions are assembled at run time.
struct Listing {
    /// The table or view that is selected from.
    from: &'static str,
    /// Selects the sequence numbers of the rows. They are found first, from the index: otherwise SQLite would read
    /// and sort all columns of ten thousand waiting rows for each page.
    sql: String,
    values: Vec<Value>,
}

impl Listing {
    /// Returns a listing of rows of `table`, selected from `from`.
    fn of(table: &'static str, from: &'static str) -> Listing {
        Listing { from, sql: format!("SELECT seq FROM {table} WHERE 1"), values: Vec::new() }
    }

    /// Adds a condition, in which a question mark stands for `value`.
    fn and(&mut self, condition: &'static str, value: impl Into<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(value.into());
    }

    /// Restricts `column` to one of `words`; an empty list does not restrict it.
    fn among(&mut self, column: &'static str, words: impl Iterator<Item = &'static str>) {
        let before = self.values.len();
        self.values.extend(words.map(|word| Value::from(word.to_owned())));
        let count = self.values.len() - before;
        if count > 0 {
            self.sql.push_str(&format!(" AND {column} IN ({})", places(count)));
        }
    }

    /// Runs the query, newest rows first.
    async fn newest<T: Send + 'static>(
        mut self,
        reads: &Readers,
        limit: u32,
        read: Read<T>,
    ) -> Result<Vec<T>, StoreError> {
        let limit = if limit == 0 { LIMIT } else { limit };
        // Part of the text: SQLite plans a statement again for each value that is bound to its limit.
        self.sql.push_str(&format!(" ORDER BY seq DESC LIMIT {limit}"));
        let sql = format!("SELECT * FROM {} WHERE seq IN ({}) ORDER BY seq DESC", self.from, self.sql);
        reads.query(move |conn| every(conn, &sql, params_from_iter(self.values), read)).await
    }
}

/// Returns `count` question marks.
fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Returns the exchanges that may be tried; see [`crate::store::Store::due`].
pub(super) async fn due(reads: &Readers, now: Time, per_partner: u32) -> Result<Vec<Due>, StoreError> {
    // One query for each partner, so that a long queue of one partner does not hide the others, and each is answered
    // from the index alone. The limit is a number in the text: as a parameter it would make SQLite plan the statement
    // again each time.
    let stopped: Vec<String> = ExchangeState::STOPPED.iter().map(|state| format!("'{state}'")).collect();
    let stopped = stopped.join(", ");
    let sql = format!(
        "SELECT exchange.id, exchange.partner, exchange.precedence, exchange.payload_size, exchange.attempts, \
         exchange.updated, exchange.reason, exchange.kind, \
         (exchange.state <> 'queued') AS asks FROM partner, exchange \
         WHERE partner.state = 'active' AND exchange.seq IN ( \
         SELECT seq FROM (SELECT seq FROM exchange AS queued WHERE queued.state = 'queued' \
         AND queued.partner = partner.id AND queued.next_attempt <= ?1 AND queued.expires > ?1 \
         AND (queued.lease_until IS NULL OR queued.lease_until <= ?1) \
         ORDER BY queued.precedence DESC, queued.seq LIMIT {per_partner}) \
         UNION SELECT seq FROM (SELECT seq FROM exchange AS asked WHERE asked.unanswered IS NOT NULL \
         AND asked.partner = partner.id AND asked.next_attempt <= ?1 \
         AND (asked.state IN ({stopped}) OR asked.state = 'queued' AND asked.expires <= ?1) \
         AND (asked.lease_until IS NULL OR asked.lease_until <= ?1) \
         ORDER BY asked.next_attempt LIMIT {per_partner})) \
         ORDER BY exchange.precedence DESC, exchange.seq"
    );
    let due = |row: &Row<'_>| readable(decode::due(row));
    let rows = reads.query(move |conn| every(conn, &sql, [now.unix_ms()], due)).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// Returns the exchanges that match all of `words`.
pub(super) async fn search(reads: &Readers, words: &str, limit: u32) -> Result<Vec<SearchHit>, StoreError> {
    let literal = literal(words);
    if literal.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT exchange.*, snippet(record, -1, '⟦', '⟧', '…', 16) AS snippet \
               FROM record JOIN whole_exchange AS exchange ON exchange.seq = record.rowid \
               WHERE record MATCH ?1 ORDER BY record.rank, record.rowid DESC LIMIT ?2";
    let limit = if limit == 0 { LIMIT } else { limit };
    let found = |row: &Row<'_>| {
        let snippet = cells(row, "record").text("snippet")?;
        Ok(SearchHit { exchange: decode::exchange(row)?, snippet })
    };
    reads.query(move |conn| every(conn, sql, params![literal, limit], found)).await
}

/// Formats `words` as an FTS5 query without operators: each word is a quoted string, all of them are required, and
/// the last one also matches as a prefix.
fn literal(words: &str) -> String {
    let searchable = |word: &&str| word.chars().any(char::is_alphanumeric);
    let quoted: Vec<String> = words
        .split(|c: char| c.is_whitespace() || c == '\0')
        .filter(searchable)
        .take(32)
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
        .collect();
    if quoted.is_empty() { String::new() } else { format!("{} *", quoted.join(" ")) }
}

/// Returns the text of the signed checkpoint.
pub(super) async fn note(reads: &Readers) -> Result<String, StoreError> {
    reads.query(|conn| ledger::read_note(conn)).await
}

/// Returns at most `limit` ledger entries from index `first` on.
pub(super) async fn entries(reads: &Readers, first: u64, limit: u32) -> Result<Vec<IndexedEntry>, StoreError> {
    let sql = "SELECT n, bytes FROM ledger WHERE n >= ?1 ORDER BY n LIMIT ?2";
    let first = i64::try_from(first).unwrap_or(i64::MAX);
    reads.query(move |conn| every(conn, sql, params![first, limit], decode::recorded)).await
}

/// Returns the stored tree hashes at `positions`.
pub(super) async fn hashes(reads: &Readers, positions: Vec<u64>) -> Result<Hashes, StoreError> {
    reads.query(move |conn| ledger::read_hashes(conn, &positions)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_search_is_literal() {
        assert_eq!(literal("alpha beta"), r#""alpha" "beta" *"#);
        assert_eq!(literal(r#"NEAR(a b) OR "x"#), r#""NEAR(a" "b)" "OR" """x" *"#);
        assert_eq!(literal("title:secret -a ^b *"), r#""title:secret" "-a" "^b" *"#);
        assert_eq!(literal("  \" * - "), "");
    }
}
