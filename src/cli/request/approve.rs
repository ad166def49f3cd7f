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
/// Shows what each partner would get, what is withheld and why, the changes since the last release of the same product to
/// that partner, the terms, and what still prevents the release; then asks for confirmation and signs. The key identifies the
/// officer. Delivery starts automatically after the last approval that is needed.
#[derive(Debug, clap::Args)]
pub struct Approve {
    /// The request IDs (`rq-…`), or unique prefixes of them.
    #[arg(required_unless_present_any = ["batch", "offline", "import"])]
    requests: Vec<RequestArg>,
    /// The officer's private key.
    #[arg(long, required_unless_present = "import")]
    key: Option<PathBuf>,
    /// First write what each partner would get into this folder, for review: each cut with its attachments, an image of each
    /// page and the text of each PDF, and each image as a file. The folder is created if needed.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Sign without asking for confirmation. A request that cannot be signed does not stop the others. A request that has words
    /// in common with withheld text is signed only alone and with --in-common.
    #[arg(long)]
    yes: bool,
    /// With --yes, for one request: the number of runs of words in common with withheld text. Read them in `request show`
    /// first; you sign for them.
    #[arg(long, value_name = "NUMBER", requires = "yes")]
    in_common: Option<usize>,
    /// Also show the source, tearline by tearline, with the withheld text. Do not pass it to the partner.
    #[arg(long)]
    source: bool,
    /// Sign a reviewed list without asking for confirmation: a file that `status --awaiting --format json` wrote. Requests whose
    /// purpose, precedence, expiry or cuts differ from the file are skipped.
    #[arg(long, conflicts_with_all = ["requests", "yes", "source"])]
    batch: Option<PathBuf>,
    /// Show and sign the request in a file that `request export` wrote, on a machine without a node. The signed approval is
    /// written to `--out`.
    #[arg(long, value_name = "FILE", requires = "out", conflicts_with_all = ["requests", "source", "batch", "import"])]
    offline: Option<PathBuf>,
    /// With `--offline`: the new file for the signed approval.
    #[arg(long, value_name = "FILE", requires = "offline")]
    out: Option<PathBuf>,
    /// Import an approval that was signed with `--offline`.
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
            return Err(Failure::input("--in-common is for one request: give one"));
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
            // Confirmation is asked for one request at a time.
            let at_once = if self.yes { AT_ONCE } else { 1 };
            let one = async |at: usize| Ok(self.sign_one(&node, &signer, &named[at]).await?.0);
            return each(&node, &requests, at_once, out, one).await;
        };
        let (answer, written) = self.sign_one(&node, &signer, request).await.map_err(|not| not.failure)?;
        // The approval is recorded: a failure from here on must not hide that.
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

    /// Signs one request: after review and confirmation, or with `--yes` if nothing in it must be shown to the officer.
    async fn sign_one(
        &self,
        node: &Node,
        signer: &LocalSigner,
        request: &RequestId,
    ) -> Result<(ApprovalOutcome, Vec<CutWritten>), NotSigned> {
        if self.yes {
            return self.sign_unasked(node, signer, request).await;
        }
        // Checked first, so that an officer does not review a request that they may not sign.
        node.check_approver(request, signer).await?;
        let review = node.review(request).await?;
        let written = write_cuts(node, request, self.output.as_deref()).await?;
        let mut text = String::new();
        // Recent changes of officers and rules are part of what an officer signs for.
        let changes = node.recent_changes().await?;
        if !changes.is_empty() {
            text.push_str("changes of officers, partners and policy in the last 30 days:\n");
            write_changes(&mut text, &changes);
        }
        tell_review(&mut text, &review, self.source);
        tell_written(&mut text, &written);
        crate::cli::input::console::confirm(&text, "approval", "--yes, or --batch")?;
        Ok((node.approve(request, &review, signer).await?, written))
    }

    /// Shows and signs the request in an exported file, without a node.
    fn sign_offline(&self, file: &Path, place: &Path, signer: &LocalSigner, out: Out) -> Result<Exit, Failure> {
        let now = SystemClock.now();
        let exported = ExportedRequest::read(file, now).map_err(Failure::from)?;
        // Checked before the review: whether the officer can sign, and whether the output file can be created.
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
            let _ = writeln!(text, "  import it at the node: portcullis approve --import FILE");
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
        // The review is taken before the cuts are written, so that the approval covers nothing that came later.
        let review = node.review(request).await?;
        self.nothing_unseen(&review)?;
        let written = write_cuts(node, request, self.output.as_deref()).await?;
        Ok((node.approve(request, &review, signer).await?, written))
    }

    /// Checks that `--in-common` gives the number of runs of words in common with withheld text (0 if left out). Every officer
    /// must read these runs; one who gives the right number has seen them.
    fn nothing_unseen(&self, review: &RequestReview) -> Result<(), Failure> {
        let runs: usize = review.cuts.iter().map(|cut| cut.shared.len()).sum();
        let named = self.in_common.unwrap_or(0);
        if runs == named {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "it has {runs} run(s) of words in common with what is withheld, and {named} were confirmed: read them in \
             `request show {}` and give their number with --in-common, or approve it at a terminal",
            review.request
        )))
    }
}

/// Imports an approval that was signed offline.
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
