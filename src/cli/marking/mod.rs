//! `portcullis marking`: checks marks, rolls them up and converts them, as text or JSON lines.

mod label;
pub(super) mod json_lines;

use std::borrow::Cow;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::output::{Failure, Out};
use crate::cli::marking::json_lines::{answer_check, answer_rollup, check_answer, each_line};
use crate::marking::{
    Checked, DocumentDate, Kind, Marking, PortionForRollup, Profile, Register, RegisterFiles, RollupOptions, Rules,
    fault_report, roll_up,
};

/// The exit status for input that could not be parsed.
pub(super) const UNREADABLE: u8 = 2;

/// Check markings, roll them up, and convert them to and from labels.
#[derive(Debug, Args)]
pub struct MarkingArgs {
    #[command(subcommand)]
    command: MarkingCommand,
}

#[derive(Debug, Subcommand)]
enum MarkingCommand {
    /// Check banners and portion marks.
    ///
    /// Reports every fault with its place and a fix. Reads standard input, one mark per line, if no marks are given. With
    /// `--format jsonl`, reads one JSON request per line from standard input instead; every answer is one JSON line.
    Check(CheckArgs),
    /// Roll portion marks up to their banner.
    ///
    /// With `--format jsonl`, reads one JSON request per line from standard input and answers each with one JSON line.
    Rollup(RollupArgs),
    /// Convert a banner to a STANAG 4774 label or a STIX marking definition.
    ///
    /// With `--bind` and `--key`, the label is bound to a file by a signature (STANAG 4778). A banner that the other vocabulary
    /// cannot express exactly is refused, with the reason.
    Label(label::LabelArgs),
    /// Convert a STANAG 4774 label or a STIX marking definition to its banner.
    ///
    /// With `--bound` and `--signer`, accepts only a STANAG 4778 binding of that file, signed by that key.
    Read(label::ReadArgs),
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The marks to check: portion marks in parentheses, or banners.
    marks: Vec<String>,
    /// Check the marks in this file, one per line.
    #[arg(long, conflicts_with = "marks")]
    file: Option<PathBuf>,
    #[command(flatten)]
    context: ContextArgs,
    /// Show, as a diff, the fixes that do not widen release.
    #[arg(long)]
    fix: bool,
    /// Apply the fixes of `--fix` to the file.
    #[arg(long, requires = "fix", requires = "file")]
    write: bool,
}

#[derive(Debug, Args)]
struct RollupArgs {
    /// The portion marks to roll up.
    portions: Vec<String>,
    #[command(flatten)]
    context: ContextArgs,
}

#[derive(Debug, Args)]
pub(super) struct ContextArgs {
    /// The document's date, `YYYY-MM-DD` or `unknown`. Marks whose meaning depends on the date are refused if it is unknown.
    #[arg(long, default_value = "unknown")]
    date: String,
    /// Apply the rules for controlled unclassified information (CUI) instead of the intelligence community's.
    #[arg(long)]
    cui: bool,
    /// The operator's dated changes to the register (JSON).
    #[arg(long, value_name = "FILE")]
    pub(super) overlay: Option<PathBuf>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &MarkingArgs, out: Out) -> ExitCode {
    let outcome = match &args.command {
        MarkingCommand::Check(args) if out.json() => check_lines(args),
        MarkingCommand::Check(args) => check(args, out.colour()),
        MarkingCommand::Rollup(args) if out.json() => rollup_lines(args),
        MarkingCommand::Rollup(args) => rollup(args, out.colour()),
        MarkingCommand::Label(args) => label::label(args, out).map(answered),
        MarkingCommand::Read(args) => label::read(args, out).map(answered),
    };
    outcome.unwrap_or_else(|e| out.failure(&Failure::input(e)))
}

