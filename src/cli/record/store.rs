//! `portcullis store`: searches exchanges, and files of the spool that were set aside.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use crate::cli::input::open::node_at;
use crate::cli::output::width::folded;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::cli::record::orphans::LostCommand;

/// Search exchanges; handle files of the spool that were set aside.
#[derive(Debug, clap::Subcommand)]
pub enum StoreCommand {
    /// Find exchanges by words in title, subjects, purpose, partner, contact or marking.
    Search {
        /// Words that must all occur.
        #[arg(required = true)]
        words: Vec<String>,
        /// Maximum results.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    #[command(subcommand)]
    Lost(LostCommand),
}

impl StoreCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let (words, limit) = match self {
            StoreCommand::Search { words, limit } => (words, limit),
            StoreCommand::Lost(command) => return command.run(config, out).await,
        };
        let records = node_at(config).await?.search(&words, limit).await.map_err(Failure::from)?;
        out.answer(&json!({ "records": records }), |text| {
            let mut lines = String::new();
            for record in &records {
                let e = &record.exchange;
                let way = if e.direction == "out" { "to" } else { "from" };
                let _ =
                    writeln!(lines, "{} {way} {} {}: {}", out.bold(&e.exchange), e.partner, e.state, shown(&e.title));
                let facts = [shown(&e.marking), shown(&record.purpose), e.updated.clone()];
                let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
                let _ = writeln!(lines, "    {}", facts.join(" · "));
            }
            text.push_str(&folded(&lines, out));
            if records.is_empty() {
                let _ = writeln!(text, "no exchanges found");
            }
        });
        Ok(if records.is_empty() { Exit::No } else { Exit::Done })
    }
}
