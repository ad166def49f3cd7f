//! Handling members of any data, recognised by name: TLP and PAP labels, caveats, instructions, releasability.

use serde_json::{Map, Value};

use super::{Meaning, Place, Walk};
use crate::marking::stix::Tlp;

/// The subject of a member, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// The Traffic Light Protocol.
    Tlp,
    /// The Permissible Actions Protocol.
    Actions,
    /// With whom something may be shared; it may also mean something else.
    Sharing,
    /// A restriction: any value must be understood.
    Restraint,
    /// The recipients that something may be released to.
    Release,
    /// Whether something may be passed on; contains the answer that permits it.
    Passing(bool),
    /// A classification level; it must not be a number.
    Level,
}

/// Members of a label object, as used by CSAF.
const LABELS: [&str; 9] = ["code", "color", "colour", "designation", "label", "level", "marking", "name", "value"];
/// Other members of a label object, which restrict nothing.
const ABOUT: [&str; 11] =
    ["date", "description", "href", "link", "note", "reference", "source", "standard", "uri", "url", "version"];

const SHARING: [&str; 12] = [
    "classification",
    "dissemination",
    "distribution",
    "distributionscope",
    "handling",
    "marking",
    "markings",
    "sensitivity",
    "shareability",
    "sharing",
    "sharingscope",
    "visibility",
];
const RESTRAINTS: [&str; 20] = [
    "caveat",
    "caveats",
    "disseminationcontrol",
    "disseminationcontrols",
    "disseminationlimit",
    "disseminationrestriction",
    "disseminationrestrictions",
    "distributionrestriction",
    "distributionrestrictions",
    "distributionstatement",
    "handlingcaveat",
    "handlingcaveats",
    "handlinginstruction",
    "handlinginstructions",
    "handlingrestrictions",
    "releaserestrictions",
    "sharingpolicy",
    "sharingrestriction",
    "sharingrestrictions",
    "userestrictions",
];
const RELEASES: [&str; 9] = [
    "dissemcountries",
    "releasability",
    "releasableto",
    "releasabletocountries",
    "releasedto",
    "releaseto",
    "reltolist",
    "relto",
    "releasablecountries",
];
/// Members of a sharing object that restrict; elsewhere they may mean something else.
const WITHIN: [&str; 6] = ["caveat", "condition", "conditions", "instruction", "instructions", "statement"];
const LEVELS: [&str; 5] =
    ["classificationlevel", "protectivemarking", "securityclassification", "securitylevel", "secrecylevel"];
/// Yes-or-no members about passing something on: those that permit it with yes, then those that permit it with no.
const LETS: [&str; 6] = ["distributable", "isreleasable", "isshareable", "releasable", "shareable", "share"];
const FORBIDS: [&str; 13] = [
    "donotdisclose",
    "donotdistribute",
    "donotforward",
    "donotrelease",
    "donotshare",
    "isnf",
    "isnoforn",
    "noforeign",
    "noforn",
    "nonreleasable",
    "norelease",
    "originatorcontrolled",
    "restrictedrelease",
];
/// Names of circles that do not include a partner.
const CLOSED: [&str; 12] = [
    "closed",
    "confidential",
    "internal",
    "internal only",
    "internal use only",
    "need to know",
    "no sharing allowed",
    "organisation",
    "organisation only",
    "organization",
    "organization only",
    "private",
];
/// Values that restrict nothing.
const OPEN: [&str; 17] = [
    "-",
    "all",
    "any",
    "disclosure is not limited",
    "distribute freely",
    "everybody",
    "everyone",
    "n/a",
    "na",
    "no",
    "no restriction",
    "no restrictions",
    "none",
    "open",
    "public",
    "unlimited",
    "unrestricted",
];

/// Values that mean an empty list of recipients.
const NOBODY: [&str; 8] = ["-", "false", "n/a", "na", "nil", "no", "nobody", "none"];

/// Returns whether a value restricts nothing.
pub(super) fn is_open(text: &str) -> bool {
    OPEN.contains(&text.trim().trim_end_matches('.').to_lowercase().as_str())
}

/// Returns whether a value means release to everybody. `none` does not, as it means no recipient.
fn releases_to_all(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    OPEN.contains(&text.as_str()) && !NOBODY.contains(&text.as_str())
}

/// Returns yes or no, in any usual notation; `None` for any other value.
fn answer(value: &Value) -> Option<bool> {
    let text = match value {
        Value::Bool(answer) => return Some(*answer),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_lowercase(),
        _ => return None,
    };
    match text.as_str() {
        "1" | "on" | "true" | "y" | "yes" => Some(true),
        "0" | "false" | "n" | "never" | "no" | "none" | "off" => Some(false),
        _ => None,
    }
}

