//! A rule's condition as an expression tree that can be evaluated under a partial assignment.

use std::collections::BTreeSet;

use cedar_policy::{Effect, Policy};
use serde_json::Value;

use super::schema::FactSchema;

/// A condition, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Bool(bool),
    Long(i64),
    /// A text, by its number among the words.
    Text(usize),
    Fact(usize),
    Set(Vec<Term>),
    Not(Box<Term>),
    And(Box<Term>, Box<Term>),
    Or(Box<Term>, Box<Term>),
    If(Box<[Term; 3]>),
    Equal(Box<Term>, Box<Term>),
    Less(Box<Term>, Box<Term>),
    AtMost(Box<Term>, Box<Term>),
    Sum(Sum, Box<Term>, Box<Term>),
    Holds(Box<Term>, Box<Term>),
    HoldsAll(Box<Term>, Box<Term>),
    HoldsAny(Box<Term>, Box<Term>),
    Empty(Box<Term>),
    /// Whether the action is one of these.
    Action(BTreeSet<String>),
    /// A condition that the model does not cover: it may be true or false. By its number.
    Open(usize),
}

/// What is done with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    Plus,
    Minus,
    Times,
}

/// A rule with its parsed condition.
pub(super) struct Rule {
    pub id: String,
    pub forbids: bool,
    /// The whole of it: scope and conditions; otherwise what is not understood.
    pub body: Result<Term, String>,
}

/// Reads rules, and gives texts and open questions their numbers.
pub(super) struct Reader<'s> {
    pub shape: &'s FactSchema,
    pub words: Vec<String>,
    pub open: Vec<String>,
}

fn number(of: &mut Vec<String>, text: &str) -> usize {
    of.iter().position(|known| known == text).unwrap_or_else(|| {
        of.push(text.to_owned());
        of.len() - 1
    })
}

fn and(one: Term, other: Term) -> Term {
    match (one, other) {
        (Term::Bool(true), term) | (term, Term::Bool(true)) => term,
        (one, other) => Term::And(Box::new(one), Box::new(other)),
    }
}

