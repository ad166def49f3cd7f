//! What is proved, one question to the solver at a time.

use std::collections::BTreeSet;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env};

use crate::{Trouble, counterexample};

/// A rule that permits everything. What is proved with it added rests on the rules that forbid alone, so that no rule
/// that permits can undo it.
const EVERYTHING: &str = "permit (principal, action, resource);";

/// Rules under their own ids.
pub struct Rules(PolicySet);

/// What came of one question.
pub enum Outcome {
    /// It holds for every request.
    Proved,
    /// It does not: a request for which it fails, as text.
    Refuted(String),
}

/// Asks the solver.
pub struct Prover {
    schema: Schema,
    never: Rules,
    environments: Vec<RequestEnv>,
    compiler: CedarSymCompiler<LocalSolver>,
}

impl Rules {
    /// The rules of a file, each known by its `@id`.
    pub fn new(read: PolicySet) -> Result<Rules, Trouble> {
        let named = read.policies().map(|policy| {
            let id = policy.annotation("id").ok_or_else(|| format!("rule `{}` has no `@id`", policy.id()))?;
            Ok(policy.new_id(PolicyId::new(id)))
        });
        let named: Vec<Policy> = named.collect::<Result<_, Trouble>>()?;
        PolicySet::from_policies(named).map(Rules).map_err(|e| e.to_string())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.num_of_policies()
    }

    /// These rules with those of `planted` in place of the ones of the same id.
    pub fn with(&self, planted: &PolicySet) -> Result<Rules, Trouble> {
        let planted = Rules::new(planted.clone())?;
        let kept = self.0.policies().filter(|p| planted.0.policy(p.id()).is_none());
        let all: Vec<Policy> = kept.chain(planted.0.policies()).cloned().collect();
        PolicySet::from_policies(all).map(Rules).map_err(|e| e.to_string())
    }

    /// These rules and one that permits everything.
    fn permitting_everything(&self) -> Result<PolicySet, Trouble> {
        let everything = Policy::parse(Some(PolicyId::new("everything")), EVERYTHING).map_err(|e| e.to_string())?;
        let mut set = self.0.clone();
        set.add(everything).map_err(|e| e.to_string())?;
        Ok(set)
    }

    /// How many of them forbid.
    pub fn forbidding(&self) -> usize {
        self.0.policies().filter(|p| p.effect() == Effect::Forbid).count()
    }

    fn ids(&self) -> Vec<PolicyId> {
        let mut ids: Vec<PolicyId> = self.0.policies().map(|p| p.id().clone()).collect();
        ids.sort();
        ids
    }
}

impl Prover {
    /// A prover for requests of `schema` and statements of what must never be released.
    pub fn new(schema: Schema, never: Rules) -> Result<Prover, Trouble> {
        // A bound on each question, not on all of them: one that takes longer has no answer, and that is an error.
        let solver = LocalSolver::cvc5_with_args(["--tlimit-per=60000"])
            .map_err(|e| format!("the solver cvc5 does not start: {e}; on Debian: apt-get install cvc5"))?;
        let mut environments: Vec<RequestEnv> = schema.request_envs().collect();
        environments.sort_by_key(|e| e.action().to_string());
        let compiler = CedarSymCompiler::new(solver).map_err(|e| e.to_string())?;
        Ok(Prover { schema, never, environments, compiler })
    }

    /// The statements of what must never be released.
    pub fn never(&self) -> &Rules {
        &self.never
    }

    /// How many request environments there are: one for each action.
    pub fn environments(&self) -> usize {
        self.environments.len()
    }

    /// Every proof of `rules`, each with its outcome. Rules that let nothing go at all meet their `obligations`, too.
    pub async fn all(&mut self, rules: &Rules, obligations: bool) -> Result<Vec<(String, Outcome)>, Trouble> {
        let ids: BTreeSet<String> = rules.ids().iter().map(ToString::to_string).collect();
        let what = format!("none of {} rules can fail to be worked out", rules.len());
        let mut proofs = vec![(what, self.never_error(rules, &ids).await?)];
        if !obligations {
            let what = "some request is permitted, so that what follows says something";
            proofs.push((what.into(), self.permits_something(rules).await?));
        }
        for id in self.never.ids() {
            let sentence =
                self.never.0.policy(&id).and_then(|p| p.annotation("sentence")).unwrap_or_default().to_owned();
            proofs.push((format!("{id}: {sentence}"), self.never_permits(rules, &id).await?));
        }
        Ok(proofs)
    }

