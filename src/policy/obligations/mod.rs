//! Proof obligations of a policy before it may be in force: every shipped case is decided as it says, no rule can fail to
//! evaluate, and nothing that `policy/never.cedar` describes is permitted, whatever permitting rule is added. Loaded
//! [`Policies`] come in; the obligations that are not met go out.
//!
//! The last two are checked over a finite model of the facts. `portcullis-prove`, where it is installed, proves the same for
//! every possible request; this check needs nothing but the rules. It refuses a policy for which it cannot finish the proof.

mod schema;
mod term;
mod space;
mod search;

use std::collections::BTreeSet;

use schema::FactSchema;
use search::{Search, TooMany};
use space::Space;
use term::{Reader, Rule, Term};

use super::cases::{self, CasesFault};
use super::fault::PolicyFault;
use super::membership::Membership;
use super::prohibitions::Prohibitions;
use super::rules::Policies;

/// How many steps one search may take: the shipped rules take a few hundred.
const STEPS_MAX: usize = 200_000;

/// An obligation that the rules do not meet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{obligation}: {why}")]
pub struct Unmet {
    /// The obligation: `case NAME`, `rule-errors`, or the id of a statement of `policy/never.cedar`.
    pub obligation: String,
    /// What was found instead.
    pub why: String,
}

/// The obligations that `policies` do not meet; empty if all are met.
///
/// The cases are asked with the register that they were written for, since they are about the rules.
///
/// # Errors
/// [`PolicyFault`] if the shipped statements or cases, or the schema, cannot be parsed.
pub fn unmet(policies: &Policies) -> Result<Vec<Unmet>, PolicyFault> {
    let mut unmet = unmet_cases(policies)?;
    unmet.extend(unmet_proofs(policies)?);
    Ok(unmet)
}

/// The cases that are not decided as expected. Additional refusals by the operator's own rules are allowed.
fn unmet_cases(policies: &Policies) -> Result<Vec<Unmet>, PolicyFault> {
    let membership = Membership::shipped().map_err(|e| PolicyFault::Rules(e.to_string()))?;
    let shipped = Policies::shipped()?;
    let unreadable = |file: &str, e: &CasesFault| PolicyFault::Rules(format!("cases `{file}`: {e}"));
    let mut unmet = Vec::new();
    for (file, text) in cases::SHIPPED {
        for case in cases::questions(text).map_err(|e| unreadable(file, &e))? {
            let verdict = super::decide(policies, &membership, &case.question);
            let found: BTreeSet<String> = verdict.reasons.iter().map(|hit| hit.id.clone()).collect();
            let (shipped, own): (BTreeSet<String>, BTreeSet<String>) =
                found.into_iter().partition(|id| shipped.rule(id).is_some());
            let stricter = case.permit && !verdict.permit && shipped.is_empty() && !own.is_empty();
            let as_said = verdict.permit == case.permit && shipped == case.rules;
            let why = match verdict.errors.first() {
                Some(error) => error.to_string(),
                None if as_said || stricter => continue,
                None => {
                    let word = |permit| if permit { "a permit" } else { "a refusal" };
                    format!(
                        "expected {} by {}, found {} by {}",
                        word(case.permit),
                        listed(&case.rules),
                        word(verdict.permit),
                        listed(&shipped)
                    )
                }
            };
            unmet.push(Unmet { obligation: format!("case `{}` ({file})", case.name), why });
        }
    }
    Ok(unmet)
}

fn listed(rules: &BTreeSet<String>) -> String {
    if rules.is_empty() { "no rule".into() } else { rules.iter().cloned().collect::<Vec<_>>().join(", ") }
}

/// The part of [`unmet`] that is checked over the finite model: that no rule can fail, and that nothing which a statement
/// describes is permitted.
///
/// # Errors
/// As [`unmet`].
pub fn unmet_proofs(policies: &Policies) -> Result<Vec<Unmet>, PolicyFault> {
    let shape = FactSchema::read(&policies.schema_text).map_err(PolicyFault::Schema)?;
    let prohibitions = Prohibitions::shipped()?;
    let mut reader = Reader { shape: &shape, words: Vec::new(), open: Vec::new() };
    let mut rules: Vec<Rule> = policies.set.policies().map(|policy| reader.rule(policy)).collect();
    let mut statements: Vec<Rule> = prohibitions.statements().map(|policy| reader.rule(policy)).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    statements.sort_by(|a, b| a.id.cmp(&b.id));
    let Reader { words, open, .. } = reader;
    let terms = || rules.iter().chain(&statements).filter_map(|rule| rule.body.as_ref().ok());
    let space = Space::of(&shape, terms(), words.len(), open.len());
    let mut unmet = Vec::new();
    let mut fault = |obligation: &str, why: String| unmet.push(Unmet { obligation: obligation.to_owned(), why });
    let too_many =
        || format!("not proved within {STEPS_MAX} steps: install the prover (`scripts/prove`), or simplify the rules");
    for rule in &rules {
        let (what, found) = match &rule.body {
            Err(why) => ("rule-errors", Ok(Some(format!("cannot prove that it never fails: {why}")))),
            Ok(body) if body.sums() => ("rule-errors", failure(&space, &shape, &words, body)),
            Ok(_) => continue,
        };
        match found {
            Ok(None) => {}
            Ok(Some(found)) => fault(what, format!("rule `{}`: {found}", rule.id)),
            Err(TooMany) => fault(what, format!("rule `{}`: {}", rule.id, too_many())),
        }
    }
    // An unsupported rule is assumed to forbid nothing.
    let forbidding: Vec<&Term> = rules.iter().filter(|r| r.forbids).filter_map(|r| r.body.as_ref().ok()).collect();
    for statement in &statements {
        let found = match &statement.body {
            Err(why) => Ok(Some(format!("unsupported statement: {why}"))),
            Ok(breach) => breach_of(&space, &shape, &words, breach, &forbidding),
        };
        match found {
            Ok(None) => {}
            Ok(Some(found)) => fault(&statement.id, found),
            Err(TooMany) => fault(&statement.id, too_many()),
        }
    }
    Ok(unmet)
}

