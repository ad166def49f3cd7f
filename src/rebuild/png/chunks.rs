//! Validation of the chunks of a PNG (W3C, third edition) before anything is decoded: decoders tolerate missing
//! required parts, and a palette of an invalid length makes one of them panic.

use super::SIGNATURE;
use crate::rebuild::raster::{check_dimensions, check_samples};
use crate::rebuild::{Fault, Limits};

fn form(message: impl Into<String>) -> Fault {
    Fault::new("png.form", message)
}

/// What the chunks read so far contain.
#[derive(Default)]
struct ChunkState {
    /// Colour type and bits per sample, from the header.
    header: Option<(u8, u8)>,
    /// Number of palette entries.
    colours: Option<usize>,
    transparency: bool,
    /// Bytes of compressed image data, and whether another chunk followed them.
    packed: usize,
    ended: bool,
    metadata: usize,
}

/// Validates every chunk, and returns the number of chunks that hold metadata.
pub(in crate::rebuild) fn validate(bytes: &[u8], limits: &Limits) -> Result<usize, Fault> {
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or_else(|| form("not a PNG image, although declared as one"))?;
    let mut state = ChunkState::default();
    loop {
        let (head, after) = rest.split_at_checked(8).ok_or_else(|| form("a PNG image that is truncated"))?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = [head[4], head[5], head[6], head[7]];
        let body = after.get(..length).ok_or_else(|| form("a chunk of a PNG image that is truncated"))?;
        rest = after.get(length + 4..).ok_or_else(|| form("a chunk of a PNG image that is truncated"))?;
        if &kind == b"IHDR" {
            state.header(body, bytes.len(), limits)?;
        } else if &kind == b"IEND" {
            state.end(body)?;
            break;
        } else {
            state.chunk(kind, body)?;
        }
    }
    if !rest.is_empty() {
        return Err(Fault::new("png.trailing", "data after the end of a PNG image"));
    }
    Ok(state.metadata)
}

impl ChunkState {
    /// Reads the image header, IHDR (11.2.1).
    fn header(&mut self, body: &[u8], bytes: usize, limits: &Limits) -> Result<(), Fault> {
        if self.header.is_some() || self.metadata > 0 {
            return Err(form("a PNG image with two headers, or with something before its header"));
        }
        let &[w3, w2, w1, w0, h3, h2, h1, h0, bits, colour, packing, filter, interlaced] = body else {
            return Err(form(format!("a PNG header of {} bytes: expected 13", body.len())));
        };
        let side = |bytes| u64::from(u32::from_be_bytes(bytes));
        let (width, height) = (side([w3, w2, w1, w0]), side([h3, h2, h1, h0]));
        check_dimensions(width, height, limits)?;
        let channels = match (colour, bits) {
            (0, 1 | 2 | 4 | 8 | 16) => 1,
            // A palette holds three components a colour, whatever the bit depth of its indices.
            (2, 8 | 16) | (3, 1 | 2 | 4 | 8) => 3,
            (4, 8 | 16) => 2,
            (6, 8 | 16) => 4,
            _ => {
                return Err(form(format!(
                    "a PNG image of colour type {colour} with {bits} bits, which the standard does not allow"
                )));
            }
        };
        if (packing, filter) != (0, 0) || interlaced > 1 {
            return Err(form("a PNG image with an unknown compression, filter or interlace method"));
        }
        check_samples(width * height * channels * if bits == 16 { 2 } else { 1 }, bytes, limits)?;
        self.header = Some((colour, bits));
        Ok(())
    }

    /// Reads a chunk between the header and the end.
    fn chunk(&mut self, kind: [u8; 4], body: &[u8]) -> Result<(), Fault> {
        let (colour, bits) = self.header.ok_or_else(|| form("a PNG image that does not begin with its header"))?;
        if &kind == b"IDAT" {
            if self.ended {
                return Err(form("a PNG image whose IDAT chunks are not consecutive"));
            }
            if colour == 3 && self.colours.is_none() {
                return Err(form("an indexed PNG image without a palette before its pixels"));
            }
            self.packed += body.len();
            return Ok(());
        }
        self.ended |= self.packed > 0;
        match &kind {
            b"PLTE" => self.palette(colour, bits, body)?,
            b"tRNS" => self.transparent(colour, body)?,
            b"acTL" | b"fcTL" | b"fdAT" => {
                return Err(Fault::new("png.frames", "an animated PNG image"));
            }
            // An unknown chunk that a decoder must understand (5.4: the first letter is upper case).
            _ if kind[0].is_ascii_uppercase() => return Err(form("an unknown critical chunk in a PNG image")),
            _ => self.metadata += 1,
        }
        Ok(())
    }

    /// Checks the palette, PLTE (11.2.2): three bytes a colour, and no more colours than the bit depth can index.
    fn palette(&mut self, colour: u8, bits: u8, body: &[u8]) -> Result<(), Fault> {
        if matches!(colour, 0 | 4) || self.colours.is_some() || self.packed > 0 || self.transparency {
            return Err(form("a misplaced or repeated palette in a PNG image"));
        }
        let most = if colour == 3 { 1 << bits } else { 256 };
        let colours = body.len() / 3;
        if !body.len().is_multiple_of(3) || colours == 0 || colours > most {
            let found = body.len();
            return Err(form(format!("a palette of {found} bytes in a PNG image: 3 a colour, 1 to {most} colours")));
        }
        self.colours = Some(colours);
        Ok(())
    }

