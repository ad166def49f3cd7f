//! The objects of a bundle, and what refers to what.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::marking::stix::{BANNER_PREFIX, StixError, StixMarking, read_definition, read_reference};
use crate::marking::{Marking, Rules};
use crate::product::fault::FaultCode;
use crate::product::formats::draft::Origin;
use crate::product::formats::json::tree::{Node, Value};
use crate::product::formats::json::{Pointer, Walk};
use crate::product::formats::text;

/// One object of a bundle.
#[derive(Clone)]
pub(super) struct Object<'s> {
    value: Rc<Value<'s>>,
    path: Pointer,
    pub id: String,
    pub kind: String,
}

/// The types of object that a product has a place for.
const KINDS: [&str; 6] = ["report", "note", "identity", "file", "artifact", "marking-definition"];

impl<'s> Object<'s> {
    pub fn value(&self) -> &Value<'s> {
        &self.value
    }

    pub fn member(&self, key: &str) -> Option<&Value<'s>> {
        self.value.member(key)
    }

    /// The pointer of a member, or of the object itself.
    pub fn path(&self, key: &str) -> Pointer {
        if key.is_empty() { self.path.clone() } else { self.path.member(key) }
    }

    pub fn origin(&self, walk: &Walk<'_>) -> Origin<'s> {
        walk.origin(&self.value, &self.path)
    }

    /// Reports properties that are unknown or missing, and checks the ones that every object has.
    pub fn has(&self, walk: &mut Walk<'_>, known: &[&str], required: &[&str]) {
        walk.object(&self.value, &self.path, known, required);
        if self.member("spec_version").is_some_and(|v| v.text() != Some("2.1")) {
            walk.shape(
                &self.value,
                &self.path("spec_version"),
                "an object of another version of STIX",
                "write STIX 2.1",
            );
        }
    }
}

/// A marking of a part of an object.
pub(super) struct Granular<'s> {
    pub marking: Marking,
    pub at: Origin<'s>,
}

/// Every object of a bundle by its identifier.
pub(super) struct Objects<'s> {
    by_id: BTreeMap<String, Object<'s>>,
    markings: BTreeMap<String, Marking>,
    used: BTreeSet<String>,
}

