//! PNG images: the chunks are walked here, the pixels are decoded by a kept library, and the file is written anew
//! without anything but pixels. What is transparent is painted on white, so that nothing hides beneath it.

use super::deflate::zlib;
use super::{Fault, Limits, Rebuilt};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Decodes the pixels and writes them anew.
pub(super) fn rebuild(bytes: &[u8], limits: &Limits) -> Result<Rebuilt, Fault> {
    let metadata = walk(bytes, limits)?;
    let broken = || Fault::new("png.pixels", "a PNG image whose pixels do not decode");
    let mut decoder =
        png::Decoder::new_with_limits(std::io::Cursor::new(bytes), png::Limits { bytes: limits.unpacked_bytes_max });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    decoder.ignore_checksums(false);
    let mut reader = decoder.read_info().map_err(|_| broken())?;
    let size = reader.output_buffer_size().filter(|s| *s <= limits.unpacked_bytes_max).ok_or_else(broken)?;
    let mut decoded = vec![0; size];
    let frame = reader.next_frame(&mut decoded).map_err(|_| broken())?;
    reader.finish().map_err(|_| broken())?;
    decoded.truncate(frame.buffer_size());
    let (pixels, channels, transparent) = match frame.color_type {
        png::ColorType::Grayscale => (decoded, 1, false),
        png::ColorType::Rgb => (decoded, 3, false),
        png::ColorType::GrayscaleAlpha => on_white(&decoded, 1),
        png::ColorType::Rgba => on_white(&decoded, 3),
        png::ColorType::Indexed => return Err(broken()),
    };
    let (width, height) = (frame.width as usize, frame.height as usize);
    if pixels.len() != width * height * channels {
        return Err(broken());
    }
    let mut dropped = Vec::new();
    if metadata > 0 {
        dropped.push(format!("{metadata} chunk(s) of metadata"));
    }
    if transparent {
        dropped.push("transparency, painted on white".to_owned());
    }
    Ok(Rebuilt { bytes: write(&pixels, width, height, channels), text: String::new(), dropped })
}

/// Whether an image of this size is read at all.
pub(super) fn sized(width: u64, height: u64, limits: &Limits) -> Result<(), Fault> {
    let side = u64::from(limits.side_max);
    if width == 0 || height == 0 || width > side || height > side || width * height > limits.pixels_max {
        let message = format!("an image of no pixel, or of more than {side} a side or {} in all", limits.pixels_max);
        return Err(Fault::new("image.size", message));
    }
    Ok(())
}

/// Walks every chunk, and counts those that are not the picture.
fn walk(bytes: &[u8], limits: &Limits) -> Result<usize, Fault> {
    let form = |message: &str| Fault::new("png.form", message);
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or_else(|| form("no PNG image, though it is declared one"))?;
    let (mut first, mut metadata, mut packed) = (true, 0, 0);
    loop {
        let (head, after) = rest.split_at_checked(8).ok_or_else(|| form("a PNG image that is cut short"))?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = &head[4..8];
        let body = after.get(..length).ok_or_else(|| form("a chunk of a PNG image that is cut short"))?;
        rest = after.get(length + 4..).ok_or_else(|| form("a chunk of a PNG image that is cut short"))?;
        match kind {
            b"IHDR" if first && length == 13 => {
                let side = |at: usize| u32::from_be_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
                sized(u64::from(side(0)), u64::from(side(4)), limits)?;
            }
            _ if first => return Err(form("a PNG image that does not begin with its header")),
            b"IDAT" => packed += length,
            b"IEND" => break,
            b"PLTE" | b"tRNS" => {}
            b"acTL" | b"fcTL" | b"fdAT" => return Err(Fault::new("png.frames", "a PNG image of several pictures")),
            b"IHDR" => return Err(form("a PNG image with two headers")),
            // A chunk that must be understood, and is not (PNG 5.4: the first letter is a capital).
            _ if kind[0].is_ascii_uppercase() => return Err(form("a chunk that a PNG image does not have")),
            _ => metadata += 1,
        }
        first = false;
    }
    if packed == 0 {
        return Err(form("a PNG image without a picture"));
    }
    if !rest.is_empty() {
        return Err(Fault::new("png.trailing", "something behind the end of a PNG image"));
    }
    Ok(metadata)
}

/// Pixels with transparency painted on white, and whether any was transparent.
fn on_white(pixels: &[u8], channels: usize) -> (Vec<u8>, usize, bool) {
    let mut out = Vec::with_capacity(pixels.len() / (channels + 1) * channels);
    let mut transparent = false;
    for pixel in pixels.chunks_exact(channels + 1) {
        transparent |= pixel[channels] < 255;
        out.extend(pixel[..channels].iter().map(|part| painted(*part, pixel[channels])));
    }
    (out, channels, transparent)
}

/// One part of a colour that is there as much as `alpha` says, painted on white.
pub(super) fn painted(part: u8, alpha: u8) -> u8 {
    let (part, alpha) = (u32::from(part), u32::from(alpha));
    ((part * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

pub(super) fn write(pixels: &[u8], width: usize, height: usize, channels: usize) -> Vec<u8> {
    let row = width * channels;
    let mut filtered = Vec::with_capacity((row + 1) * height);
    for y in 0..height {
        // Every row by its difference to the row above: one filter for all, so that the choice says nothing.
        filtered.push(2);
        for x in 0..row {
            let above = if y == 0 { 0 } else { pixels[(y - 1) * row + x] };
            filtered.push(pixels[y * row + x].wrapping_sub(above));
        }
    }
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

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], body: &[u8]) {
    out.extend((body.len() as u32).to_be_bytes());
    let from = out.len();
    out.extend(kind);
    out.extend(body);
    let check = crc(&out[from..]);
    out.extend(check.to_be_bytes());
}

/// The check of a chunk (PNG, Annex D).
fn crc(bytes: &[u8]) -> u32 {
    let mut table = [0u32; 256];
    for (n, entry) in table.iter_mut().enumerate() {
        *entry = (0..8).fold(n as u32, |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ c >> 1 } else { c >> 1 });
    }
    !bytes.iter().fold(!0, |c, b| table[((c ^ u32::from(*b)) & 0xFF) as usize] ^ c >> 8)
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Task, work};
    use super::*;

    fn code(task: Task, bytes: &[u8]) -> &'static str {
        work(task, Kind::Png, bytes, &Limits::default()).map_or_else(|f| f.code, |_| "pass")
    }

    fn picture() -> Vec<u8> {
        let pixels: Vec<u8> = (0..30 * 20 * 3).map(|i| (i * 31 % 251) as u8).collect();
        write(&pixels, 30, 20, 3)
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
        // Red beneath full transparency is white when painted.
        let mut clear = Vec::new();
        let mut encoder = png::Encoder::new(&mut clear, 2, 1);
        encoder.set_color(png::ColorType::Rgba);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[255, 0, 0, 0, 9, 9, 9, 255]).unwrap();
        writer.finish().unwrap();
        let rebuilt = work(Task::Rebuild, Kind::Png, &clear, &Limits::default()).unwrap();
        assert_eq!(rebuilt.bytes, write(&[255, 255, 255, 9, 9, 9], 2, 1, 3));
        assert_eq!(rebuilt.dropped, ["transparency, painted on white"]);
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
