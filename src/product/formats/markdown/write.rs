//! A product of one tearline as Markdown, in one spelling: every portion a paragraph, every sign that could be taken
//! for markup behind a backslash.

use jiff::civil::Date;

use super::{inline, signature};
use crate::product::formats::text;
use crate::product::model::{Item, Kind, Tearline};

/// Writes a product of one tearline.
pub(in crate::product) fn write(id: &str, date: Date, kind: &Kind, tearline: &Tearline) -> String {
    let head = tearline.head();
    let mut out = format!("{}\n- Id: {id}\n", signature());
    let mut line = |key: &str, items: &[&Item]| {
        if items.is_empty() {
            return;
        }
        out.push_str(&format!("- {key}: "));
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.push_str("; ");
            }
            out.push_str(&item.marking.portion());
            out.push(' ');
            inline::write(&item.text, &mut out);
        }
        out.push('\n');
    };
    line("Title", &head.title.iter().collect::<Vec<_>>());
    line("Originator", &head.originator.iter().collect::<Vec<_>>());
    line("Subjects", &head.subjects.iter().collect::<Vec<_>>());
    line("Contact", &head.contact.iter().collect::<Vec<_>>());
    out.push_str(&format!("- Date: {date}\n- Kind: {kind}\n\n## {}\n", tearline.banner().banner()));
    for portion in tearline.portions() {
        out.push_str(&format!("\n{} ", portion.marking.portion()));
        for (i, text) in portion.text.split('\n').enumerate() {
            if i > 0 {
                out.push('\n');
                escape_beginning(text, &mut out);
            } else {
                inline::write(text, &mut out);
            }
        }
        out.push('\n');
    }
    for attachment in tearline.attachments() {
        out.push('\n');
        text::attachment(attachment, &mut out);
    }
    out
}

/// Writes a line so that its beginning begins no block.
fn escape_beginning(text: &str, out: &mut String) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (before, rest) = match text.as_bytes() {
        [b'-' | b'+' | b'>' | b'|' | b'=', ..] => (0, text),
        _ if digits > 0 && matches!(text.as_bytes().get(digits), Some(b'.' | b')')) => (digits, &text[digits..]),
        _ => return inline::write(text, out),
    };
    out.push_str(&text[..before]);
    out.push('\\');
    out.push_str(&rest[..1]);
    inline::write(&rest[1..], out);
}
