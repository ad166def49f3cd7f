//! The rows of the store as values, whatever backend keeps them: partners, officers, requests, exchanges, what was signed, and
//! settings. To change one, read it, change its fields and commit it.
//!
//! The state table is here too. It refuses steps that it does not list, and a change of what never changes.

mod words;
mod state;
mod exchange;
mod parties;
mod request;

use crate::time::Time;

pub use exchange::{Exchange, ExchangeKind, Lease, Payload, Recalled};
pub use parties::{Node, Officer, OfficerState, Partner, PartnerState};
pub use request::{Approval, Request, RequestState, Statement, StatementKind};
pub use state::{Direction, ExchangeState, legal};

/// What is compared when a row is written: it moves with every write, so a row that was changed since it was read is
/// never overwritten.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub(super) u64);

impl Version {
    /// Of a row that is not stored yet.
    pub const NEW: Version = Version(0);

    /// What it is after the next write.
    #[must_use]
    pub fn next(self) -> Version {
        Version(self.0.saturating_add(1))
    }
}

/// A named value that all processes on the store share, such as the digest of the policy in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Its name: 1 to 32 of `a-z`, `0-9`, `-`, `_` and `.`.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
    /// When it was last changed.
    pub changed: Time,
    /// What is compared when it is written.
    pub version: Version,
}
