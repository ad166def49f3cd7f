//! The finite model: for each fact the values that the rules can distinguish.
//!
//! A text is one of those that the rules compare it with, or one of three that they name nowhere; a set holds any of
//! these; a number is one of those that it is compared with, or beside one. Whatever is compared with each other shares
//! its values.

use std::collections::{BTreeMap, BTreeSet};

use super::schema::{FactSchema, Kind};
use super::term::Term;

/// One variable of the model: a Boolean, a number, a text, or whether a set contains one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Truth,
    Numbers(Vec<i64>),
    Words(Vec<usize>),
}

/// Where the values of a fact are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    One(usize),
    /// The first cell of a set, and the texts it may hold: one cell each, in this order.
    Set(usize, Vec<usize>),
}

/// Everything that can be decided.
pub(super) struct Space {
    pub cells: Vec<Cell>,
    slots: Vec<Slot>,
    /// The first of the cells of open questions.
    open: usize,
}

/// How many texts there are that no rule names.
const UNNAMED: usize = 3;

#[derive(Default)]
struct Words {
    of: BTreeMap<usize, BTreeSet<usize>>,
    /// Whose texts the other may be compared with, too.
    flows: BTreeSet<(usize, usize)>,
}

#[derive(Default)]
struct Numbers {
    /// The class of each fact, by its least member.
    class: BTreeMap<usize, usize>,
    named: BTreeMap<usize, BTreeSet<i64>>,
    summed: BTreeSet<usize>,
}

impl Space {
    /// The space of all that `terms` can tell apart, with so many texts named and so many questions open.
    pub fn of<'t>(shape: &FactSchema, terms: impl Iterator<Item = &'t Term>, words: usize, open: usize) -> Space {
        let (mut texts, mut numbers) = (Words::default(), Numbers::default());
        for term in terms {
            texts.gather(term);
            numbers.gather(term, shape);
        }
        texts.flow();
        let unnamed: Vec<usize> = (words..words + UNNAMED).collect();
        let (mut cells, mut slots) = (Vec::new(), Vec::new());
        for (fact, (_, kind)) in shape.facts().iter().enumerate() {
            let named = || texts.of.get(&fact).into_iter().flatten().copied().chain(unnamed.iter().copied());
            let at = cells.len();
            slots.push(match kind {
                Kind::Set => {
                    let words: Vec<usize> = named().collect();
                    cells.extend(words.iter().map(|_| Cell::Truth));
                    Slot::Set(at, words)
                }
                one => {
                    cells.push(match one {
                        Kind::Long => Cell::Numbers(numbers.values(fact)),
                        Kind::Text => Cell::Words(named().collect()),
                        _ => Cell::Truth,
                    });
                    Slot::One(at)
                }
            });
        }
        let first = cells.len();
        cells.extend((0..open).map(|_| Cell::Truth));
        Space { cells, slots, open: first }
    }

    /// Where a fact is.
    pub fn slot(&self, fact: usize) -> Option<&Slot> {
        self.slots.get(fact)
    }

    /// The cell of an open question.
    pub fn open(&self, number: usize) -> usize {
        self.open + number
    }

    /// The fact whose cell this is, and the text if it is whether a set holds one; `None` for an open question.
    pub fn fact_of(&self, cell: usize) -> Option<(usize, Option<usize>)> {
        self.slots.iter().enumerate().find_map(|(fact, slot)| match slot {
            Slot::One(at) => (*at == cell).then_some((fact, None)),
            Slot::Set(from, words) => {
                cell.checked_sub(*from).and_then(|n| words.get(n)).map(|word| (fact, Some(*word)))
            }
        })
    }
}

