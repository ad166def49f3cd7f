//! The findings that filters report, and the refusal that contains them.

use super::attestation::Attestation;
use super::filter_name::FilterName;

/// The most findings reported by one filter; more would only repeat them.
pub(super) const FINDINGS_MAX: usize = 50;

/// A fault of an attachment: the stable code, and a message that says what was found and what to do.
pub(super) type Fault = (&'static str, String);

/// One reason why a cut does not pass. It gives the kind and the place, never the content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The filter that found it.
    pub filter: FilterName,
    /// The stable code, such as `text.bidi`.
    pub code: &'static str,
    /// The line of the cut's text, counted from 1, if the finding is about one line.
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

/// Why a cut was refused: the findings of all filters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cut did not pass inspection: {}{}", findings.first().map_or_else(String::new, ToString::to_string), more(findings))]
pub struct Refused {
    /// The findings, in the order of the filters. Empty only if a filter was left out and the others found nothing.
    pub findings: Vec<Finding>,
    /// The attestations of the filters that ran before the first one that refused.
    pub attestations: Vec<Attestation>,
}

fn more(findings: &[Finding]) -> String {
    if findings.len() > 1 { format!(" (and {} more)", findings.len() - 1) } else { String::new() }
}

/// The message for a filter that panicked, or that has no scan of a detached attachment because the scan panicked.
pub(super) const NO_VERDICT: &str = "the filter failed without a verdict";

/// Returns the finding for a filter that reached no verdict.
pub(super) fn failed(filter: FilterName, message: &str) -> Finding {
    Finding { filter, code: "inspect.failed", line: None, message: message.into() }
}
