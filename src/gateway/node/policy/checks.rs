//! Checks that rules must pass before they are in force: the cases and the proofs, at each step of a change.

use crate::gateway::node::files;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::rules::Rules;
use crate::change::PolicyTexts;
use crate::config::make_private_folder;
use crate::digest::Digest;
use crate::gateway::GatewayError;
use crate::policy::{Policies, obligations};
use crate::system::entropy;

/// Maximum number of faults that one refusal names.
const NAMED_MAX: usize = 12;

/// Results of this process by digest of the rules: signing asks twice, and the checks are slow.
static PASSED: Mutex<BTreeSet<Digest>> = Mutex::new(BTreeSet::new());

/// Checks that the rules decide every case as expected, and that none can fail or permit what `policy/never.cedar`
/// forbids: over all finite facts, and for every possible request where the prover is installed.
///
/// # Errors
/// [`GatewayError::Refused`] names each check that fails, with a request for which it fails.
pub(in crate::gateway) fn check(rules: &Rules) -> Result<(), GatewayError> {
    let digest = rules.policies.digest();
    let shown = || PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    // The shipped policy was checked when it was built.
    if Policies::shipped().is_ok_and(|shipped| shipped.digest() == digest) || shown().contains(&digest) {
        return Ok(());
    }
    let unmet = obligations::unmet(&rules.policies).map_err(GatewayError::trouble)?;
    if !unmet.is_empty() {
        let named: Vec<String> = unmet.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        return Err(refused(&named, unmet.len()));
    }
    proved(&rules.texts)?;
    shown().insert(digest);
    Ok(())
}

fn refused(named: &[String], all: usize) -> GatewayError {
    let more = all.saturating_sub(named.len());
    let more = if more == 0 { String::new() } else { format!("\n  and {more} more") };
    GatewayError::refused(format!(
        "the rules fail mandatory checks and are not put in force (see `policy test` and docs/POLICY.md):\n  {}{more}",
        named.join("\n  ")
    ))
}

/// Runs the prover, if it is installed.
fn proved(texts: &PolicyTexts) -> Result<(), GatewayError> {
    let Some(prover) = installed_prover() else { return Ok(()) };
    let folder = std::env::temp_dir().join(format!("portcullis-rules-{}", hex::encode(entropy::<6>())));
    let answer = written(texts, &folder).and_then(|()| {
        let asked = Command::new(&prover).arg(&folder).arg("--obligations").output();
        asked.map_err(|e| GatewayError::Local(format!("the prover `{}` does not start: {e}", prover.display())))
    });
    let _ = std::fs::remove_dir_all(&folder);
    let answer = answer?;
    match answer.status.code() {
        Some(0) => Ok(()),
        Some(1) => {
            let said = String::from_utf8_lossy(&answer.stdout);
            let refuted: Vec<String> = said
                .lines()
                .filter_map(|line| line.trim().strip_prefix("REFUTED"))
                .map(|what| format!("the prover refutes {}", what.trim()))
                .collect();
            Err(refused(&refuted, refuted.len()))
        }
        // Without its solver it proves nothing; the checks over the finite facts stand.
        _ => {
            let why = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
            tracing::warn!(prover = %prover.display(), "the prover gave no answer: {why}");
            Ok(())
        }
    }
}

fn written(texts: &PolicyTexts, folder: &Path) -> Result<(), GatewayError> {
    let trouble = |e: std::io::Error| GatewayError::Local(format!("`{}` cannot be written: {e}", folder.display()));
    make_private_folder(folder).map_err(trouble)?;
    for name in [PolicyTexts::RULES, PolicyTexts::SCHEMA] {
        files::replace(&folder.join(name), texts.text(name).unwrap_or_default().as_bytes(), 0o600)?;
    }
    Ok(())
}

/// The prover, if it is installed: beside this program, or on the PATH.
pub fn installed_prover() -> Option<PathBuf> {
    const NAME: &str = "portcullis-prove";
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(NAME));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(NAME));
    beside.into_iter().chain(on_path).find(|file| file.is_file())
}
