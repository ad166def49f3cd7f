//! `portcullis status --watch`: updates the list of exchanges until Ctrl-C.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::exchange::table;
use crate::cli::input::arguments::Limit;
use crate::cli::output::{Exit, Failure, Out};
use crate::gateway::{ExchangeView, Node};
use crate::ident::{ExchangeId, RequestId};
use crate::system::SystemClock;
use crate::time::Clock as _;

/// The interval at which the store is read.
const INTERVAL: Duration = Duration::from_secs(1);

/// Which exchanges are watched.
pub(super) enum Watched {
    /// Those that are not finished, and those that finish while watched.
    Open,
    /// All.
    All,
    /// One.
    Exchange(ExchangeId),
    /// Those of one request.
    Request(RequestId),
}

/// Shows exchanges until Ctrl-C: on a terminal the whole list, otherwise one line for each change.
///
/// # Errors
/// [`Failure`] if the store cannot be read.
pub(super) async fn watch(node: &Node, watched: &Watched, limit: Limit, out: Out) -> Result<Exit, Failure> {
    let mut previous: BTreeMap<String, ExchangeView> = BTreeMap::new();
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        let mut found = limit.first(read(node, watched, &previous).await?);
        node.fill_awaits(&mut found).await.map_err(Failure::from)?;
        if out.width().is_some() {
            draw(&found, out);
        } else {
            for row in found.iter().rev().filter(|row| previous.get(&row.exchange) != Some(row)) {
                write_line(row, out);
            }
        }
        previous = found.into_iter().map(|row| (row.exchange.clone(), row)).collect();
        tokio::select! {
            _ = &mut stop => return Ok(Exit::Done),
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// Reads the watched exchanges, newest first.
async fn read(
    node: &Node,
    watched: &Watched,
    previous: &BTreeMap<String, ExchangeView>,
) -> Result<Vec<ExchangeView>, Failure> {
    let mut found = match watched {
        Watched::Exchange(exchange) => vec![node.exchange_detail(exchange).await.map_err(Failure::from)?.exchange],
        Watched::Request(request) => node.request_status(request).await.map_err(Failure::from)?.1,
        Watched::All => node.exchange_views(true).await.map_err(Failure::from)?,
        Watched::Open => node.exchange_views(false).await.map_err(Failure::from)?,
    };
    // Exchanges that have finished are no longer in the list of open ones.
    for id in previous.keys() {
        if !found.iter().any(|row| row.exchange == *id)
            && let Ok(id) = id.parse()
        {
            found.push(node.exchange_detail(&id).await.map_err(Failure::from)?.exchange);
        }
    }
    found.sort_by(|a, b| b.exchange.cmp(&a.exchange));
    Ok(found)
}

/// Draws the list in place of the previous one.
fn draw(found: &[ExchangeView], out: Out) {
    let now = SystemClock.now();
    let mut text = String::from("\u{1b}[H\u{1b}[2J");
    let _ = writeln!(text, "portcullis status at {now}; Ctrl-C ends\n");
    let rows: Vec<table::Row> = found.iter().map(|view| table::Row::of_exchange(view, now)).collect();
    table::write(&mut text, &rows, out);
    if found.is_empty() {
        text.push_str("no open exchanges\n");
    }
    out.write(text.as_bytes());
}

/// Writes one line for an exchange that changed.
fn write_line(row: &ExchangeView, out: Out) {
    if out.json() {
        // INVARIANT: a view is plain data.
        let line = serde_json::to_string(row).expect("a view is plain data");
        out.write(format!("{line}\n").as_bytes());
    } else {
        let (state, partner) = (table::state(row), table::partner(row));
        out.write(format!("{}  {}  {partner}  {state}\n", row.updated, row.exchange).as_bytes());
    }
}
