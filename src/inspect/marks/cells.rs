//! A table as its reader sees it: cell by cell, those below a heading that speaks of marks with that heading.

use super::vocabulary::{Folded, Term};

/// Stands before the line end of a row's last cell.
pub(super) const ROW_END: u8 = 0x0c;

/// The longest heading that is looked at.
const HEADING_BYTES_MAX: usize = 64;
/// Columns whose headings are looked at.
const COLUMNS_MAX: usize = 256;

/// A table that comes in pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    /// A quote was opened and not closed.
    open: bool,
    /// The last character was a quote inside quotes: it ends the cell, or stands for itself.
    pending: bool,
    below: bool,
    column: usize,
    heading: String,
    /// The columns whose heading speaks of marks.
    labelled: Vec<usize>,
}

impl Cells {
    /// Adds the cells of `text` to `out`, each on a line of its own.
    pub fn add(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            if std::mem::take(&mut self.pending) {
                if c == '"' {
                    out.push('"');
                    continue;
                }
                self.open = false;
            }
            match c {
                '"' if self.open => self.pending = true,
                '"' => self.open = true,
                ',' if !self.open => self.next(false, out),
                '\n' if !self.open => self.next(true, out),
                _ => {
                    if !self.below && self.heading.len() < HEADING_BYTES_MAX {
                        self.heading.push(c);
                    }
                    out.push(c);
                }
            }
        }
    }

    /// A cell has ended, and with it perhaps its row.
    fn next(&mut self, row: bool, out: &mut String) {
        if !self.below && self.column < COLUMNS_MAX && speaks_of_marks(&self.heading) {
            self.labelled.push(self.column);
        }
        self.heading.clear();
        self.column += 1;
        if row {
            self.column = 0;
            self.below = true;
            out.push(char::from(ROW_END));
        }
        out.push('\n');
        if self.below && self.labelled.contains(&self.column) {
            out.push_str("marking: ");
        }
    }
}

fn speaks_of_marks(heading: &str) -> bool {
    let mut words = heading.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(Folded::of);
    words.any(|word| word.term() == Some(Term::Label) || word.as_bytes() == b"CLASS" || word.as_bytes() == b"CLASSIF")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(pieces: &[&str]) -> String {
        let (mut cells, mut out) = (Cells::default(), String::new());
        pieces.iter().for_each(|piece| cells.add(piece, &mut out));
        out
    }

    #[test]
    fn cells_come_line_by_line_wherever_a_piece_ends() {
        let whole = "name,note\nA,\"x, \"\"y\"\"\"\n";
        let wanted = "name\nnote\u{c}\nA\nx, \"y\"\u{c}\n";
        assert_eq!(cells(&[whole]), wanted);
        for at in 0..whole.len() {
            assert_eq!(cells(&[&whole[..at], &whole[at..]]), wanted, "{at}");
        }
    }

    #[test]
    fn cells_below_a_heading_that_speaks_of_marks_say_so() {
        let wanted = "name\nClassification\u{c}\nA\nmarking: s\u{c}\nB\nmarking: ts\u{c}\n";
        assert_eq!(cells(&["name,Classification\nA,s\nB,ts\n"]), wanted);
    }
}
