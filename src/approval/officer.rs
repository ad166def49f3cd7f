//! Officers: the people whose approvals count, as the roster has them at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::names;
use super::persons::{self, Named, Records};
use super::statement::is_plain;
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
    /// What was declared, by signature, of other records with a name like theirs.
    #[serde(default)]
    pub declared: Declared,
}

/// What a record says of others whose names are spelled alike, so that namesakes are two people and one who returns is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// These are other people.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub distinct_from: BTreeSet<OfficerId>,
    /// These are earlier records of the same person: one person, and one vote, across all of them.
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

/// All officers at one moment; a snapshot that a decision can be replayed against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Officers {
    by_id: BTreeMap<OfficerId, Officer>,
    /// Whose record each is: the first of all records of the same person.
    persons: BTreeMap<OfficerId, OfficerId>,
    excluded: BTreeMap<OfficerId, OfficersFault>,
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
    /// Two officers whose display names are spelled alike, who may be one person enrolled twice.
    #[error(
        "officers `{first}` and `{second}` have the same name, as a reader takes it: one person is one officer; declare \
         that they are two (distinct-from), or one (same-as)"
    )]
    SharedName {
        /// The officer who had it first, by id.
        first: OfficerId,
        /// The other.
        second: OfficerId,
    },
    /// A declaration about somebody who is not on the roster, or that contradicts another.
    #[error("officer `{officer}` is declared to be {what} `{other}`, which {why}")]
    Declared {
        /// Whose record declares it.
        officer: OfficerId,
        /// `the same as` or `another than`.
        what: &'static str,
        /// About whom.
        other: OfficerId,
        /// Why it cannot be.
        why: &'static str,
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

impl OfficersFault {
    /// Whether it is about any of those officers whom `which` picks.
    pub fn concerns(&self, which: impl Fn(&OfficerId) -> bool) -> bool {
        match self {
            OfficersFault::Twice(officer)
            | OfficersFault::Declared { officer, .. }
            | OfficersFault::Record { officer, .. } => which(officer),
            OfficersFault::SharedKey { first, second } | OfficersFault::SharedName { first, second } => {
                which(first) || which(second)
            }
        }
    }

    /// Whose records it excludes.
    fn excludes<'f>(&'f self, officers: &BTreeMap<OfficerId, Officer>) -> Vec<&'f OfficerId> {
        let revoked = |id| officers.get(id).is_some_and(|officer: &Officer| officer.state == OfficerState::Revoked);
        match self {
            OfficersFault::Twice(officer)
            | OfficersFault::Declared { officer, .. }
            | OfficersFault::Record { officer, .. } => vec![officer],
            OfficersFault::SharedKey { first, second } => vec![first, second],
            // One of them who is revoked signs nothing more; both are one person all the same.
            OfficersFault::SharedName { first, second } if revoked(first) || revoked(second) => Vec::new(),
            OfficersFault::SharedName { first, second } => vec![first, second],
        }
    }
}

impl Officers {
    /// A roster of these officers.
    ///
    /// # Errors
    /// Every [`OfficersFault`] found, so that a roster is corrected once.
    pub fn new(officers: impl IntoIterator<Item = Officer>) -> Result<Officers, Vec<OfficersFault>> {
        let (roster, faults) = Officers::excluding(officers);
        if faults.is_empty() { Ok(roster) } else { Err(faults) }
    }

    /// A roster of those of these officers whom no fault concerns, and everything that was found. Whoever is excluded counts
    /// for nothing, and nobody else is held up by that: see [`Officers::excluded`].
    pub fn excluding(officers: impl IntoIterator<Item = Officer>) -> (Officers, Vec<OfficersFault>) {
        let mut faults = Vec::new();
        let mut by_id: BTreeMap<OfficerId, Officer> = BTreeMap::new();
        let mut keys: BTreeMap<Digest, OfficerId> = BTreeMap::new();
        for officer in officers {
            let id = officer.id.clone();
            let record = |problem| OfficersFault::Record { officer: id.clone(), problem };
            if !is_plain(&officer.name, NAME_CHARS_MAX) || !officer.name.chars().any(char::is_alphabetic) {
                faults.push(record("has no name of 1 to 200 printable characters, letters among them"));
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
            if by_id.insert(id.clone(), officer).is_some() {
                faults.push(OfficersFault::Twice(id));
            }
        }
        let records: Records<'_> = by_id.values().map(|officer| (&officer.id, Named::from(officer))).collect();
        let mut persons = persons::persons(&records);
        faults.extend(persons::declarations(&records, &persons));
        for (first, second) in persons::undeclared(&records, &persons) {
            // Until somebody declares that they are two, they are one person, and have at most one vote.
            persons::join(&mut persons, &first, &second);
            faults.push(OfficersFault::SharedName { first, second });
        }
        let mut excluded: BTreeMap<OfficerId, OfficersFault> = BTreeMap::new();
        for fault in &faults {
            for id in fault.excludes(&by_id) {
                excluded.entry(id.clone()).or_insert_with(|| fault.clone());
            }
        }
        by_id.retain(|id, _| !excluded.contains_key(id));
        (Officers { by_id, persons, excluded, verified: Verified::default() }, faults)
    }

    /// Whose records are excluded, and why: nothing that they sign counts until that is corrected.
    pub fn excluded(&self) -> &BTreeMap<OfficerId, OfficersFault> {
        &self.excluded
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

    /// Whether two records are of one person: the same record, or declared to be the same.
    pub fn is_same_person(&self, one: &OfficerId, other: &OfficerId) -> bool {
        one == other || self.persons.get(one).is_some_and(|person| self.persons.get(other) == Some(person))
    }

    /// Whose record this is: the first, by id, of all records of the same person.
    pub fn person<'o>(&'o self, id: &'o OfficerId) -> &'o OfficerId {
        self.persons.get(id).unwrap_or(id)
    }

    /// Whether `line` names the person whose record this is, in any spelling of their name or id on any of their records.
    pub(super) fn is_named_in(&self, id: &OfficerId, line: &str) -> bool {
        let theirs = self.iter().filter(|officer| self.is_same_person(&officer.id, id));
        theirs.into_iter().any(|o| names::mentions(line, &o.name) || names::mentions(line, o.id.as_str()))
    }

    /// Every officer, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Officer> {
        self.by_id.values()
    }
}

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 200;

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
            declared: Declared::default(),
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

