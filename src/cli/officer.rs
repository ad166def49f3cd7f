//! `portcullis officer`: who may submit and approve.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::change::Proposing;
use super::output::{Exit, Failure, Out, shown, table};
use crate::approval::{Declared, Role};
use crate::cli::input::arguments::Limit;
use crate::cli::input::files::{cannot_write, read_text};
use crate::cli::input::open::node_at;
use crate::config::{folder_of, signer_from, sync_folder, write_new, write_secret};
use crate::gateway::{AppointmentRequest, ChangeRequest, OfficerView};
use crate::ident::OfficerId;
use crate::sign::{Algorithm, PublicKey, Signer as _};

/// Manage the officers who submit and approve; make their keys.
#[derive(Debug, clap::Subcommand)]
pub enum OfficerCommand {
    /// Make a personal signing key.
    ///
    /// The officer runs this, keeps the private key, and gives only the public key to the node's operator.
    NewKey {
        /// The private key's file, created with mode 600; the public key is written to the same name with `.pub` added.
        file: PathBuf,
        /// The key's algorithm: `ed25519`, `p384` or `mldsa87`.
        #[arg(long, default_value = "mldsa87", value_parser = algorithm)]
        algorithm: Algorithm,
    },
    /// Propose to enrol an officer; two officers sign the change.
    ///
    /// When the change is applied, the node's officer authority certifies exactly the key, name and roles that they signed.
    Add {
        /// The officer's identifier at this node.
        officer: OfficerId,
        /// The person's name.
        #[arg(long)]
        name: String,
        /// Role: originator, disclosure-officer, senior-disclosure-officer or release-to-public; repeat for several.
        #[arg(long, required = true)]
        role: Vec<Role>,
        /// The officer's public key: the text of the `.pub` file that `new-key` wrote.
        #[arg(long, required_unless_present = "key_file")]
        key: Option<PublicKey>,
        /// A file that holds the officer's public key.
        #[arg(long, conflicts_with = "key")]
        key_file: Option<PathBuf>,
        /// How long the certificate is valid: 90 days by default, at most 180.
        #[arg(long, value_parser = crate::cli::input::arguments::duration)]
        valid_for: Option<Duration>,
        /// An officer with a similar name who is a different person; repeat for several.
        #[arg(long, value_name = "OFFICER")]
        distinct_from: Vec<OfficerId>,
        /// An earlier record of the same person; all of them count as one person. Repeat for several.
        #[arg(long, value_name = "OFFICER")]
        same_as: Vec<OfficerId>,
        #[command(flatten)]
        proposing: Proposing,
    },
    /// Propose to renew an officer's certificate, or to change their roles or key; two officers sign the change.
    ///
    /// Approvals already given count as long as the key that signed them is certified and the officer has the role. A new key
    /// replaces the earlier ones, unless --keep-keys is given.
    Renew {
        /// The officer.
        officer: OfficerId,
        /// The person's new name, if it changed.
        #[arg(long)]
        name: Option<String>,
        /// New role; repeat for several. Unchanged by default.
        #[arg(long)]
        role: Vec<Role>,
        /// A new public key: the text of the `.pub` file that `new-key` wrote.
        #[arg(long)]
        key: Option<PublicKey>,
        /// A file that holds the new public key.
        #[arg(long, conflicts_with = "key")]
        key_file: Option<PathBuf>,
        /// Keep the earlier keys valid as well; the officer still counts as one person.
        #[arg(long)]
        keep_keys: bool,
        /// How long the new certificate is valid: 90 days by default, at most 180.
        #[arg(long, value_parser = crate::cli::input::arguments::duration)]
        valid_for: Option<Duration>,
        #[command(flatten)]
        proposing: Proposing,
    },
    /// List the officers.
    List(Limit),
    /// Show an officer and their certificates.
    Show {
        /// The officer.
        officer: OfficerId,
    },
    /// Revoke an officer permanently.
    ///
    /// Their approvals become void, except those of products already delivered.
    Revoke {
        /// The officer.
        officer: OfficerId,
        /// Reason, for the ledger.
        #[arg(long, default_value = "by operator")]
        why: String,
    },
}

impl OfficerCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the gateway refuses the change, or a file or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        match self {
            OfficerCommand::NewKey { file, algorithm } => return new_key(&file, algorithm, out),
            OfficerCommand::Add {
                officer,
                name,
                role,
                key,
                key_file,
                valid_for,
                distinct_from,
                same_as,
                proposing,
            } => {
                let appoint = AppointmentRequest {
                    officer,
                    name: Some(name),
                    roles: Some(role.into_iter().collect::<BTreeSet<_>>()),
                    key: Some(
                        public_key(key, key_file)?
                            .ok_or_else(|| Failure::input("give the officer's public key with --key or --key-file"))?,
                    ),
                    keep_keys: false,
                    lifetime: valid_for,
                    declared: Some(Declared {
                        distinct_from: distinct_from.into_iter().collect(),
                        same_as: same_as.into_iter().collect(),
                    }),
                };
                let node = node_at(config).await?;
                node.check_unenrolled(&appoint.officer).await.map_err(Failure::from)?;
                let wanted = ChangeRequest { officers: vec![appoint], ..proposing.wanted() };
                return proposing.write(&node, wanted, out).await;
            }
            OfficerCommand::Renew { officer, name, role, key, key_file, keep_keys, valid_for, proposing } => {
                let appoint = AppointmentRequest {
                    officer,
                    name,
                    roles: Some(role.into_iter().collect::<BTreeSet<_>>()).filter(|roles| !roles.is_empty()),
                    key: public_key(key, key_file)?,
                    keep_keys,
                    lifetime: valid_for,
                    declared: None,
                };
                let wanted = ChangeRequest { officers: vec![appoint], ..proposing.wanted() };
                return proposing.write(&node_at(config).await?, wanted, out).await;
            }
            OfficerCommand::List(limit) => list(config, limit, out).await?,
            OfficerCommand::Show { officer } => show(config, &officer, out).await?,
            OfficerCommand::Revoke { officer, why } => {
                let node = node_at(config).await?;
                let warning = node.revoke_officer(&officer, &why).await.map_err(Failure::from)?;
                out.answer(&json!({ "officer": officer, "state": "revoked", "warning": warning }), |text| {
                    let _ = writeln!(text, "revoked {officer}: their approvals no longer count");
                    if let Some(warning) = &warning {
                        let _ =
                            writeln!(text, "  the list of revoked certificates was not written: {}", shown(warning));
                        let _ = writeln!(
                            text,
                            "  the officer is revoked; write the list with: portcullis cert refresh-list"
                        );
                    }
                });
            }
        }
        Ok(Exit::Done)
    }
}

