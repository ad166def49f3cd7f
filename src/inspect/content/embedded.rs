//! The kinds of content that may be embedded in a text of another kind.

use std::fmt;

use super::kind::Content;

/// A kind of content found inside a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Embedded {
    /// A STIX bundle or object.
    Stix,
    /// A file in a member of a JSON object.
    File,
    /// JSON in a cell of a table.
    Cell,
    /// A CAP alert in XML.
    Alert,
    /// A confidentiality label, or an attribute of one (ISM, STANAG 4774).
    Label,
    /// A JSON object among other text.
    Object,
    /// HTML or XML markup.
    Markup,
    /// A JSON value that is markup as a whole.
    Value,
    /// The header of an email.
    Mail,
    /// Base64 that decodes to a file, or to text.
    Base64,
    Base64Text,
    /// Hexadecimal digits that decode to a file, or to text.
    HexFile,
    HexText,
    /// A file in a `data:` URL.
    Address,
}

impl Embedded {
    /// Returns whether it may occur in a file declared as `media_type`.
    pub fn is_allowed_in(self, media_type: &str) -> bool {
        match self {
            Embedded::Stix => media_type == "application/stix+json",
            // Outside a table it is data within a JSON string, which is inspected there, or is reported as an object.
            Embedded::Cell => media_type != "text/csv",
            Embedded::Object | Embedded::Markup | Embedded::Mail => !matches!(media_type, "text/plain" | "text/csv"),
            Embedded::Value => !media_type.ends_with("json"),
            Embedded::File | Embedded::Alert | Embedded::Label | Embedded::Address => false,
            Embedded::Base64 | Embedded::Base64Text | Embedded::HexFile | Embedded::HexText => false,
        }
    }

    /// Returns what the producer should do instead.
    pub fn advice(self) -> &'static str {
        match self {
            Embedded::Stix => Content::Stix.advice(),
            Embedded::Cell | Embedded::Object => "attach it by itself, declared `application/json`",
            Embedded::Alert => Content::Cap.advice(),
            Embedded::Label => Content::Label.advice(),
            Embedded::Markup | Embedded::Value => "write it as plain text, or attach it as a PDF",
            Embedded::Mail => Content::Mail.advice(),
            Embedded::File | Embedded::Base64 | Embedded::HexFile | Embedded::Address => "attach the file by itself",
            Embedded::Base64Text | Embedded::HexText => "write it as plain text",
        }
    }
}

impl fmt::Display for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Embedded::Stix => "a STIX object",
            Embedded::File => "a file",
            Embedded::Cell => "a cell that contains JSON",
            Embedded::Alert => "a CAP alert",
            Embedded::Label => "a confidentiality label",
            Embedded::Object => "JSON",
            Embedded::Markup | Embedded::Value => "markup",
            Embedded::Mail => "an email header",
            Embedded::Base64 => "a file in base64",
            Embedded::Base64Text => "a text in base64",
            Embedded::HexFile => "a file in hexadecimal digits",
            Embedded::HexText => "a text in hexadecimal digits",
            Embedded::Address => "a file in a `data:` URL",
        })
    }
}
