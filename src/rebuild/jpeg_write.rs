//! Writing a JPEG (ITU-T T.81, baseline) in one way only: the standard's own tables, full resolution for every component,
//! no metadata. One picture has one file, on every machine and in every version.

/// Components of a picture: 1 for grey, 3 for red, green and blue.
pub(super) type Channels = usize;

/// Writes `pixels`, row by row, of a picture of `width` by `height`.
pub(super) fn write(pixels: &[u8], width: usize, height: usize, channels: Channels) -> Vec<u8> {
    let mut out = header(width, height, channels);
    let mut bits = Bits { out: &mut out, held: 0, count: 0 };
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

/// Everything before the first coded bit.
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

/// Eight values at once: what is done to one is done to all, so that a processor may do it in one step.
type Line = [f32; 8];

/// A block in rows. Every step is one addition or one multiplication of IEEE 754, so that every machine agrees.
type Block = [Line; 8];

/// One block of every component, levels shifted to be signed; beyond the edge the last pixel repeats.
fn levels(
    pixels: &[u8],
    (width, height): (usize, usize),
    channels: Channels,
    (left, top): (usize, usize),
    blocks: &mut [Block; 3],
) {
    for y in 0..8 {
        let row = &pixels[(top + y).min(height - 1) * width * channels..][..width * channels];
        if channels == 1 {
            let mut edge = [0; 8];
            for (x, level) in inner(row, left, &mut edge).iter().enumerate() {
                blocks[0][y][x] = f32::from(*level) - 128.0;
            }
            continue;
        }
        let mut edge = [0; 24];
        let bytes = inner(row, left, &mut edge);
        let [r, g, b]: [Line; 3] =
            std::array::from_fn(|colour| std::array::from_fn::<u8, 8, _>(|x| bytes[x * 3 + colour]).map(f32::from));
        for x in 0..8 {
            // JFIF's weights.
            blocks[0][y][x] = 0.299 * r[x] + 0.587 * g[x] + 0.114 * b[x] - 128.0;
            blocks[1][y][x] = -0.168_736 * r[x] - 0.331_264 * g[x] + 0.5 * b[x];
            blocks[2][y][x] = 0.5 * r[x] - 0.418_688 * g[x] - 0.081_312 * b[x];
        }
    }
}

/// The eight pixels of `row` that begin at pixel `left`, of `N / 8` bytes each; `edge` holds them where the row ends earlier.
fn inner<'a, const N: usize>(row: &'a [u8], left: usize, edge: &'a mut [u8; N]) -> &'a [u8; N] {
    let (channels, rest) = (N / 8, &row[left * (N / 8)..]);
    if let Some(whole) = rest.first_chunk() {
        return whole;
    }
    for (at, byte) in edge.iter_mut().enumerate() {
        *byte = rest.get(at).copied().unwrap_or(row[row.len() - channels + at % channels]);
    }
    edge
}

fn sum(a: &Line, b: &Line) -> Line {
    std::array::from_fn(|n| a[n] + b[n])
}

fn difference(a: &Line, b: &Line) -> Line {
    std::array::from_fn(|n| a[n] - b[n])
}

fn times(a: &Line, by: f32) -> Line {
    a.map(|value| value * by)
}

/// The transform of eight columns at once, after Arai, Agui and Nakajima (1988): each coefficient comes out larger by a factor of its
/// own, which [`scales`] takes back.
fn columns(of: &Block) -> Block {
    let [s0, s1, s2, s3] = std::array::from_fn(|n| sum(&of[n], &of[7 - n]));
    let [d0, d1, d2, d3] = std::array::from_fn(|n| difference(&of[n], &of[7 - n]));
    let (outer, inner) = (sum(&s0, &s3), sum(&s1, &s2));
    let (apart, within) = (difference(&s0, &s3), difference(&s1, &s2));
    let turned = times(&sum(&within, &apart), C4);
    let (a, b, c) = (sum(&d3, &d2), sum(&d2, &d1), sum(&d1, &d0));
    let both = times(&difference(&a, &c), C6);
    let low = sum(&times(&a, C2_LESS_C6), &both);
    let high = sum(&times(&c, C2_AND_C6), &both);
    let middle = times(&b, C4);
    let (more, less) = (sum(&d0, &middle), difference(&d0, &middle));
    [
        sum(&outer, &inner),
        sum(&more, &high),
        sum(&apart, &turned),
        difference(&less, &low),
        difference(&outer, &inner),
        sum(&less, &low),
        difference(&apart, &turned),
        difference(&more, &high),
    ]
}

/// cos(4π/16), cos(6π/16), and cos(2π/16) less and more by the latter.
const C4: f32 = 0.707_106_77;
const C6: f32 = 0.382_683_43;
const C2_LESS_C6: f32 = 0.541_196_1;
const C2_AND_C6: f32 = 1.306_563;

/// By how much a coefficient comes out larger: 1 for the first, and cos(nπ/16) times the square root of 2 for the others.
const FACTORS: [f64; 8] = [
    1.0,
    1.387_039_845_322_147_5,
    1.306_562_964_876_376_5,
    1.175_875_602_419_359,
    1.0,
    0.785_694_958_387_102_2,
    0.541_196_100_146_197,
    0.275_899_379_282_943_1,
];

fn turned(block: &Block) -> Block {
    std::array::from_fn(|row| std::array::from_fn(|column| block[column][row]))
}

/// The coefficients, each larger by its factor, in columns: the first index is the horizontal frequency.
fn transform(block: &Block) -> Block {
    columns(&turned(&columns(block)))
}

/// Divides and rounds to the nearest. Into the order in which they are coded.
fn quantise(block: &Block, scales: &Block) -> [i32; 64] {
    // A number of the size of `ROUNDS` has no place for a fraction: adding it rounds, and its lowest bits are the result.
    let rounded = |line: usize, n: usize| (block[line][n] * scales[line][n] + ROUNDS).to_bits() as i32;
    let whole: [[i32; 8]; 8] =
        std::array::from_fn(|line| std::array::from_fn(|n| rounded(line, n) - ROUNDS.to_bits() as i32));
    let whole = whole.as_flattened();
    std::array::from_fn(|n| whole[TURNED_ZIGZAG[n]])
}

/// 1.5 times 2^23.
const ROUNDS: f32 = 12_582_912.0;

/// What each coefficient is multiplied by: its quantiser and the factor of the transform, taken back. In columns.
fn scales(chroma: bool) -> Block {
    let quantisers = quantisers(chroma);
    let scale = |u: usize, v: usize| 1.0 / (f64::from(quantisers[v * 8 + u]) * FACTORS[u] * FACTORS[v] * 8.0);
    std::array::from_fn(|u| std::array::from_fn(|v| scale(u, v) as f32))
}

/// The standard's tables (Annex K) at quality 90, in rows.
fn quantisers(chroma: bool) -> [i32; 64] {
    let base = if chroma { &CHROMA } else { &LUMA };
    base.map(|q| ((i32::from(q) * 20 + 50) / 100).clamp(1, 255))
}

struct Table {
    codes: [(u32, u32); 256],
}

impl Table {
    fn new(counts: &[u8; 16], symbols: &[u8]) -> Table {
        let mut codes = [(0, 0); 256];
        let (mut code, mut at) = (0, 0);
        for (i, count) in counts.iter().enumerate() {
            for _ in 0..*count {
                codes[usize::from(symbols[at])] = (code, i as u32 + 1);
                code += 1;
                at += 1;
            }
            code <<= 1;
        }
        Table { codes }
    }
}

struct Bits<'a> {
    out: &'a mut Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// At most 32 bits.
    fn put(&mut self, value: u32, length: u32) {
        self.held = self.held << length | u64::from(value);
        self.count += length;
        if self.count >= 32 {
            self.count -= 32;
            self.word((self.held >> self.count) as u32);
        }
    }

    fn word(&mut self, word: u32) {
        // None of its bytes is 0xFF, which a zero would have to follow.
        if word & 0x8080_8080 & !word.wrapping_add(0x0101_0101) == 0 {
            self.out.extend_from_slice(&word.to_be_bytes());
            return;
        }
        word.to_be_bytes().iter().for_each(|byte| self.byte(*byte));
    }

    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
        if byte == 0xFF {
            self.out.push(0);
        }
    }

    /// A symbol whose last four bits are the size of a value, and that value.
    fn valued(&mut self, table: &Table, above: usize, value: i32) {
        let size = size_of_value(value);
        let (code, length) = table.codes[(above << 4 | size as usize) & 0xFF];
        let bits = (value + (value >> 31)) as u32 & ((1 << size) - 1);
        self.put(code << size | bits, length + size);
    }

    fn symbol(&mut self, table: &Table, symbol: usize) {
        let (code, length) = table.codes[symbol];
        self.put(code, length);
    }

    fn block(&mut self, block: &[i32; 64], before: &mut i32, dc: &Table, ac: &Table) {
        let difference = block[0] - *before;
        *before = block[0];
        self.valued(dc, 0, difference);
        let mut filled = 0u64;
        for (n, value) in block.iter().enumerate() {
            filled |= u64::from(*value != 0) << n;
        }
        filled &= !1;
        let mut coded = 0;
        while filled != 0 {
            let at = filled.trailing_zeros();
            let mut zeros = at as usize - coded - 1;
            while zeros >= 16 {
                self.symbol(ac, 0xF0);
                zeros -= 16;
            }
            // Baseline has no symbol for more than ten bits; a value of eight-bit pixels never needs them.
            self.valued(ac, zeros, block[at as usize & 63].clamp(-1023, 1023));
            coded = at as usize;
            filled &= filled - 1;
        }
        if coded < 63 {
            self.symbol(ac, 0);
        }
    }

    fn finish(&mut self) {
        if !self.count.is_multiple_of(8) {
            let room = 8 - self.count % 8;
            self.put((1 << room) - 1, room);
        }
        while self.count > 0 {
            self.count -= 8;
            self.byte((self.held >> self.count) as u8);
        }
    }
}

fn size_of_value(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

/// Where the coefficients stand in a block, in the order in which they are coded.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// The same for a block that stands in columns.
const TURNED_ZIGZAG: [usize; 64] = {
    let mut turned = [0; 64];
    let mut n = 0;
    while n < 64 {
        turned[n] = ZIGZAG[n] % 8 * 8 + ZIGZAG[n] / 8;
        n += 1;
    }
    turned
};

const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99,
];

/// How many codes of each length there are (Annex K.3).
pub(super) const DC_LUMA: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
pub(super) const DC_CHROMA: [u8; 16] = [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
pub(super) const DC_SYMBOLS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
pub(super) const AC_LUMA: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D];
pub(super) const AC_CHROMA: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77];
pub(super) const AC_LUMA_SYMBOLS: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14,
    0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09,
    0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A,
    0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65,
    0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88,
    0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9,
    0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA,
    0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA,
    0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];
pub(super) const AC_CHROMA_SYMBOLS: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32,
    0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16,
    0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39,
    0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64,
    0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86,
    0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
    0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8,
    0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9,
    0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

#[cfg(test)]
mod tests {
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

    /// The coefficient as it is defined (A.3.3), quantised.
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

    /// One picture has one file, on every machine and in every version: this one.
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
