//! `portcullis approve`: an officer's approval of a request.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::approval::Approval;
use crate::cli::change::write_changes;
use crate::cli::input::arguments::RequestArg;
use crate::cli::input::files::{cannot_write, read_bytes};
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out};
use crate::cli::request::approve_batch::{AT_ONCE, NotSigned, batch, each, tell_changed};
use crate::cli::request::outcome::tell;
use crate::cli::request::review::tell_review;
use crate::cli::request::write_out::{tell_written, write_cuts};
use crate::config::{make_private_folder, write_new};
use crate::gateway::{ApprovalOutcome, CutWritten, ExportedRequest, Node, RequestReview, package};
use crate::ident::RequestId;
use crate::sign::{LocalSigner, Signed};
use crate::system::{Entropy as _, SystemClock, SystemEntropy};
use crate::time::Clock as _;

/// Approve requests: sign exactly the cuts that are shown.
///
/// Shows what each partner would get, what is held back and why, what changed since the last release of the same
/// product to that partner, the terms and what still stands in the way, and asks before it signs. The officer is found
/// by the key. The push happens by itself after the last approval that is needed.
#[derive(Debug, clap::Args)]
pub struct Approve {
    /// The requests, or the beginnings of their numbers.
    #[arg(required_unless_present_any = ["batch", "offline", "import"])]
    requests: Vec<RequestArg>,
    /// The officer's private key.
    #[arg(long, required_unless_present = "import")]
    key: Option<PathBuf>,
    /// Write what each partner would get into this folder first, with its attachments, to be looked at: beside each cut a
    /// picture of every page and the words of a PDF, and pictures as files. It is made if it is not there.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Sign without asking. Of several requests, one that cannot be signed stops none of the others. One with words in
    /// common with what is held back is not signed, unless it comes by itself and with --in-common.
    #[arg(long)]
    yes: bool,
    /// With --yes, for one request: that so many runs of words in common with what is held back were read, in `request
    /// show`, and are signed for.
    #[arg(long, value_name = "NUMBER", requires = "yes")]
    in_common: Option<usize>,
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

impl Approve {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the key, the request or the node cannot be used, or confirmation was not given.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        if let Some(file) = &self.import {
            return import(config, file, out).await;
        }
        let key = self.key.as_deref().ok_or_else(|| Failure::input("give the officer's key with --key"))?;
        let signer = signer_at(key)?;
        if let (Some(file), Some(place)) = (&self.offline, &self.out) {
            return self.sign_offline(file, place, &signer, out);
        }
        if self.in_common.is_some() && self.requests.len() != 1 {
            return Err(Failure::input("--in-common says how many runs of words were read of one request: name one"));
        }
        let node = node_at(config).await?;
        if let Some(file) = &self.batch {
            return batch(&node, &signer, file, out).await;
        }
        let mut named = Vec::new();
        for request in &self.requests {
            named.push(request.find(&node).await?);
        }
        if named.iter().collect::<BTreeSet<_>>().len() != named.len() {
            return Err(Failure::input("a request is given twice"));
        }
        let [request] = &named[..] else {
            let requests: Vec<String> = named.iter().map(RequestId::to_string).collect();
            // A person is asked about one request at a time.
            let at_once = if self.yes { AT_ONCE } else { 1 };
            let one = async |at: usize| Ok(self.sign_one(&node, &signer, &named[at]).await?.0);
            return each(&node, &requests, at_once, out, one).await;
        };
        let (answer, written) = self.sign_one(&node, &signer, request).await.map_err(|not| not.failure)?;
        // It is signed: whatever fails now must not hide that.
        let changes = node.recent_changes_count().await.ok();
        let mut json = json!(answer);
        json["recent_changes"] = json!(changes);
        if self.output.is_some() {
            json["written"] = json!(written);
        }
        out.answer(&json, |text| {
            tell(text, &answer, out);
            if self.yes {
                tell_written(text, &written);
            }
            if self.yes {
                tell_changed(text, changes.unwrap_or(0));
            }
        });
        Ok(if answer.counts { Exit::Done } else { Exit::No })
    }

