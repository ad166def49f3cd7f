//! Limits on the size and content of the files that are read.

use minicbor::{Decode, Encode};

use crate::digest::{Digest, encode};

/// Which fonts of a PDF are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum PdfFonts {
    /// The twelve standard text fonts, which every PDF viewer has.
    #[default]
    #[n(0)]
    Plain,
    /// Embedded fonts as well, written as outlines of the characters to which the file maps their glyphs. Whether an
    /// outline looks like its character is not checked here: an officer looks at the page.
    #[n(1)]
    Mapped,
}

/// Limits on the cost of reading one file, and on what it may contain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// Size of the file as received and as rebuilt, in bytes.
    #[n(0)]
    pub bytes_max: usize,
    /// Size of all compressed data in the file after decompression, in bytes. It also bounds the ratio to which a
    /// single byte may expand.
    #[n(1)]
    pub unpacked_bytes_max: usize,
    /// Pixels of an image. In addition, all images of a file together may have only as many samples as its length
    /// allows: [`SAMPLES_FREE`], and [`SAMPLES_PER_BYTE`] for each byte.
    #[n(2)]
    pub pixels_max: u64,
    /// Pixels along one side of an image.
    #[n(3)]
    pub side_max: u32,
    /// Nesting depth of values: JSON, PDF objects.
    #[n(4)]
    pub depth_max: usize,
    /// Number of values of a JSON text, cells of a table, or objects of a PDF.
    #[n(5)]
    pub values_max: usize,
    /// Length of a single text (a string of a JSON text or a cell of a table), in bytes.
    #[n(6)]
    pub text_bytes_max: usize,
    /// Number of pages of a PDF.
    #[n(7)]
    pub pages_max: usize,
    /// Which fonts of a PDF are accepted.
    #[n(8)]
    pub pdf_fonts: PdfFonts,
    /// Minimum contrast between the letters of a PDF and what surrounds them: the ratio of their luminances, in
    /// hundredths (WCAG 2, 1.4.3).
    #[n(16)]
    pub pdf_contrast: u32,
    /// Minimum size of the letters of a PDF, in points.
    #[n(17)]
    pub pdf_letter_points: u32,
    /// Maximum resolution at which an image of a PDF is drawn, in pixels per point along each side.
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
    /// Returns the SHA-256 digest of the encoded limits, which identifies them in attested settings.
    pub fn digest(&self) -> Digest {
        Digest::of(&encode(self))
    }
}

/// Samples (pixels times channels) that a file may have whatever its length: about one full screen.
pub const SAMPLES_FREE: u64 = 4 << 20;

/// Samples that a file may have for each of its bytes, in addition to [`SAMPLES_FREE`]. Photographs and drawings have
/// fewer; only an image that is almost empty exceeds this. Rebuilt files are held to it as well.
pub const SAMPLES_PER_BYTE: u64 = 80;
