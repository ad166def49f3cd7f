//! `portcullis exchange`: manual operations on an unfinished exchange.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::input::arguments::ExchangeArg;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out};
use crate::gateway::ManualOperation;

/// Retry, park or cancel an exchange.
#[derive(Debug, clap::Subcommand)]
pub enum ExchangeCommand {
    /// Retry a parked or waiting exchange now. A damaged sealed payload is sealed again first.
    Retry {
        /// The exchange ID (`ex-…`), or a unique prefix of it.
        exchange: ExchangeArg,
    },
    /// Stop delivery attempts until the exchange is retried.
    Park {
        /// The exchange ID (`ex-…`), or a unique prefix of it.
        exchange: ExchangeArg,
    },
    /// End an exchange that was not delivered, or delete the received part of one that its partner did not finish.
    Cancel {
        /// The exchange ID (`ex-…`), or a unique prefix of it.
        exchange: ExchangeArg,
    },
}

impl ExchangeCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the exchange is not in a state that allows it.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let (exchange, operation) = match self {
            ExchangeCommand::Retry { exchange } => (exchange, ManualOperation::Retry),
            ExchangeCommand::Park { exchange } => (exchange, ManualOperation::Park),
            ExchangeCommand::Cancel { exchange } => (exchange, ManualOperation::Cancel),
        };
        let node = node_at(config).await?;
        let exchange = exchange.find(&node).await?;
        let view = node.manual_operation(&exchange, operation).await.map_err(Failure::from)?;
        out.answer(&view, |text| {
            let _ = writeln!(text, "{} is {}", view.exchange, view.state);
        });
        Ok(Exit::Done)
    }
}
