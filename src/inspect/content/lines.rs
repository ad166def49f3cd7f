//! What the lines of a text show: a table, or the header of a mail.

use super::Content;

/// A text that may be a table, row by row.
pub(super) struct Rows {
    commas: Parted,
    semicolons: Parted,
    /// Whether a table parted by commas is looked for, and not only one that is parted otherwise than it is declared.
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

/// Fields by which a mail was carried.
const CARRIED: [&str; 8] = [
    "content-transfer-encoding",
    "delivered-to",
    "dkim-signature",
    "in-reply-to",
    "message-id",
    "mime-version",
    "received",
    "return-path",
];
/// Fields in which people are named.
const NAMED: [&str; 3] = ["from", "reply-to", "sender"];
/// Fields that a mail has beside them.
const OTHERS: [&str; 6] = ["bcc", "cc", "content-type", "date", "subject", "to"];

/// The fields of a header, line by line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Header {
    fields: usize,
    carried: bool,
    addressed: bool,
}

impl Header {
    /// Whether the next line is part of a header.
    pub fn take(&mut self, line: &str) -> bool {
        if line.starts_with([' ', '\t']) && self.fields > 0 {
            return true;
        }
        let Some((name, value)) = line.split_once(':') else { return false };
        let name = name.to_ascii_lowercase();
        let known = |names: &[&str]| names.contains(&name.as_str());
        if !known(&CARRIED) && !known(&NAMED) && !known(&OTHERS) && !name.starts_with("x-") {
            return false;
        }
        self.fields += 1;
        self.carried |= known(&CARRIED) || name == "date" && is_mail_date(value);
        let addresses = known(&NAMED) || matches!(name.as_str(), "to" | "cc" | "bcc");
        self.addressed |= addresses && value.contains('@');
        true
    }

    /// Whether they are those of a mail: fields that mails alone have, or somebody's address.
    pub fn is_mail(&self) -> bool {
        self.fields >= 2 && (self.carried || self.addressed)
    }
}

/// Whether a date is written as mails write it, with its time and its zone (RFC 5322, 3.3).
fn is_mail_date(value: &str) -> bool {
    let parts: Vec<&str> = value.split_whitespace().collect();
    let timed = |part: &&str| part.len() >= 5 && part.contains(':') && part.starts_with(|c: char| c.is_ascii_digit());
    let zoned = |part: &&str| {
        part.len() == 5 && part.starts_with(['+', '-']) && part[1..].bytes().all(|b| b.is_ascii_digit())
            || matches!(*part, "GMT" | "UT" | "UTC" | "Z")
    };
    parts.len() >= 5 && parts.iter().any(timed) && parts.iter().any(zoned)
}

/// Whether a text begins with the header of a mail (RFC 5322, 2.2): fields that mails alone have, or the address of whoever
/// wrote it or whom it was written to.
pub(in crate::inspect) fn is_mail(head: &str) -> bool {
    // Mailboxes part their mails by a line of this kind.
    let head = match head.split_once('\n') {
        Some((first, rest)) if first.starts_with("From ") && first.contains('@') => rest,
        _ => head,
    };
    let mut header = Header::default();
    let _ = head.lines().take_while(|line| header.take(line)).count();
    header.is_mail()
}
