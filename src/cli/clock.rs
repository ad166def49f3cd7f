//! `portcullis clock`: whether the node believes its clock, and an operator's word that it may.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::node_at;
use super::output::{Exit, Failure, Out, shown};

/// Show whether the node believes its clock, or accept it.
///
/// When the clock is set by more than a minute, or stands behind what is on record, nothing is released, offered or
/// taken, and nothing runs out, until an operator has looked and accepted it.
#[derive(Debug, clap::Subcommand)]
pub enum ClockCommand {
    /// Show the clock, and why it is in doubt if it is.
    Show,
    /// Say that the clock is right as it is now; what waited goes on.
    Accept {
        /// Why, for the ledger.
        #[arg(long, default_value = "by operator")]
        why: String,
    },
}

impl ClockCommand {
    /// Runs the command. `show` ends with status 1 while the clock is in doubt.
    ///
    /// # Errors
    /// [`Failure`] if there is nothing to accept, or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        if let ClockCommand::Accept { why } = self {
            node.accept_clock(&why).await.map_err(Failure::from)?;
        }
        let (now, doubt) = (node.now().to_string(), node.clock_doubt().await.map_err(Failure::from)?);
        out.answer(&json!({ "now": now, "in_doubt": doubt.is_some(), "doubt": doubt }), |text| {
            let _ = match &doubt {
                None => writeln!(text, "{now}, believed"),
                Some(doubt) => writeln!(text, "{now}, IN DOUBT: {}", shown(doubt)),
            };
        });
        Ok(if doubt.is_some() { Exit::No } else { Exit::Done })
    }
}
