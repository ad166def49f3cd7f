//! Attachments are what they say: extension, declared type, first bytes and a strict parse agree.
//!
//! What a text says of its own kind ([`content`]) goes before what it is declared as. Otherwise it looks at the outside of a file only, in a few lines that share nothing with the parsers that rebuild it: what they
//! let through by a mistake must have the plain shape of what they write. A type that is not rebuilt is refused,
//! whatever an agreement allows.

use super::stream::{self, Fault};
use super::{Filter, FilterName, Finding, Subject, content, shape};

/// The type filter.
pub(super) struct Types;

impl Filter for Types {
    fn name(&self) -> FilterName {
        FilterName::Types
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        subject
            .attachments()
            .flat_map(|(a, reading)| {
                let faults = match a.inline() {
                    Some(bytes) => examine(a.name().as_str(), a.media_type(), bytes),
                    None => stream::seen(a, reading, subject.contents).types,
                };
                faults.into_iter().map(|(code, message)| Finding {
                    filter: FilterName::Types,
                    code,
                    line: Some(a.line()),
                    message,
                })
            })
            .collect()
    }
}

/// What is wrong with one attachment: codes and messages.
pub(super) fn examine(name: &str, media_type: &str, bytes: &[u8]) -> Vec<Fault> {
    let mut faults = outside(name, media_type, bytes);
    if faults.iter().any(|(code, _)| *code == "types.unknown") {
        return faults;
    }
    let shape = match media_type {
        "image/png" => shape::png(bytes),
        "image/jpeg" => shape::jpeg(bytes),
        "application/pdf" => shape::pdf(bytes),
        _ => {
            let Ok(text) = std::str::from_utf8(bytes) else {
                faults.push(("types.text", format!("an attachment declared `{media_type}` that is not UTF-8 text")));
                return faults;
            };
            faults.extend(inside(media_type, text));
            faults.extend(content::contradictions(media_type, text));
            let json = matches!(media_type, "application/json" | "application/stix+json");
            (json && !text.starts_with(['{', '[', '"'])).then_some("that does not begin as one")
        }
    };
    faults.extend(shape.map(|what| ("types.shape", format!("an attachment declared `{media_type}` {what}"))));
    faults
}

/// What is wrong with an attachment's name, its declared type and its first bytes.
pub(super) fn outside(name: &str, media_type: &str, head: &[u8]) -> Vec<Fault> {
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
    // An image or a page has a signature of its own, and a shape that is looked at whole.
    let text = matches!(expected, "txt" | "csv" | "json");
    if text && let Some(found) = signature(head) {
        faults
            .push(("types.signature", format!("an attachment declared `{media_type}` with the signature of {found}")));
    }
    faults
}

/// What is wrong with a text, or any line of it: nothing that is looked for here can stand across a line end.
pub(super) fn inside(media_type: &str, text: &str) -> Vec<Fault> {
    inside_of(media_type, text, kinds(text))
}

/// The same, of a text of which the kinds of its bytes are known.
pub(super) fn inside_of(media_type: &str, text: &str, kinds: u8) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    if kinds & CONTROL != 0 || kinds & FOREIGN != 0 && text.chars().any(|c| c.is_control() && c != '\n') {
        faults.push((
            "types.text",
            format!(
                "an attachment declared `{media_type}` with control characters: write lines that end in LF, and no tabs"
            ),
        ));
    }
    // Every pattern has one of these signs; most lines of most texts have none.
    if let Some(found) = active(text, kinds) {
        faults.push((
            "types.active",
            format!("an attachment declared `{media_type}` that a program could take for {found}"),
        ));
    }
    if media_type == "text/csv" && shape::computes(text) {
        faults.push((
            "types.formula",
            format!("an attachment declared `{media_type}` with a cell that a spreadsheet would compute: write a number (`-5.2`, `-1e-05`, `-5.2%`), a word, or a telephone number \
                 of digits and single spaces (`+44 20 7946 0000`)"),
        ));
    }
    faults
}

/// A control character other than a line end.
pub(super) const CONTROL: u8 = 1;
/// A byte outside ASCII.
pub(super) const FOREIGN: u8 = 2;
/// What each of [`BEGINS`] begins with.
const ANGLE: u8 = 4;
/// What each of [`ARMOUR`] begins with: two dashes.
const DASH: u8 = 8;
/// What each of [`ENDS`] ends with: a colon behind a `t`, an `n` or a `g`.
const COLON: u8 = 16;