    fn named(id: &str, key: u8, name: &str) -> Officer {
        Officer { name: name.into(), ..officer(id, key) }
    }

    #[test]
    fn refuses_a_person_whose_name_is_spelled_like_anothers() {
        for name in ["\u{41e}ne EXERCISE", "EXERCISE \u{ff2f}\u{ff4e}\u{ff45}", "exerciseone", "EXERCISE \u{f3}n\u{e9}"]
        {
            let faults = Officers::new([named("a", 1, "EXERCISE One"), named("b", 2, name)]).unwrap_err();
            assert!(matches!(faults[..], [OfficersFault::SharedName { .. }]), "{name:?}: {faults:?}");
        }
        assert!(Officers::new([named("a", 1, "EXERCISE One"), named("b", 2, "EXERCISE Two")]).is_ok());
        for name in ["EXERCISE \u{202e}One", "--", "EXERCISE\u{200b}One"] {
            assert!(Officers::new([named("a", 1, name)]).is_err(), "{name:?}");
        }
    }

    #[test]
    fn namesakes_are_two_where_it_is_declared_and_one_who_returns_is_one() {
        let [one, two] = [named("a", 1, "EXERCISE One"), named("b", 2, "Exercise one")];
        let distinct = Declared { distinct_from: ["a".parse().unwrap()].into(), ..Declared::default() };
        let namesakes = Officers::new([one.clone(), Officer { declared: distinct.clone(), ..two.clone() }]).unwrap();
        assert!(!namesakes.is_same_person(&one.id, &two.id));
        let same = Declared { same_as: ["a".parse().unwrap()].into(), ..Declared::default() };
        let left = Officer { state: OfficerState::Revoked, ..one.clone() };
        let third = Officer {
            declared: Declared { same_as: ["b".parse().unwrap()].into(), ..Declared::default() },
            ..officer("c", 3)
        };
        let returned = Officers::new([left, Officer { declared: same.clone(), ..two.clone() }, third]).unwrap();
        assert!(returned.is_same_person(&one.id, &two.id) && returned.is_same_person(&one.id, &"c".parse().unwrap()));
        assert_eq!(returned.person(&"c".parse().unwrap()), &one.id);
        // Neither about nobody, nor both, nor about oneself.
        let both = Declared { same_as: same.same_as.clone(), ..distinct };
        let own = Declared { same_as: ["b".parse().unwrap()].into(), ..Declared::default() };
        let nobody = Declared { distinct_from: ["z".parse().unwrap()].into(), ..same };
        for declared in [both, own, nobody] {
            let two = Officer { declared, name: "EXERCISE Other".into(), ..two.clone() };
            let faults = Officers::new([one.clone(), two]).unwrap_err();
            assert!(matches!(faults[..], [OfficersFault::Declared { .. }]), "{faults:?}");
        }
    }

    #[test]
    fn a_fault_excludes_those_it_concerns_and_nobody_else() {
        let held = |officers: &[Officer]| {
            let (roster, faults) = Officers::excluding(officers.iter().cloned());
            let held: Vec<String> = roster.iter().map(|o| o.id.to_string()).collect();
            let excluded: Vec<String> = roster.excluded().keys().map(ToString::to_string).collect();
            assert_eq!(faults.is_empty(), Officers::new(officers.iter().cloned()).is_ok());
            (held.join(" "), excluded.join(" "))
        };
        let (one, two) = (officer("a", 1), officer("b", 2));
        let named = |id: &str, key, name: &str| Officer { name: name.into(), ..officer(id, key) };
        let doubles = [named("c", 3, "EXERCISE Double"), named("d", 4, "exercise DOUBLE")];
        let told = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let all = |more: &[Officer]| held(&[&[one.clone(), two.clone()], more].concat());
        assert_eq!(all(&[]), told("a b", ""));
        assert_eq!(all(&doubles), told("a b", "c d"));
        assert_eq!(all(&[officer("c", 1)]), told("b", "a c"));
        assert_eq!(all(&[named("c", 3, "--")]), told("a b", "c"));
        let nobody = Declared { same_as: ["z".parse().unwrap()].into(), ..Declared::default() };
        assert_eq!(all(&[Officer { declared: nobody, ..officer("c", 3) }]), told("a b", "c"));
        // An operator revokes one of the doubles: the other counts again, as the one person that both may be.
        let revoked = |o: &Officer| Officer { state: OfficerState::Revoked, ..o.clone() };
        let left = [revoked(&doubles[0]), doubles[1].clone()];
        assert_eq!(all(&left), told("a b c d", ""));
        let (roster, _) = Officers::excluding(left);
        assert!(roster.is_same_person(&"c".parse().unwrap(), &"d".parse().unwrap()));
        assert_eq!(all(&[revoked(&doubles[0]), revoked(&doubles[1])]), told("a b c d", ""));
        let two = Declared { distinct_from: ["c".parse().unwrap()].into(), ..Declared::default() };
        assert_eq!(all(&[doubles[0].clone(), Officer { declared: two, ..doubles[1].clone() }]), told("a b c d", ""));
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
