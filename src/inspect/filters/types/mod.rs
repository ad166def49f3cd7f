//! The type filter: file extension, declared type, signature and content of an attachment must agree.
//!
//! Detected content ([`content`]) takes precedence over the declared type. Images and PDF are only checked for their
//! outer form, by code that shares nothing with the rebuilding parsers. A type that is not rebuilt is refused, even if
//! an agreement allows it.

mod active;
mod plain_form;
mod signature;

use self::active::active;
use self::signature::signature;
use crate::inspect::content::{self, CONTROL, FOREIGN, classes};
use crate::inspect::filter_name::FilterName;
use crate::inspect::finding::{Fault, Finding, NO_VERDICT, failed};
use crate::inspect::subject::{Filter, Subject};

/// The type filter.
pub(in crate::inspect) struct Types;

impl Filter for Types {
    fn name(&self) -> FilterName {
        FilterName::Types
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (attachment, reading) in subject.attachments() {
            let faults = match attachment.inline() {
                Some(bytes) => examine(attachment.name().as_str(), attachment.media_type(), bytes),
                None => match reading.and_then(|reading| reading.lines.as_ref()) {
                    Some(lines) => lines.types.clone(),
                    None => return vec![failed(FilterName::Types, NO_VERDICT)],
                },
            };
            findings.extend(faults.into_iter().map(|(code, message)| Finding {
                filter: FilterName::Types,
                code,
                line: Some(attachment.line()),
                message,
            }));
        }
        findings
    }
}

/// Returns the faults of one attachment.
pub(in crate::inspect) fn examine(name: &str, media_type: &str, bytes: &[u8]) -> Vec<Fault> {
    let mut faults = outside(name, media_type, bytes);
    if faults.iter().any(|(code, _)| *code == "types.unknown") {
        return faults;
    }
    let shape = match media_type {
        "image/png" => plain_form::png(bytes),
        "image/jpeg" => plain_form::jpeg(bytes),
        "application/pdf" => plain_form::pdf(bytes),
        _ => {
            let Ok(text) = std::str::from_utf8(bytes) else {
                faults.push(("types.text", format!("an attachment declared `{media_type}` that is not UTF-8 text")));
                return faults;
            };
            faults.extend(inside(media_type, text));
            faults.extend(content::contradictions(media_type, text));
            let json = matches!(media_type, "application/json" | "application/stix+json");
            (json && !text.starts_with(['{', '[', '"'])).then_some("that does not start like one")
        }
    };
    faults.extend(shape.map(|what| ("types.shape", format!("an attachment declared `{media_type}` {what}"))));
    faults
}

/// Returns the faults of an attachment's name, declared type and first bytes.
pub(in crate::inspect) fn outside(name: &str, media_type: &str, head: &[u8]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    let expected = match media_type {
        "text/plain" => "txt",
        "text/csv" => "csv",
        "application/json" | "application/stix+json" => "json",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "application/pdf" => "pdf",
        _ => {
            faults.push((
                "types.unknown",
                "an attachment of a type that is not inspected here: attach text, CSV, JSON, STIX, PNG, JPEG or PDF"
                    .into(),
            ));
            return faults;
        }
    };
    // One dot only: `report.exe.txt` is shown as `report.exe` where extensions are hidden.
    if name.split('.').count() != 2 || name.rsplit('.').next() != Some(expected) {
        faults.push((
            "types.extension",
            format!("a file name that does not end in the one extension `.{expected}` of its declared type"),
        ));
    }
    // Images and PDF have their own signature, and their form is checked as a whole.
    let text = matches!(expected, "txt" | "csv" | "json");
    if text && let Some(found) = signature(head) {
        faults
            .push(("types.signature", format!("an attachment declared `{media_type}` with the signature of {found}")));
    }
    faults
}

/// Returns the faults of a text, or of any line of it: no pattern searched for here can span a line end.
pub(in crate::inspect) fn inside(media_type: &str, text: &str) -> Vec<Fault> {
    inside_of(media_type, text, classes(text))
}

/// Like [`inside`], for a text whose byte classes `kinds` are already computed.
pub(in crate::inspect) fn inside_of(media_type: &str, text: &str, kinds: u8) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    if kinds & CONTROL != 0 || kinds & FOREIGN != 0 && text.chars().any(|c| c.is_control() && c != '\n') {
        faults.push((
            "types.text",
            format!(
                "an attachment declared `{media_type}` with control characters: write lines that end in LF, and no tabs"
            ),
        ));
    }
    // Every pattern contains one of these characters; most lines of most texts contain none.
    if let Some(found) = active(text, kinds) {
        faults.push((
            "types.active",
            format!("an attachment declared `{media_type}` that a program could take for {found}"),
        ));
    }
    if media_type == "text/csv" && plain_form::computes(text) {
        faults.push((
            "types.formula",
            format!("an attachment declared `{media_type}` with a cell that a spreadsheet would compute: write a number (`-5.2`, `-1e-05`, `-5.2%`), a word, or a telephone number \
                 of digits and single spaces (`+44 20 7946 0000`)"),
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(name: &str, media_type: &str, bytes: &[u8]) -> Vec<&'static str> {
        examine(name, media_type, bytes).into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn passes_plain_text_and_csv() {
        assert!(codes("a.txt", "text/plain", b"MZ is a prefix.\nBM as well.\n").is_empty());
        assert!(codes("a.csv", "text/csv", b"name,count\nAlpha,-3\n\"Bravo, Charlie\",4\n").is_empty());
    }

    #[test]
    fn refuses_what_is_not_what_it_says() {
        for (name, media_type, bytes, code) in [
            ("a.docx", "application/msword", &b"\xd0\xcf\x11\xe0"[..], "types.unknown"),
            ("a.pdf", "application/pdf", b"%PDF-1.7", "types.shape"),
            ("a.png", "image/png", b"\x89PNG\r\n\x1a\n", "types.shape"),
            ("a.jpg", "image/jpeg", b"\xff\xd8\xff\xd9", "types.shape"),
            ("a.json", "application/json", b" {}", "types.shape"),
            ("a.jpeg", "image/jpeg", b"", "types.extension"),
            ("a.csv", "text/plain", b"a", "types.extension"),
            ("a.exe.txt", "text/plain", b"a", "types.extension"),
            ("a.txt", "text/plain", b"%PDF-1.7\n", "types.signature"),
            ("a.txt", "text/plain", b"harmless\n%PDF-1.7\n", "types.signature"),
            ("a.txt", "text/plain", b"PK\x03\x04", "types.signature"),
            ("a.txt", "text/plain", b"harmless PK\x05\x06", "types.signature"),
            ("a.txt", "text/plain", b"\x89PNG\r\n", "types.signature"),
            ("a.txt", "text/plain", b"MZ\x90\0\x03", "types.signature"),
            ("a.txt", "text/plain", b"#!/bin/sh\n", "types.signature"),
            ("a.txt", "text/plain", b"\xef\xbb\xbfa", "types.signature"),
            ("a.txt", "text/plain", b"\xffa", "types.text"),
            ("a.txt", "text/plain", b"a\tb", "types.text"),
            ("a.txt", "text/plain", b"a <ScRipt>", "types.active"),
            ("a.txt", "text/plain", b"<?xml version='1.0'?>", "types.active"),
            ("a.csv", "text/csv", b"a,b\n1,=2\n", "types.formula"),
        ] {
            assert!(
                codes(name, media_type, bytes).contains(&code),
                "{name} {bytes:?}: {:?}",
                codes(name, media_type, bytes)
            );
        }
    }
}
