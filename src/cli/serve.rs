//! `portcullis serve`: runs a node.

use std::path::Path;
use std::sync::Arc;

use super::open_node;
use super::output::{Exit, Failure, Out};
use crate::config::Config;

/// Run the node: listen, connect out to partners, send what is due, receive.
///
/// SIGTERM or Ctrl-C finishes or parks what is in flight. Configuration faults are all reported at once.
#[derive(Debug, clap::Args)]
pub struct Serve {}

impl Serve {
    /// Runs the command until the node is told to stop.
    ///
    /// # Errors
    /// [`Failure`] if the configuration, keys, store or address cannot be used, or the store breaks while running.
    pub async fn run(self, config: &Path, _out: Out) -> Result<Exit, Failure> {
        let config = Config::read(config).map_err(Failure::input)?;
        crate::telemetry::start(&config.log.filter).map_err(Failure::input)?;
        let node = Arc::new(open_node(config).await?);
        crate::gateway::serve(node, stop_signal()).await.map_err(Failure::trouble)?;
        Ok(Exit::Done)
    }
}

/// Ends at the first SIGTERM or SIGINT.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        // Without a handler for SIGTERM only Ctrl-C stops the node in order; that is still better than not running.
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
