//! The fingerprints that a founding or change would put in force, in the form in which people read them to each other.

use std::fmt::Write as _;

use serde::Serialize;

use crate::change::{Appointment, PartName, Proposal};
use crate::cli::output::grouped;
use crate::partner::Description;

/// The fingerprints of what one part of a change names, before it and after it.
#[derive(Clone, Debug, Serialize)]
pub struct Prints {
    /// The part.
    part: String,
    /// Of what: an officer's `key`, as `officer new-key` prints it, or a partner's `description`, as `partner fingerprint`
    /// does.
    of: &'static str,
    /// As they are in force; empty for what is new.
    before: Vec<String>,
    /// As they would be; empty for what is left out.
    after: Vec<String>,
}

impl Prints {
    /// Those of every officer and partner in a proposal, given the text in force of each part.
    pub fn of(proposal: &Proposal, in_force: &[Option<String>]) -> Vec<Prints> {
        let parts = proposal.set.parts.iter().zip(in_force);
        parts.filter_map(|(part, before)| Prints::of_part(proposal, &part.name, before.as_deref())).collect()
    }

    /// Those of one part; none where it is neither an officer nor a partner.
    pub fn of_part(proposal: &Proposal, part: &PartName, before: Option<&str>) -> Option<Prints> {
        let (of, read): (_, fn(&str) -> Vec<String>) = match part {
            PartName::Officer(_) => ("key", keys),
            PartName::Partner(_) => ("description", description),
            _ => return None,
        };
        let prints = |text: Option<&str>| text.map(read).unwrap_or_default();
        Some(Prints { part: part.to_string(), of, before: prints(before), after: prints(proposal.text(part)) })
    }

    /// Writes them, in the form in which they are compared.
    pub fn tell(&self, text: &mut String) {
        for (when, prints) in [("in force", &self.before), ("proposed", &self.after)] {
            for print in prints {
                let shown = if self.of == "key" { print.clone() } else { grouped(print) };
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
