//! The kinds of content that a whole text can have.

use std::fmt;

/// A kind of content that a text is recognised as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::inspect) enum Content {
    /// A STIX bundle, or STIX objects outside one.
    Stix,
    /// A MISP event (JSON).
    Misp,
    /// A CAP alert (XML).
    Cap,
    /// A confidentiality label of STANAG 4774 or 4778, or XML with ISM attributes.
    Label,
    /// Any other JSON.
    Json,
    /// HTML.
    Html,
    /// Any other XML.
    Xml,
    /// A table with comma-separated cells.
    Table,
    /// A table with semicolon-separated cells.
    Semicolons,
    /// An email (RFC 5322).
    Mail,
}

impl Content {
    /// Returns whether a text of this content may be declared as `media_type`.
    pub(super) fn is_allowed_as(self, media_type: &str) -> bool {
        match media_type {
            "text/csv" => self == Content::Table,
            "application/json" => matches!(self, Content::Json | Content::Misp),
            "application/stix+json" => self == Content::Stix,
            _ => false,
        }
    }

    /// Returns how such content must be attached.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Content::Stix => {
                "attach it as a bundle of its own, declared `application/stix+json`, its name ending in `.json`"
            }
            Content::Misp | Content::Json => "declare it `application/json`, its name ending in `.json`",
            Content::Cap | Content::Xml => "XML is not supported: attach its content as text, a table or JSON",
            Content::Label => "mark the attachment itself, and attach what the label is about without it",
            Content::Html => "attach its content as text or as a PDF",
            Content::Table => "declare it `text/csv`, its name ending in `.csv`",
            Content::Semicolons => "separate its cells with commas and declare it `text/csv`",
            Content::Mail => "attach the body of the email as text, and its attachments separately",
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Content::Stix => "STIX",
            Content::Misp => "a MISP event",
            Content::Cap => "a CAP alert",
            Content::Label => "a confidentiality label",
            Content::Json => "JSON",
            Content::Html => "HTML",
            Content::Xml => "XML",
            Content::Table => "a comma-separated table",
            Content::Semicolons => "a semicolon-separated table",
            Content::Mail => "mail",
        })
    }
}
