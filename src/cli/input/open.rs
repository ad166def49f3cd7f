//! Opens the configuration and the node that a command works on.

use std::path::Path;
use std::sync::Arc;

use super::files::cannot_read;
use crate::cli::output::Failure;
use crate::cli::output::progress::progress;
use crate::config::Config;
use crate::gateway::Node;
use crate::system::SystemClock;

/// The default of `--config`.
pub(in crate::cli) const UNNAMED_CONFIG: &str = "portcullis.toml";

/// Opens the node whose configuration is at `config`.
///
/// # Errors
/// [`Failure`] if the configuration is invalid or the node cannot be opened.
pub(in crate::cli) async fn node_at(config: &Path) -> Result<Node, Failure> {
    open_node(configuration(config)?).await
}

/// Reads the configuration at `config`.
///
/// # Errors
/// [`Failure`] with every fault of the file.
pub(in crate::cli) fn configuration(config: &Path) -> Result<Config, Failure> {
    if config.is_dir() {
        let file = config.join("portcullis.toml");
        return Err(Failure::input(format!("`{}` is a folder: name the file, {}", config.display(), file.display())));
    }
    Config::read(config).map_err(|fault| match std::fs::File::open(config) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => cannot_read(config, &error),
        _ => Failure::input(fault),
    })
}

/// Opens the node with this configuration.
///
/// # Errors
/// [`Failure`] if the node cannot be opened.
pub(in crate::cli) async fn open_node(config: Config) -> Result<Node, Failure> {
    Node::open_showing(config, Arc::new(SystemClock), progress()).await.map_err(Failure::trouble)
}