    /// Signs one request: one that was shown and confirmed, or with `--yes` one in which nothing is that must be shown.
    async fn sign_one(
        &self,
        node: &Node,
        signer: &LocalSigner,
        request: &RequestId,
    ) -> Result<(ApprovalOutcome, Vec<CutWritten>), NotSigned> {
        if self.yes {
            return self.sign_unasked(node, signer, request).await;
        }
        // Checked first, so that nobody reviews what they may not sign.
        node.check_approver(request, signer).await?;
        let review = node.review(request).await?;
        let written = write_cuts(node, request, self.output.as_deref()).await?;
        let mut text = String::new();
        // Recent changes of officers and rules are part of what an officer signs for.
        let changes = node.recent_changes().await?;
        if !changes.is_empty() {
            text.push_str("changes of who may do what, and by which rules, in the last 30 days:\n");
            write_changes(&mut text, &changes);
        }
        tell_review(&mut text, &review, self.source);
        tell_written(&mut text, &written);
        crate::cli::input::console::confirm(&text, "approval", "--yes, or --batch")?;
        Ok((node.approve(request, &review, signer).await?, written))
    }

    /// Shows the request in a file, and signs it where no node is.
    fn sign_offline(&self, file: &Path, place: &Path, signer: &LocalSigner, out: Out) -> Result<Exit, Failure> {
        let now = SystemClock.now();
        let exported = ExportedRequest::read(file, now).map_err(Failure::from)?;
        // Nobody is shown and asked what they could not sign, or not write, anyway.
        exported.approver(signer, now).map_err(Failure::from)?;
        package::is_free(place).map_err(Failure::refused)?;
        let written = match &self.output {
            Some(folder) => {
                make_private_folder(folder).map_err(|e| cannot_write(folder, e))?;
                exported.write_cuts(folder).map_err(Failure::from)?
            }
            None => Vec::new(),
        };
        let review = exported.review();
        if self.yes {
            self.nothing_unseen(&review)?;
        } else {
            let mut text = String::new();
            crate::cli::request::review::tell_origin(&mut text, &exported);
            tell_review(&mut text, &review, false);
            tell_written(&mut text, &written);
            crate::cli::input::console::confirm(&text, "approval", "--yes")?;
        }
        let mut nonce = [0; 16];
        SystemEntropy.fill(&mut nonce);
        let signed = exported.approve(signer, nonce, now).map_err(Failure::from)?;
        write_new(place, &signed).map_err(|e| cannot_write(place, e))?;
        let request = review.request;
        out.answer(&json!({ "request": request, "file": place, "written": written }), |text| {
            if self.yes {
                tell_written(text, &written);
            }
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
    ) -> Result<(ApprovalOutcome, Vec<CutWritten>), NotSigned> {
        if self.output.is_none() && self.in_common.is_none() {
            return Ok((node.approve_unseen(request, None, signer).await?, Vec::new()));
        }
        // What is signed is what was before it was written out, so that nothing else can be read there than was signed.
        let review = node.review(request).await?;
        self.nothing_unseen(&review)?;
        let written = write_cuts(node, request, self.output.as_deref()).await?;
        Ok((node.approve(request, &review, signer).await?, written))
    }

    /// Refuses a cut with words in common with what is held back, which each officer is shown, unless their number was
    /// given with --in-common: an officer who knows it has read them.
    fn nothing_unseen(&self, review: &RequestReview) -> Result<(), Failure> {
        let runs: usize = review.cuts.iter().map(|cut| cut.shared.len()).sum();
        let named = self.in_common.unwrap_or(0);
        if runs == named {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "it has {runs} run(s) of words in common with what is held back, and {named} were named: read them in `request \
             show {}` and name their number with --in-common, or approve it at a terminal",
            review.request
        )))
    }
}

/// Takes in an approval that was signed elsewhere.
async fn import(config: &Path, file: &Path, out: Out) -> Result<Exit, Failure> {
    let signed = read_bytes(file)?;
    if let Err(error) = Signed::<Approval>::peek(&signed) {
        return Err(Failure::input(format!(
            "`{}` is not a signed approval: {error}; give the file that `approve --offline FILE --out FILE` wrote",
            file.display()
        )));
    }
    let answer = node_at(config).await?.import_approval(&signed).await.map_err(Failure::from)?;
    let exit = if answer.counts { Exit::Done } else { Exit::No };
    out.answer(&json!(answer), |text| tell(text, &answer, out));
    Ok(exit)
}
