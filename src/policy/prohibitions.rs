//! What must never be released, whatever the rules say: the statements of `policy/never.cedar`, evaluated for one question
//! at a time. They decide nothing; `scripts/prove` proves that the rules permit nothing that they describe.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use cedar_policy::{Authorizer, PolicyId, PolicySet};

use super::fault::PolicyFault;
use super::membership::Membership;
use super::question::Question;
use super::rules::Policies;

/// The statements that ship with the gateway.
const SHIPPED: &str = include_str!("../../policy/never.cedar");

/// The statements, by their ids.
pub struct Prohibitions(PolicySet);

impl Prohibitions {
    /// The shipped statements.
    ///
    /// # Errors
    /// [`PolicyFault`] never, for the shipped text; a test says so.
    pub fn shipped() -> Result<Prohibitions, PolicyFault> {
        let read = PolicySet::from_str(SHIPPED).map_err(|e| PolicyFault::Rules(e.to_string()))?;
        let no_id = || PolicyFault::Rules("a statement of what is never released has no `@id`".into());
        let named = read.policies().map(|statement| {
            let id = statement.annotation("id").ok_or_else(no_id)?;
            Ok(statement.new_id(PolicyId::new(id)))
        });
        let named = named.collect::<Result<Vec<_>, PolicyFault>>()?;
        PolicySet::from_policies(named).map(Prohibitions).map_err(|e| PolicyFault::Rules(e.to_string()))
    }

    /// The ids of all statements.
    pub fn ids(&self) -> BTreeSet<String> {
        self.0.policies().map(|statement| statement.id().to_string()).collect()
    }

    pub(super) fn statements(&self) -> impl Iterator<Item = &cedar_policy::Policy> {
        self.0.policies()
    }

    /// Which of the statements describe this question.
    ///
    /// # Errors
    /// [`PolicyFault`] if the question does not fit the schema, or a statement cannot be evaluated.
    pub fn describing(
        &self,
        policies: &Policies,
        membership: &Membership,
        question: &Question,
    ) -> Result<BTreeSet<String>, PolicyFault> {
        let (request, entities) = question.ask(policies, membership)?;
        let answer = Authorizer::new().is_authorized(&request, &self.0, &entities);
        if let Some(error) = answer.diagnostics().errors().next() {
            return Err(PolicyFault::Rules(error.to_string()));
        }
        Ok(answer.diagnostics().reason().map(ToString::to_string).collect())
    }
}
