//! `portcullis serve`: runs a node.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::cli::input::open::open_node;
use crate::cli::output::{Exit, Failure, Out};
use crate::config::Config;
use crate::gateway::GatewayError;
use crate::store::StoreError;
use crate::telemetry;

/// Run the node: listen, connect out to partners, send what is due, receive.
///
/// SIGTERM or Ctrl-C finishes or parks what is in flight. SIGHUP reads the configuration again: what may change while the
/// node runs takes effect, the log names what needs a restart, and a file with faults is refused while the configuration
/// in force stays. `config check` says beforehand what is wrong with a file.
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
        let hangup = signal(SignalKind::hangup());
        let path = config;
        let config = crate::cli::input::open::configuration(config)?;
        telemetry::start(&config.log.filter).map_err(Failure::input)?;
        let node = Arc::new(open_node(config).await?);
        // It serves all the same: whoever founds it meanwhile finds it listening.
        if let Err(why) = node.must_be_founded().await {
            tracing::warn!("{why}");
        }
        for trouble in node.filter_troubles() {
            tracing::warn!("{trouble}");
        }
        let (reloads, reloaded) = mpsc::channel(1);
        let _reloading =
            hangup.map(|hangup| AbortOnDropHandle::new(tokio::spawn(reload(path.to_owned(), hangup, reloads))));
        crate::gateway::serve_reloading(node, reloaded, stop)
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

/// Reads the configuration again at each SIGHUP, and hands it on where it has no fault.
async fn reload(file: PathBuf, mut hangup: Signal, reloads: mpsc::Sender<Config>) {
    while hangup.recv().await.is_some() {
        let read = Config::read(&file).map_err(|faults| faults.to_string());
        let read = read.and_then(|config| match telemetry::check(&config.log.filter) {
            Ok(()) => Ok(config),
            Err(bad) => Err(bad.to_string()),
        });
        match read {
            Ok(config) => {
                let filter = config.log.filter.clone();
                if reloads.send(config).await.is_err() {
                    return;
                }
                // It was checked.
                let _ = telemetry::replace(&filter);
            }
            Err(faults) => tracing::error!(faults, "configuration not reloaded: the one in force stays"),
        }
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
