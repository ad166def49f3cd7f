//! ISM attributes as members of an object: together they form one mark.

use serde_json::{Map, Value};

use super::{Meaning, Place, Walk};

/// The attributes that form a mark, in their order, and the separator between the values of each.
const PARTS: [(&str, &str); 9] = [
    ("SCIcontrols", "/"),
    ("SARIdentifier", "/"),
    ("atomicEnergyMarkings", "/"),
    ("FGIsourceOpen", " "),
    ("FGIsourceProtected", " "),
    ("disseminationControls", "/"),
    ("releasableTo", ", "),
    ("displayOnlyTo", ", "),
    ("nonICmarkings", "/"),
];
/// Attributes of CUI marks, which are not supported here.
const CUI: [&str; 2] = ["cuiBasic", "cuiSpecified"];
/// Attributes that restrict nothing: who marked it, when, and until when.
const OTHERS: [&str; 13] = [
    "DESVersion",
    "ISMCATCESVersion",
    "classifiedBy",
    "compliesWith",
    "createDate",
    "declassDate",
    "declassEvent",
    "declassException",
    "derivativelyClassifiedBy",
    "derivedFrom",
    "excludeFromRollup",
    "resourceElement",
    "version",
];

impl Walk<'_> {
    /// Reads the mark of an object with ISM attributes. Returns whether it has any.
    pub(super) fn attributes(&mut self, object: &Map<String, Value>, place: Place) -> bool {
        let owned = object.keys().any(|name| name.trim_start_matches('@') == "ownerProducer");
        let prefixed = |name: &str| name.trim_start_matches('@').to_ascii_lowercase().starts_with("ism:");
        if !owned && !object.keys().any(|name| prefixed(name)) {
            return false;
        }
        let place = place.member("ism:classification");
        let unknown = Meaning::Unknown(
            "ISM attributes that do not form a valid mark: correct them, or mark the attachment itself",
        );
        let meaning = match written(object, &prefixed) {
            Some(mark) => {
                let read = self.rules.parse_portion(&mark, None).map(|marking| Meaning::Mark(Box::new(marking)));
                read.unwrap_or(unknown)
            }
            None => unknown,
        };
        self.add(place, meaning);
        true
    }
}

/// Writes the attributes as a portion mark; `None` if one of them has no place in a mark.
fn written(object: &Map<String, Value>, prefixed: &dyn Fn(&str) -> bool) -> Option<String> {
    let local = |name: &str| name.trim_start_matches('@').rsplit(':').next().unwrap_or_default().to_owned();
    let value = |wanted: &str| object.iter().find(|(name, _)| local(name) == wanted).map(|(_, value)| value);
    let known = |name: &str| {
        matches!(name, "classification" | "ownerProducer")
            || PARTS.iter().any(|(part, _)| *part == name)
            || OTHERS.contains(&name)
    };
    // Without a prefix, a member may be an ordinary one of the object.
    if object.keys().any(|name| prefixed(name) && !known(&local(name))) {
        return None;
    }
    let tokens = |name: &str| -> Option<Vec<String>> {
        match value(name) {
            None => Some(Vec::new()),
            Some(Value::String(text)) => Some(text.split_whitespace().map(str::to_owned).collect()),
            Some(Value::Array(list)) => list.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        }
    };
    let one = |tokens: Vec<String>| <[String; 1]>::try_from(tokens).ok().map(|[one]| one);
    // CUI attributes are checked without a prefix, too: ignoring one would lift a restriction.
    if CUI.iter().any(|name| value(name).is_some()) {
        return None;
    }
    let class = one(tokens("classification")?)?;
    let owners = tokens("ownerProducer")?;
    let mut mark = match owners.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["USA"] => class,
        ["NATO"] => format!("//N{class}"),
        [one] => format!("//{one} {class}"),
        [] => return None,
        _ => format!("//JOINT {class} {}", owners.join(" ")),
    };
    let mut dissem: Vec<String> = Vec::new();
    for (name, between) in PARTS {
        let tokens = tokens(name)?;
        if tokens.is_empty() {
            continue;
        }
        let joined = tokens.join(between);
        match name {
            // Lists follow their control, and all controls are one segment.
            "disseminationControls" => dissem.extend(tokens.into_iter().filter(|t| t != "REL" && t != "DISPLAYONLY")),
            "releasableTo" => dissem.push(format!("REL TO {joined}")),
            "displayOnlyTo" => dissem.push(format!("DISPLAY ONLY {joined}")),
            "SARIdentifier" => mark.push_str(&format!("//SAR-{joined}")),
            "FGIsourceOpen" => mark.push_str(&format!("//FGI {joined}")),
            "FGIsourceProtected" => mark.push_str("//FGI"),
            _ => {
                flush(&mut mark, &mut dissem);
                mark.push_str(&format!("//{joined}"));
            }
        }
    }
    flush(&mut mark, &mut dissem);
    Some(format!("({mark})"))
}

fn flush(mark: &mut String, dissem: &mut Vec<String>) {
    if !dissem.is_empty() {
        mark.push_str(&format!("//{}", dissem.join("/")));
        dissem.clear();
    }
}
