//! Whether a JPEG is one that [`super::jpeg_write`] wrote: the very header, and coded bits that mean one block after
//! another and end where the picture does. It decodes no pixel, so it shares no mistake with the decoder.

use super::jpeg_write::{
    AC_CHROMA, AC_CHROMA_SYMBOLS, AC_LUMA, AC_LUMA_SYMBOLS, DC_CHROMA, DC_LUMA, DC_SYMBOLS, header,
};
use super::{Fault, Limits, Rebuilt, jpeg};

/// Passes the file as it is, or says why it is not one that a gateway wrote.
pub(super) fn examine(bytes: &[u8], limits: &Limits) -> Result<Rebuilt, Fault> {
    let shape = jpeg::walk(bytes, limits)?;
    super::png::charged(shape.samples(), bytes.len(), limits)?;
    Ok(Rebuilt { bytes: examined(bytes, &shape)?, text: String::new(), dropped: Vec::new() })
}

/// The file, which was walked, as it is.
pub(super) fn examined(bytes: &[u8], shape: &jpeg::Shape) -> Result<Vec<u8>, Fault> {
    let expected = header(shape.width, shape.height, shape.channels);
    let other = || Fault::new("rebuild.other-form", "a JPEG image that was not written anew by a gateway");
    let coded =
        bytes.strip_prefix(expected.as_slice()).and_then(|b| b.strip_suffix(&[0xFF, 0xD9])).ok_or_else(other)?;
    let blocks = shape.width.div_ceil(8) * shape.height.div_ceil(8);
    let mut bits = Bits { bytes: coded, at: 0, held: 0, count: 0 };
    let luma = [Codes::new(&DC_LUMA, &DC_SYMBOLS), Codes::new(&AC_LUMA, &AC_LUMA_SYMBOLS)];
    let chroma = [Codes::new(&DC_CHROMA, &DC_SYMBOLS), Codes::new(&AC_CHROMA, &AC_CHROMA_SYMBOLS)];
    for _ in 0..blocks {
        for component in 0..shape.channels {
            let [dc, ac] = if component == 0 { &luma } else { &chroma };
            bits.block(dc, ac).ok_or_else(other)?;
        }
    }
    bits.ends().then_some(()).ok_or_else(other)?;
    Ok(bytes.to_vec())
}

struct Codes {
    /// For each length the first code, how many there are, and where their symbols begin.
    lengths: [(u32, u32, usize); 16],
    symbols: Vec<u8>,
}

impl Codes {
    fn new(counts: &[u8; 16], symbols: &[u8]) -> Codes {
        let mut lengths = [(0, 0, 0); 16];
        let (mut code, mut at) = (0, 0);
        for (length, count) in lengths.iter_mut().zip(counts) {
            *length = (code, u32::from(*count), at);
            code = (code + u32::from(*count)) << 1;
            at += usize::from(*count);
        }
        Codes { lengths, symbols: symbols.to_vec() }
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    held: u8,
    count: u32,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u32> {
        if self.count == 0 {
            self.held = *self.bytes.get(self.at)?;
            self.at += 1;
            if self.held == 0xFF {
                // Behind this value a zero must stand, or it would be a marker.
                if self.bytes.get(self.at) != Some(&0) {
                    return None;
                }
                self.at += 1;
            }
            self.count = 8;
        }
        self.count -= 1;
        Some(u32::from(self.held >> self.count & 1))
    }

    fn skip(&mut self, count: u8) -> Option<()> {
        (0..count).try_for_each(|_| self.bit().map(|_| ()))
    }

    fn symbol(&mut self, codes: &Codes) -> Option<u8> {
        let mut code = 0;
        for (first, count, at) in codes.lengths {
            code = code << 1 | self.bit()?;
            if code >= first && code - first < count {
                return codes.symbols.get(at + (code - first) as usize).copied();
            }
        }
        None
    }

    /// One block, coded as the writer codes it and no other way.
    fn block(&mut self, dc: &Codes, ac: &Codes) -> Option<()> {
        let size = self.symbol(dc)?;
        self.skip(size)?;
        let (mut filled, mut long_zeros) = (1, false);
        while filled < 64 {
            match self.symbol(ac)? {
                // Sixteen zeros before the end are written as the end.
                0 if long_zeros => return None,
                0 => return Some(()),
                0xF0 => {
                    filled += 16;
                    long_zeros = true;
                }
                symbol => {
                    filled += usize::from(symbol >> 4) + 1;
                    self.skip(symbol & 15)?;
                    long_zeros = false;
                }
            }
        }
        (filled == 64 && !long_zeros).then_some(())
    }

    /// Whether nothing is left but ones to fill the last byte.
    fn ends(&self) -> bool {
        let left = (1u16 << self.count) - 1;
        self.at == self.bytes.len() && u16::from(self.held) & left == left
    }
}
