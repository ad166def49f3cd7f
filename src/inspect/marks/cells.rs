//! A table as its reader sees it: cell by cell, those below a heading that speaks of marks with that heading.

use super::joined::humps;
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
    /// The columns whose heading speaks of marks, and what stands before their cells.
    labelled: Vec<(usize, &'static str)>,
    /// What stands before the cell that begins, if it is not empty.
    label: Option<&'static str>,
}

impl Cells {
    /// Adds the cells of `text` to `out`, each on a line of its own.
    pub fn add(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            if std::mem::take(&mut self.pending) {
                if c == '"' {
                    out.push_str(self.label.take().unwrap_or_default());
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
                    if c != ' ' {
                        out.push_str(self.label.take().unwrap_or_default());
                    }
                    out.push(c);
                }
            }
        }
    }

    /// A cell has ended, and with it perhaps its row.
    fn next(&mut self, row: bool, out: &mut String) {
        if !self.below
            && self.column < COLUMNS_MAX
            && let Some(label) = label_of(&self.heading)
        {
            self.labelled.push((self.column, label));
        }
        self.heading.clear();
        self.column += 1;
        if row {
            self.column = 0;
            self.below = true;
            out.push(char::from(ROW_END));
        }
        out.push('\n');
        // An empty cell says nothing, and the next one is none of its.
        let label = self.labelled.iter().find(|(column, _)| self.below && *column == self.column);
        self.label = label.map(|(_, label)| *label);
    }
}

/// What is written before the cells below a heading that speaks of marks, or may.
fn label_of(heading: &str) -> Option<&'static str> {
    let words = heading.split(|c: char| !c.is_ascii_alphanumeric()).flat_map(humps).filter_map(Folded::of);
    let words: Vec<Folded> = words.collect();
    let any = |names: &[&str]| words.iter().any(|word| names.iter().any(|name| word.as_bytes() == name.as_bytes()));
    let next = |first: &str, second: &str| {
        words.windows(2).any(|pair| pair[0].as_bytes() == first.as_bytes() && pair[1].as_bytes() == second.as_bytes())
    };
    let of_level = any(&["LEVEL"]) && any(&["SEC", "SECURITY", "SECRECY"]);
    if any(&["TLP", "TRAFFICLIGHT", "TRAFFICLIGHTPROTOCOL"]) || next("TRAFFIC", "LIGHT") {
        Some("TLP: ")
    } else if any(&["RELEASABILITY", "RELEASABLETO", "RELTO"]) || next("RELEASABLE", "TO") || next("REL", "TO") {
        Some("releasability: ")
    } else if any(&["CLASS", "DISSEM"])
        || of_level
        || next("PORTION", "MARK")
        || words.iter().any(|word| word.term() == Some(Term::Label))
    {
        Some("marking: ")
    } else if any(&["PAP"]) {
        Some("PAP: ")
    } else if any(&["SHARING", "SHAREABILITY", "DISTRIBUTION"]) {
        Some("sharing: ")
    } else if any(&["LEVEL"]) {
        Some("level: ")
    } else {
        None
    }
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
        assert_eq!(cells(&["tlp,name\n,A\n"]), "tlp\nname\u{c}\n\nA\u{c}\n");
    }
    #[test]
    fn headings_are_read_whatever_they_are_joined_with() {
        for (heading, label) in [
            ("protectiveMarking", Some("marking: ")),
            ("security_classification", Some("marking: ")),
            ("portionMark", Some("marking: ")),
            ("class", Some("marking: ")),
            ("sec_level", Some("marking: ")),
            ("releasable_to", Some("releasability: ")),
            ("releasableTo", Some("releasability: ")),
            ("level", Some("level: ")),
            ("tlp", Some("TLP: ")),
            ("tlp_level", Some("TLP: ")),
            ("tlpLevel", Some("TLP: ")),
            ("Traffic Light", Some("TLP: ")),
            ("pap", Some("PAP: ")),
            ("sharing", Some("sharing: ")),
            ("mark", None),
            ("classroom", None),
            ("name", None),
        ] {
            assert_eq!(label_of(heading), label, "{heading}");
        }
    }
}
