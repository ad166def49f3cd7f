//! The rows of the store as values, independent of the backend: partners, officers, requests, exchanges, signed
//! statements and settings. To change a row, read it, change its fields and commit it.
//!
//! The state table is here too. It refuses transitions that it does not list, and changes of immutable fields.

mod words;
mod state;
mod exchange;
mod parties;
mod request;

use crate::time::Time;

pub use exchange::{Exchange, ExchangeKind, Lease, Payload, Recalled};
pub use parties::{Node, Officer, OfficerState, Partner, PartnerState};
pub use request::{Approval, Request, RequestState, Statement, StatementKind};
pub use state::{Direction, ExchangeState, is_legal_transition};

/// The version of a row. It increases with every write, and a row is written only if its version is the one that was
/// read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub(super) u64);

impl Version {
    /// The version of a row that is not stored yet.
    pub const NEW: Version = Version(0);

    /// Returns the version after the next write.
    #[must_use]
    pub fn next(self) -> Version {
        Version(self.0.saturating_add(1))
    }
}

/// A named value shared by all processes that use the store, such as the digest of the policy in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Its name: 1 to 32 of `a-z`, `0-9`, `-`, `_` and `.`.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
    /// When it was last changed.
    pub changed: Time,
    /// The version, compared when it is written.
    pub version: Version,
}
