//! Marking definitions of STIX 2.1, and references to them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Meaning, Place, Walk};
use crate::marking::stix::{StixError, StixMarking, Tlp, read_definition};

/// The identifiers of the marking definitions in the data.
pub(super) type Defined<'a> = BTreeSet<&'a str>;

/// The prefix of the identifier of a marking definition.
const DEFINITION: &str = "marking-definition--";
/// The length of a UUID, in characters.
const UUID_CHARS: usize = 36;

/// Returns every marking definition anywhere in the data.
pub(super) fn defined(data: &Value) -> Defined<'_> {
    fn add<'a>(value: &'a Value, defined: &mut Defined<'a>) {
        match value {
            Value::Object(object) => {
                if is_definition(object) {
                    defined.extend(object.get("id").and_then(Value::as_str));
                }
                object.values().for_each(|value| add(value, defined));
            }
            Value::Array(list) => list.iter().for_each(|value| add(value, defined)),
            _ => {}
        }
    }
    let mut defined = Defined::new();
    add(data, &mut defined);
    defined
}

/// Returns whether an object is a marking definition.
pub(super) fn is_definition(object: &Map<String, Value>) -> bool {
    object.get("type").and_then(Value::as_str) == Some("marking-definition")
}

/// Returns a member name that may be reported, because the standard defines it.
pub(super) fn member(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 6] =
        ["created_by_ref", "definition", "granular_markings", "labels", "object_marking_refs", "object_refs"];
    NAMES.into_iter().find(|known| *known == name)
}

impl Walk<'_> {
    /// Reads a marking definition.
    pub(super) fn definition(&mut self, object: &Map<String, Value>, place: Place) {
        let meaning = match read_definition(self.rules, &Value::Object(object.clone())) {
            // A TLP definition counts where its identifier is referenced; here it may be unused.
            Ok(StixMarking::Tlp(tlp)) => Meaning::Tlp(tlp),
            Ok(StixMarking::Marking(marking)) => Meaning::Mark(marking),
            Ok(StixMarking::Statement(text)) => match self.rules.in_profile_of(&text).parse_banner(&text) {
                Ok(marking) => Meaning::Mark(Box::new(marking)),
                Err(_) => Meaning::Unknown(
                    "a statement in free words, which nothing here can hold against the mark of the attachment: \
                     state `MARKING: ` and a banner, or remove it",
                ),
            },
            Err(StixError::Mismatch { .. }) => Meaning::Unknown(
                "a TLP label under another identifier or name than its own: use the definition as it is published",
            ),
            Err(StixError::Banner(_)) => Meaning::Unknown(
                "a statement whose banner is not valid and canonical: write it as `marking check` prints it",
            ),
            Err(StixError::Unknown { .. }) => Meaning::Unknown(
                "a marking definition with a member that is not understood and may be a restriction: remove it",
            ),
            Err(_) => Meaning::Unknown(
                "a marking definition that cannot be converted exactly: use TLP, or a statement `MARKING: ` and a banner",
            ),
        };
        self.add(place, meaning);
    }

    /// Checks the list of an object's markings.
    pub(super) fn references(&mut self, value: &Value, place: Place) {
        let sound = |id: &Value| id.as_str().is_some_and(|id| id.starts_with(DEFINITION));
        // The targets are checked for every string of the data.
        if !value.as_array().is_some_and(|refs| !refs.is_empty() && refs.iter().all(sound)) {
            self.add(place, Meaning::Unknown("a reference that is not to a marking definition: correct or remove it"));
        }
    }

    /// Checks the granular markings of an object. The language of a part restricts nothing.
    pub(super) fn granular(&mut self, value: &Value, place: Place) {
        let sound = |part: &Value| {
            let Some(part) = part.as_object() else { return false };
            let known = |name: &String| matches!(name.as_str(), "marking_ref" | "lang" | "selectors");
            let refers = part.get("marking_ref").and_then(Value::as_str).is_some_and(|id| id.starts_with(DEFINITION));
            part.keys().all(known) && refers != part.contains_key("lang")
        };
        if !value.as_array().is_some_and(|parts| parts.iter().all(sound)) {
            self.add(place, Meaning::Unknown("granular markings that do not follow the STIX standard: correct them"));
        }
    }

    /// Reads every reference to a marking definition in a string.
    pub(super) fn referred(&mut self, text: &str, place: Place) {
        for (at, _) in text.match_indices(DEFINITION) {
            let id = text.get(at..at + DEFINITION.len() + UUID_CHARS).unwrap_or(&text[at..]);
            match Tlp::from_id(id) {
                // The target of a reference is judged where it is defined; a TLP label is judged here.
                Some(tlp) => self.add(place, Meaning::Tlp(tlp)),
                None if self.defined.contains(id) => {}
                None => self.add(
                    place,
                    Meaning::Unknown(
                        "a reference to a marking definition that is not in the data, so that nobody can say what it \
                         forbids: put the definition in, or remove the reference",
                    ),
                ),
            }
        }
    }
}
