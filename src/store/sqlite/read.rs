//! The queries, on connections that cannot write.

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, QueryBuilder, Sqlite};

use super::super::{
    Counts, Exchange, ExchangeFilter, Found, Generations, Node, Recorded, Request, RequestFilter, Statement,
    StoreError, Waiting,
};
use super::codec::{self, Cells};
use super::fault::of_query;
use super::readers::Readers;
use super::writer;
use crate::ledger::{Hashes, LedgerFault, LedgerKey, SignedCheckpoint};
use crate::time::Time;

/// How many rows a listing has if its caller does not say.
const LIMIT: u32 = 100;

type Read<T> = fn(&SqliteRow) -> Result<T, StoreError>;

pub(super) async fn one<T>(
    reads: &Readers,
    sql: &'static str,
    key: &str,
    read: Read<T>,
) -> Result<Option<T>, StoreError> {
    reads.optional(sqlx::query(sql).bind(key)).await?.as_ref().map(read).transpose()
}

pub(super) async fn many<T>(
    reads: &Readers,
    sql: &'static str,
    key: &str,
    read: Read<T>,
) -> Result<Vec<T>, StoreError> {
    reads.all(sqlx::query(sql).bind(key)).await?.iter().map(read).collect()
}

pub(super) async fn all<T>(reads: &Readers, sql: &'static str, read: Read<T>) -> Result<Vec<T>, StoreError> {
    reads.all(sqlx::query(sql)).await?.iter().map(read).collect()
}

pub(super) async fn node(reads: &Readers) -> Result<Node, StoreError> {
    let row = reads.one(sqlx::query("SELECT * FROM node WHERE one = 1")).await?;
    let cells = Cells::new(&row, "node");
    Ok(Node {
        id: cells.word("id")?,
        ledger_key: cells.word("ledger_key")?,
        created: cells.time("created")?,
        clock_high: cells.time("clock_high")?,
    })
}

pub(super) async fn generations(reads: &Readers) -> Result<Generations, StoreError> {
    let sql = "SELECT generation, roster_generation, clock_high, \
               (SELECT coalesce(max(seq), 0) FROM approval) AS approvals FROM node WHERE one = 1";
    let row = reads.one(sqlx::query(sql)).await?;
    let cells = Cells::new(&row, "node");
    Ok(Generations {
        all: cells.number("generation")?,
        roster: cells.number("roster_generation")?,
        approvals: cells.number("approvals")?,
        clock_high: cells.time("clock_high")?,
    })
}

pub(super) async fn counts(reads: &Readers) -> Result<Counts, StoreError> {
    // One transaction, so that the numbers are of one moment.
    let mut lent = reads.lend().await?;
    let mut read = lent.conn().begin().await.map_err(of_query)?;
    let mut counts = Counts::default();
    let sql = "SELECT direction, state, count(*) AS count FROM exchange GROUP BY direction, state";
    for row in sqlx::query(sql).fetch_all(&mut *read).await.map_err(of_query)? {
        let cells = Cells::new(&row, "exchange");
        counts.exchanges.insert((cells.word("direction")?, cells.word("state")?), cells.number("count")?);
    }
    let sql = "SELECT state, count(*) AS count FROM request GROUP BY state";
    for row in sqlx::query(sql).fetch_all(&mut *read).await.map_err(of_query)? {
        let cells = Cells::new(&row, "request");
        counts.requests.insert(cells.word("state")?, cells.number("count")?);
    }
    let sql = "SELECT (SELECT count(*) FROM partner) AS partners, (SELECT count(*) FROM officer) AS officers, \
               (SELECT size FROM head) AS entries";
    let row = sqlx::query(sql).fetch_one(&mut *read).await.map_err(of_query)?;
    let cells = Cells::new(&row, "count");
    counts.partners = cells.number("partners")?;
    counts.officers = cells.number("officers")?;
    counts.entries = cells.number("entries")?;
    read.rollback().await.map_err(of_query)?;
    lent.give_back();
    Ok(counts)
}

pub(super) async fn requests(reads: &Readers, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM request WHERE 1");
    among(&mut query, "state", filter.states.iter().map(|state| state.as_str()));
    if let Some(before) = &filter.before {
        query.push(" AND seq < (SELECT seq FROM request WHERE id = ").push_bind(before.to_string()).push(")");
    }
    if let Some(time) = filter.expired_by {
        query.push(" AND expires <= ").push_bind(time.unix_ms());
    }
    page(&mut query, filter.limit);
    reads.all(query.build()).await?.iter().map(codec::request).collect()
}

pub(super) async fn approved_waiting(reads: &Readers) -> Result<Vec<Waiting>, StoreError> {
    // The order of the join is fixed: what waits is little, what was ever approved is everything.
    let sql = "SELECT approval.request AS request, count(DISTINCT approval.seq) AS count, \
               max(exchange.precedence) AS precedence \
               FROM exchange CROSS JOIN approval ON approval.request = exchange.request \
               WHERE exchange.state IN ('requested', 'held') AND exchange.direction = 'out' \
               GROUP BY approval.request ORDER BY precedence DESC, request";
    let rows = reads.all(sqlx::query(sql)).await?;
    rows.iter()
        .map(|row| {
            let cells = Cells::new(row, "approval");
            Ok(Waiting {
                request: cells.word("request")?,
                approvals: cells.number("count")?,
                precedence: cells.precedence()?,
            })
        })
        .collect()
}

