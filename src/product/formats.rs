//! Which reader reads a source, and from each the same parts.

use jiff::civil::Date;

use super::bounds::Bounds;
use super::fault::{FaultCode, ProductFault};
use super::format::{Family, Format, family, not_as_told};
use super::json::tree::{self, LineStarts, Value};
use super::model::{Kind, Tearline};
use super::print::print;
use super::read::{Form, Parts, read_parts};
use super::text::{self, Faults};
use super::{html, json, lower, markdown, stix};
use crate::marking::Register;

/// Reads a source of either form in the format its content shows, which must be the one `told` if one was.
pub(crate) fn read(
    source: &[u8],
    told: Option<Format>,
    bounds: &Bounds,
    register: &Register,
    form: Form,
) -> Result<(Format, Parts), Vec<ProductFault>> {
    if let Some(told) = told.filter(|told| !told.is_read()) {
        return Err(vec![not_as_told(told, None)]);
    }
    let mut faults = Faults::new(bounds);
    let parts = match family(source) {
        Family::Text => {
            if let Some(told) = told.filter(|told| *told != Format::Text) {
                return Err(vec![not_as_told(told, text_at_all(source))]);
            }
            return read_parts(source, bounds, register, form).map(|parts| (Format::Text, parts));
        }
        Family::Markdown => {
            if let Some(told) = told.filter(|told| *told != Format::Markdown) {
                return Err(vec![not_as_told(told, Some(Format::Markdown))]);
            }
            text::lines(source, bounds, &mut faults)
                .and_then(|lines| markdown::draft(&lines, &mut faults))
                .and_then(|draft| lower::read(&draft, Format::Markdown, bounds, register, form, &mut faults))
                .map(|parts| (Format::Markdown, parts))
        }
        Family::Json => read_json(source, told, bounds, register, form, &mut faults),
    };
    match parts {
        Some(parts) if faults.is_empty() => Ok(parts),
        _ => Err(faults.into_sorted()),
    }
}

/// Writes a product of one tearline in a format, a pure function of what it is given.
pub(crate) fn write(
    format: Format,
    id: &str,
    date: Date,
    kind: &Kind,
    tearline: &Tearline,
    register: &Register,
) -> Result<String, NoImage> {
    match format {
        Format::Text => Ok(print(id, date, kind, tearline)),
        Format::Markdown => Ok(markdown::write(id, date, kind, tearline)),
        Format::Json => Ok(json::write(id, date, kind, tearline)),
        Format::Stix => stix::write(id, date, kind, tearline, register),
        Format::Html => Ok(html::write(id, date, kind, tearline)),
    }
}

/// Why a product cannot be written in a format. Nothing is left out to make it fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{format} has no faithful image of this: {what}")]
pub struct NoImage {
    /// The format.
    pub format: Format,
    /// What has no place in it.
    pub what: &'static str,
}

/// Text is what is left when it is nothing else, so only its own first line shows that it is.
fn text_at_all(source: &[u8]) -> Option<Format> {
    source.starts_with(super::print::SIGNATURE.as_bytes()).then_some(Format::Text)
}

/// The source as characters, within its bound.
fn characters<'s>(source: &'s [u8], bounds: &Bounds, faults: &mut Faults) -> Option<&'s str> {
    if source.len() > bounds.bytes_max {
        let message =
            format!("the product is {} bytes long, and at most {} may be read", source.len(), bounds.bytes_max);
        faults.at(
            FaultCode::Bounds,
            1,
            0..0,
            message,
            "split the product, or ask the operator to raise `product_bytes`",
        );
        return None;
    }
    let characters = std::str::from_utf8(source);
    if characters.is_err() {
        text::utf8_faults(source, faults);
    }
    characters.ok()
}

fn read_json(
    source: &[u8],
    told: Option<Format>,
    bounds: &Bounds,
    register: &Register,
    form: Form,
    faults: &mut Faults,
) -> Option<(Format, Parts)> {
    let source = characters(source, bounds, faults)?;
    let lines = LineStarts::of(source);
    let root = tree::read(source, bounds, &lines, faults)?;
    let format = json_format(&root, faults)?;
    if let Some(told) = told.filter(|told| *told != format) {
        faults.add(not_as_told(told, Some(format)));
        return None;
    }
    let parts = if format == Format::Stix {
        let bundle = stix::draft(&root, &lines, register, faults)?;
        let parts = lower::read(&bundle.draft, format, bounds, register, form, faults)?;
        bundle.compare(&parts, faults);
        parts
    } else {
        let draft = json::draft(&root, &lines, faults);
        lower::read(&draft, format, bounds, register, form, faults)?
    };
    Some((format, parts))
}

/// A JSON product and a bundle each name themselves; what does both or neither is refused.
fn json_format(root: &Value<'_>, faults: &mut Faults) -> Option<Format> {
    let product = root.member(json::SIGNATURE).is_some();
    let bundle = root.member("type").and_then(Value::text) == Some("bundle");
    let message = match (product, bundle) {
        (true, false) => return Some(Format::Json),
        (false, true) => return Some(Format::Stix),
        (true, true) => "JSON that calls itself a product and a bundle",
        (false, false) => "JSON that is neither a product nor a STIX bundle",
    };
    faults.at(
        FaultCode::Format,
        1,
        0..0,
        message,
        "begin a product with `\"portcullis_product\": 1`, and a bundle with `\"type\": \"bundle\"`",
    );
    None
}
