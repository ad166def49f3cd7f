//! Backtracking search through the finite model for a counterexample: variables are assigned one after another, and a branch
//! is cut where the rest makes no difference.

use super::schema::{FactSchema, Kind};
use super::space::{Cell, Slot, Space};
use super::term::{Sum, Term};

/// The value of a term under a partial assignment.
enum Seen<'s> {
    /// It depends on this cell, which is not assigned.
    Undecided(usize),
    /// Evaluation fails.
    Failed,
    Bool(bool),
    Long(i64),
    Text(usize),
    Set(Held<'s>),
}

enum Held<'s> {
    Cells(usize, &'s [usize]),
    /// Each text, or the cell that says which it is.
    Listed(Vec<Result<usize, usize>>),
}

/// Whether something holds, or the cell that it depends on.
type Holds = Result<bool, usize>;

/// The search for one request for one action.
pub(super) struct Search<'s> {
    pub space: &'s Space,
    pub action: &'s str,
    /// What was decided, as the place of the value in its cell.
    pub decided: Vec<Option<usize>>,
    /// How many steps are left.
    pub steps: usize,
    /// Whether what a failing part would make of the whole is looked for, and so nothing is taken ahead of its turn.
    pub strict: bool,
}

/// A search ended without an answer: its steps are used up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl<'s> Search<'s> {
    /// Looks for a request that `breach` describes and that none of `forbidding` forbids; leaves it in `decided`.
    ///
    /// # Errors
    /// [`TooMany`] if no steps are left.
    pub fn breach(&mut self, breach: &Term, forbidding: &[&Term]) -> Result<bool, TooMany> {
        self.step()?;
        match self.see(breach) {
            Seen::Undecided(cell) => return self.branch(cell, |s| s.breach(breach, forbidding)),
            Seen::Bool(true) => {}
            _ => return Ok(false),
        }
        let mut open = None;
        let mut rest = Vec::new();
        for rule in forbidding {
            match self.see(rule) {
                Seen::Bool(true) => return Ok(false),
                Seen::Undecided(cell) => {
                    open = open.or(Some(cell));
                    rest.push(*rule);
                }
                // A rule that fails forbids nothing.
                _ => {}
            }
        }
        match open {
            None => Ok(true),
            Some(cell) => self.branch(cell, |s| s.breach(breach, &rest)),
        }
    }

    /// Looks for a request for which `rule` cannot be evaluated; leaves it in `decided`.
    ///
    /// # Errors
    /// [`TooMany`] if no steps are left.
    pub fn failure(&mut self, rule: &Term) -> Result<bool, TooMany> {
        self.step()?;
        match self.see(rule) {
            Seen::Undecided(cell) => self.branch(cell, |s| s.failure(rule)),
            seen => Ok(matches!(seen, Seen::Failed)),
        }
    }

    fn step(&mut self) -> Result<(), TooMany> {
        self.steps = self.steps.checked_sub(1).ok_or(TooMany)?;
        Ok(())
    }

    fn branch(&mut self, cell: usize, then: impl Fn(&mut Self) -> Result<bool, TooMany>) -> Result<bool, TooMany> {
        let values = match self.space.cells.get(cell) {
            Some(Cell::Truth) => 2,
            Some(Cell::Numbers(values)) => values.len(),
            Some(Cell::Words(words)) => words.len(),
            None => 0,
        };
        for value in 0..values {
            self.decide(cell, Some(value));
            if then(self)? {
                return Ok(true);
            }
        }
        self.decide(cell, None);
        Ok(false)
    }

    fn decide(&mut self, cell: usize, value: Option<usize>) {
        if let Some(place) = self.decided.get_mut(cell) {
            *place = value;
        }
    }

    fn truth(&self, cell: usize) -> Holds {
        self.decided.get(cell).copied().flatten().map(|value| value == 1).ok_or(cell)
    }

    fn see(&self, term: &Term) -> Seen<'s> {
        match term {
            Term::Bool(is) => Seen::Bool(*is),
            Term::Long(n) => Seen::Long(*n),
            Term::Text(word) => Seen::Text(*word),
            Term::Fact(fact) => self.fact(*fact),
            Term::Open(number) => holds(self.truth(self.space.open(*number))),
            Term::Action(of) => Seen::Bool(of.contains(self.action)),
            Term::Set(items) => self.listed(items),
            Term::Not(of) => match self.see(of) {
                Seen::Bool(is) => Seen::Bool(!is),
                other => other,
            },
            Term::And(one, other) => self.either(one, other, false),
            Term::Or(one, other) => self.either(one, other, true),
            Term::If(of) => match self.see(&of[0]) {
                Seen::Bool(true) => self.see(&of[1]),
                Seen::Bool(false) => self.see(&of[2]),
                other => other,
            },
            Term::Equal(one, other) => self.both(one, other, |s, one, other| match (one, other) {
                (Seen::Bool(one), Seen::Bool(other)) => Seen::Bool(one == other),
                (Seen::Long(one), Seen::Long(other)) => Seen::Bool(one == other),
                (Seen::Text(one), Seen::Text(other)) => Seen::Bool(one == other),
                (Seen::Set(one), Seen::Set(other)) => holds(match s.all(&one, &other) {
                    Ok(true) => s.all(&other, &one),
                    not => not,
                }),
                _ => Seen::Failed,
            }),
            Term::Less(one, other) => self.numbers(one, other, |one, other| Seen::Bool(one < other)),
            Term::AtMost(one, other) => self.numbers(one, other, |one, other| Seen::Bool(one <= other)),
            Term::Sum(sum, one, other) => self.numbers(one, other, |one, other| {
                let sum = match sum {
                    Sum::Plus => one.checked_add(other),
                    Sum::Minus => one.checked_sub(other),
                    Sum::Times => one.checked_mul(other),
                };
                sum.map_or(Seen::Failed, Seen::Long)
            }),
            Term::Holds(set, of) => self.both(set, of, |s, set, of| match (set, of) {
                (Seen::Set(set), Seen::Text(word)) => holds(s.has(&set, word)),
                _ => Seen::Failed,
            }),
            Term::HoldsAll(set, of) => self.both(set, of, |s, set, of| match (set, of) {
                (Seen::Set(set), Seen::Set(of)) => holds(s.all(&set, &of)),
                _ => Seen::Failed,
            }),
            Term::HoldsAny(set, of) => self.both(set, of, |s, set, of| match (set, of) {
                (Seen::Set(set), Seen::Set(of)) => holds(s.any(&of, |word| s.has(&set, word))),
                _ => Seen::Failed,
            }),
            Term::Empty(set) => match self.see(set) {
                Seen::Set(set) => holds(self.any(&set, |_| Ok(true)).map(|any| !any)),
                other => other,
            },
        }
    }

    fn fact(&self, fact: usize) -> Seen<'s> {
        let cell = match self.space.slot(fact) {
            Some(Slot::Set(from, words)) => return Seen::Set(Held::Cells(*from, words)),
            Some(Slot::One(cell)) => *cell,
            None => return Seen::Failed,
        };
        let Some(value) = self.decided.get(cell).copied().flatten() else { return Seen::Undecided(cell) };
        match self.space.cells.get(cell) {
            Some(Cell::Truth) => Seen::Bool(value == 1),
            Some(Cell::Numbers(values)) => values.get(value).map_or(Seen::Failed, |n| Seen::Long(*n)),
            Some(Cell::Words(words)) => words.get(value).map_or(Seen::Failed, |word| Seen::Text(*word)),
            None => Seen::Failed,
        }
    }

    fn listed(&self, items: &[Term]) -> Seen<'s> {
        let mut listed = Vec::new();
        for item in items {
            match self.see(item) {
                Seen::Text(word) => listed.push(Ok(word)),
                Seen::Undecided(cell) => listed.push(Err(cell)),
                _ => return Seen::Failed,
            }
        }
        Seen::Set(Held::Listed(listed))
    }

    /// Of two terms the one that is `enough` by itself, or both.
    fn either(&self, one: &Term, other: &Term, enough: bool) -> Seen<'s> {
        match self.see(one) {
            Seen::Bool(is) if is == enough => Seen::Bool(enough),
            Seen::Bool(_) => self.see(other),
            Seen::Undecided(cell) if !self.strict => match self.see(other) {
                Seen::Bool(is) if is == enough => Seen::Bool(enough),
                _ => Seen::Undecided(cell),
            },
            undone => undone,
        }
    }

    fn both(&self, one: &Term, other: &Term, of: impl Fn(&Self, Seen<'s>, Seen<'s>) -> Seen<'s>) -> Seen<'s> {
        match (self.see(one), self.see(other)) {
            (Seen::Failed, _) | (_, Seen::Failed) => Seen::Failed,
            (Seen::Undecided(cell), _) | (_, Seen::Undecided(cell)) => Seen::Undecided(cell),
            (one, other) => of(self, one, other),
        }
    }

    fn numbers(&self, one: &Term, other: &Term, of: impl Fn(i64, i64) -> Seen<'s>) -> Seen<'s> {
        self.both(one, other, |_, one, other| match (one, other) {
            (Seen::Long(one), Seen::Long(other)) => of(one, other),
            _ => Seen::Failed,
        })
    }

    fn has(&self, set: &Held<'_>, word: usize) -> Holds {
        match set {
            Held::Cells(from, words) => match words.iter().position(|held| *held == word) {
                Some(place) => self.truth(from + place),
                None => Ok(false),
            },
            Held::Listed(items) if items.contains(&Ok(word)) => Ok(true),
            Held::Listed(items) => items.iter().find_map(|item| item.err()).map_or(Ok(false), Err),
        }
    }

    /// Whether the first holds all that the second does.
    fn all(&self, set: &Held<'_>, of: &Held<'_>) -> Holds {
        self.any(of, |word| self.has(set, word).map(|has| !has)).map(|lacks| !lacks)
    }

    /// Whether the set holds a text that `is` so.
    fn any(&self, set: &Held<'_>, is: impl Fn(usize) -> Holds) -> Holds {
        let mut undecided = None;
        let mut look = |held: Holds, word: usize| match (held, is(word)) {
            (Ok(true), Ok(true)) => true,
            (Ok(false), _) | (_, Ok(false)) => false,
            (Err(cell), _) | (_, Err(cell)) => {
                undecided = undecided.or(Some(cell));
                false
            }
        };
        let found = match set {
            Held::Cells(from, words) => words.iter().enumerate().any(|(n, word)| look(self.truth(from + n), *word)),
            Held::Listed(items) => items.iter().any(|item| match item {
                Ok(word) => look(Ok(true), *word),
                Err(cell) => look(Err(*cell), usize::MAX),
            }),
        };
        if found { Ok(true) } else { undecided.map_or(Ok(false), Err) }
    }

    /// What was decided, for people: every fact of the request that was found and makes a difference.
    pub fn shown(&self, shape: &FactSchema, words: &[String]) -> String {
        let text = |word: usize| words.get(word).map_or_else(|| "something else".to_owned(), |w| format!("`{w}`"));
        let path = |fact: usize| shape.facts().get(fact).map_or("", |(path, _)| path.as_str());
        let shown = self.decided.iter().enumerate().filter_map(|(cell, value)| {
            let value = (*value)?;
            let (fact, held) = self.space.fact_of(cell)?;
            let is = match (held, self.space.cells.get(cell)?) {
                (Some(word), _) if value == 1 => format!("holds {}", text(word)),
                (Some(word), _) if shape.kind(fact) == Some(Kind::Set) && word < words.len() => {
                    format!("lacks {}", text(word))
                }
                (Some(_), _) => return None,
                (None, Cell::Truth) => format!("is {}", value == 1),
                (None, Cell::Numbers(values)) => format!("is {}", values.get(value)?),
                (None, Cell::Words(texts)) => format!("is {}", text(*texts.get(value)?)),
            };
            Some(format!("{} {is}", path(fact)))
        });
        let mut shown: Vec<String> = shown.collect();
        shown.push(format!("to {}", self.action));
        shown.join(", ")
    }
}

fn holds<'s>(holds: Holds) -> Seen<'s> {
    holds.map_or_else(Seen::Undecided, Seen::Bool)
}
