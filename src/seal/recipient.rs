//! The key a partner's payloads are sealed to.

use std::fmt;
use std::str::FromStr;

/// An age recipient of a native kind. Plugins and passphrases are not recipients here.
#[derive(Clone)]
pub struct Recipient(age::x25519::Recipient);

/// A text that is not an age recipient of a kind this gateway seals to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an age recipient that starts with `age1` (X25519); plugins and passphrases are not accepted")]
pub struct NotARecipient;

impl Recipient {
    pub(super) fn as_age(&self) -> &dyn age::Recipient {
        &self.0
    }
}

impl FromStr for Recipient {
    type Err = NotARecipient;

    fn from_str(text: &str) -> Result<Recipient, NotARecipient> {
        let recipient: age::x25519::Recipient = text.parse().map_err(|_| NotARecipient)?;
        // Bech32 may be spelled in capitals; only the one spelling is compared and fingerprinted.
        if recipient.to_string() == text { Ok(Recipient(recipient)) } else { Err(NotARecipient) }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
