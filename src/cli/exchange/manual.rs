//! `portcullis exchange`: what an operator does by hand with an exchange that waits or was not finished.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::node_at;
use crate::cli::output::{Exit, Failure, Out};
use crate::gateway::Hand;
use crate::ident::ExchangeId;

/// Retry, park or cancel an exchange by hand.
#[derive(Debug, clap::Subcommand)]
pub enum ExchangeCommand {
    /// Try a parked or waiting exchange again now. If its sealed payload was damaged here, it is sealed anew first.
    Retry {
        /// The exchange.
        exchange: ExchangeId,
    },
    /// Set an exchange aside; nothing more is tried until it is retried.
    Park {
        /// The exchange.
        exchange: ExchangeId,
    },
    /// End an exchange that was not delivered, or drop what has arrived of one that its partner did not finish.
    Cancel {
        /// The exchange.
        exchange: ExchangeId,
    },
}

impl ExchangeCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the exchange is not in a state that allows it.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let (exchange, hand) = match self {
            ExchangeCommand::Retry { exchange } => (exchange, Hand::Retry),
            ExchangeCommand::Park { exchange } => (exchange, Hand::Park),
            ExchangeCommand::Cancel { exchange } => (exchange, Hand::Cancel),
        };
        let view = node_at(config).await?.by_hand(&exchange, hand).await.map_err(Failure::from)?;
        out.answer(&view, |text| {
            let _ = writeln!(text, "{} is {}", view.exchange, view.state);
        });
        Ok(Exit::Done)
    }
}
