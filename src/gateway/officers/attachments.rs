//! Renderings of attachments for officers: text and tables on the command line, pages and images as files.

use crate::gateway::views::officer::{AttachmentShown, AttachmentWritten};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::config::{NewFolder, write_secret};
use crate::cut::Cut;
use crate::gateway::content::attachments::blocking;
use crate::gateway::{GatewayError, Node, package};
use crate::product::{Attachment, Contents};
use crate::rebuild::{Fault, Kind, Rebuilder, Task};

/// Maximum number of bytes of one attachment that are shown; the whole can be written out.
const SHOWN_BYTES: u64 = 64 * 1024;
/// Suffix of the folder with the renderings of a cut's attachments.
const RENDERINGS: &str = ".attachments";

impl AttachmentShown {
    /// Every attachment of `cut`. Foreign formats are read by `rebuilder`.
    pub(in crate::gateway) fn all(
        cut: &Cut,
        contents: &dyn Contents,
        rebuilder: &dyn Rebuilder,
    ) -> Vec<AttachmentShown> {
        let shown = |attachment: &Attachment| {
            let (text, pages) = match (Kind::of(attachment.media_type()), attachment.inline()) {
                (Some(Kind::Pdf), Some(bytes)) => match rebuilder.work(Task::Examine, Kind::Pdf, bytes) {
                    Ok(page) => (
                        cut_off(&format!("{}\n(text only: `--output` writes images of the pages)", page.text)),
                        Some(pages(&page.text)),
                    ),
                    Err(why) => (format!("its text cannot be shown: {why}"), None),
                },
                _ => (seen(attachment, contents), None),
            };
            AttachmentShown {
                name: attachment.name().as_str().to_owned(),
                media_type: attachment.media_type().to_owned(),
                marking: attachment.marking().portion(),
                bytes: attachment.size(),
                pages,
                digest: attachment.digest().to_string(),
                text,
            }
        };
        cut.attachments().iter().map(shown).collect()
    }
}

/// Number of pages of a rebuilt text: each ends in an empty line, and no other line is empty.
fn pages(text: &str) -> usize {
    text.lines().filter(|line| line.is_empty()).count()
}

/// The text of a cut without the bodies of attachments, which are shown separately. The line that describes each,
/// with its length and digest, stays.
pub(in crate::gateway) fn readable(cut: &Cut) -> String {
    let mut text = String::from_utf8_lossy(cut.bytes()).into_owned();
    for attachment in cut.attachments().iter().filter(|attachment| !attachment.is_detached()) {
        let (described, body) = attachment.printed();
        // Any other text is left as it is: exactly these bytes are omitted.
        text = text.replacen(&format!("{described}{body}"), &format!("{described}[content omitted here]\n"), 1);
    }
    text
}

impl Node {
    /// Writes renderings of a cut's attachments into a folder beside `place`, where the cut was or will be written:
    /// pages of a PDF as PNG files, drawn by a filter process under its limits, with their text; pictures as they
    /// are.
    ///
    /// # Errors
    /// [`GatewayError`] if the folder exists or cannot be written.
    pub fn write_renderings(&self, place: &Path, cut: &Cut) -> Result<Vec<AttachmentWritten>, GatewayError> {
        blocking(|| write_renderings(place, cut, &*self.inspection().rebuilder))
    }
}

/// As [`Node::write_renderings`].
pub(in crate::gateway) fn write_renderings(
    place: &Path,
    cut: &Cut,
    rebuilder: &dyn Rebuilder,
) -> Result<Vec<AttachmentWritten>, GatewayError> {
    let mut name = place.as_os_str().to_owned();
    name.push(RENDERINGS);
    let folder = PathBuf::from(name);
    let looked = |a: &Attachment| matches!(Kind::of(a.media_type()), Some(Kind::Pdf | Kind::Png | Kind::Jpeg));
    let new = match cut.attachments().iter().any(looked) {
        true => {
            package::is_free(&folder).map_err(GatewayError::Refused)?;
            Some(NewFolder::begin(&folder).map_err(|e| cannot(&folder, &e))?)
        }
        false => None,
    };
    let mut written = Vec::new();
    for (i, attachment) in cut.attachments().iter().enumerate() {
        // The files hold content: if one fails, all are removed.
        let made_in = new.as_ref().map_or(&*folder, NewFolder::path);
        written.push(look((made_in, &folder), i + 1, attachment, rebuilder)?);
    }
    new.map_or(Ok(()), NewFolder::finish).map_err(|e| cannot(&folder, &e))?;
    Ok(written)
}

