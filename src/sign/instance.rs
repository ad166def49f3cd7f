//! Which node a statement is for: not by its name, which can be given again, but by the key that only it has.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::PublicKey;
use crate::digest::Digest;

/// One node from its making to its end: the fingerprint of the key that its ledger is signed with. `init` makes that key
/// anew, so a node that is made again under the same name, with the same people and the same partners, is another one, and
/// nothing that was signed for the first counts at the second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Instance(#[n(0)] Digest);

impl Instance {
    /// The node whose ledger is signed with `key`. This is the only way to name one.
    pub fn of_ledger(key: &PublicKey) -> Instance {
        Instance(key.fingerprint())
    }

    /// A made-up node, the same for the same number.
    #[cfg(test)]
    pub(crate) fn exercise(number: u8) -> Instance {
        Instance(Digest::of(&[number]))
    }

    /// The first eight hexadecimal digits, for people comparing two lines of output.
    pub fn short(&self) -> String {
        self.0.short()
    }
}

/// As the fingerprint of the ledger's key is shown everywhere.
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
