//! `portcullis request`: read a request without signing, or write it out for an officer who has no access to the node.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::node_at;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::cli::request::approve::tell_review;
use crate::config::make_private_folder;
use crate::gateway::{AttachmentShown, AttachmentWritten, CutReview, CutWritten, ExportedRequest, Node};
use crate::ident::RequestId;

/// Read requests; write them out for officers.
#[derive(Debug, clap::Subcommand)]
pub enum RequestCommand {
    /// Show a request as an officer is shown it, attachments as their reader sees them. Nothing is signed.
    Show {
        /// The request.
        request: RequestId,
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
        /// The request.
        request: RequestId,
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
                node.export_request(&request, &place).await.map_err(Failure::from)?;
                out.answer(&json!({ "request": request, "file": place }), |text| {
                    let _ = writeln!(text, "written {}: sign it with `approve --offline`", place.display());
                });
            }
        }
        Ok(Exit::Done)
    }
}

/// Writes what the partners of a request would get into a folder, which is made if it is not there; into none, nothing.
pub(in crate::cli) async fn write_cuts(
    node: &Node,
    request: &RequestId,
    folder: Option<&Path>,
) -> Result<Vec<CutWritten>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    make_private_folder(folder).map_err(|e| crate::cli::node::init::cannot_write(folder, e))?;
    node.write_cuts(request, folder).await.map_err(Failure::from)
}

/// Where it was written, and by which files its attachments can be looked at.
pub(in crate::cli) fn tell_written(text: &mut String, written: &[CutWritten]) {
    for cut in written {
        let _ = writeln!(text, "  written to {}", cut.place.display());
        tell_looks(text, &cut.attachments);
    }
}

/// By which files attachments can be looked at.
pub(in crate::cli) fn tell_looks(text: &mut String, attachments: &[AttachmentWritten]) {
    for AttachmentWritten { name, media_type, bytes, digest, pages, files, lacks } in attachments {
        let pages = told_pages(*pages);
        let _ = writeln!(text, "  attachment {} ({media_type}, {bytes} bytes{pages}, sha256 {digest})", shown(name));
        for file in files {
            let _ = writeln!(text, "    look at {}", file.display());
        }
        if let Some(lacks) = lacks {
            let _ = writeln!(text, "    NOT TO BE LOOKED AT: {}", shown(lacks));
        }
    }
}

/// How many pages, behind a comma; nothing for what has none.
pub(in crate::cli) fn told_pages(pages: Option<usize>) -> String {
    match pages {
        Some(1) => ", 1 page".to_owned(),
        Some(pages) => format!(", {pages} pages"),
        None => String::new(),
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

/// Where an exported request comes from.
pub(in crate::cli) fn tell_origin(text: &mut String, exported: &ExportedRequest) {
    let (node, instance, when, approved_by) = exported.origin();
    let _ = writeln!(text, "from node {node}, written {when}");
    let _ = writeln!(text, "  ledger key    {}", crate::cli::partner::grouped(&instance.to_string()));
    if !approved_by.is_empty() {
        let names: Vec<&str> = approved_by.iter().map(crate::ident::OfficerId::as_str).collect();
        let _ = writeln!(text, "  approved by then by {}", names.join(", "));
    }
}
