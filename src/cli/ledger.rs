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
    /// Accept that the store was put back from a copy, and that partners have seen entries which are lost.
    ///
    /// A partner that has seen more of this node's ledger than there is stops the server, which says how many entries. If
    /// there is no newer copy to put back, this lets it go on; the loss stays on record.
    Resume {
        /// How many entries partners have seen, as the server said.
        #[arg(long)]
        entries: u64,
        /// Why, for the ledger.
        #[arg(long, default_value = "by operator")]
        why: String,
    },
}

impl LedgerCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let path = config;
        let config = Config::read(path).map_err(Failure::input)?;
        match self {
            LedgerCommand::Resume { entries, why } => {
                super::node_at(path).await?.resume_ledger(entries, &why).await.map_err(Failure::from)?;
                out.answer(&json!({ "accepted": entries }), |text| {
                    let _ = writeln!(
                        text,
                        "accepted: partners may have seen {entries} entries that are not in this ledger"
                    );
                });
                Ok(Exit::Done)
            }
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