    /// One proof of `rules`: that rules cannot fail (`rule-errors`, asked of those in `of`), or one of the statements.
    pub async fn one(&mut self, rules: &Rules, proof: &str, of: &BTreeSet<String>) -> Result<Outcome, Trouble> {
        if proof == "rule-errors" {
            return self.never_error(rules, of).await;
        }
        let id = PolicyId::new(proof);
        if self.never.0.policy(&id).is_none() {
            return Err(format!("there is no statement `{proof}` in never.cedar"));
        }
        self.never_permits(rules, &id).await
    }

    /// The rules that forbid and that no statement needs: each statement is proved without them, too. They say more
    /// than the statements ask, or say again what another rule says.
    pub async fn spare(&mut self, rules: &Rules) -> Result<Vec<String>, Trouble> {
        let mut spare = Vec::new();
        for id in rules.ids() {
            if rules.0.policy(&id).is_none_or(|p| p.effect() != Effect::Forbid) {
                continue;
            }
            let kept = rules.0.policies().filter(|p| *p.id() != id).cloned();
            let rest = Rules(PolicySet::from_policies(kept).map_err(|e| e.to_string())?).permitting_everything()?;
            let mut needed = false;
            // Every rule is asked before sending, which sorts last: most answers come from there.
            for environment in self.environments.iter().rev() {
                let permitted = CompiledPolicySet::compile(&rest, environment, &self.schema).map_err(|e| said(&e))?;
                let breach =
                    CompiledPolicySet::compile(&self.never.0, environment, &self.schema).map_err(|e| said(&e))?;
                let disjoint = self.compiler.check_disjoint_opt(&permitted, &breach).await.map_err(|e| said(&e))?;
                needed |= !disjoint;
                if needed {
                    break;
                }
            }
            if !needed {
                spare.push(id.to_string());
            }
        }
        Ok(spare)
    }

    async fn never_error(&mut self, rules: &Rules, of: &BTreeSet<String>) -> Result<Outcome, Trouble> {
        for id in rules.ids().into_iter().filter(|id| of.contains(id.as_ref() as &str)) {
            let Some(rule) = rules.0.policy(&id) else { continue };
            for environment in &self.environments {
                let compiled = CompiledPolicy::compile(rule, environment, &self.schema).map_err(|e| said(&e))?;
                let found = self.compiler.check_never_errors_with_counterexample_opt(&compiled).await;
                if let Some(env) = found.map_err(|e| said(&e))? {
                    let shown = counterexample::show(&env, &rules.0, &format!("rule `{id}` cannot be worked out for"));
                    return Ok(Outcome::Refuted(shown?));
                }
            }
        }
        Ok(Outcome::Proved)
    }

    async fn permits_something(&mut self, rules: &Rules) -> Result<Outcome, Trouble> {
        for environment in &self.environments {
            let compiled = CompiledPolicySet::compile(&rules.0, environment, &self.schema).map_err(|e| said(&e))?;
            if self.compiler.check_always_denies_opt(&compiled).await.map_err(|e| said(&e))? {
                return Ok(Outcome::Refuted(format!("    nothing at all is permitted for {}", environment.action())));
            }
        }
        Ok(Outcome::Proved)
    }

    async fn never_permits(&mut self, rules: &Rules, id: &PolicyId) -> Result<Outcome, Trouble> {
        let widest = rules.permitting_everything()?;
        let breach = self.never.0.policy(id).cloned().ok_or_else(|| format!("no statement `{id}`"))?;
        let breach = PolicySet::from_policies([breach]).map_err(|e| e.to_string())?;
        for environment in &self.environments {
            let env: Option<Env> = {
                let permitted = CompiledPolicySet::compile(&widest, environment, &self.schema).map_err(|e| said(&e))?;
                let breach = CompiledPolicySet::compile(&breach, environment, &self.schema).map_err(|e| said(&e))?;
                let found = self.compiler.check_disjoint_with_counterexample_opt(&permitted, &breach).await;
                found.map_err(|e| said(&e))?
            };
            if let Some(env) = env {
                let shown = counterexample::show(&env, &widest, "the rules that forbid let this pass:");
                return Ok(Outcome::Refuted(shown?));
            }
        }
        Ok(Outcome::Proved)
    }
}

fn said(error: &cedar_policy_symcc::err::Error) -> Trouble {
    format!("the solver gave no answer: {error}")
}
