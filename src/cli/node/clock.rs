//! `portcullis clock`: whether the node trusts its clock, and what officers sign so that it may.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::cli::change::Proposing;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::gateway::Wanted;

/// Show whether the node trusts its clock, or accept it.
///
/// When the clock is set by more than a minute, or stands behind what is on record, nothing is released, offered or
/// taken, and nothing runs out, until two officers have looked and accepted it.
#[derive(Debug, clap::Subcommand)]
pub enum ClockCommand {
    /// Show the clock, and why it is in doubt if it is.
    Show,
    /// Propose that the clock is right as it is now; two officers sign it within a day, and what waited goes on. It is
    /// good for exactly the doubt that there is: for another it is proposed anew.
    Accept {
        #[command(flatten)]
        proposing: Proposing,
    },
}

/// For how long a clock may be accepted, unless the proposal ends before.
const CLOCK: Duration = Duration::from_secs(24 * 3600);

impl ClockCommand {
    /// Runs the command. `show` ends with status 1 while the clock is in doubt.
    ///
    /// # Errors
    /// [`Failure`] if there is nothing to accept, or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        if let ClockCommand::Accept { proposing } = self {
            let proposing = proposing.within(CLOCK);
            let wanted = Wanted { clock: true, ..proposing.wanted() };
            return proposing.write(&node, wanted, out).await;
        }
        let (now, doubt) = (node.now().to_string(), node.clock_doubt().await.map_err(Failure::from)?);
        out.answer(&json!({ "now": now, "in_doubt": doubt.is_some(), "doubt": doubt }), |text| {
            let _ = match &doubt {
                None => writeln!(text, "{now}, clock trusted"),
                Some(doubt) => writeln!(text, "{now}, clock IN DOUBT: {}", shown(doubt)),
            };
        });
        Ok(if doubt.is_some() { Exit::No } else { Exit::Done })
    }
}
