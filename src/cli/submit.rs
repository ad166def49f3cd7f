//! `portcullis submit`: ask for a product to be released.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::node_at;
use super::output::{Exit, Failure, Out, shown};
use crate::envelope::Precedence;
use crate::gateway::{Submission, SubmitOutcome, package};
use crate::ident::{OfficerId, PartnerId, RequestId};
use crate::product::{Format, PackageCode, PackageFault};

/// Submit products for release to partners.
///
/// Each becomes one request: a product's text, or a folder or ZIP archive of `product.txt` with its attachments under
/// `attachments/`, of any size. For each partner the widest tearline it may have is cut; if any partner named may have
/// nothing, that request is refused whole and says why. Nothing leaves before two officers have approved.
#[derive(Debug, clap::Args)]
pub struct Submit {
    /// The products: text, Markdown, JSON or STIX 2.1 bundles, or folders or ZIP archives with one of them as
    /// `product.txt`.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Refuse a file whose content is not in this format: text, markdown, json or stix.
    #[arg(long = "as", value_name = "FORMAT")]
    told: Option<Format>,
    /// Partner to release to; repeat for several.
    #[arg(long, required = true)]
    to: Vec<PartnerId>,
    /// What the release is for.
    #[arg(long)]
    purpose: String,
    /// Until when it may leave: a span such as `7d`, or an instant such as `2026-12-01T00:00:00Z`.
    #[arg(long, value_parser = until)]
    expires: Until,
    /// Who submits; their own approval never counts.
    #[arg(long, env = "PORTCULLIS_OFFICER")]
    by: Option<OfficerId>,
    /// The law or authority relied on.
    #[arg(long, default_value = "originator's release marking")]
    legal_basis: String,
    /// The policy relied on; the partners' agreements if left out.
    #[arg(long)]
    policy_basis: Option<String>,
    /// FLASH, IMMEDIATE, PRIORITY or ROUTINE.
    #[arg(long, default_value = "ROUTINE")]
    precedence: Precedence,
    /// The request whose product this one replaces, at every partner that got it; needs two approvals like any other.
    #[arg(long, value_name = "REQUEST")]
    supersedes: Option<RequestId>,
    /// Take the first tearline that may go at or below this one, counted from 1 at the top.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    tearline: std::num::NonZeroUsize,
}

#[derive(Clone, Copy, Debug)]
enum Until {
    After(Duration),
    At(crate::time::Time),
}

fn until(text: &str) -> Result<Until, String> {
    match text.parse() {
        Ok(time) => Ok(Until::At(time)),
        Err(_) => super::duration(text).map(Until::After).map_err(|e| format!("{e}, or an RFC 3339 instant")),
    }
}

impl Submit {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if a file cannot be read or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        let by = match &self.by {
            Some(by) => by.clone(),
            None => whoever_runs_this()?,
        };
        let expires = match self.expires {
            Until::At(time) => time,
            Until::After(span) => node.now().plus(span),
        };
        let mut answers = Vec::new();
        let mut refused = false;
        for file in &self.files {
            let opened = package::open(file).and_then(|mut package| {
                let text = package.text(node.bounds().bytes_max)?;
                Ok((package, text))
            });
            let (mut package, product) = match opened {
                Ok(opened) => opened,
                Err(faults) => {
                    let outcome = not_a_package(&faults)?;
                    refused = true;
                    answers.push((file, outcome));
                    continue;
                }
            };
            let submission = Submission {
                product,
                format: self.told,
                partners: self.to.iter().cloned().collect(),
                by: by.clone(),
                purpose: self.purpose.clone(),
                legal_basis: self.legal_basis.clone(),
                policy_basis: self.policy_basis.clone(),
                expires,
                precedence: self.precedence,
                supersedes: self.supersedes,
                from_tearline: self.tearline.get() - 1,
            };
            let outcome = node.submit_with(submission, &mut *package).await.map_err(Failure::from)?;
            refused |= matches!(outcome, SubmitOutcome::Refused { .. });
            answers.push((file, outcome));
        }
        let json = match &answers[..] {
            [(_, outcome)] => json!(outcome),
            several => json!({ "requests": several.iter().map(|(f, o)| {
                let mut value = json!(o);
                value["file"] = json!(f);
                value
            }).collect::<Vec<Value>>() }),
        };
        out.answer(&json, |text| {
            for (file, outcome) in &answers {
                tell(text, file, outcome, out);
            }
        });
        Ok(if refused { Exit::No } else { Exit::Done })
    }
}

/// What is not even a package was never submitted, and is refused as the others are; what cannot be read is a failure.
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
                let _ =
                    writeln!(text, "  {partner} got what this replaces and does not get this: see `portcullis recall`");
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

/// The account that runs this command, as an officer name.
fn whoever_runs_this() -> Result<OfficerId, Failure> {
    let account = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    account
        .to_lowercase()
        .parse()
        .map_err(|_| Failure::input("who submits is not known: name an officer with --by or PORTCULLIS_OFFICER"))
}
