//! `portcullis found`: enrols the first officers of a node together.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::change::{self, Proposal};
use crate::cli::change::diff::{Keys, described};
use crate::cli::change::fingerprints::Fingerprints;
use crate::cli::change::{lock_to_sign, read_change};
use crate::cli::input::files::{cannot_write, read_text};
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::config::write_secret;
use crate::gateway::{AppointmentRequest, Node, sign_founding, signer_of_founding};
use crate::sign::PublicKey;
use crate::system::{SystemClock, entropy};
use crate::time::Clock as _;

/// Found a new node by enrolling its first officers: at least two who may approve, one of them a senior disclosure officer.
///
/// Before it is founded, a node enrols nobody and releases nothing. The founding document is one file: `propose` writes it,
/// each officer whom it names signs it with their own key, and `apply` records it, once in the node's life. From then on two
/// officers sign every change that grants or widens a right: see `portcullis change`.
#[derive(Debug, clap::Subcommand)]
pub enum FoundCommand {
    /// Write the founding document, for every officer whom it names to sign. Nothing changes yet.
    Propose {
        /// An officer, as `id=NAME,name=FULL NAME,role=ROLE,key-file=FILE.pub`; repeat `role=` for several roles, and the
        /// option for each officer. Originators, who only submit, may be among them.
        #[arg(long, required = true, value_parser = officer)]
        officer: Vec<Named>,
        /// Who proposes it.
        #[arg(long, default_value = "operator")]
        by: String,
        /// How long it can be signed and applied.
        #[arg(long, default_value = "7d", value_parser = crate::cli::input::arguments::duration)]
        expires: Duration,
        /// The file to create.
        #[arg(long)]
        out: PathBuf,
    },
    /// Show the founding document and the missing signatures. Exit status 1 if any is missing. Needs no node.
    Show {
        /// The founding document.
        founding: PathBuf,
    },
    /// Sign the founding document with an officer's own key. Needs no node, so each officer can sign on their own machine.
    Sign {
        /// The founding document.
        founding: PathBuf,
        /// The officer's private key; repeat for several officers.
        #[arg(long, required = true)]
        key: Vec<PathBuf>,
        /// Sign without asking, for a document that was reviewed by other means.
        #[arg(long)]
        yes: bool,
    },
    /// Found the node, once every officer has signed.
    Apply {
        /// The founding document.
        founding: PathBuf,
    },
}

/// A first officer, as given on the command line.
#[derive(Clone, Debug)]
pub struct Named {
    appoint: AppointmentRequest,
    key_file: PathBuf,
}

impl FoundCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] says what was refused or could not be read.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        match self {
            FoundCommand::Propose { officer, by, expires, out: file } => {
                let expires = SystemClock.now().plus(expires);
                propose(&node_at(config).await?, officer, &by, expires, &file, out).await
            }
            FoundCommand::Show { founding } => show(&founding, out),
            FoundCommand::Sign { founding, key, yes } => sign(&founding, &key, yes, out),
            FoundCommand::Apply { founding } => apply(&node_at(config).await?, &founding, out).await,
        }
    }
}

async fn propose(
    node: &Node,
    officers: Vec<Named>,
    by: &str,
    expires: crate::time::Time,
    file: &Path,
    out: Out,
) -> Result<Exit, Failure> {
    let mut appointments = Vec::new();
    for Named { mut appoint, key_file } in officers {
        let key = read_text(&key_file)?.trim().parse::<PublicKey>();
        appoint.key = Some(key.map_err(|e| Failure::input(format!("`{}`: {e}", key_file.display())))?);
        appointments.push(appoint);
    }
    let founding = node.propose_founding(&appointments, by, expires).await.map_err(Failure::from)?;
    write_secret(file, founding.to_json().as_bytes()).map_err(|e| cannot_write(file, e))?;
    let fingerprints = Fingerprints::of(&founding, &nothing_before(&founding));
    let answer =
        json!({ "file": file, "founding": founding.set.digest(), "set": founding.set, "fingerprints": fingerprints });
    out.answer(&answer, |text| {
        text.push_str(&described(&founding, &nothing_before(&founding), Keys::Shortened));
        let file = file.display();
        let _ = writeln!(text, "\nproposed in {file}; nothing has changed yet");
        let _ =
            writeln!(text, "next: found sign {file} --key FILE   (every officer whom it names, with their own key)");
        let _ = writeln!(text, "      found apply {file}");
    });
    Ok(Exit::Done)
}

