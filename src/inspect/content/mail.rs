//! Recognises emails by their header (RFC 5322, 2.2), at the beginning of a text or anywhere in it.

/// Trace and MIME fields, which only emails have.
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
/// Originator fields, which contain addresses.
const NAMED: [&str; 3] = ["from", "reply-to", "sender"];
/// Other fields of an email, which also occur elsewhere.
const OTHERS: [&str; 6] = ["bcc", "cc", "content-type", "date", "subject", "to"];

/// The fields of a header, read line by line.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    fields: usize,
    carried: bool,
    addressed: bool,
}

impl Header {
    /// Reads a line, and returns whether it is part of a header.
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

    /// Returns whether the fields are those of an email: at least two, and among them one that only emails have or one
    /// with an address.
    pub fn is_mail(&self) -> bool {
        self.fields >= 2 && (self.carried || self.addressed)
    }
}

/// Returns whether a date has the format of an email, with time and zone (RFC 5322, 3.3).
fn is_mail_date(value: &str) -> bool {
    let parts: Vec<&str> = value.split_whitespace().collect();
    let timed = |part: &&str| part.len() >= 5 && part.contains(':') && part.starts_with(|c: char| c.is_ascii_digit());
    let zoned = |part: &&str| {
        part.len() == 5 && part.starts_with(['+', '-']) && part[1..].bytes().all(|b| b.is_ascii_digit())
            || matches!(*part, "GMT" | "UT" | "UTC" | "Z")
    };
    parts.len() >= 5 && parts.iter().any(timed) && parts.iter().any(zoned)
}

/// Returns whether a text begins with the header of an email (RFC 5322, 2.2): fields that only emails have, or the
/// address of its author or recipient.
pub(in crate::inspect) fn is_mail(head: &str) -> bool {
    // In the mbox format such a line separates the emails.
    let head = match head.split_once('\n') {
        Some((first, rest)) if first.starts_with("From ") && first.contains('@') => rest,
        _ => head,
    };
    let mut header = Header::default();
    let _ = head.lines().take_while(|line| header.take(line)).count();
    header.is_mail()
}

/// Searches for email headers anywhere in a text, line by line.
#[derive(Default)]
pub(super) struct MailSearch {
    header: Header,
    from: usize,
}

impl MailSearch {
    /// Reads a line. Returns the line on which a header begins, if it is recognisable as one with this line.
    pub fn line(&mut self, line: &str, number: usize) -> Option<usize> {
        // Replies quote the original email.
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