/// Which of these kinds of bytes stand in a text, found in one pass: a gigabyte passes through here.
pub(super) fn kinds(text: &str) -> u8 {
    kinds_of(text.as_bytes())
}

fn kinds_of(bytes: &[u8]) -> u8 {
    // Comparisons and nothing else, so that many bytes are compared at once.
    let (mut control, mut foreign, mut angle) = (0u8, 0u8, 0u8);
    for b in bytes {
        control |= u8::from(*b < 0x20) & u8::from(*b != b'\n') | u8::from(*b == 0x7f);
        foreign |= *b >> 7;
        angle |= u8::from(*b == b'<');
    }
    let (mut dash, mut colon) = (0u8, 0u8);
    for (a, b) in bytes.iter().zip(bytes.get(1..).unwrap_or_default()) {
        let letter = *a | 0x20;
        dash |= u8::from(*a == b'-') & u8::from(*b == b'-');
        colon |=
            u8::from(*b == b':') & (u8::from(letter == b't') | u8::from(letter == b'n') | u8::from(letter == b'g'));
    }
    let found = [(control, CONTROL), (foreign, FOREIGN), (angle, ANGLE), (dash, DASH), (colon, COLON)];
    found.into_iter().fold(0, |kinds, (found, kind)| kinds | (found * kind))
}

/// First bytes by which programs recognise a file whatever it is called.
fn signature(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: &[(usize, &[u8], &str)] = &[
        (0, b"PK\x03\x04", "a ZIP archive"),
        (0, b"PK\x05\x06", "an empty ZIP archive"),
        (0, b"\x1f\x8b", "a gzip file"),
        (0, b"BZh", "a bzip2 file"),
        (0, b"\xfd7zXZ\0", "an xz file"),
        (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (0, b"Rar!\x1a\x07", "a RAR archive"),
        (0, b"\x28\xb5\x2f\xfd", "a Zstandard file"),
        (257, b"ustar", "a tar archive"),
        (0, b"%PDF-", "a PDF"),
        (0, b"%!PS", "a PostScript file"),
        (0, b"\xd0\xcf\x11\xe0", "an OLE compound file"),
        (0, b"{\\rtf", "a rich text file"),
        (0, b"MZ", "a Windows program"),
        (0, b"\x7fELF", "an ELF program"),
        (0, b"\xfe\xed\xfa", "a Mach-O program"),
        (0, b"\xcf\xfa\xed\xfe", "a Mach-O program"),
        (0, b"\xca\xfe\xba\xbe", "a class file or universal binary"),
        (0, b"\0asm", "a WebAssembly module"),
        (0, b"#!", "a script"),
        (0, b"\x89PNG", "a PNG image"),
        (0, b"\xff\xd8\xff", "a JPEG image"),
        (0, b"GIF8", "a GIF image"),
        (0, b"BM", "a bitmap image"),
        (0, b"RIFF", "a RIFF file"),
        (0, b"II*\0", "a TIFF image"),
        (0, b"MM\0*", "a TIFF image"),
        (0, b"SQLite format 3", "a SQLite database"),
        (0, b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut"),
        (0, b"\xef\xbb\xbf", "a byte order mark"),
        (0, b"\xff\xfe", "UTF-16 text"),
        (0, b"\xfe\xff", "UTF-16 text"),
        (0, b"+/v", "UTF-7 text"),
        (0, b"SYLK", "a SYLK file"),
        (0, b"ID;", "a SYLK file"),
    ];
    // `MZ`, `BM` and the like are words too; where the bytes behind them are text, the strict parse decides.
    let is_text = |b: &[u8]| b.iter().take(64).all(|c| (0x20..0x7f).contains(c) || *c == b'\n');
    SIGNATURES
        .iter()
        .find(|(at, magic, _)| {
            bytes.get(*at..).is_some_and(|b| b.starts_with(magic))
                && !(magic.len() == 2 && magic.is_ascii() && *magic != b"#!" && is_text(bytes))
        })
        .map(|(_, _, what)| *what)
        // Readers of some formats look for their signature anywhere in the beginning.
        .or_else(|| bytes.windows(5).take(1024).any(|w| w == b"%PDF-").then_some("a PDF behind other bytes"))
        .or_else(|| {
            bytes
                .windows(4)
                .any(|w| w == b"PK\x03\x04" || w == b"PK\x05\x06")
                .then_some("a ZIP archive behind other bytes")
        })
}

/// Markup that a program which sniffs its input would run or follow.
fn active(text: &str, kinds: u8) -> Option<&'static str> {
    let bytes = text.as_bytes();
    // A gigabyte passes through here: only where a sign stands is anything compared.
    let at_sign = |sign: u8, kind: u8, here: &dyn Fn(usize) -> Option<&'static str>| match kinds & kind {
        0 => None,
        _ => text.match_indices(char::from(sign)).find_map(|(at, _)| here(at)),
    };
    let first = |words: &'static [(&str, &'static str)], found: &dyn Fn(&str) -> bool| {
        words.iter().find(|(word, _)| found(word)).map(|(_, what)| *what)
    };
    at_sign(b'<', ANGLE, &|at| first(&BEGINS, &|word| begins(&bytes[at..], word)))
        .or_else(|| at_sign(b'-', DASH, &|at| first(&ARMOUR, &|word| begins(&bytes[at..], word))))
        .or_else(|| at_sign(b':', COLON, &|at| first(&ENDS, &|word| ends(&bytes[..=at], word))))
}

