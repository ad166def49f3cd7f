//! Attachments as their reader sees them, for officers: words and tables, without leaving the command line.

use std::io::Read as _;

use crate::cut::Cut;
use crate::product::{Attachment, Contents};
use crate::rebuild::{Kind, Limits, Task, work};

/// As much of one attachment as is shown, in bytes; the whole can be written out.
const SHOWN_BYTES: u64 = 64 * 1024;

/// One attachment as an officer is shown it.
#[derive(Clone, Debug)]
pub struct AttachmentShown {
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its marking.
    pub marking: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// What a reader sees of it: the text, the rows of a table, the words of a page; for a picture, that it is one.
    pub text: String,
}

impl AttachmentShown {
    /// Every attachment of `cut`.
    pub(super) fn all(cut: &Cut, contents: &dyn Contents) -> Vec<AttachmentShown> {
        let shown = |attachment: &Attachment| AttachmentShown {
            name: attachment.name().as_str().to_owned(),
            media_type: attachment.media_type().to_owned(),
            marking: attachment.marking().portion(),
            bytes: attachment.size(),
            digest: attachment.digest().to_string(),
            text: seen(attachment, contents),
        };
        cut.attachments().iter().map(shown).collect()
    }
}

fn seen(attachment: &Attachment, contents: &dyn Contents) -> String {
    let mut begun = Vec::new();
    let opened = attachment.open(contents).map_err(|e| e.to_string());
    let read = opened.and_then(|content| {
        // A page is read whole, and is no longer than the limits say; of the others the beginning is enough.
        let most = if is_text(attachment) { SHOWN_BYTES } else { Limits::default().bytes_max as u64 };
        content.take(most).read_to_end(&mut begun).map_err(|e| e.to_string())
    });
    if let Err(why) = read {
        return format!("it cannot be shown: {why}");
    }
    match Kind::of(attachment.media_type()) {
        Some(Kind::Csv) => rows(&begun, attachment.size()),
        Some(Kind::Png | Kind::Jpeg) => "a picture: look at it in what `--output` writes".to_owned(),
        Some(Kind::Pdf) => match work(Task::Examine, Kind::Pdf, &begun, &Limits::default()) {
            Ok(page) => cut_off(&format!("{}\n(words alone: look for pictures in what `--output` writes)", page.text)),
            Err(why) => format!("its words cannot be shown: {why}"),
        },
        _ if is_text(attachment) => partly(&begun, attachment.size()),
        _ => "no text: look at it in what `--output` writes".to_owned(),
    }
}

fn is_text(attachment: &Attachment) -> bool {
    let kind = Kind::of(attachment.media_type());
    attachment.media_type() == "text/plain" || kind.is_some_and(Kind::is_text)
}

fn partly(begun: &[u8], whole: u64) -> String {
    let text = String::from_utf8_lossy(begun).into_owned();
    match whole.saturating_sub(begun.len() as u64) {
        0 => text,
        more => format!("{text}\n… {more} more bytes: write them out with `--output`"),
    }
}

/// A table with its columns under each other. Values that hold a line break or a quote are shown as they are written.
fn rows(begun: &[u8], whole: u64) -> String {
    let text = partly(begun, whole);
    let cells: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    if text.contains('"') {
        return text;
    }
    let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| cells.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let row = |row: &Vec<&str>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
    };
    cells.iter().map(row).collect::<Vec<_>>().join("\n")
}

fn cut_off(text: &str) -> String {
    match text.char_indices().nth(SHOWN_BYTES as usize) {
        Some((at, _)) => format!("{}\n… more: write it out with `--output`", &text[..at]),
        None => text.to_owned(),
    }
}
