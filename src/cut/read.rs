//! Parses cuts. Only the canonical form is accepted.

use super::Cut;
use crate::digest::Digest;
use crate::marking::Register;
use crate::product::{Bounds, Form, Parts, ProductFault, ProductId, Tearline, print, read_parts};

/// Why bytes are not a cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACut {
    /// The text cannot be parsed as a product of one tearline.
    #[error("not a product of one tearline: {}{}", first(.0), if .0.len() > 1 { format!(" (and {} more)", .0.len() - 1) } else { String::new() })]
    Faults(Vec<ProductFault>),
    /// It can be parsed but is not canonical: abbreviated marks, other spacing or order.
    #[error("text is not in the canonical form: the sender must write it as the product format requires")]
    OtherForm,
    /// Its number does not match its content.
    #[error("the number of the cut does not match its content: the text or the number was altered")]
    Number,
}

fn first(faults: &[ProductFault]) -> String {
    faults.first().map_or_else(String::new, ToString::to_string)
}

impl Cut {
    /// Parses a cut that a partner sent or this node assembled. Accepts only the canonical form: the bytes are parsed, written again and
    /// compared. The number must be `PC-` and the first 128 bits, in hexadecimal, of the SHA-256 of the text written with an empty
    /// number, so that it reveals nothing that the content does not.
    ///
    /// # Errors
    /// [`NotACut`] says whether the text is invalid, not canonical, or has the wrong number.
    pub fn read(bytes: &[u8], bounds: &Bounds, register: &Register) -> Result<Cut, NotACut> {
        let parts = read_parts(bytes, bounds, register, Form::Cut).map_err(NotACut::Faults)?;
        // INVARIANT: `Form::Cut` accepts exactly one tearline.
        let tearline = parts.tearlines.first().expect("a cut has one tearline");
        if print_as(&parts, parts.id.as_str(), tearline).as_bytes() != bytes {
            return Err(NotACut::OtherForm);
        }
        if number(&parts, tearline) != parts.id.as_str() {
            return Err(NotACut::Number);
        }
        let tearline = tearline.clone();
        let Parts { id, date, kind, .. } = parts;
        Ok(Cut { bytes: bytes.to_vec(), digest: Digest::of(bytes), id, date, kind, tearline, index: None })
    }

    /// Writes what was assembled and parses it again.
    ///
    /// # Errors
    /// As for [`Cut::read`].
    pub(super) fn made(
        parts: &Parts,
        tearline: &Tearline,
        titled: bool,
        index: usize,
        bounds: &Bounds,
        register: &Register,
    ) -> Result<Cut, NotACut> {
        let mut tearline = tearline.clone();
        let id = number(parts, &tearline);
        if !titled && let Some(title) = &mut tearline.head.title {
            title.text = generated_title(&id);
        }
        let text = print_as(parts, &id, &tearline);
        let mut cut = Cut::read(text.as_bytes(), bounds, register)?;
        cut.index = Some(index);
        Ok(cut)
    }
}

/// The generated title of a cut. It reveals no more than the number does.
pub(super) fn generated_title(id: &str) -> String {
    if id.is_empty() { "Product".into() } else { format!("Product {id}") }
}

/// Computes the number of a cut from the rest of its content.
fn number(parts: &Parts, tearline: &Tearline) -> String {
    let mut tearline = tearline.clone();
    if let Some(title) = &mut tearline.head.title
        && title.text == generated_title(parts.id.as_str())
    {
        title.text = generated_title("");
    }
    let digest = Digest::of(print_as(parts, "", &tearline).as_bytes());
    format!("PC-{}", &digest.to_string()[..32])
}

fn print_as(parts: &Parts, id: &str, tearline: &Tearline) -> String {
    print(id, parts.date, &parts.kind, tearline)
}

/// A placeholder until the number can be computed.
pub(super) fn placeholder() -> ProductId {
    // INVARIANT: the text has the form of a product's number.
    "PC-0".parse().expect("the placeholder is a number")
}
