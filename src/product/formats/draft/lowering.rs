//! Lowering: a draft is written as text and read by the reader of text, so that there is one reader and one set of rules.
//!
//! A string must not become structure on the way. It is refused when it is written, and what was read is compared with
//! the draft afterwards.

use unicode_normalization::is_nfc;

use super::round_trip::compare;
use super::source_map::{Segment, is_consequence, move_to_source, moved};
use super::{Draft, DraftAttachment, DraftBody, DraftItem, DraftTearline, Origin, Span, fault_in};
use crate::marking::Register;
use crate::product::bounds::Bounds;
use crate::product::fault::{FaultCode, Faults};
use crate::product::format::Format;
use crate::product::formats::text::{
    BEGIN, BODY_COLUMNS, DETACHED, END, FRONT_KEYS, Form, HYPHENS, Parts, SIGNATURE, attachment_form_behind_mark,
    is_delimiter, key_value, read_parts,
};

/// Reads a draft by converting it to text. `None` if anything is wrong with it; `faults` says what.
pub(in crate::product) fn read(
    draft: &Draft<'_>,
    format: Format,
    bounds: &Bounds,
    register: &Register,
    form: Form,
    faults: &mut Faults,
) -> Option<Parts> {
    let mut lowered = Lowering { text: String::new(), lines: vec![Vec::new()], begins: 0, faults };
    lowered.product(draft);
    let Lowering { text, lines, faults, .. } = lowered;
    match read_parts(text.as_bytes(), bounds, register, form) {
        Ok(mut parts) => {
            if faults.is_empty() {
                compare(draft, &parts, faults);
            }
            for tearline in &mut parts.tearlines {
                move_to_source(tearline, &lines);
            }
            faults.is_empty().then_some(parts)
        }
        Err(found) => {
            // A fault of the source is not reported again for its effect on the text.
            let before = faults.so_far().to_vec();
            for fault in found.into_iter().map(|f| moved(f, &lines, format)).filter(|f| !is_consequence(f, &before)) {
                faults.add(fault);
            }
            None
        }
    }
}

struct Lowering<'d, 's, 'f> {
    text: String,
    lines: Vec<Vec<Segment<'d, 's>>>,
    begins: usize,
    faults: &'f mut Faults,
}

