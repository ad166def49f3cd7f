//! Checks whether a JPEG has the canonical form of [`write`](fn@super::write): its exact header, and coded bits that
//! hold one block after another and end where the picture does. It decodes no pixel, so it shares no bug with the
//! decoder.

use super::coded::{Bits, Codes};
use super::write::{AC_CHROMA, AC_CHROMA_SYMBOLS, AC_LUMA, AC_LUMA_SYMBOLS, DC_CHROMA, DC_LUMA, DC_SYMBOLS, header};
use super::{Shape, validate};
use crate::rebuild::{Fault, Limits, Rebuilt};

/// Returns the file unchanged if it has the canonical form.
///
/// # Errors
/// `rebuild.other-form` if a gateway did not write it, or the faults of [`validate`].
pub(in crate::rebuild) fn examine(bytes: &[u8], limits: &Limits) -> Result<Rebuilt, Fault> {
    let shape = validate(bytes, limits)?;
    crate::rebuild::raster::check_samples(shape.samples(), bytes.len(), limits)?;
    Ok(Rebuilt { bytes: check_canonical(bytes, &shape)?, text: String::new(), dropped: Vec::new() })
}

/// Returns a file that was already validated, unchanged, if it has the canonical form.
///
/// # Errors
/// `rebuild.other-form` otherwise.
pub(in crate::rebuild) fn check_canonical(bytes: &[u8], shape: &Shape) -> Result<Vec<u8>, Fault> {
    let expected = header(shape.width, shape.height, shape.channels);
    let other = || Fault::new("rebuild.other-form", "a JPEG image that was not rebuilt by a gateway");
    let coded =
        bytes.strip_prefix(expected.as_slice()).and_then(|b| b.strip_suffix(&[0xFF, 0xD9])).ok_or_else(other)?;
    let blocks = shape.width.div_ceil(8) * shape.height.div_ceil(8);
    let mut bits = Bits::new(coded);
    let codes = |counts: &[u8; 16], symbols: &[u8]| Codes::new(counts, symbols).ok_or_else(other);
    let luma = [codes(&DC_LUMA, &DC_SYMBOLS)?, codes(&AC_LUMA, &AC_LUMA_SYMBOLS)?];
    let chroma = [codes(&DC_CHROMA, &DC_SYMBOLS)?, codes(&AC_CHROMA, &AC_CHROMA_SYMBOLS)?];
    for _ in 0..blocks {
        for component in 0..shape.channels {
            let [dc, ac] = if component == 0 { &luma } else { &chroma };
            block(&mut bits, dc, ac).ok_or_else(other)?;
        }
    }
    bits.ends_in_ones().then_some(()).ok_or_else(other)?;
    Ok(bytes.to_vec())
}

/// Reads one block, and accepts only the coding that the writer uses.
fn block(bits: &mut Bits<'_>, dc: &Codes, ac: &Codes) -> Option<()> {
    let size = bits.symbol(dc)?;
    bits.skip(u32::from(size))?;
    let (mut filled, mut long_zeros) = (1, false);
    while filled < 64 {
        match bits.symbol(ac)? {
            // The writer codes 16 or more zeros at the end of a block as the end.
            0 if long_zeros => return None,
            0 => return Some(()),
            0xF0 => {
                filled += 16;
                long_zeros = true;
            }
            symbol => {
                filled += usize::from(symbol >> 4) + 1;
                bits.skip(u32::from(symbol & 15))?;
                long_zeros = false;
            }
        }
    }
    (filled == 64 && !long_zeros).then_some(())
}
