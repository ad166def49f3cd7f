//! How far MISP events and CAP alerts say that they may go.

use serde_json::{Map, Value};

use super::{Place, Says, Walk};

impl Walk<'_> {
    /// A MISP event: its distribution and that of each attribute (MISP core format, 2.2.1.8). Tags are words like others,
    /// and read where they stand.
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
                Some(2 | 3 | 5) => return self.file(object, place),
                _ => Says::Unknown("a distribution that MISP does not have: write 2 or 3"),
            };
            self.say(place.member("distribution"), says);
        }
        self.file(object, place);
    }

    /// The file of an attribute.
    fn file(&mut self, object: &Map<String, Value>, place: Place) {
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
                let read =
                    |text: &str| self.rules.parse_banner(text).or_else(|_| self.rules.parse_portion(text, None)).ok();
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
