//! `portcullis marking label` and `marking read`: convert markings to and from STANAG 4774 labels and STIX 2.1 marking
//! definitions, alone or bound to a file by a STANAG 4778 signature.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::marking::{ContextArgs, register, rules_for};
use crate::cli::output::Out;
use crate::config::signer_from;
use crate::marking::stanag4774::{read_label, write_label};
use crate::marking::stanag4778::{read_binding, write_binding};
use crate::marking::stix::{StixMarking, read_definition, statement_definition};
use crate::marking::{Rules, fault_report};
use crate::sign::PublicKey;
use crate::system::SystemClock;
use crate::time::{Clock as _, Time};

/// The vocabularies that a marking can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Vocabulary {
    /// A STANAG 4774 (ADatP-4774) originator confidentiality label.
    Stanag4774,
    /// A STIX 2.1 marking definition with a statement.
    Stix,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LabelArgs {
    /// The banner to write as a label.
    banner: String,
    /// The vocabulary to convert to.
    #[arg(long = "as", value_enum, default_value = "stanag4774")]
    vocabulary: Vocabulary,
    /// Bind the label to this file (STANAG 4778): the signature covers both.
    #[arg(long, value_name = "FILE", requires = "key")]
    bind: Option<PathBuf>,
    /// URI of the bound file.
    #[arg(long, default_value = "cid:product")]
    uri: String,
    /// The P-384 key (PKCS #8 PEM) that signs the binding.
    #[arg(long, value_name = "FILE", requires = "bind")]
    key: Option<PathBuf>,
    /// The label's creation time (RFC 3339); now by default.
    #[arg(long, value_name = "TIME")]
    created: Option<Time>,
    #[command(flatten)]
    context: ContextArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReadArgs {
    /// A label, a binding or a marking definition.
    file: PathBuf,
    /// The file that the label must be bound to.
    #[arg(long, value_name = "FILE", requires = "signer")]
    bound: Option<PathBuf>,
    /// URI of the bound file.
    #[arg(long, default_value = "cid:product")]
    uri: String,
    /// The public key that must have signed the binding, `p384:...`.
    #[arg(long, value_name = "KEY", requires = "bound")]
    signer: Option<PublicKey>,
    #[command(flatten)]
    context: ContextArgs,
}

/// Prints the label of a banner. `Ok(false)` if the banner is not valid or cannot be expressed in the vocabulary.
///
/// # Errors
/// If a file or the key cannot be read, or the options do not fit together.
pub(in crate::cli) fn label(args: &LabelArgs, out: Out) -> io::Result<bool> {
    let register = register(args.context.overlay.as_deref())?;
    let rules = rules_for(&register, &args.context)?;
    let marking = match rules.parse_banner(&args.banner) {
        Ok(marking) => marking,
        Err(rejected) => {
            let source = fault_report::Source { name: "argument", line: 1, text: &args.banner };
            eprint!("{}", fault_report::render(&source, &rejected.diagnostics, out.colour()));
            return Ok(false);
        }
    };
    let created = args.created.unwrap_or_else(|| SystemClock.now()).to_string();
    if args.vocabulary == Vocabulary::Stix {
        if args.bind.is_some() {
            return Err(io::Error::other("a STIX marking definition is not bound to a file; leave out --bind"));
        }
        let id = uuid::Builder::from_random_bytes(crate::system::entropy()).into_uuid().to_string();
        println!("{:#}", statement_definition(&marking, &id, &created));
        return Ok(true);
    }
    let label = match write_label(&marking, &created) {
        Ok(label) => label,
        Err(refused) => return Ok(refuse(&refused)),
    };
    let (Some(file), Some(key)) = (&args.bind, &args.key) else {
        println!("{label}");
        return Ok(true);
    };
    let key = signer_from(key).map_err(io::Error::other)?;
    match write_binding(&label, &args.uri, &fs::read(file)?, &key) {
        Ok(binding) => println!("{binding}"),
        Err(refused) => return Ok(refuse(&refused)),
    }
    Ok(true)
}

/// Parses a label and prints its banner. `Ok(false)` if the label is not valid.
///
/// # Errors
/// If a file cannot be read.
pub(in crate::cli) fn read(args: &ReadArgs, out: Out) -> io::Result<bool> {
    let register = register(args.context.overlay.as_deref())?;
    let rules = rules_for(&register, &args.context)?;
    let text = fs::read_to_string(&args.file)?;
    let found = match &args.signer {
        Some(signer) => bound(args, &rules, &text, signer)?,
        None if text.trim_start().starts_with('{') => definition(&rules, &text)?,
        None => read_label(&rules, &text).map(|m| m.banner()).map_err(|e| e.to_string()),
    };
    match found {
        Ok(banner) if out.json() => println!("{}", json!({ "banner": banner, "bound": args.bound.is_some() })),
        Ok(banner) => println!("{banner}"),
        Err(refused) => return Ok(refuse(&refused)),
    }
    Ok(true)
}

fn bound(args: &ReadArgs, rules: &Rules<'_>, text: &str, signer: &PublicKey) -> io::Result<Result<String, String>> {
    let Some(file) = &args.bound else { return Err(io::Error::other("--signer needs --bound")) };
    let bytes = fs::read(file)?;
    Ok(read_binding(rules, text, &args.uri, &bytes, signer).map(|m| m.banner()).map_err(|e| e.to_string()))
}

fn definition(rules: &Rules<'_>, text: &str) -> io::Result<Result<String, String>> {
    let object = serde_json::from_str(text)?;
    Ok(match read_definition(rules, &object) {
        Ok(StixMarking::Marking(marking)) => Ok(marking.banner()),
        Ok(StixMarking::Tlp(tlp)) => Err(format!(
            "TLP:{} limits sharing but states no classification: it is not a marking",
            tlp.as_str().to_ascii_uppercase()
        )),
        Ok(StixMarking::Statement(_)) => {
            Err("a free-text statement is not a marking: read it and mark manually".into())
        }
        Err(refused) => Err(refused.to_string()),
    })
}

fn refuse(why: &impl std::fmt::Display) -> bool {
    eprintln!("refused: {why}");
    false
}