/// Returns a name in lower case, without separators between its words and without a namespace prefix.
pub(super) fn squeezed(name: &str) -> String {
    let name = name.rsplit(':').next().unwrap_or(name);
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Returns whether `word` is one of the words of a name.
fn has_word(name: &str, word: &str) -> bool {
    let bytes = name.as_bytes();
    name.to_ascii_lowercase().match_indices(word).any(|(at, _)| {
        let (from, to) = (at.checked_sub(1).and_then(|n| bytes.get(n)), bytes.get(at + word.len()));
        let first = bytes.get(at).is_some_and(u8::is_ascii_uppercase);
        let begins = from.is_none_or(|b| !b.is_ascii_alphabetic() || first && b.is_ascii_lowercase());
        let ends = to.is_none_or(|b| !b.is_ascii_lowercase());
        begins && ends
    })
}

impl Topic {
    /// Returns the subject of the member `name` of an object in the member `outer`.
    pub fn of(name: &str, outer: &str) -> Option<Topic> {
        let plain = squeezed(name);
        let is = |names: &[&str]| names.contains(&plain.as_str());
        if plain.starts_with("tlp") || plain.contains("trafficlight") || has_word(name, "tlp") {
            return Some(Topic::Tlp);
        }
        if plain == "pap"
            || plain.strip_prefix("pap").is_some_and(|rest| LABELS.contains(&rest))
            || has_word(name, "pap")
        {
            return Some(Topic::Actions);
        }
        if is(&LETS) || is(&FORBIDS) {
            return Some(Topic::Passing(is(&LETS)));
        }
        if is(&RESTRAINTS) || is(&WITHIN) && SHARING.contains(&squeezed(outer).as_str()) {
            return Some(Topic::Restraint);
        }
        if is(&RELEASES) || plain == "to" && matches!(squeezed(outer).as_str(), "release" | "releasable" | "rel") {
            return Some(Topic::Release);
        }
        if is(&LEVELS)
            || plain == "level" && matches!(squeezed(outer).as_str(), "security" | "classification" | "secrecy")
        {
            return Some(Topic::Level);
        }
        is(&SHARING).then_some(Topic::Sharing)
    }
}

impl Walk<'_> {
    /// Reads the member `name`, of an object in the member `outer`, if its name concerns handling.
    pub(super) fn handling(&mut self, name: &str, outer: &str, value: &Value, place: Place) {
        match Topic::of(name, outer) {
            Some(Topic::Tlp) if (is_about(name) || squeezed(name) == "tlps") && !reads_as_label(value) => {}
            Some(Topic::Tlp) => self.label(value, place.member("tlp")),
            Some(Topic::Actions) => self.actions(value, place.member("pap")),
            Some(Topic::Restraint) => self.restraint(value, place.member("handling")),
            Some(Topic::Release) => self.release(value, place.member("releasableTo")),
            Some(Topic::Level) if is_numeral(value) => self.add(
                place.member("classification"),
                Meaning::Unknown("a numeric classification without a definition: write it as a mark"),
            ),
            Some(Topic::Sharing) if squeezed(name) == "classification" && is_numeral(value) => self.add(
                place.member("classification"),
                Meaning::Unknown(
                    "a numeric classification without a definition: write it as a mark, or, where it classifies \
                     something else, name it otherwise",
                ),
            ),
            Some(Topic::Sharing) => match value {
                Value::String(text) => {
                    let plain = text.trim().to_lowercase().replace(['_', '-'], " ");
                    let closed = CLOSED.contains(&plain.as_str());
                    let closed = closed.then_some(Meaning::Restricted("a circle that does not include partners"));
                    let only = plain.starts_with("only ").then_some(Meaning::Unknown(
                        "an exclusive list of readers: express it in the attachment's mark and remove it",
                    ));
                    let meaning = Tlp::named(text).map(Meaning::Tlp).or(closed).or(only);
                    meaning.into_iter().for_each(|meaning| self.add(place.member("sharing"), meaning));
                }
                // The text of a distribution is in addition to its label (CSAF 2.0, 3.2.1.5.1).
                Value::Object(members) => {
                    members.get("text").into_iter().for_each(|text| self.restraint(text, place.member("distribution")));
                }
                _ => {}
            },
            Some(Topic::Passing(lets)) if answer(value) == Some(!lets) => self.add(
                place.member("handling"),
                Meaning::Restricted("it states that it must not be passed on: ask the originator, or remove it"),
            ),
            // Otherwise `rel` is the relation of a link.
            None if name.eq_ignore_ascii_case("rel") && is_list_of_codes(value) => {
                self.release(value, place.member("releasableTo"))
            }
            Some(Topic::Level | Topic::Passing(_)) | None => {}
        }
    }

    /// Reads a label of the Traffic Light Protocol. Text that mentions one is searched elsewhere.
    pub(super) fn label(&mut self, value: &Value, place: Place) {
        let unknown = Meaning::Unknown(
            "a label that TLP does not define: write `clear`, `green`, `amber`, `amber+strict` or `red`",
        );
        match value {
            Value::Null => {}
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => {
                self.add(place, Tlp::named(text).map_or(unknown, Meaning::Tlp));
            }
            Value::Array(list) => list.iter().for_each(|value| self.label(value, place)),
            Value::Object(members) if is_label(members) => {
                members
                    .iter()
                    .filter(|(name, _)| LABELS.contains(&squeezed(name).as_str()))
                    .for_each(|(_, value)| self.label(value, place));
            }
            _ => self.add(place, unknown),
        }
    }

    /// Reads a label of the Permissible Actions Protocol. It restricts what a recipient may do; only the open one
    /// passes.
    fn actions(&mut self, value: &Value, place: Place) {
        let open = |text: &str| {
            let text = text.trim().to_ascii_lowercase();
            let word = text.strip_prefix("pap").unwrap_or(&text).trim_start_matches([':', ' ', '-', '_', '=']);
            matches!(word, "" | "clear" | "white")
        };
        match value {
            Value::Null => {}
            Value::String(text) if open(text) => {}
            Value::Array(list) => list.iter().for_each(|value| self.actions(value, place)),
            _ => self.add(
                place,
                Meaning::Restricted(
                    "a label of the Permissible Actions Protocol, which binds what a partner may do and no mark here can \
                     say: ask its originator for PAP:CLEAR, or leave it out",
                ),
            ),
        }
    }

    /// Reads a caveat or an instruction: a mark, a label, or a value that restricts nothing.
    pub(super) fn restraint(&mut self, value: &Value, place: Place) {
        let unknown = Meaning::Unknown(
            "a handling instruction that does not correspond to a mark: express it in the attachment's mark and remove it, \
             with its originator's consent on record",
        );
        match value {
            Value::Null | Value::Bool(false) => {}
            Value::String(text) => {
                let text = text.trim();
                if text.is_empty() || is_open(text) {
                    return;
                }
                let read = || self.rules.parse_banner(text).or_else(|_| self.rules.parse_portion(text, None)).ok();
                let mark = || read().map(|marking| Meaning::Mark(Box::new(marking)));
                let meaning = Tlp::named(text).map(Meaning::Tlp).or_else(mark).unwrap_or(unknown);
                self.add(place, meaning);
            }
            Value::Array(list) => list.iter().for_each(|value| self.restraint(value, place)),
            _ => self.add(place, unknown),
        }
    }

    /// Reads a list of recipients as the list of an unclassified mark; the level is stated elsewhere.
    fn release(&mut self, value: &Value, place: Place) {
        let parted = |text: &str| -> Vec<String> {
            text.split([',', ';', ' ', '/']).filter(|code| !code.is_empty()).map(str::to_owned).collect()
        };
        let codes = match value {
            Value::Null => return,
            Value::String(text) if text.trim().is_empty() => return,
            Value::String(text) if releases_to_all(text) => return,
            Value::String(text) if NOBODY.contains(&text.trim().to_lowercase().as_str()) => Some(Vec::new()),
            Value::String(text) => Some(parted(text.trim().trim_start_matches("REL TO "))),
            Value::Array(list) => list.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        let nobody = |codes: &Vec<String>| match codes.as_slice() {
            [] => true,
            [one] => NOBODY.contains(&one.to_lowercase().as_str()),
            _ => false,
        };
        if codes.as_ref().is_some_and(nobody) {
            let meaning = Meaning::Restricted("it is releasable to nobody: ask the originator, or remove it");
            return self.add(place, meaning);
        }
        let unknown = Meaning::Unknown(
            "a list of those to whom it is releasable that is not understood: write codes such as `USA, GBR`, or mark the \
             attachment itself",
        );
        let written = codes.map(|codes| format!("(U//REL TO {})", codes.join(", ")));
        let mark = written.and_then(|mark| self.rules.parse_portion(&mark, None).ok());
        self.add(place, mark.map_or(unknown, |marking| Meaning::Mark(Box::new(marking))));
    }
}

/// Returns whether a value is a number, or a string that is one.
fn is_numeral(value: &Value) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    value.is_number() || value.as_str().is_some_and(|text| digits(text.trim()))
}

