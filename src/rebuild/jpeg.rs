//! JPEG images: the segments are walked here, the pixels are decoded by a kept library, and the file is written anew.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::jpeg_write::{Channels, write};
use super::{Fault, Limits, Rebuilt};

/// What the frame header says.
pub(super) struct Shape {
    pub width: usize,
    pub height: usize,
    pub channels: Channels,
    /// How many segments of metadata there are.
    metadata: usize,
}

/// Decodes the pixels and writes them anew.
pub(super) fn rebuild(bytes: &[u8], limits: &Limits) -> Result<Rebuilt, Fault> {
    let shape = walk(bytes, limits)?;
    let broken = |_| Fault::new("jpeg.pixels", "a JPEG image whose pixels do not decode");
    let space = if shape.channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(limits.side_max as usize)
        .set_max_height(limits.side_max as usize)
        .jpeg_set_out_colorspace(space);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|e| broken(e.to_string()))?;
    if pixels.len() != shape.width * shape.height * shape.channels {
        return Err(broken(String::new()));
    }
    let mut dropped = Vec::new();
    if shape.metadata > 0 {
        dropped.push(format!("{} segment(s) of metadata, such as EXIF", shape.metadata));
    }
    Ok(Rebuilt { bytes: write(&pixels, shape.width, shape.height, shape.channels), text: String::new(), dropped })
}

/// Walks every segment and every coded byte from the first to the last.
pub(super) fn walk(bytes: &[u8], limits: &Limits) -> Result<Shape, Fault> {
    let form = |message: &str| Fault::new("jpeg.form", message);
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err(form("no JPEG image, though it is declared one"));
    }
    let mut at = 2;
    let mut shape: Option<Shape> = None;
    let (mut metadata, mut scanned) = (0, false);
    loop {
        let Some([0xFF, marker]) = bytes.get(at..at + 2) else {
            return Err(form("a segment of a JPEG image that does not begin where the one before ends"));
        };
        at += 2;
        match marker {
            0xD9 => break,
            0xD0..=0xD8 | 0x00 | 0x01 | 0xFF => {
                return Err(form("a marker where a segment of a JPEG image must begin"));
            }
            _ => {}
        }
        let length = bytes.get(at..at + 2).map_or(0, |b| usize::from(b[0]) << 8 | usize::from(b[1]));
        let body = bytes.get(at + 2..at + length).filter(|_| length >= 2);
        let body = body.ok_or_else(|| form("a segment of a JPEG image that is cut short"))?;
        at += length;
        match marker {
            0xE0..=0xEF | 0xFE => metadata += 1,
            0xC0..=0xC2 if shape.is_none() => shape = Some(frame(body, limits)?),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF => {
                return Err(form("a frame of a JPEG image that is not read here"));
            }
            0xC4 | 0xDB | 0xDD => {}
            0xDA if shape.is_some() => {
                scanned = true;
                at += coded(&bytes[at..]);
            }
            _ => return Err(form("a segment that a JPEG image does not have there")),
        }
    }
    let mut shape = shape.filter(|_| scanned).ok_or_else(|| form("a JPEG image without a picture"))?;
    if at != bytes.len() {
        return Err(Fault::new("jpeg.trailing", "something behind the end of a JPEG image"));
    }
    shape.metadata = metadata;
    Ok(shape)
}

fn frame(body: &[u8], limits: &Limits) -> Result<Shape, Fault> {
    let [8, h1, h0, w1, w0, channels @ (1 | 3), ..] = *body else {
        return Err(Fault::new("jpeg.form", "a JPEG image that is neither grey nor in three colours of eight bits"));
    };
    let (width, height) = (usize::from(w1) << 8 | usize::from(w0), usize::from(h1) << 8 | usize::from(h0));
    super::png::sized(width as u64, height as u64, limits)?;
    Ok(Shape { width, height, channels: usize::from(channels), metadata: 0 })
}

/// How many bytes of coded data there are before the next marker that is not part of them.
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
    use super::super::{Kind, Task, work};
    use super::*;

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
        // Bits behind the last block, and a block too few.
        let end = plain.len() - 2;
        assert_eq!(code(Task::Examine, &[&plain[..end], b"\xAA\xAA", &plain[end..]].concat()), "rebuild.other-form");
        assert_eq!(code(Task::Examine, &[&plain[..end - 3], &plain[end..]].concat()), "rebuild.other-form");
    }

    #[test]
    fn refuses_an_image_larger_than_is_read() {
        let mut plain = write(&picture(8, 8, 1), 8, 8, 1);
        let at = plain.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
        plain[at + 5..at + 9].fill(0xFF);
        assert_eq!(code(Task::Rebuild, &plain), "image.size");
    }
}
