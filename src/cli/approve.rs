//! `portcullis approve` and `portcullis refuse`: an officer's decision on a request.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::tell_changes;
use super::output::{Exit, Failure, Out, shown, shown_lines};
use super::{node_at, read_bytes, read_text};
use crate::config::{signer_from, write_new};
use crate::gateway::{
    ApprovalOutcome, AttachmentShown, AwaitingRequest, CutReview, ExportedRequest, Node, RequestReview,
};
use crate::ident::RequestId;
use crate::sign::LocalSigner;
use crate::system::{Entropy as _, SystemClock, SystemEntropy};
use crate::time::Clock as _;

/// Approve requests: sign exactly the cuts that are shown.
///
/// Shows what each partner would get, what is held back and why, what changed since the last release of the same
/// product to that partner, the terms and what still stands in the way, and asks before it signs. The officer is found
/// by the key. The push happens by itself after the last approval that is needed.
#[derive(Debug, clap::Args)]
pub struct Approve {
    /// The requests.
    #[arg(required_unless_present_any = ["batch", "offline", "import"])]
    requests: Vec<RequestId>,
    /// The officer's private key.
    #[arg(long, required_unless_present = "import")]
    key: Option<PathBuf>,
    /// Write what each partner would get into this folder first, with its attachments, to be looked at.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Sign without asking. Of several requests, one that cannot be signed stops none of the others.
    #[arg(long)]
    yes: bool,
    /// Also show the source, tearline by tearline, with what is held back; for our own side only.
    #[arg(long)]
    source: bool,
    /// Sign a reviewed list without asking: a file as `status --awaiting --format json` writes it. A request whose purpose,
    /// precedence, expiry or cuts are not exactly those in the file is not signed, and the others are.
    #[arg(long, conflicts_with_all = ["requests", "yes", "source"])]
    batch: Option<PathBuf>,
    /// Show and sign the request in a file that `request export` wrote, on a machine that has no node: neither its keys
    /// nor its store are needed. The signed approval is written to `--out`.
    #[arg(long, value_name = "FILE", requires = "out", conflicts_with_all = ["requests", "source", "batch", "import"])]
    offline: Option<PathBuf>,
    /// Where to write an approval that is signed with `--offline`: a file that does not exist yet.
    #[arg(long, value_name = "FILE", requires = "offline")]
    out: Option<PathBuf>,
    /// Take in an approval that was signed with `--offline`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["requests", "key", "yes", "source", "batch", "output"])]
    import: Option<PathBuf>,
}

/// Refuse a request: nothing of it will leave.
///
/// The refusal is a signed statement; the submitter reads the reason with `status` and `explain`. Any one disclosure
/// officer may refuse, and the submitter may withdraw what they submitted.
#[derive(Debug, clap::Args)]
pub struct Refuse {
    /// The request.
    request: RequestId,
    /// Why; the submitter is told.
    #[arg(long)]
    why: String,
    /// The officer's private key.
    #[arg(long)]
    key: PathBuf,
}

/// How many requests are signed at once, so that what is put on record of them shares its syncs.
const AT_ONCE: usize = 16;

/// A reviewed list.
#[derive(Deserialize)]
struct Batch {
    awaiting: Vec<AwaitingRequest>,
}

