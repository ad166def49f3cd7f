//! Reading attachments in a product's text: an inline one with its body, or the one line of a detached one.

use std::collections::BTreeSet;

use super::lines::Line;
use super::portion_marks as marks;
use super::reader::Reader;
use super::syntax::{BEGIN, DETACHED, END, decode_line};
use crate::digest::Digest;
use crate::marking::Marking;
use crate::product::attachment::{Attachment, Body, FileName, is_media_type};
use crate::product::fault::{FaultCode, InvalidValue};

/// What a line that begins an attachment, or was meant to, begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::product) enum AttachmentForm {
    /// One whose body stands beneath it.
    Inline,
    /// The one line of a detached one.
    Detached,
}

/// The attachment that `line` begins: behind its mark stands the keyword. A paragraph cannot begin so, whatever format it
/// is written in, which is what keeps the two apart; behind its first words the keyword is a word like any other.
pub(in crate::product) fn attachment_form(line: &str) -> Option<AttachmentForm> {
    let (_, behind_mark) = line.trim_start_matches(' ').strip_prefix('(')?.split_once(')')?;
    attachment_form_behind_mark(behind_mark)
}

/// The same for what follows the mark.
pub(in crate::product) fn attachment_form_behind_mark(text: &str) -> Option<AttachmentForm> {
    let keyword = |keyword: &str| {
        let rest = text.trim_start_matches(' ').strip_prefix(keyword);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    if keyword(BEGIN) {
        return Some(AttachmentForm::Inline);
    }
    keyword(DETACHED).then_some(AttachmentForm::Detached)
}

impl Reader<'_, '_> {
    /// Reads one attachment from the lines of its block, of which the first begins it so.
    pub(in crate::product) fn attachment(
        &mut self,
        block: &[Line<'_>],
        begins: AttachmentForm,
        banner: Option<&Marking>,
    ) -> Option<Attachment> {
        let (line, detached) = (block[0], begins == AttachmentForm::Detached);
        let (mark, text) = marks::split(line, line.text, "an attachment", self.faults)?;
        let marking = marks::portion(line, mark, banner, &self.rules, self.faults);
        let begun = if detached {
            described(text, DETACHED, self.bounds.detached_bytes_max)
        } else {
            described(text, BEGIN, self.bounds.inline_attachment_bytes_max as u64)
        };
        if let Err(expected) = &begun {
            let at = line.column_of(text);
            self.faults.at(
                FaultCode::AttachmentBegin,
                line.number,
                at..line.text.len(),
                "malformed attachment line",
                format!("write {expected}"),
            );
        }
        let body = if detached {
            self.no_body(&block[1..]).map(|()| None)
        } else {
            self.body(&block[1..], line.number).map(Some)
        };
        let (Ok(begun), Some(body)) = (begun, body) else { return None };
        if let Some(bytes) = &body
            && (bytes.len() as u64 != begun.size || Digest::of(bytes) != begun.digest)
        {
            self.faults.at(
                FaultCode::AttachmentBody,
                line.number,
                0..line.text.len(),
                "the body does not match the length and SHA-256 of its begin line",
                "state the length and the SHA-256 of exactly the attached bytes",
            );
            return None;
        }
        Some(Attachment {
            marking: marking?,
            name: begun.name,
            media_type: begun.media_type,
            body: body.map_or(Body::Detached, Body::Inline),
            size: begun.size,
            digest: begun.digest,
            line: line.number,
        })
    }

    /// Reports attachments of one tearline whose names some file system would take for the same.
    pub(in crate::product) fn names(&mut self, attachments: &[Attachment]) {
        let mut seen = BTreeSet::new();
        for attachment in attachments {
            if !seen.insert(attachment.name.as_str().to_ascii_lowercase()) {
                self.faults.at(
                    FaultCode::AttachmentName,
                    attachment.line,
                    0..0,
                    "two attachments of this tearline have the same file name, ignoring case",
                    "give each a name of its own",
                );
            }
        }
    }

    /// A detached attachment is one line: whatever follows it directly belongs to nothing.
    fn no_body(&mut self, lines: &[Line<'_>]) -> Option<()> {
        let Some(stray) = lines.first() else { return Some(()) };
        self.faults.at(
            FaultCode::AttachmentBody,
            stray.number,
            0..stray.text.len(),
            "a line directly beneath a detached attachment, which has no body",
            format!("put a blank line before it, or begin an attachment with a body with `(mark) {BEGIN}`"),
        );
        None
    }

    fn body(&mut self, lines: &[Line<'_>], begin: usize) -> Option<Vec<u8>> {
        let Some((end, body)) = lines.split_last().filter(|(end, _)| end.text == END) else {
            let line = lines.last().map_or(begin, |l| l.number);
            self.faults.at(
                FaultCode::AttachmentBody,
                line,
                0..0,
                format!("an attachment that does not end with `{END}`"),
                format!("end its body with a line `{END}`, without a blank line before"),
            );
            return None;
        };
        let mut bytes = Vec::new();
        for (i, line) in body.iter().enumerate() {
            if decode_line(line.text, i + 1 == body.len(), &mut bytes).is_none() {
                self.faults.at(
                    FaultCode::AttachmentBody,
                    line.number,
                    0..line.text.len(),
                    "invalid base64 line",
                    "encode the file with standard base64, 76 characters a line, padded at the end",
                );
                return None;
            }
            if bytes.len() > self.bounds.inline_attachment_bytes_max {
                let max = self.bounds.inline_attachment_bytes_max;
                self.faults.at(
                    FaultCode::Bounds,
                    line.number,
                    0..0,
                    format!("an attachment of more than {max} bytes in the text"),
                    format!("keep it beside the text and name it with `(mark) {DETACHED} name type bytes sha256`"),
                );
                return None;
            }
        }
        if bytes.is_empty() {
            self.faults.at(
                FaultCode::AttachmentBody,
                end.number,
                0..0,
                "an empty attachment",
                "remove it, or attach its content",
            );
            return None;
        }
        Some(bytes)
    }
}

struct Described {
    name: FileName,
    media_type: String,
    size: u64,
    digest: Digest,
}

/// Reads ` KEYWORD name type bytes sha256`, which follows the mark. The error says what to write.
fn described(text: &str, keyword: &str, bytes_max: u64) -> Result<Described, String> {
    let form = || format!("`(mark) {keyword} name type bytes sha256`, single spaces between");
    let rest = text
        .strip_prefix(' ')
        .and_then(|t| t.strip_prefix(keyword))
        .and_then(|t| t.strip_prefix(' '))
        .ok_or_else(form)?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let [name, media_type, size, digest] = fields[..] else { return Err(form()) };
    let name = name.parse().map_err(|e: InvalidValue| e.0.to_owned())?;
    if !is_media_type(media_type) {
        return Err("a media type such as `text/csv`, without parameters".into());
    }
    let size: u64 =
        size.parse().ok().filter(|n: &u64| n.to_string() == size).ok_or("the length in bytes, in decimal")?;
    // An empty body is reported where the body should be.
    if size > bytes_max || (size == 0 && keyword == DETACHED) {
        return Err(format!("a length of 1 to {bytes_max} bytes"));
    }
    let digest = digest.parse().map_err(|_| "the SHA-256 of the bytes as 64 lower-case hexadecimal digits")?;
    Ok(Described { name, media_type: media_type.into(), size, digest })
}
