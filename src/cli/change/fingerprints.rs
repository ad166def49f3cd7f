//! The fingerprints of keys and descriptions in a founding or change, in the form in which people compare them.

use std::fmt::Write as _;

use serde::Serialize;

use crate::change::{Appointment, PartName, Proposal};
use crate::cli::output::grouped;
use crate::partner::Description;

/// The fingerprints in one part of a change, before and after it.
#[derive(Clone, Debug, Serialize)]
pub struct Fingerprints {
    /// The part.
    part: String,
    /// What they are of: an officer's `key`, as `officer new-key` prints it, or a partner's `description`, as `partner
    /// fingerprint` prints it.
    of: &'static str,
    /// Those in force; empty for a new part.
    before: Vec<String>,
    /// Those proposed; empty for a removed part.
    after: Vec<String>,
}

impl Fingerprints {
    /// The fingerprints of every officer and partner in a proposal, given the text in force of each part.
    pub fn of(proposal: &Proposal, in_force: &[Option<String>]) -> Vec<Fingerprints> {
        let parts = proposal.set.parts.iter().zip(in_force);
        parts.filter_map(|(part, before)| Fingerprints::of_part(proposal, &part.name, before.as_deref())).collect()
    }

    /// The fingerprints of one part; `None` if it is neither an officer nor a partner.
    pub fn of_part(proposal: &Proposal, part: &PartName, before: Option<&str>) -> Option<Fingerprints> {
        let (of, read): (_, fn(&str) -> Vec<String>) = match part {
            PartName::Officer(_) => ("key", keys),
            PartName::Partner(_) => ("description", description),
            _ => return None,
        };
        let fingerprints = |text: Option<&str>| text.map(read).unwrap_or_default();
        Some(Fingerprints {
            part: part.to_string(),
            of,
            before: fingerprints(before),
            after: fingerprints(proposal.text(part)),
        })
    }

    /// Writes them, one a line.
    pub fn write(&self, text: &mut String) {
        for (when, fingerprints) in [("in force", &self.before), ("proposed", &self.after)] {
            for fingerprint in fingerprints {
                let shown = if self.of == "key" { fingerprint.clone() } else { grouped(fingerprint) };
                let _ = writeln!(text, "  fingerprint of the {} {when}: {shown}", self.of);
            }
        }
    }
}

fn keys(appointment: &str) -> Vec<String> {
    // The appointment of a revoked officer follows a line that says so.
    let appointment = Appointment::parse(appointment.trim_start_matches("# revoked\n"));
    appointment.map_or_else(unreadable, |found| found.keys.iter().map(|key| key.fingerprint().to_string()).collect())
}

fn description(text: &str) -> Vec<String> {
    Description::parse(text).map_or_else(unreadable, |found| vec![found.fingerprint().to_string()])
}

/// An invalid text is refused when it is applied; it must not look like one without a fingerprint.
fn unreadable(error: impl std::fmt::Display) -> Vec<String> {
    vec![format!("invalid: {error}")]
}
