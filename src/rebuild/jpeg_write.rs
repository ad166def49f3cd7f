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
    let quantisers = [quantisers(false), quantisers(true)];
    let mut before = [0i32; 3];
    let mut blocks = [[0; 64]; 3];
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            levels(pixels, (width, height), channels, (left, top), &mut blocks);
            for (component, before) in before.iter_mut().enumerate().take(channels) {
                let quantised = quantise(&transform(&blocks[component]), &quantisers[usize::from(component > 0)]);
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

/// One block of every component, levels shifted to be signed; beyond the edge the last pixel repeats.
fn levels(
    pixels: &[u8],
    (width, height): (usize, usize),
    channels: Channels,
    (left, top): (usize, usize),
    blocks: &mut [[i32; 64]; 3],
) {
    for y in 0..8 {
        let row = (top + y).min(height - 1) * width;
        for x in 0..8 {
            let (at, n) = ((row + (left + x).min(width - 1)) * channels, y * 8 + x);
            if channels == 1 {
                blocks[0][n] = i32::from(pixels[at]) - 128;
                continue;
            }
            let [r, g, b] = [i32::from(pixels[at]), i32::from(pixels[at + 1]), i32::from(pixels[at + 2])];
            // JFIF's weights as fractions of 65536, rounded.
            let level = |mixed: i32| ((mixed + (1 << 15)) >> 16).clamp(-128, 127);
            blocks[0][n] = level(19_595 * r + 38_470 * g + 7_471 * b - (128 << 16));
            blocks[1][n] = level(-11_059 * r - 21_709 * g + 32_768 * b);
            blocks[2][n] = level(32_768 * r - 27_439 * g - 5_329 * b);
        }
    }
}

/// The cosines of the transform, halved and as fractions of 4096: whole numbers, so that every machine agrees.
const COSINES: [i32; 8] = [1448, 2009, 1892, 1703, 1448, 1138, 784, 400];

/// The transform of one line. Sums and differences of what stands opposite are taken first: a cosine has the same size
/// there, and whole numbers come to the same in whatever order they are added.
fn line(of: [i64; 8]) -> [i64; 8] {
    let [_, c1, c2, c3, c4, c5, c6, c7] = COSINES.map(i64::from);
    let [a, b, c, d, e, f, g, h] = of;
    let (sums, differences) = ([a + h, b + g, c + f, d + e], [a - h, b - g, c - f, d - e]);
    let (outer, inner) = (sums[0] + sums[3], sums[1] + sums[2]);
    let (apart, within) = (sums[0] - sums[3], sums[1] - sums[2]);
    let odd = |w: [i64; 4]| (0..4).map(|n| differences[n] * w[n]).sum::<i64>();
    [
        c4 * (outer + inner),
        odd([c1, c3, c5, c7]),
        c2 * apart + c6 * within,
        odd([c3, -c7, -c1, -c5]),
        c4 * (outer - inner),
        odd([c5, -c1, c7, c3]),
        c6 * apart - c2 * within,
        odd([c7, -c5, c3, -c1]),
    ]
}

fn transform(block: &[i32; 64]) -> [i32; 64] {
    let mut rows = [[0; 8]; 8];
    for (row, of) in rows.iter_mut().zip(block.chunks_exact(8)) {
        let mut values = [0; 8];
        values.iter_mut().zip(of).for_each(|(value, of)| *value = i64::from(*of));
        *row = line(values).map(|sum| sum >> 3);
    }
    let mut out = [0; 64];
    for u in 0..8 {
        for (v, sum) in line(rows.map(|row| row[u])).into_iter().enumerate() {
            // Both passes together carry a factor of 2^21; a few bits stay for rounding in the division.
            out[v * 8 + u] = ((sum + (1 << 16)) >> 17) as i32;
        }
    }
    out
}

/// Divides, rounding to the nearest; the coefficients come with four bits of fraction.
fn quantise(block: &[i32; 64], quantisers: &[i32; 64]) -> [i32; 64] {
    let mut out = [0; 64];
    for (i, at) in ZIGZAG.iter().enumerate() {
        let by = quantisers[*at] * 16;
        let value = block[*at];
        // Most of a picture is nothing, which needs no division.
        if value.abs() < by - by / 2 {
            continue;
        }
        out[i] = if value < 0 { -((-value + by / 2) / by) } else { (value + by / 2) / by };
    }
    out
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
    fn put(&mut self, value: u32, length: u32) {
        self.held = self.held << length | u64::from(value);
        self.count += length;
        while self.count >= 8 {
            let byte = (self.held >> (self.count - 8)) as u8;
            self.out.push(byte);
            if byte == 0xFF {
                self.out.push(0);
            }
            self.count -= 8;
        }
        self.held &= (1 << self.count) - 1;
    }

    fn value(&mut self, value: i32) {
        let size = size_of_value(value);
        let bits = if value < 0 { value - 1 } else { value };
        self.put(bits as u32 & ((1 << size) - 1), size);
    }

    fn symbol(&mut self, table: &Table, symbol: usize) {
        let (code, length) = table.codes[symbol];
        self.put(code, length);
    }

    fn block(&mut self, block: &[i32; 64], before: &mut i32, dc: &Table, ac: &Table) {
        let difference = block[0] - *before;
        *before = block[0];
        self.symbol(dc, size_of_value(difference) as usize);
        self.value(difference);
        let mut zeros = 0;
        for value in &block[1..] {
            if *value == 0 {
                zeros += 1;
                continue;
            }
            while zeros >= 16 {
                self.symbol(ac, 0xF0);
                zeros -= 16;
            }
            // Baseline has no symbol for more than ten bits; a value of eight-bit pixels never needs them.
            let value = (*value).clamp(-1023, 1023);
            self.symbol(ac, zeros << 4 | size_of_value(value) as usize);
            self.value(value);
            zeros = 0;
        }
        if zeros > 0 {
            self.symbol(ac, 0);
        }
    }

    fn finish(&mut self) {
        if self.count > 0 {
            let room = 8 - self.count;
            self.put((1 << room) - 1, room);
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

    /// The transform as it is defined, one sum of cosines a coefficient.
    fn defined(block: &[i32; 64]) -> [i32; 64] {
        let cosine = |u: usize, x: usize| {
            if u == 0 {
                return COSINES[0];
            }
            match (2 * x + 1) * u % 32 {
                angle @ 0..=7 => COSINES[angle],
                8 | 24 => 0,
                angle @ 9..=16 => -COSINES[16 - angle],
                angle @ 17..=23 => -COSINES[angle - 16],
                angle => COSINES[32 - angle],
            }
        };
        let (mut rows, mut out) = ([0; 64], [0; 64]);
        for n in 0..64 {
            rows[n] = (0..8).map(|x| block[n / 8 * 8 + x] * cosine(n % 8, x)).sum::<i32>() >> 3;
        }
        for n in 0..64 {
            let sum: i64 = (0..8).map(|y| i64::from(rows[y * 8 + n % 8]) * i64::from(cosine(n / 8, y))).sum();
            out[n] = ((sum + (1 << 16)) >> 17) as i32;
        }
        out
    }

    #[test]
    fn the_transform_is_to_the_last_bit_what_it_is_defined_as() {
        let mut state = 7u32;
        for n in 0..400 {
            let block: [i32; 64] = std::array::from_fn(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                match n {
                    0 => 127,
                    1 => -128,
                    2 => {
                        if at % 2 == 0 {
                            127
                        } else {
                            -128
                        }
                    }
                    _ => (state >> 24) as i32 - 128,
                }
            });
            assert_eq!(transform(&block), defined(&block));
        }
    }
}