impl Approve {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the key, the request or the node cannot be used, or nobody confirmed.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        if let Some(file) = &self.import {
            let signed = read_bytes(file)?;
            let answer = node_at(config).await?.import_approval(&signed).await.map_err(Failure::from)?;
            let exit = if answer.counts { Exit::Done } else { Exit::No };
            out.answer(&json!(answer), |text| tell(text, &answer, out));
            return Ok(exit);
        }
        let key = self.key.as_deref().ok_or_else(|| Failure::input("give the officer's key with --key"))?;
        let signer = signer_from(key).map_err(Failure::input)?;
        if let (Some(file), Some(place)) = (&self.offline, &self.out) {
            return self.sign_offline(file, place, &signer, out);
        }
        let node = node_at(config).await?;
        if let Some(file) = &self.batch {
            return batch(&node, &signer, file, out).await;
        }
        if self.yes && self.requests.len() > 1 {
            let one = async |request: &RequestId| self.sign_unasked(&node, &signer, request).await;
            let signed = stream::iter(&self.requests).map(|request| one(request).map(|s| (request.to_string(), s)));
            return tell_each(signed.buffered(AT_ONCE).collect().await, out);
        }
        let mut answers = Vec::new();
        for request in &self.requests {
            let review = node.review(request).await.map_err(Failure::from)?;
            let written = self.write_cuts(&node, request).await?;
            if !self.yes {
                let mut question = String::new();
                // Who else decides by now, and by which rules, is part of what one puts one's name to.
                let changes = node.recent_changes().await.map_err(Failure::from)?;
                if !changes.is_empty() {
                    question.push_str("changes of who may do what, and by which rules, in the last 30 days:\n");
                    tell_changes(&mut question, &changes);
                }
                tell_review(&mut question, &review, self.source);
                for place in &written {
                    let _ = writeln!(question, "  written to {}", place.display());
                }
                question.push_str("sign this approval? type yes: ");
                if super::prompt(&question).as_deref() != Some("yes") {
                    return Err(Failure::refused("not signed: nobody typed yes (or give --yes, or --batch)"));
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

    /// Shows the request in a file, and signs it where no node is.
    fn sign_offline(&self, file: &Path, place: &Path, signer: &LocalSigner, out: Out) -> Result<Exit, Failure> {
        let now = SystemClock.now();
        let exported = ExportedRequest::read(file, now).map_err(Failure::from)?;
        let written = match &self.output {
            Some(folder) => exported.write_cuts(folder).map_err(Failure::from)?,
            None => Vec::new(),
        };
        if !self.yes {
            let mut question = String::new();
            super::request::tell_origin(&mut question, &exported);
            tell_review(&mut question, &exported.review(), false);
            for place in &written {
                let _ = writeln!(question, "  written to {}", place.display());
            }
            question.push_str("sign this approval? type yes: ");
            if super::prompt(&question).as_deref() != Some("yes") {
                return Err(Failure::refused("not signed: nobody typed yes (or give --yes)"));
            }
        }
        let mut nonce = [0; 16];
        SystemEntropy.fill(&mut nonce);
        let signed = exported.approve(signer, nonce, now).map_err(Failure::from)?;
        write_new(place, &signed).map_err(|e| super::init::cannot_write(place, e))?;
        let request = exported.review().request;
        out.answer(&json!({ "request": request, "file": place }), |text| {
            let _ = writeln!(text, "signed  {}", place.display());
            let _ = writeln!(text, "  take it to the node: portcullis approve --import FILE");
        });
        Ok(Exit::Done)
    }

    async fn sign_unasked(
        &self,
        node: &Node,
        signer: &LocalSigner,
        request: &RequestId,
    ) -> Result<ApprovalOutcome, Failure> {
        if self.output.is_none() {
            return node.approve_unseen(request, None, signer).await.map_err(Failure::from);
        }
        // What is signed is what was before it was written out, so that nothing else can be read there than was signed.
        let review = node.review(request).await.map_err(Failure::from)?;
        self.write_cuts(node, request).await?;
        node.approve(request, &review, signer).await.map_err(Failure::from)
    }

    /// Writes what the partners of a request would get, if that was asked for.
    async fn write_cuts(&self, node: &Node, request: &RequestId) -> Result<Vec<PathBuf>, Failure> {
        match &self.output {
            Some(folder) => node.write_cuts(request, folder).await.map_err(Failure::from),
            None => Ok(Vec::new()),
        }
    }
}

/// Signs every request of a reviewed list that is still what was reviewed.
async fn batch(node: &Node, signer: &LocalSigner, file: &Path, out: Out) -> Result<Exit, Failure> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Failure::input(format!("`{}`: {e}; expected what `status --awaiting --format json` writes", file.display()))
    };
    let list: Batch = serde_json::from_str(&read_text(file)?).map_err(|e| unreadable(&e))?;
    let signed = stream::iter(&list.awaiting)
        .map(|reviewed| one_of_batch(node, signer, reviewed).map(|signed| (reviewed.request.clone(), signed)));
    tell_each(signed.buffered(AT_ONCE).collect().await, out)
}

/// What became of each of many requests. That one cannot be signed stops none of the others.
fn tell_each(signed: Vec<(String, Result<ApprovalOutcome, Failure>)>, out: Out) -> Result<Exit, Failure> {
    let (mut answers, mut refused) = (Vec::new(), Vec::new());
    for (request, signed) in signed {
        match signed {
            Ok(answer) => answers.push(answer),
            // Only what concerns this one request: a broken store or key ends the command.
            Err(failure) if matches!(failure.exit, Exit::No | Exit::Input) => refused.push((request, failure.message)),
            Err(failure) => return Err(failure),
        }
    }
    let no = !refused.is_empty() || answers.iter().any(|a| !a.counts);
    let lines: Vec<Value> = refused.iter().map(|(request, why)| json!({ "request": request, "why": why })).collect();
    out.answer(&json!({ "approvals": answers, "refused": lines }), |text| {
        for answer in &answers {
            tell(text, answer, out);
        }
        for (request, why) in &refused {
            let _ = writeln!(text, "{} {}: {}", out.verdict("not signed", false), shown(request), shown(why));
        }
        let _ = writeln!(text, "{} signed, {} not", answers.iter().filter(|a| a.counts).count(), refused.len());
    });
    Ok(if no { Exit::No } else { Exit::Done })
}

async fn one_of_batch(
    node: &Node,
    signer: &LocalSigner,
    reviewed: &AwaitingRequest,
) -> Result<ApprovalOutcome, Failure> {
    let request: RequestId = reviewed.request.parse().map_err(Failure::input)?;
    node.approve_unseen(&request, Some(reviewed), signer).await.map_err(Failure::from)
}

impl Refuse {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the request is not open, the key may not refuse it, or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let signer = signer_from(&self.key).map_err(Failure::input)?;
        let node = node_at(config).await?;
        let refused = node.refuse(&self.request, &self.why, &signer).await.map_err(Failure::from)?;
        out.answer(&refused, |text| {
            let _ = writeln!(text, "refused {} by {}: nothing of it will leave", refused.request, refused.officer);
        });
        Ok(Exit::Done)
    }
}

