//! JPEG images: the segments and their coded data are validated here, the `zune-jpeg` crate decodes the pixels, and the
//! file is rebuilt from them.
//!
//! The input is a file. The output is the same picture in one canonical form ([`write`](fn@write)), or the finding that
//! it has that form already ([`examine`]). Truncated pictures and data after the end are refused.

mod coded;
mod write;
mod canonical;

pub(super) use self::canonical::{check_canonical, examine};
pub(super) use self::write::write;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use self::coded::{Frame, Scan};
use self::write::Channels;
use super::{Fault, Limits, Rebuilt, catch_panic};

/// The size of a picture, from the frame header.
pub(super) struct Shape {
    pub width: usize,
    pub height: usize,
    pub channels: Channels,
    progressive: bool,
    /// Number of metadata segments.
    metadata: usize,
}

impl Shape {
    /// The number of samples to decode. Those of a progressive picture count twice, because all its coefficients are
    /// held until the last scan.
    pub fn samples(&self) -> u64 {
        (self.width * self.height * self.channels) as u64 * if self.progressive { 2 } else { 1 }
    }
}

/// Decodes the pixels and writes them as a new JPEG.
///
/// # Errors
/// A [`Fault`] with a `jpeg.*` or `image.*` code.
pub(super) fn rebuild(bytes: &[u8], limits: &Limits) -> Result<Rebuilt, Fault> {
    let shape = validate(bytes, limits)?;
    let picture = (shape.width * shape.height * shape.channels) as u64;
    // Count the samples once for reading and once for writing, which costs as much as all the rest.
    crate::rebuild::raster::check_samples(shape.samples() + picture, bytes.len(), limits)?;
    let mut dropped = Vec::new();
    if shape.metadata > 0 {
        dropped.push(format!("{} segment(s) of metadata, such as EXIF", shape.metadata));
    }
    let anew = reencode(bytes, &shape, limits)?;
    crate::rebuild::raster::check_samples(picture, anew.len(), limits)?;
    Ok(Rebuilt { bytes: anew, text: String::new(), dropped })
}

/// Decodes a file that [`validate`] validated, and writes its pixels as a new JPEG.
pub(super) fn reencode(bytes: &[u8], shape: &Shape, limits: &Limits) -> Result<Vec<u8>, Fault> {
    Ok(write(&pixels(bytes, shape, limits)?, shape.width, shape.height, shape.channels))
}

/// Decodes a file that [`validate`] validated into pixels, row by row.
pub(super) fn pixels(bytes: &[u8], shape: &Shape, limits: &Limits) -> Result<Vec<u8>, Fault> {
    let broken = || Fault::new("jpeg.pixels", "a JPEG image whose pixels cannot be decoded");
    let space = if shape.channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(limits.side_max as usize)
        .set_max_height(limits.side_max as usize)
        .jpeg_set_out_colorspace(space);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    // The decoder is limited to the size that `validate` found; if it panics, the file does not decode.
    let pixels = catch_panic(|| decoder.decode().ok()).flatten().ok_or_else(broken)?;
    if pixels.len() != shape.width * shape.height * shape.channels {
        return Err(broken());
    }
    Ok(pixels)
}

/// Validates every segment and all coded data from the first byte to the last.
///
/// # Errors
/// A [`Fault`] with a `jpeg.*` or `image.*` code.
pub(super) fn validate(bytes: &[u8], limits: &Limits) -> Result<Shape, Fault> {
    let form = |message: &str| Fault::new("jpeg.form", message);
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err(form("not a JPEG image, although declared as one"));
    }
    let mut at = 2;
    let mut shape: Option<(Shape, Frame)> = None;
    // Tables may precede the frame to which they apply.
    let mut before: Vec<(u8, &[u8])> = Vec::new();
    let mut metadata = 0;
    loop {
        let Some([0xFF, marker]) = bytes.get(at..at + 2) else {
            return Err(form("bytes between two segments of a JPEG image"));
        };
        at += 2;
        match *marker {
            0xD9 => break,
            0xD0..=0xD8 | 0x00 | 0x01 | 0xFF => {
                return Err(form("a marker where a segment of a JPEG image must begin"));
            }
            _ => {}
        }
        let length = bytes.get(at..at + 2).map_or(0, |b| usize::from(b[0]) << 8 | usize::from(b[1]));
        let body = bytes.get(at + 2..at + length).filter(|_| length >= 2);
        let body = body.ok_or_else(|| form("a segment of a JPEG image that is truncated"))?;
        at += length;
        match *marker {
            0xE0..=0xEF | 0xFE => metadata += 1,
            0xC0..=0xC2 if shape.is_none() => {
                let found = frame(body, limits)?;
                let mut frame = Frame::new(body, *marker == 0xC2, found.width, found.height)?;
                before.drain(..).try_for_each(|(marker, body)| table(&mut frame, marker, body))?;
                shape = Some((found, frame));
            }
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF => {
                return Err(form("a JPEG image with an unsupported frame type"));
            }
            0xDB => {}
            0xC4 | 0xDD => match &mut shape {
                Some((_, frame)) => table(frame, *marker, body)?,
                None if before.len() < TABLES_MAX => before.push((*marker, body)),
                None => return Err(form("a JPEG image with too many tables")),
            },
            0xDA => {
                let (_, frame) = shape.as_mut().ok_or_else(|| form("a scan of a JPEG image before its frame"))?;
                let scan = Scan::new(body, frame)?;
                let coded = &bytes[at..at + coded(&bytes[at..])];
                scan.read(coded, frame)?;
                at += coded.len();
            }
            _ => return Err(form("an unexpected segment in a JPEG image")),
        }
    }
    let (mut shape, frame) = shape.ok_or_else(|| form("a JPEG image without a frame"))?;
    frame.complete()?;
    if at != bytes.len() {
        return Err(Fault::new("jpeg.trailing", "data after the end of a JPEG image"));
    }
    shape.metadata = metadata;
    shape.progressive = frame.progressive();
    Ok(shape)
}

