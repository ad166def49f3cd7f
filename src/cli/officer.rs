//! `portcullis officer`: who may submit and approve.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::output::{Exit, Failure, Out, shown, table};
use super::{node_at, read_text};
use crate::approval::{Officer, OfficerState, Role};
use crate::config::{signer_from, write_new, write_secret};
use crate::ident::OfficerId;
use crate::sign::{Algorithm, PublicKey, Signer as _};
use crate::system::SystemClock;
use crate::time::{Clock as _, Time};

/// Say who may submit and approve; make their keys.
#[derive(Debug, clap::Subcommand)]
pub enum OfficerCommand {
    /// Make a personal signing key. The officer runs this, keeps the file, and hands over only the public key.
    NewKey {
        /// File to make, mode 600; the public key goes beside it with `.pub`.
        file: PathBuf,
        /// `ed25519`, `p384` or `mldsa87`.
        #[arg(long, default_value = "mldsa87", value_parser = algorithm)]
        algorithm: Algorithm,
    },
    /// Enrol an officer.
    Add {
        /// Name to enrol the officer under.
        officer: OfficerId,
        /// The person's name.
        #[arg(long)]
        name: String,
        /// What they may do; repeat for several: originator, disclosure-officer, senior-disclosure-officer,
        /// release-to-public.
        #[arg(long, required = true, value_parser = role)]
        role: Vec<Role>,
        /// Their public key, as `new-key` printed it.
        #[arg(long, required_unless_present = "key_file")]
        key: Option<PublicKey>,
        /// A file that holds their public key.
        #[arg(long, conflicts_with = "key")]
        key_file: Option<PathBuf>,
        /// For how long they are appointed, such as `365d`.
        #[arg(long, default_value = "365d", value_parser = super::duration)]
        valid_for: Duration,
    },
    /// List the officers.
    List,
    /// Revoke an officer: every approval of theirs that has not yet led to a delivery is void.
    Revoke {
        /// The officer.
        officer: OfficerId,
        /// Why, for the ledger.
        #[arg(long, default_value = "by operator")]
        why: String,
    },
}

impl OfficerCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] says what was refused or could not be read.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        match self {
            OfficerCommand::NewKey { file, algorithm } => new_key(&file, algorithm, out),
            OfficerCommand::Add { officer, name, role, key, key_file, valid_for } => {
                let key = match (key, key_file) {
                    (Some(key), _) => key,
                    (None, Some(file)) => read_text(&file)?
                        .trim()
                        .parse()
                        .map_err(|e| Failure::input(format!("{}: {e}", file.display())))?,
                    (None, None) => {
                        return Err(Failure::input("give the officer's public key with --key or --key-file"));
                    }
                };
                let officer = Officer {
                    id: officer,
                    name,
                    keys: vec![key],
                    roles: role.into_iter().collect::<BTreeSet<_>>(),
                    state: OfficerState::Active,
                    valid_until: SystemClock.now().plus(valid_for),
                };
                node_at(config).await?.add_officer(officer.clone()).await.map_err(Failure::from)?;
                out.answer(&officer, |text| {
                    let _ = writeln!(
                        text,
                        "enrolled {} ({}) until {}",
                        officer.id,
                        shown(&officer.name),
                        officer.valid_until
                    );
                });
                Ok(Exit::Done)
            }
            OfficerCommand::List => list(config, out).await,
            OfficerCommand::Revoke { officer, why } => {
                node_at(config).await?.revoke_officer(&officer, &why).await.map_err(Failure::from)?;
                out.answer(&json!({ "officer": officer, "state": "revoked" }), |text| {
                    let _ = writeln!(text, "revoked {officer}: their approvals no longer count");
                });
                Ok(Exit::Done)
            }
        }
    }
}

fn new_key(file: &Path, algorithm: Algorithm, out: Out) -> Result<Exit, Failure> {
    let pem = super::init::key_pem(algorithm)?;
    write_secret(file, pem.as_bytes()).map_err(|e| super::init::cannot_write(file, e))?;
    let public = signer_from(file).map_err(Failure::trouble)?.public().clone();
    let beside = PathBuf::from(format!("{}.pub", file.display()));
    write_new(&beside, format!("{public}\n").as_bytes()).map_err(|e| super::init::cannot_write(&beside, e))?;
    let answer = json!({ "file": file, "public_key": public, "fingerprint": public.fingerprint() });
    out.answer(&answer, |text| {
        let _ = writeln!(text, "private key  {}   (keep it: it signs for one person)", file.display());
        let _ = writeln!(text, "public key   {}", beside.display());
        let _ = writeln!(text, "fingerprint  {}", public.fingerprint());
    });
    Ok(Exit::Done)
}

async fn list(config: &Path, out: Out) -> Result<Exit, Failure> {
    let node = node_at(config).await?;
    let officers = node.officers().await.map_err(Failure::from)?;
    let now: Time = SystemClock.now();
    let all: Vec<&Officer> = officers.iter().collect();
    out.answer(&json!({ "officers": all }), |text| {
        let rows = all.iter().map(|o| {
            let roles: Vec<String> = o.roles.iter().map(Role::to_string).collect();
            let state = if o.in_office(now) { "in office" } else { "out of office" };
            vec![o.id.to_string(), o.name.clone(), roles.join(", "), state.into(), o.valid_until.to_string()]
        });
        text.push_str(&table(&["officer", "name", "roles", "state", "until"], rows));
    });
    Ok(Exit::Done)
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    let all = [Algorithm::Ed25519, Algorithm::Es384, Algorithm::MlDsa87];
    all.into_iter().find(|a| a.name() == text).ok_or_else(|| "expected `ed25519`, `p384` or `mldsa87`".into())
}

fn role(text: &str) -> Result<Role, String> {
    let all = [Role::Originator, Role::ReleaseToPublic, Role::DisclosureOfficer, Role::SeniorDisclosureOfficer];
    all.into_iter().find(|r| r.to_string() == text).ok_or_else(|| {
        "expected `originator`, `disclosure-officer`, `senior-disclosure-officer` or `release-to-public`".into()
    })
}
