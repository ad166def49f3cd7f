//! Colours of states, verdicts and banners on a terminal.

use crate::cli::output::Out;

/// Done, or permitted.
pub(in crate::cli) const GOOD: &str = "32";
/// Waiting for a person, or in progress.
pub(in crate::cli) const WAITING: &str = "33";
/// Failed, or refused.
pub(in crate::cli) const BAD: &str = "31";
/// Closed: nothing is left to do.
pub(in crate::cli) const CLOSED: &str = "2";

/// The colour of a verdict of `explain`.
pub(in crate::cli) fn verdict_colour(verdict: &str) -> &'static str {
    match verdict {
        "permitted" => GOOD,
        "pending" => WAITING,
        "closed" => CLOSED,
        _ => BAD,
    }
}

/// The colour of an exchange's state.
pub(in crate::cli) fn state_colour(state: &str) -> &'static str {
    match state {
        "delivered" | "received" | "taken" => GOOD,
        "cancelled" => CLOSED,
        "parked" | "refused" | "expired" | "quarantined" | "delivered-after-stop" => BAD,
        _ => WAITING,
    }
}

/// A marking in the colour that its classification has on cover sheets and banners (32 CFR 2001.24, ISOO CUI notices).
pub(in crate::cli) fn banner(out: Out, marking: &str, text: &str) -> String {
    let code = match marking.split("//").next().unwrap_or_default() {
        "TOP SECRET" => "38;5;208",
        "SECRET" => "31",
        "CONFIDENTIAL" => "34",
        "UNCLASSIFIED" => "32",
        cui if cui.starts_with("CUI") || cui.starts_with("CONTROLLED") => "35",
        _ => "0",
    };
    out.painted(code, text)
}
