//! The reason for which a file is refused.

/// The reason for which a file is refused: a stable code such as `json.duplicate`, and a message that quotes nothing
/// from the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} [{code}]")]
pub struct Fault {
    /// The code, one of [`CODES`].
    pub code: &'static str,
    /// What was found, and where in the file if that is known.
    pub message: String,
}

impl Fault {
    /// Returns a fault with this code and message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into() }
    }
}

/// All fault codes. A code that another process reports is looked up here, so that no other string is accepted as a
/// code.
pub const CODES: [&str; 59] = [
    "csv.cell",
    "csv.columns",
    "csv.form",
    "csv.formula",
    "csv.header",
    "csv.size",
    "filter.busy",
    "filter.crashed",
    "filter.failed",
    "filter.garbage",
    "filter.lied",
    "filter.missing",
    "filter.other",
    "filter.timeout",
    "image.size",
    "jpeg.form",
    "jpeg.pixels",
    "jpeg.trailing",
    "json.control",
    "json.depth",
    "json.duplicate",
    "json.form",
    "json.number",
    "json.size",
    "json.surrogate",
    "json.trailing",
    "pdf.active",
    "pdf.annotation",
    "pdf.bomb",
    "pdf.depth",
    "pdf.duplicate",
    "pdf.embedded",
    "pdf.encrypted",
    "pdf.filter",
    "pdf.font",
    "pdf.form",
    "pdf.form-fields",
    "pdf.hidden",
    "pdf.image",
    "pdf.layers",
    "pdf.letters",
    "pdf.nested",
    "pdf.operator",
    "pdf.packed-objects",
    "pdf.remnant",
    "pdf.size",
    "pdf.trailing",
    "pdf.update",
    "png.form",
    "png.frames",
    "png.palette",
    "png.pixels",
    "png.trailing",
    "rebuild.other-form",
    "rebuild.size",
    "stix.custom",
    "stix.form",
    "stix.marking",
    "stix.payload",
];
