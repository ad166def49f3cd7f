//! The HTML format: a cut as a page for people, one file without scripts and without references to anything outside it, its
//! banner at the head and the foot of every printed page.
//!
//! In comes a tearline; out comes the page. It is written and never read. Every character of the cut is escaped or shown by
//! its number, so no text becomes a tag.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;

use crate::digest::Digest;
use crate::invisible::is_invisible;
use crate::marking::{Level, Marking, Profile};
use crate::product::attachment::Attachment;
use crate::product::formats::text::print;
use crate::product::model::{Item, Kind, Tearline};

/// The page's own style, the only one that its policy lets a browser apply.
const STYLE: &str = include_str!("page.css");

/// Writes the page for a cut.
pub(super) fn write(id: &str, date: Date, kind: &Kind, tearline: &Tearline) -> String {
    let head = tearline.head();
    let banner = escaped(&tearline.banner().banner());
    let title = head.title.as_ref().map_or_else(String::new, item);
    let plain_title = head
        .title
        .as_ref()
        .map_or_else(String::new, |t| format!("{} {}", escaped(&t.marking.portion()), without_signs(&t.text)));
    let level = level_class(tearline.banner());
    let digest = Digest::of(print(id, date, kind, tearline).as_bytes());
    let mut out = String::with_capacity(STYLE.len() + 4096);
    out.push_str(&format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{plain_title}</title>\n<style>{STYLE}</style>\n</head>\n<body class=\"{level}\">\n",
        policy()
    ));
    // Fixed boxes are printed on every page; the hidden copies keep the text of each page away from them.
    out.push_str(&format!(
        "<div class=\"banner shown head\">{banner}</div>\n<div class=\"banner shown foot\">{banner}</div>\n"
    ));
    let room = format!("<tr><td><div class=\"banner room\" aria-hidden=\"true\">{banner}</div></td></tr>");
    out.push_str(&format!(
        "<table class=\"page\" role=\"presentation\">\n<thead>{room}</thead>\n<tfoot>{room}</tfoot>\n<tbody><tr><td>\n<main>\n"
    ));
    out.push_str(&format!("<h1>{title}</h1>\n"));
    about(id, date, kind, tearline, &mut out);
    for portion in tearline.portions() {
        out.push_str(&format!("<p>{}</p>\n", marked(&portion.marking, &portion.text)));
    }
    if !tearline.attachments().is_empty() {
        attachments(tearline.attachments(), &mut out);
    }
    out.push_str(&format!(
        "<p class=\"origin\">A page made for reading from the product <span class=\"digest\">{}</span>, SHA-256 \
         <span class=\"digest\">{digest}</span>. The product itself is what was approved and sent.</p>\n\
         </main>\n</td></tr></tbody>\n</table>\n</body>\n</html>\n",
        escaped(id)
    ));
    out
}

/// The page's content security policy: nothing but its one style, which is named by its digest.
fn policy() -> String {
    let digest = STANDARD.encode(Digest::of(STYLE.as_bytes()).as_bytes());
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

fn about(id: &str, date: Date, kind: &Kind, tearline: &Tearline, out: &mut String) {
    out.push_str("<table class=\"about\">\n");
    let mut row =
        |name: &str, value: &str| out.push_str(&format!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>\n"));
    row("Product", &escaped(id));
    row("Date", &escaped(&date.to_string()));
    row("Kind", &escaped(kind.as_str()));
    let head = tearline.head();
    if let Some(originator) = &head.originator {
        row("Originator", &item(originator));
    }
    if !head.subjects.is_empty() {
        row("Subjects", &head.subjects.iter().map(item).collect::<Vec<_>>().join("; "));
    }
    if let Some(contact) = &head.contact {
        row("Contact", &item(contact));
    }
    out.push_str("</table>\n");
}

/// The attachments by name: their bytes stay with the product, because a page that holds files can hold anything.
fn attachments(attachments: &[Attachment], out: &mut String) {
    out.push_str("<h2>Attachments</h2>\n<table class=\"about\">\n");
    for a in attachments {
        out.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{} bytes</td><td class=\"digest\">{}</td></tr>\n",
            marked(a.marking(), a.name().as_str()),
            escaped(a.media_type()),
            a.size(),
            a.digest()
        ));
    }
    out.push_str("</table>\n");
}

fn item(item: &Item) -> String {
    marked(&item.marking, &item.text)
}

fn marked(marking: &Marking, text: &str) -> String {
    format!("<span class=\"mark\">{}</span> <bdi class=\"text\">{}</bdi>", escaped(&marking.portion()), escaped(text))
}

/// `text` as the content of an element: what could act on the page is escaped, and what prints nothing, or turns the
/// direction of what follows, is shown by its number.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c if is_invisible(c) => {
                out.push_str(&format!("<span class=\"sign\">U+{:04X}</span>", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

/// As [`escaped`], for a place that can hold no element.
fn without_signs(text: &str) -> String {
    escaped(&text.chars().map(|c| if is_invisible(c) { '\u{FFFD}' } else { c }).collect::<String>())
}

fn level_class(marking: &Marking) -> &'static str {
    match marking.level() {
        _ if marking.profile() == Profile::Cui => "level-cui",
        Level::Unclassified => "level-u",
        Level::Restricted => "level-r",
        Level::Confidential => "level-c",
        Level::Secret => "level-s",
        Level::TopSecret => "level-ts",
    }
}
