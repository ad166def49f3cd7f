//! The formats in which products are read and cuts are written: one folder each, with its reader and its writer.
//!
//! A reader turns the bytes of a source into the parts of a product, or every fault with its place in the source. A writer turns
//! a tearline into text in a format. Text is the canonical format. The readers of the others extract strings with their places
//! as a [`draft`], which is converted to text and read as such. A reader refuses whatever has no place in a product; a writer
//! refuses a tearline if its format cannot hold everything ([`NoImage`]).
//!
//! A new format is a folder here, its `mod` line and its arm in [`write()`] (and in [`read`] and `detect`, if products are read in
//! it), its names in [`Format`], and its name among those that an agreement may list (`partner/agreement/check.rs`). The compiler
//! reports missing arms, a test in `product/format.rs` the rest.

mod text;
mod draft;
mod markdown;
mod json;
mod stix;
mod html;
mod detect;

use jiff::civil::Date;

use self::detect::{Family, family, is_text, json_format, wrong_format};
pub use self::json::SCHEMA;
use self::json::tree::{self, LineStarts};
pub(crate) use self::text::{Form, Parts, is_delimiter, print, read_parts};
pub use self::text::{HYPHENS, SIGNATURE};
use super::bounds::Bounds;
use super::fault::{Faults, ProductFault};
use super::format::{Format, NoImage};
use super::model::{Kind, Product, Tearline};
use crate::digest::Digest;
use crate::marking::Register;

impl Product {
    /// Reads a product in the format that its content shows (`docs/PRODUCT-FORMAT.md`, `docs/FORMATS.md`), and
    /// checks everything that the marking specification asks of a whole product: every mark valid on the product's
    /// date, every banner covering its portions, levels never rising and audiences never shrinking from one
    /// tearline to the next.
    ///
    /// # Errors
    /// Every fault found, in the order of the source, up to `bounds.faults_max`.
    pub fn read(source: &[u8], bounds: &Bounds, register: &Register) -> Result<Product, Vec<ProductFault>> {
        Product::read_as(source, None, bounds, register)
    }

    /// Reads a product that is `declared` to be in this format, and refuses one whose content shows another.
    ///
    /// # Errors
    /// As for [`Product::read`].
    pub fn read_as(
        source: &[u8],
        declared: Option<Format>,
        bounds: &Bounds,
        register: &Register,
    ) -> Result<Product, Vec<ProductFault>> {
        let (format, parts) = read(source, declared, bounds, register, Form::Source)?;
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

/// Reads a source of either form in the format that its content shows. If a format is `declared`, it must be that one.
///
/// # Errors
/// Every fault found, in the order of the source, up to `bounds.faults_max`.
pub(crate) fn read(
    source: &[u8],
    declared: Option<Format>,
    bounds: &Bounds,
    register: &Register,
    form: Form,
) -> Result<(Format, Parts), Vec<ProductFault>> {
    if let Some(declared) = declared.filter(|declared| !declared.is_read()) {
        return Err(vec![wrong_format(declared, None)]);
    }
    let mut faults = Faults::new(bounds);
    let parts = match family(source) {
        Family::Text => {
            if let Some(declared) = declared.filter(|declared| *declared != Format::Text) {
                return Err(vec![wrong_format(declared, is_text(source).then_some(Format::Text))]);
            }
            return read_parts(source, bounds, register, form).map(|parts| (Format::Text, parts));
        }
        Family::Markdown => {
            if let Some(declared) = declared.filter(|declared| *declared != Format::Markdown) {
                return Err(vec![wrong_format(declared, Some(Format::Markdown))]);
            }
            text::lines(source, bounds, &mut faults)
                .and_then(|lines| markdown::draft(&lines, &mut faults))
                .and_then(|draft| draft::read(&draft, Format::Markdown, bounds, register, form, &mut faults))
                .map(|parts| (Format::Markdown, parts))
        }
        Family::Json => read_json(source, declared, bounds, register, form, &mut faults),
    };
    match parts {
        Some(parts) if faults.is_empty() => Ok(parts),
        _ => Err(faults.into_sorted()),
    }
}

/// Reads JSON, which is a product of its own schema or a STIX bundle.
fn read_json(
    source: &[u8],
    declared: Option<Format>,
    bounds: &Bounds,
    register: &Register,
    form: Form,
    faults: &mut Faults,
) -> Option<(Format, Parts)> {
    let source = text::characters(source, bounds, faults)?;
    let lines = LineStarts::of(source);
    let root = tree::read(source, bounds, &lines, faults)?;
    let format = json_format(&root, faults)?;
    if let Some(declared) = declared.filter(|declared| *declared != format) {
        faults.add(wrong_format(declared, Some(format)));
        return None;
    }
    let parts = if format == Format::Stix {
        let bundle = stix::draft(&root, &lines, register, faults)?;
        let parts = draft::read(&bundle.draft, format, bounds, register, form, faults)?;
        bundle.compare(&parts, faults);
        parts
    } else {
        let draft = json::draft(&root, &lines, faults);
        draft::read(&draft, format, bounds, register, form, faults)?
    };
    Some((format, parts))
}

/// Writes a product of one tearline in a format. The result depends on the arguments alone.
///
/// # Errors
/// [`NoImage`] if the format cannot hold all of it.
pub(crate) fn write(
    format: Format,
    id: &str,
    date: Date,
    kind: &Kind,
    tearline: &Tearline,
    register: &Register,
) -> Result<String, NoImage> {
    match format {
        Format::Text => Ok(text::print(id, date, kind, tearline)),
        Format::Markdown => Ok(markdown::write(id, date, kind, tearline)),
        Format::Json => Ok(json::write(id, date, kind, tearline)),
        Format::Stix => stix::write(id, date, kind, tearline, register),
        Format::Html => Ok(html::write(id, date, kind, tearline)),
    }
}
