//! `portcullis config`: checks a node's configuration before it is used.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::output::{Exit, Failure, Out, shown};
use crate::config::Config;
use crate::gateway::preflight;

/// Check a node's configuration.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration and everything it refers to, and list all faults.
    ///
    /// Checks the file, the keys and their permissions, the certificates and their profile, the listening address, and the
    /// permissions of the node's folders. Nothing is changed. Exit status 2 if there is a fault. Use it before `serve`
    /// reloads the file on SIGHUP.
    Check {
        /// The configuration file; if left out, the one that `--config` names.
        file: Option<PathBuf>,
    },
}

impl ConfigCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the path names a folder.
    pub fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let ConfigCommand::Check { file } = self;
        let file = file.unwrap_or_else(|| config.to_owned());
        if file.is_dir() {
            let inside = file.join("portcullis.toml");
            return Err(Failure::input(format!(
                "`{}` is a folder: name the file, {}",
                file.display(),
                inside.display()
            )));
        }
        let faults = faults(&file);
        out.answer(&json!({ "file": file, "ok": faults.is_empty(), "faults": faults }), |text| {
            for fault in &faults {
                let _ = writeln!(text, "{}", shown(fault));
            }
            let _ = match faults.len() {
                0 => writeln!(text, "{}: {}", file.display(), out.verdict("in order", true)),
                1 => writeln!(text, "{}: {}", file.display(), out.verdict("1 fault", false)),
                count => writeln!(text, "{}: {}", file.display(), out.verdict(&format!("{count} faults"), false)),
            };
        });
        Ok(if faults.is_empty() { Exit::Done } else { Exit::Input })
    }
}

/// All faults: those of the text with their lines, then those of the files and addresses that it refers to.
fn faults(file: &Path) -> Vec<String> {
    let (config, wrong) = Config::read_with_faults(file);
    let mut faults: Vec<String> =
        wrong.iter().flat_map(|wrong| wrong.to_string().lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    if let Some(config) = config {
        faults.extend(crate::telemetry::check(&config.log.filter).err().map(|e| format!("log.filter: {e}")));
        faults.extend(preflight(&config));
    }
    faults
}
