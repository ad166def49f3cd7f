//! The source map: from a place in the text that a draft was lowered to, back to the place in its source.

use super::Origin;
use crate::product::fault::{Code, FaultCode, ProductFault};
use crate::product::format::Format;
use crate::product::model::Tearline;

/// A piece of a line of text and where it came from.
pub(in crate::product) struct Segment<'d, 's> {
    /// The byte of the line at which it begins.
    pub column: usize,
    pub origin: &'d Origin<'s>,
    /// The byte of the source string, decoded, that stands there.
    pub offset: usize,
}

/// Whether a fault of the text only follows from one of `reported`, at the same place in the source.
pub(in crate::product) fn is_consequence(fault: &ProductFault, reported: &[ProductFault]) -> bool {
    !reported.is_empty() && of_absence(fault) || reported.iter().any(|earlier| same_place(earlier, fault))
}

fn of_absence(fault: &ProductFault) -> bool {
    const ABSENCE: [FaultCode; 3] = [FaultCode::FrontMissing, FaultCode::BannerMissing, FaultCode::TearlineEmpty];
    ABSENCE.iter().any(|code| fault.code == (*code).into())
}

/// Whether two faults are of one value, or of one line of a source that has no values.
fn same_place(a: &ProductFault, b: &ProductFault) -> bool {
    // A mark and its text are one value with two members.
    let value = |fault: &'_ ProductFault| {
        let pointer = fault.pointer.clone()?;
        Some(pointer.strip_suffix("/mark").or(pointer.strip_suffix("/text")).unwrap_or(&pointer).to_owned())
    };
    let within = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match (value(a), value(b)) {
        // A fault of the product as a whole says nothing about any part.
        (Some(a), Some(b)) => !a.is_empty() && !b.is_empty() && (within(&a, &b) || within(&b, &a)),
        _ => a.line == b.line,
    }
}

/// The piece that holds the byte `column` of a line; of two that meet there, the later.
fn segment<'m, 'd, 's>(lines: &'m [Vec<Segment<'d, 's>>], line: usize, column: usize) -> Option<&'m Segment<'d, 's>> {
    // A line without a piece of its own is the empty one behind the last.
    let pieces = lines[..line.min(lines.len())].iter().rev().find(|p| !p.is_empty())?;
    pieces.iter().rev().find(|p| p.column <= column).or(pieces.first())
}

/// A fault of the text as a fault of the source.
pub(in crate::product) fn moved(fault: ProductFault, lines: &[Vec<Segment<'_, '_>>], format: Format) -> ProductFault {
    let Some(start) = segment(lines, fault.line, fault.columns.start) else { return fault };
    let column =
        |piece: &Segment<'_, '_>, at: usize| piece.origin.column_of(piece.offset + at.saturating_sub(piece.column));
    let from = column(start, fault.columns.start);
    // A fault ends in the piece that holds its last byte; where that stands elsewhere, its beginning must do.
    let last = fault.columns.end.saturating_sub(1).max(fault.columns.start);
    let to = match segment(lines, fault.line, last) {
        Some(end) if end.origin.line == start.origin.line && !fault.columns.is_empty() => {
            column(end, fault.columns.end)
        }
        _ => from,
    };
    let hint = hint(&fault, format);
    ProductFault {
        line: start.origin.line,
        columns: from..to.max(from),
        hint,
        pointer: start.origin.pointer.as_deref().map(str::to_owned),
        ..fault
    }
}

/// The hint for a producer of this format, where the hint for text would not help.
fn hint(fault: &ProductFault, format: Format) -> String {
    let Code::Product(code) = fault.code else { return fault.hint.clone() };
    let structured = format != Format::Markdown;
    match code {
        FaultCode::Delimiter if structured => "remove the line: a tearline is an object of its own".into(),
        FaultCode::BannerStray if structured => "remove it, or make a tearline of what it stands over".into(),
        FaultCode::FrontLine if structured => "reword it: in text it would be a line of the head".into(),
        FaultCode::Unmarked if structured => {
            "give it a mark of its own, such as `(U)` or `(S//REL TO USA, FVEY)`".into()
        }
        FaultCode::FrontMissing if format == Format::Json => "add it to the product, or to its first tearline".into(),
        FaultCode::FrontMissing if format == Format::Stix => {
            "let the report name its author, an identity of the bundle, with `created_by_ref`".into()
        }
        FaultCode::MarkInside if structured => {
            "make a portion of its own of what it marks, or write it without parentheses".into()
        }
        FaultCode::Empty => "give it a text, or remove it".into(),
        FaultCode::AttachmentBegin if structured => "correct the attachment's name, type, length or digest".into(),
        FaultCode::AttachmentBody if structured => {
            "encode exactly the bytes that length and SHA-256 describe, with standard base64, padded at the end".into()
        }
        _ => fault.hint.clone(),
    }
}

/// Sets the line of every part of a tearline to its line in the source.
pub(in crate::product) fn move_to_source(tearline: &mut Tearline, lines: &[Vec<Segment<'_, '_>>]) {
    let moved = |line: &mut usize| *line = segment(lines, *line, 0).map_or(*line, |p| p.origin.line);
    moved(&mut tearline.line);
    let head = &mut tearline.head;
    let items = head.title.iter_mut().chain(&mut head.originator).chain(&mut head.subjects).chain(&mut head.contact);
    items.for_each(|item| moved(&mut item.line));
    tearline.portions.iter_mut().for_each(|portion| moved(&mut portion.line));
    tearline.attachments.iter_mut().for_each(|attachment| moved(&mut attachment.line));
}
