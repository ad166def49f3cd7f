//! The formats in which a product is read and a cut is shown.

use std::fmt;
use std::str::FromStr;

use super::fault::{FaultCode, ProductFault};
use super::model::NotThat;
use super::print::SIGNATURE;

/// A spelling of a product. All say the same; what is approved, digested and sent is the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Portion-marked text (`docs/PRODUCT-FORMAT.md`). Its canonical form is the cut itself.
    Text,
    /// The strict subset of Markdown (`docs/FORMATS.md`).
    Markdown,
    /// JSON by the published schema (`docs/schema/product-1.json`).
    Json,
    /// A STIX 2.1 bundle that holds one report.
    Stix,
    /// A self-contained HTML page for people. It is written and never read.
    Html,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Format; 5] = [Format::Text, Format::Markdown, Format::Json, Format::Stix, Format::Html];

    /// The word by which commands and agreements name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Markdown => "markdown",
            Format::Json => "json",
            Format::Stix => "stix",
            Format::Html => "html",
        }
    }

    /// The format of this name, which an agreement or a manifest gives. `None` for a name of no format here.
    pub fn named(name: &str) -> Option<Format> {
        name.parse().ok()
    }

    /// What a file of this format is called behind its last dot. It is for people: nothing is told by it.
    pub const fn extension(self) -> &'static str {
        match self {
            Format::Text => "txt",
            Format::Markdown => "md",
            Format::Json => "json",
            Format::Stix => "stix.json",
            Format::Html => "html",
        }
    }

    /// Whether products are read in it.
    pub const fn is_read(self) -> bool {
        !matches!(self, Format::Html)
    }

    /// The first line of a Markdown product.
    pub(super) fn markdown_signature() -> String {
        format!("# {SIGNATURE}")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = NotThat;

    fn from_str(text: &str) -> Result<Format, NotThat> {
        let expected = NotThat("one of the formats `text`, `markdown`, `json`, `stix` and `html`");
        Format::ALL.into_iter().find(|f| f.as_str() == text).ok_or(expected)
    }
}

/// What the content says it is, before anything else of it is read. Names of files and what a sender declares are
/// never asked. JSON is told apart by the reader of JSON: it says only that the file is of one of the two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Text,
    Markdown,
    Json,
}

/// Tells the family of `bytes` by their beginning. What begins like none is for the reader of text to refuse.
pub(super) fn family(bytes: &[u8]) -> Family {
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let begins = bytes.iter().find(|b| !b" \t\r\n".contains(b));
    if begins.is_some_and(|b| *b == b'{' || *b == b'[') {
        Family::Json
    } else if first.starts_with(b"# PORTCULLIS") {
        Family::Markdown
    } else {
        Family::Text
    }
}

/// The fault of a product that is not in the format its reader was told to expect.
pub(super) fn not_as_told(told: Format, found: Option<Format>) -> ProductFault {
    let found = found.map_or_else(String::new, |f| format!(": by its content it is {f}"));
    let hint = match told {
        Format::Text => format!("begin the file with the line `{SIGNATURE}`, or name another format"),
        Format::Markdown => {
            format!("begin the file with the line `{}`, or name another format", Format::markdown_signature())
        }
        Format::Json => {
            "write one JSON object with the member `\"portcullis_product\": 1`, or name another format".into()
        }
        Format::Stix => "write one JSON object with the member `\"type\": \"bundle\"`, or name another format".into(),
        Format::Html => "a page for people is not read back: submit the product it was made from".into(),
    };
    ProductFault {
        code: FaultCode::Format.into(),
        line: 1,
        columns: 0..0,
        message: format!("the file is not a product in the format {told}{found}"),
        hint,
        rule: FaultCode::Format.rule(),
        fix: None,
        pointer: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreements_name_exactly_the_formats_that_there_are() {
        let ours: std::collections::BTreeSet<&str> = Format::ALL.iter().map(|f| f.as_str()).collect();
        assert!(ours.iter().copied().eq(crate::partner::FORMATS));
        assert!(Format::ALL.iter().all(|f| Format::named(f.as_str()) == Some(*f)));
        assert_eq!(Format::named("pdf"), None);
    }

    #[test]
    fn content_alone_tells_the_family() {
        for (bytes, expected) in [
            (&b"PORTCULLIS PRODUCT 1\n"[..], Family::Text),
            (b"# PORTCULLIS PRODUCT 1\n", Family::Markdown),
            (b" \r\n\t{", Family::Json),
            (b"[]", Family::Json),
            (b"", Family::Text),
            (b"\xef\xbb\xbf{}", Family::Text),
            (b"# Another heading\n", Family::Text),
            (b"<!DOCTYPE html>", Family::Text),
        ] {
            assert_eq!(family(bytes), expected, "{bytes:?}");
        }
    }
}
