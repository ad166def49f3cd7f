//! `portcullis store lost`: files of the spool that no row needed when the node started.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use crate::cli::input::arguments::Limit;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, table};

/// Files that were set aside at a start because no row needed them: list them, put them back, or remove them.
#[derive(Debug, clap::Subcommand)]
pub enum LostCommand {
    /// List what was set aside, whether what is on record now needs it, and whether anything on record speaks of it.
    List(Limit),
    /// Put a file back where it was. The next start sets it aside again if no row needs it.
    Restore {
        /// Its name, as `list` shows it.
        name: String,
    },
    /// Remove a file for good; the ledger says so. One that is needed is not removed, and one that is whole and of which
    /// nothing is on record only after `[store] keep_days`.
    Drop {
        /// Its name, as `list` shows it.
        name: String,
    },
}

impl LostCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the node cannot be used, or there is no such file.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        match self {
            LostCommand::List(limit) => {
                let lost = limit.first(node.lost().await.map_err(Failure::from)?);
                out.answer(&json!({ "lost": lost }), |text| {
                    let rows = lost.iter().map(|file| {
                        let found = file.found.clone().unwrap_or_else(|| "-".into());
                        let state = match file {
                            file if file.damaged => "damaged",
                            file if file.needed => "needed",
                            file if file.orphan => "not on record",
                            _ => "not needed",
                        };
                        vec![file.name.clone(), file.bytes.to_string(), found, state.into()]
                    });
                    match lost.is_empty() {
                        true => text.push_str("nothing was set aside\n"),
                        false => text.push_str(&table(&["file", "bytes", "set aside", "state"], rows)),
                    }
                });
            }
            LostCommand::Restore { name } => {
                let file = node.restore_lost(&name).await.map_err(Failure::from)?;
                out.answer(&file, |text| {
                    let _ = writeln!(text, "{name} is where it was; see `status {}`", file.subject);
                });
            }
            LostCommand::Drop { name } => {
                let file = node.drop_lost(&name).await.map_err(Failure::from)?;
                out.answer(&file, |text| {
                    let _ = writeln!(text, "{name} is removed ({} bytes)", file.bytes);
                });
            }
        }
        Ok(Exit::Done)
    }
}
