//! Padding, so that the length of a payload says little about the length of the product.
//!
//! The frame is eight bytes of length, the content, and zeros up to a Padmé length (Nikitin et al., "Reducing Metadata
//! Leakage from Encrypted Files and Communication with PURBs", 2019), never below [`FLOOR`]. Padmé costs at most 12 %
//! and leaves only O(log log n) bits of the length.

/// The smallest padded length in bytes; most short products are indistinguishable by size.
pub(super) const FLOOR: usize = 4096;
const LENGTH_BYTES: usize = 8;

/// The padded frame of `content`.
pub(super) fn pad(content: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(padded(content.len()));
    frame.extend_from_slice(&(content.len() as u64).to_be_bytes());
    frame.extend_from_slice(content);
    frame.resize(padded(content.len()), 0);
    frame
}

/// The content of `frame`, if `frame` is exactly what [`pad`] would have made of it.
pub(super) fn unpad(mut frame: Vec<u8>) -> Option<Vec<u8>> {
    let length = frame.first_chunk::<LENGTH_BYTES>().map(|b| u64::from_be_bytes(*b))?;
    let length = usize::try_from(length).ok()?;
    let end = length.checked_add(LENGTH_BYTES)?;
    let rest = frame.get(end..)?;
    if frame.len() != padded(length) || rest.iter().any(|b| *b != 0) {
        return None;
    }
    frame.truncate(end);
    frame.drain(..LENGTH_BYTES);
    Some(frame)
}

/// Length of the frame for content of `length` bytes.
fn padded(length: usize) -> usize {
    padme(length.saturating_add(LENGTH_BYTES).max(FLOOR))
}

/// The Padmé length: keeps only the top `floor(log2(log2 n)) + 1` bits of `n` below its leading bit, rounded up.
fn padme(n: usize) -> usize {
    let exponent = n.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1usize << (exponent - kept)) - 1;
    n.saturating_add(mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padme_lengths_are_those_of_the_paper() {
        // Kept bits and rounding worked out by hand from the definition in section 4.3 of the paper.
        for (n, expected) in [(8, 8), (9, 10), (16, 16), (17, 18), (1000, 1024), (4097, 4352), (100_000, 100_352)] {
            assert_eq!(padme(n), expected, "of {n}");
        }
    }

    #[test]
    fn short_products_cannot_be_told_apart_by_length() {
        assert_eq!(pad(b"").len(), pad(&[1; 4000]).len());
    }

    #[test]
    fn opens_only_what_it_padded() {
        for length in [0, 1, 4087, 4088, 4089, 70_000] {
            let content = vec![7; length];
            assert_eq!(unpad(pad(&content)), Some(content));
        }
        let mut dirty = pad(b"content");
        *dirty.last_mut().unwrap() = 1;
        assert_eq!(unpad(dirty), None);
        let mut longer = pad(b"content");
        longer.push(0);
        assert_eq!(unpad(longer), None);
        let mut lying = pad(b"content");
        lying[..8].copy_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(unpad(lying), None);
        assert_eq!(unpad(vec![0; 3]), None);
    }
}
