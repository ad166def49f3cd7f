//! How much of a file is read, and what of it may be passed.

use minicbor::{Decode, Encode};

use crate::digest::{Digest, encode};

/// Which fonts of a PDF are passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum PdfFonts {
    /// The twelve that every reader has.
    #[default]
    #[n(0)]
    Plain,
    /// Embedded ones as well, as drawings of the letters that the file says they are.
    #[n(1)]
    Mapped,
}

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
