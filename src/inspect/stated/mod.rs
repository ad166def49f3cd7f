//! The markings that data state by their structure: marking definitions of STIX and what refers to them, ISM attributes,
//! labels of STANAG 4774, the distribution of MISP events, the scope of CAP alerts, the members of other standards, TLP
//! in a member of its own.
//!
//! Each resolves to a mark that the marking engine reads, or to a TLP label with a defined audience. What does not is not
//! guessed at: it is said where it stands, and refused.

mod events;
mod handling;
mod ism;
mod standards;
mod stix;

use std::fmt;

use serde_json::{Deserializer, Map, Value};

use self::handling::squeezed;
use super::content::is_mail;

use crate::marking::stanag4774::read_label;
use crate::marking::stix::Tlp;
use crate::marking::{Marking, Rules};

/// How often data stand inside a text of data, at most: what is deeper in escapes is a text like any other.
const DEPTH_MAX: usize = 4;
/// Beginnings of data behind other words of one text that are tried, at most.
const BEGINNINGS_MAX: usize = 4;
/// What is read of one file at most; more would only repeat it.
const STATED_MAX: usize = 200;

/// One marking that data state.
#[derive(Debug)]
pub(super) struct Stated {
    /// Where.
    pub place: Place,
    /// What it comes to.
    pub says: Says,
}

/// Where a marking stands: in which object of a list of objects, counted from one, and in which member. Only members that
/// a format names are told; any other name is content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    object: Option<usize>,
    member: Option<&'static str>,
}

impl Place {
    /// The same place, in a member of it.
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

/// What a marking comes to.
#[derive(Debug)]
pub(super) enum Says {
    /// A label of the Traffic Light Protocol.
    Tlp(Tlp),
    /// A mark.
    Mark(Box<Marking>),
    /// Whatever it is, it keeps to fewer than a partner: why, and what to do.
    Withholds(&'static str),
    /// It is not understood: what it is, and what to do.
    Unknown(&'static str),
}

/// Every marking that `data` state.
pub(super) fn in_data(data: &Value, rules: &Rules<'_>) -> Vec<Stated> {
    within(data, rules, 0)
}

/// The same of data inside a text of data, which is inside so many.
fn within(data: &Value, rules: &Rules<'_>, depth: usize) -> Vec<Stated> {
    let defined = stix::defined(data);
    let mut walk = Walk { rules, defined: &defined, event: false, depth, found: Vec::new() };
    walk.value(data, "", Place { object: None, member: None });
    walk.found
}

/// Looks at one value after another.
struct Walk<'a> {
    rules: &'a Rules<'a>,
    /// The identifiers of the marking definitions that the data have.
    defined: &'a stix::Defined<'a>,
    /// Whether what is looked at belongs to a MISP event.
    event: bool,
    /// Inside how many texts of data these are.
    depth: usize,
    found: Vec<Stated>,
}

impl Walk<'_> {
    fn say(&mut self, place: Place, says: Says) {
        if self.found.len() < STATED_MAX {
            self.found.push(Stated { place, says });
        }
    }

    /// Looks at the value of the member `name`.
    fn value(&mut self, value: &Value, name: &str, place: Place) {
        match value {
            Value::Object(object) => self.object(object, name, place),
            // The outermost list of objects is what places are counted in.
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
            // The attributes of ISM are one mark together.
            if !attributed && !self.standard(name, outer, value, place) {
                self.handling(name, outer, value, place);
            }
            // The identifier of a definition refers to nothing.
            if name != "id" {
                self.value(value, name, stix::member(name).map_or(place, |member| place.member(member)));
            }
        }
        self.event = outside;
    }

