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
use crate::telemetry;

/// Run the node: listen, connect to partners, send and receive.
///
/// SIGTERM or Ctrl-C shuts it down after finishing or parking exchanges in flight. SIGHUP reloads the configuration:
/// settings that can change at run time take effect, the log names those that need a restart, and a file with faults is
/// refused. Use `config check` first.
#[derive(Debug, clap::Args)]
pub struct Serve {}

impl Serve {
    /// Runs the command until a signal stops the node.
    ///
    /// # Errors
    /// [`Failure`] if the configuration, keys, store or address cannot be used, or the store breaks while running.
    pub async fn run(self, config: &Path, _out: Out) -> Result<Exit, Failure> {
        // Installed before anything is opened, so that a signal during the start also shuts the node down in order.
        let stop = stop_signal();
        let hangup = signal(SignalKind::hangup());
        let path = config;
        let config = crate::cli::input::open::configuration(config)?;
        telemetry::start(&config.log.filter).map_err(Failure::input)?;
        let node = Arc::new(open_node(config).await?);
        // It serves nevertheless, so that it can be founded while it runs.
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

/// The exit status: [`Exit::Passing`] if a service manager may restart the node without an operator.
fn exit(error: &GatewayError) -> Exit {
    if error.is_temporary() { Exit::Passing } else { Exit::Trouble }
}

/// Reads the configuration at each SIGHUP, and sends it to the server if it has no fault.
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
                // It was checked above.
                let _ = telemetry::replace(&filter);
            }
            Err(faults) => tracing::error!(faults, "configuration not reloaded: the previous one stays in force"),
        }
    }
}

/// A future that completes after the first SIGTERM or SIGINT since this call.
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

/// Waits for a signal; forever if its handler could not be installed, because the other signal still works.
async fn received(signal: std::io::Result<Signal>) {
    match signal {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
