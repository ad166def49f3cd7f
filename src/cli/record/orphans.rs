//! `portcullis store lost`: files of the spool that no row referred to when the node started.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use crate::cli::input::arguments::Limit;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, table};

/// List, restore or remove orphaned spool files set aside at start-up.
#[derive(Debug, clap::Subcommand)]
pub enum LostCommand {
    /// List the files, and whether a record refers to them now.
    List(Limit),
    /// Move a file back to its place. It is set aside again at the next start unless a record refers to it.
    Restore {
        /// Its name, as `list` shows it.
        name: String,
    },
    /// Delete a file; the deletion is recorded in the ledger.
    ///
    /// A file that a record needs is not deleted. An undamaged file that no record mentions is deleted only after `[store]
    /// keep_days`.
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
                let lost = limit.first(node.set_aside_files().await.map_err(Failure::from)?);
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
                        false => text.push_str(&table(&["file", "bytes", "set aside", "state"], rows, out)),
                    }
                });
            }
            LostCommand::Restore { name } => {
                let file = node.restore_lost(&name).await.map_err(Failure::from)?;
                out.answer(&file, |text| {
                    let _ = writeln!(text, "{name} is restored; see `status {}`", file.subject);
                });
            }
            LostCommand::Drop { name } => {
                let file = node.drop_lost(&name).await.map_err(Failure::from)?;
                out.answer(&file, |text| {
                    let _ = writeln!(text, "{name} is deleted ({} bytes)", file.bytes);
                });
            }
        }
        Ok(Exit::Done)
    }
}
