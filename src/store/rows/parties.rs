//! The rows of this node, its partners and its officers.

use std::collections::BTreeSet;

use super::Version;
use super::words::words;
use crate::approval::Declared;
use crate::ident::{NodeId, OfficerId, PartnerId};
use crate::ledger::LedgerKey;
use crate::sign::PublicKey;
use crate::time::Time;

/// The node to which a store belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// The public key of its ledger.
    pub ledger_key: LedgerKey,
    /// When the store was created.
    pub created: Time,
    /// The latest time in any ledger entry. A clock that shows a much earlier time was set back.
    pub clock_high: Time,
}

words! {
    /// Whether exchanges with a partner are allowed.
    PartnerState {
        /// Allowed, as agreed.
        Active = "active",
        /// Not allowed.
        Suspended = "suspended",
        /// Not allowed, and no longer enrolled. Its keys cannot be enrolled for another partner.
        Removed = "removed",
    }
}

/// A partner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partner {
    /// Its name.
    pub id: PartnerId,
    /// Whether exchanges are allowed.
    pub state: PartnerState,
    /// Its encoded description: certificates, recipients, keys, addresses.
    pub description: Vec<u8>,
    /// The encoded agreement with it.
    pub agreement: Vec<u8>,
    /// Its current certificate revocation list; empty if none was imported.
    pub crl: Vec<u8>,
    /// When it was enrolled. Never changes.
    pub added: Time,
    /// When it was last changed.
    pub changed: Time,
    /// The version, compared when it is written.
    pub version: Version,
}

words! {
    /// Whether an officer's approvals are valid.
    OfficerState {
        /// Valid, until `valid_until`.
        Active = "active",
        /// Invalid, including those given before. Final.
        Revoked = "revoked",
    }
}

/// An officer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Officer {
    /// Their short name.
    pub id: OfficerId,
    /// Their name in full.
    pub name: String,
    /// The public key of their approvals; of several, the one certified last. No two officers have the same key.
    pub public_key: PublicKey,
    /// The certificates of their keys, PEM. An officer's permissions are read from these.
    pub certificates: Vec<u8>,
    /// Their roles.
    pub roles: BTreeSet<String>,
    /// Whether their approvals are valid.
    pub state: OfficerState,
    /// When they were enrolled. Never changes.
    pub added: Time,
    /// When the row was last changed.
    pub changed: Time,
    /// The time after which their approvals are not valid.
    pub valid_until: Time,
    /// Which other records are declared to be of the same person, and which not.
    pub declared: Declared,
    /// The version, compared when it is written.
    pub version: Version,
}
