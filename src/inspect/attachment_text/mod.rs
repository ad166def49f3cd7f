//! The text of each attachment as a reader sees it: inline ones as a whole, detached ones line by line, extracted once for
//! every filter.
//!
//! In come attachments; out go text and the result of the line scan. Nothing here decides whether something may pass.

mod fold_cache;
mod lines;

pub(super) use fold_cache::FoldCache;
pub(super) use lines::{Block, LINE_BYTES_MAX, Unread, is_read, lines, windows};

use super::finding::{Fault as LineFault, Finding};
use super::marks::Found;
use crate::product::Attachment;
use crate::rebuild::{Fault, Kind};

/// The words of one attachment, or why nobody can say what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentText {
    /// The words; empty for an image.
    pub text: Option<String>,
    /// Why a file of a foreign format is not as it would have been written anew.
    pub fault: Option<Fault>,
    /// What the filters that look at whole lines saw of an attachment that is kept beside the text.
    pub(super) lines: Option<LineScan>,
}

/// What the filters that look at whole lines, each for itself, have to say of a detached attachment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LineScan {
    /// The type filter.
    pub types: Vec<LineFault>,
    /// The text filter.
    pub text: Vec<Finding>,
    /// The filter of marks, before they are held against the attachment's own.
    pub marks: Found,
    /// Why it was not read to its end.
    pub unread: Option<LineFault>,
}

/// The text of an attachment that occurs in the cut: as it is, where it is text, and as a reader sees it otherwise. `None`
/// where nobody can say what it is.
pub(super) fn text_of<'a>(attachment: &'a Attachment, reading: Option<&'a AttachmentText>) -> Option<&'a str> {
    let kind = Kind::of(attachment.media_type());
    if attachment.media_type() == "text/plain" || kind.is_some_and(Kind::is_text) {
        std::str::from_utf8(attachment.inline()?).ok()
    } else {
        reading?.text.as_deref()
    }
}