fn show(file: &Path, out: Out) -> Result<Exit, Failure> {
    let founding = read_change(file)?;
    let missing = missing(&founding);
    let said = described(&founding, &nothing_before(&founding), Keys::for_answer(out));
    let fingerprints = Fingerprints::of(&founding, &nothing_before(&founding));
    let answer = json!({
        "founding": founding.set.digest(), "set": founding.set, "text": said, "fingerprints": fingerprints,
        "complete": missing.is_none(), "missing": missing,
    });
    out.answer(&answer, |text| {
        text.push_str(&said);
        let _ = match &missing {
            None => writeln!(text, "\nevery officer whom it names has signed"),
            Some(missing) => writeln!(text, "\n{}", shown(missing)),
        };
    });
    Ok(if missing.is_none() { Exit::Done } else { Exit::No })
}

fn sign(file: &Path, keys: &[PathBuf], yes: bool, out: Out) -> Result<Exit, Failure> {
    let reviewed = read_change(file)?;
    let signers = keys.iter().map(|key| signer_at(key)).collect::<Result<Vec<_>, _>>()?;
    // Checked first, so that nobody reviews what they may not sign.
    for signer in &signers {
        signer_of_founding(&reviewed, signer).map_err(Failure::from)?;
    }
    if !yes {
        let text = described(&reviewed, &nothing_before(&reviewed), Keys::Shortened);
        crate::cli::input::console::confirm(
            &text,
            "founding",
            "--yes for a founding that was reviewed by other means",
        )?;
    }
    let (lock, mut founding) = lock_to_sign(file, &reviewed)?;
    let mut officers = Vec::new();
    for signer in &signers {
        let signed = sign_founding(&mut founding, signer, SystemClock.now(), entropy()).map_err(Failure::from)?;
        officers.push(signed.to_string());
    }
    lock.finish(founding.to_json().as_bytes()).map_err(|e| cannot_write(file, e))?;
    let missing = missing(&founding);
    let answer = json!({
        "founding": founding.set.digest(), "officers": officers, "complete": missing.is_none(), "missing": missing,
    });
    out.answer(&answer, |text| {
        let _ = writeln!(text, "signed founding {} by {}", founding.set.digest(), officers.join(", "));
        let _ = match &missing {
            None => writeln!(text, "next: found apply {}", file.display()),
            Some(missing) => writeln!(text, "incomplete: {}", shown(missing)),
        };
    });
    Ok(Exit::Done)
}

async fn apply(node: &Node, file: &Path, out: Out) -> Result<Exit, Failure> {
    let applied = node.found(&read_change(file)?).await.map_err(Failure::from)?;
    out.answer(&applied, |text| {
        let officers: Vec<String> = applied.officers.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "founded by {}: {}", officers.join(", "), applied.change);
        text.push_str(
            "from now on two officers sign every change that grants or widens a right: see `portcullis change`\n",
        );
    });
    Ok(Exit::Done)
}

/// The text in force of each part of a founding: always none.
fn nothing_before(founding: &Proposal) -> Vec<Option<String>> {
    vec![None; founding.set.parts.len()]
}

/// What is missing before the founding can be applied; `None` if nothing.
fn missing(founding: &Proposal) -> Option<String> {
    // There may be no node here, so the node that the document names is assumed; `found apply` checks it.
    change::found(founding, founding.set.instance, SystemClock.now()).err().map(|not| not.to_string())
}

fn officer(text: &str) -> Result<Named, String> {
    let (mut id, mut name, mut roles, mut key_file) = (None, None, BTreeSet::new(), None);
    for field in text.split(',') {
        let wrong = || format!("`{field}`: expected `id=`, `name=`, `role=` or `key-file=` and a value");
        let (key, value) = field.trim().split_once('=').ok_or_else(wrong)?;
        match key {
            "id" => id = Some(value.parse().map_err(|e: crate::ident::NotAnIdent| e.to_string())?),
            "name" => name = Some(value.to_owned()),
            "role" => {
                roles.insert(value.parse().map_err(|e: crate::approval::UnknownRole| e.to_string())?);
            }
            "key-file" => key_file = Some(PathBuf::from(value)),
            _ => return Err(wrong()),
        }
    }
    let (Some(officer), Some(name), Some(key_file)) = (id, name, key_file) else {
        return Err("expected `id=NAME,name=FULL NAME,role=ROLE,key-file=FILE.pub`".into());
    };
    let (key, keep_keys, lifetime, declared) = (None, false, None, None);
    let appoint =
        AppointmentRequest { officer, name: Some(name), roles: Some(roles), key, keep_keys, lifetime, declared };
    Ok(Named { appoint, key_file })
}
