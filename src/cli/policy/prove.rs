//! `portcullis policy prove`: runs the prover, a separate program, on the rules.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::input::files::cannot_write;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure};
use crate::config::make_private_folder;
use crate::gateway::installed_prover;
use crate::system::entropy;

/// Prove that the release rules are safe for every possible request.
///
/// Proves that no rule can fail with an error, and that nothing is permitted which must never be released. Prints a
/// counterexample for each proof that fails; exit status 1 if any does.
///
/// The prover `portcullis-prove` is a separate program, which `scripts/prove` in the source tree builds; it needs the solver
/// cvc5. It is searched for in this program's folder and on the PATH.
#[derive(Debug, clap::Args)]
pub struct Prove {
    /// Prove the rules in this policy folder instead of those in force at the node.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// The prover's program file, if it is elsewhere.
    #[arg(long, env = "PORTCULLIS_PROVER")]
    prover: Option<PathBuf>,
}

impl Prove {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the prover is not installed, or it ended without a result.
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
                "cannot run the prover `{}`: {e}; build it with `scripts/prove` of the source tree, and give its \
                 place with --prover",
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
