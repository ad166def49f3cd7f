//! Recognises a table by its rows: all have the same number of cells, separated by commas or by semicolons.

use super::kind::Content;

/// A text that may be a table, read row by row.
pub(super) struct Rows {
    commas: Separator,
    semicolons: Separator,
    /// Whether the text is declared as plain text. Then a comma-separated table is reported too; otherwise only one
    /// with semicolons.
    plain: bool,
    /// Inside a quoted cell.
    open: bool,
    row: usize,
    /// An empty line was read: in a table only empty lines may follow.
    blank: bool,
    filled: bool,
}

/// Whether every row has the same number of cells with one separator.
#[derive(Clone, Copy)]
struct Separator {
    alive: bool,
    /// The number of separators in the first row.
    first: usize,
    count: usize,
}

impl Separator {
    const NEW: Separator = Separator { alive: true, first: 0, count: 0 };

    /// Ends a row.
    fn end(&mut self, row: usize) {
        if row == 0 {
            self.first = self.count;
        }
        self.alive &= self.count == self.first && self.count > 0;
        self.count = 0;
    }
}

impl Rows {
    /// Starts with an empty text; `plain` says that it is declared as plain text.
    pub fn of(plain: bool) -> Rows {
        let (commas, semicolons) = (Separator::NEW, Separator::NEW);
        Rows { commas, semicolons, plain, open: false, row: 0, blank: false, filled: false }
    }

    /// Processes the next lines.
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
                    self.separator(bytes, at);
                    self.filled = true;
                }
            }
        }
    }

    /// Counts a separator. A cell separator, unlike one between words, is not followed by a space, and in the first row
    /// is neither between two digits nor next to an empty cell.
    fn separator(&mut self, bytes: &[u8], at: usize) {
        let Some(b) = bytes.get(at).filter(|_| !self.open) else { return };
        let separator = match b {
            b',' => &mut self.commas,
            b';' => &mut self.semicolons,
            _ => return,
        };
        let before = at.checked_sub(1).and_then(|n| bytes.get(n)).filter(|_| self.filled);
        let behind = bytes.get(at + 1);
        separator.count += 1;
        separator.alive &= behind != Some(&b' ');
        if self.row == 0 {
            let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
            let empty = |b: Option<&u8>| b.is_none_or(|b| b"\r\n,;".contains(b));
            let inside_a_number = digit(before) && digit(behind);
            separator.alive &= !(inside_a_number || empty(before) || empty(behind));
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

    /// Returns the kind of table, if the text is a table of at least two rows.
    pub fn content(&self) -> Option<Content> {
        // The last row may lack a line end.
        let ends = |separator: &Separator| separator.alive && (!self.filled || separator.count == separator.first);
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
