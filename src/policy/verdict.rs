//! Evaluates the rules for one question. Any error is a refusal.

use cedar_policy::{Authorizer, Decision};
use serde::Serialize;

use super::fault::PolicyFault;
use super::membership::Membership;
use super::question::Question;
use super::rules::{About, Policies};

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it permits. Never true if there is any error.
    pub permit: bool,
    /// The rules that decided, by id: those that permit if it permits, else every one that forbids.
    pub reasons: Vec<RuleHit>,
    /// Errors; any error is a refusal.
    pub errors: Vec<PolicyFault>,
}

/// One rule that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleHit {
    /// The rule's id.
    pub id: String,
    /// Its sentence.
    pub sentence: String,
    /// What it is about.
    pub about: About,
}

impl Verdict {
    /// Whether policy has nothing against the markings themselves: no rule about marking forbids, and nothing failed.
    /// This is the question that the marking engine answers too.
    pub fn marking_permits(&self) -> bool {
        self.errors.is_empty() && (self.permit || !self.reasons.iter().any(|r| r.about == About::Marking))
    }

    fn fault(fault: PolicyFault) -> Verdict {
        Verdict { permit: false, reasons: Vec::new(), errors: vec![fault] }
    }
}

/// Evaluates the rules for one question.
pub fn decide(policies: &Policies, membership: &Membership, question: &Question) -> Verdict {
    let (request, entities) = match question.ask(policies, membership) {
        Ok(asked) => asked,
        Err(fault) => return Verdict::fault(fault),
    };
    let answer = Authorizer::new().is_authorized(&request, &policies.set, &entities);
    // Cedar skips a rule that it cannot evaluate, a forbidding one included, and answers from the rest. So an answer with
    // any error in it is void.
    let mut errors: Vec<PolicyFault> = answer
        .diagnostics()
        .errors()
        .map(|e| {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(e) = e;
            PolicyFault::Evaluation { rule: e.policy_id().to_string(), problem: e.inner().to_string() }
        })
        .collect();
    errors.sort_by_key(ToString::to_string);
    let mut reasons: Vec<RuleHit> = answer
        .diagnostics()
        .reason()
        .filter_map(|id| policies.rule(id.as_ref()))
        .map(|rule| RuleHit { id: rule.id.clone(), sentence: rule.sentence.clone(), about: rule.about })
        .collect();
    reasons.sort_by(|a, b| a.id.cmp(&b.id));
    let allowed = answer.decision() == Decision::Allow && errors.is_empty();
    // An "allow" names the rule that allows; one that names none, or only unknown ones, is not accepted.
    let permit = allowed && !reasons.is_empty();
    Verdict { permit, reasons, errors }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(permit: bool, about: &[About], errors: Vec<PolicyFault>) -> Verdict {
        let hit = |about: &About| RuleHit { id: "exercise".into(), sentence: "EXERCISE".into(), about: *about };
        Verdict { permit, reasons: about.iter().map(hit).collect(), errors }
    }

    #[test]
    fn only_a_rule_about_marking_or_a_fault_speaks_against_the_markings() {
        assert!(verdict(true, &[About::Marking], vec![]).marking_permits());
        assert!(verdict(false, &[About::Approval, About::Local], vec![]).marking_permits());
        assert!(!verdict(false, &[About::Approval, About::Marking], vec![]).marking_permits());
        let fault = || vec![PolicyFault::Question("EXERCISE".into())];
        assert!(!verdict(false, &[], fault()).marking_permits());
        assert!(!verdict(true, &[About::Marking], fault()).marking_permits());
    }
}
