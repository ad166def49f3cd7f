//! Writes a JPEG (ITU-T T.81, baseline) in one canonical form: the standard's own tables, full resolution for every
//! component, no metadata. The same pixels give the same file on every machine and in every version.

mod tables;
mod dct;
mod huffman;

pub(super) use self::tables::{AC_CHROMA, AC_CHROMA_SYMBOLS, AC_LUMA, AC_LUMA_SYMBOLS, DC_CHROMA, DC_LUMA, DC_SYMBOLS};

use self::dct::{levels, quantise, quantisers, scales, transform};
use self::huffman::{Bits, Table};
use self::tables::ZIGZAG;

/// Number of components of a picture: 1 for grey, 3 for red, green and blue.
pub(in crate::rebuild) type Channels = usize;

/// Writes `pixels`, row by row with one byte for each channel, of a picture of `width` by `height` pixels.
pub(in crate::rebuild) fn write(pixels: &[u8], width: usize, height: usize, channels: Channels) -> Vec<u8> {
    let mut out = header(width, height, channels);
    let mut bits = Bits::new(&mut out);
    let tables = [Table::new(&DC_LUMA, &DC_SYMBOLS), Table::new(&AC_LUMA, &AC_LUMA_SYMBOLS)];
    let chroma = [Table::new(&DC_CHROMA, &DC_SYMBOLS), Table::new(&AC_CHROMA, &AC_CHROMA_SYMBOLS)];
    let scales = [scales(false), scales(true)];
    let mut before = [0i32; 3];
    let mut blocks = [[[0.0; 8]; 8]; 3];
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            levels(pixels, (width, height), channels, (left, top), &mut blocks);
            for (component, before) in before.iter_mut().enumerate().take(channels) {
                let quantised = quantise(&transform(&blocks[component]), &scales[usize::from(component > 0)]);
                let [dc, ac] = if component == 0 { &tables } else { &chroma };
                bits.block(&quantised, before, dc, ac);
            }
        }
    }
    bits.finish();
    out.extend([0xFF, 0xD9]);
    out
}

/// Returns the file's bytes before the coded data.
pub(super) fn header(width: usize, height: usize, channels: Channels) -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8];
    segment(&mut out, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let tables = if channels == 1 { 1u8 } else { 2 };
    for table in 0..tables {
        let mut body = vec![table];
        let quantisers = quantisers(table > 0);
        body.extend(ZIGZAG.iter().map(|at| quantisers[*at] as u8));
        segment(&mut out, 0xDB, &body);
    }
    let side = |n: usize| (n as u16).to_be_bytes();
    let mut frame = vec![8];
    frame.extend(side(height));
    frame.extend(side(width));
    frame.push(channels as u8);
    for component in 0..channels as u8 {
        frame.extend([component + 1, 0x11, u8::from(component > 0)]);
    }
    segment(&mut out, 0xC0, &frame);
    for table in 0..tables {
        let (dc, ac) = if table == 0 { (&DC_LUMA, &AC_LUMA) } else { (&DC_CHROMA, &AC_CHROMA) };
        let symbols: &[u8] = if table == 0 { &AC_LUMA_SYMBOLS } else { &AC_CHROMA_SYMBOLS };
        segment(&mut out, 0xC4, &[&[table][..], dc, &DC_SYMBOLS].concat());
        segment(&mut out, 0xC4, &[&[0x10 | table][..], ac, symbols].concat());
    }
    let mut scan = vec![channels as u8];
    for component in 0..channels as u8 {
        let table = u8::from(component > 0);
        scan.extend([component + 1, table << 4 | table]);
    }
    scan.extend([0, 63, 0]);
    segment(&mut out, 0xDA, &scan);
    out
}

fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend((body.len() as u16 + 2).to_be_bytes());
    out.extend(body);
}

#[cfg(test)]
mod tests {
    use super::dct::Block;
    use super::*;
    use crate::digest::Digest;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7u32;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(next).collect()
    }

    /// The quantised coefficient, computed directly from its definition (A.3.3).
    fn defined(block: &[f64; 64], (u, v): (usize, usize), quantiser: i32) -> f64 {
        let cosine = |n: usize, x: usize| ((2 * x + 1) as f64 * n as f64 * std::f64::consts::PI / 16.0).cos();
        let weight = |n: usize| if n == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
        let sum: f64 = (0..64).map(|at| block[at] * cosine(u, at % 8) * cosine(v, at / 8)).sum();
        sum * weight(u) * weight(v) / 4.0 / f64::from(quantiser)
    }

    #[test]
    fn coefficients_are_what_they_are_defined_as() {
        let random = noise(64 * 200);
        for (n, pixels) in random.chunks_exact(64).enumerate() {
            let level = |at: usize| match n {
                0 => 127.0,
                1 => -128.0,
                2 => [127.0, -128.0][at % 2],
                _ => f64::from(pixels[at]) - 128.0,
            };
            let levels: [f64; 64] = std::array::from_fn(level);
            let block: Block = std::array::from_fn(|y| std::array::from_fn(|x| levels[y * 8 + x] as f32));
            for chroma in [false, true] {
                let found = quantise(&transform(&block), &scales(chroma));
                for (found, at) in found.iter().zip(ZIGZAG) {
                    let want = defined(&levels, (at % 8, at / 8), quantisers(chroma)[at]);
                    assert!((f64::from(*found) - want).abs() < 0.501, "block {n}, {at}: {found}, not {want}");
                }
            }
        }
    }

    /// The same picture gives the same file on every machine and in every version; these are the digests.
    #[test]
    fn a_picture_comes_to_the_same_bytes_everywhere() {
        for (width, height, channels, digest) in [
            (37, 21, 3, "b259cd84ec9bc69899631682a7eb333fb360441180cff2929b7d9321aaf48b40"),
            (37, 21, 1, "ed806d78e8a767c50018e2de19ace3886056d91bfc14907b5eaae152b848b2f4"),
        ] {
            let written = write(&noise(width * height * channels), width, height, channels);
            assert_eq!(Digest::of(&written).to_string(), digest, "{width}x{height}x{channels}");
        }
    }
}
