//! The owner of each key. A key with two owners would not show which of them signed, connected, or can decrypt.

use std::collections::BTreeMap;
use std::fmt;

use crate::digest::Digest;
use crate::ident::{OfficerId, PartnerId};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPurpose {
    /// Issues a node's certificates.
    Authority,
    /// Is certified in a node's certificate, and identifies the node in TLS.
    Connection,
    /// Signs a node's manifests and receipts.
    Signing,
    /// Is the recipient that payloads are sealed to.
    Payload,
    /// Signs the checkpoints of a ledger.
    Ledger,
    /// Signs an officer's statements.
    Officer,
    /// Issues officer certificates.
    OfficerAuthority,
}

impl fmt::Display for KeyPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyPurpose::Authority => "authority key",
            KeyPurpose::Connection => "certificate key",
            KeyPurpose::Signing => "signing key",
            KeyPurpose::Payload => "payload recipient",
            KeyPurpose::Ledger => "ledger key",
            KeyPurpose::Officer => "key",
            KeyPurpose::OfficerAuthority => "officer authority key",
        })
    }
}

/// The owner of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// This node itself.
    Node,
    /// A current or former partner.
    Partner(PartnerId),
    /// A current or former officer.
    Officer(OfficerId),
}

impl fmt::Display for KeyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyOwner::Node => f.write_str("this node"),
            KeyOwner::Partner(id) => write!(f, "partner `{id}`"),
            KeyOwner::Officer(id) => write!(f, "officer `{id}`"),
        }
    }
}

/// Every key that is or was in use, by fingerprint, with its first owner.
#[derive(Clone, Debug, Default)]
pub struct KeyOwners(BTreeMap<Digest, (KeyPurpose, KeyOwner)>);

/// A key that already has an owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{purpose} of {owner} is already the {its_purpose} of {its_owner}: a key has one owner, and is never reassigned"
)]
pub struct KeyTaken {
    /// The purpose that was requested.
    pub purpose: KeyPurpose,
    /// The owner that was requested.
    pub owner: KeyOwner,
    /// The purpose it already has.
    pub its_purpose: KeyPurpose,
    /// The owner it already has.
    pub its_owner: KeyOwner,
}

impl KeyOwners {
    /// Assigns the key with fingerprint `key` to `owner`, unless it belongs to another. An owner may use its own key again.
    ///
    /// # Errors
    /// [`KeyTaken`] names the existing owner, which does not change.
    pub fn claim(&mut self, key: Digest, purpose: KeyPurpose, owner: &KeyOwner) -> Result<(), KeyTaken> {
        let (its_purpose, its_owner) = self.0.entry(key).or_insert_with(|| (purpose, owner.clone()));
        if its_owner == owner {
            return Ok(());
        }
        Err(KeyTaken { purpose, owner: owner.clone(), its_purpose: *its_purpose, its_owner: its_owner.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_with_its_first_owner_for_every_purpose() {
        let mut owners = KeyOwners::default();
        let partner = |id: &str| KeyOwner::Partner(id.parse().unwrap());
        let (gbr, aus, officer) =
            (partner("exercise-gbr"), partner("exercise-aus"), KeyOwner::Officer("exercise-one".parse().unwrap()));
        let key = Digest::of(b"EXERCISE");
        assert_eq!(owners.claim(key, KeyPurpose::Signing, &gbr), Ok(()));
        for other in [&aus, &officer, &KeyOwner::Node] {
            let taken = owners.claim(key, KeyPurpose::Authority, other).unwrap_err();
            let said = format!("authority key of {other} is already the signing key of partner `exercise-gbr`");
            assert!(taken.to_string().starts_with(&said), "{taken}");
        }
        assert_eq!(owners.claim(key, KeyPurpose::Ledger, &gbr), Ok(()));
        assert_eq!(owners.claim(Digest::of(b"another"), KeyPurpose::Signing, &aus), Ok(()));
    }
}
