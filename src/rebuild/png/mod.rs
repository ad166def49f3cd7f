//! PNG images: the chunks are validated here, the `png` crate decodes the pixels, and the file is rebuilt from its
//! pixels alone. Transparency is blended with white, so that it can hide nothing.
//!
//! The input is a file, the output is the same image in one canonical form. Animated images, unknown critical chunks
//! and data after the end are refused.

mod chunks;

use super::deflate::zlib;
use super::raster::{blend_on_white, check_samples};
use super::{Fault, Limits, Rebuilt, catch_panic};

/// The first eight bytes of a PNG file (5.2).
pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Decodes the pixels and writes them as a new PNG.
///
/// # Errors
/// A [`Fault`] with a `png.*` or `image.*` code.
pub(super) fn rebuild(bytes: &[u8], limits: &Limits) -> Result<Rebuilt, Fault> {
    let metadata = chunks::validate(bytes, limits)?;
    let broken = || Fault::new("png.pixels", "a PNG image whose pixels cannot be decoded");
    let Decoded { colours, width, height, pixels: decoded } =
        catch_panic(|| decode(bytes, limits)).flatten().ok_or_else(broken)??;
    let (pixels, channels, transparent) = match colours {
        png::ColorType::Grayscale => (decoded, 1, false),
        png::ColorType::Rgb => (decoded, 3, false),
        png::ColorType::GrayscaleAlpha => on_white(&decoded, 1),
        png::ColorType::Rgba => on_white(&decoded, 3),
        png::ColorType::Indexed => return Err(broken()),
    };
    if pixels.len() != width * height * channels {
        return Err(broken());
    }
    let mut dropped = Vec::new();
    if metadata > 0 {
        dropped.push(format!("{metadata} chunk(s) of metadata"));
    }
    if transparent {
        dropped.push("transparency, blended with white".to_owned());
    }
    let samples = pixels.len() as u64;
    let anew = write(pixels, width, height, channels);
    check_samples(samples, anew.len(), limits)?;
    Ok(Rebuilt { bytes: anew, text: String::new(), dropped })
}

/// The pixels of a file.
struct Decoded {
    colours: png::ColorType,
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Decodes a file with the `png` crate; `None` if it cannot be decoded.
fn decode(bytes: &[u8], limits: &Limits) -> Option<Result<Decoded, Fault>> {
    let mut decoder =
        png::Decoder::new_with_limits(std::io::Cursor::new(bytes), png::Limits { bytes: limits.unpacked_bytes_max });
    // The crate draws palette indices without an entry in black, other decoders otherwise. So it returns indices, which
    // are mapped here.
    let indexed = decoder.read_header_info().ok()?.color_type == png::ColorType::Indexed;
    let transformations =
        if indexed { png::Transformations::IDENTITY } else { png::Transformations::normalize_to_color8() };
    decoder.set_transformations(transformations);
    decoder.ignore_checksums(false);
    let mut reader = decoder.read_info().ok()?;
    let size = reader.output_buffer_size().filter(|s| *s <= limits.unpacked_bytes_max)?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).ok()?;
    reader.finish().ok()?;
    pixels.truncate(frame.buffer_size());
    let (width, height) = (frame.width as usize, frame.height as usize);
    if indexed {
        let info = reader.info();
        let colours = Palette {
            colours: info.palette.as_deref()?,
            alphas: info.trns.as_deref().unwrap_or_default(),
            bits: frame.bit_depth as usize,
        };
        let painted = colours.painted(&pixels, frame.line_size, width);
        return Some(painted.map(|(colours, pixels)| Decoded { colours, width, height, pixels }));
    }
    Some(Ok(Decoded { colours: frame.color_type, width, height, pixels }))
}

/// A palette with its transparency (11.2.2, 11.3.1.1).
struct Palette<'a> {
    /// The colours, three bytes each.
    colours: &'a [u8],
    /// The opacity of the first colours; the others are opaque.
    alphas: &'a [u8],
    /// Bits of an index.
    bits: usize,
}

