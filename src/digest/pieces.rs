//! Digests of the pieces of a long payload, so that reads are verified piece by piece and not only at the end.

use super::{Digest, Hasher};

/// Minimum length of a piece in bytes. A payload that is not longer has one piece, whose digest is that of the whole.
const PIECE_BYTES: u64 = 1024 * 1024;
/// Maximum number of pieces, which bounds the list of digests to 128 KiB.
const PIECES_MAX: u64 = 4096;
/// Length of a digest in bytes.
const DIGEST_BYTES: usize = 32;

/// The digests of the pieces of a payload, in order. All pieces but the last have the same length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pieces {
    size: u64,
    length: u64,
    digests: Vec<Digest>,
}

/// Computes [`Pieces`] over bytes that arrive in parts of any length.
#[derive(Clone, Debug)]
pub struct PiecesHasher {
    length: u64,
    size: u64,
    digests: Vec<Digest>,
    piece: Hasher,
}

/// Returns the length of each piece but the last, for a payload of at most `most` bytes: a power of two, at least 1
/// MiB.
fn piece_length(most: u64) -> u64 {
    most.div_ceil(PIECES_MAX).checked_next_power_of_two().unwrap_or(u64::MAX).max(PIECE_BYTES)
}

impl Pieces {
    /// Returns the list for a payload of `size` bytes that is one piece with this digest; `None` if it is longer than
    /// one piece.
    pub fn of_one(size: u64, digest: Digest) -> Option<Pieces> {
        (1..=PIECE_BYTES).contains(&size).then(|| Pieces { size, length: PIECE_BYTES, digests: vec![digest] })
    }

    /// Returns the length of the payload in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the offset and length in bytes of the piece that contains `offset`; `None` at or after the end.
    pub fn around(&self, offset: u64) -> Option<(u64, u64)> {
        let begins = offset - offset % self.length;
        (offset < self.size).then(|| (begins, self.length.min(self.size - begins)))
    }

    /// Returns whether `bytes` are the complete, unaltered piece that begins at offset `begins`.
    pub fn is_piece(&self, begins: u64, bytes: &[u8]) -> bool {
        let digest = usize::try_from(begins / self.length).ok().and_then(|number| self.digests.get(number));
        self.around(begins) == Some((begins, bytes.len() as u64)) && digest == Some(&Digest::of(bytes))
    }

    /// Encodes the list: size and piece length as 8 bytes each, big-endian, then the digests.
    pub fn to_bytes(&self) -> Vec<u8> {
        let numbers = [self.size, self.length].into_iter().flat_map(u64::to_be_bytes);
        numbers.chain(self.digests.iter().flat_map(|digest| *digest.as_bytes())).collect()
    }

    /// Decodes what [`Pieces::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Pieces> {
        let (size, rest) = bytes.split_first_chunk::<8>()?;
        let (length, digests) = rest.split_first_chunk::<8>()?;
        let (size, length) = (u64::from_be_bytes(*size), u64::from_be_bytes(*length));
        let digests: Vec<Digest> = digests.chunks(DIGEST_BYTES).map(Digest::from_slice).collect::<Option<_>>()?;
        // A piece is read into memory as a whole, so its length is limited to what a payload of this size needs.
        let valid = length.is_power_of_two() && (PIECE_BYTES..=2 * piece_length(size)).contains(&length);
        let counted = valid && size > 0 && size.div_ceil(length) == digests.len() as u64;
        counted.then_some(Pieces { size, length, digests })
    }

    /// Returns the digest of the encoded list, which commits to every piece.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}

impl PiecesHasher {
    /// Returns a hasher for a payload of at most `most` bytes.
    pub fn new(most: u64) -> PiecesHasher {
        PiecesHasher { length: piece_length(most), size: 0, digests: Vec::new(), piece: Hasher::new() }
    }