/// A request for which a rule fails to evaluate.
fn failure(space: &Space, shape: &FactSchema, words: &[String], rule: &Term) -> Result<Option<String>, TooMany> {
    for action in &shape.actions {
        let mut search = search(space, action, true);
        if search.failure(rule)? {
            return Ok(Some(format!("it cannot be evaluated where {}", search.shown(shape, words))));
        }
    }
    Ok(None)
}

/// A request that a statement describes and no rule forbids.
fn breach_of(
    space: &Space,
    shape: &FactSchema,
    words: &[String],
    breach: &Term,
    forbidding: &[&Term],
) -> Result<Option<String>, TooMany> {
    let facts = |term: &Term| {
        let mut found = BTreeSet::new();
        term.facts(&mut found);
        found
    };
    let described = facts(breach);
    // Rules about the same facts are tried first: one of them mostly ends the search.
    let mut near = forbidding.to_vec();
    near.sort_by_key(|rule| std::cmp::Reverse(facts(rule).intersection(&described).count()));
    for action in &shape.actions {
        let mut search = search(space, action, false);
        if search.breach(breach, &near)? {
            return Ok(Some(format!("no rule forbids it where {}", search.shown(shape, words))));
        }
    }
    Ok(None)
}

fn search<'s>(space: &'s Space, action: &'s str, strict: bool) -> Search<'s> {
    Search { space, action, decided: vec![None; space.cells.len()], steps: STEPS_MAX, strict }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl Fn(String) -> String) -> Vec<Unmet> {
        let rules = change(Policies::SHIPPED_RULES.to_owned());
        unmet(&Policies::load(Policies::SHIPPED_SCHEMA, &rules).unwrap()).unwrap()
    }

    #[test]
    fn the_shipped_rules_meet_all_and_so_they_do_with_rules_that_forbid_or_permit_more() {
        assert_eq!(with(|rules| rules), []);
        let own = "@id(\"own\") @about(\"local\") @sentence(\"EXERCISE\")";
        for rule in [
            "forbid (principal, action, resource) when { principal.code == \"GBR\" };",
            "forbid (principal == Portcullis::Partner::\"GBR\", action, resource) when { resource.kind like \"EX*\" };",
            "permit (principal, action, resource);",
        ] {
            assert_eq!(with(|rules| format!("{rules}\n{own} {rule}")), [], "{rule}");
        }
    }

    #[test]
    fn a_rule_that_refuses_less_is_named_with_a_request_that_it_lets_pass() {
        let found = with(|rules| rules.replace("context.approvals.people < 2", "context.approvals.people < 1"));
        let two = found.iter().find(|unmet| unmet.obligation == "without-two-people").unwrap();
        assert!(two.why.contains("context.approvals.people is 1"), "{two}");
        assert!(found.iter().any(|unmet| unmet.obligation.contains("one person")), "{found:?}");
    }

    #[test]
    fn a_case_that_comes_out_otherwise_is_named_with_what_was_expected_and_found() {
        let case = |found: &[Unmet], words: &str| {
            found.iter().any(|unmet| unmet.obligation.starts_with("case `") && unmet.why.contains(words))
        };
        // A rule of ours that refuses more than it should is no stricter rule of the operator's.
        let three = with(|rules| rules.replace("context.approvals.people < 2", "context.approvals.people < 3"));
        assert!(case(&three, "expected a permit by released-to-country, found a refusal by two-people"), "{three:?}");
        // One of the operator's that refuses too does not take the place of ours.
        let own = "@id(\"own\") @about(\"local\") @sentence(\"EXERCISE\") forbid (principal, action, resource);";
        let instead = |rules: String| {
            format!("{}\n{own}", rules.replace("context.approvals.people < 2", "context.approvals.people < 0"))
        };
        let found = with(instead);
        assert!(case(&found, "expected a refusal by two-people, found a refusal by no rule"), "{found:?}");
    }

    #[test]
    fn a_rule_in_words_that_are_not_weighed_is_not_taken_on_trust() {
        let own = "@id(\"own\") @about(\"local\") @sentence(\"EXERCISE\") forbid (principal, action, resource) \
                   when { decimal(\"1.0\").lessThan(decimal(\"0.5\")) || resource.level == 7 };";
        let found = with(|rules| format!("{rules}\n{own}"));
        assert_eq!(found.iter().map(|unmet| unmet.obligation.as_str()).collect::<Vec<_>>(), ["rule-errors"]);
    }
}
