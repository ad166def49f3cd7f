//! `portcullis marking`: check marks and roll them up, for people and as JSON lines.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use crate::marking::{
    Checked, Config, DocumentDate, Expansion, Kind, Marking, Parsed, PortionForRollup, Profile, Register,
    RegisterFiles, RollupError, RollupOptions, Rules, Severity, UnclassifiedPolicy, render, roll_up,
};

/// Exit status for input that could not be read.
const UNREADABLE: u8 = 2;
/// The longest line of JSON that is read, in bytes.
const LINE_LEN_MAX: u64 = 4 * 1024 * 1024;

/// The document date that a request without `as_of` means.
pub(super) const DEFAULT_DATE: DocumentDate = DocumentDate::Known(date(2022, 12, 1));

/// Check markings and roll them up.
#[derive(Debug, Args)]
pub struct MarkingArgs {
    #[command(subcommand)]
    command: MarkingCommand,
}

#[derive(Debug, Subcommand)]
enum MarkingCommand {
    /// Check banners and portion marks, and say exactly what is wrong with them.
    Check(CheckArgs),
    /// Roll portion marks up to their banner.
    Rollup(RollupArgs),
}

/// How to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON request a line on standard input, one JSON answer a line on standard output.
    Jsonl,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The marks to check: a portion mark in parentheses, or a banner.
    marks: Vec<String>,
    /// Check the marks in this file, one a line.
    #[arg(long, conflicts_with = "marks")]
    file: Option<PathBuf>,
    /// How to read and answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    context: ContextArgs,
    /// Show, as a diff, what can be put right without widening release.
    #[arg(long)]
    fix: bool,
    /// Write the fixes of `--fix` into the file.
    #[arg(long, requires = "fix", requires = "file")]
    write: bool,
}

#[derive(Debug, Args)]
struct RollupArgs {
    /// The portion marks to roll up.
    portions: Vec<String>,
    /// How to read and answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    context: ContextArgs,
}

#[derive(Debug, Args)]
struct ContextArgs {
    /// The document's date, `YYYY-MM-DD` or `unknown`. What needs a date is refused when it is unknown.
    #[arg(long, default_value = "unknown")]
    date: String,
    /// Judge by the CUI profile instead of the intelligence community's.
    #[arg(long)]
    cui: bool,
    /// The operator's dated changes to the register.
    #[arg(long, value_name = "FILE")]
    overlay: Option<PathBuf>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &MarkingArgs) -> ExitCode {
    let outcome = match &args.command {
        MarkingCommand::Check(args) if args.format == Format::Jsonl => jsonl(&args.context, answer_check),
        MarkingCommand::Check(args) => check(args),
        MarkingCommand::Rollup(args) if args.format == Format::Jsonl => jsonl(&args.context, answer_rollup),
        MarkingCommand::Rollup(args) => rollup(args),
    };
    outcome.unwrap_or_else(|e| {
        eprintln!("error: {e}");
        ExitCode::from(UNREADABLE)
    })
}

