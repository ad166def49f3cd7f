//! `portcullis change`: changes of policy, agreements, officers and partners, each signed by two officers.

pub(super) mod fingerprints;
pub(super) mod diff;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::output::{Exit, Failure, Out, shown};
use crate::change::{PartName, Proposal};
use crate::cli::change::diff::{Keys, described};
use crate::cli::change::fingerprints::Fingerprints;
use crate::cli::input::arguments::Limit;
use crate::cli::input::files::{cannot_write, read_text};
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::config::{Replacement, write_secret};
use crate::consent::SourceConsent;
use crate::gateway::{ChangeRequest, ChangeView, Node};
use crate::ident::{ConsentId, PartnerId};
use crate::partner::Agreement;
use crate::system::SystemClock;
use crate::time::Clock as _;

/// Change the policy, agreements, officers and partners: two officers sign every change, one of them a senior disclosure officer.
///
/// A change is one file: `propose` writes it, each officer's `sign` adds a signature, and `apply` puts it in force. `officer
/// add`, `officer renew`, `partner add`, `partner update`, `partner resume`, `partner remove`, `clock accept` and `ledger
/// resume` write such a file too. Commands that only narrow what is released (suspend, revoke, refuse, park) need one person
/// and no file.
#[derive(Debug, clap::Subcommand)]
pub enum ChangeCommand {
    Propose(Propose),
    /// Show a change file: every line that differs, and what is missing. Exit status 1 if anything is.
    Show(ChangeFile),
    Sign(Sign),
    /// Put a change in force that two officers have signed, one of them a senior disclosure officer.
    Apply(ChangeFile),
    /// List the changes that took effect, newest first, with who signed them.
    List(Limit),
}

impl ChangeCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if a file cannot be read or the change is refused.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        match self {
            ChangeCommand::Propose(propose) => propose.run(config, out).await,
            ChangeCommand::Show(file) => file.show(config, out).await,
            ChangeCommand::Sign(sign) => sign.run(config, out).await,
            ChangeCommand::Apply(file) => file.apply(config, out).await,
            ChangeCommand::List(limit) => list(config, limit, out).await,
        }
    }
}

/// Propose a change of the policy, agreements or consents: writes a file for officers to sign. Nothing changes yet.
#[derive(Debug, clap::Args)]
pub struct Propose {
    /// A whole policy folder, or single files named as in one (`release.cedar`, `words/NAME.txt`, `register/…`).
    what: Vec<PathBuf>,
    /// Remove this text, such as `words/NAME.txt`; repeat for several.
    #[arg(long)]
    remove: Vec<String>,
    /// A new agreement with an enrolled partner, as `PARTNER=FILE`; repeat for several.
    #[arg(long, value_parser = agreement_file)]
    agreement: Vec<(PartnerId, PathBuf)>,
    /// Accept this new kind of product in an agreement although it is spelled like a known one; repeat for several.
    #[arg(long, value_name = "KIND", requires = "agreement")]
    new_kind: Vec<String>,
    /// A consent of a source to record, as `NAME=FILE`; repeat for several.
    #[arg(long, value_parser = consent_file)]
    consent: Vec<(ConsentId, PathBuf)>,
    #[command(flatten)]
    proposing: Proposing,
}

/// The arguments of every proposal.
#[derive(Debug, clap::Args)]
pub struct Proposing {
    /// The reason, for the officers and the ledger.
    #[arg(long, default_value = "by operator")]
    why: String,
    /// Who proposes it.
    #[arg(long, env = "PORTCULLIS_OFFICER", default_value = "operator")]
    by: String,
    /// How long it can be signed and applied.
    #[arg(long, default_value = "7d", value_parser = crate::cli::input::arguments::duration)]
    expires: Duration,
    /// The change file to create; officers sign it with `change sign`.
    #[arg(long, required = true)]
    out: PathBuf,
}

impl Proposing {
    /// A proposal by the operator with the default lifetime.
    pub(super) fn of(out: PathBuf, why: String) -> Proposing {
        Proposing { why, by: "operator".to_owned(), expires: Duration::from_secs(7 * 86_400), out }
    }

    /// The beginning of a proposal: who proposes it, why, and until when.
    pub(super) fn wanted(&self) -> ChangeRequest {
        ChangeRequest::new(&*self.by, &*self.why, SystemClock.now().plus(self.expires))
    }

    /// The same with a lifetime of at most `most`.
    pub(super) fn within(self, most: Duration) -> Proposing {
        Proposing { expires: self.expires.min(most), ..self }
    }

