//! Whose record each is: what records declare of one another, and which of them are spelled alike.

use std::collections::{BTreeMap, BTreeSet};

use super::names;
use super::officer::{Declared, Officer, OfficersFault};
use crate::ident::OfficerId;

/// What of a record says whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Named<'r> {
    /// The name it is under.
    pub id: &'r OfficerId,
    /// The person's name for people.
    pub name: &'r str,
    /// What it declares of others.
    pub declared: &'r Declared,
}

impl<'r> From<&'r Officer> for Named<'r> {
    fn from(officer: &'r Officer) -> Named<'r> {
        Named { id: &officer.id, name: &officer.name, declared: &officer.declared }
    }
}

/// Records by the names they are under.
pub(super) type Records<'r> = BTreeMap<&'r OfficerId, Named<'r>>;
/// Whose record each is: the first of all records of the same person.
pub(super) type Persons = BTreeMap<OfficerId, OfficerId>;

/// The record of another that is spelled like this one, if there is one and nothing is declared of the two. A store asks
/// before it writes `of`.
pub fn namesake<'r>(of: Named<'r>, others: impl IntoIterator<Item = Named<'r>>) -> Option<OfficerId> {
    let others = others.into_iter().filter(|other| other.id != of.id);
    let records: Records<'_> = others.chain([of]).map(|record| (record.id, record)).collect();
    let about = |(first, second): (OfficerId, OfficerId)| match of.id {
        id if *id == first => Some(second),
        id if *id == second => Some(first),
        _ => None,
    };
    undeclared(&records, &persons(&records)).into_iter().find_map(about)
}

/// Whose record each is. What a record declares of another holds both ways, and for whoever that is declared to be.
pub(super) fn persons(records: &Records<'_>) -> Persons {
    let mut persons: Persons = records.keys().map(|id| ((*id).clone(), (*id).clone())).collect();
    for record in records.values() {
        for other in &record.declared.same_as {
            join(&mut persons, record.id, other);
        }
    }
    persons
}

/// Has two records be one person's, and everybody's who is one with either of them.
pub(super) fn join(persons: &mut Persons, one: &OfficerId, other: &OfficerId) {
    let (Some(one), Some(other)) = (persons.get(one).cloned(), persons.get(other).cloned()) else { return };
    let (first, later) = if one <= other { (one, other) } else { (other, one) };
    persons.values_mut().filter(|person| **person == later).for_each(|person| *person = first.clone());
}

/// Declarations about nobody, and those that say both.
pub(super) fn declarations(records: &Records<'_>, persons: &Persons) -> Vec<OfficersFault> {
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

/// Pairs with names spelled alike of whom nothing is declared, each with the one that had it first, by id.
pub(super) fn undeclared(records: &Records<'_>, persons: &Persons) -> BTreeSet<(OfficerId, OfficerId)> {
    let mut names: BTreeMap<String, Vec<Named<'_>>> = BTreeMap::new();
    let mut pairs = BTreeSet::new();
    for record in records.values() {
        for form in names::forms(record.name) {
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
