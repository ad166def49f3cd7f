//! The outcome of an approval, as text.

use std::fmt::Write as _;

use crate::cli::output::{Out, shown};
use crate::gateway::{ApprovalOutcome, ExchangeForecast};

/// Appends the outcome of an approval, exchange by exchange.
pub(in crate::cli) fn tell(text: &mut String, answer: &ApprovalOutcome, out: Out) {
    if answer.counts {
        let _ = writeln!(text, "{} {} by {}", out.verdict("approved", true), answer.request, answer.officer);
    } else {
        let (why, more) = answer.void.split_first().map_or(("", &[][..]), |(why, more)| (why.as_str(), more));
        let _ = writeln!(text, "{} {} ({})", out.verdict("Not counted:", false), shown(why), answer.request);
        for reason in more {
            let _ = writeln!(text, "  {}", shown(reason));
        }
    }
    if nothing_left(answer) {
        let ended: Vec<String> =
            answer.exchanges.iter().map(|exchange| format!("{}: {}", exchange.partner, exchange.state)).collect();
        let _ = writeln!(text, "  Nothing is left to release: the request is closed ({})", ended.join(", "));
    }
    for run in &answer.shared {
        let _ = writeln!(text, "  signed for in common with what is withheld: {}", shown(run));
    }
    for exchange in &answer.exchanges {
        let state = match (exchange.state.as_str(), exchange.permitted) {
            ("requested" | "held" | "approved", true) => "Approved; queued for delivery",
            ("requested" | "held" | "approved", false) => "pending",
            ("queued" | "sending" | "parked", _) => "approved before; delivery is under way",
            // Delivered or stopped: this approval changes nothing.
            (ended, _) => ended,
        };
        let _ = writeln!(text, "  {}  to {}: {state}", exchange.exchange, exchange.partner);
        // Reasons against a release are of no interest once the exchange has ended.
        for reason in exchange.forecast.iter().filter(|r| !r.permits && !has_ended(exchange)) {
            let _ = writeln!(text, "      {} [{}]", shown(&reason.sentence), reason.code);
        }
    }
}

fn has_ended(exchange: &ExchangeForecast) -> bool {
    !matches!(exchange.state.as_str(), "requested" | "held" | "approved" | "queued" | "sending" | "parked")
}

/// Whether every exchange of the request has ended.
fn nothing_left(answer: &ApprovalOutcome) -> bool {
    !answer.exchanges.is_empty() && answer.exchanges.iter().all(has_ended)
}
