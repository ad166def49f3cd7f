//! Strict readers and canonical writers for foreign file formats: an image is rebuilt from its pixels, a table from its
//! cells, a page from its text and drawings.
//!
//! The input is a file and its declared [`Kind`]. The output is [`Rebuilt`], the file in its one canonical form and the
//! text that a reader sees, or a [`Fault`]. Metadata, unused bytes and embedded files are not copied.
//!
//! A file that cannot be read completely is refused and never repaired. The module knows nothing of markings or
//! partners. The parsers run on untrusted bytes, so callers use them through [`Rebuilder`], which runs them in a
//! separate process.

mod fault;
mod limits;
mod kind;
mod fair_queue;
mod deflate;
mod raster;
mod csv;
mod json;
mod stix;
mod png;
mod jpeg;
mod pdf;

use minicbor::{Decode, Encode};

pub use csv::CsvValidator;
pub use fair_queue::{FairQueue, Ticket};
pub use fault::{CODES, Fault};
pub use kind::Kind;
pub use limits::{Limits, PdfFonts, SAMPLES_FREE, SAMPLES_PER_BYTE};

/// Bytes of text that any file may yield, whatever its length; [`TEXT_PER_BYTE`] more are allowed for each byte of the
/// file. Text of a PDF page may count several times, once for each order in which it may be read.
const TEXT_FREE: usize = 1 << 20;
const TEXT_PER_BYTE: usize = 32;

/// What to do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Task {
    /// Write it in its canonical form.
    #[n(0)]
    Rebuild,
    /// Check that it has the canonical form already, and extract its text.
    #[n(1)]
    Examine,
    /// Render its pages as images for an officer: done by [`draw`], and refused by [`work`].
    #[n(2)]
    Draw,
}

/// Limits on the page images that [`draw`] renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawLimits {
    /// Pages, at most.
    pub pages_max: usize,
    /// Bytes of all images together, at most.
    pub bytes_max: usize,
}

impl DrawLimits {
    /// Returns the limits of a filter process for page images when it reads files under `limits`: at most 100 pages.
    pub fn under(limits: &Limits) -> DrawLimits {
        DrawLimits { pages_max: limits.pages_max.min(100), bytes_max: limits.bytes_max }
    }
}

/// Images of the pages of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageImages {
    /// Number of pages of the file.
    pub pages: usize,
    /// PNG images of the first pages, in page order; fewer than [`pages`](Self::pages) where more would exceed
    /// [`DrawLimits`].
    pub drawn: Vec<Vec<u8>>,
}

/// A file in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// The text that a reader sees, whatever its encoding in the file; empty for an image.
    pub text: String,
    /// What was left out, for the officer: kinds and counts, never content.
    pub dropped: Vec<String>,
}

/// Runs this module's parsers. The gateway runs them in a separate process; a test may run them in its own.
pub trait Rebuilder: Send + Sync {
    /// Performs `task` on `bytes`, declared to be of `kind`.
    ///
    /// # Errors
    /// [`Fault`] if the file is refused, or if the process that parses it fails or answers wrongly.
    fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault>;

    /// Renders the pages of a file that [`Rebuilder::work`] accepted, as images for an officer. The default
    /// implementation renders none.
    ///
    /// # Errors
    /// [`Fault`] as for [`Rebuilder::work`], and `filter.missing` if this implementation cannot render pages.
    fn draw(&self, kind: Kind, bytes: &[u8]) -> Result<PageImages, Fault> {
        let _ = bytes;
        Err(Fault::new("filter.missing", format!("no filter is available to draw {kind}")))
    }

    /// Performs `task` as [`Rebuilder::work`] does, on a file that `party` (the sending partner, or the producer)
    /// supplied. An implementation with few parser processes gives each party a fair share of them.
    ///
    /// # Errors
    /// As [`Rebuilder::work`].
    fn work_for(&self, _party: &str, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        self.work(task, kind, bytes)
    }
}

/// A [`Rebuilder`] without parsers: it refuses every file with `filter.missing`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRebuilder;

impl Rebuilder for NoRebuilder {
    fn work(&self, _: Task, kind: Kind, _: &[u8]) -> Result<Rebuilt, Fault> {
        Err(Fault::new("filter.missing", format!("no filter is available for {kind}")))
    }
}

/// Runs the parsers in the calling process. For the filter process itself, and for tests.
#[derive(Clone, Debug, Default)]
pub struct InProcess {
    /// The limits under which files are read.
    pub limits: Limits,
}

impl Rebuilder for InProcess {
    fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        work(task, kind, bytes, &self.limits)
    }

    fn draw(&self, kind: Kind, bytes: &[u8]) -> Result<PageImages, Fault> {
        draw(kind, bytes, &self.limits)
    }
}

/// Renders the pages of a PDF as PNG images; other formats have no pages.
///
/// # Errors
/// [`Fault`] with the reason for which the file is refused.
pub fn draw(kind: Kind, bytes: &[u8], limits: &Limits) -> Result<PageImages, Fault> {
    if bytes.len() > limits.bytes_max {
        return Err(Fault::new("rebuild.size", format!("a file of more than {} bytes", limits.bytes_max)));
    }
    match kind {
        Kind::Pdf => pdf::draw(bytes, limits, DrawLimits::under(limits)),
        _ => Err(Fault::new("filter.failed", format!("{kind} has no pages to draw"))),
    }
}

/// Performs `task` on `bytes`, declared to be of `kind`.
///
/// # Errors
/// [`Fault`] with the reason for which the file is refused.
pub fn work(task: Task, kind: Kind, bytes: &[u8], limits: &Limits) -> Result<Rebuilt, Fault> {
    if task == Task::Draw {
        return Err(Fault::new("filter.failed", "pages are drawn by another function"));
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
            json::collect_text(&value, &mut text);
            Rebuilt { bytes: json::print(&value), text, dropped: Vec::new() }
        }
        Kind::Png => png::rebuild(bytes, limits)?,
        Kind::Jpeg if task == Task::Examine => jpeg::examine(bytes, limits)?,
        Kind::Jpeg => jpeg::rebuild(bytes, limits)?,
        Kind::Pdf => pdf::rebuild(bytes, task, limits)?,
    };
    // No ordinary tool compresses text this well. A file with more was made to be expensive to scan.
    if rebuilt.text.len() > (TEXT_FREE + bytes.len().saturating_mul(TEXT_PER_BYTE)).min(limits.unpacked_bytes_max) {
        return Err(Fault::new("rebuild.size", "a file with more text than its size allows"));
    }
    if rebuilt.bytes.len() > limits.bytes_max {
        return Err(Fault::new(
            "rebuild.size",
            format!("a file that rebuilds to more than {} bytes", limits.bytes_max),
        ));
    }
    if task == Task::Examine && rebuilt.bytes != bytes {
        return Err(Fault::new("rebuild.other-form", format!("{kind} that was not rebuilt by a gateway")));
    }
    Ok(rebuilt)
}

/// Calls a third-party decoder on bytes that were validated; `None` if it panics. This is a second line of defence:
/// input that is known to make a decoder panic is refused before the call.
fn catch_panic<T>(decode: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode)).ok()
}

/// A small valid file of each kind, for tests.
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
        Kind::Jpeg => jpeg::write(&pixels, 24, 16, 3),
        Kind::Pdf => pdf::tests::plain(),
    }
}
