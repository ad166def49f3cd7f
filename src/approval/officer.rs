//! Officers: the people whose approvals count, as the roster has them at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ident::OfficerId;
use crate::sign::{PublicKey, Verified};
use crate::time::Time;

/// What an officer may do. The order is of authority over a release to a partner, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cbor(index_only)]
pub enum Role {
    /// May submit products; approves nothing.
    #[n(0)]
    Originator,
    /// May approve a release to the public; that is no approval of a release to a partner.
    #[n(1)]
    ReleaseToPublic,
    /// A foreign disclosure and release officer, within what was delegated to them.
    #[n(2)]
    DisclosureOfficer,
    /// A senior foreign disclosure and release authority, or one acting for it.
    #[n(3)]
    SeniorDisclosureOfficer,
}

impl Role {
    /// Whether an approval in this role counts towards a release to a partner.
    pub const fn approves_release(self) -> bool {
        matches!(self, Role::DisclosureOfficer | Role::SeniorDisclosureOfficer)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Originator => "originator",
            Role::ReleaseToPublic => "release-to-public",
            Role::DisclosureOfficer => "disclosure-officer",
            Role::SeniorDisclosureOfficer => "senior-disclosure-officer",
        })
    }
}

/// A text that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `originator`, `release-to-public`, `disclosure-officer` or `senior-disclosure-officer`")]
pub struct NotARole;

impl std::str::FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Role, NotARole> {
        let all = [Role::Originator, Role::ReleaseToPublic, Role::DisclosureOfficer, Role::SeniorDisclosureOfficer];
        all.into_iter().find(|role| role.to_string() == text).ok_or(NotARole)
    }
}

/// Whether an officer's signature counts for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfficerState {
    /// In office.
    Active,
    /// Revoked: every approval of theirs that has not yet led to a release is void, whenever it was signed.
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

/// All officers at one moment; a snapshot that a decision can be replayed against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Officers {
    by_id: BTreeMap<OfficerId, Officer>,
    verified: Verified,
}

/// What is wrong with a roster of officers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfficersFault {
    /// Two records with one id.
    #[error("officer `{0}` is on the roster twice: revoke one record, never add a second")]
    Twice(OfficerId),
    /// Two officers who hold the same key, which would make one person two votes.
    #[error("officers `{first}` and `{second}` hold the same key: one person is one officer")]
    SharedKey {
        /// The officer who had it first, by name.
        first: OfficerId,
        /// The other.
        second: OfficerId,
    },
    /// Two officers with the same display name, who may be one person enrolled twice.
    #[error(
        "officers `{first}` and `{second}` have the same name: one person is one officer; tell two people apart by name"
    )]
    SharedName {
        /// The officer who had it first, by id.
        first: OfficerId,
        /// The other.
        second: OfficerId,
    },
    /// A record no officer may have.
    #[error("officer `{officer}` {problem}")]
    Record {
        /// Whose record.
        officer: OfficerId,
        /// What is wrong and what is expected.
        problem: &'static str,
    },
}

impl Officers {
    /// A roster of these officers.
    ///
    /// # Errors
    /// Every [`OfficersFault`] found, so that a roster is corrected once.
    pub fn new(officers: impl IntoIterator<Item = Officer>) -> Result<Officers, Vec<OfficersFault>> {
        let mut faults = Vec::new();
        let mut by_id: BTreeMap<OfficerId, Officer> = BTreeMap::new();
        let mut keys: BTreeMap<Digest, OfficerId> = BTreeMap::new();
        let mut names: BTreeMap<String, OfficerId> = BTreeMap::new();
        for officer in officers {
            let id = officer.id.clone();
            let record = |problem| OfficersFault::Record { officer: id.clone(), problem };
            if officer.name.trim().is_empty()
                || officer.name.chars().count() > 200
                || officer.name.chars().any(char::is_control)
            {
                faults.push(record("has no name of 1 to 200 printable characters"));
            }
            if officer.keys.is_empty() {
                faults.push(record("has no key: add at least one"));
            }
            for fingerprint in officer.keys.iter().map(PublicKey::fingerprint) {
                match keys.insert(fingerprint, id.clone()) {
                    Some(first) if first != id => faults.push(OfficersFault::SharedKey { first, second: id.clone() }),
                    _ => {}
                }
            }
            let folded = fold(&officer.name);
            match names.insert(folded, id.clone()) {
                Some(first) if first != id => faults.push(OfficersFault::SharedName { first, second: id.clone() }),
                _ => {}
            }
            if by_id.insert(id.clone(), officer).is_some() {
                faults.push(OfficersFault::Twice(id));
            }
        }
        if faults.is_empty() { Ok(Officers { by_id, verified: Verified::default() }) } else { Err(faults) }
    }

    /// The same roster, remembering in `verified` which signatures were verified.
    #[must_use]
    pub fn remembering(self, verified: Verified) -> Officers {
        Officers { verified, ..self }
    }

    pub(super) fn verified(&self) -> &Verified {
        &self.verified
    }

    /// The officer who holds `key`, in office or not.
    pub fn holder_of(&self, key: &PublicKey) -> Option<&Officer> {
        self.iter().find(|officer| officer.keys.contains(key))
    }

    /// The officer enrolled under `id`.
    pub fn officer(&self, id: &OfficerId) -> Option<&Officer> {
        self.by_id.get(id)
    }

    /// Every officer, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Officer> {
        self.by_id.values()
    }
}

/// Letters and digits in lower case: how two spellings of one person's name are found to be the same.
pub(super) fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Algorithm;

    fn officer(id: &str, key: u8) -> Officer {
        Officer {
            id: id.parse().unwrap(),
            name: format!("EXERCISE {id}"),
            keys: vec![PublicKey::from_raw(Algorithm::Ed25519, &[key; 32]).unwrap()],
            roles: [Role::DisclosureOfficer].into(),
            state: OfficerState::Active,
            valid_from: "2026-01-01T00:00:00Z".parse().unwrap(),
            valid_until: "2027-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn accepts_two_people_with_their_own_names_and_keys() {
        assert_eq!(Officers::new([officer("a", 1), officer("b", 2)]).unwrap().iter().count(), 2);
    }

    #[test]
    fn refuses_one_person_enrolled_as_two() {
        let same_key = Officers::new([officer("a", 1), officer("b", 1)]).unwrap_err();
        assert!(matches!(same_key[..], [OfficersFault::SharedKey { .. }]));
        let mut twin = officer("b", 2);
        twin.name = "exercise  A".into();
        assert!(matches!(Officers::new([officer("a", 1), twin]).unwrap_err()[..], [OfficersFault::SharedName { .. }]));
        assert!(Officers::new([officer("a", 1), officer("a", 2)]).is_err());
    }

    #[test]
    fn refuses_an_officer_without_key_or_name_and_reports_both() {
        let nobody = Officer { keys: vec![], name: " ".into(), ..officer("a", 1) };
        assert_eq!(Officers::new([nobody]).unwrap_err().len(), 2);
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

    #[test]
    fn a_role_is_read_by_the_one_name_it_is_printed_with() {
        let names = ["originator", "release-to-public", "disclosure-officer", "senior-disclosure-officer"];
        let roles = names.map(|name| name.parse::<Role>().unwrap());
        let all = [Role::Originator, Role::ReleaseToPublic, Role::DisclosureOfficer, Role::SeniorDisclosureOfficer];
        assert_eq!(roles, all);
        assert_eq!(all.map(|role| role.to_string()), names);
        for other in ["", "senior", "Originator", "disclosure-officer "] {
            assert_eq!(other.parse::<Role>(), Err(NotARole), "{other:?}");
        }
    }
}
