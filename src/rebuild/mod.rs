//! Foreign formats, read strictly and written anew from what they mean: an image from its pixels, a table from its
//! cells, a page from its words. What a file holds besides that (metadata, leftovers, a second file) is not copied,
//! because nothing is.
//!
//! It refuses what it cannot read completely, never repairs, and knows nothing of marks or partners. The parsers run
//! on a stranger's bytes, so whoever calls them does so through [`Rebuilder`], in a process that may fail.

mod csv;
mod deflate;
mod jpeg;
mod jpeg_coded;
mod jpeg_scan;
mod jpeg_write;
mod json;
mod kind;
mod pdf;
mod png;
mod places;
mod png_walk;
mod stix;

use minicbor::{Decode, Encode};

pub use csv::Table;
pub use kind::Kind;
pub use pdf::PdfFonts;
pub use places::{Places, Ticket};

use crate::digest::{Digest, encode};

/// How much of a file is read, so that reading one costs no more than was configured, and what of it may be passed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// The file as given and as rebuilt, in bytes.
    #[n(0)]
    pub bytes_max: usize,
    /// Everything packed inside it, unpacked, in bytes; also the most that one byte may unpack to is held to it.
    #[n(1)]
    pub unpacked_bytes_max: usize,
    /// Pixels of an image. Beside it, a file may have only so many samples in all as its own bytes account for:
    /// [`SAMPLES_FREE`], and [`SAMPLES_PER_BYTE`] for each.
    #[n(2)]
    pub pixels_max: u64,
    /// Pixels along one side of an image.
    #[n(3)]
    pub side_max: u32,
    /// Values inside values: JSON, PDF objects.
    #[n(4)]
    pub depth_max: usize,
    /// Values of a JSON text, cells of a table, objects of a PDF.
    #[n(5)]
    pub values_max: usize,
    /// One text: a string of a JSON text or a cell of a table, in bytes.
    #[n(6)]
    pub text_bytes_max: usize,
    /// Pages of a PDF.
    #[n(7)]
    pub pages_max: usize,
    /// Which fonts of a PDF are read.
    #[n(8)]
    pub pdf_fonts: PdfFonts,
    /// How much the letters of a PDF stand out from what is around them at least: the ratio of their luminances, in
    /// hundredths (WCAG 2, 1.4.3).
    #[n(16)]
    pub pdf_contrast: u32,
    /// How large the letters of a PDF are at least, in points.
    #[n(17)]
    pub pdf_letter_points: u32,
    /// How many pixels of an image of a PDF are drawn on a point at most, along each side.
    #[n(18)]
    pub pdf_pixels_per_point: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes_max: 16 << 20,
            unpacked_bytes_max: 64 << 20,
            pixels_max: 16_000_000,
            side_max: 16_384,
            depth_max: 32,
            values_max: 500_000,
            text_bytes_max: 64 * 1024,
            pages_max: 500,
            pdf_fonts: PdfFonts::default(),
            pdf_contrast: 180,
            pdf_letter_points: 4,
            pdf_pixels_per_point: 24,
        }
    }
}

impl Limits {
    /// Identifies the limits in settings that are attested.
    pub fn digest(&self) -> Digest {
        Digest::of(&encode(self))
    }
}

/// Samples (pixels times channels) that a file may have whatever its length: a screen of a usual size.
pub const SAMPLES_FREE: u64 = 4 << 20;

/// Samples that a file may have for each of its bytes beside [`SAMPLES_FREE`]. A picture of anything has fewer; one of
/// nothing costs all of them and says nothing. What is written anew is held to it as well.
pub const SAMPLES_PER_BYTE: u64 = 80;

/// Bytes of text that a file may come to whatever its length, and for each of its bytes. A page of a PDF may count several times:
/// its words in every order in which they may be read.
const TEXT_FREE: usize = 1 << 20;
const TEXT_PER_BYTE: usize = 32;

/// Why a file is not passed: a stable code such as `json.duplicate`, and a sentence that quotes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} [{code}]")]
pub struct Fault {
    /// The code.
    pub code: &'static str,
    /// What was found, and where that can be said.
    pub message: String,
}

impl Fault {
    /// A fault with its code.
    pub fn new(code: &'static str, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into() }
    }
}

/// Every code of a fault. What another process says is looked up here, so that nothing else can pass for a code.
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

/// What is asked about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Task {
    /// Write it anew.
    #[n(0)]
    Rebuild,
    /// Say whether it is as this module would have written it, and read its text.
    #[n(1)]
    Examine,
    /// Draw its pages for an officer: what [`draw`] does, and [`work`] does not.
    #[n(2)]
    Draw,
}

/// How much is drawn of a file of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Pages.
    pub pages_max: usize,
    /// Bytes of all pictures together.
    pub bytes_max: usize,
}

impl Drawn {
    /// What a filter process draws under these limits.
    pub fn under(limits: &Limits) -> Drawn {
        Drawn { pages_max: limits.pages_max.min(100), bytes_max: limits.bytes_max }
    }
}

/// Pictures of the pages of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// How many pages the file has.
    pub pages: usize,
    /// PNG images of the first ones, in order; fewer than there are pages where they would come to more than is drawn.
    pub drawn: Vec<Vec<u8>>,
}

/// A file as it was written anew, or as it was found to be already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The text that a reader sees, whatever it is written in; empty for an image.
    pub text: String,
    /// What was left out, for the officer: kinds and counts, never content.
    pub dropped: Vec<String>,
}