impl Palette<'_> {
    /// Maps rows of palette indices to pixels, and returns them with their colour type. An index without an entry is an
    /// error in the file (11.2.2), which decoders treat differently; it is refused.
    fn painted(&self, rows: &[u8], row: usize, width: usize) -> Result<(png::ColorType, Vec<u8>), Fault> {
        let (colours, _) = self.colours.as_chunks::<3>();
        let transparent = !self.alphas.is_empty();
        let mut out = Vec::with_capacity(rows.len() / row.max(1) * width * if transparent { 4 } else { 3 });
        for row in rows.chunks_exact(row.max(1)) {
            let numbers = row.iter().flat_map(|byte| {
                let numbers = (0..8 / self.bits).rev();
                numbers.map(move |n| usize::from(*byte) >> (n * self.bits) & ((1 << self.bits) - 1))
            });
            for number in numbers.take(width) {
                let colour = colours.get(number).ok_or_else(|| {
                    let message = format!(
                        "a PNG image with a pixel of palette index {number}, and a palette of only {} colours: save it \
                         again without a palette",
                        colours.len()
                    );
                    Fault::new("png.palette", message)
                })?;
                out.extend(colour);
                if transparent {
                    out.push(self.alphas.get(number).copied().unwrap_or(255));
                }
            }
        }
        Ok((if transparent { png::ColorType::Rgba } else { png::ColorType::Rgb }, out))
    }
}

/// Blends transparent pixels with white; returns the pixels, their channel count, and whether any was transparent.
fn on_white(pixels: &[u8], channels: usize) -> (Vec<u8>, usize, bool) {
    let mut out = Vec::with_capacity(pixels.len() / (channels + 1) * channels);
    let mut transparent = false;
    for pixel in pixels.chunks_exact(channels + 1) {
        transparent |= pixel[channels] < 255;
        out.extend(pixel[..channels].iter().map(|part| blend_on_white(*part, pixel[channels])));
    }
    (out, channels, transparent)
}

/// Writes an 8-bit PNG (W3C, third edition) of `pixels`, row by row with 1 (grey) or 3 (RGB) channels of one byte.
pub(super) fn write(pixels: Vec<u8>, width: usize, height: usize, channels: usize) -> Vec<u8> {
    let filtered = filtered(pixels, width * channels, height);
    let mut out = SIGNATURE.to_vec();
    let mut header = Vec::new();
    header.extend((width as u32).to_be_bytes());
    header.extend((height as u32).to_be_bytes());
    header.extend([8, if channels == 1 { 0 } else { 2 }, 0, 0, 0]);
    chunk(&mut out, b"IHDR", &header);
    chunk(&mut out, b"IDAT", &zlib(&filtered));
    chunk(&mut out, b"IEND", b"");
    out
}

/// Applies the filter "Up" to every row: one filter for all, so that its choice carries no information. It runs from
/// the last row to the first, so that it needs no memory but one more byte for each row.
fn filtered(mut rows: Vec<u8>, row: usize, height: usize) -> Vec<u8> {
    rows.resize((row + 1) * height, 0);
    for y in (0..height).rev() {
        let (from, to) = (y * row, y * (row + 1));
        for x in (0..row).rev() {
            let above = if y == 0 { 0 } else { rows[from - row + x] };
            rows[to + 1 + x] = rows[from + x].wrapping_sub(above);
        }
        rows[to] = 2;
    }
    rows
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], body: &[u8]) {
    out.extend((body.len() as u32).to_be_bytes());
    let from = out.len();
    out.extend(kind);
    out.extend(body);
    let check = crc(&out[from..]);
    out.extend(check.to_be_bytes());
}