/// Returns whether a value is a list of recipient codes.
fn is_list_of_codes(value: &Value) -> bool {
    let code = |code: &str| (2..=5).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase());
    let codes = |text: &str| text.split([',', ' ', ';', '/']).filter(|part| !part.is_empty()).all(code);
    match value {
        Value::String(text) => !text.trim().is_empty() && codes(text),
        Value::Array(list) => !list.is_empty() && list.iter().all(|v| v.as_str().is_some_and(code)),
        _ => false,
    }
}

/// Returns whether a member is about the protocol itself, such as its version or URL, and not a label.
fn is_about(name: &str) -> bool {
    let name = squeezed(name);
    ABOUT.iter().any(|about| name.ends_with(about))
}

fn reads_as_label(value: &Value) -> bool {
    let label = |value: &Value| value.as_str().is_some_and(|text| Tlp::named(text).is_some());
    label(value) || value.as_array().is_some_and(|list| list.iter().any(label))
}

/// Returns whether an object consists of a label and members about it.
fn is_label(members: &Map<String, Value>) -> bool {
    let known = |name: &String| {
        let name = squeezed(name);
        LABELS.contains(&name.as_str()) || ABOUT.contains(&name.as_str())
    };
    members.keys().all(known) && members.keys().any(|name| LABELS.contains(&squeezed(name).as_str()))
}
