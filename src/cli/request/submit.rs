//! `portcullis submit`: requests the release of products.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::approval::Aims;
use crate::cli::input::arguments::RequestArg;
use crate::cli::input::files::read_bytes;
use crate::cli::input::interrupt::with_signal_status;
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::cli::output::progress::progress;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::envelope::Precedence;
use crate::gateway::{Draft, Node, SubmitOutcome, package};
use crate::ident::{PartnerId, RequestId};
use crate::product::{Format, Package, PackageCode, PackageFault};
use crate::progress::{Progress, Unit};
use crate::sign::LocalSigner;

/// Submit products for release to partners.
///
/// Each product becomes one request: a file, or a folder or ZIP archive of `product.txt` with its attachments under
/// `attachments/`. Each partner gets the highest tearline that it may have; if any partner may have none, the whole request is
/// refused, with the reason. Nothing is sent before two officers have approved.
///
/// The submitter signs the submission. A producer without access to the node signs elsewhere (`--terms FILE --key FILE --out
/// FILE`, which needs no node) and sends the product with the signed file; the node's operator submits both (`--signed FILE`).
#[derive(Debug, clap::Args)]
pub struct Submit {
    /// The products: text, Markdown, JSON or STIX 2.1 bundles, or folders or ZIP archives with one of them as
    /// `product.txt`.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Refuse content in any other format than this: text, markdown, json or stix.
    #[arg(long = "as", value_name = "FORMAT")]
    told: Option<Format>,
    /// Partner to release to; repeat for several.
    #[arg(long, required_unless_present_any = ["signed", "terms"])]
    to: Vec<PartnerId>,
    /// What the release is for.
    #[arg(long, required_unless_present_any = ["signed", "terms"])]
    purpose: Option<String>,
    /// When the request expires: a duration such as `7d`, or a time such as `2026-12-01T00:00:00Z`. Nothing is sent later.
    #[arg(long, value_parser = until, required_unless_present_any = ["signed", "terms"])]
    expires: Option<Until>,
    /// The private key of the submitter, or of a producing system, that signs the submission. The submitter may not approve it.
    #[arg(long, required_unless_present = "signed")]
    key: Option<PathBuf>,
    /// The law or authority relied on.
    #[arg(long, default_value = "originator's release marking")]
    legal_basis: String,
    /// The policy relied on; the partners' agreements by default.
    #[arg(long)]
    policy_basis: Option<String>,
    /// Precedence: FLASH, IMMEDIATE, PRIORITY or ROUTINE.
    #[arg(long, default_value = "ROUTINE")]
    precedence: Precedence,
    /// The request whose product this one replaces at every partner that received it. Two approvals are needed, as for any request.
    #[arg(long, value_name = "REQUEST")]
    supersedes: Option<RequestArg>,
    /// The objective of the guiding document that the release serves, by its ID in `priorities.toml`.
    #[arg(long, value_name = "ID")]
    objective: Option<String>,
    /// Perspectives are sought from the partner (engagement). It needs no objective.
    #[arg(long)]
    perspectives: bool,
    /// The release supports the objective's preferred outcome.
    #[arg(long, requires = "objective")]
    outcome: bool,
    /// Use the first releasable tearline at or below this one, counted from 1 at the top.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    tearline: std::num::NonZeroUsize,
    /// Submit one product with this submission, signed elsewhere with `--terms`.
    #[arg(long, value_name = "FILE", conflicts_with_all = TERMS_ELSEWHERE, conflicts_with_all = ["key", "terms"])]
    signed: Option<PathBuf>,
    /// Sign a submission of one product with the node and the terms in this file (JSON, see docs/RECORDS.md). Nothing is
    /// submitted, and no node is needed.
    #[arg(long, value_name = "FILE", conflicts_with_all = TERMS_ELSEWHERE, requires_all = ["key", "out"])]
    terms: Option<PathBuf>,
    /// With `--terms`: the new file for the signed submission.
    #[arg(long, value_name = "FILE", requires = "terms")]
    out: Option<PathBuf>,
}

/// Options that the signed submission or the terms file sets, so that they cannot be given as well.
const TERMS_ELSEWHERE: [&str; 11] = [
    "to",
    "purpose",
    "expires",
    "legal_basis",
    "policy_basis",
    "precedence",
    "supersedes",
    "objective",
    "perspectives",
    "outcome",
    "tearline",
];

