//! `portcullis status`: the state of exchanges and requests.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::table::Row;
use super::watch::{Watched, watch};
use crate::cli::change::write_changes;
use crate::cli::exchange::table;
use crate::cli::input::arguments::{Limit, SubjectArg};
use crate::cli::input::open::node_at;
use crate::cli::output::colour::{BAD, GOOD, state_colour};
use crate::cli::output::width::folded;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::gateway::{
    AwaitingRequest, ExchangeDetail, ExchangeState, ExchangeView, Node, RefusedOffer, RequestView, ScrubView,
};
use crate::ident::RequestId;
use crate::time::Time;

/// Show open exchanges and alarms, one exchange, or one request.
#[derive(Debug, clap::Args)]
pub struct Status {
    /// The ID of an exchange (`ex-…`) or a request (`rq-…`), or a unique prefix of it.
    subject: Option<SubjectArg>,
    /// Include finished exchanges.
    #[arg(long)]
    all: bool,
    /// Show requests that await approval, with the cut for each partner. With `--format json` the output is a file for
    /// `approve --batch` after review.
    #[arg(long, conflicts_with_all = ["subject", "all"])]
    awaiting: bool,
    /// Update the list whenever an exchange changes, until Ctrl-C. With `--format json`, print one line for each change.
    #[arg(long, conflicts_with = "awaiting")]
    watch: bool,
    #[command(flatten)]
    limit: Limit,
}

impl Status {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is no such exchange or request, or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        if self.awaiting {
            let awaiting = self.limit.first(node.awaiting().await.map_err(Failure::from)?);
            out.answer(&json!({ "awaiting": awaiting }), |text| write_awaiting(text, &awaiting, out));
            return Ok(Exit::Done);
        }
        let watched = match &self.subject {
            Some(SubjectArg::Exchange(exchange)) => Watched::Exchange(exchange.find(&node).await?),
            Some(SubjectArg::Request(request)) => Watched::Request(request.find(&node).await?),
            None if self.all => Watched::All,
            None => Watched::Open,
        };
        if self.watch {
            return watch(&node, &watched, self.limit, out).await;
        }
        match &watched {
            Watched::Exchange(exchange) => {
                let mut detail = node.exchange_detail(exchange).await.map_err(Failure::from)?;
                let view = std::slice::from_mut(&mut detail.exchange);
                node.fill_awaits(view).await.map_err(Failure::from)?;
                out.answer(&detail, |text| {
                    let mut lines = String::new();
                    write_detail(&mut lines, &detail, out);
                    text.push_str(&folded(&lines, out));
                });
            }
            Watched::Request(request) => self.request(&node, request, out).await?,
            Watched::All | Watched::Open => self.everything(&node, out).await?,
        }
        Ok(Exit::Done)
    }

    async fn request(&self, node: &Node, request: &RequestId, out: Out) -> Result<(), Failure> {
        let (view, exchanges) = node.request_status(request).await.map_err(Failure::from)?;
        let progress = progress(&view, &exchanges);
        let mut exchanges = self.limit.first(exchanges);
        node.fill_awaits(&mut exchanges).await.map_err(Failure::from)?;
        let mut answer = json!({ "request": view, "progress": progress, "exchanges": exchanges });
        if out.json_lines() {
            answer = items(&answer, &[("request", "request"), ("exchanges", "exchange")]);
        }
        out.answer(&answer, |text| {
            let _ = writeln!(text, "{} {progress}: {}", out.bold(&view.request), shown(&view.purpose));
            for (name, said) in view.aims.lines() {
                let _ = writeln!(text, "  {name}: {}", shown(&said));
            }
            if let Some(why) = &view.refusal {
                let verb = if view.state == "cancelled" { "cancelled" } else { "refused" };
                let by = view.refused_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
                let _ = writeln!(text, "  {verb}{by}: {}", shown(why));
            }
            write_rows(text, &exchanges, node.now(), out);
        });
        Ok(())
    }

    async fn everything(&self, node: &Node, out: Out) -> Result<(), Failure> {
        let mut exchanges = self.limit.first(node.exchange_views(self.all).await.map_err(Failure::from)?);
        node.fill_awaits(&mut exchanges).await.map_err(Failure::from)?;
        let alarms = node.alarms().await.map_err(Failure::from)?;
        let changes = node.recent_changes().await.map_err(Failure::from)?;
        let refused = node.refused_offers().await.map_err(Failure::from)?;
        let scrub = node.scrub_view();
        let since = node.now().minus(RECENT);
        let recent = async |state| {
            if self.all { Ok(Vec::new()) } else { node.exchanges_since(state, since, RECENT_MAX).await }
        };
        let delivered = recent(ExchangeState::Delivered).await.map_err(Failure::from)?;
        let received = recent(ExchangeState::Received).await.map_err(Failure::from)?;
        let mut answer = json!({
            "exchanges": exchanges, "alarms": alarms, "changes": changes, "refused_offers": refused,
            "scrub": scrub, "delivered": delivered, "received": received,
        });
        if out.json_lines() {
            let types = [
                ("alarms", "alarm"),
                ("exchanges", "exchange"),
                ("delivered", "delivered"),
                ("received", "received"),
                ("refused_offers", "refused-offer"),
                ("scrub", "scrub"),
                ("changes", "change"),
            ];
            answer = items(&answer, &types);
        }
        out.answer(&answer, |text| {
            let mut before = String::new();
            for alarm in &alarms {
                let head = out.painted(BAD, &format!("ALARM {} {}", alarm.what, alarm.subject));
                let _ = writeln!(before, "{head}: {}", shown(&alarm.text));
            }
            text.push_str(&folded(&before, out));
            match exchanges.is_empty() {
                true if self.all => text.push_str("no exchanges\n"),
                true => text.push_str("no open exchanges\n"),
                false => write_rows(text, &exchanges, node.now(), out),
            }
            let mut after = String::new();
            write_recent(&mut after, "delivered", &delivered, "status EXCHANGE` shows the receipt", node.now(), out);
            write_recent(
                &mut after,
                "received",
                &received,
                "inbox take EXCHANGE --out PLACE` takes it",
                node.now(),
                out,
            );
            for offer in &refused {
                let RefusedOffer { exchange, partner, times, code, why, last } = offer;
                let _ = writeln!(
                    after,
                    "refused {exchange} from {partner}, {times} times, last {last}: {code}: {}",
                    shown(why)
                );
            }
            write_scrub(&mut after, &scrub);
            if !changes.is_empty() {
                after.push_str("changes of officers, partners and policy in the last 30 days:\n");
                write_changes(&mut after, &changes);
            }
            text.push_str(&folded(&after, out));
        });
        Ok(())
    }
}