fn cannot(place: &Path, error: &std::io::Error) -> GatewayError {
    GatewayError::Local(format!("`{}` cannot be written: {error}", place.display()))
}

/// Renders one attachment; its files are created in one folder and named as in the other.
fn look(
    (made_in, folder): (&Path, &Path),
    number: usize,
    attachment: &Attachment,
    rebuilder: &dyn Rebuilder,
) -> Result<AttachmentWritten, GatewayError> {
    let mut one = AttachmentWritten {
        name: attachment.name().as_str().to_owned(),
        media_type: attachment.media_type().to_owned(),
        bytes: attachment.size(),
        digest: attachment.digest().to_string(),
        pages: None,
        files: Vec::new(),
        lacks: None,
    };
    // Numbered, so that an attachment's name cannot collide with a page of another.
    let name = format!("{number}-{}", attachment.name());
    let keep = |name: String, bytes: &[u8]| {
        let place = folder.join(&name);
        write_secret(&made_in.join(name), bytes).map(|()| place.clone()).map_err(|e| cannot(&place, &e))
    };
    match (Kind::of(attachment.media_type()), attachment.inline()) {
        (Some(Kind::Png | Kind::Jpeg), Some(bytes)) => one.files.push(keep(name, bytes)?),
        (Some(Kind::Pdf), Some(bytes)) => {
            let lacks = |what: &str, why: &Fault| Some(format!("{what}: {why}"));
            match rebuilder.draw(Kind::Pdf, bytes) {
                Ok(pictures) => {
                    for (page, picture) in pictures.drawn.iter().enumerate() {
                        one.files.push(keep(format!("{name}.page-{:03}.png", page + 1), picture)?);
                    }
                    let drawn = pictures.drawn.len();
                    one.pages = Some(pictures.pages);
                    one.lacks =
                        (drawn < pictures.pages).then(|| format!("pages from {} on are not rendered", drawn + 1));
                }
                Err(why) => one.lacks = lacks("its pages cannot be rendered", &why),
            }
            match rebuilder.work(Task::Examine, Kind::Pdf, bytes) {
                Ok(rebuilt) => one.files.push(keep(format!("{name}.txt"), rebuilt.text.as_bytes())?),
                Err(why) => one.lacks = lacks("its text cannot be read", &why),
            }
        }
        _ => {}
    }
    Ok(one)
}

fn seen(attachment: &Attachment, contents: &dyn Contents) -> String {
    let mut begun = Vec::new();
    let opened = attachment.open(contents).map_err(|e| e.to_string());
    let read = opened.and_then(|content| content.take(SHOWN_BYTES).read_to_end(&mut begun).map_err(|e| e.to_string()));
    if let Err(why) = read {
        return format!("it cannot be shown: {why}");
    }
    match Kind::of(attachment.media_type()) {
        Some(Kind::Csv) => rows(&begun, attachment.size()),
        Some(Kind::Png | Kind::Jpeg) => "a picture: use `--output` to view it".to_owned(),
        _ if is_text(attachment) => partly(&begun, attachment.size()),
        _ => "not text: use `--output` to view it".to_owned(),
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
        more => format!("{text}\n… {more} more bytes: use `--output` to see them"),
    }
}

/// A table with aligned columns. Values that contain a line break or a quote are shown as written.
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
        Some((at, _)) => format!("{}\n… more: use `--output` to see the rest", &text[..at]),
        None => text.to_owned(),
    }
}
