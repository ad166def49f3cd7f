//! Foreign formats, read strictly and written anew from what they mean: an image from its pixels, a table from its
//! cells, a page from its words.
//!
//! In comes a file and its declared [`Kind`]; out goes [`Rebuilt`], the file in one canonical form and the text that a
//! reader sees, or a [`Fault`]. Metadata, unused bytes and embedded files are not copied.
//!
//! It refuses what it cannot read completely, never repairs, and knows nothing of marks or partners. The parsers run on
//! untrusted bytes, so callers use them through [`Rebuilder`], which runs them in a process of their own.

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

pub use csv::Table;
pub use fair_queue::{FairQueue, Ticket};
pub use fault::{CODES, Fault};
pub use kind::Kind;
pub use limits::{Limits, PdfFonts, SAMPLES_FREE, SAMPLES_PER_BYTE};

/// Bytes of text that a file may come to whatever its length, and for each of its bytes. A page of a PDF may count several times:
/// its words in every order in which they may be read.
const TEXT_FREE: usize = 1 << 20;
const TEXT_PER_BYTE: usize = 32;

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
        Err(Fault::new("filter.missing", format!("no filter draws {kind} here")))
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
        return Err(Fault::new("filter.failed", "drawing is a task of its own"));
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
        Kind::Jpeg if task == Task::Examine => jpeg::examine(bytes, limits)?,
        Kind::Jpeg => jpeg::rebuild(bytes, limits)?,
        Kind::Pdf => pdf::rebuild(bytes, task, limits)?,
    };
    // So much text comes of no more bytes than any tool packs it into; what is beyond is made to be looked through.
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
        Kind::Jpeg => jpeg::write(&pixels, 24, 16, 3),
        Kind::Pdf => pdf::tests::plain(),
    }
}
