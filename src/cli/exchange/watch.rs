//! `portcullis status --watch`: exchanges as they change, until Ctrl-C.

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

/// How often the store is read.
const EVERY: Duration = Duration::from_secs(1);

/// Which exchanges are watched.
pub(super) enum Watched {
    /// Those that are not finished, and those that finish meanwhile.
    Open,
    /// All.
    All,
    /// One.
    Exchange(ExchangeId),
    /// Those of one request.
    Request(RequestId),
}

/// Shows the exchanges again whenever one changes: on a terminal the whole list, otherwise a line for each change.
///
/// # Errors
/// [`Failure`] if the store cannot be read.
pub(super) async fn watch(node: &Node, watched: &Watched, limit: Limit, out: Out) -> Result<Exit, Failure> {
    let mut known: BTreeMap<String, ExchangeView> = BTreeMap::new();
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        let mut found = limit.first(read(node, watched, &known).await?);
        node.say_what_is_awaited(&mut found).await.map_err(Failure::from)?;
        if out.width().is_some() {
            draw(&found, out);
        } else {
            for row in found.iter().rev().filter(|row| known.get(&row.exchange) != Some(row)) {
                tell(row, out);
            }
        }
        known = found.into_iter().map(|row| (row.exchange.clone(), row)).collect();
        tokio::select! {
            _ = &mut stop => return Ok(Exit::Done),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// The exchanges as they are now, newest first.
async fn read(
    node: &Node,
    watched: &Watched,
    known: &BTreeMap<String, ExchangeView>,
) -> Result<Vec<ExchangeView>, Failure> {
    let mut found = match watched {
        Watched::Exchange(exchange) => vec![node.exchange_detail(exchange).await.map_err(Failure::from)?.exchange],
        Watched::Request(request) => node.request_status(request).await.map_err(Failure::from)?.1,
        Watched::All => node.exchange_views(true).await.map_err(Failure::from)?,
        Watched::Open => node.exchange_views(false).await.map_err(Failure::from)?,
    };
    // What finished meanwhile is in the list of those that are not finished no more.
    for id in known.keys() {
        if !found.iter().any(|row| row.exchange == *id)
            && let Ok(id) = id.parse()
        {
            found.push(node.exchange_detail(&id).await.map_err(Failure::from)?.exchange);
        }
    }
    found.sort_by(|a, b| b.exchange.cmp(&a.exchange));
    Ok(found)
}

/// Draws the list over the one before it.
fn draw(found: &[ExchangeView], out: Out) {
    let now = SystemClock.now();
    let mut text = String::from("\u{1b}[H\u{1b}[2J");
    let _ = writeln!(text, "portcullis status at {now}; Ctrl-C ends\n");
    table::tell(&mut text, found, now, out);
    if found.is_empty() {
        text.push_str("no open exchanges\n");
    }
    out.write(text.as_bytes());
}

/// One line for an exchange that changed.
fn tell(row: &ExchangeView, out: Out) {
    if out.json() {
        // INVARIANT: a view is plain data.
        let line = serde_json::to_string(row).expect("a view is plain data");
        out.write(format!("{line}\n").as_bytes());
    } else {
        let (state, partner) = (table::state(row), table::partner(row));
        out.write(format!("{}  {}  {partner}  {state}\n", row.updated, row.exchange).as_bytes());
    }
}
