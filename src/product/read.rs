//! Reading a product's text: front block, tearlines, blocks. Every fault is reported, not only the first.

use jiff::civil::Date;

use super::attached::{Begins, beginning};
use super::attachment::END;
use super::bounds::Bounds;
use super::check;
use super::fault::{FaultCode, ProductFault};
use super::format::Format;
use super::formats;
use super::front::{self, Entry, FRONT_KEYS, find, required};
use super::model::{Kind, Product, ProductId, Tearline};
use super::print::SIGNATURE;
use super::tearline::Reader;
use super::text::{self, Faults, Line};
use crate::digest::Digest;
use crate::marking::{DocumentDate, Register, Rules};

impl Product {
    /// Reads a product in whatever format its content shows it to be (`docs/PRODUCT-FORMAT.md`, `docs/FORMATS.md`), and
    /// checks everything that the marking specification asks of a whole product: every mark valid on the product's
    /// date, every banner covering what stands beneath it, levels never rising and audiences never shrinking from one
    /// tearline to the next.
    ///
    /// # Errors
    /// Every fault found, in the order of the source, up to `bounds.faults_max`.
    pub fn read(source: &[u8], bounds: &Bounds, register: &Register) -> Result<Product, Vec<ProductFault>> {
        Product::read_as(source, None, bounds, register)
    }

    /// Reads a product that is `told` to be in this format, and refuses one that its content shows to be in another.
    ///
    /// # Errors
    /// As for [`Product::read`].
    pub fn read_as(
        source: &[u8],
        told: Option<Format>,
        bounds: &Bounds,
        register: &Register,
    ) -> Result<Product, Vec<ProductFault>> {
        let (format, parts) = formats::read(source, told, bounds, register, Form::Source)?;
        // INVARIANT: `Form::Source` demands an originator.
        let originator = parts.originator.expect("a source product states its originator");
        Ok(Product {
            id: parts.id,
            date: parts.date,
            kind: parts.kind,
            originator,
            tearlines: parts.tearlines,
            digest: Digest::of(source),
            format,
        })
    }
}

/// Whether the text is a producer's, or what a gateway printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A producer's text: it states its originator and may have several tearlines.
    Source,
    /// A cut: an originator that may not leave is absent, nothing is declared protected, and there is one tearline.
    Cut,
}

/// What both forms have in common.
pub(crate) struct Parts {
    pub id: ProductId,
    pub date: Date,
    pub kind: Kind,
    pub originator: Option<String>,
    pub tearlines: Vec<Tearline>,
}

/// Reads a text of either form.
pub(crate) fn read_parts(
    bytes: &[u8],
    bounds: &Bounds,
    register: &Register,
    form: Form,
) -> Result<Parts, Vec<ProductFault>> {
    let mut faults = Faults::new(bounds);
    let parts =
        text::lines(bytes, bounds, &mut faults).and_then(|lines| parts(&lines, bounds, register, form, &mut faults));
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
            "the first line is not that of a product this gateway reads",
            format!("begin text with `{SIGNATURE}`, Markdown with `# {SIGNATURE}`, JSON with an opening brace"),
        );
        return None;
    }
    let front_end = lines.iter().position(Line::is_blank).unwrap_or(lines.len());
    let front = front::entries(&lines[1..front_end], &FRONT_KEYS, faults);
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
        faults.at(
            FaultCode::Bounds,
            line,
            0..0,
            format!("{found} tearlines, and at most {max} may stand here"),
            "remove tearlines",
        );
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

/// The lines of one tearline, its delimiter left out.
pub(super) struct Section<'l, 't> {
    /// The line of its delimiter; for the first, the last line of the front block.
    pub begins: usize,
    pub lines: &'l [Line<'t>],
}

/// The body as one section a tearline. Reports lines that could be taken for delimiters.
fn sections<'l, 't>(body: &'l [Line<'t>], end_of_front: usize, faults: &mut Faults) -> Vec<Section<'l, 't>> {
    let mut sections = Vec::new();
    let (mut start, mut in_attachment, mut begins) = (0, false, end_of_front);
    for (i, line) in body.iter().enumerate() {
        if text::is_delimiter(line.text) {
            sections.push(Section { begins, lines: &body[start..i] });
            (start, in_attachment, begins) = (i + 1, false, line.number);
        } else if in_attachment {
            in_attachment = line.text != END && !line.is_blank();
        } else if beginning(line.text) == Some(Begins::Inline) {
            in_attachment = true;
        } else if text::looks_like_delimiter(line.text) {
            faults.at(
                FaultCode::Delimiter,
                line.number,
                0..line.text.len(),
                "this line looks like a tearline's delimiter and is not one",
                "write twenty or more hyphens and nothing else to begin a tearline, or remove the line",
            );
        }
    }
    sections.push(Section { begins, lines: &body[start..] });
    sections
}
