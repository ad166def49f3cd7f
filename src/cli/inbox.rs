//! `portcullis inbox`: what partners sent.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::node_at;
use super::output::{Exit, Failure, Out, shown, shown_lines, table};
use crate::ident::ExchangeId;

/// List, show and take what partners sent.
#[derive(Debug, clap::Subcommand)]
pub enum InboxCommand {
    /// List what is in the inbox and in quarantine.
    List,
    /// Show one product without taking it.
    Show {
        /// The exchange it came by.
        exchange: ExchangeId,
    },
    /// Write one product to a new file, or with attachments beside its text to a new folder, and mark it taken. What is
    /// in quarantine cannot be taken.
    Take {
        /// The exchange it came by.
        exchange: ExchangeId,
        /// The file or folder to make.
        #[arg(long)]
        out: PathBuf,
    },
}

impl InboxCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is no such product or it is in quarantine.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        match self {
            InboxCommand::List => {
                let items = node.inbox().await.map_err(Failure::from)?;
                out.answer(&json!({ "items": items }), |text| {
                    let rows = items.iter().map(|i| {
                        vec![
                            i.exchange.clone(),
                            i.partner.clone(),
                            i.state.clone(),
                            i.marking.clone(),
                            i.title.clone(),
                            i.received.clone(),
                        ]
                    });
                    text.push_str(&table(&["exchange", "from", "state", "marking", "title", "received"], rows));
                });
            }
            InboxCommand::Show { exchange } => {
                let item = node.inbox_item(&exchange).await.map_err(Failure::from)?;
                out.answer(&item, |text| {
                    let _ = writeln!(
                        text,
                        "{} from {}: {}",
                        out.bold(&item.item.exchange),
                        item.item.partner,
                        item.item.state
                    );
                    for reason in &item.quarantine {
                        let _ = writeln!(text, "  {}", shown(reason));
                    }
                    if let Some(product) = &item.text {
                        let _ = writeln!(text, "\n{}", shown_lines(product));
                    }
                });
            }
            InboxCommand::Take { exchange, out: file } => {
                let item = node.take(&exchange, &file).await.map_err(Failure::from)?;
                out.answer(&json!({ "exchange": item.exchange, "file": file, "marking": item.marking }), |text| {
                    let _ = writeln!(text, "took {} ({}) to {}", item.exchange, shown(&item.marking), file.display());
                });
            }
        }
        Ok(Exit::Done)
    }
}
