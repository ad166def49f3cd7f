//! Recognises a table by its rows: every one has as many cells, parted by commas or by semicolons.

use super::kind::Content;

/// A text that may be a table, row by row.
pub(super) struct Rows {
    commas: Parted,
    semicolons: Parted,
    /// Whether a comma-separated table is looked for, and not only one that is parted otherwise than it is declared.
    plain: bool,
    /// A quote was opened and not closed.
    open: bool,
    row: usize,
    /// An empty line: nothing but more of them may follow in a table.
    blank: bool,
    filled: bool,
}

/// Whether every row has as many cells, were they parted by one sign.
#[derive(Clone, Copy)]
struct Parted {
    alive: bool,
    /// How often it stands in the first row.
    first: usize,
    count: usize,
}

impl Parted {
    const NEW: Parted = Parted { alive: true, first: 0, count: 0 };

    /// The row has ended.
    fn end(&mut self, row: usize) {
        if row == 0 {
            self.first = self.count;
        }
        self.alive &= self.count == self.first && self.count > 0;
        self.count = 0;
    }
}

impl Rows {
    pub fn of(plain: bool) -> Rows {
        let (commas, semicolons) = (Parted::NEW, Parted::NEW);
        Rows { commas, semicolons, plain, open: false, row: 0, blank: false, filled: false }
    }

    /// The next lines.
    pub fn take(&mut self, block: &str) {
        let bytes = block.as_bytes();
        for (at, b) in bytes.iter().enumerate() {
            if !self.commas.alive && !self.semicolons.alive {
                return;
            }
            match b {
                b'\n' if !self.open => self.end_row(),
                b'\r' => {}
                _ => {
                    if self.blank && !self.filled {
                        (self.commas.alive, self.semicolons.alive) = (false, false);
                    }
                    self.open ^= *b == b'"';
                    self.sign(bytes, at);
                    self.filled = true;
                }
            }
        }
    }

    /// What parts cells has none of the company that it has between words or inside a number, and no empty name beside
    /// it in the first row.
    fn sign(&mut self, bytes: &[u8], at: usize) {
        let Some(b) = bytes.get(at).filter(|_| !self.open) else { return };
        let parted = match b {
            b',' => &mut self.commas,
            b';' => &mut self.semicolons,
            _ => return,
        };
        let before = at.checked_sub(1).and_then(|n| bytes.get(n)).filter(|_| self.filled);
        let behind = bytes.get(at + 1);
        parted.count += 1;
        parted.alive &= behind != Some(&b' ');
        if self.row == 0 {
            let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
            let empty = |b: Option<&u8>| b.is_none_or(|b| b"\r\n,;".contains(b));
            let inside_a_number = digit(before) && digit(behind);
            parted.alive &= !(inside_a_number || empty(before) || empty(behind));
        }
    }

    fn end_row(&mut self) {
        if self.filled {
            self.commas.end(self.row);
            self.semicolons.end(self.row);
            self.row += 1;
        } else {
            self.blank = true;
        }
        self.filled = false;
    }

    /// What the text is, if it is a table of two rows or more.
    pub fn content(&self) -> Option<Content> {
        // The last row may lack its line end.
        let ends = |parted: &Parted| parted.alive && (!self.filled || parted.count == parted.first);
        let rows = self.row + usize::from(self.filled);
        if rows < 2 || self.open {
            return None;
        }
        if ends(&self.semicolons) && (self.plain || self.commas.first == 0) {
            return Some(Content::Semicolons);
        }
        (ends(&self.commas) && self.plain).then_some(Content::Table)
    }
}
