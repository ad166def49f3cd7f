//! Cuts and attachments that are written out for an officer to look at.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::input::files::cannot_write;
use crate::cli::output::{Failure, shown};
use crate::config::make_private_folder;
use crate::gateway::{AttachmentWritten, CutWritten, Node};
use crate::ident::RequestId;

/// Writes what the partners of a request would get into a folder, which is made if it is not there; into none, nothing.
pub(in crate::cli) async fn write_cuts(
    node: &Node,
    request: &RequestId,
    folder: Option<&Path>,
) -> Result<Vec<CutWritten>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    make_private_folder(folder).map_err(|e| cannot_write(folder, e))?;
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
