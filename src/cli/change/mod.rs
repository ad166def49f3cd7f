//! `portcullis change`: changes of policy, agreements, officers and partners, each signed by two officers.

pub(super) mod fingerprints;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use similar::TextDiff;

use super::output::{Exit, Failure, Out, grouped, shown};
use crate::approval::VerificationContext;
use crate::change::{self, PartName, Proposal};
use crate::cli::change::fingerprints::Prints;
use crate::cli::input::arguments::Limit;
use crate::cli::input::files::{cannot_write, read_text};
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::config::{Replacement, write_secret};
use crate::consent::SourceConsent;
use crate::gateway::{ChangeView, Node, Wanted};
use crate::ident::{ConsentId, PartnerId};
use crate::partner::Agreement;
use crate::system::SystemClock;
use crate::time::Clock as _;

/// Change what releases are decided by, and who decides: two officers sign every change, one of them a senior one.
///
/// A change is one file that is passed round: `propose` writes it, each officer's `sign` adds a signature, `apply` puts
/// it in force. `officer add`, `officer renew`, `partner add`, `partner update`, `partner resume`, `partner remove`, `clock
/// accept` and `ledger resume` write such a file too. What only narrows (suspend, revoke, refuse, park) takes one person and
/// no file.
#[derive(Debug, clap::Subcommand)]
pub enum ChangeCommand {
    Propose(Propose),
    /// Show a change file: every line that differs, and what it still lacks. Exit status 1 if it lacks anything.
    Show(ChangeFile),
    Sign(Sign),
    /// Put a change in force that two officers have signed, one of them a senior disclosure officer.
    Apply(ChangeFile),
    /// List the changes that took effect, newest first: what they changed, and who consented.
    List(Limit),
}

impl ChangeCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] says what was refused or could not be read.
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

/// Propose a change of the policy or of agreements: writes a file for officers to sign. Nothing changes yet.
#[derive(Debug, clap::Args)]
pub struct Propose {
    /// A whole policy folder, or single files named as in one (`release.cedar`, `words/NAME.txt`, `register/…`).
    what: Vec<PathBuf>,
    /// Leave this text out, such as `words/NAME.txt`; repeat for several.
    #[arg(long)]
    remove: Vec<String>,
    /// A new agreement with an enrolled partner, as `PARTNER=FILE`; repeat for several.
    #[arg(long, value_parser = agreement_file)]
    agreement: Vec<(PartnerId, PathBuf)>,
    /// A kind of product in an agreement that is new, although it is spelled like another; repeat for several.
    #[arg(long, value_name = "KIND", requires = "agreement")]
    new_kind: Vec<String>,
    /// A consent of a source to put on record, as `NAME=FILE`; repeat for several.
    #[arg(long, value_parser = consent_file)]
    consent: Vec<(ConsentId, PathBuf)>,
    #[command(flatten)]
    proposing: Proposing,
}

/// What every proposal says of itself, and where it is written.
#[derive(Debug, clap::Args)]
pub struct Proposing {
    /// Why, for the officers and the ledger.
    #[arg(long, default_value = "by operator")]
    why: String,
    /// Who proposes it.
    #[arg(long, env = "PORTCULLIS_OFFICER", default_value = "operator")]
    by: String,
    /// For how long it may be signed and applied.
    #[arg(long, default_value = "7d", value_parser = crate::cli::input::arguments::duration)]
    expires: Duration,
    /// The change file to make; officers sign it with `change sign`.
    #[arg(long, required = true)]
    out: PathBuf,
}

impl Proposing {
    /// A proposal of the operator's for the usual time.
    pub(super) fn of(out: PathBuf, why: String) -> Proposing {
        Proposing { why, by: "operator".to_owned(), expires: Duration::from_secs(7 * 86_400), out }
    }

