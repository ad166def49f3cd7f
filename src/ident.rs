//! Identifiers: short names that people choose, and random numbers that the gateway generates.
//!
//! Identifiers are created by parsing only, so one never contains a path separator, a control character or anything
//! else with a meaning to a file system, a terminal or a query.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text_codec::{cbor_text_string, debug_as_display, string_conversions};
use crate::time::Time;

/// A text that is not a valid identifier of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnIdent {
    /// Not a name: 1 to 40 of `a-z`, `0-9` and `-`, starting with a letter or digit and not ending with `-`.
    #[error(
        "expected {what}: 1 to 40 lower-case letters, digits and hyphens, starting and ending with a letter or digit"
    )]
    Name {
        /// The type of identifier.
        what: &'static str,
    },
    /// Not a number of this kind.
    #[error("expected {what} such as `{prefix}-0199a5b2c3d47e8f9a0b1c2d3e4f5061`")]
    Number {
        /// The type of identifier.
        what: &'static str,
        /// The prefix of such identifiers.
        prefix: &'static str,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $type(String);

        impl $type {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NotAnIdent;

            fn from_str(text: &str) -> Result<$type, NotAnIdent> {
                if is_name(text) { Ok($type(text.to_owned())) } else { Err(NotAnIdent::Name { what: $what }) }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        debug_as_display!($type);
        string_conversions!($type, NotAnIdent);
        cbor_text_string!($type);
    };
}

macro_rules! number {
    ($(#[$doc:meta])* $type:ident, $what:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $type(Uuid);

        impl $type {
            /// Returns a new identifier for something created at `now` (UUIDv7); `entropy` must come from a secure
            /// random source.
            pub fn new(now: Time, entropy: [u8; 10]) -> $type {
                let ms = u64::try_from(now.unix_ms()).unwrap_or(0);
                $type(uuid::Builder::from_unix_timestamp_millis(ms, &entropy).into_uuid())
            }

            /// Returns the sixteen bytes of the UUID.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{}"), self.0.simple())
            }
        }

        impl FromStr for $type {
            type Err = NotAnIdent;

            fn from_str(text: &str) -> Result<$type, NotAnIdent> {
                let wrong = NotAnIdent::Number { what: $what, prefix: $prefix };
                let Some(digits) = text.strip_prefix(concat!($prefix, "-")) else { return Err(wrong) };
                let Ok(uuid) = Uuid::try_parse(digits) else { return Err(wrong) };
                let number = $type(uuid);
                if number.to_string() == text { Ok(number) } else { Err(wrong) }
            }
        }

        debug_as_display!($type);
        string_conversions!($type, NotAnIdent);
        cbor_text_string!($type);
    };
}

name! {
    /// A gateway node, ours or a partner's; it is also the DNS label in that node's certificates.
    NodeId, "a node name"
}
name! {
    /// A partner: a foreign organisation we have an agreement with. The same name as its node's.
    PartnerId, "a partner name"
}
name! {
    /// A consent of a source.
    ConsentId, "a consent name"
}
name! {
    /// A disclosure officer or other person who signs approvals.
    OfficerId, "an officer name"
}
number! {
    /// A request to release one product to one or more partners.
    RequestId, "a request number", "rq"
}
number! {
    /// One envelope's life, from request to receipt. Both nodes use the same identifier.
    ExchangeId, "an exchange number", "ex"
}

impl From<NodeId> for PartnerId {
    fn from(node: NodeId) -> PartnerId {
        PartnerId(node.0)
    }
}

impl From<PartnerId> for NodeId {
    fn from(partner: PartnerId) -> NodeId {
        NodeId(partner.0)
    }
}

fn is_name(text: &str) -> bool {
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= 40 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_mean_something_to_a_file_system_or_terminal() {
        for text in ["", "-a", "a-", "../a", "a/b", "a b", "A", "a\u{202e}b", "a\0", "con.", &"a".repeat(41)] {
            assert!(text.parse::<PartnerId>().is_err(), "{text:?} was accepted");
        }
        assert!("exercise-gbr".parse::<PartnerId>().is_ok());
    }

    #[test]
    fn numbers_have_one_spelling() {
        let id = ExchangeId::new(Time::from_unix_ms(1_795_341_600_000), [7; 10]);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert!(text.to_uppercase().parse::<ExchangeId>().is_err());
        assert!(text.replacen("ex-", "rq-", 1).parse::<ExchangeId>().is_err());
        assert!(text.replacen("ex-", "ex-{", 1).parse::<ExchangeId>().is_err());
    }
}
