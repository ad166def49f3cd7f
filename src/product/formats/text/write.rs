//! The writer: the canonical text of one tearline, which is what a cut is, and the text of a whole product.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::syntax::{BEGIN, DETACHED, END, HYPHENS, SIGNATURE, body_lines};
use crate::product::attachment::{Attachment, Body};
use crate::product::model::{Item, Kind, Product, Tearline};

/// Prints a product of one tearline: front block in fixed order, banner, paragraphs, attachments, each separated by
/// one blank line. Every mark is written out in full.
pub(crate) fn print(id: &str, date: Date, kind: &Kind, tearline: &Tearline) -> String {
    let head = tearline.head();
    let mut text = format!("{SIGNATURE}\nId: {id}\n");
    let mut line = |key: &str, value: &str| {
        // INVARIANT: writing to a string cannot fail.
        writeln!(text, "{key}: {value}").expect("a string takes what is written to it");
    };
    if let Some(title) = &head.title {
        line("Title", &item(title));
    }
    if let Some(originator) = &head.originator {
        line("Originator", &item(originator));
    }
    line("Date", &date.to_string());
    line("Kind", kind.as_str());
    if !head.subjects.is_empty() {
        line("Subjects", &head.subjects.iter().map(item).collect::<Vec<_>>().join("; "));
    }
    if let Some(contact) = &head.contact {
        line("Contact", &item(contact));
    }
    text.push('\n');
    text.push_str(&tearline.banner.banner());
    text.push('\n');
    blocks(tearline, &mut text);
    text
}

impl Product {
    /// The product as text, whatever format it was read from: what every format means, with all marks written out.
    pub fn as_text(&self) -> String {
        let mut text = String::new();
        for (index, tearline) in self.tearlines().iter().enumerate() {
            let mut head = String::new();
            let mut line = |key: &str, value: String| {
                if !value.is_empty() {
                    head.push_str(&format!("{key}: {value}\n"));
                }
            };
            let of = tearline.head();
            line("Title", of.title.iter().map(item).collect());
            match &of.originator {
                Some(originator) => line("Originator", item(originator)),
                None if index == 0 => line("Originator", self.originator().to_owned()),
                None => {}
            }
            line("Subjects", of.subjects.iter().map(item).collect::<Vec<_>>().join("; "));
            line("Contact", of.contact.iter().map(item).collect());
            line("Protected", tearline.protected().join("; "));
            let banner = tearline.banner().banner();
            if index == 0 {
                let (id, date, kind) = (self.id(), self.date(), self.kind());
                text = format!("{SIGNATURE}\nId: {id}\nDate: {date}\nKind: {kind}\n{head}\n{banner}\n");
            } else {
                text.push_str(&format!("\n{HYPHENS}\n\n{banner}\n{head}"));
            }
            blocks(tearline, &mut text);
        }
        text
    }
}

fn blocks(tearline: &Tearline, text: &mut String) {
    for portion in &tearline.portions {
        text.push_str(&format!("\n{} {}\n", portion.marking.portion(), portion.text));
    }
    for a in &tearline.attachments {
        text.push('\n');
        attachment(a, text);
    }
}

/// Prints an attachment: the line that describes it, and behind that of an inline one its body and its end.
pub(in crate::product) fn attachment(a: &Attachment, text: &mut String) {
    let keyword = if a.is_detached() { DETACHED } else { BEGIN };
    let described = format!("{} {keyword} {} {} {} {}\n", a.marking.portion(), a.name, a.media_type, a.size, a.digest);
    text.push_str(&described);
    if let Body::Inline(bytes) = &a.body {
        for line in body_lines(bytes) {
            text.push_str(&line);
            text.push('\n');
        }
        text.push_str(END);
        text.push('\n');
    }
}

impl Attachment {
    /// How it stands in a text: the line that describes it; and behind that the body and end of an inline one.
    pub(crate) fn printed(&self) -> (String, String) {
        let mut text = String::new();
        attachment(self, &mut text);
        let body = text.split_off(text.find('\n').map_or(text.len(), |end| end + 1));
        (text, body)
    }
}

fn item(item: &Item) -> String {
    format!("{} {}", item.marking.portion(), item.text)
}
