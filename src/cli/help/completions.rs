//! `portcullis completions` and `man`: files that a package installs with the program.

use std::path::PathBuf;

use clap_complete::Shell;
use serde_json::json;

use crate::cli::help;
use crate::cli::input::files::cannot_write;
use crate::cli::output::{Exit, Failure, Out};

/// Print a completion script for a shell.
///
/// Packages install it for all users. To use it without one, load it from the shell's start-up file, for example with
/// `source <(portcullis completions bash)`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell to complete for.
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub fn run(self, out: Out) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut help::command(), help::NAME, &mut script);
        out.write(&script);
        Exit::Done
    }
}

/// Write the manual pages to a folder, one page per command.
///
/// The folder is created if needed, and existing pages are replaced. Packages install them in `/usr/share/man/man1`.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// The folder to write to.
    dir: PathBuf,
}

impl Man {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if a page cannot be written.
    pub fn run(self, out: Out) -> Result<Exit, Failure> {
        let cannot = |e| cannot_write(&self.dir, e);
        std::fs::create_dir_all(&self.dir).map_err(cannot)?;
        clap_mangen::generate_to(help::command(), &self.dir).map_err(cannot)?;
        out.answer(&json!({ "folder": self.dir }), |text| {
            text.push_str(&format!("manual pages written to {}\n", self.dir.display()));
        });
        Ok(Exit::Done)
    }
}
