//! `portcullis request`: shows a request without signing, or exports it for an officer without access to the node.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::input::arguments::RequestArg;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out};
use crate::cli::request::review::tell_review;
use crate::cli::request::write_out::{tell_written, write_cuts};
use crate::gateway::{AttachmentShown, CutReview};

/// Show requests; export them for offline approval.
#[derive(Debug, clap::Subcommand)]
pub enum RequestCommand {
    /// Show a request as `approve` shows it, without signing.
    ///
    /// Attachments are shown as their recipient would see them.
    Show {
        /// The request ID (`rq-…`), or a unique prefix of it.
        request: RequestArg,
        /// Also show the source, tearline by tearline, with the withheld text. Do not pass it to the partner.
        #[arg(long)]
        source: bool,
        /// Also write what each partner would get into this folder: each cut with its attachments, an image of each page and
        /// the text of each PDF, and each image as a file. The folder is created if needed.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Export a request to one file, for `approve --offline`.
    ///
    /// The file holds everything that an approval covers.
    Export {
        /// The request ID (`rq-…`), or a unique prefix of it.
        request: RequestArg,
        /// The new file to write. It contains what the partners would get: protect it accordingly.
        #[arg(long)]
        out: PathBuf,
    },
}

impl RequestCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the request is not open, or the node or the file cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        match self {
            RequestCommand::Show { request, source, output } => {
                let request = request.find(&node).await?;
                let review = node.review(&request).await.map_err(Failure::from)?;
                let written = write_cuts(&node, &request, output.as_deref()).await?;
                let cuts: Vec<Value> = review.cuts.iter().map(cut).collect();
                let places: Vec<&Path> = written.iter().map(|cut| cut.place.as_path()).collect();
                let looks: Vec<_> = written.iter().flat_map(|cut| &cut.attachments).collect();
                let answer = json!({
                    "request": review.request, "terms": review.terms, "cuts": cuts, "written": places, "looks": looks,
                });
                out.answer(&answer, |text| {
                    tell_review(text, &review, source);
                    tell_written(text, &written);
                });
            }
            RequestCommand::Export { request, out: place } => {
                let request = request.find(&node).await?;
                node.export_request(&request, &place).await.map_err(Failure::from)?;
                out.answer(&json!({ "request": request, "file": place }), |text| {
                    let _ = writeln!(text, "wrote {}: sign it with `approve --offline`", place.display());
                });
            }
        }
        Ok(Exit::Done)
    }
}

/// What one partner would get, as JSON.
fn cut(cut: &CutReview) -> Value {
    let attachment = |a: &AttachmentShown| {
        json!({
            "name": a.name, "media_type": a.media_type, "marking": a.marking, "bytes": a.bytes, "pages": a.pages,
            "digest": a.digest, "text": a.text,
        })
    };
    json!({
        "partner": cut.partner, "effort": cut.effort, "marking": cut.marking, "digest": cut.digest, "bytes": cut.bytes, "text": cut.text,
        "enrolment": cut.enrolment, "agreement": cut.agreement, "withheld": cut.withheld, "changes": cut.changes,
        "shared": cut.shared,
        "attachments": cut.attachments.iter().map(attachment).collect::<Vec<_>>(),
    })
}
