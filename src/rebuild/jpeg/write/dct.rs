//! From pixels to quantised coefficients: colour conversion and level shift, the discrete cosine transform (T.81,
//! A.3.3) and quantisation (A.3.4).

use super::Channels;
use super::tables::{CHROMA, LUMA, TRANSPOSED_ZIGZAG};

/// Eight values, processed together so that the compiler can use vector instructions.
pub(super) type Line = [f32; 8];

/// A block of 8 by 8 values, in rows. Every step is one IEEE 754 addition or multiplication, so every machine computes
/// the same result.
pub(super) type Block = [Line; 8];

/// Returns one block of each component with levels shifted to be signed; beyond the edge of the image the last pixel is
/// repeated.
pub(super) fn levels(
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
            // The weights of JFIF (ITU-T T.871).
            blocks[0][y][x] = 0.299 * r[x] + 0.587 * g[x] + 0.114 * b[x] - 128.0;
            blocks[1][y][x] = -0.168_736 * r[x] - 0.331_264 * g[x] + 0.5 * b[x];
            blocks[2][y][x] = 0.5 * r[x] - 0.418_688 * g[x] - 0.081_312 * b[x];
        }
    }
}

/// Returns the eight pixels of `row` that begin at pixel `left`, of `N / 8` bytes each; `edge` holds them if the row
/// ends earlier.
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

/// Transforms eight columns at once by the algorithm of Arai, Agui and Nakajima (1988). Each coefficient is too large
/// by a factor of its own, for which [`scales`] compensates.
fn columns(of: &Block) -> Block {
    let [s0, s1, s2, s3] = std::array::from_fn(|n| sum(&of[n], &of[7 - n]));
    let [d0, d1, d2, d3] = std::array::from_fn(|n| difference(&of[n], &of[7 - n]));
    let (outer, inner) = (sum(&s0, &s3), sum(&s1, &s2));
    let (apart, within) = (difference(&s0, &s3), difference(&s1, &s2));
    let transposed = times(&sum(&within, &apart), C4);
    let (a, b, c) = (sum(&d3, &d2), sum(&d2, &d1), sum(&d1, &d0));
    let both = times(&difference(&a, &c), C6);
    let low = sum(&times(&a, C2_LESS_C6), &both);
    let high = sum(&times(&c, C2_AND_C6), &both);
    let middle = times(&b, C4);
    let (more, less) = (sum(&d0, &middle), difference(&d0, &middle));
    [
        sum(&outer, &inner),
        sum(&more, &high),
        sum(&apart, &transposed),
        difference(&less, &low),
        difference(&outer, &inner),
        sum(&less, &low),
        difference(&apart, &transposed),
        difference(&more, &high),
    ]
}

/// cos(4π/16), cos(6π/16), and the difference and sum of cos(2π/16) and cos(6π/16).
const C4: f32 = 0.707_106_77;
const C6: f32 = 0.382_683_43;
const C2_LESS_C6: f32 = 0.541_196_1;
const C2_AND_C6: f32 = 1.306_563;

/// The factor by which each coefficient is too large: 1 for the first, and cos(nπ/16) times the square root of 2 for
/// the others.
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

fn transposed(block: &Block) -> Block {
    std::array::from_fn(|row| std::array::from_fn(|column| block[column][row]))
}

/// Returns the coefficients, each too large by its factor, in columns: the first index is the horizontal frequency.
pub(super) fn transform(block: &Block) -> Block {
    columns(&transposed(&columns(block)))
}

/// Divides by the quantisers and rounds to the nearest. The result is in coding (zigzag) order.
pub(super) fn quantise(block: &Block, scales: &Block) -> [i32; 64] {
    // A number of the size of `ROUNDING` has no fraction bits: adding it rounds, and the lowest bits are the result.
    let rounded = |line: usize, n: usize| (block[line][n] * scales[line][n] + ROUNDING).to_bits() as i32;
    let whole: [[i32; 8]; 8] =
        std::array::from_fn(|line| std::array::from_fn(|n| rounded(line, n) - ROUNDING.to_bits() as i32));
    let whole = whole.as_flattened();
    std::array::from_fn(|n| whole[TRANSPOSED_ZIGZAG[n]])
}

/// 1.5 times 2^23: see [`quantise`].
const ROUNDING: f32 = 12_582_912.0;

/// The multiplier of each coefficient, in columns: the inverse of its quantiser and of the transform's factor.
pub(super) fn scales(chroma: bool) -> Block {
    let quantisers = quantisers(chroma);
    let scale = |u: usize, v: usize| 1.0 / (f64::from(quantisers[v * 8 + u]) * FACTORS[u] * FACTORS[v] * 8.0);
    std::array::from_fn(|u| std::array::from_fn(|v| scale(u, v) as f32))
}

/// Returns the standard's quantisation tables (Annex K) at quality 90, in rows.
pub(super) fn quantisers(chroma: bool) -> [i32; 64] {
    let base = if chroma { &CHROMA } else { &LUMA };
    base.map(|q| ((i32::from(q) * 20 + 50) / 100).clamp(1, 255))
}