    /// What a member says by its name, as a format has it.
    fn named(&mut self, name: &str, value: &Value, place: Place) {
        match name {
            "object_marking_refs" => self.references(value, place.member("object_marking_refs")),
            "granular_markings" => self.granular(value, place.member("granular_markings")),
            name if is_label(name) => self.say(
                place.member("ConfidentialityLabel"),
                Says::Unknown("a confidentiality label in JSON: mark the attachment itself and take the label out"),
            ),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, place: Place) {
        self.referred(text, place);
        self.nested(text, place);
        if text.contains('\n') && is_mail(text) {
            self.say(
                place,
                Says::Unknown("a mail with its header: write its words, and attach what came with it by itself"),
            );
        }
        // A label in XML, as the value of a member.
        let xml = text.trim_start();
        if xml.starts_with('<') && xml.contains("ConfidentialityLabel") {
            let says = match read_label(self.rules, xml.trim_end()) {
                Ok(marking) => Says::Mark(Box::new(marking)),
                Err(_) => {
                    Says::Unknown("a confidentiality label without a faithful reading: mark the attachment itself")
                }
            };
            self.say(place, says);
        }
    }

    /// Data inside a text of data: all of it, or behind other words.
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
                let why = "data inside so many texts of data that nobody looks into them: write them as members";
                self.say(place, Says::Unknown(why));
                return;
            }
            within(&data, self.rules, self.depth + 1).into_iter().for_each(|stated| self.say(place, stated.says));
        }
    }
}

