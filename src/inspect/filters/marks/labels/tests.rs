//! Tests of the labels of each data format.

use super::*;
use crate::marking::{DocumentDate, Register};

fn rules() -> Rules<'static> {
    Rules::new(Register::compiled_in(), DocumentDate::Unknown)
}

/// Returns each label, as text, with its place.
fn found(text: &str) -> Vec<(String, String)> {
    let told = |meaning: &Meaning| match meaning {
        Meaning::Tlp(tlp) => tlp.as_str().to_owned(),
        Meaning::Mark(mark) => mark.to_string(),
        Meaning::Restricted(_) => "withholds".into(),
        Meaning::Unknown(_) => "unknown".into(),
    };
    let found = in_data(&serde_json::from_str(text).unwrap(), &rules());
    found.iter().map(|s| (told(&s.meaning), s.place.to_string())).collect()
}

#[track_caller]
pub(super) fn says(text: &str, expected: &[&str]) {
    let found: Vec<String> = found(text).into_iter().map(|(meaning, _)| meaning).collect();
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
    // A reference is found anywhere in the data, whatever the member is called.
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
    // An event outside its usual member, recognised by its other members.
    says(r#"{"info": "EXERCISE", "distribution": "0", "threat_level_id": "1"}"#, &["withholds"]);
    says(r#"{"event": {"info": "EXERCISE", "distribution": "0"}}"#, &["withholds"]);
    says(r#"{"info": "EXERCISE", "distribution": "3", "Attribute": [{"distribution": "4"}]}"#, &["withholds"]);
    says(r#"{"response": {"Attribute": [{"event_id": "1", "type": "text", "distribution": "1"}]}}"#, &["withholds"]);
    says(&event(r#""distribution": "3", "sharing_group_id": "7""#), &["withholds"]);
    says(&event(r#""distribution": "3", "sharing_group_id": "0""#), &[]);
    says(&event(r#""distribution": "3", "SharingGroup": {"name": "EXERCISE"}"#), &["withholds"]);
    // Inherited distribution needs something to inherit from.
    says(&event(r#""distribution": "5""#), &["unknown"]);
    says(&event(r#""distribution": "3", "Attribute": [{"distribution": "5"}]"#), &[]);
    let text = serde_json::json!({ "note": event(r#""distribution": "0""#) }).to_string();
    says(&text, &["withholds"]);
    let alert = |members: &str| format!(r#"{{"alert": {{"msgType": "Alert", "sender": "EXERCISE", {members}}}}}"#);
    says(&alert(r#""scope": "Public""#), &[]);
    says(&alert(r#""scope": "Private", "addresses": "EXERCISE""#), &["withholds"]);
    says(&alert(r#""scope": "Restricted", "restriction": "SECRET//REL TO USA, GBR""#), &["SECRET//REL TO USA, GBR"]);
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
    // The form used by CSAF and others.
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
