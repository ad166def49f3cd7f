//! Officers: people who may sign, each with their keys, roles and appointment.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::approval::Role;
use crate::ident::OfficerId;
use crate::sign::PublicKey;
use crate::time::Time;

/// Whether an officer's signatures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfficerState {
    /// In office.
    Active,
    /// Revoked: approvals that have not yet led to a release are void, whenever they were signed.
    Revoked,
}

/// One person who may sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    /// The person's name on this node.
    pub id: OfficerId,
    /// The person's name for people.
    pub name: String,
    /// Their keys. However many, they are one person.
    pub keys: Vec<PublicKey>,
    /// What they may do.
    pub roles: BTreeSet<Role>,
    /// Whether they are in office.
    pub state: OfficerState,
    /// When their appointment begins.
    pub valid_from: Time,
    /// When their appointment ends; at and after this instant their approvals are void.
    pub valid_until: Time,
    /// What was declared, by signature, about other records with a similar name.
    #[serde(default)]
    pub declared: Declared,
}

/// What a record declares about others with a similar name: that they are other people, or the same person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Records of other people.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub distinct_from: BTreeSet<OfficerId>,
    /// Earlier records of the same person, all of which count as one person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub same_as: BTreeSet<OfficerId>,
}

impl Officer {
    /// The role in which their signature has most authority.
    pub fn strongest_role(&self) -> Role {
        self.roles.iter().next_back().copied().unwrap_or(Role::Originator)
    }

    /// Whether their approvals count at `now`.
    pub fn in_office(&self, now: Time) -> bool {
        self.state == OfficerState::Active && self.valid_from <= now && now < self.valid_until
    }
}

impl Declared {
    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.distinct_from.is_empty() && self.same_as.is_empty()
    }
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |ids: &BTreeSet<OfficerId>| ids.iter().map(OfficerId::as_str).collect::<Vec<_>>().join(" ");
        write!(f, "distinct-from [{}] same-as [{}]", names(&self.distinct_from), names(&self.same_as))
    }
}

#[cfg(test)]
pub(in crate::approval) mod tests {
    use super::*;
    use crate::sign::Algorithm;

    pub(in crate::approval) fn officer(id: &str, key: u8) -> Officer {
        Officer {
            id: id.parse().unwrap(),
            name: format!("EXERCISE {id}"),
            keys: vec![PublicKey::from_raw(Algorithm::Ed25519, &[key; 32]).unwrap()],
            roles: [Role::DisclosureOfficer].into(),
            state: OfficerState::Active,
            valid_from: "2026-01-01T00:00:00Z".parse().unwrap(),
            valid_until: "2027-01-01T00:00:00Z".parse().unwrap(),
            declared: Declared::default(),
        }
    }

    #[test]
    fn is_out_of_office_at_the_instant_the_appointment_ends() {
        let officer = officer("a", 1);
        assert!(officer.in_office(officer.valid_until.minus(std::time::Duration::from_millis(1))));
        assert!(!officer.in_office(officer.valid_until));
        assert!(officer.in_office(officer.valid_from));
        assert!(!officer.in_office(officer.valid_from.minus(std::time::Duration::from_millis(1))));
        let revoked = Officer { state: OfficerState::Revoked, ..officer };
        assert!(!revoked.in_office(Time::EPOCH));
    }
}
