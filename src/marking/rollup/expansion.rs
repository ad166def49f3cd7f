//! Lists of codes in roll-up: organisations expanded to their members, and the codes that several lists have in common.
//!
//! It shares no code with the access expansion of `releasability`, so that a mistake in one is not a mistake in the other.

use crate::marking::model::CodeList;
use crate::marking::rules::{Expansion, Rules};

/// The countries of a list, with each organisation that roll-up may decompose replaced by its members: numbers of the register,
/// ascending, each once.
pub(super) struct RollupExpansion(pub Vec<u16>);

impl RollupExpansion {
    /// Expands `list`, the register's numbers of countries and organisations.
    pub fn of(rules: &Rules<'_>, list: &[u16]) -> Self {
        let mut countries = Vec::with_capacity(list.len());
        for &number in list {
            if number < rules.register.country_count {
                countries.push(number);
            } else {
                countries.extend(Self::members(rules, number));
            }
        }
        countries.sort_unstable();
        countries.dedup();
        Self(countries)
    }

    fn members(rules: &Rules<'_>, organisation: u16) -> impl Iterator<Item = u16> {
        let membership = &rules.register.rollup[usize::from(organisation - rules.register.country_count)];
        let may = match rules.expansion {
            Expansion::Ismcat => membership.decomposable,
            Expansion::Manual2016 => membership.decomposable && membership.manual2016,
        };
        let date = rules.date;
        let members = if may { &membership.members[..] } else { &[] };
        members.iter().filter(move |m| m.since.is_none_or(|day| date.is_from(day))).map(|m| m.number)
    }
}

/// The codes that all `lists` have in common (spec 1.8): those in every list as written, and the countries in every list
/// after expansion that no such code covers. Countries are never combined into an organisation. In list order.
pub(super) fn common(rules: &Rules<'_>, lists: impl Iterator<Item = Vec<u16>>) -> Vec<u16> {
    let mut distinct: Vec<Vec<u16>> = Vec::new();
    for list in lists {
        if !distinct.contains(&list) {
            distinct.push(list);
        }
    }
    let Some((first, others)) = distinct.split_first() else { return Vec::new() };
    let mut literal = first.clone();
    literal.retain(|n| others.iter().all(|l| l.contains(n)));
    if others.is_empty() {
        return literal;
    }
    let mut countries = RollupExpansion::of(rules, first).0;
    for other in others {
        let expanded = RollupExpansion::of(rules, other).0;
        countries.retain(|n| expanded.binary_search(n).is_ok());
    }
    let covered = RollupExpansion::of(rules, &literal).0;
    literal.extend(countries.into_iter().filter(|n| covered.binary_search(n).is_err()));
    // Numbering order is list order: countries, then organisations, each alphabetical.
    literal.sort_unstable();
    literal
}

/// The register's numbers of the codes in `lists`, ascending, each once. Codes that are not in the register are left out.
pub(super) fn numbers(rules: &Rules<'_>, lists: &[&CodeList]) -> Vec<u16> {
    let codes = lists.iter().flat_map(|l| l.iter());
    let mut numbers: Vec<u16> = codes.filter_map(|c| rules.register.by_code.find(c)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The codes with these `numbers`, in the given order.
pub(super) fn names<'r>(rules: &Rules<'r>, numbers: &[u16]) -> impl Iterator<Item = &'r str> {
    let register = rules.register;
    numbers.iter().map(|n| register.entry(*n).code.as_str()).collect::<Vec<_>>().into_iter()
}
