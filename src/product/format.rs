//! The names of the formats in which a product is read and a cut is written. `formats` reads and writes them.

use std::fmt;
use std::str::FromStr;

use super::fault::InvalidValue;

/// A format of products. All have the same meaning; what is approved, digested and sent is the text.
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

    /// The name that commands and agreements use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Markdown => "markdown",
            Format::Json => "json",
            Format::Stix => "stix",
            Format::Html => "html",
        }
    }

    /// The format with this name, which an agreement or a manifest gives. `None` for an unknown name.
    pub fn named(name: &str) -> Option<Format> {
        name.parse().ok()
    }

    /// The file extension of this format. It is for people: no decision depends on it.
    pub const fn extension(self) -> &'static str {
        match self {
            Format::Text => "txt",
            Format::Markdown => "md",
            Format::Json => "json",
            Format::Stix => "stix.json",
            Format::Html => "html",
        }
    }

    /// Whether products can be read in it; every format can be written.
    pub const fn is_read(self) -> bool {
        !matches!(self, Format::Html)
    }
}

/// Why a product cannot be written in a format. A writer never leaves anything out to make it fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{format} cannot hold this: {what}")]
pub struct NoImage {
    /// The format.
    pub format: Format,
    /// The content that the format cannot hold.
    pub what: &'static str,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Format, InvalidValue> {
        let expected = InvalidValue("one of the formats `text`, `markdown`, `json`, `stix` and `html`");
        Format::ALL.into_iter().find(|f| f.as_str() == text).ok_or(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreements_name_exactly_the_formats_that_there_are() {
        assert!(Format::ALL.iter().map(|f| f.as_str()).eq(crate::partner::FORMATS));
        let expected = "pdf".parse::<Format>().unwrap_err().to_string();
        assert!(Format::ALL.iter().all(|f| expected.contains(&format!("`{f}`"))), "{expected}");
        assert!(Format::ALL.iter().all(|f| Format::named(f.as_str()) == Some(*f)));
        assert_eq!(Format::named("pdf"), None);
    }
}