#[derive(Clone, Copy, Debug)]
enum Until {
    After(Duration),
    At(crate::time::Time),
}

fn until(text: &str) -> Result<Until, String> {
    match text.parse() {
        Ok(time) => Ok(Until::At(time)),
        Err(_) => crate::cli::input::arguments::duration(text)
            .map(Until::After)
            .map_err(|e| format!("{e}, or a time such as `2026-12-01T00:00:00Z`")),
    }
}

impl Submit {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if a file cannot be read or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        if (self.signed.is_some() || self.terms.is_some()) && self.files.len() != 1 {
            return Err(Failure::input("a signed submission covers one product: give one file"));
        }
        if let (Some(terms), Some(key), Some(place)) = (&self.terms, &self.key, &self.out) {
            return crate::cli::request::submit_offline::sign(&self.files[0], self.told, terms, key, place, out);
        }
        let signer = self.key.as_deref().map(signer_at).transpose()?;
        let node = node_at(config).await?;
        node.must_be_founded().await.map_err(Failure::from)?;
        let supersedes = match &self.supersedes {
            Some(request) => Some(request.find(&node).await?),
            None => None,
        };
        let signed = self.signed.as_deref().map(read_bytes).transpose()?;
        // Of several, each is read once before anything is submitted, so that an unreadable one refuses all; and again
        // when its turn comes, so that the open files and the memory are those of one.
        let bytes_max = node.bounds().bytes_max;
        for file in self.files.iter().filter(|file| self.files.len() > 1 && !is_pipe(file)) {
            drop(open(file, bytes_max)?);
        }
        // An interruption waits for this step, so that what was submitted before it is named.
        let progress = progress();
        let _step = progress.step("submitting", Unit::Bytes, None);
        let (mut answers, mut failed) = (Vec::new(), None);
        for file in &self.files {
            let opened = open(file, bytes_max);
            match self.one(&node, opened, (signed.as_deref(), signer.as_ref(), supersedes), &progress).await {
                Ok(outcome) => answers.push((file, outcome)),
                Err(failure) => {
                    failed = Some(failure);
                    break;
                }
            }
        }
        match failed {
            Some(failure) if answers.is_empty() => return Err(failure),
            Some(failure) => {
                let failure = with_signal_status(failure);
                let file = self.files[answers.len()].display();
                let failure = Failure { message: format!("`{file}`: {}", failure.message), stands: true, ..failure };
                self.tell_all(&answers, Some(&failure), out);
                return Err(failure);
            }
            None => self.tell_all(&answers, None, out),
        }
        let refused = answers.iter().any(|(_, outcome)| matches!(outcome, SubmitOutcome::Refused { .. }));
        Ok(if refused { Exit::No } else { Exit::Done })
    }

    /// Submits one product.
    async fn one(
        &self,
        node: &Node,
        opened: Result<Opened, Failure>,
        (signed, signer, supersedes): (Option<&[u8]>, Option<&LocalSigner>, Option<RequestId>),
        progress: &Progress,
    ) -> Result<SubmitOutcome, Failure> {
        progress.check().map_err(Failure::trouble)?;
        let (mut package, product) = match opened? {
            Ok(opened) => opened,
            Err(refused) => return Ok(refused),
        };
        let outcome = match (signed, signer) {
            (Some(signed), _) => node.submit_signed(&product, self.told, signed, &mut *package).await,
            (None, Some(signer)) => {
                node.submit_with(self.draft(node, product, supersedes)?, signer, &mut *package).await
            }
            (None, None) => return Err(Failure::input("give the submitter's key with --key")),
        };
        outcome.map_err(Failure::from)
    }

    /// Prints the outcome of each product, and which were not submitted because of a failure.
    fn tell_all(&self, answers: &[(&PathBuf, SubmitOutcome)], failure: Option<&Failure>, out: Out) {
        let json = match (answers, failure) {
            ([(_, outcome)], None) => json!(outcome),
            _ => {
                let mut items: Vec<Value> = Vec::new();
                for (file, outcome) in answers {
                    let mut value = json!(outcome);
                    value["file"] = json!(file);
                    items.push(value);
                }
                if let Some(failure) = failure {
                    let why = |at: usize| if at == 0 { failure.message.as_str() } else { "not submitted" };
                    let rest = self.files[answers.len()..].iter().enumerate();
                    items.extend(rest.map(|(at, file)| json!({ "file": file, "error": why(at) })));
                }
                json!({ "requests": items })
            }
        };
        out.answer(&json, |text| {
            for (file, outcome) in answers {
                tell(text, file, outcome, out);
            }
            if failure.is_some() {
                for file in &self.files[answers.len()..] {
                    let _ = writeln!(text, "{} {}", out.verdict("not submitted", false), file.display());
                }
            }
        });
    }
}

