//! `portcullis clock`: shows whether the node trusts its clock, and proposes to accept it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::cli::change::Proposing;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::gateway::ChangeRequest;

/// Show whether the node trusts its clock, or accept it.
///
/// If the clock jumps by more than a minute, or is behind the newest record, the node neither releases, offers nor receives
/// anything, and nothing expires, until two officers have checked and accepted the clock.
#[derive(Debug, clap::Subcommand)]
pub enum ClockCommand {
    /// Show the clock, and why it is in doubt. Exit status 1 if it is.
    Show,
    /// Propose to accept the clock as it is now; two officers sign it within a day. It covers only the present doubt.
    Accept {
        #[command(flatten)]
        proposing: Proposing,
    },
}

/// The longest time in which a proposal to accept the clock can be signed and applied.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 3600);

impl ClockCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is nothing to accept, or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        if let ClockCommand::Accept { proposing } = self {
            let proposing = proposing.within(LIFETIME_MAX);
            let wanted = ChangeRequest { clock: true, ..proposing.wanted() };
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
