//! Writes cuts and attachments to files, for an officer to view.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::input::files::cannot_write;
use crate::cli::output::{Failure, shown};
use crate::config::make_private_folder;
use crate::gateway::{AttachmentWritten, CutWritten, Node};
use crate::ident::RequestId;

/// Writes what the partners of a request would get into `folder`, which is created if needed. Writes nothing for `None`.
///
/// # Errors
/// [`Failure`] if there is no such request, or the folder cannot be written.
pub(in crate::cli) async fn write_cuts(
    node: &Node,
    request: &RequestId,
    folder: Option<&Path>,
) -> Result<Vec<CutWritten>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    make_private_folder(folder).map_err(|e| cannot_write(folder, e))?;
    node.write_cuts(request, folder).await.map_err(Failure::from)
}

/// Appends where cuts were written, and the files in which their attachments can be viewed.
pub(in crate::cli) fn tell_written(text: &mut String, written: &[CutWritten]) {
    for cut in written {
        let _ = writeln!(text, "  written to {}", cut.place.display());
        tell_looks(text, &cut.attachments);
    }
}

/// Appends the files in which attachments can be viewed.
pub(in crate::cli) fn tell_looks(text: &mut String, attachments: &[AttachmentWritten]) {
    for AttachmentWritten { name, media_type, bytes, digest, pages, files, lacks } in attachments {
        let pages = told_pages(*pages);
        let _ = writeln!(text, "  attachment {} ({media_type}, {bytes} bytes{pages}, sha256 {digest})", shown(name));
        for file in files {
            let _ = writeln!(text, "    view {}", file.display());
        }
        if let Some(lacks) = lacks {
            let _ = writeln!(text, "    CANNOT BE VIEWED: {}", shown(lacks));
        }
    }
}

/// Returns a page count such as `, 2 pages`; the empty string for an attachment without pages.
pub(in crate::cli) fn told_pages(pages: Option<usize>) -> String {
    match pages {
        Some(1) => ", 1 page".to_owned(),
        Some(pages) => format!(", {pages} pages"),
        None => String::new(),
    }
}