fn answered(yes: bool) -> ExitCode {
    if yes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Loads the shipped register, with the operator's overlay if there is one.
///
/// # Errors
/// If the overlay cannot be read or is not valid.
pub(super) fn register(overlay: Option<&Path>) -> io::Result<Cow<'static, Register>> {
    let Some(path) = overlay else { return Ok(Cow::Borrowed(Register::compiled_in())) };
    let text = fs::read_to_string(path)?;
    let files = RegisterFiles { overlay: Some(&text), ..RegisterFiles::shipped() };
    Register::load(&files)
        .map(Cow::Owned)
        .map_err(|faults| io::Error::other(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

fn check_lines(args: &CheckArgs) -> io::Result<ExitCode> {
    let text = match &args.file {
        Some(path) => fs::read_to_string(path)?,
        None if args.marks.is_empty() => return jsonl(&args.context, answer_check),
        None => args.marks.join("\n"),
    };
    let register = register(args.context.overlay.as_deref())?;
    let rules = rules_for(&register, &args.context)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut refused = false;
    for (number, mark) in text.lines().enumerate().filter(|(_, mark)| !mark.is_empty()) {
        let kind = kind_of(mark);
        let checked = rules.check(mark, kind, None);
        refused |= !checked.is_valid();
        let remedies = rules.remedies(mark, kind, None, &checked);
        serde_json::to_writer(&mut out, &check_answer((number + 1).into(), kind, checked, remedies))?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn rollup_lines(args: &RollupArgs) -> io::Result<ExitCode> {
    if args.portions.is_empty() {
        return jsonl(&args.context, answer_rollup);
    }
    Err(io::Error::other(
        "with a JSON format, `marking rollup` takes no arguments: write JSON requests to standard input",
    ))
}

/// Returns the kind of a mark: a portion mark starts with a parenthesis.
fn kind_of(mark: &str) -> Kind {
    if mark.trim_start().starts_with('(') { Kind::Portion } else { Kind::Banner }
}

fn jsonl<T, A>(context: &ContextArgs, answer: impl Fn(&Register, T) -> A) -> io::Result<ExitCode>
where
    T: for<'l> Deserialize<'l>,
    A: Serialize,
{
    let register = register(context.overlay.as_deref())?;
    each_line(|request| answer(&register, request))
}

/// Returns the rules for the date and the profile on the command line.
///
/// # Errors
/// If the date cannot be parsed.
pub(super) fn rules_for<'r>(register: &'r Register, context: &ContextArgs) -> io::Result<Rules<'r>> {
    let date = match context.date.as_str() {
        "unknown" => DocumentDate::Unknown,
        day => DocumentDate::Known(
            day.parse::<Date>()
                .map_err(|e| io::Error::other(format!("`{day}` is not a date: {e}; write YYYY-MM-DD or `unknown`")))?,
        ),
    };
    let profile = if context.cui { Profile::Cui } else { Profile::Ic };
    Ok(Rules::new(register, date).with_profile(profile))
}

fn check(args: &CheckArgs, colour: bool) -> io::Result<ExitCode> {
    let register = register(args.context.overlay.as_deref())?;
    let rules = rules_for(&register, &args.context)?;
    let (name, text) = match &args.file {
        Some(path) => (path.display().to_string(), fs::read_to_string(path)?),
        None if args.marks.is_empty() => ("standard input".to_owned(), io::read_to_string(io::stdin())?),
        None => ("argument".to_owned(), args.marks.join("\n")),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut fixed = String::with_capacity(text.len());
    let mut banner: Option<Marking> = None;
    let (mut refused, mut repaired) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let mark = line.trim_end_matches(['\n', '\r']);
        let ending = &line[mark.len()..];
        if mark.is_empty() {
            fixed.push_str(line);
            continue;
        }
        let kind = kind_of(mark);
        let checked = rules.check(mark, kind, banner.as_ref());
        if !checked.diagnostics.is_empty() {
            let source = fault_report::Source { name: &name, line: number + 1, text: mark };
            write!(out, "{}", fault_report::render(&source, &checked.diagnostics, colour))?;
            let remedies = rules.remedies(mark, kind, banner.as_ref(), &checked);
            write!(out, "{}", fault_report::remedies(&remedies, colour))?;
        }
        let replacement = fix_of(&checked);
        if !checked.is_valid() {
            refused += 1;
        }
        if args.fix
            && let Some(replacement) = &replacement
        {
            repaired += 1;
            write!(out, "{}", fault_report::diff(&name, number + 1, mark, replacement, colour))?;
        }
        fixed.push_str(replacement.as_deref().unwrap_or(mark));
        fixed.push_str(ending);
        if kind == Kind::Banner {
            banner = checked.marking.or_else(|| replacement.and_then(|r| rules.parse_banner(&r).ok()));
        }
    }
    if let (true, Some(path)) = (args.write && repaired > 0, &args.file) {
        replace(path, &fixed)?;
        writeln!(out, "wrote {repaired} fixes; none of them lowers a level or adds a country")?;
        refused -= repaired;
    } else if args.fix && args.file.is_some() && repaired > 0 {
        writeln!(out, "{repaired} fixes shown; add --write to apply them")?;
    }
    out.flush()?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the safe replacement for a refused mark, if there is one.
fn fix_of(checked: &Checked) -> Option<String> {
    checked.diagnostics.iter().find_map(|d| d.fix.as_ref()).map(|f| f.replacement.clone())
}

/// Replaces the file atomically and keeps its permissions.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    // A symbolic link is followed: its target is replaced, and it stays a link.
    let path = path.canonicalize()?;
    let mode = path.metadata()?.permissions().mode() & 0o777;
    crate::config::replace_file(&path, text.as_bytes(), mode)
}

fn rollup(args: &RollupArgs, colour: bool) -> io::Result<ExitCode> {
    let register = register(args.context.overlay.as_deref())?;
    let rules = rules_for(&register, &args.context)?;
    let mut portions = Vec::new();
    for (number, mark) in args.portions.iter().enumerate() {
        match rules.parse_portion(mark, None) {
            Ok(marking) => portions.push(marking),
            Err(rejected) => {
                let source = fault_report::Source { name: "argument", line: number + 1, text: mark };
                print!("{}", fault_report::render(&source, &rejected.diagnostics, colour));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    let parts: Vec<PortionForRollup<'_>> = portions.iter().map(Into::into).collect();
    match roll_up(&rules, &parts, RollupOptions::default()) {
        Ok(banner) => {
            println!("{banner}");
            Ok(ExitCode::SUCCESS)
        }
        Err(e) => {
            println!("error: {e}");
            Ok(ExitCode::FAILURE)
        }
    }
}