/// Reads the register with the operator's overlay, or the shipped one.
pub(super) fn register(overlay: Option<&Path>) -> io::Result<Cow<'static, Register>> {
    let Some(path) = overlay else { return Ok(Cow::Borrowed(Register::compiled_in())) };
    let text = fs::read_to_string(path)?;
    let files = RegisterFiles { overlay: Some(&text), ..RegisterFiles::shipped() };
    Register::load(&files)
        .map(Cow::Owned)
        .map_err(|faults| io::Error::other(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// Answers each line of standard input with one line of standard output. A line that cannot be read gets no answer,
/// is named on standard error, and makes the exit status 2; the lines behind it are still answered.
pub(super) fn each_line<T, A>(mut answer: impl FnMut(T) -> A) -> io::Result<ExitCode>
where
    T: for<'l> Deserialize<'l>,
    A: Serialize,
{
    let mut input = io::stdin().lock();
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut line = Vec::new();
    let mut status = ExitCode::SUCCESS;
    for number in 1_u64.. {
        line.clear();
        let read = io::Read::take(&mut input, LINE_LEN_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if read as u64 == LINE_LEN_MAX && line.last() != Some(&b'\n') {
            return Err(io::Error::other(format!("line {number} is longer than {LINE_LEN_MAX} bytes")));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<T>(&line) {
            Ok(request) => {
                serde_json::to_writer(&mut output, &answer(request))?;
                output.write_all(b"\n")?;
            }
            Err(e) => {
                eprintln!("error: line {number} is not a request: {e}");
                status = ExitCode::from(UNREADABLE);
            }
        }
    }
    output.flush()?;
    Ok(status)
}

fn jsonl<T, A>(context: &ContextArgs, answer: impl Fn(&Register, T) -> A) -> io::Result<ExitCode>
where
    T: for<'l> Deserialize<'l>,
    A: Serialize,
{
    let register = register(context.overlay.as_deref())?;
    each_line(|request| answer(&register, request))
}

/// A document date as requests write it: a day, `unknown`, or absent.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "Option<String>")]
pub(super) struct AsOf(Option<DocumentDate>);

impl AsOf {
    /// The date, where absent means the default of the cases.
    pub fn date(self) -> DocumentDate {
        self.0.unwrap_or(DEFAULT_DATE)
    }
}

impl TryFrom<Option<String>> for AsOf {
    type Error = jiff::Error;

    fn try_from(text: Option<String>) -> Result<Self, jiff::Error> {
        match text.as_deref() {
            None => Ok(Self(None)),
            Some("unknown") => Ok(Self(Some(DocumentDate::Unknown))),
            Some(day) => Ok(Self(Some(DocumentDate::Known(day.parse::<Date>()?)))),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigRequest {
    unpublished_sci: BTreeSet<String>,
    #[serde(alias = "nac_activities", alias = "nato_nac", alias = "nato_activities")]
    nac: BTreeSet<String>,
    /// `true` for the shipped overlay of dated membership changes.
    #[serde(alias = "tetragraph_overlay", alias = "membership_overlay")]
    overlay: serde_json::Value,
}

/// The register with the shipped overlay, for requests that ask for it.
static WITH_OVERLAY: LazyLock<Register> = LazyLock::new(|| {
    let overlay = Some(include_str!("../../policy/register/overlay.json"));
    // INVARIANT: the shipped overlay is part of this build, and a test loads it.
    Register::load(&RegisterFiles { overlay, ..RegisterFiles::shipped() }).expect("the shipped overlay is sound")
});

impl ConfigRequest {
    /// The register the request is answered with.
    fn register<'r>(&self, plain: &'r Register) -> &'r Register {
        if self.overlay == serde_json::Value::Bool(true) { &WITH_OVERLAY } else { plain }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindRequest {
    Banner,
    Portion,
}

#[derive(Debug, Deserialize)]
struct CheckRequest {
    #[serde(default)]
    id: serde_json::Value,
    input: String,
    kind: KindRequest,
    #[serde(default)]
    as_of: AsOf,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    config: Option<ConfigRequest>,
    #[serde(default)]
    banner_context: Option<String>,
}

#[derive(Debug, Serialize)]
struct CheckAnswer {
    id: serde_json::Value,
    valid: bool,
    codes: Vec<&'static str>,
    warnings: Vec<&'static str>,
    canonical: Option<String>,
    effective_fdr: Option<String>,
    releasable_to: Vec<String>,
    displayable_to: Vec<String>,
    unresolved_codes: Vec<String>,
    conditions: Vec<String>,
    parsed: Option<Parsed>,
    diagnostics: Vec<DiagnosticAnswer>,
}

#[derive(Debug, Serialize)]
struct DiagnosticAnswer {
    code: &'static str,
    span_bytes: [usize; 2],
    hint: String,
}

fn rules<'r>(register: &'r Register, as_of: AsOf, profile: Option<&str>, config: ConfigRequest) -> Rules<'r> {
    let profile = if profile.is_some_and(|p| p.eq_ignore_ascii_case("cui")) { Profile::Cui } else { Profile::Ic };
    Rules::new(register, as_of.date())
        .with_profile(profile)
        .with_config(Config { unpublished_sci: config.unpublished_sci, nac_activities: config.nac })
}

fn answer_check(register: &Register, request: CheckRequest) -> CheckAnswer {
    let config = request.config.unwrap_or_default();
    let register = config.register(register);
    let rules = rules(register, request.as_of, request.profile.as_deref(), config);
    // A context that is not a valid banner gives nothing to inherit from.
    let banner = request.banner_context.as_deref().and_then(|b| rules.parse_banner(b).ok());
    let kind = match request.kind {
        KindRequest::Banner => Kind::Banner,
        KindRequest::Portion => Kind::Portion,
    };
    let checked = rules.check(&request.input, kind, banner.as_ref());
    let strings = |codes: &[crate::marking::Code]| codes.iter().map(ToString::to_string).collect();
    CheckAnswer {
        id: request.id,
        valid: checked.is_valid(),
        codes: checked.codes().into_iter().map(|c| c.as_str()).collect(),
        warnings: checked.warnings().into_iter().map(|c| c.as_str()).collect(),
        releasable_to: strings(&checked.releasable_to),
        displayable_to: strings(&checked.displayable_to),
        unresolved_codes: strings(&checked.unresolved_codes),
        conditions: checked.conditions.iter().map(ToString::to_string).collect(),
        parsed: checked.marking.as_ref().map(|m| m.parsed(kind)),
        canonical: checked.canonical,
        effective_fdr: checked.effective_fdr,
        diagnostics: checked
            .diagnostics
            .into_iter()
            .map(|d| DiagnosticAnswer { code: d.code.as_str(), span_bytes: [d.span.start, d.span.end], hint: d.hint })
            .collect(),
    }
}

#[derive(Debug, Deserialize)]
struct RollupRequest {
    #[serde(default)]
    id: serde_json::Value,
    portions: Vec<PortionRequest>,
    #[serde(default)]
    as_of: AsOf,
    #[serde(default)]
    product: Option<String>,
    #[serde(default)]
    banner_context: Option<String>,
    #[serde(default)]
    dap: Option<bool>,
    #[serde(default)]
    expansion: Option<String>,
    #[serde(default)]
    unclassified_policy: Option<String>,
    #[serde(default)]
    config: Option<ConfigRequest>,
}

#[derive(Debug, Deserialize)]
struct PortionRequest {
    mark: String,
    #[serde(default)]
    exclude_from_rollup: Option<bool>,
}

#[derive(Debug, Serialize)]
struct RollupAnswer {
    id: serde_json::Value,
    banner: Option<String>,
    releasable_to: Vec<String>,
    errors: Vec<String>,
}

fn answer_rollup(register: &Register, request: RollupRequest) -> RollupAnswer {
    let config = request.config.unwrap_or_default();
    let register = config.register(register);
    let mut rules = rules(register, request.as_of, None, config);
    if request.expansion.as_deref() == Some("manual2016") {
        rules = rules.with_expansion(Expansion::Manual2016);
    }
    if request.unclassified_policy.as_deref() == Some("manual") {
        rules = rules.with_unclassified_policy(UnclassifiedPolicy::Manual);
    }
    let context = request.banner_context.as_deref().and_then(|b| rules.parse_banner(b).ok());
    let options = RollupOptions {
        joint: request.product.is_some_and(|p| p.eq_ignore_ascii_case("joint")),
        analytic: request.dap.unwrap_or(false),
        level_at_least: None,
    };
    let mut errors = BTreeSet::new();
    let mut portions: Vec<(Marking, bool)> = Vec::with_capacity(request.portions.len());
    for portion in &request.portions {
        let excluded = portion.exclude_from_rollup.unwrap_or(false);
        match rules.parse_portion(&portion.mark, context.as_ref()) {
            Ok(marking) => portions.push((marking, excluded)),
            Err(rejected) => errors.extend(error_codes(&rejected.diagnostics)),
        }
    }
    let refused = |id, errors: BTreeSet<String>| RollupAnswer {
        id,
        banner: None,
        releasable_to: vec![],
        errors: errors.into_iter().collect(),
    };
    if !errors.is_empty() {
        return refused(request.id, errors);
    }
    let parts: Vec<_> =
        portions.iter().map(|(marking, excluded)| PortionForRollup { marking, excluded: *excluded }).collect();
    match roll_up(&rules, &parts, options) {
        Ok(banner) => RollupAnswer {
            id: request.id,
            releasable_to: rules.release_audience(&banner).countries.iter().map(ToString::to_string).collect(),
            banner: Some(banner.banner()),
            errors: vec![],
        },
        Err(RollupError::NoBanner(rejected)) => refused(request.id, error_codes(&rejected.diagnostics).collect()),
        Err(RollupError::NoPortions) => refused(request.id, BTreeSet::from(["E-EMPTY".to_owned()])),
        Err(RollupError::Cui { .. }) => refused(request.id, BTreeSet::from(["E-PROFILE".to_owned()])),
    }
}

fn error_codes(diagnostics: &[crate::marking::Diagnostic]) -> impl Iterator<Item = String> {
    diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.code.as_str().to_owned())
}

/// The rules a person asked for on the command line.
fn rules_for<'r>(register: &'r Register, context: &ContextArgs) -> io::Result<Rules<'r>> {
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

fn check(args: &CheckArgs) -> io::Result<ExitCode> {
    let register = register(args.context.overlay.as_deref())?;
    let rules = rules_for(&register, &args.context)?;
    let (name, text) = match &args.file {
        Some(path) => (path.display().to_string(), fs::read_to_string(path)?),
        None if args.marks.is_empty() => ("standard input".to_owned(), io::read_to_string(io::stdin())?),
        None => ("argument".to_owned(), args.marks.join("\n")),
    };
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
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
        let kind = if mark.trim_start().starts_with('(') { Kind::Portion } else { Kind::Banner };
        let checked = rules.check(mark, kind, banner.as_ref());
        if !checked.diagnostics.is_empty() {
            let source = render::Source { name: &name, line: number + 1, text: mark };
            write!(out, "{}", render::render(&source, &checked.diagnostics, colour))?;
        }
        let replacement = fix_of(&checked);
        if !checked.is_valid() {
            refused += 1;
        }
        if args.fix
            && let Some(replacement) = &replacement
        {
            repaired += 1;
            write!(out, "{}", render::diff(&name, number + 1, mark, replacement, colour))?;
        }
        fixed.push_str(replacement.as_deref().unwrap_or(mark));
        fixed.push_str(ending);
        if kind == Kind::Banner {
            banner = checked.marking.or_else(|| replacement.and_then(|r| rules.parse_banner(&r).ok()));
        }
    }
    if let (true, Some(path)) = (args.write && repaired > 0, &args.file) {
        replace(path, &fixed)?;
        writeln!(out, "wrote {repaired} fixes; nothing in them lowers a level or adds a country")?;
        refused -= repaired;
    } else if args.fix && args.file.is_some() && repaired > 0 {
        writeln!(out, "{repaired} fixes shown; add --write to apply them")?;
    }
    out.flush()?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The safe rewriting of a refused mark, where there is one.
fn fix_of(checked: &Checked) -> Option<String> {
    checked.diagnostics.iter().find_map(|d| d.fix.as_ref()).map(|f| f.replacement.clone())
}

/// Writes beside the file and renames, so that a crash leaves the old text or the new one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".portcullis-fix");
    let beside = path.with_file_name(name);
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

fn rollup(args: &RollupArgs) -> io::Result<ExitCode> {
    let register = register(args.context.overlay.as_deref())?;
    let rules = rules_for(&register, &args.context)?;
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut portions = Vec::new();
    for (number, mark) in args.portions.iter().enumerate() {
        match rules.parse_portion(mark, None) {
            Ok(marking) => portions.push(marking),
            Err(rejected) => {
                let source = render::Source { name: "argument", line: number + 1, text: mark };
                print!("{}", render::render(&source, &rejected.diagnostics, colour));
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
