//! The JSON-lines requests and answers of the marking commands. Field names are those of the test vectors.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;
use std::sync::LazyLock;

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use crate::cli::marking::UNREADABLE;
use crate::marking::{
    Checked, Config, DocumentDate, Expansion, Kind, Marking, Parsed, PortionForRollup, Profile, Register,
    RegisterFiles, Remedy, RollupError, RollupOptions, Rules, Severity, UnclassifiedPolicy, roll_up,
};

/// The length limit of an input line, in bytes.
const LINE_LEN_MAX: u64 = 4 * 1024 * 1024;

/// The document date of a request without `as_of`.
const DEFAULT_DATE: DocumentDate = DocumentDate::Known(date(2022, 12, 1));

/// Answers each line of standard input with one line of standard output. A line that cannot be parsed gets no answer, is
/// reported on standard error and makes the exit status 2; the lines after it are still answered.
///
/// # Errors
/// If standard input or output fails, or a line is too long.
pub(in crate::cli) fn each_line<T, A>(mut answer: impl FnMut(T) -> A) -> io::Result<ExitCode>
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
        // Checked as UTF-8 first: serde_json does not check the text of ignored fields.
        let request = match std::str::from_utf8(&line) {
            Ok(text) => serde_json::from_str::<T>(text).map_err(|e| fault(&e)),
            Err(e) => Err(format!("byte {} is not UTF-8", e.valid_up_to() + 1)),
        };
        match request {
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

/// Describes a JSON error without the input values that serde_json quotes.
fn fault(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Syntax => "not JSON",
        Category::Eof => "JSON that ends too soon",
        Category::Data | Category::Io => "a field is missing or has the wrong type",
    };
    format!("{what}, at byte {}", error.column())
}

/// A document date in a request: `YYYY-MM-DD`, `unknown`, or absent.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "Option<String>")]
pub(in crate::cli) struct AsOf(Option<DocumentDate>);

impl AsOf {
    /// Returns the date; an absent one is 2022-12-01, the default of the test vectors.
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
    let overlay = Some(include_str!("../../../policy/register/overlay.json"));
    // INVARIANT: the shipped overlay is part of this build, and a test loads it.
    Register::load(&RegisterFiles { overlay, ..RegisterFiles::shipped() }).expect("the shipped overlay is sound")
});

impl ConfigRequest {
    /// Returns the register that the request selects: `plain`, or the one with the shipped overlay.
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
pub(in crate::cli) struct CheckRequest {
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
pub(in crate::cli) struct CheckAnswer {
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
    remedies: Vec<RemedyAnswer>,
}

#[derive(Debug, Serialize)]
struct RemedyAnswer {
    kind: &'static str,
    text: String,
    mark: Option<String>,
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

pub(in crate::cli) fn answer_check(register: &Register, request: CheckRequest) -> CheckAnswer {
    let config = request.config.unwrap_or_default();
    let register = config.register(register);
    let rules = rules(register, request.as_of, request.profile.as_deref(), config);
    // A portion inherits nothing from a context that is not a valid banner.
    let banner = request.banner_context.as_deref().and_then(|b| rules.parse_banner(b).ok());
    let kind = match request.kind {
        KindRequest::Banner => Kind::Banner,
        KindRequest::Portion => Kind::Portion,
    };
    let checked = rules.check(&request.input, kind, banner.as_ref());
    let remedies = rules.remedies(&request.input, kind, banner.as_ref(), &checked);
    check_answer(request.id, kind, checked, remedies)
}

/// Returns the answer for a checked mark.
pub(in crate::cli) fn check_answer(
    id: serde_json::Value,
    kind: Kind,
    checked: Checked,
    remedies: Vec<Remedy>,
) -> CheckAnswer {
    let strings = |codes: &[crate::marking::Code]| codes.iter().map(ToString::to_string).collect();
    CheckAnswer {
        id,
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
        remedies: remedies
            .into_iter()
            .map(|remedy| RemedyAnswer { kind: remedy.kind.as_str(), text: remedy.text, mark: remedy.mark })
            .collect(),
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::cli) struct RollupRequest {
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
pub(in crate::cli) struct RollupAnswer {
    id: serde_json::Value,
    banner: Option<String>,
    releasable_to: Vec<String>,
    errors: Vec<String>,
}

pub(in crate::cli) fn answer_rollup(register: &Register, request: RollupRequest) -> RollupAnswer {
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
