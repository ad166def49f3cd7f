//! Recognises mail by its header (RFC 5322, 2.2), at the beginning of a text or anywhere in it.

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
struct Header {
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

/// The lines of a text, for headers of mails wherever they stand.
#[derive(Default)]
pub(super) struct MailSearch {
    header: Header,
    from: usize,
}

impl MailSearch {
    /// Whether a header of a mail is complete with this line, and the line that it begins on.
    pub fn line(&mut self, line: &str, number: usize) -> Option<usize> {
        // Answers quote the mail that they answer.
        let line = line.trim_end_matches('\n');
        let line = line.strip_prefix("> ").unwrap_or(line);
        if !self.header.take(line) {
            self.header = Header::default();
            self.from = number + 1;
            return None;
        }
        self.header.is_mail().then_some(self.from.max(1))
    }
}