/// The CRC-32 of a chunk (PNG, Annex D).
fn crc(bytes: &[u8]) -> u32 {
    let mut table = [0u32; 256];
    for (n, entry) in table.iter_mut().enumerate() {
        *entry = (0..8).fold(n as u32, |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ c >> 1 } else { c >> 1 });
    }
    !bytes.iter().fold(!0, |c, b| table[((c ^ u32::from(*b)) & 0xFF) as usize] ^ c >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::{Kind, Task, work};

    fn code(task: Task, bytes: &[u8]) -> &'static str {
        work(task, Kind::Png, bytes, &Limits::default()).map_or_else(|f| f.code, |_| "pass")
    }

    fn picture() -> Vec<u8> {
        let pixels: Vec<u8> = (0..30 * 20 * 3).map(|i| (i * 31 % 251) as u8).collect();
        write(pixels, 30, 20, 3)
    }

    fn with_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let plain = picture();
        let mut out = plain[..33].to_vec();
        chunk(&mut out, kind, body);
        out.extend(&plain[33..]);
        out
    }

    #[test]
    fn what_is_written_reads_as_itself() {
        let plain = picture();
        assert_eq!(code(Task::Examine, &plain), "pass");
        assert_eq!(work(Task::Rebuild, Kind::Png, &plain, &Limits::default()).unwrap().bytes, plain);
    }

    #[test]
    fn drops_metadata_and_transparency_and_says_so() {
        let noted = with_chunk(b"tEXt", b"Comment\0EXERCISE");
        assert_eq!(code(Task::Examine, &noted), "rebuild.other-form");
        let rebuilt = work(Task::Rebuild, Kind::Png, &noted, &Limits::default()).unwrap();
        assert_eq!((rebuilt.bytes, rebuilt.dropped.len()), (picture(), 1));
        // Red under full transparency becomes white.
        let mut clear = Vec::new();
        let mut encoder = png::Encoder::new(&mut clear, 2, 1);
        encoder.set_color(png::ColorType::Rgba);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[255, 0, 0, 0, 9, 9, 9, 255]).unwrap();
        writer.finish().unwrap();
        let rebuilt = work(Task::Rebuild, Kind::Png, &clear, &Limits::default()).unwrap();
        assert_eq!(rebuilt.bytes, write(vec![255, 255, 255, 9, 9, 9], 2, 1, 3));
        assert_eq!(rebuilt.dropped, ["transparency, blended with white"]);
    }

    /// A picture of one row of palette indices, of so many bits each.
    fn indexed(bits: png::BitDepth, width: u32, row: &[u8], colours: &[u8], alphas: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width, 1);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(bits);
        encoder.set_palette(colours.to_vec());
        if !alphas.is_empty() {
            encoder.set_trns(alphas.to_vec());
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(row).unwrap();
        writer.finish().unwrap();
        out
    }

    #[test]
    fn every_number_of_a_colour_has_one() {
        use png::BitDepth::{Eight, Four, One, Two};
        let colours = [9, 9, 9, 20, 30, 40, 5, 6, 7];
        let rebuilt = |bytes: &[u8]| work(Task::Rebuild, Kind::Png, bytes, &Limits::default());
        for (bits, width, row, seen) in [
            (Eight, 3, &[2, 0, 1][..], vec![5, 6, 7, 9, 9, 9, 20, 30, 40]),
            (Four, 3, &[0x20, 0x1F], vec![5, 6, 7, 9, 9, 9, 20, 30, 40]),
            (Two, 3, &[0b1000_0111], vec![5, 6, 7, 9, 9, 9, 20, 30, 40]),
            (One, 2, &[0b0111_1111], vec![9, 9, 9, 20, 30, 40]),
        ] {
            // One bit can index two colours.
            let colours = if bits == One { &colours[..6] } else { &colours[..] };
            let bytes = indexed(bits, width, row, colours, &[]);
            assert_eq!(rebuilt(&bytes).unwrap().bytes, write(seen, width as usize, 1, 3), "{bits:?}");
        }
        // Partial opacity is blended with white.
        let bytes = indexed(Eight, 2, &[1, 0], &colours, &[0]);
        assert_eq!(rebuilt(&bytes).unwrap().bytes, write(vec![20, 30, 40, 255, 255, 255], 2, 1, 3));
        for (bits, width, row) in
            [(Eight, 3, &[2, 0, 3][..]), (Eight, 1, &[255]), (Four, 3, &[0x23, 0x10]), (Two, 1, &[0xFF])]
        {
            for alphas in [&[][..], &[0, 9]] {
                let fault = rebuilt(&indexed(bits, width, row, &colours, alphas)).unwrap_err();
                assert_eq!(fault.code, "png.palette", "{bits:?}: {}", fault.message);
            }
        }
        let fault = rebuilt(&indexed(One, 2, &[0b0111_1111], &colours[..3], &[])).unwrap_err();
        assert!(fault.message.contains("palette index 1, and a palette of only 1 colours"), "{}", fault.message);
    }

    #[test]
    fn refuses_other_pictures_trailing_bytes_and_damage() {
        let plain = picture();
        let mut damaged = plain.clone();
        damaged[50] ^= 1;
        for (bytes, expected) in [
            ([&plain[..], b"x"].concat(), "png.trailing"),
            (with_chunk(b"acTL", &[0; 8]), "png.frames"),
            (with_chunk(b"XXXX", b""), "png.form"),
            (plain[..40].to_vec(), "png.form"),
            (b"GIF89a".to_vec(), "png.form"),
            (damaged, "png.pixels"),
        ] {
            assert_eq!(code(Task::Rebuild, &bytes), expected);
        }
        let mut huge = plain.clone();
        huge[16..24].fill(0x7F);
        assert_eq!(code(Task::Rebuild, &huge), "image.size");
    }
}
