//! The facts that the rules may name, and the type of each, from the Cedar schema.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::SchemaFragment;
use serde_json::Value;

/// What kind of value a fact has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Long,
    Text,
    /// A set of texts.
    Set,
}

/// Every fact by its path (`principal.agreement.ceiling`), and every action.
pub(super) struct FactSchema {
    facts: Vec<(String, Kind)>,
    places: BTreeMap<String, usize>,
    pub actions: BTreeSet<String>,
}

/// Records within records deeper than this are no schema of ours.
const DEPTH_MAX: usize = 8;

impl FactSchema {
    /// Reads a schema's text.
    ///
    /// # Errors
    /// A sentence that says what it does not state.
    pub fn read(schema: &str) -> Result<FactSchema, String> {
        let (fragment, _) = SchemaFragment::from_cedarschema_str(schema).map_err(|e| e.to_string())?;
        let json = fragment.to_json_value().map_err(|e| e.to_string())?;
        let own = json.get("Portcullis").ok_or("the schema has no namespace `Portcullis`")?;
        let actions = own.get("actions").and_then(Value::as_object).ok_or("the schema has no actions")?;
        let mut shape =
            FactSchema { facts: Vec::new(), places: BTreeMap::new(), actions: actions.keys().cloned().collect() };
        for (root, entity) in [("principal", "Partner"), ("resource", "Cut")] {
            let record = own.pointer(&format!("/entityTypes/{entity}/shape"));
            shape.gather(own, root, record.ok_or_else(|| format!("the schema has no entity `{entity}`"))?, 0)?;
        }
        // INVARIANT: strict validation has found that every action has a context; all have one and the same here.
        let context = actions.values().find_map(|action| action.pointer("/appliesTo/context"));
        shape.gather(own, "context", context.ok_or("the schema's actions have no context")?, 0)?;
        Ok(shape)
    }

    fn gather(&mut self, own: &Value, path: &str, stated: &Value, depth: usize) -> Result<(), String> {
        let named = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = match named(stated, "type") {
            name if name == "EntityOrCommon" => named(stated, "name"),
            name => name,
        };
        let kind = match name.rsplit("::").next().unwrap_or_default() {
            "Bool" | "Boolean" => Kind::Bool,
            "Long" => Kind::Long,
            "String" => Kind::Text,
            "Set" => Kind::Set,
            "Record" => {
                let fields = stated.get("attributes").and_then(Value::as_object);
                for (field, stated) in fields.into_iter().flatten() {
                    self.gather(own, &format!("{path}.{field}"), stated, depth + 1)?;
                }
                return Ok(());
            }
            common => match own.pointer(&format!("/commonTypes/{common}")) {
                Some(stated) if depth < DEPTH_MAX => return self.gather(own, path, stated, depth + 1),
                _ => {
                    return Err(format!("the schema gives `{path}` the unsupported type `{common}`"));
                }
            },
        };
        self.places.insert(path.to_owned(), self.facts.len());
        self.facts.push((path.to_owned(), kind));
        Ok(())
    }

    /// The number of a fact.
    pub fn place(&self, path: &str) -> Option<usize> {
        self.places.get(path).copied()
    }

    /// The facts in the order of their numbers.
    pub fn facts(&self) -> &[(String, Kind)] {
        &self.facts
    }

    /// The kind of a fact.
    pub fn kind(&self, fact: usize) -> Option<Kind> {
        self.facts.get(fact).map(|(_, kind)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SHIPPED_SCHEMA;

    #[test]
    fn the_shipped_schema_states_every_fact_with_its_kind() {
        let shape = FactSchema::read(SHIPPED_SCHEMA).unwrap();
        for (path, kind) in [
            ("principal.organisation", Kind::Bool),
            ("principal.agreement.accreditations", Kind::Set),
            ("resource.level", Kind::Long),
            ("resource.kind", Kind::Text),
            ("context.approvals.voters", Kind::Set),
            ("context.request.expires", Kind::Long),
        ] {
            assert_eq!(shape.place(path).and_then(|place| shape.kind(place)), Some(kind), "{path}");
        }
        assert_eq!(shape.place("resource.weather"), None);
        assert_eq!(shape.actions.len(), 3);
        assert!(FactSchema::read("entity Cut;").is_err());
    }
}
