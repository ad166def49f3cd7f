//! Framing and padding, so that the length of a payload reveals little about the length of the product.
//!
//! The frame consists of a preamble, the length of the text in eight bytes (big-endian), the text, the bytes of each attachment
//! that the text names as detached, and zeros up to a Padmé length (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
//! Communication with PURBs", 2019), never below [`FLOOR`]. Padmé costs at most 12 % and leaves only O(log log n) bits
//! of the length. The text alone determines what follows it, so a frame has only one interpretation.

use std::collections::BTreeSet;

use super::preamble::PREAMBLE_BYTES;
use crate::cut::Cut;
use crate::product::Attachment;

/// The smallest padded length in bytes; most short products are indistinguishable by size.
pub(super) const FLOOR: u64 = 4096;
/// Bytes of the length field before the text.
pub(super) const LENGTH_BYTES: usize = 8;
/// The offset of the text in the frame, in bytes.
pub(super) const TEXT_AT: usize = PREAMBLE_BYTES + LENGTH_BYTES;

/// The attachments whose bytes follow the text in a frame, in the order of the text. The same bytes under several names occur
/// once.
pub(super) fn laid_out(cut: &Cut) -> Vec<&Attachment> {
    let mut seen = BTreeSet::new();
    cut.detached().filter(|a| seen.insert(a.digest())).collect()
}

/// The length in bytes of the frame of a cut, and of its content without padding; `None` if it exceeds 64 bits.
pub(super) fn frame_length(cut: &Cut) -> Option<(u64, u64)> {
    let behind = laid_out(cut).iter().try_fold(0u64, |sum, a| sum.checked_add(a.size()))?;
    let content = (cut.bytes().len() as u64).checked_add(behind)?;
    Some((padded(content)?, content.checked_add(TEXT_AT as u64)?))
}

/// The length in bytes of the frame for text and attachments of `length` bytes; `None` if it exceeds 64 bits.
fn padded(length: u64) -> Option<u64> {
    padme(length.checked_add(TEXT_AT as u64)?.max(FLOOR))
}

/// The Padmé length: keeps only the top `floor(log2(log2 n)) + 1` bits of `n` below its leading bit, rounded up.
fn padme(n: u64) -> Option<u64> {
    let exponent = n.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1u64 << (exponent - kept)) - 1;
    Some(n.checked_add(mask)? & !mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padme_lengths_are_those_of_the_paper() {
        // Kept bits and rounding worked out by hand from the definition in section 4.3 of the paper.
        for (n, expected) in [(8, 8), (9, 10), (16, 16), (17, 18), (1000, 1024), (4097, 4352), (100_000, 100_352)] {
            assert_eq!(padme(n), Some(expected), "of {n}");
        }
    }

    #[test]
    fn short_products_cannot_be_told_apart_by_length() {
        assert_eq!(padded(0), padded(3800));
        assert_ne!(padded(3800), padded(5000));
    }

    #[test]
    fn refuses_to_count_beyond_what_can_be_counted() {
        assert_eq!(padded(u64::MAX - 3), None);
        assert_eq!(padme(u64::MAX), None);
    }
}
