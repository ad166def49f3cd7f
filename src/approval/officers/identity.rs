//! Which records are of one person: by what records declare of each other, and by names that read alike.

use std::collections::{BTreeMap, BTreeSet};

use super::name_matching;
use crate::approval::{Declared, Officer, OfficersFault};
use crate::ident::OfficerId;

/// The part of an officer's record that identifies the person.
#[derive(Clone, Copy, Debug)]
pub struct NamedRecord<'r> {
    /// The name it is under.
    pub id: &'r OfficerId,
    /// The person's name for people.
    pub name: &'r str,
    /// What it declares of others.
    pub declared: &'r Declared,
}

impl<'r> From<&'r Officer> for NamedRecord<'r> {
    fn from(officer: &'r Officer) -> NamedRecord<'r> {
        NamedRecord { id: &officer.id, name: &officer.name, declared: &officer.declared }
    }
}

/// Records by the names they are under.
pub(in crate::approval) type Records<'r> = BTreeMap<&'r OfficerId, NamedRecord<'r>>;
/// The person of each record: the id of the first record of the same person.
pub(in crate::approval) type Persons = BTreeMap<OfficerId, OfficerId>;

/// Another record with a name that reads like that of `of`, if nothing is declared of the two. The store asks before it
/// writes `of`.
pub fn namesake<'r>(of: NamedRecord<'r>, others: impl IntoIterator<Item = NamedRecord<'r>>) -> Option<OfficerId> {
    let others = others.into_iter().filter(|other| other.id != of.id);
    let records: Records<'_> = others.chain([of]).map(|record| (record.id, record)).collect();
    let about = |(first, second): (OfficerId, OfficerId)| match of.id {
        id if *id == first => Some(second),
        id if *id == second => Some(first),
        _ => None,
    };
    undeclared(&records, &persons(&records)).into_iter().find_map(about)
}

/// The person of each record. `same_as` is symmetric and transitive.
pub(in crate::approval) fn persons(records: &Records<'_>) -> Persons {
    let mut persons: Persons = records.keys().map(|id| ((*id).clone(), (*id).clone())).collect();
    for record in records.values() {
        for other in &record.declared.same_as {
            join(&mut persons, record.id, other);
        }
    }
    persons
}

/// Merges the persons of two records.
pub(in crate::approval) fn join(persons: &mut Persons, one: &OfficerId, other: &OfficerId) {
    let (Some(one), Some(other)) = (persons.get(one).cloned(), persons.get(other).cloned()) else { return };
    let (first, later) = if one <= other { (one, other) } else { (other, one) };
    persons.values_mut().filter(|person| **person == later).for_each(|person| *person = first.clone());
}

/// Declarations about unknown records, and contradictory ones.
pub(in crate::approval) fn declarations(records: &Records<'_>, persons: &Persons) -> Vec<OfficersFault> {
    let mut faults = Vec::new();
    for (&id, record) in records {
        let mut fault = |what, other: &OfficerId, why| {
            faults.push(OfficersFault::Declared { officer: id.clone(), what, other: other.clone(), why });
        };
        for other in record.declared.same_as.iter().filter(|other| !records.contains_key(*other) || *other == id) {
            fault("the same as", other, "is no other officer on the roster");
        }
        for other in &record.declared.distinct_from {
            if !records.contains_key(other) || other == id {
                fault("another than", other, "is no other officer on the roster");
            } else if persons.get(other) == persons.get(id) {
                fault("another than", other, "is declared to be the same person elsewhere");
            }
        }
    }
    faults
}

/// Pairs of records with names that read alike and no declaration, the one with the lower id first.
pub(in crate::approval) fn undeclared(records: &Records<'_>, persons: &Persons) -> BTreeSet<(OfficerId, OfficerId)> {
    let mut names: BTreeMap<String, Vec<NamedRecord<'_>>> = BTreeMap::new();
    let mut pairs = BTreeSet::new();
    for record in records.values() {
        for form in name_matching::forms(record.name) {
            let alike = names.entry(form).or_default();
            for other in alike.iter() {
                let two = record.declared.distinct_from.contains(other.id)
                    || other.declared.distinct_from.contains(record.id);
                if !two && persons.get(record.id) != persons.get(other.id) {
                    pairs.insert((other.id.clone(), record.id.clone()));
                }
            }
            alike.push(*record);
        }
    }
    pairs
}
