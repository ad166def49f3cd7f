//! Tables, cell by cell; cells below a heading about marks are read together with that heading.

use super::compound::humps;
use super::vocabulary::{Folded, Term};

/// Stands before the line end of a row's last cell.
pub(super) const ROW_END: u8 = 0x0c;

/// The longest heading that is looked at.
const HEADING_BYTES_MAX: usize = 64;
/// Columns whose headings are looked at.
const COLUMNS_MAX: usize = 256;

/// What the headings say of a table of events or attributes of MISP.
#[derive(Clone, Copy, Debug, Default)]
struct Events {
    /// A heading that hardly any other table has.
    named: bool,
    /// How many of those that an attribute has.
    of_attribute: usize,
}

impl Events {
    /// Reads the next heading, and answers what stands before the cells below it where the table is one of MISP's.
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
    /// Those that say so if the table is one of MISP's, and how much says that it is.
    of_events: Vec<(usize, &'static str)>,
    events: Events,
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
        if !self.below && self.column < COLUMNS_MAX {
            self.labelled.extend(label_of(&self.heading).map(|label| (self.column, label)));
            self.of_events.extend(self.events.heading(&self.heading).map(|label| (self.column, label)));
        }
        if row && !self.below && self.events.are_told() {
            // The first that stands there for a column is taken.
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