    /// Writes the proposal to its file, and shows it with the next commands.
    ///
    /// # Errors
    /// [`Failure`] if nothing would change, or the result would be inconsistent.
    pub(super) async fn write(self, node: &Node, wanted: ChangeRequest, out: Out) -> Result<Exit, Failure> {
        let proposal = node.propose(wanted).await.map_err(Failure::from)?;
        write_secret(&self.out, proposal.to_json().as_bytes()).map_err(|e| cannot_write(&self.out, e))?;
        let (shown, fingerprints) = describe(node, &proposal, Keys::for_answer(out)).await?;
        let file = self.out.display().to_string();
        out.answer(
            &json!({
                "file": file, "change": proposal.set.digest(), "set": proposal.set, "diff": shown,
                "fingerprints": fingerprints,
            }),
            |text| {
                text.push_str(&shown);
                let _ = writeln!(text, "\nproposed in {file}; nothing has changed yet");
                let _ =
                    writeln!(text, "next: change sign {file} --key FILE   (two officers, one of them a senior one)");
                let _ = writeln!(text, "      change apply {file}");
            },
        );
        Ok(Exit::Done)
    }
}

/// A change file.
#[derive(Debug, clap::Args)]
pub struct ChangeFile {
    /// The change file.
    change: PathBuf,
}

/// Sign a change as an officer: shows every line that differs, asks, and adds a signature to the file.
#[derive(Debug, clap::Args)]
pub struct Sign {
    /// The change file.
    change: PathBuf,
    /// The officer's private key; repeat for several officers.
    #[arg(long, required = true)]
    key: Vec<PathBuf>,
    /// Sign without asking, for a change that was reviewed by other means.
    #[arg(long)]
    yes: bool,
}

impl Propose {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if a file is invalid, nothing would change, or the result would be inconsistent.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let mut wanted = self.proposing.wanted();
        wanted.new_kinds = self.new_kind.into_iter().collect();
        wanted.texts = self.remove.iter().map(|name| (name.clone(), None)).collect();
        for path in self.what {
            if !path.is_dir() {
                wanted.texts.insert(name_in_folder(&path), Some(read_text(&path)?));
            } else if wanted.folder.replace(path).is_some() {
                return Err(Failure::input("more than one policy folder was given: name one"));
            }
        }
        for (partner, file) in self.agreement {
            let agreement = Agreement::parse(&read_text(&file)?);
            let agreement = agreement.map_err(|e| Failure::input(format!("{}: {e}", file.display())))?;
            wanted.agreements.insert(partner, agreement);
        }
        for (name, file) in self.consent {
            let consent = SourceConsent::parse(&read_text(&file)?);
            let consent = consent.map_err(|e| Failure::input(format!("{}: {e}", file.display())))?;
            wanted.consents.insert(name, consent);
        }
        self.proposing.write(&node_at(config).await?, wanted, out).await
    }
}

impl Sign {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the key or the change cannot be used, or confirmation was not given.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let reviewed = read_change(&self.change)?;
        let signers = self.key.iter().map(|key| signer_at(key)).collect::<Result<Vec<_>, _>>()?;
        let node = node_at(config).await?;
        // Checked first, so that nobody reviews what they may not sign.
        for signer in &signers {
            node.check_consent_of(&reviewed, signer).await.map_err(Failure::from)?;
        }
        if !self.yes {
            let (text, _) = describe(&node, &reviewed, Keys::Shortened).await?;
            crate::cli::input::console::confirm(
                &text,
                "change",
                "--yes for a change that was reviewed by other means",
            )?;
        }
        let (lock, mut proposal) = lock_to_sign(&self.change, &reviewed)?;
        let mut officers = Vec::new();
        for signer in &signers {
            officers.push(node.consent(&mut proposal, signer).await.map_err(Failure::from)?.to_string());
        }
        lock.finish(proposal.to_json().as_bytes()).map_err(|e| cannot_write(&self.change, e))?;
        let missing = node.missing_consents(&proposal).await.map_err(Failure::from)?;
        let answer = json!({
            "change": proposal.set.digest(), "officers": officers, "complete": missing.is_none(), "missing": missing,
        });
        out.answer(&answer, |text| {
            let _ = writeln!(text, "signed change {} by {}", proposal.set.digest(), officers.join(", "));
            match &missing {
                None => {
                    let _ = writeln!(text, "next: change apply {}", self.change.display());
                }
                Some(missing) => {
                    let _ = writeln!(text, "incomplete: {}", shown(missing));
                }
            }
        });
        Ok(Exit::Done)
    }
}