impl<'d, 's> Lowering<'d, 's, '_> {
    fn product(&mut self, draft: &'d Draft<'s>) {
        self.line(SIGNATURE, &draft.origin);
        for (key, value) in [("Id: ", &draft.id), ("Date: ", &draft.date), ("Kind: ", &draft.kind)] {
            if let Some(value) = value {
                self.push(key, &value.origin);
                self.single(value, "a value of the front block", "");
                self.end();
            }
        }
        for (index, tearline) in draft.tearlines.iter().enumerate() {
            if index == 0 {
                self.head(tearline);
                self.line("", &tearline.origin);
            } else {
                self.line("", &tearline.origin);
                self.line(HYPHENS, &tearline.origin);
                self.line("", &tearline.origin);
            }
            self.banner(tearline);
            if index > 0 {
                self.head(tearline);
            }
            for portion in &tearline.portions {
                self.line("", &portion.text.origin);
                self.portion(portion);
            }
            for attachment in &tearline.attachments {
                self.line("", &tearline.origin);
                self.attachment(attachment);
            }
        }
    }

    fn banner(&mut self, tearline: &'d DraftTearline<'s>) {
        let Some(banner) = &tearline.banner else { return };
        let text = &banner.text;
        let is_one = !text.trim_matches(' ').is_empty()
            && !text.starts_with('(')
            && !is_delimiter(text)
            && key_value(text, &FRONT_KEYS).is_none();
        if !is_one {
            self.faults.add(fault_in(
                FaultCode::BannerMissing,
                banner,
                0..text.len(),
                "a tearline with an invalid banner",
                "write its banner, such as `SECRET//REL TO USA, FVEY`",
            ));
        }
        self.single(banner, "a banner", "");
        self.end();
    }

    fn head(&mut self, tearline: &'d DraftTearline<'s>) {
        for (key, item) in
            [("Title: ", &tearline.title), ("Originator: ", &tearline.originator), ("Contact: ", &tearline.contact)]
        {
            if let Some(item) = item {
                self.push(key, first_origin(item));
                self.item(item, "");
                self.end();
            }
        }
        for (i, subject) in tearline.subjects.iter().enumerate() {
            self.push(if i == 0 { "Subjects: " } else { "; " }, first_origin(subject));
            self.item(subject, ";");
        }
        if !tearline.subjects.is_empty() {
            self.end();
        }
        for (i, token) in tearline.protected.iter().enumerate() {
            self.push(if i == 0 { "Protected: " } else { "; " }, &token.origin);
            self.single(token, "a protected token", ";");
        }
        if !tearline.protected.is_empty() {
            self.end();
        }
    }

    fn item(&mut self, item: &'d DraftItem<'s>, forbidden: &str) {
        self.mark(item);
        self.single(&item.text, "an item of a head", forbidden);
    }

    /// Writes the mark of an item and the space behind it.
    fn mark(&mut self, item: &'d DraftItem<'s>) {
        let Some(mark) = &item.mark else {
            if item.text.text.trim_start_matches(' ').starts_with('(') && item.text.text.contains(')') {
                self.faults.add(fault_in(
                    FaultCode::Structure,
                    &item.text,
                    0..item.text.text.len(),
                    "a text without a mark that begins as a mark would",
                    "write the mark where a mark belongs, or reword the text",
                ));
            }
            return;
        };
        self.pair(mark);
    }

    fn pair(&mut self, mark: &'d Span<'s>) {
        let inner = mark.text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
        if inner.is_none_or(|inner| inner.contains(['(', ')'])) {
            self.faults.add(fault_in(
                FaultCode::Unmarked,
                mark,
                0..mark.text.len(),
                "a portion mark that is not a marking in parentheses",
                "write it as it stands in text, such as `(U)` or `(S//REL TO USA, FVEY)`",
            ));
        }
        self.single(mark, "a portion mark", "");
        self.push(" ", &mark.origin);
    }

    fn portion(&mut self, portion: &'d DraftItem<'s>) {
        self.mark(portion);
        let span = &portion.text;
        self.normal(span);
        let mut offset = 0;
        for (i, line) in span.text.split('\n').enumerate() {
            if i > 0 {
                self.end();
            }
            let columns = offset..offset + line.len();
            let blank = line.trim_matches(' ').is_empty() && (i > 0 || span.text.contains('\n'));
            let (bad, message, hint) = if is_delimiter(line) {
                (true, "a tearline's delimiter inside a portion", "remove the line")
            } else if i == 0 && attachment_form_behind_mark(line).is_some() {
                (true, "text of a portion that would begin an attachment", "reword it")
            } else {
                (blank, "a blank line inside a portion", "remove it, or make a portion of its own of what follows")
            };
            if bad {
                self.faults.add(fault_in(FaultCode::Structure, span, columns, message, hint));
            }
            let (origin, within) = span.place(offset);
            self.push_from(line, origin, within);
            offset += line.len() + 1;
        }
        self.end();
    }

    fn attachment(&mut self, attachment: &'d DraftAttachment<'s>) {
        match &attachment.body {
            DraftBody::Lines(lines) => {
                for line in lines {
                    self.push_from(&line.text, &line.origin, 0);
                    self.end();
                }
            }
            DraftBody::Detached => self.described(attachment, DETACHED),
            DraftBody::Base64(data) => {
                self.described(attachment, BEGIN);
                if !data.text.is_ascii() {
                    let all = 0..data.text.len();
                    let hint = "encode the bytes with standard base64, padded at the end";
                    self.faults.add(fault_in(FaultCode::AttachmentBody, data, all, "a body that is not base64", hint));
                    return;
                }
                let mut rest = data.text.as_ref();
                while !rest.is_empty() {
                    let (line, behind) = rest.split_at(rest.len().min(BODY_COLUMNS));
                    self.push_from(line, &data.origin, data.text.len() - rest.len());
                    self.end();
                    rest = behind;
                }
                self.line(END, &data.origin);
            }
        }
    }

    /// Writes the line that describes an attachment.
    fn described(&mut self, attachment: &'d DraftAttachment<'s>, keyword: &str) {
        if let Some(mark) = &attachment.mark {
            self.pair(mark);
        }
        for (i, field) in attachment.fields.iter().enumerate() {
            if field.text.is_empty() || field.text.contains(' ') {
                self.faults.add(fault_in(
                    FaultCode::AttachmentBegin,
                    field,
                    0..field.text.len(),
                    "a value that is empty or holds a space",
                    "write name, type, length and digest without spaces",
                ));
            }
            self.push(if i == 0 { keyword } else { "" }, &field.origin);
            self.push(" ", &field.origin);
            self.single(field, "a value of an attachment", "");
        }
        self.end();
    }

    /// Writes a string that must stay on its line, and must not hold what parts one item from the next.
    fn single(&mut self, span: &'d Span<'s>, what: &str, forbidden: &str) {
        self.normal(span);
        if let Some(at) = span.text.find(|c| c == '\n' || forbidden.contains(c)) {
            let found = if span.text[at..].starts_with('\n') { "a line break" } else { "a semicolon" };
            let message = format!("{found} inside {what}");
            self.faults.add(fault_in(FaultCode::Structure, span, at..at + 1, &message, "remove it"));
        }
        // A fault is on record, so what is read of this is never used; the lines stay those of the draft.
        let text = span.text.replace('\n', " ");
        self.push_from(&text, &span.origin, 0);
    }

    /// Refuses a string that is not in the normal form: the same word in two encodings would give two products.
    fn normal(&mut self, span: &Span<'_>) {
        if !is_nfc(&span.text) {
            self.faults.add(fault_in(
                FaultCode::Unicode,
                span,
                0..span.text.len(),
                "a text that is not in Normalization Form C",
                "write accented letters as one character each",
            ));
        }
    }

    /// Writes text that is not in the source; its faults are reported at `origin`.
    fn push(&mut self, text: &str, origin: &'d Origin<'s>) {
        self.push_from(text, origin, 0);
    }

    fn push_from(&mut self, text: &str, origin: &'d Origin<'s>, offset: usize) {
        let column = self.text.len() - self.begins;
        // INVARIANT: `lines` begins with one element and only grows.
        self.lines.last_mut().expect("there is a line").push(Segment { column, origin, offset });
        self.text.push_str(text);
    }

    fn end(&mut self) {
        self.text.push('\n');
        self.begins = self.text.len();
        self.lines.push(Vec::new());
    }

    fn line(&mut self, text: &str, origin: &'d Origin<'s>) {
        self.push(text, origin);
        self.end();
    }
}

fn first_origin<'d, 's>(item: &'d DraftItem<'s>) -> &'d Origin<'s> {
    item.mark.as_ref().map_or(&item.text.origin, |m| &m.origin)
}
