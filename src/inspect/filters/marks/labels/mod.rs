//! Security labels in structured data: STIX marking definitions and references to them, ISM attributes, STANAG 4774 labels,
//! MISP distribution, CAP scope, handling members of other standards, and TLP members.
//!
//! Input: parsed data. Output: labels, each resolved to a mark that the marking engine can parse or to a TLP label. A
//! label that cannot be resolved is reported as not understood.

mod events;
mod handling;
mod ism;
mod standards;
mod stix;

use std::fmt;

use serde_json::{Deserializer, Map, Value};

use self::handling::squeezed;
use crate::inspect::content::is_mail;

use crate::marking::stanag4774::read_label;
use crate::marking::stix::Tlp;
use crate::marking::{Marking, Rules};

/// The most levels of data inside strings of data. Deeper nesting is refused.
const DEPTH_MAX: usize = 4;
/// The most positions in one string at which JSON is tried.
const BEGINNINGS_MAX: usize = 4;
/// The most labels reported for one file; more would only repeat them.
const STATED_MAX: usize = 200;

/// A label found in data.
#[derive(Debug)]
pub(super) struct Label {
    /// Its place.
    pub place: Place,
    /// Its meaning.
    pub meaning: Meaning,
}

/// The place of a label: the object in a list of objects, counted from 1, and the member. Only member names that a
/// format defines are reported; any other name is content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    object: Option<usize>,
    member: Option<&'static str>,
}

impl Place {
    /// Returns the place of a member at this place.
    fn member(self, member: &'static str) -> Place {
        Place { member: Some(member), ..self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.object, self.member) {
            (Some(object), Some(member)) => write!(f, "in object {object} (`{member}`)"),
            (Some(object), None) => write!(f, "in object {object}"),
            (None, Some(member)) => write!(f, "in `{member}`"),
            (None, None) => f.write_str("in the data"),
        }
    }
}

/// The meaning of a label.
#[derive(Debug)]
pub(super) enum Meaning {
    /// A label of the Traffic Light Protocol.
    Tlp(Tlp),
    /// A mark.
    Mark(Box<Marking>),
    /// It excludes partners, whatever its exact meaning: the reason, and what to do.
    Restricted(&'static str),
    /// It is not understood: what it is, and what to do.
    Unknown(&'static str),
}

/// Returns every label in `data`.
pub(super) fn in_data(data: &Value, rules: &Rules<'_>) -> Vec<Label> {
    within(data, rules, 0)
}

/// Returns every label in data that is nested in `depth` strings of data.
fn within(data: &Value, rules: &Rules<'_>, depth: usize) -> Vec<Label> {
    let defined = stix::defined(data);
    let mut walk = Walk { rules, defined: &defined, event: false, depth, found: Vec::new() };
    walk.value(data, "", Place { object: None, member: None });
    walk.found
}

/// Visits the values of the data.
struct Walk<'a> {
    rules: &'a Rules<'a>,
    /// The identifiers of the marking definitions in the data.
    defined: &'a stix::Defined<'a>,
    /// Whether the current value belongs to a MISP event.
    event: bool,
    /// The number of strings of data that this data is nested in.
    depth: usize,
    found: Vec<Label>,
}

impl Walk<'_> {
    fn add(&mut self, place: Place, meaning: Meaning) {
        if self.found.len() < STATED_MAX {
            self.found.push(Label { place, meaning });
        }
    }

    /// Visits the value of the member `name`.
    fn value(&mut self, value: &Value, name: &str, place: Place) {
        match value {
            Value::Object(object) => self.object(object, name, place),
            // Places are counted in the outermost list of objects.
            Value::Array(list) => list.iter().enumerate().for_each(|(n, value)| {
                let object = if value.is_object() { place.object.or(Some(n + 1)) } else { place.object };
                self.value(value, name, Place { object, ..place });
            }),
            Value::String(text) => self.text(text, place),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn object(&mut self, object: &Map<String, Value>, outer: &str, place: Place) {
        let outside = self.event;
        if stix::is_definition(object) {
            self.definition(object, place);
        }
        let attributed = self.attributes(object, place);
        self.alert(object, place);
        self.event(object, place);
        self.structure(object, outer, place);
        for (name, value) in object {
            self.named(name, value, place);
            // ISM attributes together form one mark.
            if !attributed && !self.standard(name, outer, value, place) {
                self.handling(name, outer, value, place);
            }
            // The identifier of a definition is not a reference.
            if name != "id" {
                self.value(value, name, stix::member(name).map_or(place, |member| place.member(member)));
            }
        }
        self.event = outside;
    }

    /// Reads a member whose meaning a format defines by its name.
    fn named(&mut self, name: &str, value: &Value, place: Place) {
        match name {
            "object_marking_refs" => self.references(value, place.member("object_marking_refs")),
            "granular_markings" => self.granular(value, place.member("granular_markings")),
            name if is_label(name) => self.add(
                place.member("ConfidentialityLabel"),
                Meaning::Unknown("a confidentiality label in JSON: mark the attachment itself and remove the label"),
            ),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, place: Place) {
        self.referred(text, place);
        self.nested(text, place);
        if text.contains('\n') && is_mail(text) {
            self.add(
                place,
                Meaning::Unknown("an email with its header: attach its body as text, and its attachments separately"),
            );
        }
        // A label in XML, as the value of a member.
        let xml = text.trim_start();
        if xml.starts_with('<') && xml.contains("ConfidentialityLabel") {
            let meaning = match read_label(self.rules, xml.trim_end()) {
                Ok(marking) => Meaning::Mark(Box::new(marking)),
                Err(_) => Meaning::Unknown(
                    "a confidentiality label that cannot be converted exactly: mark the attachment itself",
                ),
            };
            self.add(place, meaning);
        }
    }

    /// Reads JSON inside a string: the whole string, or after other text.
    fn nested(&mut self, text: &str, place: Place) {
        let quoted = |at: &usize| text[at + 1..].trim_start().starts_with('"');
        let whole = text.trim_start().starts_with(['{', '[']).then_some(text.len() - text.trim_start().len());
        let objects = text.match_indices('{').map(|(at, _)| at).filter(quoted);
        let mut read = 0;
        for at in whole.into_iter().chain(objects).take(BEGINNINGS_MAX) {
            if at < read {
                continue;
            }
            let mut values = Deserializer::from_str(&text[at..]).into_iter::<Value>();
            let Some(Ok(data @ (Value::Object(_) | Value::Array(_)))) = values.next() else { continue };
            read = at + values.byte_offset();
            if self.depth >= DEPTH_MAX {
                let why = "data nested too deeply in strings: write them as members";
                self.add(place, Meaning::Unknown(why));
                return;
            }
            within(&data, self.rules, self.depth + 1).into_iter().for_each(|label| self.add(place, label.meaning));
        }
    }
}

/// Returns whether a member is a STANAG 4774 label in JSON.
fn is_label(name: &str) -> bool {
    let name = squeezed(name);
    name.ends_with("confidentialitylabel") || name.ends_with("confidentialityinformation")
}

#[cfg(test)]
mod tests;