pub(super) async fn exchanges(reads: &Readers, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM exchange WHERE 1");
    among(&mut query, "state", filter.states.iter().map(|state| state.as_str()));
    if let Some(direction) = filter.direction {
        query.push(" AND direction = ").push_bind(direction.as_str());
    }
    if let Some(partner) = &filter.partner {
        query.push(" AND partner = ").push_bind(partner.to_string());
    }
    if let Some(request) = &filter.request {
        query.push(" AND request = ").push_bind(request.to_string());
    }
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").push_bind(kind.as_str());
    }
    if let Some(about) = &filter.about {
        query.push(" AND about = ").push_bind(about.to_string());
    }
    if let Some(product) = &filter.product_id {
        query.push(" AND product_id = ").push_bind(product.clone());
    }
    if let Some(before) = &filter.before {
        query.push(" AND seq < (SELECT seq FROM exchange WHERE id = ").push_bind(before.to_string()).push(")");
    }
    page(&mut query, filter.limit);
    reads.all(query.build()).await?.iter().map(codec::exchange).collect()
}

pub(super) async fn statements(reads: &Readers, subjects: &[String]) -> Result<Vec<Statement>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM statement WHERE subject IN (");
    let mut list = query.separated(", ");
    for subject in subjects {
        list.push_bind(subject);
    }
    query.push(") ORDER BY seq");
    reads.all(query.build()).await?.iter().map(codec::statement).collect()
}

fn among(query: &mut QueryBuilder<Sqlite>, column: &'static str, words: impl Iterator<Item = &'static str>) {
    let mut words = words.peekable();
    if words.peek().is_none() {
        return;
    }
    query.push(" AND ").push(column).push(" IN (");
    let mut list = query.separated(", ");
    for word in words {
        list.push_bind(word);
    }
    query.push(")");
}

fn page(query: &mut QueryBuilder<Sqlite>, limit: u32) {
    let limit = if limit == 0 { LIMIT } else { limit };
    // Part of the text: SQLite plans a statement anew for each value that its limit is bound to.
    query.push(" ORDER BY seq DESC LIMIT ").push(limit.to_string());
}

pub(super) async fn due(reads: &Readers, now: Time, per_partner: u32) -> Result<Vec<Exchange>, StoreError> {
    // Asking partner by partner keeps one partner's long queue from hiding all others, and each question is answered
    // from the index alone.
    let sql = format!(
        "SELECT exchange.* FROM partner, exchange WHERE partner.state = 'active' AND exchange.seq IN ( \
         SELECT seq FROM exchange AS queued WHERE queued.state = 'queued' AND queued.partner = partner.id \
         AND queued.next_attempt <= ?1 AND queued.expires > ?1 \
         AND (queued.lease_until IS NULL OR queued.lease_until <= ?1) \
         ORDER BY queued.precedence DESC, queued.seq LIMIT {per_partner}) \
         ORDER BY exchange.precedence DESC, exchange.seq"
    );
    // What is put into the text is a number. As a parameter it would have SQLite plan the statement anew each time.
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now.unix_ms());
    reads.all(query).await?.iter().map(codec::exchange).collect()
}

pub(super) async fn search(reads: &Readers, words: &str, limit: u32) -> Result<Vec<Found>, StoreError> {
    let literal = literal(words);
    if literal.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT exchange.*, snippet(record, -1, '⟦', '⟧', '…', 16) AS snippet \
               FROM record JOIN exchange ON exchange.seq = record.rowid \
               WHERE record MATCH ?1 ORDER BY record.rank, record.rowid DESC LIMIT ?2";
    let limit = if limit == 0 { LIMIT } else { limit };
    let query = sqlx::query(sql).bind(literal).bind(i64::from(limit));
    let found = |row: &SqliteRow| {
        let snippet = Cells::new(row, "record").text("snippet")?;
        Ok(Found { exchange: codec::exchange(row)?, snippet })
    };
    reads.all(query).await?.iter().map(found).collect()
}

/// `words` as an FTS5 query in which nothing is an operator: each word a quoted string, all of them required, the
/// last one also as the beginning of a longer word.
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

pub(super) async fn head(reads: &Readers, key: &LedgerKey) -> Result<SignedCheckpoint, StoreError> {
    let mut lent = reads.lend().await?;
    let note = writer::read_note(lent.conn()).await?;
    lent.give_back();
    Ok(SignedCheckpoint::verify(&note, key).map_err(LedgerFault::from)?)
}

pub(super) async fn entries(reads: &Readers, first: u64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
    let sql = "SELECT n, bytes FROM ledger WHERE n >= ?1 ORDER BY n LIMIT ?2";
    let first = i64::try_from(first).unwrap_or(i64::MAX);
    let query = sqlx::query(sql).bind(first).bind(i64::from(limit));
    reads.all(query).await?.iter().map(codec::recorded).collect()
}

pub(super) async fn hashes(reads: &Readers, positions: &[u64]) -> Result<Hashes, StoreError> {
    let mut lent = reads.lend().await?;
    let hashes = writer::read_hashes(lent.conn(), positions).await?;
    lent.give_back();
    Ok(hashes)
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
