//! Reading a cut: only the canonical text is one.

use super::Cut;
use crate::digest::Digest;
use crate::marking::Register;
use crate::product::{Bounds, Form, Parts, ProductFault, ProductId, Tearline, print, read_parts};

/// Why bytes are not a cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACut {
    /// The text does not read as a product of one tearline.
    #[error("not a product of one tearline: {}{}", first(.0), if .0.len() > 1 { format!(" (and {} more)", .0.len() - 1) } else { String::new() })]
    Faults(Vec<ProductFault>),
    /// It reads, but would be printed differently: marks not written out, other spacing or order.
    #[error("text is not in the canonical form: the sender must print it as the product format says")]
    OtherForm,
    /// Its number is not the one that its content gives.
    #[error("the number of the cut is not the one its content gives: it was altered, or numbered by hand")]
    Number,
}

fn first(faults: &[ProductFault]) -> String {
    faults.first().map_or_else(String::new, ToString::to_string)
}

impl Cut {
    /// Reads what a partner sent, or what we assembled. Accepts only the canonical form: the bytes are parsed, printed
    /// again and compared. The number must be `PC-` and the first 128 bits, in hexadecimal, of the SHA-256 of the text
    /// printed with an empty number, so that it says nothing that the content does not.
    ///
    /// # Errors
    /// [`NotACut`] says whether the text is faulty, not canonical or misnumbered.
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

    /// Prints and reads back what was assembled.
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

/// The title of a cut none of whose titles may go. It says no more than the number does.
pub(super) fn generated_title(id: &str) -> String {
    if id.is_empty() { "Product".into() } else { format!("Product {id}") }
}

/// The number that follows from everything else the cut says.
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

/// A number to hold the place until the real one is known.
pub(super) fn placeholder() -> ProductId {
    // INVARIANT: the text has the form of a product's number.
    "PC-0".parse().expect("the placeholder is a number")
}
