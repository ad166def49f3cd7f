//! The file formats that are rebuilt.

use std::fmt;

use minicbor::{Decode, Encode};

/// A file format that is read and rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// A table (RFC 4180, LF line ends).
    #[n(0)]
    Csv,
    /// JSON (RFC 8259).
    #[n(1)]
    Json,
    /// A STIX 2.1 bundle.
    #[n(2)]
    Stix,
    /// A PNG image.
    #[n(3)]
    Png,
    /// A JPEG image.
    #[n(4)]
    Jpeg,
    /// A PDF of text and images.
    #[n(5)]
    Pdf,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 6] = [Kind::Csv, Kind::Json, Kind::Stix, Kind::Png, Kind::Jpeg, Kind::Pdf];

    /// Returns the kind that a media type declares; `None` for a type that is not rebuilt.
    pub fn of(media_type: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.media_type() == media_type)
    }

    /// Returns the IANA media type, without parameters.
    pub const fn media_type(self) -> &'static str {
        match self {
            Kind::Csv => "text/csv",
            Kind::Json => "application/json",
            Kind::Stix => "application/stix+json",
            Kind::Png => "image/png",
            Kind::Jpeg => "image/jpeg",
            Kind::Pdf => "application/pdf",
        }
    }

    /// Returns the file extension, in lower case and without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Kind::Csv => "csv",
            Kind::Json | Kind::Stix => "json",
            Kind::Png => "png",
            Kind::Jpeg => "jpg",
            Kind::Pdf => "pdf",
        }
    }

    /// Whether the file's bytes are plain text, which can be read without parsing the format.
    pub const fn is_text(self) -> bool {
        matches!(self, Kind::Csv | Kind::Json | Kind::Stix)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Csv => "a CSV table",
            Kind::Json => "a JSON text",
            Kind::Stix => "a STIX bundle",
            Kind::Png => "a PNG image",
            Kind::Jpeg => "a JPEG image",
            Kind::Pdf => "a PDF",
        })
    }
}
