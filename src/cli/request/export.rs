//! `portcullis request`: read a request without signing, or write it out for an officer who has no access to the node.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::input::arguments::RequestArg;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out};
use crate::cli::request::review::tell_review;
use crate::cli::request::write_out::{tell_written, write_cuts};
use crate::gateway::{AttachmentShown, CutReview};

/// Read requests; write them out for officers.
#[derive(Debug, clap::Subcommand)]
pub enum RequestCommand {
    /// Show a request as an officer is shown it, attachments as their reader sees them. Nothing is signed.
    Show {
        /// The request, or the beginning of its number.
        request: RequestArg,
        /// Also show the source, tearline by tearline, with what is held back; for our own side only.
        #[arg(long)]
        source: bool,
        /// Write what each partner would get into this folder too, with its attachments, and beside it a picture of each
        /// page and the words of a PDF; it is made if it is not there.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Write everything that an approval of a request binds into one file, for `approve --offline`.
    Export {
        /// The request, or the beginning of its number.
        request: RequestArg,
        /// The file to write: one that does not exist yet. It holds what the partners would get: keep it as you keep that.
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
                    let _ = writeln!(text, "written {}: sign it with `approve --offline`", place.display());
                });
            }
        }
        Ok(Exit::Done)
    }
}

/// What one partner would get, for a machine to read.
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
