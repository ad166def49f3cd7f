//! A request for which a proof fails, for people, confirmed by the evaluator that the gateway uses.

use std::fmt::Write as _;

use cedar_policy::{Authorizer, Decision, EvalResult, PolicySet};
use cedar_policy_symcc::Env;

use crate::Trouble;

/// The request as text, with what the evaluator says of it under `rules`.
pub fn show(env: &Env, rules: &PolicySet, what: &str) -> Result<String, Trouble> {
    let answer = Authorizer::new().is_authorized(&env.request, rules, &env.entities);
    let errors: Vec<String> = answer.diagnostics().errors().map(ToString::to_string).collect();
    // A counterexample that the evaluator does not confirm would be an error of the solver, or of this program.
    if answer.decision() != Decision::Allow && errors.is_empty() {
        return Err("the solver found a counterexample that the evaluator does not confirm".into());
    }
    let mut text = format!("    {what}\n");
    let uid = |uid: Option<&cedar_policy::EntityUid>| uid.map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(text, "      action    {}", uid(env.request.action()));
    for (role, who) in [("principal", env.request.principal()), ("resource", env.request.resource())] {
        let Some(entity) = who.and_then(|uid| env.entities.get(uid)) else { continue };
        let mut names: Vec<&str> = entity.attrs().map(|(name, _)| name).collect();
        names.sort_unstable();
        for name in names {
            if let Some(Ok(value)) = entity.attr(name) {
                let _ = writeln!(text, "      {role:<9} {name} = {}", value_text(&value));
            }
        }
    }
    if let Some(context) = env.request.context() {
        let mut names: Vec<String> = context.clone().into_iter().map(|(name, _)| name).collect();
        names.sort();
        for name in names {
            if let Some(value) = context.get(&name) {
                let _ = writeln!(text, "      context   {name} = {}", value_text(&value));
            }
        }
    }
    let verdict = if errors.is_empty() { "permitted".to_owned() } else { errors.join("; ") };
    let _ = write!(text, "      evaluator {verdict}");
    Ok(text)
}

fn value_text(value: &EvalResult) -> String {
    match value {
        EvalResult::Set(set) => {
            let mut items: Vec<String> = set.iter().map(value_text).collect();
            items.sort();
            format!("[{}]", items.join(", "))
        }
        EvalResult::Record(record) => {
            let mut fields: Vec<String> =
                record.iter().map(|(name, value)| format!("{name}: {}", value_text(value))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}