/// What an officer is shown of a request.
pub(super) fn tell_review(text: &mut String, review: &RequestReview, source: bool) {
    let _ = writeln!(text, "request {}", review.request);
    let supersedes = review.terms.supersedes.map(|id| id.to_string()).unwrap_or_default();
    for (name, value) in [
        ("submitted by", &review.terms.submitter.to_string()),
        ("originator", &review.terms.originator),
        ("purpose", &review.terms.purpose),
        ("legal basis", &review.terms.legal_basis),
        ("policy basis", &review.terms.policy_basis),
        ("precedence", &review.terms.precedence.to_string()),
        ("replaces", &supersedes),
        ("expires", &review.terms.expires.to_string()),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<13} {}", shown(value));
        }
    }
    for cut in &review.cuts {
        tell_cut(text, cut);
        if source {
            let _ = writeln!(text, "── the source, with what is held back: for our own side only ──");
            let _ = writeln!(text, "{}", shown_lines(&cut.source));
        }
        let against: Vec<_> = cut.forecast.iter().filter(|r| !r.permits).collect();
        if !against.is_empty() {
            let _ = writeln!(text, "── what stands in the way ──");
        }
        for reason in against {
            let _ = writeln!(text, "  {} [{}]", shown(&reason.sentence), reason.code);
        }
    }
}

