//! The text of each attachment as a reader sees it, extracted once for all filters: inline attachments as a whole,
//! detached ones line by line.
//!
//! Input: attachments. Output: their text and the results of the line scan. This module does not decide whether
//! anything may pass.

mod fold_cache;
mod lines;

pub(super) use fold_cache::FoldCache;
pub(super) use lines::{Block, LINE_BYTES_MAX, ReadFault, is_read, lines, windows};

use super::finding::{Fault as LineFault, Finding};
use super::marks::Found;
use crate::product::Attachment;
use crate::rebuild::{Fault, Kind};

/// The extracted text of one attachment, or why it could not be extracted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentText {
    /// The text; empty for an image, `None` if it could not be extracted or is read line by line.
    pub text: Option<String>,
    /// Why a file of a foreign format differs from its rebuilt form, or cannot be rebuilt.
    pub fault: Option<Fault>,
    /// The line scan of a detached attachment.
    pub(super) lines: Option<LineScan>,
}

/// The results of the filters that examine a detached attachment line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LineScan {
    /// The results of the type filter.
    pub types: Vec<LineFault>,
    /// The results of the text filter.
    pub text: Vec<Finding>,
    /// The marks found, not yet compared with the attachment's own mark.
    pub marks: Found,
    /// Why it was not read to its end.
    pub unread: Option<LineFault>,
}

/// Returns the text of an attachment that occurs in the cut: the bytes themselves for a text format, otherwise the
/// extracted text. `None` if there is neither.
pub(super) fn text_of<'a>(attachment: &'a Attachment, reading: Option<&'a AttachmentText>) -> Option<&'a str> {
    let kind = Kind::of(attachment.media_type());
    if attachment.media_type() == "text/plain" || kind.is_some_and(Kind::is_text) {
        std::str::from_utf8(attachment.inline()?).ok()
    } else {
        reading?.text.as_deref()
    }
}