fn public_key(key: Option<PublicKey>, file: Option<PathBuf>) -> Result<Option<PublicKey>, Failure> {
    match (key, file) {
        (None, Some(file)) => {
            let text = read_text(&file)?;
            if text.contains("PRIVATE KEY") {
                let public = format!("{}.pub", file.display());
                return Err(Failure::input(format!(
                    "`{}` is a private key: give the public key, `{public}`",
                    file.display()
                )));
            }
            let key = text.trim().parse().map_err(|e| Failure::input(format!("`{}`: {e}", file.display())))?;
            Ok(Some(key))
        }
        (key, _) => Ok(key),
    }
}

async fn show(config: &Path, officer: &OfficerId, out: Out) -> Result<(), Failure> {
    let views = node_at(config).await?.officer_views().await.map_err(Failure::from)?;
    let view = views.into_iter().find(|v| v.officer == officer.as_str());
    let view = view.ok_or_else(|| Failure::input(format!("no officer `{officer}` is enrolled: see `officer list`")))?;
    out.answer(&view, |text| {
        let _ = writeln!(text, "{} ({}): {}", out.bold(&view.officer), shown(&view.name), view.state);
        if let Some(problem) = &view.problem {
            let _ = writeln!(text, "  {}", shown(problem));
        }
        let _ = writeln!(text, "  roles         {}", view.roles.join(", "));
        let _ = writeln!(text, "  until         {}", until(&view));
        for (key, serial) in view.keys.iter().zip(&view.serials) {
            let _ = writeln!(text, "  key           {key}\n  certificate   {serial}");
        }
        for certificate in &view.certificates {
            text.push_str(certificate);
        }
    });
    Ok(())
}

fn new_key(file: &Path, algorithm: Algorithm, out: Out) -> Result<Exit, Failure> {
    let beside = PathBuf::from(format!("{}.pub", file.display()));
    if beside.symlink_metadata().is_ok() {
        return Err(cannot_write(&beside, std::io::ErrorKind::AlreadyExists.into()));
    }
    // Completes a run that was interrupted between the two files: that key has not been used yet.
    let there = signer_from(file).ok().filter(|there| there.public().algorithm() == algorithm);
    if there.is_none() {
        let pem = crate::cli::input::keys::key_pem(algorithm)?;
        write_secret(file, pem.as_bytes()).map_err(|e| cannot_write(file, e))?;
    }
    let made = there.is_none();
    let public = match there {
        Some(there) => there.public().clone(),
        None => signer_from(file).map_err(Failure::trouble)?.public().clone(),
    };
    if let Err(error) = write_new(&beside, format!("{public}\n").as_bytes()) {
        if made {
            // A private key without its public key is useless, and the next attempt needs the file name.
            let _ = std::fs::remove_file(file).and_then(|()| sync_folder(folder_of(file)));
        }
        return Err(cannot_write(&beside, error));
    }
    let answer = json!({ "file": file, "public_key": public, "fingerprint": public.fingerprint(), "made": made });
    out.answer(&answer, |text| {
        if !made {
            let _ = writeln!(
                text,
                "The private key existed without its public key, which is written now; no new key was made."
            );
        }
        let _ = writeln!(text, "private key  {}   (private: keep it secret)", file.display());
        let _ = writeln!(text, "public key   {}", beside.display());
        let _ = writeln!(text, "fingerprint  {}", public.fingerprint());
    });
    Ok(Exit::Done)
}

async fn list(config: &Path, limit: Limit, out: Out) -> Result<(), Failure> {
    let officers = limit.first(node_at(config).await?.officer_views().await.map_err(Failure::from)?);
    out.answer(&json!({ "officers": officers }), |text| {
        let rows = officers
            .iter()
            .map(|o| vec![o.officer.clone(), o.name.clone(), o.roles.join(", "), o.state.clone(), until(o)]);
        text.push_str(&table(&["officer", "name", "roles", "state", "until"], rows, out));
    });
    Ok(())
}

/// Returns when an officer's certificate ends, or the state of an officer without one.
fn until(officer: &OfficerView) -> String {
    if officer.until.is_empty() { officer.state.clone() } else { officer.until.clone() }
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    let all = [Algorithm::Ed25519, Algorithm::Es384, Algorithm::MlDsa87];
    all.into_iter().find(|a| a.name() == text).ok_or_else(|| "expected `ed25519`, `p384` or `mldsa87`".into())
}
