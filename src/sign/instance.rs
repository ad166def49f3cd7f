//! Identifies the node that a statement is for: not by its name, which can be reused, but by a key that only it has.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::PublicKey;
use crate::digest::Digest;

/// One node from `init` to its end, identified by the fingerprint of the key that signs its ledger. `init` generates that key, so a
/// node that is created again with the same name, officers and partners is another instance, and statements signed for the first
/// are not valid for the second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Instance(#[n(0)] Digest);

impl Instance {
    /// The instance whose ledger is signed with `key`. There is no other way to create one.
    pub fn of_ledger(key: &PublicKey) -> Instance {
        Instance(key.fingerprint())
    }

    /// An instance for tests, the same for the same number.
    #[cfg(test)]
    pub(crate) fn exercise(number: u8) -> Instance {
        Instance(Digest::of(&[number]))
    }

    /// The first eight hexadecimal digits, for people comparing two lines of output.
    pub fn short(&self) -> String {
        self.0.short()
    }
}

/// In the form in which fingerprints are shown.
impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