/// Maximum number of table segments before the frame.
const TABLES_MAX: usize = 16;

fn table(frame: &mut Frame, marker: u8, body: &[u8]) -> Result<(), Fault> {
    if marker == 0xDD { frame.restart_interval(body) } else { frame.tables(body) }
}

fn frame(body: &[u8], limits: &Limits) -> Result<Shape, Fault> {
    let [8, h1, h0, w1, w0, channels @ (1 | 3), ..] = *body else {
        return Err(Fault::new("jpeg.form", "a JPEG image with other than one or three components of 8 bits"));
    };
    let (width, height) = (usize::from(w1) << 8 | usize::from(w0), usize::from(h1) << 8 | usize::from(h0));
    crate::rebuild::raster::check_dimensions(width as u64, height as u64, limits)?;
    Ok(Shape { width, height, channels: usize::from(channels), progressive: false, metadata: 0 })
}

/// The number of bytes of coded data before the next marker other than a restart marker.
fn coded(bytes: &[u8]) -> usize {
    let inside = |pair: &[u8]| pair[0] != 0xFF || matches!(pair[1], 0x00 | 0xD0..=0xD7);
    let mut at = 0;
    while at + 1 < bytes.len() && inside(&bytes[at..at + 2]) {
        at += if bytes[at] == 0xFF { 2 } else { 1 };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::{Kind, Task, work};

    fn picture(width: usize, height: usize, channels: usize) -> Vec<u8> {
        (0..width * height * channels).map(|i| (i * 37 / channels % 200) as u8).collect()
    }

    fn code(task: Task, bytes: &[u8]) -> &'static str {
        work(task, Kind::Jpeg, bytes, &Limits::default()).map_or_else(|f| f.code, |_| "pass")
    }

    #[test]
    fn writes_what_a_kept_library_reads_and_the_scan_passes() {
        for (width, height, channels) in [(1, 1, 1), (8, 8, 3), (17, 9, 3), (40, 33, 1)] {
            let smooth: Vec<u8> =
                (0..width * height * channels).map(|i| (60 + i / channels % width * 3) as u8).collect();
            let bytes = write(&smooth, width, height, channels);
            assert_eq!(code(Task::Examine, &bytes), "pass", "{width}x{height}");
            let mut decoder = JpegDecoder::new(ZCursor::new(&bytes));
            let options = DecoderOptions::default().jpeg_set_out_colorspace(if channels == 1 {
                ColorSpace::Luma
            } else {
                ColorSpace::RGB
            });
            decoder.set_options(options);
            let pixels = decoder.decode().unwrap();
            let worst = pixels.iter().zip(&smooth).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst < Some(12), "{width}x{height}x{channels}: {worst:?}");
        }
    }

    #[test]
    fn drops_metadata_and_says_so() {
        let plain = write(&picture(20, 20, 3), 20, 20, 3);
        let mut with_exif = plain[..2].to_vec();
        with_exif.extend(b"\xFF\xE1\x00\x10Exif\0\0EXERCISE");
        with_exif.extend(&plain[2..]);
        assert_eq!(code(Task::Examine, &with_exif), "rebuild.other-form");
        let rebuilt = work(Task::Rebuild, Kind::Jpeg, &with_exif, &Limits::default()).unwrap();
        assert!(!rebuilt.bytes.windows(4).any(|w| w == b"Exif"));
        assert_eq!(rebuilt.dropped.len(), 1);
        assert_eq!(code(Task::Examine, &rebuilt.bytes), "pass");
    }

    #[test]
    fn refuses_what_stands_behind_the_end_or_between_segments() {
        let plain = write(&picture(20, 20, 3), 20, 20, 3);
        for task in [Task::Rebuild, Task::Examine] {
            assert_eq!(code(task, &[&plain[..], b"PK\x03\x04"].concat()), "jpeg.trailing");
            assert_eq!(code(task, &[&plain[..2], b"gap", &plain[2..]].concat()), "jpeg.form");
            assert_eq!(code(task, &plain[..plain.len() - 2]), "jpeg.form");
            assert_eq!(code(task, b"\x89PNG"), "jpeg.form");
        }
        // Data after the last block, and a missing block.
        let end = plain.len() - 2;
        for task in [Task::Rebuild, Task::Examine] {
            assert_eq!(code(task, &[&plain[..end], b"\xAA\xAA", &plain[end..]].concat()), "jpeg.trailing");
            assert_eq!(code(task, &[&plain[..end - 3], &plain[end..]].concat()), "jpeg.form");
        }
    }

    #[test]
    fn refuses_an_image_larger_than_is_read() {
        let mut plain = write(&picture(8, 8, 1), 8, 8, 1);
        let at = plain.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
        plain[at + 5..at + 9].fill(0xFF);
        assert_eq!(code(Task::Rebuild, &plain), "image.size");
    }
}