    /// Checks the transparency chunk, tRNS (11.3.1.1), against the colour type.
    fn transparent(&mut self, colour: u8, body: &[u8]) -> Result<(), Fault> {
        let sound = match colour {
            0 => body.len() == 2,
            2 => body.len() == 6,
            3 => self.colours.is_some_and(|colours| (1..=colours).contains(&body.len())),
            _ => false,
        };
        if !sound || self.transparency || self.packed > 0 {
            let found = body.len();
            return Err(form(format!("a transparency chunk of {found} bytes that does not fit its PNG image")));
        }
        self.transparency = true;
        Ok(())
    }

    fn end(&self, body: &[u8]) -> Result<(), Fault> {
        if self.packed == 0 {
            return Err(form("a PNG image without pixels"));
        }
        if body.is_empty() { Ok(()) } else { Err(form("an end chunk of a PNG image that is not empty")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::{Kind, Task, work};

    fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let check = crc32fast::hash(&[&kind[..], body].concat());
        [&(body.len() as u32).to_be_bytes()[..], kind, body, &check.to_be_bytes()].concat()
    }

    /// A PNG of two by one pixels of this colour type, with chunks before its image data.
    fn png(colour: u8, bits: u8, before: &[Vec<u8>]) -> Vec<u8> {
        let header = [0, 0, 0, 2, 0, 0, 0, 1, bits, colour, 0, 0, 0];
        let channels = [1, 0, 3, 1, 2, 0, 4][usize::from(colour)];
        let row = vec![0; 1 + (2 * channels * usize::from(bits)).div_ceil(8)];
        let picture = chunk(b"IDAT", &crate::rebuild::deflate::zlib(&row));
        [SIGNATURE, &chunk(b"IHDR", &header), &before.concat(), &picture, &chunk(b"IEND", b"")].concat()
    }

    fn code(bytes: &[u8]) -> &'static str {
        work(Task::Rebuild, Kind::Png, bytes, &Limits::default()).map_or_else(|f| f.code, |_| "pass")
    }

    #[test]
    fn a_palette_is_held_to_its_form_before_anything_is_decoded() {
        for (colour, bits, length, expected) in [
            (3, 8, 3, "pass"),
            (3, 8, 768, "pass"),
            (3, 1, 6, "pass"),
            (3, 8, 4, "png.form"),
            (3, 8, 767, "png.form"),
            (3, 8, 0, "png.form"),
            (3, 8, 771, "png.form"),
            (3, 1, 9, "png.form"),
            (2, 8, 9, "pass"),
            (0, 8, 3, "png.form"),
            (4, 8, 3, "png.form"),
        ] {
            let file = png(colour, bits, &[chunk(b"PLTE", &vec![7; length])]);
            assert_eq!(code(&file), expected, "colour type {colour}, {bits} bits, palette of {length} bytes");
        }
        assert_eq!(code(&png(3, 8, &[])), "png.form");
        let two = vec![chunk(b"PLTE", &[0; 6]), chunk(b"PLTE", &[0; 6])];
        assert_eq!(code(&png(3, 8, &two)), "png.form");
    }

    #[test]
    fn transparency_header_and_order_are_held_to_their_form() {
        let palette = || chunk(b"PLTE", &[0; 6]);
        for (colour, before, expected) in [
            (3, vec![palette(), chunk(b"tRNS", &[9, 9])], "pass"),
            (3, vec![palette(), chunk(b"tRNS", &[9, 9, 9])], "png.form"),
            (3, vec![chunk(b"tRNS", &[9]), palette()], "png.form"),
            (0, vec![chunk(b"tRNS", &[0, 9])], "pass"),
            (0, vec![chunk(b"tRNS", &[9])], "png.form"),
            (2, vec![chunk(b"tRNS", &[0; 6])], "pass"),
            (2, vec![chunk(b"tRNS", &[0; 5])], "png.form"),
            (6, vec![chunk(b"tRNS", &[0; 6])], "png.form"),
        ] {
            assert_eq!(code(&png(colour, 8, &before)), expected, "colour type {colour}, {} chunk(s)", before.len());
        }
        for (colour, bits) in [(3, 16), (2, 4), (6, 2), (0, 3), (0, 0)] {
            assert_eq!(code(&png(colour, bits, &[])), "png.form", "colour type {colour}, {bits} bits");
        }
        let sound = png(0, 8, &[]);
        assert_eq!(code(&sound), "pass");
        let interlaced_thrice = [&sound[..8], &chunk(b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 1, 8, 0, 0, 0, 3]), &sound[33..]];
        assert_eq!(code(&interlaced_thrice.concat()), "png.form");
        let end = sound.len() - 12;
        assert_eq!(code(&[&sound[..end], &chunk(b"IEND", b"x")].concat()), "png.form");
    }

    #[test]
    fn an_image_has_no_more_samples_than_its_bytes_account_for() {
        let white =
            |width: usize, height: usize| crate::rebuild::png::write(vec![255; width * height * 3], width, height, 3);
        assert_eq!(code(&white(1920, 1080)), "pass");
        assert_eq!(code(&white(2400, 1600)), "image.size");
    }
}
