//! `portcullis completions` and `man`: what a package installs beside the program.

use std::path::PathBuf;

use clap_complete::Shell;
use serde_json::json;

use crate::cli::help;
use crate::cli::output::{Exit, Failure, Out};

/// Print a completion script for a shell.
///
/// The script completes commands, options and file names. A package installs it where the shell looks for such scripts; for
/// one account, write it to a file that the shell reads.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub fn run(self, out: Out) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut help::command(), help::NAME, &mut script);
        out.write(&script);
        Exit::Done
    }
}

/// Write the manual pages, one for each command, into a folder.
///
/// The folder is made if it is not there, and pages that are in it are replaced. A package installs them in
/// `/usr/share/man/man1`.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// The folder.
    dir: PathBuf,
}

impl Man {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if a page cannot be written.
    pub fn run(self, out: Out) -> Result<Exit, Failure> {
        let cannot = |e: std::io::Error| Failure::trouble(format!("`{}` cannot be written: {e}", self.dir.display()));
        std::fs::create_dir_all(&self.dir).map_err(cannot)?;
        clap_mangen::generate_to(help::command(), &self.dir).map_err(cannot)?;
        out.answer(&json!({ "folder": self.dir }), |text| {
            text.push_str(&format!("manual pages written to {}\n", self.dir.display()));
        });
        Ok(Exit::Done)
    }
}