    /// Adds bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = self.length - self.size % self.length;
            let take = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (now, rest) = bytes.split_at(take);
            self.piece.update(now);
            self.size += take as u64;
            if self.size.is_multiple_of(self.length) {
                self.digests.push(std::mem::take(&mut self.piece).finish());
            }
            bytes = rest;
        }
    }

    /// Returns the digests of all bytes added.
    pub fn finish(mut self) -> Pieces {
        if !self.size.is_multiple_of(self.length) {
            self.digests.push(self.piece.finish());
        }
        Pieces { size: self.size, length: self.length, digests: self.digests }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of which no two pieces are alike.
    fn bytes(length: u64) -> Vec<u8> {
        (0..length).map(|n| (n % 251) as u8 ^ (n >> 16) as u8).collect()
    }

    fn pieces(bytes: &[u8], most: u64, part: usize) -> Pieces {
        let mut hasher = PiecesHasher::new(most);
        bytes.chunks(part).for_each(|part| hasher.update(part));
        hasher.finish()
    }

    #[test]
    fn are_the_same_in_whatever_parts_the_bytes_arrive() {
        for size in [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 7] {
            let bytes = bytes(size);
            let whole = pieces(&bytes, size, bytes.len());
            for part in [64 * 1024 - 1, 64 * 1024, PIECE_BYTES as usize + 3] {
                assert_eq!(pieces(&bytes, size, part), whole, "{size}");
            }
            assert_eq!(whole.size(), size);
            assert_eq!(Pieces::from_bytes(&whole.to_bytes()), Some(whole));
        }
    }

    #[test]
    fn each_piece_is_the_one_at_its_place_and_nothing_else_is() {
        let bytes = bytes(2 * PIECE_BYTES + 9);
        let (pieces, piece) = (pieces(&bytes, bytes.len() as u64, 1000), PIECE_BYTES as usize);
        let (first, second, last) = (&bytes[..piece], &bytes[piece..2 * piece], &bytes[2 * piece..]);
        for (begins, is) in [(0, first), (PIECE_BYTES, second), (2 * PIECE_BYTES, last)] {
            assert!(pieces.is_piece(begins, is));
            let mut flipped = is.to_vec();
            flipped[is.len() / 2] ^= 1;
            for other in [&flipped[..], &is[..is.len() - 1], &[is, &b"x"[..]].concat(), b""] {
                assert!(!pieces.is_piece(begins, other), "{begins}");
            }
        }
        assert!(!pieces.is_piece(0, second) && !pieces.is_piece(PIECE_BYTES, first));
        assert!(!pieces.is_piece(1, first) && !pieces.is_piece(3 * PIECE_BYTES, last));
        assert_eq!(pieces.around(PIECE_BYTES + 5), Some((PIECE_BYTES, PIECE_BYTES)));
        assert_eq!(pieces.around(2 * PIECE_BYTES), Some((2 * PIECE_BYTES, 9)));
        assert_eq!(pieces.around(bytes.len() as u64), None);
    }

    #[test]
    fn what_is_short_is_one_piece_with_the_digest_of_the_whole() {
        let bytes = bytes(1000);
        let one = Pieces::of_one(1000, Digest::of(&bytes)).unwrap();
        assert_eq!(one, pieces(&bytes, 1000, 10));
        assert!(one.is_piece(0, &bytes) && !one.is_piece(0, &bytes[1..]));
        assert_eq!(Pieces::of_one(PIECE_BYTES + 1, Digest::of(&bytes)), None);
        assert_eq!(Pieces::of_one(0, Digest::of(b"")), None);
    }

    #[test]
    fn a_list_stays_short_however_long_the_payload_is() {
        assert_eq!(piece_length(1), PIECE_BYTES);
        assert_eq!(piece_length(PIECES_MAX * PIECE_BYTES), PIECE_BYTES);
        assert_eq!(piece_length(PIECES_MAX * PIECE_BYTES + 1), 2 * PIECE_BYTES);
        assert!(u64::MAX.div_ceil(piece_length(u64::MAX)) <= PIECES_MAX);
    }

    #[test]
    fn refuses_a_list_that_is_not_of_such_a_size() {
        let good = pieces(&bytes(PIECE_BYTES + 1), PIECE_BYTES + 1, 1000).to_bytes();
        assert!(Pieces::from_bytes(&good).is_some());
        let with = |at: usize, value: u64| {
            let mut other = good.clone();
            other[at..at + 8].copy_from_slice(&value.to_be_bytes());
            Pieces::from_bytes(&other)
        };
        for size in [0, PIECE_BYTES, 2 * PIECE_BYTES + 1, u64::MAX] {
            assert_eq!(with(0, size), None, "{size}");
        }
        for length in [0, 1, PIECE_BYTES / 2, PIECE_BYTES + 1, 4 * PIECE_BYTES, u64::MAX] {
            assert_eq!(with(8, length), None, "{length}");
        }
        for bytes in [&good[..good.len() - 1], &good[..16], &good[..8], &[&good[..], &[0; 32]].concat()] {
            assert_eq!(Pieces::from_bytes(bytes), None);
        }
    }
}