/// Whoever runs this module's parsers. The gateway runs them in a process of their own; a test may run them here.
pub trait Rebuilder: Send + Sync {
    /// Does `task` on `bytes`, declared to be of `kind`.
    ///
    /// # Errors
    /// [`Fault`] if the file is not passed, or if whoever should say so did not answer as it must.
    fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault>;

    /// Draws the pages of a file that [`Rebuilder::work`] passed, for an officer to look at. Who does not say how draws none.
    ///
    /// # Errors
    /// [`Fault`] as for [`Rebuilder::work`], and `filter.missing` if nobody draws.
    fn draw(&self, kind: Kind, bytes: &[u8]) -> Result<Pictures, Fault> {
        let _ = bytes;
        Err(Fault::new("filter.missing", format!("nobody draws {kind} here")))
    }

    /// The same on a file of this party's: the partner that sent it, or the producer. Where parsers are few, each party
    /// has its share of them.
    ///
    /// # Errors
    /// As [`Rebuilder::work`].
    fn work_for(&self, _party: &str, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        self.work(task, kind, bytes)
    }
}

/// Nobody to run the parsers: every file of a foreign format is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Rebuilder for Nobody {
    fn work(&self, _: Task, kind: Kind, _: &[u8]) -> Result<Rebuilt, Fault> {
        Err(Fault::new("filter.missing", format!("no filter for {kind} runs here")))
    }
}

/// Runs the parsers in the calling process. For the filter process itself, and for tests.
#[derive(Clone, Debug, Default)]
pub struct Here {
    /// How much is read.
    pub limits: Limits,
}

impl Rebuilder for Here {
    fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        work(task, kind, bytes, &self.limits)
    }

    fn draw(&self, kind: Kind, bytes: &[u8]) -> Result<Pictures, Fault> {
        draw(kind, bytes, &self.limits)
    }
}

/// Draws the pages of a PDF; nothing else has any.
///
/// # Errors
/// [`Fault`] says why the file is not passed.
pub fn draw(kind: Kind, bytes: &[u8], limits: &Limits) -> Result<Pictures, Fault> {
    if bytes.len() > limits.bytes_max {
        return Err(Fault::new("rebuild.size", format!("a file of more than {} bytes", limits.bytes_max)));
    }
    match kind {
        Kind::Pdf => pdf::draw(bytes, limits, Drawn::under(limits)),
        _ => Err(Fault::new("filter.failed", format!("{kind} has no pages to draw"))),
    }
}

/// Does `task` on `bytes`, declared to be of `kind`.
///
/// # Errors
/// [`Fault`] says why the file is not passed.
pub fn work(task: Task, kind: Kind, bytes: &[u8], limits: &Limits) -> Result<Rebuilt, Fault> {
    if task == Task::Draw {
        return Err(Fault::new("filter.failed", "drawing is asked for apart from all else"));
    }
    if bytes.len() > limits.bytes_max {
        return Err(Fault::new("rebuild.size", format!("a file of more than {} bytes", limits.bytes_max)));
    }
    let rebuilt = match kind {
        Kind::Csv => csv::rebuild(bytes, limits)?,
        Kind::Json | Kind::Stix => {
            let value = json::read(bytes, limits)?;
            if kind == Kind::Stix {
                stix::check(&value)?;
            }
            let mut text = String::new();
            json::texts(&value, &mut text);
            Rebuilt { bytes: json::print(&value), text, dropped: Vec::new() }
        }
        Kind::Png => png::rebuild(bytes, limits)?,
        Kind::Jpeg if task == Task::Examine => jpeg_scan::examine(bytes, limits)?,
        Kind::Jpeg => jpeg::rebuild(bytes, limits)?,
        Kind::Pdf => pdf::rebuild(bytes, task, limits)?,
    };
    // So much text comes of no more bytes than any tool packs it into; what is beyond is made to be looked through.
    if rebuilt.text.len() > (TEXT_FREE + bytes.len().saturating_mul(TEXT_PER_BYTE)).min(limits.unpacked_bytes_max) {
        return Err(Fault::new("rebuild.size", "a file of more text than is read of one so short"));
    }
    if rebuilt.bytes.len() > limits.bytes_max {
        return Err(Fault::new(
            "rebuild.size",
            format!("a file that rebuilds to more than {} bytes", limits.bytes_max),
        ));
    }
    if task == Task::Examine && rebuilt.bytes != bytes {
        return Err(Fault::new("rebuild.other-form", format!("{kind} that was not written anew by a gateway")));
    }
    Ok(rebuilt)
}

/// What a decoder of others makes of bytes that were found sound; `None` if it panics. It is the second defence: what is
/// known to make one panic is refused by name before it is asked.
fn guarded<T>(decode: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode)).ok()
}

/// A small sound file of an image or a page, for tests of what is done with such files.
#[cfg(test)]
pub(crate) fn sample(kind: Kind) -> Vec<u8> {
    let pixels: Vec<u8> = (0..24 * 16 * 3).map(|i| (i % 200) as u8).collect();
    match kind {
        Kind::Csv => b"name,count\nAlpha,3\n".to_vec(),
        Kind::Json => b"{}\n".to_vec(),
        Kind::Stix => {
            b"{\"type\":\"bundle\",\"id\":\"bundle--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\",\"objects\":[]}".to_vec()
        }
        Kind::Png => png::write(pixels, 24, 16, 3),
        Kind::Jpeg => jpeg_write::write(&pixels, 24, 16, 3),
        Kind::Pdf => pdf::tests::plain(),
    }
}