    /// Nothing yet, by whom and why it is wanted.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted::new(&*self.by, &*self.why, SystemClock.now().plus(self.expires))
    }

    /// The same, ending after `most` at the latest.
    pub(super) fn within(self, most: Duration) -> Proposing {
        Proposing { expires: self.expires.min(most), ..self }
    }

    /// Writes the proposal of what is wanted, shows it, and says what comes next.
    ///
    /// # Errors
    /// [`Failure`] if nothing would change, or what would be in force does not hold together.
    pub(super) async fn write(self, node: &Node, wanted: Wanted, out: Out) -> Result<Exit, Failure> {
        let proposal = node.propose(wanted).await.map_err(Failure::from)?;
        write_secret(&self.out, proposal.to_json().as_bytes()).map_err(|e| cannot_write(&self.out, e))?;
        let (shown, prints) = describe(node, &proposal).await?;
        let file = self.out.display().to_string();
        out.answer(
            &json!({
                "file": file, "change": proposal.set.digest(), "set": proposal.set, "diff": shown,
                "fingerprints": prints,
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

/// Consent to a change as an officer: shows every line that differs, asks, and adds a signature to the file.
#[derive(Debug, clap::Args)]
pub struct Sign {
    /// The change file.
    change: PathBuf,
    /// The officer's private key; repeat for several officers who sit together.
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
    /// [`Failure`] if a file is invalid, nothing would change, or what would be in force does not hold together.
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
            let (text, _) = describe(&node, &reviewed).await?;
            crate::cli::input::console::confirm(
                &text,
                "change",
                "--yes for a change that was reviewed by other means",
            )?;
        }
        let (turn, mut proposal) = turn_to_sign(&self.change, &reviewed)?;
        let mut officers = Vec::new();
        for signer in &signers {
            officers.push(node.consent(&mut proposal, signer).await.map_err(Failure::from)?.to_string());
        }
        turn.finish(proposal.to_json().as_bytes()).map_err(|e| cannot_write(&self.change, e))?;
        let missing = missing(&node, &proposal).await?;
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
                    let _ = writeln!(text, "not enough yet: {}", shown(missing));
                }
            }
        });
        Ok(Exit::Done)
    }
}

impl ChangeFile {
    /// Shows a change: every line that differs, and whether it could be applied.
    ///
    /// # Errors
    /// [`Failure`] if the change file is invalid.
    pub async fn show(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let proposal = read_change(&self.change)?;
        let node = node_at(config).await?;
        let (diff, prints) = describe(&node, &proposal).await?;
        let missing = missing(&node, &proposal).await?;
        let answer = json!({
            "change": proposal.set.digest(), "set": proposal.set, "diff": diff, "fingerprints": prints,
            "complete": missing.is_none(), "missing": missing,
        });
        out.answer(&answer, |text| {
            text.push_str(&diff);
            let _ = match &missing {
                None => writeln!(text, "\nthe officers it takes have consented"),
                Some(missing) => writeln!(text, "\n{}", shown(missing)),
            };
        });
        Ok(if missing.is_none() { Exit::Done } else { Exit::No })
    }

