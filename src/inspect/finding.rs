//! What the filters report, and the refusal that carries it.

use super::attestation::{Attestation, FilterName};

/// Findings that one filter reports at most; more would only repeat them.
pub(super) const FINDINGS_MAX: usize = 50;

/// A fault of an attachment: its code, and what to do.
pub(super) type Fault = (&'static str, String);

/// One reason why a cut does not pass. Says where and what kind, never the content itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The filter that found it.
    pub filter: FilterName,
    /// The stable code, such as `text.bidi`.
    pub code: &'static str,
    /// The line of the cut's text, counted from one, where one line is at fault.
    pub line: Option<usize>,
    /// What was found, and what to do.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} [{}] at line {line} of the cut", self.message, self.code),
            None => write!(f, "{} [{}]", self.message, self.code),
        }
    }
}

/// Why a cut did not pass: every finding of every filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cut did not pass inspection: {}{}", findings.first().map_or_else(String::new, ToString::to_string), more(findings))]
pub struct Refused {
    /// The findings, in the order of the filters; at least one.
    pub findings: Vec<Finding>,
    /// What was attested before the first filter refused.
    pub attestations: Vec<Attestation>,
}

fn more(findings: &[Finding]) -> String {
    if findings.len() > 1 { format!(" (and {} more)", findings.len() - 1) } else { String::new() }
}

/// What is said of a filter that failed, or was given no scan of a detached attachment because scanning it failed.
pub(super) const NO_VERDICT: &str = "the filter failed without a verdict";

/// The finding for a filter that came to no verdict.
pub(super) fn failed(filter: FilterName, message: &str) -> Finding {
    Finding { filter, code: "inspect.failed", line: None, message: message.into() }
}
