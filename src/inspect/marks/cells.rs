//! Splits tables into cells. Cells below a heading about marks are searched together with that heading.

use super::compound::camel_case_words;
use super::vocabulary::{Folded, Term};

/// The byte before the line end after the last cell of a row.
pub(super) const ROW_END: u8 = 0x0c;

/// The longest heading that is examined, in bytes.
const HEADING_BYTES_MAX: usize = 64;
/// The number of columns whose headings are examined.
const COLUMNS_MAX: usize = 256;

/// Whether the headings are those of a table of MISP events or attributes.
#[derive(Clone, Copy, Debug, Default)]
struct Events {
    /// There is a heading that hardly any other table has.
    named: bool,
    /// The number of headings of an attribute table.
    of_attribute: usize,
}

impl Events {
    /// Reads the next heading. Returns the label for the cells below it if the table turns out to be one of MISP.
    fn heading(&mut self, heading: &str) -> Option<&'static str> {
        let mut name = [0; HEADING_BYTES_MAX];
        let letters = heading.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase());
        let length = letters.zip(&mut name).map(|(b, at)| *at = b).count();
        let name = &name[..length];
        self.named |=
            [&b"eventid"[..], b"eventinfo", b"orgcid", b"sharinggroupid", b"threatlevelid", b"toids"].contains(&name);
        self.of_attribute += usize::from([&b"category"[..], b"type", b"value"].contains(&name));
        if name.ends_with(b"distribution") {
            Some("MISP distribution: ")
        } else if name.ends_with(b"sharinggroupid") {
            Some("MISP group: ")
        } else {
            None
        }
    }

    fn are_told(self) -> bool {
        self.named || self.of_attribute == 3
    }
}

/// Splits a table that arrives in pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    /// Inside a quoted cell.
    open: bool,
    /// The last character was a quote in a quoted cell: it ends the cell, or escapes the next quote.
    pending: bool,
    below: bool,
    column: usize,
    heading: String,
    /// The columns with a heading about marks, and the label for their cells.
    labelled: Vec<(usize, &'static str)>,
    /// The columns with such a heading only if the table is one of MISP.
    of_events: Vec<(usize, &'static str)>,
    events: Events,
    /// The label to write before the current cell, unless the cell is empty.
    label: Option<&'static str>,
}

impl Cells {
    /// Appends the cells of `text` to `out`, each on its own line.
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

    /// Ends a cell, and its row if `row`.
    fn next(&mut self, row: bool, out: &mut String) {
        if !self.below && self.column < COLUMNS_MAX {
            self.labelled.extend(label_of(&self.heading).map(|label| (self.column, label)));
            self.of_events.extend(self.events.heading(&self.heading).map(|label| (self.column, label)));
        }
        if row && !self.below && self.events.are_told() {
            // The first label of a column is used, so those of MISP come first.
            self.labelled.splice(..0, std::mem::take(&mut self.of_events));
        }
        self.heading.clear();
        self.column += 1;
        if row {
            self.column = 0;
            self.below = true;
            out.push(char::from(ROW_END));
        }
        out.push('\n');
        // An empty cell gets no label, and does not pass its label on.
        let label = self.labelled.iter().find(|(column, _)| self.below && *column == self.column);
        self.label = label.map(|(_, label)| *label);
    }
}

/// Returns the label for the cells below a heading that is, or can be, about marks.
fn label_of(heading: &str) -> Option<&'static str> {
    let words = heading.split(|c: char| !c.is_ascii_alphanumeric()).flat_map(camel_case_words).filter_map(Folded::of);
    let words: Vec<Folded> = words.collect();
    let any = |names: &[&str]| words.iter().any(|word| names.iter().any(|name| word.as_bytes() == name.as_bytes()));
    let next = |first: &str, second: &str| {
        words.windows(2).any(|pair| pair[0].as_bytes() == first.as_bytes() && pair[1].as_bytes() == second.as_bytes())
    };
    let of_level = any(&["LEVEL"]) && any(&["SEC", "SECURITY", "SECRECY"]);
    if any(&["TLP", "TRAFFICLIGHT", "TRAFFICLIGHTPROTOCOL"]) || next("TRAFFIC", "LIGHT") {
        Some("TLP: ")
    } else if any(&["RELEASABILITY", "RELEASABLETO", "RELTO", "SHAREABLE"])
        || matches!(words.as_slice(), [word] if word.as_bytes() == b"RELEASABLE")
        || next("RELEASABLE", "TO")
        || next("REL", "TO")
    {
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
    fn tables_of_events_say_how_far_each_row_goes() {
        let wanted = "event_id\ntype\nvalue\ndistribution\u{c}\n1\ntext\nx\nMISP distribution: 0\u{c}\n";
        assert_eq!(cells(&["event_id,type,value,distribution\n1,text,x,0\n"]), wanted);
        let wanted = "uuid\nsharing_group_id\u{c}\n1\nMISP group: 4\u{c}\n";
        assert_eq!(cells(&["uuid,sharing_group_id\n1,4\n"]), wanted);
        let other = "age\ndistribution\u{c}\n1\nsharing: 0\u{c}\n";
        assert_eq!(cells(&["age,distribution\n1,0\n"]), other);
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
            ("releasable", Some("releasability: ")),
            ("Releasability", Some("releasability: ")),
            ("releasable energy", None),
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