fn tell_cut(text: &mut String, cut: &CutReview) {
    let _ = writeln!(
        text,
        "\n── exactly what {} would get ({}, {} bytes, sha256 {}) ──",
        cut.partner,
        shown(&cut.marking),
        cut.bytes,
        cut.digest
    );
    let _ = writeln!(text, "  enrolled as {}  under agreement {}", cut.enrolment, cut.agreement);
    let _ = writeln!(text, "{}", shown_lines(&cut.text));
    for attachment in &cut.attachments {
        let AttachmentShown { name, media_type, marking, bytes, digest, text: seen } = attachment;
        let _ = writeln!(
            text,
            "── attachment {} ({media_type}, {}, {bytes} bytes, sha256 {digest}) as its reader sees it ──",
            shown(name),
            shown(marking)
        );
        let _ = writeln!(text, "{}", shown_lines(seen));
    }
    let _ = writeln!(text, "── held back from {} ──", cut.partner);
    if cut.withheld.is_empty() {
        let _ = writeln!(text, "  nothing: the product has no other tearline");
    }
    for tearline in &cut.withheld {
        let _ = writeln!(
            text,
            "  tearline {} ({}): {} paragraphs, {} attachments",
            tearline.tearline,
            shown(&tearline.marking),
            tearline.portions,
            tearline.attachments
        );
        for why in &tearline.why {
            let _ = writeln!(text, "      {}", shown(why));
        }
    }
    if !cut.consents.is_empty() {
        let _ = writeln!(text, "── consents that its release to {} would rest on ──", cut.partner);
    }
    for consent in &cut.consents {
        let _ = writeln!(text, "  {}", shown(consent));
    }
    if !cut.received.is_empty() {
        let _ = writeln!(text, "── what in it came from other partners ──");
    }
    for received in &cut.received {
        let _ = writeln!(text, "  {}", shown(received));
    }
    if !cut.shared.is_empty() {
        let (count, partner) = (cut.shared.len(), &cut.partner);
        let _ = writeln!(text, "── {count} run(s) of words in common with what is not released to {partner} ──");
    }
    for run in &cut.shared {
        let _ = writeln!(text, "  {}", shown(run));
    }
    for change in &cut.rewritten {
        let _ = writeln!(text, "  changed before this cut was made: {}", shown(change));
    }
    let since = match (&cut.changes.since, &cut.changes.when) {
        (Some(exchange), Some(when)) => format!(" ({exchange}, {when})"),
        _ => String::new(),
    };
    let _ = writeln!(text, "── changed since the last release to {}{since} ──", cut.partner);
    let _ = writeln!(text, "  {}", shown(&cut.changes.summary));
    if let Some(diff) = &cut.changes.diff {
        let _ = writeln!(text, "{}", shown_lines(diff));
    }
}

fn tell(text: &mut String, answer: &ApprovalOutcome, out: Out) {
    let verdict = if answer.counts { out.verdict("approved", true) } else { out.verdict("does not count", false) };
    let _ = writeln!(text, "{verdict} {} by {}", answer.request, answer.officer);
    for reason in &answer.void {
        let _ = writeln!(text, "  {}", shown(reason));
    }
    for run in &answer.shared {
        let _ = writeln!(text, "  signed for in common with what is held back: {}", shown(run));
    }
    for exchange in &answer.exchanges {
        let state = if exchange.permitted { "released as soon as the node runs" } else { "not yet" };
        let _ = writeln!(text, "  {}  to {}: {state}", exchange.exchange, exchange.partner);
        for reason in exchange.forecast.iter().filter(|r| !r.permits) {
            let _ = writeln!(text, "      {} [{}]", shown(&reason.sentence), reason.code);
        }
    }
}
