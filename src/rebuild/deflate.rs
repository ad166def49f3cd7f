//! A small zlib compressor (RFC 1950 and 1951). It is our own because the gateway's output must be the same bytes on
//! every machine and in every version, so that the receiver can tell a rebuilt file from any other.

/// Compresses `bytes` into a zlib stream of one block with the fixed Huffman codes.
pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = Bits { bytes: vec![0x78, 0x01], bit: 0, held: 0 };
    out.put(1, 1);
    out.put(1, 2);
    // The last position of each hash of three bytes. One candidate for each position keeps the search linear.
    let mut last = vec![usize::MAX; 1 << HASH_BITS];
    let mut at = 0;
    while at < bytes.len() {
        let mut length = 0;
        let mut distance = 0;
        if at + 3 <= bytes.len() {
            let hash = hash(&bytes[at..at + 3]);
            let candidate = last[hash];
            last[hash] = at;
            if candidate != usize::MAX && at - candidate <= DISTANCE_MAX {
                let longest = (bytes.len() - at).min(LENGTH_MAX);
                length = (0..longest).take_while(|i| bytes[candidate + i] == bytes[at + i]).count();
                distance = at - candidate;
            }
        }
        if length >= 3 {
            out.length(length);
            out.distance(distance);
            for inside in at + 1..(at + length).min(bytes.len().saturating_sub(2)) {
                last[hash(&bytes[inside..inside + 3])] = inside;
            }
            at += length;
        } else {
            out.literal(usize::from(bytes[at]));
            at += 1;
        }
    }
    out.literal(256);
    out.flush();
    out.bytes.extend(adler(bytes).to_be_bytes());
    out.bytes
}

const HASH_BITS: u32 = 15;
const DISTANCE_MAX: usize = 32_768;
const LENGTH_MAX: usize = 258;

fn hash(three: &[u8]) -> usize {
    let value = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
    (value.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

struct Bits {
    bytes: Vec<u8>,
    bit: u32,
    held: u64,
}

impl Bits {
    /// Appends the low `count` bits of `value`, lowest bit first.
    fn put(&mut self, value: u32, count: u32) {
        self.held |= u64::from(value) << self.bit;
        self.bit += count;
        while self.bit >= 8 {
            self.bytes.push((self.held & 0xFF) as u8);
            self.held >>= 8;
            self.bit -= 8;
        }
    }

    /// Appends a Huffman code, highest bit first (RFC 1951, 3.1.1).
    fn code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    fn literal(&mut self, symbol: usize) {
        let symbol = symbol as u32;
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xC0 + symbol - 280, 8),
        }
    }

    fn length(&mut self, length: usize) {
        const BASE: [usize; 29] = [
            3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
            227, 258,
        ];
        const EXTRA: [u32; 29] =
            [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
        let slot = BASE.partition_point(|base| *base <= length) - 1;
        self.literal(257 + slot);
        self.put((length - BASE[slot]) as u32, EXTRA[slot]);
    }

    fn distance(&mut self, distance: usize) {
        const BASE: [usize; 30] = [
            1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
            4097, 6145, 8193, 12289, 16385, 24577,
        ];
        let slot = BASE.partition_point(|base| *base <= distance) - 1;
        self.code(slot as u32, 5);
        let extra = if slot < 4 { 0 } else { (slot as u32 - 2) / 2 };
        self.put((distance - BASE[slot]) as u32, extra);
    }

    fn flush(&mut self) {
        if self.bit > 0 {
            self.bytes.push((self.held & 0xFF) as u8);
            (self.bit, self.held) = (0, 0);
        }
    }
}

fn adler(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // 5552 is the largest number of additions that cannot overflow 32 bits before the remainder is taken.
    for chunk in bytes.chunks(5552) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back_by_another_hand() {
        let mut noise = Vec::new();
        let mut state = 7u32;
        for _ in 0..70_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.push((state >> 24) as u8);
        }
        let pattern: Vec<u8> = (0..200_000usize).map(|i| (i % 251) as u8).collect();
        for bytes in [&b""[..], b"a", b"abc", b"aaaaaaaaaaaaaaaaaaaaaaaa", &noise, &pattern, &[0; 100_000]] {
            let packed = zlib(bytes);
            let unpacked = miniz_oxide::inflate::decompress_to_vec_zlib(&packed).unwrap();
            assert!(unpacked == bytes);
        }
        assert!(zlib(&pattern).len() < pattern.len() / 50);
    }
}