/// Whether this is a pipe or a device, which can be read only once.
fn is_pipe(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// A package and its text, or the refusal of what is not a valid package.
type Opened = Result<(Box<dyn Package>, Vec<u8>), SubmitOutcome>;

/// Opens a package and reads its text.
///
/// # Errors
/// [`Failure`] if a file cannot be read.
fn open(file: &Path, bytes_max: usize) -> Result<Opened, Failure> {
    let opened = package::open(file).and_then(|mut package| {
        let text = package.text(bytes_max)?;
        Ok((package, text))
    });
    match opened {
        Ok(opened) => Ok(Ok(opened)),
        Err(faults) => not_a_package(&faults).map(Err),
    }
}

impl Submit {
    fn draft(&self, node: &Node, product: Vec<u8>, supersedes: Option<RequestId>) -> Result<Draft, Failure> {
        let (Some(purpose), Some(expires)) = (&self.purpose, self.expires) else {
            return Err(Failure::input("give --purpose and --expires"));
        };
        Ok(Draft {
            product,
            format: self.told,
            partners: self.to.iter().cloned().collect(),
            purpose: purpose.clone(),
            legal_basis: self.legal_basis.clone(),
            policy_basis: self.policy_basis.clone(),
            expires: match expires {
                Until::At(time) => time,
                Until::After(span) => node.now().plus(span),
            },
            precedence: self.precedence,
            supersedes,
            aims: Aims {
                objective: self.objective.clone(),
                engages: self.perspectives,
                supports_outcome: self.outcome,
            },
            from_tearline: self.tearline.get() - 1,
        })
    }
}

/// Turns the faults of a product that is not a valid package into a refusal, as for other products.
///
/// # Errors
/// [`Failure`] if a file cannot be read.
fn not_a_package(faults: &[PackageFault]) -> Result<SubmitOutcome, Failure> {
    let unreadable = faults.iter().find(|fault| fault.code == PackageCode::Unreadable);
    match unreadable {
        Some(fault) => Err(Failure::input(format!("{} {}", fault.place, fault.message))),
        None => {
            let faults = faults.iter().map(ToString::to_string).collect();
            Ok(SubmitOutcome::Refused { refused: Vec::new(), faults })
        }
    }
}

fn tell(text: &mut String, file: &Path, outcome: &SubmitOutcome, out: Out) {
    match outcome {
        SubmitOutcome::Open(request) => {
            let _ = writeln!(text, "{} from {}", out.bold(&request.request), file.display());
            for exchange in &request.exchanges {
                let _ =
                    writeln!(text, "  {}  to {}: {}", exchange.exchange, exchange.partner, shown(&exchange.marking));
                for reason in exchange.forecast.iter().filter(|r| !r.permits) {
                    let _ = writeln!(text, "      {}", shown(&reason.sentence));
                }
            }
            for partner in &request.not_replaced {
                let _ = writeln!(
                    text,
                    "  {partner} received the product that this replaces and does not receive this one: see `portcullis recall`"
                );
            }
            let _ = writeln!(text, "  approve it with: portcullis approve {} --key FILE", request.request);
        }
        SubmitOutcome::Refused { refused, faults } => {
            let _ = writeln!(text, "{} {}: nothing was queued", out.verdict("refused", false), file.display());
            for fault in faults {
                let _ = writeln!(text, "  {}", shown(fault));
            }
            for partner in refused {
                let _ = writeln!(text, "  {}:", partner.partner);
                for reason in partner.reasons.iter().filter(|r| !r.permits) {
                    let _ = writeln!(text, "    {} [{}]", shown(&reason.sentence), reason.code);
                }
            }
        }
    }
}
