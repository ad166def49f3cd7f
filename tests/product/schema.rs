//! The published schema and the reader of JSON agree: what the reader takes is valid by the schema, and what the schema
//! refuses the reader refuses.
//!
//! The checker here knows the words of JSON Schema that the schema uses, and fails on any other.

use std::collections::BTreeSet;

use crate::vectors;
use portcullis::cut::{Terms, cut_for};
use portcullis::marking::{Level, PartnerKind, PartnerRights, Register};
use portcullis::product::{Bounds, Code, FaultCode, Format, Product, SCHEMA};
use serde_json::Value;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Whether `value` is valid by `schema`, a part of `root`.
fn valid(root: &Value, schema: &Value, value: &Value) -> bool {
    let words = schema.as_object().unwrap();
    words.iter().all(|(word, rule)| match word.as_str() {
        "$schema" | "$id" | "$defs" | "title" | "description" => true,
        "$ref" => valid(root, root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap(), value),
        "const" => value == rule || value.as_f64().is_some_and(|n| Some(n) == rule.as_f64()),
        "type" => match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.as_f64().is_some_and(|n| n.fract() == 0.0),
            other => panic!("the checker does not know the type {other}"),
        },
        "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
        "minLength" => value.as_str().is_none_or(|s| s.chars().count() as u64 >= rule.as_u64().unwrap()),
        "maxLength" => value.as_str().is_none_or(|s| s.chars().count() as u64 <= rule.as_u64().unwrap()),
        "pattern" => value.as_str().is_none_or(|s| regex::Regex::new(rule.as_str().unwrap()).unwrap().is_match(s)),
        "minItems" => value.as_array().is_none_or(|a| a.len() as u64 >= rule.as_u64().unwrap()),
        "prefixItems" => {
            let rules = rule.as_array().unwrap();
            value.as_array().is_none_or(|a| a.iter().zip(rules).all(|(v, r)| valid(root, r, v)))
        }
        "items" => value.as_array().is_none_or(|a| {
            let prefix = words.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
            a.iter().skip(prefix).all(|v| valid(root, rule, v))
        }),
        "required" => {
            let keys = rule.as_array().unwrap();
            value.as_object().is_none_or(|o| keys.iter().all(|k| o.contains_key(k.as_str().unwrap())))
        }
        "properties" => {
            value.as_object().is_none_or(|o| o.iter().all(|(k, v)| rule.get(k).is_none_or(|r| valid(root, r, v))))
        }
        "additionalProperties" => {
            assert_eq!(*rule, Value::Bool(false));
            let known = words.get("properties").and_then(Value::as_object).unwrap();
            value.as_object().is_none_or(|o| o.keys().all(|k| known.contains_key(k)))
        }
        "allOf" => rule.as_array().unwrap().iter().all(|r| valid(root, r, value)),
        other => panic!("the checker does not know the word {other}"),
    })
}

#[test]
fn every_vector_that_the_reader_takes_is_valid_and_none_that_is_invalid_is_taken() {
    let schema = schema();
    let mut counted = (0, 0, 0);
    for vector in vectors::read_all("product/json") {
        let read = Product::read(&vector.body, &Bounds::default(), Register::compiled_in());
        // What another reader does not take for JSON at all is no matter of the schema.
        let Ok(value) = serde_json::from_slice::<Value>(&vector.body) else {
            assert!(read.is_err(), "{}", vector.name);
            continue;
        };
        let by_schema = valid(&schema, &schema, &value);
        match (&read, by_schema) {
            (Ok(_), true) => counted.0 += 1,
            (Err(_), false) => counted.1 += 1,
            (Ok(_), false) => panic!("{}: read, and not valid by the schema", vector.name),
            (Err(faults), true) => {
                // The schema cannot know what a text means; what it can say must not be left to the reader alone.
                let shape = |c: &Code| *c == FaultCode::JsonShape.into();
                let repeated = faults.iter().any(|f| f.code == FaultCode::JsonRepeated.into());
                // By the standard 8.0 is the whole number 8; the reader wants its digits alone.
                let spelled = vector.name.ends_with("_fraction");
                assert!(repeated || spelled || !faults.iter().any(|f| shape(&f.code)), "{}: {faults:?}", vector.name);
                counted.2 += 1;
            }
        }
    }
    assert!(counted.0 >= 4 && counted.1 >= 20 && counted.2 >= 15, "{counted:?}");
}

#[test]
fn every_cut_written_as_json_is_valid() {
    let schema = schema();
    let register = Register::compiled_in();
    let terms = Terms { attachments: BTreeSet::from(["text/csv".to_owned()]) };
    for source in [
        &include_bytes!("../../samples/EXERCISE-northern-lantern.txt")[..],
        include_bytes!("../../samples/EXERCISE-maritime.txt"),
        include_bytes!("../../samples/EXERCISE-small.txt"),
    ] {
        let product = Product::read(source, &Bounds::default(), register).unwrap();
        let gbr = PartnerRights::new("GBR", PartnerKind::Country, Level::Secret, []);
        let cut = cut_for(&product, &gbr, &terms, 0, &Bounds::default(), register).unwrap();
        let value: Value = serde_json::from_slice(&cut.rendered(Format::Json, register).unwrap()).unwrap();
        assert!(valid(&schema, &schema, &value));
        let mut wrong = value.clone();
        wrong["tearlines"][0]["unknown"] = true.into();
        assert!(!valid(&schema, &schema, &wrong));
    }
}
