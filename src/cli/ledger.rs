//! `portcullis ledger`: the evidence, and whether it holds.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::output::{Exit, Failure, Out, shown};
use crate::config::Config;
use crate::gateway;

/// Show the ledger and verify it.
#[derive(Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// Recompute the whole tree and compare it with the stored hashes, the signed checkpoint, and the store's rows.
    Verify,
    /// Show entries, newest last.
    Show {
        /// First entry to show.
        #[arg(long)]
        from: Option<u64>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        most: u64,
    },
}

impl LedgerCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let config = Config::read(config).map_err(Failure::input)?;
        match self {
            LedgerCommand::Verify => {
                let verified = gateway::verify_ledger(&config).await.map_err(Failure::from)?;
                out.answer(&verified, |text| {
                    let verdict =
                        if verified.ok { out.verdict("verifies", true) } else { out.verdict("DOES NOT VERIFY", false) };
                    let _ = writeln!(text, "ledger of {} entries {verdict}", verified.size);
                    let _ = writeln!(text, "  root {}", verified.root);
                    for problem in &verified.problems {
                        let _ = writeln!(text, "  {}", shown(problem));
                    }
                });
                Ok(if verified.ok { Exit::Done } else { Exit::No })
            }
            LedgerCommand::Show { from, most } => {
                let entries = gateway::ledger_entries(&config, from, most).await.map_err(Failure::from)?;
                out.answer(&json!({ "entries": entries }), |text| {
                    for entry in &entries {
                        let detail: Vec<String> = entry.detail.iter().map(|(k, v)| format!("{k}={v}")).collect();
                        let _ = writeln!(
                            text,
                            "{:>6}  {}  {:<20} {} by {}  {}",
                            entry.index,
                            entry.time,
                            entry.kind,
                            shown(&entry.subject),
                            shown(&entry.actor),
                            shown(&detail.join(" "))
                        );
                    }
                });
                Ok(Exit::Done)
            }
        }
    }
}
