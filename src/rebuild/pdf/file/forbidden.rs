//! Dictionary keys and names that no object of a PDF may contain, in any position and even if the object is not
//! referenced.

use super::object::Object;
use crate::rebuild::{Fault, PdfFonts};

/// Names of features that make a viewer act, or that show or embed something other than the page: name, fault code,
/// description.
const REFUSED: [(&str, &str, &str); 29] = [
    ("JavaScript", "pdf.active", "a script"),
    ("JS", "pdf.active", "a script"),
    ("OpenAction", "pdf.active", "an action on opening"),
    ("AA", "pdf.active", "an action on an event"),
    ("Launch", "pdf.active", "an action that starts a program"),
    ("SubmitForm", "pdf.active", "an action that sends a form"),
    ("ImportData", "pdf.active", "an action that fetches data"),
    ("GoToR", "pdf.active", "an action that opens another file"),
    ("GoToE", "pdf.active", "an action that opens an embedded file"),
    ("Rendition", "pdf.active", "an action that plays media"),
    ("RichMedia", "pdf.active", "multimedia content"),
    ("Movie", "pdf.active", "multimedia content"),
    ("Sound", "pdf.active", "multimedia content"),
    ("3D", "pdf.active", "multimedia content"),
    ("AcroForm", "pdf.form-fields", "a form"),
    ("XFA", "pdf.form-fields", "a form"),
    ("Widget", "pdf.form-fields", "a form"),
    ("EmbeddedFile", "pdf.embedded", "an embedded file"),
    ("EmbeddedFiles", "pdf.embedded", "an embedded file"),
    ("EF", "pdf.embedded", "an embedded file"),
    ("Filespec", "pdf.embedded", "an embedded file"),
    ("FileAttachment", "pdf.embedded", "an embedded file"),
    ("Collection", "pdf.embedded", "a collection of files"),
    ("Encrypt", "pdf.encrypted", "encryption"),
    ("Crypt", "pdf.encrypted", "encryption"),
    ("OCProperties", "pdf.layers", "layers that can be switched off"),
    ("OCG", "pdf.layers", "layers that can be switched off"),
    ("OCMD", "pdf.layers", "layers that can be switched off"),
    ("Linearized", "pdf.update", "a second table of its objects: save it without `fast web view`"),
];

/// Keys of embedded font programs.
const FONTS: [&str; 3] = ["FontFile", "FontFile2", "FontFile3"];

/// The fault for an embedded font where none are accepted.
pub(in crate::rebuild::pdf) fn embedded_font() -> Fault {
    Fault::new(
        "pdf.font",
        "a PDF with an embedded font, whose letters cannot be verified: \
         use Courier, Helvetica or Times, or have the operator set `pdf_fonts`",
    )
}

/// Refuses an object that contains a forbidden key or name.
///
/// # Errors
/// The fault of the first one found.
pub(in crate::rebuild::pdf) fn check(object: &Object, fonts: PdfFonts) -> Result<(), Fault> {
    let check_name = |name: &str| check_name(name, fonts);
    let check_value = |object: &Object| check(object, fonts);
    match object {
        Object::Name(name) => check_name(name),
        Object::List(list) => list.iter().try_for_each(check_value),
        Object::Dict(dict) => dict.iter().try_for_each(|(key, value)| {
            // A destination to open at is no action, and is dropped with everything else outside the pages. One that is
            // an indirect object is checked when the catalogue is read.
            if !(key == "OpenAction" && (matches!(value, Object::Ref(_)) || is_go_to(value))) {
                check_name(key)?;
            }
            check_value(value)
        }),
        _ => Ok(()),
    }
}

fn check_name(name: &str, fonts: PdfFonts) -> Result<(), Fault> {
    if FONTS.contains(&name) && fonts == PdfFonts::Plain {
        return Err(embedded_font());
    }
    match REFUSED.iter().find(|(word, _, _)| *word == name) {
        Some((_, code, what)) => Err(Fault::new(code, format!("a PDF with {what}"))),
        None => Ok(()),
    }
}

/// Checks the document's open action: it may only go to a place in the document itself.
///
/// # Errors
/// `pdf.active` for any other action.
pub(in crate::rebuild::pdf) fn check_open_action(object: &Object) -> Result<(), Fault> {
    if is_go_to(object) { Ok(()) } else { check_name("OpenAction", PdfFonts::Mapped) }
}

fn is_go_to(object: &Object) -> bool {
    match object {
        Object::Dict(action) => {
            let known = ["Type", "S", "D"];
            let goes = action.get("S").and_then(Object::name) == Some("GoTo");
            let place =
                action.get("D").is_some_and(|d| is_destination(d) || matches!(d, Object::Text(_) | Object::Name(_)));
            goes && place && action.keys().all(|key| known.contains(&key.as_str()))
        }
        other => is_destination(other),
    }
}

/// Whether an object is an explicit destination in the file itself: a page, how it is fitted, and numbers (ISO 32000-1,
/// 12.3.2.2).
fn is_destination(object: &Object) -> bool {
    let Object::List(list) = object else { return false };
    let [Object::Ref(_), Object::Name(fit), rest @ ..] = list.as_slice() else { return false };
    let fits = ["XYZ", "Fit", "FitH", "FitV", "FitR", "FitB", "FitBH", "FitBV"];
    fits.contains(&fit.as_str()) && rest.iter().all(|o| matches!(o, Object::Number(_) | Object::Null))
}
