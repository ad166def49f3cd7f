//! STIX 2.1 bundles as attachments: JSON with the standard's own rules, and without the features in which a bundle
//! could carry embedded files or markings that contradict the marking of the attachment.

use std::collections::BTreeMap;

use super::Fault;
use super::json::Value;
use crate::marking::stix::{TLP2_EXTENSION, Tlp};

/// Checks that a value is a valid bundle (STIX 2.1).
///
/// # Errors
/// A [`Fault`] with a `stix.*` code.
pub(super) fn check(value: &Value) -> Result<(), Fault> {
    let Value::Object(bundle) = value else { return Err(form("a bundle that is not an object")) };
    if text(bundle, "type") != Some("bundle") {
        return Err(form(
            "a bundle whose `type` is not `bundle`: put a STIX object into a bundle, declare other JSON as `application/json`",
        ));
    }
    check_id(bundle)?;
    if bundle.keys().any(|k| !matches!(k.as_str(), "type" | "id" | "objects")) {
        return Err(form("a bundle with other members than type, id and objects"));
    }
    let Some(Value::List(objects)) = bundle.get("objects") else { return Err(form("a bundle without objects")) };
    for (n, object) in objects.iter().enumerate() {
        let Value::Object(object) = object else { return Err(form("an object of a bundle that is not an object")) };
        check_id(object)?;
        if text(object, "spec_version") != Some("2.1") {
            return Err(form("an object whose `spec_version` is not `2.1`"));
        }
        let place =
            |fault: Fault| Fault::new(fault.code, format!("{}, in object {} of the bundle", fault.message, n + 1));
        check_members(object).map_err(place)?;
    }
    Ok(())
}

fn form(message: &str) -> Fault {
    Fault::new("stix.form", message)
}

fn text<'a>(object: &'a BTreeMap<String, Value>, name: &str) -> Option<&'a str> {
    match object.get(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// Checks an object's identifier: its type, two hyphens and a UUID (STIX 2.1, 2.9).
fn check_id(object: &BTreeMap<String, Value>) -> Result<(), Fault> {
    let (Some(kind), Some(id)) = (text(object, "type"), text(object, "id")) else {
        return Err(form("an object without `type` or `id`"));
    };
    let plain = (3..=250).contains(&kind.len())
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let uuid = id.strip_prefix(kind).and_then(|rest| rest.strip_prefix("--"));
    let shaped = uuid.is_some_and(|u| {
        u.len() == 36 && u.parse::<uuid::Uuid>().is_ok() && !u.bytes().any(|b| b.is_ascii_uppercase())
    });
    if plain && shaped { Ok(()) } else { Err(form("an `id` that is not the type, two hyphens and a UUID")) }
}

fn check_members(object: &BTreeMap<String, Value>) -> Result<(), Fault> {
    let definition = text(object, "type") == Some("marking-definition");
    for (name, value) in object {
        match name.as_str() {
            "payload_bin" => {
                return Err(Fault::new("stix.payload", "an object that holds a file: attach it by itself"));
            }
            "granular_markings" => check_granular_markings(value)?,
            "extensions" if definition && is_tlp(value) => {}
            "extensions" => return Err(Fault::new("stix.custom", "unsupported `extensions`")),
            name if name.starts_with("x_") => {
                return Err(Fault::new("stix.custom", "an unsupported custom property"));
            }
            "object_marking_refs" if !matches!(value, Value::List(refs) if !refs.is_empty()) => {
                return Err(form("`object_marking_refs` that is no list of references"));
            }
            _ => {}
        }
        check_value(value)?;
    }
    Ok(())
}

/// Checks the form of `granular_markings`: parts of an object that have their own marking (STIX 2.1, 7.2.3) or
/// language. Whether these markings permit the release is decided where the marking of the attachment is available.
fn check_granular_markings(value: &Value) -> Result<(), Fault> {
    let one = |part: &Value| {
        let Value::Object(part) = part else { return false };
        let marked = part.contains_key("marking_ref") != part.contains_key("lang");
        marked && part.keys().all(|name| matches!(name.as_str(), "marking_ref" | "lang" | "selectors"))
    };
    match value {
        Value::List(parts) if !parts.is_empty() && parts.iter().all(one) => Ok(()),
        _ => Err(Fault::new("stix.marking", "invalid `granular_markings`")),
    }
}

/// Whether `extensions` holds only a TLP 2.0 label.
fn is_tlp(extensions: &Value) -> bool {
    let Value::Object(extensions) = extensions else { return false };
    extensions.keys().all(|name| name == TLP2_EXTENSION)
}

fn check_value(value: &Value) -> Result<(), Fault> {
    match value {
        Value::Object(members_of) => check_members(members_of),
        Value::List(list) => list.iter().try_for_each(check_value),
        Value::Text(id) => match Tlp::from_id(id).filter(|tlp| !tlp.may_be_shared_with_partners()) {
            Some(tlp) => {
                let message = format!(
                    "a TLP label that permits no release to a partner: content may be shared {}",
                    tlp.sharing()
                );
                Err(Fault::new("stix.marking", message))
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::{Limits, json};

    const ID: &str = "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f";

    fn code(members: &str) -> &'static str {
        let text = format!(
            r#"{{"type":"bundle","id":"bundle--{ID}","objects":[{{"type":"identity","spec_version":"2.1","id":"identity--{ID}"{members}}}]}}"#
        );
        check(&json::read(text.as_bytes(), &Limits::default()).unwrap()).map_or_else(|f| f.code, |()| "pass")
    }

    #[test]
    fn refuses_files_custom_members_and_markings_of_their_own() {
        assert_eq!(code(r#","name":"EXERCISE""#), "pass");
        for (members, expected) in [
            (r#","payload_bin":"QQ==""#, "stix.payload"),
            (r#","a":{"b":[{"payload_bin":"QQ=="}]}"#, "stix.payload"),
            (r#","x_note":"n""#, "stix.custom"),
            (r#","extensions":{}"#, "stix.custom"),
            (r#","granular_markings":[]"#, "stix.marking"),
            (r#","object_marking_refs":[]"#, "stix.form"),
            (r#","object_marking_refs":["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]"#, "stix.marking"),
            (r#","object_marking_refs":["marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"]"#, "stix.marking"),
            (r#","object_marking_refs":["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"]"#, "stix.marking"),
            (r#","object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]"#, "pass"),
            (r#","granular_markings":[{"lang":"en","selectors":["name"]}]"#, "pass"),
            (r#","granular_markings":[{"lang":"en","selectors":["name"],"caveat":"n"}]"#, "stix.marking"),
            (
                r#","granular_markings":[{"marking_ref":"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1","selectors":["name"]}]"#,
                "stix.marking",
            ),
        ] {
            assert_eq!(code(members), expected, "{members}");
        }
    }

    #[test]
    fn refuses_what_is_no_bundle() {
        for text in [
            "[]".to_owned(),
            "{}".to_owned(),
            format!(
                r#"{{"type":"bundle","id":"bundle--{ID}","objects":[{{"type":"identity","id":"identity--{ID}"}}]}}"#
            ),
            format!(r#"{{"type":"bundle","id":"report--{ID}","objects":[]}}"#),
            format!(r#"{{"type":"bundle","id":"bundle--{ID}","objects":[],"x_a":1}}"#),
        ] {
            let value = json::read(text.as_bytes(), &Limits::default()).unwrap();
            assert_eq!(check(&value).unwrap_err().code, "stix.form", "{text}");
        }
    }
}
