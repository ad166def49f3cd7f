//! Refusal codes: the only reason that a peer is given.

use std::fmt;

/// A number that is not a refusal code of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("refusal code {0} is not known to this version: do not retry")]
pub struct UnknownCode(pub u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, retry $retry:literal, $text:literal;)*) => {
        /// Why a link or an exchange was refused. Numbers are stable and never reused for another meaning. Nothing
        /// else about the reason leaves the node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RefusalCode {
            $($(#[$doc])* $name,)*
        }

        impl RefusalCode {
            /// Every code, by number.
            pub const ALL: &'static [RefusalCode] = &[$(RefusalCode::$name,)*];

            /// Returns the number on the wire.
            pub const fn number(self) -> u16 {
                match self { $(RefusalCode::$name => $number,)* }
            }

            /// Returns whether the same offer may succeed later without a change on either side.
            pub const fn retryable(self) -> bool {
                match self { $(RefusalCode::$name => $retry,)* }
            }

            /// Returns the fixed text for people.
            pub const fn text(self) -> &'static str {
                match self { $(RefusalCode::$name => $text,)* }
            }
        }
    };
}

codes! {
    // 1 to 15: the link.
    /// The node is shutting down.
    Shutdown = 1, retry true, "shutting down";
    /// Another connection of this pair of nodes is in use.
    Superseded = 2, retry true, "superseded by another connection";
    /// Suspended, revoked, expired, unknown, or of another profile: one code for all, so that it reveals nothing.
    NotAuthorised = 3, retry false, "not authorised";
    /// The node named in Hello is not the one in the certificate.
    IdentityMismatch = 4, retry false, "node does not match its certificate";
    /// A protocol version that is not supported.
    VersionUnsupported = 5, retry false, "version not supported";
    /// A critical extension that is not supported.
    ExtensionUnsupported = 6, retry false, "critical extension not supported";
    /// A frame that is malformed, not canonical, oversized, truncated or out of order.
    ProtocolError = 7, retry false, "protocol error";
    /// The peer was silent or too slow for too long.
    TimedOut = 8, retry true, "timed out";

    // 16 to 31: the exchange, temporarily.
    /// The agreed number of exchanges is in progress.
    Busy = 16, retry true, "too many exchanges in progress";
    /// More offers than agreed.
    OfferRate = 17, retry true, "offer rate exceeded";
    /// More bytes than agreed.
    ByteRate = 18, retry true, "byte rate exceeded";
    /// The agreed quota is used up.
    Quota = 19, retry true, "quota exceeded";
    /// The node cannot store anything at present.
    StorageUnavailable = 20, retry true, "storage unavailable";
    /// The node could not complete the exchange; nothing was kept.
    NotCompleted = 21, retry true, "not completed";
    /// This exchange is being received on another stream.
    InProgress = 22, retry true, "exchange already in progress";
    /// The payload received is not the one offered; the received part was discarded.
    DigestMismatch = 23, retry true, "payload digest does not match";

    // 32 to 47: the exchange, permanently.
    /// The payload is larger than agreed.
    TooLarge = 32, retry false, "payload too large";
    /// The manifest is malformed or disagrees with its offer.
    ManifestInvalid = 33, retry false, "manifest not valid";
    /// The manifest is not signed by the partner's key.
    SignatureInvalid = 34, retry false, "signature not valid";
    /// The manifest is for another recipient or from another sender.
    WrongAudience = 35, retry false, "not for this recipient";
    /// The manifest's expiry has passed.
    Expired = 36, retry false, "expired";
    /// The agreement does not cover this.
    NotAgreed = 37, retry false, "not covered by agreement";
    /// The exchange identifier was used before for something else.
    Conflict = 38, retry false, "exchange number in use";
    /// The payload could not be opened.
    CannotOpen = 39, retry false, "payload could not be opened";
    /// The marking was not accepted.
    MarkingRefused = 40, retry false, "marking not accepted";
    /// The content was not accepted.
    ContentRefused = 41, retry false, "content not accepted";
    /// Refused, without a more specific code.
    Refused = 42, retry false, "refused";
    /// The sender has withdrawn its offer.
    Withdrawn = 43, retry false, "withdrawn by sender";
}

impl TryFrom<u16> for RefusalCode {
    type Error = UnknownCode;

    fn try_from(number: u16) -> Result<RefusalCode, UnknownCode> {
        RefusalCode::ALL.iter().copied().find(|code| code.number() == number).ok_or(UnknownCode(number))
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text(), self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_number_and_comes_back_from_it() {
        let numbers: std::collections::BTreeSet<u16> = RefusalCode::ALL.iter().map(|c| c.number()).collect();
        assert_eq!(numbers.len(), RefusalCode::ALL.len());
        for code in RefusalCode::ALL {
            assert_eq!(RefusalCode::try_from(code.number()), Ok(*code));
        }
        assert_eq!(RefusalCode::try_from(0), Err(UnknownCode(0)));
    }

    #[test]
    fn retries_temporary_codes_and_not_permanent_ones() {
        for code in RefusalCode::ALL {
            match code.number() {
                16..=31 => assert!(code.retryable(), "{code}"),
                32..=47 => assert!(!code.retryable(), "{code}"),
                _ => {}
            }
        }
    }
}