    /// Puts a change in force.
    ///
    /// # Errors
    /// [`Failure`] if a consent is missing, or it was made against other texts than are in force.
    pub async fn apply(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let proposal = read_change(&self.change)?;
        let applied = node_at(config).await?.apply_change(&proposal).await.map_err(Failure::from)?;
        out.answer(&applied, |text| {
            let _ = writeln!(text, "change {} is in force: {}", applied.serial, applied.change);
            for part in &applied.parts {
                let _ = writeln!(text, "  {}", part.name);
            }
            text.push_str("a running node takes it up within two seconds and decides anew on everything queued\n");
            if applied.parts.iter().any(|part| matches!(part.name, PartName::Partner(_)) && part.before.is_some()) {
                text.push_str("what is queued for a partner's earlier keys is refused until it is approved anew\n");
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

/// The name that a file has in a policy folder, by its own name and that of the folder it lies in.
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

/// Takes the turn at signing a change file, so that no signature is lost when two officers sign at the same time: the
/// change as the file has it now, which must be the one that was `reviewed`.
pub(super) fn turn_to_sign(file: &Path, reviewed: &Proposal) -> Result<(Replacement, Proposal), Failure> {
    let turn = Replacement::begin(file, 0o600).map_err(|e| cannot_write(file, e))?;
    let proposal = read_change(file)?;
    if proposal.set.digest() != reviewed.set.digest() {
        let file = file.display();
        return Err(Failure::refused(format!("`{file}` is another change now than the one shown: nothing was signed")));
    }
    Ok((turn, proposal))
}

/// What the change still lacks; `None` if nothing.
async fn missing(node: &Node, proposal: &Proposal) -> Result<Option<String>, Failure> {
    let officers = node.officers().await.map_err(Failure::from)?;
    let here = VerificationContext { instance: node.instance(), officers: &officers, now: node.now() };
    Ok(change::authorise(proposal, &here).err().map(|not| not.to_string()))
}

/// A change for a person: who, why, until when, and every line that differs from what is in force; with the fingerprints
/// of its keys and descriptions.
async fn describe(node: &Node, proposal: &Proposal) -> Result<(String, Vec<Prints>), Failure> {
    let mut in_force = Vec::new();
    for part in &proposal.set.parts {
        in_force.push(node.text_in_force(&part.name).await.map_err(Failure::from)?);
    }
    Ok((described(proposal, &in_force), Prints::of(proposal, &in_force)))
}

/// The same, given the text in force of each part.
pub(super) fn described(proposal: &Proposal, in_force: &[Option<String>]) -> String {
    let set = &proposal.set;
    let mut text = String::new();
    let what = if set.serial == 0 { "founding" } else { "change" };
    let _ = writeln!(text, "{what} {} of {}, number {}", set.digest(), set.node, set.serial);
    let _ = writeln!(text, "  ledger key   {}", grouped(&set.instance.to_string()));
    let _ = writeln!(text, "  proposed by  {}", shown(&set.proposed_by));
    let _ = writeln!(text, "  why          {}", shown(&set.why));
    let _ = writeln!(text, "  expires      {}", set.expires());
    for (part, before) in set.parts.iter().zip(in_force) {
        let after = proposal.text(&part.name);
        let verb = match (before, after) {
            (None, _) => "adds",
            (_, None) => "removes",
            _ => "changes",
        };
        let digest = |digest: Option<crate::digest::Digest>| digest.map_or("none".to_owned(), |d| d.to_string());
        let _ = writeln!(text, "\n{verb} {}\n  from {}\n  to   {}", part.name, digest(part.before), digest(part.after));
        if let Some(prints) = Prints::of_part(proposal, &part.name, before.as_deref()) {
            prints.tell(&mut text);
        }
        if proposal.fits(part, before.as_deref()).is_err() {
            let _ = writeln!(text, "  not proposed against what is in force now: it cannot be applied");
        }
        diff(&mut text, &part.name, before.as_deref().unwrap_or_default(), after.unwrap_or_default());
    }
    text
}

/// Every change that took effect, newest first.
async fn list(config: &Path, limit: Limit, out: Out) -> Result<Exit, Failure> {
    let changes = limit.first(node_at(config).await?.changes_applied(u64::MAX).await.map_err(Failure::from)?);
    out.answer(&json!({ "changes": changes }), |text| tell_changes(text, &changes));
    Ok(Exit::Done)
}

/// Changes that took effect, one a line.
pub(super) fn tell_changes(text: &mut String, changes: &[ChangeView]) {
    for change in changes {
        let what = if change.serial == 0 { "founded".to_owned() } else { format!("change {}", change.serial) };
        let _ =
            writeln!(text, "{}  {what}: {}; by {}", change.when, change.parts.join(", "), change.officers.join(", "));
    }
}

/// The lines that differ, three around each place, with nothing hidden in them.
fn diff(text: &mut String, name: &PartName, before: &str, after: &str) {
    let found = TextDiff::from_lines(before, after);
    let lines = found
        .unified_diff()
        .context_radius(3)
        .header(&format!("{name} in force"), &format!("{name} proposed"))
        .to_string();
    for line in lines.lines() {
        let _ = writeln!(text, "  {}", shown(line));
    }
}
