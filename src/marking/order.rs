//! Canonical order of lists and trees (M16 A.6).

use std::collections::{BTreeMap, BTreeSet};

use super::model::{CodeList, Marking, trees};
use super::rules::Rules;

impl Marking {
    /// The same content with every list in canonical order, as a fix proposes it. Only repetitions are removed.
    pub(super) fn ordered(&self, rules: &Rules<'_>) -> Self {
        let mut out = self.clone();
        out.owners = ordered(rules, self.owners.iter());
        out.sources = ordered(rules, self.sources.iter());
        out.display_to = ordered(rules, self.display_to.iter());
        let others = ordered(rules, self.rel_to.iter().filter(|c| *c != "USA"));
        let usa = self.rel_to.iter().any(|c| c == "USA").then_some("USA");
        out.rel_to = CodeList::from_ordered(usa.into_iter().chain(others.iter()));
        out.sci = union_trees(self.sci.split('/')).into_boxed_str();
        out.sap = union_trees(self.sap.split('/')).into_boxed_str();
        out
    }
}

/// Codes in the register's order, without repetition.
pub(super) fn ordered<'m>(rules: &Rules<'_>, codes: impl Iterator<Item = &'m str>) -> CodeList {
    let mut placed: Vec<(u16, &str)> = codes.map(|c| (rules.register.by_code.find(c).unwrap_or(u16::MAX), c)).collect();
    placed.sort_unstable();
    placed.dedup();
    CodeList::from_ordered(placed.iter().map(|p| p.1))
}

/// The union of SCI or SAP segments, canonical.
pub(super) fn union_trees<'m>(texts: impl Iterator<Item = &'m str>) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for text in texts.filter(|t| !t.is_empty()) {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    if distinct.len() < 2 {
        return distinct.first().copied().unwrap_or_default().to_owned();
    }
    let mut all: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for text in distinct {
        for tree in trees(text) {
            let system = all.entry(tree.id).or_default();
            for (compartment, subs) in tree.compartments() {
                system.entry(compartment).or_default().extend(subs);
            }
        }
    }
    let mut out = String::new();
    for (id, compartments) in all {
        if !out.is_empty() {
            out.push('/');
        }
        out.push_str(id);
        for (compartment, subs) in compartments {
            out.push('-');
            out.push_str(compartment);
            for sub in subs {
                out.push(' ');
                out.push_str(sub);
            }
        }
    }
    out
}
