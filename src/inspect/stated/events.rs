//! How far MISP events and CAP alerts say that they may go.

use serde_json::{Map, Value};

use super::{Place, Says, Walk};
use crate::marking::stix::Tlp;

/// Taxonomies of MISP whose tags say who may have something, beside TLP.
const TAXONOMIES: [&str; 8] =
    ["cssa", "de-vs", "dni-ism", "fr-classif", "iep", "iep2-policy", "iep2-reference", "nato"];

impl Walk<'_> {
    /// A MISP event: its distribution and that of each attribute (MISP core format, 2.2.1.8), its tags and its files.
    pub(super) fn event(&mut self, object: &Map<String, Value>, place: Place) {
        let event = object.get("Event").and_then(Value::as_object);
        self.event |= event.is_some_and(|event| event.contains_key("info") || event.contains_key("Attribute"));
        if !self.event {
            return;
        }
        if let Some(distribution) = object.get("distribution") {
            let level = match distribution {
                Value::String(text) => text.trim().parse().ok(),
                value => value.as_u64(),
            };
            let says = match level {
                Some(0) => Says::Withholds("a distribution that ends at the organisation it came from"),
                Some(1) => Says::Withholds("a distribution that ends at the community of one server"),
                Some(4) => Says::Withholds("a distribution to a group whose members are not stated"),
                // Connected communities, everybody, and whatever the event says.
                Some(2 | 3 | 5) => return self.tagged(object, place),
                _ => Says::Unknown("a distribution that MISP does not have: write 2 or 3"),
            };
            self.say(place.member("distribution"), says);
        }
        self.tagged(object, place);
    }

    /// The file of an attribute, or what a tag says.
    fn tagged(&mut self, object: &Map<String, Value>, place: Place) {
        let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
        let taxonomy = name.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let unknown =
            Says::Unknown("a tag that is no label of TLP: write `tlp:` and a label, or mark the attachment itself");
        match Tlp::named(name) {
            Some(tlp) if taxonomy == "tlp" => self.say(place.member("Tag"), Says::Tlp(tlp)),
            _ if taxonomy == "tlp" || TAXONOMIES.contains(&taxonomy.as_str()) => self.say(place.member("Tag"), unknown),
            _ => {}
        }
        if object.get("data").is_some_and(|data| !data.is_null()) {
            let says = Says::Withholds("a file inside the event, which nobody looks into: attach it by itself");
            self.say(place.member("data"), says);
        }
    }

    /// A CAP alert: its scope, and the rule for restricting it (CAP 1.2, 3.2.1).
    pub(super) fn alert(&mut self, object: &Map<String, Value>, place: Place) {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let (Some(scope), true) = (object.get("scope"), object.contains_key("msgType")) else { return };
        let says = match scope.as_str() {
            Some("Public") if !object.contains_key("restriction") => return,
            Some("Restricted" | "Public") => {
                let read = |text: &str| {
                    let rules = self.rules.in_profile_of(text);
                    rules.parse_banner(text).or_else(|_| rules.parse_portion(text, None)).ok()
                };
                match text("restriction").and_then(read) {
                    Some(marking) => Says::Mark(Box::new(marking)),
                    None => Says::Unknown(
                        "a restriction of an alert that is no mark: write it as one, such as `SECRET//REL TO USA, GBR`",
                    ),
                }
            }
            Some("Private") => Says::Withholds("an alert to the addresses that it names and to nobody else"),
            _ => Says::Unknown("a scope that alerts do not have: write `Public`, `Restricted` or `Private`"),
        };
        self.say(place.member("scope"), says);
    }
}
