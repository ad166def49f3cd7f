//! Converts facts into Cedar values.

use cedar_policy::RestrictedExpression;
use serde_json::Value;

use super::fault::PolicyFault;

/// Converts a record of facts. Cedar's own JSON reader gives some forms a special meaning and takes ten times as long.
pub(super) fn attributes(facts: Value) -> Result<Vec<(String, RestrictedExpression)>, PolicyFault> {
    match facts {
        Value::Object(fields) => fields.into_iter().map(|(name, value)| Ok((name, expression(value)?))).collect(),
        _ => Err(PolicyFault::Question("facts are not a record".into())),
    }
}

fn expression(value: Value) -> Result<RestrictedExpression, PolicyFault> {
    let not_ours = || PolicyFault::Question("a fact is not a Boolean, integer, string, set or record".into());
    Ok(match value {
        Value::Bool(is) => RestrictedExpression::new_bool(is),
        Value::Number(number) => RestrictedExpression::new_long(number.as_i64().ok_or_else(not_ours)?),
        Value::String(text) => RestrictedExpression::new_string(text),
        Value::Array(items) => {
            RestrictedExpression::new_set(items.into_iter().map(expression).collect::<Result<Vec<_>, _>>()?)
        }
        Value::Object(_) => {
            RestrictedExpression::new_record(attributes(value)?).map_err(|e| PolicyFault::Question(e.to_string()))?
        }
        Value::Null => return Err(not_ours()),
    })
}

/// A count as a Cedar `Long`; one that does not fit is the greatest.
pub(super) fn long(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fact_that_is_no_value_of_the_rules_is_refused() {
        for fact in [json!(null), json!(1.5), json!(u64::MAX), json!([null]), json!({ "a": [1, { "b": null }] })] {
            assert!(expression(fact.clone()).is_err(), "{fact}");
        }
        for fact in [json!(true), json!(-1), json!(i64::MAX), json!("__expr"), json!([["a"], []]), json!({ "a": 1 })] {
            assert!(expression(fact.clone()).is_ok(), "{fact}");
        }
        assert!(attributes(json!([])).is_err());
    }
}
