//! What a reader sees of each attachment, read once and looked at by every filter that compares words.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::look::Looked;
use super::{Settings, stream};
use crate::cut::Cut;
use crate::product::{Attachment, Contents};
use crate::rebuild::{Fault, Kind, Table, Task};

/// The words of one attachment, or why nobody can say what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The words; empty for an image.
    pub text: Option<String>,
    /// Why a file of a foreign format is not as it would have been written anew.
    pub fault: Option<Fault>,
    /// What the filters that look at whole lines saw of an attachment that is kept beside the text.
    pub(super) seen: Option<stream::Seen>,
}

/// The text of an attachment that stands in the cut: as it is, where it is text, and as a reader sees it otherwise. `None`
/// where nobody can say what it is.
pub(super) fn text_of<'a>(attachment: &'a Attachment, reading: Option<&'a Reading>) -> Option<&'a str> {
    let kind = Kind::of(attachment.media_type());
    if attachment.media_type() == "text/plain" || kind.is_some_and(Kind::is_text) {
        std::str::from_utf8(attachment.inline()?).ok()
    } else {
        reading?.text.as_deref()
    }
}

/// Reads every attachment of `cut`, each in the process that may fail. Of those that were looked at already, what was
/// seen is taken from there.
pub(super) fn all(cut: &Cut, mut looked: Looked, contents: &dyn Contents, settings: &Settings) -> Vec<Reading> {
    let read = |(n, a): (usize, &Attachment)| match a.inline() {
        Some(bytes) => inline(a.media_type(), bytes, settings),
        None => {
            // A filter that fails here sees nothing, and fails again where its failure is a refusal.
            let look = || catch_unwind(AssertUnwindSafe(|| stream::see(a, contents))).ok();
            let seen = looked.take(n, a).or_else(look);
            Reading { text: None, fault: detached(a, contents), seen }
        }
    };
    cut.attachments().iter().enumerate().map(read).collect()
}

/// What is wrong with the form of an attachment that is kept beside the text. Only text and tables may be.
fn detached(attachment: &Attachment, contents: &dyn Contents) -> Option<Fault> {
    match attachment.media_type() {
        "text/plain" => None,
        "text/csv" => {
            let mut table = Table::default();
            let read = stream::lines(attachment, contents, &mut |line, ended| table.line(line, ended));
            match read {
                Ok(()) => table.finish().err(),
                Err(_) => Some(Fault::new("rebuild.unread", "a detached table that cannot be read to its end")),
            }
        }
        _ => Some(Fault::new("rebuild.detached", "a file of this format must stand in the text, to be written anew")),
    }
}

fn inline(media_type: &str, bytes: &[u8], settings: &Settings) -> Reading {
    let plain = || std::str::from_utf8(bytes).ok().map(str::to_owned);
    let Some(kind) = Kind::of(media_type) else {
        // Of a type that nobody reads only plain text can be looked into; the type filter refuses the others.
        let text = (media_type == "text/plain").then(plain).flatten();
        return Reading { text, fault: None, seen: None };
    };
    match settings.work(Task::Examine, kind, bytes) {
        Ok(seen) if seen.bytes == bytes => Reading { text: Some(seen.text), fault: None, seen: None },
        Ok(_) => Reading {
            text: None,
            fault: Some(Fault::new("filter.lied", "the filter answered with other bytes than it was shown")),
            seen: None,
        },
        // What is text can be read as it stands, whatever else is wrong with it.
        Err(fault) => Reading { text: if kind.is_text() { plain() } else { None }, fault: Some(fault), seen: None },
    }
}
