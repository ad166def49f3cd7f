//! `portcullis policy prove`: hands the rules in force to the prover, a program of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::input::files::cannot_write;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure};
use crate::config::make_private_folder;
use crate::gateway::installed_prover;
use crate::system::entropy;

/// Prove the release rules for every possible request: none of them can fail, and nothing that must never be released
/// is permitted. Prints a counterexample where a proof fails. Exit status 1 if one does.
///
/// The prover is a program of its own, `portcullis-prove`, which the source tree's `scripts/prove` builds and runs; it
/// needs the solver cvc5. It is looked for beside this program and on the PATH.
#[derive(Debug, clap::Args)]
pub struct Prove {
    /// A policy folder to prove instead of the rules in force at the node.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// The prover, if it is elsewhere.
    #[arg(long, env = "PORTCULLIS_PROVER")]
    prover: Option<PathBuf>,
}

impl Prove {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the prover is not there or could not prove or refute anything.
    pub async fn run(self, config: &Path) -> Result<Exit, Failure> {
        let Some(folder) = &self.policy else {
            let node = node_at(config).await?;
            let folder = std::env::temp_dir().join(format!("portcullis-prove-{}", hex::encode(entropy::<6>())));
            let written = make_private_folder(&folder).and_then(|()| {
                let mut texts = node.policy_texts().iter().filter(|(name, _)| !name.contains('/'));
                texts.try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
            });
            let proved = match written {
                Ok(()) => self.prove(&folder),
                Err(e) => Err(cannot_write(&folder, e)),
            };
            let _ = std::fs::remove_dir_all(&folder);
            return proved;
        };
        self.prove(folder)
    }

    fn prove(&self, folder: &Path) -> Result<Exit, Failure> {
        let prover = self.prover.clone().or_else(installed_prover).unwrap_or_else(|| "portcullis-prove".into());
        let status = Command::new(&prover).arg(folder).status().map_err(|e| {
            Failure::trouble(format!(
                "the prover `{}` does not start: {e}; the source tree's `scripts/prove` builds it, and runs it on the \
                 shipped rules; name it with --prover",
                prover.display()
            ))
        })?;
        match status.code() {
            Some(0) => Ok(Exit::Done),
            Some(1) => Ok(Exit::No),
            _ => Err(Failure::trouble("the prover ended without an answer")),
        }
    }
}
