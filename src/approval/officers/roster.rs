//! The roster: all officers at one moment.

use std::collections::BTreeMap;

use super::identity::{self, NamedRecord, Records};
use super::name_matching;
use crate::approval::{Officer, OfficersFault};
use crate::digest::Digest;
use crate::ident::OfficerId;
use crate::invisible::is_plain;
use crate::sign::{PublicKey, VerificationCache};

/// All officers at one moment; a snapshot that a decision can be replayed against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Officers {
    by_id: BTreeMap<OfficerId, Officer>,
    /// The person of each record: the id of the first record of the same person.
    persons: BTreeMap<OfficerId, OfficerId>,
    excluded: BTreeMap<OfficerId, OfficersFault>,
    verified: VerificationCache,
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

    /// A roster of the officers without faults, and all faults. Signatures of excluded officers do not count; the others are
    /// not affected. See [`Officers::excluded`].
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
        let records: Records<'_> = by_id.values().map(|officer| (&officer.id, NamedRecord::from(officer))).collect();
        let mut persons = identity::persons(&records);
        faults.extend(identity::declarations(&records, &persons));
        for (first, second) in identity::undeclared(&records, &persons) {
            // Until it is declared that they are two, they count as one person.
            identity::join(&mut persons, &first, &second);
            faults.push(OfficersFault::SharedName { first, second });
        }
        let mut excluded: BTreeMap<OfficerId, OfficersFault> = BTreeMap::new();
        for fault in &faults {
            for id in fault.excludes(&by_id) {
                excluded.entry(id.clone()).or_insert_with(|| fault.clone());
            }
        }
        by_id.retain(|id, _| !excluded.contains_key(id));
        (Officers { by_id, persons, excluded, verified: VerificationCache::default() }, faults)
    }

    /// The excluded records with the reason. Their signatures do not count until the fault is corrected.
    pub fn excluded(&self) -> &BTreeMap<OfficerId, OfficersFault> {
        &self.excluded
    }

    /// The same roster with `verified` as its cache of verified signatures.
    #[must_use]
    pub fn with_verification_cache(self, verified: VerificationCache) -> Officers {
        Officers { verified, ..self }
    }

    pub(in crate::approval) fn verified(&self) -> &VerificationCache {
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

    /// The person of this record: the lowest id of all records of the same person.
    pub fn person<'o>(&'o self, id: &'o OfficerId) -> &'o OfficerId {
        self.persons.get(id).unwrap_or(id)
    }

    /// Whether `line` names the person of this record, by a name or id similar to that of any of their records.
    pub(in crate::approval) fn is_named_in(&self, id: &OfficerId, line: &str) -> bool {
        let theirs = self.iter().filter(|officer| self.is_same_person(&officer.id, id));
        theirs
            .into_iter()
            .any(|o| name_matching::mentions(line, &o.name) || name_matching::mentions(line, o.id.as_str()))
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
    use crate::approval::officers::officer::tests::officer;
    use crate::approval::{Declared, OfficerState};

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
}