/// How long `status` shows delivered and received exchanges.
const RECENT: Duration = Duration::from_secs(86_400);
/// How many of each it shows at most.
const RECENT_MAX: u32 = 5;

/// The members of `answer` that `types` names, in that order, as one list of items that name their type.
fn items(answer: &Value, types: &[(&str, &str)]) -> Value {
    let mut items = Vec::new();
    for (member, item_type) in types {
        let members = match &answer[member] {
            Value::Array(several) => several.clone(),
            one => vec![one.clone()],
        };
        for mut member in members {
            member["item"] = json!(item_type);
            items.push(member);
        }
    }
    json!({ "items": items })
}

fn write_rows(text: &mut String, exchanges: &[ExchangeView], now: Time, out: Out) {
    let rows: Vec<Row> = exchanges.iter().map(|view| Row::of_exchange(view, now)).collect();
    table::write(text, &rows, out);
}

/// Writes the exchanges that were delivered or received in the last 24 hours, and the command that shows more.
fn write_recent(text: &mut String, what: &str, rows: &[ExchangeView], look: &str, now: Time, out: Out) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "{} in the last 24 hours; `portcullis {look}:", out.painted(GOOD, what));
    for row in rows {
        let (partner, age) = (table::partner(row), table::age(&row.updated, now));
        let _ = writeln!(text, "  {}  {partner}  {age} ago  {}", row.exchange, shown(&row.title));
    }
    if rows.len() == RECENT_MAX as usize {
        text.push_str("  `portcullis status --all` lists every one\n");
    }
}

/// The progress of a request: its state, or for an open one `pending`, `under way` or `closed`.
fn progress(request: &RequestView, exchanges: &[ExchangeView]) -> String {
    if request.state != "open" {
        return request.state.clone();
    }
    let over = |e: &ExchangeView| {
        matches!(e.state.as_str(), "delivered" | "delivered-after-stop" | "refused" | "cancelled" | "expired")
    };
    let waits = |e: &ExchangeView| matches!(e.state.as_str(), "requested" | "held");
    if !exchanges.is_empty() && exchanges.iter().all(over) {
        "closed".to_owned()
    } else if exchanges.iter().any(waits) {
        "pending".to_owned()
    } else {
        "under way".to_owned()
    }
}