fn begins(bytes: &[u8], word: &str) -> bool {
    bytes.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
}

fn ends(bytes: &[u8], word: &str) -> bool {
    let from = bytes.len().checked_sub(word.len());
    from.is_some_and(|from| bytes[from..].eq_ignore_ascii_case(word.as_bytes()))
}

/// What begins with an angle bracket and a program would act on, and what it would take the text for.
const BEGINS: [(&str, &str); 14] = [
    ("<!doctype", "HTML"),
    ("<html", "HTML"),
    ("<script", "HTML"),
    ("<iframe", "HTML"),
    ("<svg", "HTML"),
    ("<body", "HTML"),
    ("<object", "HTML"),
    ("<embed", "HTML"),
    ("<img", "HTML"),
    ("<?xml", "XML"),
    ("<!entity", "XML"),
    ("<![cdata[", "XML"),
    ("<?php", "a script"),
    ("<%", "a script"),
];
/// The same, of what begins with a dash.
const ARMOUR: [(&str, &str); 1] = [("-----begin ", "a mail or armoured file")];
/// The same, of what ends with a colon.
const ENDS: [(&str, &str); 4] = [
    ("javascript:", "HTML"),
    ("vbscript:", "HTML"),
    ("mime-version:", "a mail or armoured file"),
    ("content-transfer-encoding:", "a mail or armoured file"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(name: &str, media_type: &str, bytes: &[u8]) -> Vec<&'static str> {
        examine(name, media_type, bytes).into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn what_a_program_would_act_on_is_found_wherever_it_stands() {
        for (word, what) in BEGINS.iter().chain(&ARMOUR).chain(&ENDS) {
            for text in [word.to_string(), format!("a{}b", word.to_uppercase()), format!("--:<\u{e9}{word}\n")] {
                assert_eq!(active(&text, kinds(&text)), Some(*what), "{text}");
            }
            let (cut, kept) = (&word[..word.len() - 1], &word[1..]);
            assert!(active(cut, kinds(cut)).is_none() && active(kept, kinds(kept)).is_none(), "{word}");
        }
    }

    #[test]
    fn everything_is_of_its_kind_wherever_it_stands() {
        let kind_of = |what: &[u8], at: usize| {
            let mut bytes = [b'a'; 100];
            bytes[at..at + what.len()].copy_from_slice(what);
            kinds_of(&bytes)
        };
        for at in [0, 15, 16, 40, 98] {
            for b in 0..=255u8 {
                let expected = match b {
                    b'\n' => 0,
                    0..0x20 | 0x7f => CONTROL,
                    b'<' => ANGLE,
                    0x80.. => FOREIGN,
                    _ => 0,
                };
                assert_eq!(kind_of(&[b], at), expected, "{b:#x} at {at}");
                let colon = if b"tngTNG".contains(&b) { COLON } else { expected };
                assert_eq!(kind_of(&[b, b':'], at), colon, "{b:#x}: at {at}");
            }
            assert_eq!(kind_of(b"--", at), DASH, "at {at}");
        }
        assert_eq!((kinds_of(b""), kinds_of(b"-"), kinds_of(b":")), (0, 0, 0));
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
