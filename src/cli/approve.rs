//! `portcullis approve` and `portcullis refuse`: an officer's decision on a request.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::node_at;
use super::output::{Exit, Failure, Out, shown, shown_lines};
use crate::config::signer_from;
use crate::gateway::{ApprovalOutcome, RequestReview};
use crate::ident::{OfficerId, RequestId};

/// Approve requests: sign exactly the cuts that are shown.
///
/// Shows what each partner would get, the marks, the terms and what still stands in the way, and asks before it signs.
/// The officer is found by the key. The push happens by itself after the last approval that is needed.
#[derive(Debug, clap::Args)]
pub struct Approve {
    /// The requests.
    #[arg(required = true)]
    requests: Vec<RequestId>,
    /// The officer's private key.
    #[arg(long)]
    key: PathBuf,
    /// Write what each partner would get into this folder first, with its attachments, to be looked at.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Sign without asking, for a list that was reviewed by other means.
    #[arg(long)]
    yes: bool,
}

/// Refuse a request: nothing of it will leave.
#[derive(Debug, clap::Args)]
pub struct Refuse {
    /// The request.
    request: RequestId,
    /// Why; the submitter is told.
    #[arg(long)]
    why: String,
    /// Who refuses.
    #[arg(long, env = "PORTCULLIS_OFFICER")]
    by: Option<OfficerId>,
}

impl Approve {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the key, the request or the node cannot be used, or nobody confirmed.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        let signer = signer_from(&self.key).map_err(Failure::input)?;
        let mut answers = Vec::new();
        for request in &self.requests {
            let review = node.review(request).await.map_err(Failure::from)?;
            let mut written = Vec::new();
            if let Some(folder) = &self.output {
                written = node.write_cuts(request, folder).await.map_err(Failure::from)?;
            }
            if !self.yes {
                let mut question = String::new();
                tell_review(&mut question, &review);
                for place in &written {
                    let _ = writeln!(question, "  written to {}", place.display());
                }
                question.push_str("sign this approval? type yes: ");
                if super::prompt(&question).as_deref() != Some("yes") {
                    return Err(Failure::refused("not signed: nobody typed yes (or give --yes for a reviewed list)"));
                }
            }
            answers.push(node.approve(request, &review, &signer).await.map_err(Failure::from)?);
        }
        let void = answers.iter().any(|a| !a.counts);
        let json = match &answers[..] {
            [one] => json!(one),
            several => json!({ "approvals": several.iter().map(|a| json!(a)).collect::<Vec<Value>>() }),
        };
        out.answer(&json, |text| {
            for answer in &answers {
                tell(text, answer, out);
            }
        });
        Ok(if void { Exit::No } else { Exit::Done })
    }
}

impl Refuse {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the request is not open or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        let by = self.by.map_or_else(|| "operator".to_owned(), |by| by.to_string());
        node.refuse(&self.request, &self.why, &by).await.map_err(Failure::from)?;
        out.answer(&json!({ "request": self.request, "state": "refused", "why": self.why }), |text| {
            let _ = writeln!(text, "refused {}: nothing of it will leave", self.request);
        });
        Ok(Exit::Done)
    }
}

fn tell_review(text: &mut String, review: &RequestReview) {
    let _ = writeln!(text, "request {}", review.request);
    for (name, value) in [
        ("submitted by", &review.terms.submitter.to_string()),
        ("originator", &review.terms.originator),
        ("purpose", &review.terms.purpose),
        ("legal basis", &review.terms.legal_basis),
        ("policy basis", &review.terms.policy_basis),
        ("expires", &review.terms.expires.to_string()),
    ] {
        let _ = writeln!(text, "  {name:<13} {}", shown(value));
    }
    for cut in &review.cuts {
        let _ = writeln!(
            text,
            "\n── exactly what {} would get ({}, {} bytes, sha256 {}) ──",
            cut.partner,
            shown(&cut.marking),
            cut.bytes,
            cut.digest
        );
        let _ = writeln!(text, "{}", shown_lines(&cut.text));
        let _ = writeln!(text, "── held back: {} ──", shown(&cut.held_back));
        for change in &cut.changes {
            let _ = writeln!(text, "  changed before this cut was made: {}", shown(change));
        }
        for reason in cut.forecast.iter().filter(|r| !r.permits) {
            let _ = writeln!(text, "  {} [{}]", shown(&reason.sentence), reason.code);
        }
    }
}

fn tell(text: &mut String, answer: &ApprovalOutcome, out: Out) {
    let verdict = if answer.counts { out.verdict("approved", true) } else { out.verdict("does not count", false) };
    let _ = writeln!(text, "{verdict} {} by {}", answer.request, answer.officer);
    for reason in &answer.void {
        let _ = writeln!(text, "  {}", shown(reason));
    }
    for exchange in &answer.exchanges {
        let state = if exchange.permitted { "released as soon as the node runs" } else { "not yet" };
        let _ = writeln!(text, "  {}  to {}: {state}", exchange.exchange, exchange.partner);
        for reason in exchange.forecast.iter().filter(|r| !r.permits) {
            let _ = writeln!(text, "      {} [{}]", shown(&reason.sentence), reason.code);
        }
    }
}
