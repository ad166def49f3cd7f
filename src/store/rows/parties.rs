//! The rows of this node, its partners and its officers.

use std::collections::BTreeSet;

use super::Version;
use super::words::words;
use crate::approval::Declared;
use crate::ident::{NodeId, OfficerId, PartnerId};
use crate::ledger::LedgerKey;
use crate::sign::PublicKey;
use crate::time::Time;

/// The node a store belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// The key that signs its ledger.
    pub ledger_key: LedgerKey,
    /// When the store was made.
    pub created: Time,
    /// The latest time in any ledger entry: a clock that shows much less has been set back.
    pub clock_high: Time,
}

words! {
    /// Whether anything may flow to or from a partner.
    PartnerState {
        /// It may, as agreed.
        Active = "active",
        /// Nothing may.
        Suspended = "suspended",
        /// Nothing may, and it is enrolled no more. Its keys stay its own.
        Removed = "removed",
    }
}

/// A partner as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partner {
    /// Its name.
    pub id: PartnerId,
    /// Whether anything may flow.
    pub state: PartnerState,
    /// Its description: certificates, recipients, keys, addresses.
    pub description: Vec<u8>,
    /// The agreement with it.
    pub agreement: Vec<u8>,
    /// Its current certificate revocation list; empty if none was given.
    pub crl: Vec<u8>,
    /// When it was enrolled. Never changes.
    pub added: Time,
    /// When it was last changed.
    pub changed: Time,
    /// What is compared when it is written.
    pub version: Version,
}

words! {
    /// Whether an officer's approvals count.
    OfficerState {
        /// They do, until `valid_until`.
        Active = "active",
        /// They do not, also those given before. Final.
        Revoked = "revoked",
    }
}

/// An officer as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Officer {
    /// Their short name.
    pub id: OfficerId,
    /// Their name in full.
    pub name: String,
    /// The key their approvals are signed with; of several, the one certified last. No two officers have the same.
    pub public_key: PublicKey,
    /// The certificates of their keys, PEM; what counts of an officer is read from these.
    pub certificates: Vec<u8>,
    /// What they may do.
    pub roles: BTreeSet<String>,
    /// Whether their approvals count.
    pub state: OfficerState,
    /// When they were enrolled. Never changes.
    pub added: Time,
    /// When the row was last changed.
    pub changed: Time,
    /// After when their approvals no longer count.
    pub valid_until: Time,
    /// Of which other records it is the same person's, and of which not.
    pub declared: Declared,
    /// What is compared when it is written.
    pub version: Version,
}
