//! Reads coded bits and Huffman codes (T.81, Annexes C and F).

/// The Huffman codes of one table.
pub(in crate::rebuild) struct Codes {
    /// For each length in bits: the first code, the number of codes, and the index of their first symbol.
    lengths: [(u32, u32, usize); 16],
    symbols: Vec<u8>,
}

impl Codes {
    /// Builds a table from the number of codes of each length and their symbols; `None` if there can be no such codes.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Codes> {
        let mut lengths = [(0, 0, 0); 16];
        let (mut code, mut at) = (0u32, 0);
        for (n, (length, count)) in lengths.iter_mut().zip(counts).enumerate() {
            *length = (code, u32::from(*count), at);
            code += u32::from(*count);
            if code > 1 << (n + 1) {
                return None;
            }
            code <<= 1;
            at += usize::from(*count);
        }
        Some(Codes { lengths, symbols: symbols.to_vec() })
    }
}

/// Reads the coded data of one scan bit by bit.
pub(in crate::rebuild) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    held: u8,
    count: u32,
}

impl<'a> Bits<'a> {
    /// Reads from the start of `bytes`, the coded data of a scan.
    pub fn new(bytes: &'a [u8]) -> Bits<'a> {
        Bits { bytes, at: 0, held: 0, count: 0 }
    }

    fn bit(&mut self) -> Option<u32> {
        if self.count == 0 {
            self.held = *self.bytes.get(self.at)?;
            self.at += 1;
            if self.held == 0xFF {
                // The byte 0xFF is data only if a zero is stuffed after it; otherwise it begins a marker.
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

    /// Reads the next `count` bits as a number, highest bit first.
    pub fn number(&mut self, count: u8) -> Option<u32> {
        (0..count).try_fold(0, |number, _| Some(number << 1 | self.bit()?))
    }

    /// Skips `count` bits.
    pub fn skip(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.bit().map(|_| ()))
    }

    /// Reads one code, and returns its symbol; `None` if the code is unknown or the data ends.
    pub fn symbol(&mut self, codes: &Codes) -> Option<u8> {
        let mut code = 0;
        for (first, count, at) in codes.lengths {
            code = code << 1 | self.bit()?;
            if code >= first && code - first < count {
                return codes.symbols.get(at + (code - first) as usize).copied();
            }
        }
        None
    }

    /// Skips the padding of the last byte and the restart marker of this number, counted modulo 8.
    pub fn restart(&mut self, number: usize) -> Option<()> {
        self.count = 0;
        let marker = [0xFF, 0xD0 | (number & 7) as u8];
        self.at = Some(self.at + 2).filter(|end| self.bytes.get(self.at..*end) == Some(&marker))?;
        Some(())
    }

    /// Whether at most padding of the last byte is left.
    pub fn ends(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Whether at most padding of ones is left.
    pub fn ends_in_ones(&self) -> bool {
        let left = (1u16 << self.count) - 1;
        self.ends() && u16::from(self.held) & left == left
    }
}
