//! Common conversions of types that are written as one text: an identifier, a digest, an instant, a public key.
//!
//! `Display` and `FromStr` of such a type define its text. These macros derive the other forms from the two, so that
//! JSON, TOML and CBOR use exactly that text and refuse every other.

/// Implements conversion to and from `String`, for `#[serde(into = "String", try_from = "String")]`.
macro_rules! string_conversions {
    ($type:ty, $error:ty) => {
        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.to_string()
            }
        }

        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<$type, $error> {
                text.parse()
            }
        }
    };
}

/// Implements CBOR encoding as a text string (RFC 8949, major type 3).
macro_rules! cbor_text_string {
    ($type:ty) => {
        impl<C> minicbor::Encode<C> for $type {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.to_string())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $type {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<$type, minicbor::decode::Error> {
                d.str()?.parse().map_err(minicbor::decode::Error::message)
            }
        }
    };
}

/// Implements `Debug` with the same text as `Display`.
macro_rules! debug_as_display {
    ($type:ty) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(crate) use {cbor_text_string, debug_as_display, string_conversions};