impl ChangeFile {
    /// Shows a change: every line that differs, and whether it can be applied.
    ///
    /// # Errors
    /// [`Failure`] if the change file is invalid.
    pub async fn show(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let proposal = read_change(&self.change)?;
        let node = node_at(config).await?;
        let (diff, fingerprints) = describe(&node, &proposal, Keys::for_answer(out)).await?;
        let missing = node.missing_consents(&proposal).await.map_err(Failure::from)?;
        let answer = json!({
            "change": proposal.set.digest(), "set": proposal.set, "diff": diff, "fingerprints": fingerprints,
            "complete": missing.is_none(), "missing": missing,
        });
        out.answer(&answer, |text| {
            text.push_str(&diff);
            let _ = match &missing {
                None => writeln!(text, "\ncomplete: the required officers have signed"),
                Some(missing) => writeln!(text, "\n{}", shown(missing)),
            };
        });
        Ok(if missing.is_none() { Exit::Done } else { Exit::No })
    }

    /// Puts a change in force.
    ///
    /// # Errors
    /// [`Failure`] if a signature is missing, or the texts in force have changed since it was proposed.
    pub async fn apply(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let proposal = read_change(&self.change)?;
        let applied = node_at(config).await?.apply_change(&proposal).await.map_err(Failure::from)?;
        out.answer(&applied, |text| {
            let _ = writeln!(text, "change {} is in force: {}", applied.serial, applied.change);
            for part in &applied.parts {
                let _ = writeln!(text, "  {}", part.name);
            }
            text.push_str("a running node applies it within two seconds and re-evaluates all queued exchanges\n");
            if applied.parts.iter().any(|part| matches!(part.name, PartName::Partner(_)) && part.before.is_some()) {
                text.push_str("what is queued for a partner's earlier keys is refused until it is approved again\n");
            }
            if let Some(warning) = &applied.warning {
                let _ = writeln!(text, "WARNING: {}", shown(warning));
            }
        });
        Ok(Exit::Done)
    }
}

fn agreement_file(text: &str) -> Result<(PartnerId, PathBuf), String> {
    let (partner, file) = text.split_once('=').ok_or("expected `PARTNER=FILE`")?;
    let partner = partner.parse().map_err(|e: crate::ident::NotAnIdent| e.to_string())?;
    Ok((partner, PathBuf::from(file)))
}

fn consent_file(text: &str) -> Result<(ConsentId, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("expected `NAME=FILE`")?;
    let name = name.parse().map_err(|e: crate::ident::NotAnIdent| e.to_string())?;
    Ok((name, PathBuf::from(file)))
}

/// The name of a file within a policy folder, such as `words/NAME.txt`.
fn name_in_folder(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    match &*folder {
        "words" | "register" => format!("{folder}/{file}"),
        _ => file.into_owned(),
    }
}

pub(super) fn read_change(file: &Path) -> Result<Proposal, Failure> {
    Proposal::parse(&read_text(file)?).map_err(|e| Failure::input(format!("{}: {e}", file.display())))
}

/// Locks a change file for adding a signature, so that none is lost if two officers sign at the same time. Returns the
/// lock and the change as it is now.
///
/// # Errors
/// [`Failure`] if the file cannot be locked, or no longer holds the change that was `reviewed`.
pub(super) fn lock_to_sign(file: &Path, reviewed: &Proposal) -> Result<(Replacement, Proposal), Failure> {
    let lock = Replacement::begin(file, 0o600).map_err(|e| cannot_write(file, e))?;
    let proposal = read_change(file)?;
    if proposal.set.digest() != reviewed.set.digest() {
        let file = file.display();
        return Err(Failure::refused(format!("`{file}` is no longer the change that was shown: nothing was signed")));
    }
    Ok((lock, proposal))
}

/// A change as text: who, why, until when, and every line that differs from what is in force; and the fingerprints of its
/// keys and descriptions.
async fn describe(node: &Node, proposal: &Proposal, keys: Keys) -> Result<(String, Vec<Fingerprints>), Failure> {
    let mut in_force = Vec::new();
    for part in &proposal.set.parts {
        in_force.push(node.text_in_force(&part.name).await.map_err(Failure::from)?);
    }
    Ok((described(proposal, &in_force, keys), Fingerprints::of(proposal, &in_force)))
}

/// Every change that took effect, newest first.
async fn list(config: &Path, limit: Limit, out: Out) -> Result<Exit, Failure> {
    let changes = limit.first(node_at(config).await?.changes_applied(u64::MAX).await.map_err(Failure::from)?);
    out.answer(&json!({ "changes": changes }), |text| write_changes(text, &changes));
    Ok(Exit::Done)
}

/// Writes changes that took effect, one a line.
pub(super) fn write_changes(text: &mut String, changes: &[ChangeView]) {
    for change in changes {
        let what = if change.serial == 0 { "founded".to_owned() } else { format!("change {}", change.serial) };
        let _ =
            writeln!(text, "{}  {what}: {}; by {}", change.when, change.parts.join(", "), change.officers.join(", "));
    }
}
