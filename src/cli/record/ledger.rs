//! `portcullis ledger`: shows and verifies the evidence.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::change::CheckpointPlace;
use crate::cli::change::Proposing;
use crate::cli::input::files::read_text;
use crate::cli::output::progress::progress;
use crate::cli::output::width::folded;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::gateway::{self, ChangeRequest};
use crate::ident::PartnerId;

/// Show the ledger and verify it.
#[derive(Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// Recompute the whole tree and compare it with the stored hashes, the signed checkpoint and the rows of the store.
    Verify,
    /// Show entries, newest last.
    Show {
        /// First entry to show.
        #[arg(long)]
        from: Option<u64>,
        /// Maximum results.
        #[arg(long, default_value_t = 50)]
        limit: u64,
    },
    /// Propose to accept that the store was restored from a backup and that ledger entries are lost; two officers sign it.
    ///
    /// A node stops when its ledger does not extend a checkpoint of its own: one that a partner has seen, which is then kept in
    /// a file, or the last one, which is kept next to the database and in the spool. `status` and the server's log name the
    /// files. If there is no newer backup to restore, this lets the node continue. It covers exactly the checkpoints given,
    /// and the loss is recorded in the ledger.
    Resume {
        /// A checkpoint from a partner as `PARTNER=FILE`, or one kept by this node as `NODE=FILE` with this node's name; `status`
        /// names the files. Repeat for several.
        #[arg(long, required_unless_present = "without", value_parser = head_file)]
        head: Vec<(PartnerId, PathBuf)>,
        /// The place where the last checkpoint is missing or damaged: `database` or `spool`. Its file is written again.
        #[arg(long)]
        without: Vec<CheckpointPlace>,
        #[command(flatten)]
        proposing: Proposing,
    },
}

impl LedgerCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let path = config;
        let config = crate::cli::input::open::configuration(path)?;
        match self {
            LedgerCommand::Resume { head, without, proposing } => {
                let read = |(partner, file): (PartnerId, PathBuf)| read_text(&file).map(|text| (partner, text));
                let lost = head.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
                let without = without.into_iter().collect();
                let wanted = ChangeRequest { lost, without, ..proposing.wanted() };
                proposing.write(&crate::cli::input::open::node_at(path).await?, wanted, out).await
            }
            LedgerCommand::Verify => {
                let verified = gateway::verify_ledger(&config, &progress()).await.map_err(Failure::from)?;
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
            LedgerCommand::Show { from, limit } => {
                let entries = gateway::ledger_entries(&config, from, limit).await.map_err(Failure::from)?;
                out.answer(&json!({ "entries": entries }), |text| {
                    let mut lines = String::new();
                    for entry in &entries {
                        let detail: Vec<String> = entry.detail.iter().map(|(k, v)| format!("{k}={v}")).collect();
                        let _ = writeln!(
                            lines,
                            "{:>6}  {}  {:<20} {} by {}  {}",
                            entry.index,
                            entry.time,
                            entry.kind,
                            shown(&entry.subject),
                            shown(&entry.actor),
                            shown(&detail.join(" "))
                        );
                    }
                    text.push_str(&folded(&lines, out));
                });
                Ok(Exit::Done)
            }
        }
    }
}

fn head_file(text: &str) -> Result<(PartnerId, PathBuf), String> {
    let (partner, file) = text.split_once('=').ok_or("expected `PARTNER=FILE`")?;
    let partner = partner.parse().map_err(|e: crate::ident::NotAnIdent| e.to_string())?;
    Ok((partner, PathBuf::from(file)))
}