/// Whether a member is a label of STANAG 4774 in JSON.
fn is_label(name: &str) -> bool {
    let name = squeezed(name);
    name.ends_with("confidentialitylabel") || name.ends_with("confidentialityinformation")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::{DocumentDate, Register};

    fn rules() -> Rules<'static> {
        Rules::new(Register::compiled_in(), DocumentDate::Unknown)
    }

    /// What each marking comes to, and where.
    fn found(text: &str) -> Vec<(String, String)> {
        let told = |says: &Says| match says {
            Says::Tlp(tlp) => tlp.as_str().to_owned(),
            Says::Mark(mark) => mark.to_string(),
            Says::Withholds(_) => "withholds".into(),
            Says::Unknown(_) => "unknown".into(),
        };
        let found = in_data(&serde_json::from_str(text).unwrap(), &rules());
        found.iter().map(|s| (told(&s.says), s.place.to_string())).collect()
    }

    #[track_caller]
    pub(super) fn says(text: &str, expected: &[&str]) {
        let found: Vec<String> = found(text).into_iter().map(|(says, _)| says).collect();
        assert_eq!(found, expected, "{text}");
    }

    const ID: &str = "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f";

    fn bundle(objects: &str) -> String {
        format!(r#"{{"type": "bundle", "id": "bundle--{ID}", "objects": [{objects}]}}"#)
    }

    fn definition(members: &str) -> String {
        bundle(&format!(
            r#"{{"type": "marking-definition", "spec_version": "2.1", "id": "marking-definition--{ID}", "created": "2026-11-20T00:00:00.000Z", {members}}},
               {{"type": "identity", "id": "identity--{ID}", "object_marking_refs": ["marking-definition--{ID}"]}}"#
        ))
    }

    #[test]
    fn what_stix_defines_is_read_or_not_understood() {
        for (members, expected) in [
            (
                r#""definition_type": "statement", "definition": {"statement": "MARKING: SECRET//REL TO USA, GBR"}"#,
                &["SECRET//REL TO USA, GBR"][..],
            ),
            (
                r#""definition_type": "statement", "definition": {"statement": "TOP SECRET//SI//NOFORN"}"#,
                &["TOP SECRET//SI//NOFORN"][..],
            ),
            (
                r#""definition_type": "statement", "definition": {"statement": "MARKING: SECRET//REL TO GBR"}"#,
                &["unknown"][..],
            ),
            (
                r#""definition_type": "statement", "definition": {"statement": "Not to be passed to any foreign government"}"#,
                &["unknown"][..],
            ),
            (
                r#""definition_type": "statement", "definition": {"statement": "MARKING: SECRET//REL TO USA, GBR", "x": 1}"#,
                &["unknown"][..],
            ),
            (r#""definition_type": "tlp", "definition": {"tlp": "red"}"#, &["unknown", "red"][..]),
            (r#""definition_type": "iep", "definition": {}"#, &["unknown"][..]),
        ] {
            says(&definition(members), expected);
        }
    }

    #[test]
    fn a_reference_leads_to_a_definition_or_to_a_label_or_is_not_understood() {
        let refers = |id: &str| bundle(&format!(r#"{{"type": "identity", "object_marking_refs": ["{id}"]}}"#));
        says(&refers(Tlp::Clear.id()), &["clear"]);
        says(&refers(Tlp::AmberStrict.id()), &["amber+strict"]);
        says(&refers("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"), &["amber+strict"]);
        says(&refers(&format!("marking-definition--{ID}")), &["unknown"]);
        says(&refers("identity--1"), &["unknown"]);
        let granular = |part: &str| {
            bundle(&format!(r#"{{"type": "identity"}}, {{"type": "identity", "granular_markings": [{part}]}}"#))
        };
        let red = granular(&format!(r#"{{"marking_ref": "{}", "selectors": ["name"]}}"#, Tlp::Red.id()));
        assert_eq!(found(&red), [("red".to_owned(), "in object 2 (`granular_markings`)".to_owned())]);
        says(&granular(r#"{"lang": "en", "selectors": ["name"]}"#), &[]);
        says(&granular(r#"{"selectors": ["name"]}"#), &["unknown"]);
        // Wherever data refer to one, and whatever they call it.
        says(&format!(r#"{{"marking": "see {}"}}"#, Tlp::Amber.id()), &["amber"]);
    }

    #[test]
    fn ism_attributes_come_to_a_mark() {
        for (members, expected) in [
            (
                r#""ism:classification": "S", "ism:ownerProducer": "USA", "ism:releasableTo": "USA GBR", "ism:disseminationControls": "REL""#,
                "SECRET//REL TO USA, GBR",
            ),
            (
                r#""@ism:classification": "TS", "@ism:ownerProducer": "USA", "@ism:SCIcontrols": "SI TK", "@ism:disseminationControls": "NF""#,
                "TOP SECRET//SI/TK//NOFORN",
            ),
            (r#""classification": "S", "ownerProducer": "GBR""#, "//GBR SECRET"),
            (
                r#""classification": "U", "ownerProducer": "USA", "DESVersion": "202405", "createDate": "2026-11-20""#,
                "UNCLASSIFIED",
            ),
            (r#""classification": "S", "ownerProducer": "USA", "ism:noticeType": "EXERCISE""#, "unknown"),
            (r#""classification": "U", "ownerProducer": "USA", "cuiSpecified": "CTI""#, "unknown"),
            (r#""classification": "U", "ownerProducer": "USA", "cuiBasic": "PRVCY""#, "unknown"),
            (r#""classification": "S", "ownerProducer": "USA", "disseminationControls": "NOSUCH""#, "unknown"),
            (r#""ism:disseminationControls": "NF""#, "unknown"),
        ] {
            says(&format!("{{\"a\": {{{members}}}}}"), &[expected]);
        }
        says(r#"{"classification": "amphibian", "name": "EXERCISE"}"#, &[]);
    }

    #[test]
    fn events_and_alerts_say_how_far_they_go() {
        let event = |members: &str| format!(r#"{{"Event": {{"info": "EXERCISE", {members}}}}}"#);
        says(&event(r#""distribution": "0""#), &["withholds"]);
        says(&event(r#""distribution": "1""#), &["withholds"]);
        says(&event(r#""distribution": "4", "sharing_group_id": "3""#), &["withholds"]);
        says(&event(r#""distribution": "3", "Attribute": [{"distribution": 5}, {"distribution": 0}]"#), &["withholds"]);
        says(&event(r#""distribution": "3", "Attribute": [{"type": "attachment", "data": "QQ=="}]"#), &["withholds"]);
        says(&event(r#""distribution": "9""#), &["unknown"]);
        let tagged = |tag: &str| event(&format!(r#""Tag": [{{"name": "{tag}"}}]"#));
        says(&tagged("tlp:amber+strict"), &["amber+strict"]);
        says(&tagged("tlp:unclear"), &["unknown"]);
        says(&tagged("dni-ism:classification:us=\\\"S\\\""), &["unknown"]);
        says(&tagged("workflow:state=done"), &[]);
        says(&event(r#""distribution": "3""#), &[]);
        says(r#"{"distribution": "0", "species": "EXERCISE"}"#, &[]);
        // Outside the member that an event usually stands in, told by what else it has.
        says(r#"{"info": "EXERCISE", "distribution": "0", "threat_level_id": "1"}"#, &["withholds"]);
        says(r#"{"event": {"info": "EXERCISE", "distribution": "0"}}"#, &["withholds"]);
        says(r#"{"info": "EXERCISE", "distribution": "3", "Attribute": [{"distribution": "4"}]}"#, &["withholds"]);
        says(
            r#"{"response": {"Attribute": [{"event_id": "1", "type": "text", "distribution": "1"}]}}"#,
            &["withholds"],
        );
        says(&event(r#""distribution": "3", "sharing_group_id": "7""#), &["withholds"]);
        says(&event(r#""distribution": "3", "sharing_group_id": "0""#), &[]);
        says(&event(r#""distribution": "3", "SharingGroup": {"name": "EXERCISE"}"#), &["withholds"]);
        // What is inherited has somebody to inherit it from.
        says(&event(r#""distribution": "5""#), &["unknown"]);
        says(&event(r#""distribution": "3", "Attribute": [{"distribution": "5"}]"#), &[]);
        let text = serde_json::json!({ "note": event(r#""distribution": "0""#) }).to_string();
        says(&text, &["withholds"]);
        let alert = |members: &str| format!(r#"{{"alert": {{"msgType": "Alert", "sender": "EXERCISE", {members}}}}}"#);
        says(&alert(r#""scope": "Public""#), &[]);
        says(&alert(r#""scope": "Private", "addresses": "EXERCISE""#), &["withholds"]);
        says(
            &alert(r#""scope": "Restricted", "restriction": "SECRET//REL TO USA, GBR""#),
            &["SECRET//REL TO USA, GBR"],
        );
        says(&alert(r#""scope": "Restricted", "restriction": "officials only""#), &["unknown"]);
        says(&alert(r#""scope": "Restricted""#), &["unknown"]);
        says(r#"{"scope": "Private", "name": "EXERCISE"}"#, &[]);
    }

    #[test]
    fn what_members_say_of_handling_is_read_or_not_understood() {
        says(r#"{"sharing": "red", "handling": "amber", "classification": "TLP:GREEN"}"#, &["red", "amber", "green"]);
        says(r#"{"sharing": "twice a day", "handling": "with gloves", "distribution": "northern"}"#, &[]);
        says(r#"{"distribution": {"text": "EXERCISE staff"}}"#, &["unknown"]);
        says(r#"{"distribution": {"text": "Distribute freely."}}"#, &[]);
        says(r#"{"caveat": "EXERCISE", "handling_caveats": [], "disseminationControls": null}"#, &["unknown"]);
        says(r#"{"handlingInstructions": "SECRET//NOFORN"}"#, &["SECRET//NOFORN"]);
        says(r#"{"release": {"to": ["USA", "CAN"]}}"#, &["UNCLASSIFIED//REL TO USA, CAN"]);
        says(r#"{"releasable_to": "USA, GBR"}"#, &["UNCLASSIFIED//REL TO USA, GBR"]);
        says(r#"{"releasable_to": ["EXERCISE"]}"#, &["unknown"]);
        says(r#"{"release": {"to": "all"}, "press": {"to": ["EXERCISE"]}}"#, &[]);
        says(r#"{"restriction": "no parking", "distribution": "northern", "tlps": 12}"#, &[]);
        says(r#"{"distribution": "Only for members of the CERT.", "tlps": "red"}"#, &["unknown", "red"]);
        says(r#"{"no_foreign": true, "isNF": "yes", "security_level": "3"}"#, &["withholds", "withholds", "unknown"]);
        says(r#"{"classification": 3, "handling": {"instructions": "EXERCISE staff"}}"#, &["unknown"; 2]);
        says(r#"{"class": 3, "washing": {"instructions": "EXERCISE"}, "handling": {"weight": 3}}"#, &[]);
        says(r#"{"rel": "USA", "a": {"rel": ["USA", "GBR"]}}"#, &["unknown", "UNCLASSIFIED//REL TO USA, GBR"]);
        says(r#"{"rel": "self", "links": [{"rel": "next page"}, {"rel": ["alternate"]}]}"#, &[]);
        says(r#"{"releasable_to_countries": ["USA", "GBR"]}"#, &["UNCLASSIFIED//REL TO USA, GBR"]);
        says(r#"{"uuid": "1", "info": "x", "distribution": "0", "date": "2026-11-20"}"#, &["withholds"]);
        says(r#"[{"type": "text", "distribution": 0, "value": "x", "category": "Other"}]"#, &["withholds"]);
        says(r#"[{"type": "fish", "distribution": "coast", "value": 3, "category": "Other"}]"#, &[]);
        says(r#"{"releasableTo": "none", "releasable_to": "No", "releasability": "None"}"#, &["withholds"; 3]);
        says(r#"{"releasableTo": [], "releasable_to": ["none"], "releasability": "n/a"}"#, &["withholds"; 3]);
        says(r#"{"releasableTo": "all", "releasable_to": "", "releasability": null, "caveats": "none"}"#, &[]);
        says(r#"{"releasable": "no", "shareable": 0, "share": "false", "do_not_share": "yes"}"#, &["withholds"; 4]);
        says(r#"{"releasable": "yes", "shareable": 1, "share": "12", "do_not_share": "no"}"#, &[]);
        says(r#"{"security": {"level": 3}}"#, &["unknown"]);
        says(r#"{"water": {"level": 3}, "security": {"level": null}}"#, &[]);
        says(r#"{"pap": "RED", "PAP_level": "clear", "pap_colour": 2}"#, &["withholds", "withholds"]);
        says(r#"{"pap": "PAP:WHITE", "paper": "RED"}"#, &[]);
        says(r#"{"shareable": false, "do_not_share": true, "sharing": "internal-only"}"#, &["withholds"; 3]);
        says(r#"{"shareable": true, "do_not_share": false, "share": "12 %", "visibility": "restricted"}"#, &[]);
        let mail = "Received: by exercise.example\\nSubject: EXERCISE\\n\\nEXERCISE.";
        says(&format!(r#"{{"note": "{mail}"}}"#), &["unknown"]);
    }

    #[test]
    fn data_inside_a_text_are_read_wherever_they_begin() {
        let within = |text: &str| serde_json::json!({ "note": text }).to_string();
        says(&within(r#"EXERCISE: {"tlp": "red"} and {"tlp": "green"}, it says"#), &["red", "green"]);
        says(&within(r#"{"tlp": "red"} it says"#), &["red"]);
        says(&within(r#"a set {1, 2} of "numbers", {"unfinished"#), &[]);
        let mut deep = r#"{"tlp": "red"}"#.to_owned();
        (0..=DEPTH_MAX).for_each(|_| deep = within(&deep));
        says(&deep, &["unknown"]);
    }

    #[test]
    fn labels_in_members_of_their_own_are_read() {
        says(r#"{"tlp": "green"}"#, &["green"]);
        says(r#"{"TLP_level": "AMBER"}"#, &["amber"]);
        says(r#"{"tlp": null}"#, &[]);
        says(r#"{"tlp": 3}"#, &["unknown"]);
        says(r#"{"reportTlp": "red", "tlp_version": "2.0", "x_tlp_url": "https://exercise.example/tlp/"}"#, &["red"]);
        says(r#"{"TrafficLight": "amber", "tlp_remark": "EXERCISE"}"#, &["amber", "unknown"]);
        says(r#"{"traffic": "red", "taillamps": "red", "stlpx": "red"}"#, &[]);
        // As CSAF has it, and others.
        says(r#"{"distribution": {"tlp": {"label": "GREEN", "url": "https://exercise.example/tlp/"}}}"#, &["green"]);
        says(r#"{"distribution": {"tlp": {"label": "AMBER"}}}"#, &["amber"]);
        says(r#"{"tlp": {"label": "GREEN", "except": "EXERCISE"}}"#, &["unknown"]);
        says(r#"{"tlp": {"url": "https://exercise.example/"}}"#, &["unknown"]);
        says(r#"{"tlp": ["white", "red"]}"#, &["clear", "red"]);
        says(r#"{"originatorConfidentialityLabel": {"Classification": "SECRET"}}"#, &["unknown"]);
        let label = crate::marking::stanag4774::write_label(
            &rules().parse_banner("SECRET//REL TO USA, GBR").unwrap(),
            "2026-11-20T00:00:00Z",
        );
        let text = serde_json::json!({ "label": label.unwrap() }).to_string();
        says(&text, &["SECRET//REL TO USA, GBR"]);
        says(&text.replace("SECRET", "EXERCISE"), &["unknown"]);
    }
}