impl Reader<'_> {
    /// Reads one rule.
    pub fn rule(&mut self, policy: &Policy) -> Rule {
        let id = policy.annotation("id").map_or_else(|| policy.id().to_string(), str::to_owned);
        let body = policy.to_json().map_err(|e| e.to_string()).and_then(|json| self.whole(&json));
        Rule { id, forbids: policy.effect() == Effect::Forbid, body }
    }

    fn whole(&mut self, json: &Value) -> Result<Term, String> {
        let mut body = Term::Bool(true);
        for part in ["principal", "action", "resource"] {
            let scope = json.get(part).ok_or("a rule has no scope")?;
            body = and(body, self.scope(part, scope));
        }
        for condition in json.get("conditions").and_then(Value::as_array).into_iter().flatten() {
            let said = self.term(condition.get("body").ok_or("a condition has no body")?)?;
            let unless = condition.get("kind").and_then(Value::as_str) == Some("unless");
            body = and(body, if unless { Term::Not(Box::new(said)) } else { said });
        }
        Ok(body)
    }

    /// The scope of one part. There is one type of partner and one of cut, so a type says nothing; who it is in
    /// particular is open.
    fn scope(&mut self, part: &str, scope: &Value) -> Term {
        match scope.get("op").and_then(Value::as_str) {
            Some("All") => Term::Bool(true),
            Some("is") if scope.get("in").is_none() => Term::Bool(true),
            Some("==" | "in") if part == "action" => {
                let one = scope.get("entity").into_iter();
                let several = scope.get("entities").and_then(Value::as_array).into_iter().flatten();
                let ids = one.chain(several).filter_map(|entity| entity.get("id")?.as_str());
                Term::Action(ids.map(str::to_owned).collect())
            }
            _ => self.open(scope),
        }
    }

    fn open(&mut self, of: &Value) -> Term {
        Term::Open(number(&mut self.open, &of.to_string()))
    }

    fn term(&mut self, json: &Value) -> Result<Term, String> {
        let Some((name, of)) = json.as_object().filter(|o| o.len() == 1).and_then(|o| o.iter().next()) else {
            return Err(format!("`{json}` is not an expression"));
        };
        let one = |reader: &mut Self, key: &str| {
            let part = of.get(key).ok_or_else(|| format!("`{name}` lacks its `{key}`"))?;
            reader.term(part).map(Box::new)
        };
        let two = |reader: &mut Self| Ok::<_, String>((one(reader, "left")?, one(reader, "right")?));
        let not = |term: Term| Term::Not(Box::new(term));
        Ok(match name.as_str() {
            "Value" => match of {
                Value::Bool(is) => Term::Bool(*is),
                Value::Number(n) => Term::Long(n.as_i64().ok_or("a number is not an integer")?),
                Value::String(text) => Term::Text(number(&mut self.words, text)),
                _ => return Err(format!("`{of}` is not a Boolean, integer or string")),
            },
            "." => Term::Fact(self.fact(json)?),
            "Set" => {
                let items = of.as_array().into_iter().flatten().map(|item| self.term(item));
                Term::Set(items.collect::<Result<_, _>>()?)
            }
            "!" => Term::Not(one(self, "arg")?),
            "&&" => two(self).map(|(l, r)| Term::And(l, r))?,
            "||" => two(self).map(|(l, r)| Term::Or(l, r))?,
            "if-then-else" => Term::If(Box::new([*one(self, "if")?, *one(self, "then")?, *one(self, "else")?])),
            "==" | "!=" if self.names_somebody(of) => self.action(name, of).unwrap_or_else(|| self.open(json)),
            "==" => two(self).map(|(l, r)| Term::Equal(l, r))?,
            "!=" => not(two(self).map(|(l, r)| Term::Equal(l, r))?),
            "<" => two(self).map(|(l, r)| Term::Less(l, r))?,
            "<=" => two(self).map(|(l, r)| Term::AtMost(l, r))?,
            ">" => two(self).map(|(l, r)| Term::Less(r, l))?,
            ">=" => two(self).map(|(l, r)| Term::AtMost(r, l))?,
            "+" => two(self).map(|(l, r)| Term::Sum(Sum::Plus, l, r))?,
            "-" => two(self).map(|(l, r)| Term::Sum(Sum::Minus, l, r))?,
            "*" => two(self).map(|(l, r)| Term::Sum(Sum::Times, l, r))?,
            "neg" => Term::Sum(Sum::Minus, Box::new(Term::Long(0)), one(self, "arg")?),
            "contains" => two(self).map(|(l, r)| Term::Holds(l, r))?,
            "containsAll" => two(self).map(|(l, r)| Term::HoldsAll(l, r))?,
            "containsAny" => two(self).map(|(l, r)| Term::HoldsAny(l, r))?,
            "isEmpty" => Term::Empty(one(self, "arg")?),
            // Neither of these can fail of what strict validation has passed.
            "like" | "has" | "is" | "in" => self.open(json),
            other => return Err(format!("`{other}` is an unsupported operator")),
        })
    }

    /// Whether one side of a comparison is a principal, action or resource itself.
    fn names_somebody(&self, of: &Value) -> bool {
        let entity = |side: &Value| side.get("Var").is_some() || side.pointer("/Value/__entity").is_some();
        ["left", "right"].iter().any(|side| of.get(*side).is_some_and(entity))
    }

    fn action(&self, name: &str, of: &Value) -> Option<Term> {
        let (mut of_action, mut id) = (false, None);
        for side in [of.get("left")?, of.get("right")?] {
            of_action |= side.get("Var").and_then(Value::as_str) == Some("action");
            id = id.or_else(|| side.pointer("/Value/__entity/id")?.as_str());
        }
        let is = Term::Action([id?.to_owned()].into());
        let is = if name == "!=" { Term::Not(Box::new(is)) } else { is };
        of_action.then_some(is)
    }

    fn fact(&self, json: &Value) -> Result<usize, String> {
        let mut path = Vec::new();
        let mut at = json;
        while let Some(of) = at.get(".") {
            path.push(of.get("attr").and_then(Value::as_str).unwrap_or_default());
            at = of.get("left").unwrap_or(&Value::Null);
        }
        path.push(at.get("Var").and_then(Value::as_str).unwrap_or_default());
        path.reverse();
        let path = path.join(".");
        self.shape.place(&path).ok_or_else(|| format!("`{path}` is not a fact"))
    }
}

impl Term {
    /// Whether it does sums: nothing else in a rule that strict validation has passed can fail.
    pub fn sums(&self) -> bool {
        matches!(self, Term::Sum(..)) || self.parts().into_iter().any(Term::sums)
    }

    /// The facts that it names.
    pub fn facts(&self, found: &mut BTreeSet<usize>) {
        if let Term::Fact(fact) = self {
            found.insert(*fact);
        }
        self.parts().into_iter().for_each(|part| part.facts(found));
    }

    /// What it consists of.
    pub fn parts(&self) -> Vec<&Term> {
        match self {
            Term::Bool(_) | Term::Long(_) | Term::Text(_) | Term::Fact(_) | Term::Action(_) | Term::Open(_) => vec![],
            Term::Set(items) => items.iter().collect(),
            Term::Not(one) | Term::Empty(one) => vec![one],
            Term::If(three) => three.iter().collect(),
            Term::And(l, r)
            | Term::Or(l, r)
            | Term::Equal(l, r)
            | Term::Less(l, r)
            | Term::AtMost(l, r)
            | Term::Sum(_, l, r)
            | Term::Holds(l, r)
            | Term::HoldsAll(l, r)
            | Term::HoldsAny(l, r) => vec![l, r],
        }
    }
}
