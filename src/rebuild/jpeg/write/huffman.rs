//! Huffman coding of quantised blocks (T.81, F.1.2).

/// A Huffman table for encoding: the code and its length in bits of each symbol.
pub(super) struct Table {
    codes: [(u32, u32); 256],
}

impl Table {
    /// Builds the table from the number of codes of each length and the symbols in code order (T.81, Annex C).
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Table {
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

/// Writes coded bits, with a zero byte stuffed after each byte 0xFF (T.81, F.1.2.3).
pub(in crate::rebuild) struct Bits<'a> {
    out: &'a mut Vec<u8>,
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// Appends coded bits to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Bits<'a> {
        Bits { out, held: 0, count: 0 }
    }

    /// Appends the low `length` bits of `value`, at most 32.
    fn put(&mut self, value: u32, length: u32) {
        self.held = self.held << length | u64::from(value);
        self.count += length;
        if self.count >= 32 {
            self.count -= 32;
            self.word((self.held >> self.count) as u32);
        }
    }

    fn word(&mut self, word: u32) {
        // None of its bytes is 0xFF, so no zero bytes need stuffing.
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

    /// Writes a symbol whose low four bits are the size of `value`, and then that value.
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

    /// Writes one block of coefficients in zigzag order. `before` is the DC coefficient of the component's previous
    /// block, and is updated.
    pub fn block(&mut self, block: &[i32; 64], before: &mut i32, dc: &Table, ac: &Table) {
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
            // Baseline has no symbols for more than ten bits, and coefficients of eight-bit samples do not need them.
            self.valued(ac, zeros, block[at as usize & 63].clamp(-1023, 1023));
            coded = at as usize;
            filled &= filled - 1;
        }
        if coded < 63 {
            self.symbol(ac, 0);
        }
    }

    /// Fills the last byte with ones and writes it.
    pub fn finish(&mut self) {
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
