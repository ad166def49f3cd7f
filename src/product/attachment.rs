//! Attachments: bytes that belong to a tearline, under a mark of their own. Small ones are in the text
//! (inline); of large ones the text has only the length and the digest, and the bytes are stored separately (detached).

use std::fmt;
use std::io::{Read as _, Write};
use std::str::FromStr;

use super::contents::{Contents, ContentsFault, CopyFault, ReadSeek, Side, copy, sized};
use super::fault::InvalidValue;
use crate::digest::Digest;
use crate::marking::Marking;

/// Where an attachment's bytes are.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// In the text.
    Inline(Vec<u8>),
    /// Outside the text.
    Detached,
}

/// One attachment. The bytes of an inline one are decoded and already checked against its begin line; those of a
/// detached one are known by length and digest, and checked when they are read.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    pub(super) marking: Marking,
    pub(super) name: FileName,
    pub(super) media_type: String,
    pub(super) body: Body,
    pub(super) size: u64,
    pub(super) digest: Digest,
    pub(super) line: usize,
}

impl Attachment {
    /// The attachment's marking, which covers its file name as well.
    pub fn marking(&self) -> &Marking {
        &self.marking
    }

    /// Its file name.
    pub fn name(&self) -> &FileName {
        &self.name
    }

    /// Its declared media type, such as `text/csv`. Inspection determines what the bytes really are.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Its decoded bytes, if they are in the text; `None` for a detached one, whatever its length.
    pub fn inline(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Inline(bytes) => Some(bytes),
            Body::Detached => None,
        }
    }

    /// Whether its bytes are stored outside the text.
    pub fn is_detached(&self) -> bool {
        self.body == Body::Detached
    }

    /// Its length in bytes; at least one.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Opens its bytes, at the first one. Those of a detached one come from `contents` and are refused if their length is not
    /// the one in the text; [`Contents::open`] guarantees that they match the digest.
    ///
    /// # Errors
    /// [`ContentsFault`] if `contents` does not have the bytes, or has others.
    pub fn open<'a>(&'a self, contents: &dyn Contents) -> Result<Box<dyn ReadSeek + Send + 'a>, ContentsFault> {
        match &self.body {
            Body::Inline(bytes) => Ok(Box::new(std::io::Cursor::new(bytes.as_slice()))),
            Body::Detached => Ok(sized(contents.open(self.digest)?, self.digest, self.size)?),
        }
    }

    /// Copies its bytes to `out` and hashes them on the way, so that bytes other than those of the text's digest are an error
    /// whatever `contents` returns.
    ///
    /// # Errors
    /// [`CopyFault`]; the caller must discard what was written.
    pub fn copy_to(&self, contents: &dyn Contents, out: &mut dyn Write) -> Result<(), CopyFault> {
        // One byte more than stated is enough to find that there is more.
        let mut bytes = self.open(contents)?.take(self.size.saturating_add(1));
        let copied = copy(&mut bytes, out).map_err(|(side, e)| match side {
            Side::Read => CopyFault::Contents(ContentsFault::of_io(self.digest, &e)),
            Side::Write => CopyFault::Write(e),
        })?;
        if copied == (self.size, self.digest) { Ok(()) } else { Err(ContentsFault::Damaged(self.digest).into()) }
    }

    /// SHA-256 of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The line of the source text on which it begins, counted from one.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The same attachment, inline, with the `bytes` that it was rebuilt to.
    pub(crate) fn with_bytes(&self, bytes: Vec<u8>) -> Attachment {
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        Attachment { digest, size, body: Body::Inline(bytes), ..self.clone() }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The bytes are content, and content stays out of every log.
        f.debug_struct("Attachment").field("marking", &self.marking).field("size", &self.size).finish_non_exhaustive()
    }
}

/// A file name that means the same on every system: 1 to 80 ASCII letters, digits, `-`, `_` and single dots, starting
/// with a letter or digit, ending in an extension, and not the name of a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName(String);

impl FileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last dot.
    pub fn extension(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or_default()
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FileName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<FileName, InvalidValue> {
        let expected = InvalidValue(
            "a file name of 1 to 80 letters, digits, `-`, `_` and single dots, starting with a letter or digit, with an extension",
        );
        let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let shaped = bytes.len() <= 80 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| inner(*b));
        let stem = text.split('.').next().unwrap_or_default().to_ascii_uppercase();
        let numbered = |p| stem.strip_prefix(p).is_some_and(|n: &str| n.len() == 1 && n.as_bytes()[0].is_ascii_digit());
        let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT");
        if shaped && text.contains('.') && !text.contains("..") && !device {
            Ok(FileName(text.into()))
        } else {
            Err(expected)
        }
    }
}

/// Whether `text` has the form of a media type without parameters, in lower case.
pub(super) fn is_media_type(text: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty()
            && p.len() <= 64
            && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-+.".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, sub)| part(kind) && part(sub))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_file_names_that_mean_something_to_a_file_system() {
        for name in ["a.csv", "vessel-sightings_2.csv", "a.b.txt"] {
            assert!(name.parse::<FileName>().is_ok(), "{name}");
        }
        for name in [
            "",
            "a",
            ".csv",
            "a.",
            "a..csv",
            "../a.csv",
            "a/b.csv",
            "a\\b.csv",
            "CON.txt",
            "com1.csv",
            "a b.csv",
            "-a.csv",
            "\u{430}.csv",
            "a\0.csv",
            &format!("{}.csv", "a".repeat(80)),
        ] {
            assert!(name.parse::<FileName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn refuses_media_types_with_parameters_or_capitals() {
        assert!(is_media_type("text/csv") && is_media_type("application/vnd.x+json"));
        for text in ["text", "text/", "Text/csv", "text/csv;a=b", "text/csv/x", "text /csv"] {
            assert!(!is_media_type(text), "{text}");
        }
    }

    #[test]
    fn what_is_copied_is_what_the_text_names_whatever_contents_promise() {
        struct Says(&'static [u8]);
        impl Contents for Says {
            fn open(&self, _: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
                Ok(Box::new(std::io::Cursor::new(self.0)))
            }
        }
        let rules =
            crate::marking::Rules::new(crate::marking::Register::compiled_in(), crate::marking::DocumentDate::Unknown);
        let attachment = Attachment {
            marking: rules.parse_portion("(U)", None).unwrap(),
            name: "a.txt".parse().unwrap(),
            media_type: "text/plain".into(),
            body: Body::Detached,
            size: 8,
            digest: Digest::of(b"EXERCISE"),
            line: 1,
        };
        let mut out = Vec::new();
        attachment.copy_to(&Says(b"EXERCISE"), &mut out).unwrap();
        assert_eq!(out, b"EXERCISE");
        for other in [&b"EXERCISX"[..], b"EXERCISE.", b"EXERCIS", b""] {
            assert!(attachment.copy_to(&Says(other), &mut Vec::new()).is_err(), "{other:?}");
        }
    }
}
