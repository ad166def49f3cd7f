//! The reader: the front block, then each tearline, then the product as a whole. Every fault is reported, not only the first.

use super::attachments::{AttachmentForm, attachment_form};
use super::check;
use super::front_matter::{self, Entry, FRONT_KEYS, find, required};
use super::lines::{self, Line};
use super::parts::{Form, Parts};
use super::reader::Reader;
use super::syntax::{END, SIGNATURE, is_delimiter, looks_like_delimiter};
use super::tearline::Section;
use crate::marking::{DocumentDate, Register, Rules};
use crate::product::bounds::Bounds;
use crate::product::fault::{FaultCode, Faults, ProductFault};
use crate::product::model::{Kind, ProductId};

/// Reads a text of either form.
pub(crate) fn read_parts(
    bytes: &[u8],
    bounds: &Bounds,
    register: &Register,
    form: Form,
) -> Result<Parts, Vec<ProductFault>> {
    let mut faults = Faults::new(bounds);
    let parts =
        lines::lines(bytes, bounds, &mut faults).and_then(|lines| parts(&lines, bounds, register, form, &mut faults));
    match parts {
        Some(parts) if faults.is_empty() => Ok(parts),
        _ => Err(faults.into_sorted()),
    }
}

fn parts(lines: &[Line<'_>], bounds: &Bounds, register: &Register, form: Form, faults: &mut Faults) -> Option<Parts> {
    let first = lines.first()?;
    if first.text != SIGNATURE {
        faults.at(
            FaultCode::Signature,
            1,
            0..first.text.len(),
            "the first line does not name a supported product format",
            format!("begin text with `{SIGNATURE}`, Markdown with `# {SIGNATURE}`, JSON with an opening brace"),
        );
        return None;
    }
    let front_end = lines.iter().position(Line::is_blank).unwrap_or(lines.len());
    let front = front_matter::entries(&lines[1..front_end], &FRONT_KEYS, faults);
    let end_of_front = lines[front_end - 1].number;
    let id = required(&front, "Id", end_of_front, faults).and_then(|e| e.parse::<ProductId>(faults));
    let date = required(&front, "Date", end_of_front, faults).and_then(|e| e.date(faults));
    let kind = required(&front, "Kind", end_of_front, faults).and_then(|e| e.parse::<Kind>(faults));
    required(&front, "Title", end_of_front, faults);
    let originator = match form {
        Form::Source => required(&front, "Originator", end_of_front, faults).map(Entry::without_mark),
        Form::Cut => find(&front, "Originator").map(Entry::without_mark),
    };

    // A product without a date is at fault already; its marks are then judged as if nothing were in their favour.
    let rules = Rules::new(register, date.map_or(DocumentDate::Unknown, DocumentDate::Known));
    let sections = sections(&lines[front_end..], end_of_front, faults);
    if sections.len() > bounds.tearlines_max || (form == Form::Cut && sections.len() != 1) {
        let max = if form == Form::Cut { 1 } else { bounds.tearlines_max };
        let line = sections.get(max).map_or(end_of_front, |s| s.begins);
        let found = sections.len();
        faults.at(FaultCode::Bounds, line, 0..0, format!("{found} tearlines; the limit is {max}"), "remove tearlines");
        return None;
    }
    let mut reader = Reader { rules: rules.clone(), bounds, form, faults };
    let mut tearlines = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        tearlines.extend(reader.tearline(section, (index == 0).then_some(front.as_slice())));
    }
    // Only a product whose parts all read can be judged as a whole; anything less would report faults that are not.
    if faults.is_empty() {
        check::whole(id.as_ref()?, &tearlines, bounds, &rules, faults);
    }
    Some(Parts { id: id?, date: date?, kind: kind?, originator, tearlines })
}

/// The body as one section a tearline. Reports lines that could be taken for delimiters.
fn sections<'l, 't>(body: &'l [Line<'t>], end_of_front: usize, faults: &mut Faults) -> Vec<Section<'l, 't>> {
    let mut sections = Vec::new();
    let (mut start, mut in_attachment, mut begins) = (0, false, end_of_front);
    for (i, line) in body.iter().enumerate() {
        if is_delimiter(line.text) {
            sections.push(Section { begins, lines: &body[start..i] });
            (start, in_attachment, begins) = (i + 1, false, line.number);
        } else if in_attachment {
            in_attachment = line.text != END && !line.is_blank();
        } else if attachment_form(line.text) == Some(AttachmentForm::Inline) {
            in_attachment = true;
        } else if looks_like_delimiter(line.text) {
            faults.at(
                FaultCode::Delimiter,
                line.number,
                0..line.text.len(),
                "this line looks like a tearline delimiter and is not one",
                "write twenty or more hyphens and nothing else to begin a tearline, or remove the line",
            );
        }
    }
    sections.push(Section { begins, lines: &body[start..] });
    sections
}