/// The texts and the facts of one side of a comparison.
fn side(term: &Term) -> (Vec<usize>, Vec<usize>) {
    match term {
        Term::Text(word) => (vec![*word], vec![]),
        Term::Fact(fact) => (vec![], vec![*fact]),
        Term::Set(items) => items.iter().map(side).fold((vec![], vec![]), |(mut words, mut facts), (w, f)| {
            words.extend(w);
            facts.extend(f);
            (words, facts)
        }),
        _ => (vec![], vec![]),
    }
}

impl Words {
    fn gather(&mut self, term: &Term) {
        match term {
            Term::Equal(l, r) | Term::HoldsAny(l, r) | Term::Holds(l, r) => {
                self.reaches(l, r);
                self.reaches(r, l);
            }
            // What the second holds is looked for in the first; what only the first holds makes no difference.
            Term::HoldsAll(l, r) => {
                self.reaches(r, l);
                if matches!(**l, Term::Set(_)) {
                    self.reaches(l, r);
                }
            }
            _ => {}
        }
        term.parts().into_iter().for_each(|part| self.gather(part));
    }

    fn reaches(&mut self, from: &Term, to: &Term) {
        let (words, facts) = side(from);
        for fact in side(to).1 {
            self.of.entry(fact).or_default().extend(words.iter().copied());
            self.flows.extend(facts.iter().map(|from| (*from, fact)));
        }
    }

    fn flow(&mut self) {
        loop {
            let mut more = false;
            for (from, to) in self.flows.clone() {
                let words = self.of.get(&from).cloned().unwrap_or_default();
                let held = self.of.entry(to).or_default();
                let before = held.len();
                held.extend(words);
                more |= held.len() > before;
            }
            if !more {
                return;
            }
        }
    }
}

impl Numbers {
    fn gather(&mut self, term: &Term, shape: &FactSchema) {
        if let Term::Equal(..) | Term::Less(..) | Term::AtMost(..) = term {
            let (mut facts, mut named) = (BTreeSet::new(), BTreeSet::new());
            term.facts(&mut facts);
            facts.retain(|fact| shape.kind(*fact) == Some(Kind::Long));
            constants(term, &mut named);
            if let Some(first) = facts.first().copied() {
                facts.iter().for_each(|fact| self.join(first, *fact));
                let class = self.class_of(first);
                self.named.entry(class).or_default().extend(named);
                if term.sums() {
                    self.summed.insert(class);
                }
            }
        }
        term.parts().into_iter().for_each(|part| self.gather(part, shape));
    }

    fn class_of(&self, fact: usize) -> usize {
        self.class.get(&fact).copied().unwrap_or(fact)
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.class_of(one), self.class_of(other));
        let (least, gone) = (one.min(other), one.max(other));
        self.class.insert(least, least);
        self.class.insert(gone, least);
        self.class.values_mut().filter(|class| **class == gone).for_each(|class| *class = least);
        if gone != least {
            let named = self.named.remove(&gone).unwrap_or_default();
            self.named.entry(least).or_default().extend(named);
            if self.summed.remove(&gone) {
                self.summed.insert(least);
            }
        }
    }

    fn values(&self, fact: usize) -> Vec<i64> {
        let class = self.class_of(fact);
        let named: Vec<i64> = self.named.get(&class).into_iter().flatten().copied().collect();
        let together = self.class.values().filter(|other| **other == class).count().max(1);
        let mut values: BTreeSet<i64> = (0..=i64::try_from(together).unwrap_or(1)).collect();
        let beside = |n: i64| (-1..=2).map(move |step| n.saturating_add(step));
        values.extend(named.iter().flat_map(|n| beside(*n)));
        if self.summed.contains(&class) {
            let pairs = named.iter().flat_map(|one| named.iter().map(move |other| one.saturating_add(*other)));
            values.extend(pairs.flat_map(beside));
            values.extend([i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX]);
        }
        values.into_iter().collect()
    }
}

fn constants(term: &Term, found: &mut BTreeSet<i64>) {
    if let Term::Long(n) = term {
        found.insert(*n);
    }
    term.parts().into_iter().for_each(|part| constants(part, found));
}
