//! `portcullis serve`: runs a node.

use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::input::open::open_node;
use crate::cli::output::{Exit, Failure, Out};
use crate::gateway::GatewayError;
use crate::store::StoreError;

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
        // Listened for before anything is opened: told to stop while it starts, the node stops in order as well.
        let stop = stop_signal();
        let config = crate::cli::input::open::configuration(config)?;
        crate::telemetry::start(&config.log.filter).map_err(Failure::input)?;
        let node = Arc::new(open_node(config).await?);
        // It serves all the same: whoever founds it meanwhile finds it listening.
        if let Err(why) = node.must_be_founded().await {
            tracing::warn!("{why}");
        }
        for trouble in node.filter_troubles() {
            tracing::warn!("{trouble}");
        }
        crate::gateway::serve(node, stop)
            .await
            .map_err(|error| Failure { exit: exit(&error), ..Failure::trouble(error) })?;
        Ok(Exit::Done)
    }
}

/// Whether the node may be started again without anybody looking at it.
fn exit(error: &GatewayError) -> Exit {
    match error {
        GatewayError::Passing(_) | GatewayError::Store(StoreError::Busy { .. } | StoreError::Full) => Exit::Passing,
        _ => Exit::Trouble,
    }
}

/// Ends at the first SIGTERM or SIGINT from the moment of this call, whenever it is waited for.
fn stop_signal() -> impl Future<Output = ()> {
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    async move {
        tokio::select! {
            () = received(terminate) => {}
            () = received(interrupt) => {}
        }
    }
}

/// Without a handler for one of the two, the other still stops the node in order.
async fn received(signal: std::io::Result<Signal>) {
    match signal {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
