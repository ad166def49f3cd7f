//! `portcullis status`: what became of what.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use crate::cli::change::tell_changes;
use crate::cli::node_at;
use crate::cli::output::{Exit, Failure, Out, shown, table};
use crate::gateway::{AwaitingRequest, ExchangeDetail, ExchangeView, RefusedOffer, ScrubView};

/// Show exchanges: all that are not finished, or one, or those of one request; and what a person must look at.
#[derive(Debug, clap::Args)]
pub struct Status {
    /// An exchange (`ex-…`) or a request (`rq-…`).
    subject: Option<String>,
    /// Finished ones too.
    #[arg(long)]
    all: bool,
    /// Requests that wait for officers, with what each partner would get. With `--format json` it is the file that
    /// `approve --batch` takes once it was reviewed.
    #[arg(long, conflicts_with_all = ["subject", "all"])]
    awaiting: bool,
}

impl Status {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is no such exchange or request, or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        if self.awaiting {
            let awaiting = node.awaiting().await.map_err(Failure::from)?;
            out.answer(&json!({ "awaiting": awaiting }), |text| tell_awaiting(text, &awaiting, out));
            return Ok(Exit::Done);
        }
        match self.subject.as_deref() {
            Some(subject) if subject.starts_with("ex-") => {
                let exchange = subject.parse().map_err(Failure::input)?;
                let detail = node.exchange_detail(&exchange).await.map_err(Failure::from)?;
                out.answer(&detail, |text| tell(text, &detail, out));
            }
            Some(subject) => {
                let request = subject.parse().map_err(Failure::input)?;
                let (view, exchanges) = node.request_status(&request).await.map_err(Failure::from)?;
                out.answer(&json!({ "request": view, "exchanges": exchanges }), |text| {
                    let _ = writeln!(text, "{} {}: {}", out.bold(&view.request), view.state, shown(&view.purpose));
                    for (name, said) in view.aims.lines() {
                        let _ = writeln!(text, "  {name}: {}", shown(&said));
                    }
                    if let Some(why) = &view.refusal {
                        let by = view.refused_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
                        let _ = writeln!(text, "  refused{by}: {}", shown(why));
                    }
                    list(text, &exchanges);
                });
            }
            None => {
                let exchanges = node.exchange_views(self.all).await.map_err(Failure::from)?;
                let alarms = node.alarms().await.map_err(Failure::from)?;
                let changes = node.recent_changes().await.map_err(Failure::from)?;
                let refused = node.refused_offers().await.map_err(Failure::from)?;
                let scrub = node.scrub_view();
                let answer = json!({
                    "exchanges": exchanges, "alarms": alarms, "changes": changes, "refused_offers": refused,
                    "scrub": scrub,
                });
                out.answer(&answer, |text| {
                    for alarm in &alarms {
                        let _ = writeln!(text, "ALARM {} {}: {}", alarm.what, alarm.subject, shown(&alarm.text));
                    }
                    list(text, &exchanges);
                    for offer in &refused {
                        let RefusedOffer { exchange, partner, times, code, why, last } = offer;
                        let _ = writeln!(
                            text,
                            "refused {exchange} from {partner}, {times} times, last {last}: {code}: {}",
                            shown(why)
                        );
                    }
                    tell_scrub(text, &scrub);
                    if !changes.is_empty() {
                        text.push_str("changes of who may do what, and by which rules, in the last 30 days:\n");
                        tell_changes(text, &changes);
                    }
                });
            }
        }
        Ok(Exit::Done)
    }
}

/// How far the search for damage has come.
fn tell_scrub(text: &mut String, scrub: &ScrubView) {
    let Some(began) = &scrub.began else { return };
    let whole = scrub.whole.as_deref().unwrap_or("none yet");
    let _ = match scrub.at.as_str() {
        "done" => writeln!(text, "search for damage: last whole pass {whole}"),
        at => writeln!(
            text,
            "search for damage: last whole pass {whole}; since {began} one is at the {at}, {} bytes read",
            scrub.bytes
        ),
    };
}

fn list(text: &mut String, exchanges: &[ExchangeView]) {
    let rows = exchanges.iter().map(|e| {
        let arrow = if e.direction == "out" { "→" } else { "←" };
        vec![
            e.exchange.clone(),
            format!("{arrow} {}", e.partner),
            shown_state(e),
            e.precedence.clone(),
            e.marking.clone(),
            e.updated.clone(),
        ]
    });
    text.push_str(&table(&["exchange", "partner", "state", "precedence", "marking", "updated"], rows));
}

fn tell_awaiting(text: &mut String, awaiting: &[AwaitingRequest], out: Out) {
    for request in awaiting {
        let by = if request.approved_by.is_empty() { "nobody yet".into() } else { request.approved_by.join(", ") };
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
            let _ = writeln!(text, "  does not count: {}", shown(void));
        }
        for cut in &request.cuts {
            let _ = writeln!(text, "  {} would get {} (sha256 {})", cut.partner, shown(&cut.marking), cut.digest);
        }
    }
    if awaiting.is_empty() {
        let _ = writeln!(text, "nothing waits for officers");
    }
}

/// Where an exchange is, and whether what it carried still holds.
fn shown_state(e: &ExchangeView) -> String {
    let mut state = match e.carries.as_str() {
        "recall" => format!("recall {}", e.state),
        _ => e.state.clone(),
    };
    if !e.recalled.is_empty() {
        state.push_str(", recalled");
    }
    if !e.superseded_by.is_empty() {
        state.push_str(", superseded");
    }
    if !e.answer.is_empty() {
        let _ = write!(state, ": {}", e.answer);
    }
    state
}

fn tell(text: &mut String, detail: &ExchangeDetail, out: Out) {
    let e = &detail.exchange;
    let _ = writeln!(
        text,
        "{} {} {}: {}",
        out.bold(&e.exchange),
        if e.direction == "out" { "to" } else { "from" },
        e.partner,
        e.state
    );
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<13} {}", shown(value));
        }
    };
    line("title", &detail.title);
    line("marking", &e.marking);
    line("purpose", &detail.purpose);
    line("request", &detail.request);
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