/// Writes how far the search for damage has come.
fn write_scrub(text: &mut String, scrub: &ScrubView) {
    let Some(began) = &scrub.began else { return };
    let whole = scrub.whole.as_deref().unwrap_or("none yet");
    let _ = match scrub.at.as_str() {
        "done" => writeln!(text, "search for damage: last complete pass {whole}"),
        at => writeln!(
            text,
            "search for damage: last complete pass {whole}; the pass that began at {began} is at step `{at}`, {} bytes read",
            scrub.bytes
        ),
    };
}

fn write_awaiting(text: &mut String, awaiting: &[AwaitingRequest], out: Out) {
    for request in awaiting {
        let by = if request.approved_by.is_empty() { "no officer yet".into() } else { request.approved_by.join(", ") };
        let _ = writeln!(
            text,
            "{} {} until {}: {}",
            out.bold(&request.request),
            request.precedence,
            request.expires,
            shown(&request.purpose)
        );
        let _ = writeln!(text, "  approved by {by}");
        for void in &request.void {
            let _ = writeln!(text, "  not counted: {}", shown(void));
        }
        for cut in &request.cuts {
            let _ = writeln!(text, "  {} would get {} (sha256 {})", cut.partner, shown(&cut.marking), cut.digest);
        }
    }
    if awaiting.is_empty() {
        let _ = writeln!(text, "no request awaits approval");
    }
}

/// The next step for an exchange that has arrived, with the command for it.
fn next_of(detail: &ExchangeDetail) -> Option<String> {
    let e = &detail.exchange;
    let receipt = detail.receipt.as_ref().map(|receipt| (&receipt.received, &receipt.disposition));
    match (e.state.as_str(), receipt) {
        ("delivered", Some((at, disposition))) => Some(format!(
            "{} received it at {at} (receipt: {disposition}); `portcullis recall {} --key FILE --why WORD` withdraws it",
            e.partner, e.exchange
        )),
        ("received", _) => Some(format!(
            "it is in the inbox: `portcullis inbox show {id}` shows it, `inbox take {id} --out PLACE` takes it",
            id = e.exchange
        )),
        ("quarantined", _) => {
            Some(format!("it is in quarantine: `portcullis inbox quarantine show {}` says why", e.exchange))
        }
        _ => None,
    }
}

/// Writes everything about one exchange.
fn write_detail(text: &mut String, detail: &ExchangeDetail, out: Out) {
    let e = &detail.exchange;
    let _ = writeln!(
        text,
        "{} {} {}: {}",
        out.bold(&e.exchange),
        if e.direction == "out" { "to" } else { "from" },
        e.partner,
        out.painted(state_colour(&e.state), &e.state)
    );
    if let Some(said) = next_of(detail) {
        let _ = writeln!(text, "  {said}");
    }
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<13} {}", shown(value));
        }
    };
    line("title", &e.title);
    line("marking", &e.marking);
    line("purpose", &detail.purpose);
    line("request", &e.request);
    line("cut", &detail.cut_digest);
    line("payload", &detail.payload_digest);
    match e.carries.as_str() {
        "recall" => line("recalls", &e.about),
        _ => line("replaces", &e.about),
    }
    line("recalled", &e.recalled);
    line("superseded by", &e.superseded_by);
    line("partner did", &e.answer);
    line("unanswered", &e.unanswered);
    line("waits", &e.awaits);
    line("attempts", &e.attempts.to_string());
    line("last failure", &e.last_failure);
    line("expires", &detail.expires);
    for approval in &detail.approvals {
        let said = format!("{} as {} at {}", approval.officer, approval.role, approval.given);
        match &approval.void[..] {
            [] => line("approved", &said),
            why => line("not counted", &format!("{said}: {}", why.join("; "))),
        }
    }
    if let Some(receipt) = &detail.receipt {
        line("receipt", &format!("{} at {}", receipt.disposition, receipt.received));
    }
    for entry in &detail.history {
        let _ = writeln!(text, "  {}  {:<20} {}", entry.time, entry.kind, shown(&entry.actor));
    }
}