impl<'s> Objects<'s> {
    /// The objects of the bundle `root`. Reports those of a type that a product has no place for, and identifiers that
    /// are not ones or stand twice.
    pub fn of(root: &Value<'s>, walk: &mut Walk<'_>) -> Option<Objects<'s>> {
        identified(root, "bundle", &Pointer::root(), walk)?;
        let path = Pointer::root().member("objects");
        let mut by_id = BTreeMap::new();
        let mut sound = true;
        for (i, value) in walk.array(root.member("objects"), &path).iter().enumerate() {
            let path = path.element(i);
            let Some(kind) = value.member("type").and_then(Value::text) else {
                walk.shape(value, &path, "an object without its type", "write a STIX 2.1 object");
                sound = false;
                continue;
            };
            if !KINDS.contains(&kind) {
                let hint = "say it in a note, or attach it as a file; a product holds report, note, identity, file, artifact and marking-definition";
                walk.shape(value, &path, "an object of a type that a product has no place for", hint);
                sound = false;
                continue;
            }
            let Some(id) = identified(value, kind, &path, walk) else {
                sound = false;
                continue;
            };
            let object =
                Object { value: Rc::new(value.clone()), path: path.clone(), id: id.clone(), kind: kind.to_owned() };
            if by_id.insert(id, object).is_some() {
                let hint = "send one version of each object";
                walk.shape(value, &path, "an object whose identifier another one has", hint);
                sound = false;
            }
        }
        sound.then_some(Objects { by_id, markings: BTreeMap::new(), used: BTreeSet::new() })
    }

    /// The one object of this kind.
    pub fn only(&mut self, kind: &str, walk: &mut Walk<'_>) -> Option<Object<'s>> {
        let found: Vec<&Object<'s>> = self.by_id.values().filter(|o| o.kind == kind).collect();
        let hint = "a bundle is one tearline; write several as a product in JSON";
        match found[..] {
            [one] => {
                self.used.insert(one.id.clone());
                Some(one.clone())
            }
            [_, second, ..] => {
                walk.shape(second.value(), &second.path, "a second report in one bundle", hint);
                None
            }
            [] => {
                walk.nothing("a bundle without a report", "write one report, which is the tearline");
                None
            }
        }
    }

    /// Reads every marking definition. One that is no statement of a banner is reported, and marks nothing.
    pub fn read_markings(&mut self, rules: &Rules<'_>, walk: &mut Walk<'_>) {
        for object in self.by_id.values().filter(|o| o.kind == "marking-definition") {
            // INVARIANT: what was read as JSON here is JSON.
            let json = serde_json::from_str(object.value.raw).expect("the object is JSON");
            let (message, hint) = match read_definition(rules, &json) {
                Ok(StixMarking::Marking(marking)) => {
                    let known = ["type", "spec_version", "id", "created", "definition_type", "definition"];
                    object.has(walk, &known, &["created"]);
                    self.markings.insert(object.id.clone(), *marking);
                    continue;
                }
                Ok(StixMarking::Tlp(_)) => (TLP.0.to_owned(), TLP.1),
                Ok(StixMarking::Statement(_)) => (
                    "a statement in free words, which restrains in a way that a product cannot carry".to_owned(),
                    "write it in a note, and mark objects with a statement `MARKING: ` and a canonical banner",
                ),
                Err(StixError::Banner(rejected)) => {
                    let first = rejected.diagnostics.first();
                    let why = first.map_or_else(String::new, |d| format!(": {} [{}]", d.message, d.code));
                    let stated = json.pointer("/definition/statement").and_then(serde_json::Value::as_str);
                    let banner = stated.and_then(|text| text.strip_prefix(BANNER_PREFIX)).unwrap_or_default();
                    let hint = first.and_then(|d| text::remedy(d, banner));
                    (
                        format!("a statement whose banner is not valid and canonical{why}"),
                        hint.unwrap_or("write the banner as `marking check` prints it"),
                    )
                }
                Err(other) => (other.to_string(), "mark with a statement `MARKING: ` and a canonical banner"),
            };
            walk.at_value(FaultCode::StixMarking, &object.value, &object.path, &message, hint);
        }
    }

    /// The one marking of an object, and where it refers to it.
    pub fn marking_of(&mut self, object: &Object<'s>, walk: &mut Walk<'_>) -> Option<(Marking, Origin<'s>)> {
        let path = object.path("object_marking_refs");
        let one = match walk.array(object.member("object_marking_refs"), &path) {
            [one] => one,
            [] => {
                let hint = "refer to one marking definition: what is not marked is not open";
                walk.at_value(
                    FaultCode::StixMarking,
                    object.value(),
                    &object.path,
                    "an object without a marking",
                    hint,
                );
                return None;
            }
            [_, second, ..] => {
                let hint = "keep the one that holds the banner";
                walk.at_value(
                    FaultCode::StixMarking,
                    second,
                    &path.element(1),
                    "an object with several markings",
                    hint,
                );
                return None;
            }
        };
        let path = path.element(0);
        let marking = self.definition(one, &path, walk)?;
        Some((marking, walk.origin(one, &path)))
    }

    fn definition(&mut self, reference: &Value<'s>, path: &Pointer, walk: &mut Walk<'_>) -> Option<Marking> {
        let id = reference.text().unwrap_or_default();
        if read_reference(id).is_some() && !self.by_id.contains_key(id) {
            walk.at_value(FaultCode::StixMarking, reference, path, TLP.0, TLP.1);
            return None;
        }
        let object = self.refer(reference, path, &["marking-definition"], walk)?;
        // What is not here was reported where it is defined.
        self.markings.get(&object.id).cloned()
    }

    /// The markings of parts of an object, by selector.
    pub fn granular(&mut self, object: &Object<'s>, walk: &mut Walk<'_>) -> BTreeMap<String, Granular<'s>> {
        let path = object.path("granular_markings");
        let mut found = BTreeMap::new();
        for (i, value) in walk.array(object.member("granular_markings"), &path).iter().enumerate() {
            let path = path.element(i);
            walk.object(value, &path, &["marking_ref", "selectors"], &["marking_ref", "selectors"]);
            let Some(reference) = value.member("marking_ref") else { continue };
            let Some(marking) = self.definition(reference, &path.member("marking_ref"), walk) else { continue };
            let path = path.member("selectors");
            for (n, selector) in walk.array(value.member("selectors"), &path).iter().enumerate() {
                let path = path.element(n);
                let Some(text) = walk.string(selector, &path).map(|s| s.text.into_owned()) else { continue };
                let granular = Granular { marking: marking.clone(), at: walk.origin(selector, &path) };
                if found.insert(text, granular).is_some() {
                    let message = "a part with several markings";
                    walk.at_value(FaultCode::StixMarking, selector, &path, message, "mark each part once");
                }
            }
        }
        found
    }

    /// The objects that a list of references leads to, each once, with the pointer of its reference.
    pub fn references(&mut self, object: &Object<'s>, key: &str, walk: &mut Walk<'_>) -> Vec<(Object<'s>, Pointer)> {
        let path = object.path(key);
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for (i, reference) in walk.array(object.member(key), &path).iter().enumerate() {
            let path = path.element(i);
            let Some(target) = self.refer(reference, &path, &["note", "file", "identity"], walk) else { continue };
            if !seen.insert(target.id.clone()) {
                let message = "an object that is referred to twice";
                walk.at_value(FaultCode::StixReference, reference, &path, message, "refer to it once");
                continue;
            }
            found.push((target, path));
        }
        found
    }

    /// The object that a reference leads to, which must be of one of these kinds and inside the bundle.
    pub fn refer(
        &mut self,
        reference: &Value<'s>,
        path: &Pointer,
        kinds: &[&str],
        walk: &mut Walk<'_>,
    ) -> Option<Object<'s>> {
        let found = reference.text().and_then(|id| self.by_id.get(id)).filter(|o| kinds.contains(&o.kind.as_str()));
        match found {
            Some(object) => {
                self.used.insert(object.id.clone());
                Some(object.clone())
            }
            None => {
                let message = format!("a reference that leads to no {} in this bundle", kinds.join(", "));
                let hint = "put the object into the bundle, or remove the reference";
                walk.at_value(FaultCode::StixReference, reference, path, &message, hint);
                None
            }
        }
    }

    /// Reports objects that nothing refers to: they would be dropped without a word.
    pub fn report_unused(&mut self, walk: &mut Walk<'_>) {
        // Where something is wrong already, what is not referred to need not be a fault of its own.
        if !walk.faults.is_empty() {
            return;
        }
        for object in self.by_id.values().filter(|o| !self.used.contains(&o.id)) {
            let hint = "refer to it from the report, or remove it";
            walk.at_value(
                FaultCode::StixReference,
                object.value(),
                &object.path,
                "an object that nothing refers to",
                hint,
            );
        }
    }
}

const TLP: (&str, &str) = (
    "a TLP label, which says how far a recipient may share and not what may be released",
    "mark with a statement `MARKING: ` and a canonical banner",
);

/// The identifier of an object: its type, two hyphens and a UUID.
fn identified(value: &Value<'_>, kind: &str, path: &Pointer, walk: &mut Walk<'_>) -> Option<String> {
    let text = value.member("id").and_then(Value::text);
    let uuid = text.and_then(|t| t.strip_prefix(kind)?.strip_prefix("--"));
    let sound = uuid.is_some_and(|u| uuid::Uuid::try_parse(u).is_ok_and(|parsed| parsed.hyphenated().to_string() == u));
    if !sound {
        let message = "an identifier that is not the object's type, two hyphens and a UUID in lower case";
        let at = value.member("id").filter(|id| !matches!(id.node, Node::Object(_))).unwrap_or(value);
        walk.shape(at, &path.member("id"), message, "write such as `report--` and a UUID");
        return None;
    }
    text.map(str::to_owned)
}
