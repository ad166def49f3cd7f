//! Distribution of MISP events and scope of CAP alerts.

use serde_json::{Map, Value};

use super::{Meaning, Place, Walk};
use crate::marking::stix::Tlp;

/// Taxonomies of MISP, other than TLP, whose tags restrict distribution.
const TAXONOMIES: [&str; 8] =
    ["cssa", "de-vs", "dni-ism", "fr-classif", "iep", "iep2-policy", "iep2-reference", "nato"];

/// Members that MISP events, attributes and objects have, and hardly any other data with a distribution.
const MEMBERS: [&str; 13] = [
    "Attribute",
    "EventReport",
    "Galaxy",
    "Object",
    "Orgc",
    "ShadowAttribute",
    "Tag",
    "event_id",
    "orgc_id",
    "publish_timestamp",
    "sharing_group_id",
    "threat_level_id",
    "to_ids",
];

/// Returns whether an object is a MISP event, or a stand-alone part of one.
fn is_event(object: &Map<String, Value>) -> bool {
    let wrapped = object.iter().filter(|(name, _)| name.eq_ignore_ascii_case("event")).any(|(_, event)| {
        let has = |name: &str| event.get(name).is_some();
        has("Attribute") || has("info") && (has("distribution") || has("Tag") || has("date") || has("uuid"))
    });
    let beside = ["distribution", "sharing_group_id", "SharingGroup"].into_iter().any(|name| object.contains_key(name));
    let pinned = object.contains_key("Event") && object.get("Event").is_some_and(|event| event.get("info").is_some());
    // An event or attribute without its other members: then it is recognised by a numeric distribution.
    let has = |name: &str| object.contains_key(name);
    let numbered = object.get("distribution").is_some_and(|value| match value {
        Value::String(text) => matches!(text.trim().as_bytes(), [b'0'..=b'5']),
        value => value.as_u64().is_some_and(|level| level <= 5),
    });
    let event = has("info") && ["analysis", "date", "published", "uuid"].into_iter().any(has);
    let bare = numbered && (event || has("value") && has("type") && has("category"));
    wrapped || pinned || bare || beside && MEMBERS.into_iter().any(|name| object.contains_key(name))
}

impl Walk<'_> {
    /// Reads a MISP event: its distribution and that of each attribute (MISP core format, 2.2.1.8), its tags and its
    /// files.
    pub(super) fn event(&mut self, object: &Map<String, Value>, place: Place) {
        // Objects within an event may inherit its distribution.
        let inherits = self.event && !object.contains_key("info");
        self.event |= is_event(object);
        if !self.event {
            return;
        }
        if let Some(distribution) = object.get("distribution") {
            let level = match distribution {
                Value::String(text) => text.trim().parse().ok(),
                value => value.as_u64(),
            };
            let meaning = match level {
                Some(0) => Some(Meaning::Restricted("a distribution that ends at the organisation it came from")),
                Some(1) => Some(Meaning::Restricted("a distribution that ends at the community of one server")),
                Some(4) => Some(Meaning::Restricted("a distribution to a group whose members are not stated")),
                // Connected communities, and all communities.
                Some(2 | 3) => None,
                Some(5) if inherits => None,
                Some(5) => Some(Meaning::Unknown("an inherited distribution without a parent: write 2 or 3")),
                _ => Some(Meaning::Unknown("a distribution that MISP does not define: write 2 or 3")),
            };
            meaning.into_iter().for_each(|meaning| self.add(place.member("distribution"), meaning));
        }
        self.group(object, place);
        self.tagged(object, place);
    }

    /// Reports a sharing group, unless the distribution already refers to it.
    fn group(&mut self, object: &Map<String, Value>, place: Place) {
        let none = |value: &Value| {
            let text = value.as_str().map(str::trim);
            value.is_null() || value.as_u64() == Some(0) || matches!(text, Some("" | "0"))
        };
        let named = object.get("sharing_group_id").is_some_and(|id| !none(id)) || object.contains_key("SharingGroup");
        let said = object.get("distribution").is_some_and(|d| d.as_str() == Some("4") || d.as_u64() == Some(4));
        if named && !said {
            let meaning = Meaning::Restricted("a sharing group whose members are not stated");
            self.add(place.member("sharing_group_id"), meaning);
        }
    }

    /// Reports the file of an attribute, or the meaning of a tag.
    fn tagged(&mut self, object: &Map<String, Value>, place: Place) {
        let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
        let taxonomy = name.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let unknown =
            Meaning::Unknown("a tag that is not a TLP label: write `tlp:` and a label, or mark the attachment itself");
        match Tlp::named(name) {
            Some(tlp) if taxonomy == "tlp" => self.add(place.member("Tag"), Meaning::Tlp(tlp)),
            _ if taxonomy == "tlp" || TAXONOMIES.contains(&taxonomy.as_str()) => self.add(place.member("Tag"), unknown),
            _ => {}
        }
        if object.get("data").is_some_and(|data| !data.is_null()) {
            let meaning = Meaning::Restricted("a file inside the event, which is not inspected: attach it separately");
            self.add(place.member("data"), meaning);
        }
    }

    /// Reads a CAP alert: its scope, and the text of its restriction (CAP 1.2, 3.2.1).
    pub(super) fn alert(&mut self, object: &Map<String, Value>, place: Place) {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let (Some(scope), true) = (object.get("scope"), object.contains_key("msgType")) else { return };
        let meaning = match scope.as_str() {
            Some("Public") if !object.contains_key("restriction") => return,
            Some("Restricted" | "Public") => {
                let read = |text: &str| {
                    let rules = self.rules.in_profile_of(text);
                    rules.parse_banner(text).or_else(|_| rules.parse_portion(text, None)).ok()
                };
                match text("restriction").and_then(read) {
                    Some(marking) => Meaning::Mark(Box::new(marking)),
                    None => Meaning::Unknown(
                        "an alert restriction that is not a valid mark: write it as one, such as `SECRET//REL TO USA, GBR`",
                    ),
                }
            }
            Some("Private") => Meaning::Restricted("an alert to its listed addresses only"),
            _ => Meaning::Unknown("a scope that CAP does not define: write `Public`, `Restricted` or `Private`"),
        };
        self.add(place.member("scope"), meaning);
    }
}
