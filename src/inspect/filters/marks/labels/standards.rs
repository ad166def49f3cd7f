//! Handling members that standards define: IODEF, CSAF and CVRF, STIX 1, ISO 19115, DCAT.

use serde_json::{Map, Value};

use super::handling::{is_open, squeezed};
use super::{Meaning, Place, Walk};
use crate::marking::stix::Tlp;

/// The longest text that is checked for naming the Traffic Light Protocol as a scheme, in bytes.
const SCHEME_BYTES_MAX: usize = 200;

/// IODEF restrictions that exclude a partner (RFC 7970, 3.3.1).
const RESTRICTIONS: [&str; 6] = ["confidential", "default", "internal", "needtoknow", "partner", "private"];
/// Restrictions and access rights that exclude a partner (ISO 19115-1, B.3.14; EU access right vocabulary; Project Open
/// Data; COAR).
const ACCESS_CLOSED: [&str; 16] = [
    "closed",
    "closedaccess",
    "confidential",
    "embargoedaccess",
    "inconfidence",
    "internal",
    "limiteddistribution",
    "metadataonlyaccess",
    "nonpublic",
    "notpublic",
    "private",
    "restricted",
    "restrictedaccess",
    "restrictedpublic",
    "sensitive",
    "sensitivebutunclassified",
];
const ACCESS_OPEN: [&str; 7] =
    ["anyone", "free", "freeaccess", "noconditionsapply", "nolimitations", "openaccess", "publicdomain"];
/// Members that contain the code, if a code is written as an object.
const CODED: [&str; 8] = ["code", "codelistvalue", "id", "label", "name", "preflabel", "title", "value"];
/// The sharing group of everybody (CSAF 2.1, 3.2.2.5.1); the group of nobody is all zeros.
const EVERYBODY: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

const GROUP: Meaning = Meaning::Restricted("a sharing group whose members are not stated, or no sharing at all");

impl Walk<'_> {
    /// Reads the member `name`, of an object in the member `outer`, if a standard defines it. Returns whether one does.
    pub(super) fn standard(&mut self, name: &str, outer: &str, value: &Value, place: Place) -> bool {
        let plain = squeezed(name);
        match plain.as_str() {
            "restriction" => self.restriction(value, false, place.member("restriction")),
            "extrestriction" => self.restriction(value, true, place.member("ext-restriction")),
            "sharinggroup" | "sharinggroups" if !self.event => self.shared_with(value, place.member("sharing_group")),
            "documentdistribution" => self.restraint(value, place.member("distribution")),
            // A string there is the distribution statement of a CVRF or CSAF document.
            "distribution" if squeezed(outer) == "document" && value.is_string() => {
                self.restraint(value, place.member("distribution"));
            }
            "mdclassificationcode" | "classificationcode" => {
                self.coded(value, plain.starts_with("md"), place.member("MD_ClassificationCode"));
            }
            "codelistvalue" if squeezed(outer) == "classification" => {
                self.coded(value, true, place.member("MD_ClassificationCode"));
            }
            "accessconstraints" | "useconstraints" | "mdrestrictioncode" | "accesslevel" => {
                self.access(value, false, place.member("accessRights"));
            }
            _ if plain.ends_with("accessrights") => self.access(value, true, place.member("accessRights")),
            _ => return false,
        }
        true
    }

    /// Reads an IODEF restriction. Unless `strict`, unknown values are ignored: other data may have such a member, of a
    /// road or a licence.
    fn restriction(&mut self, value: &Value, strict: bool, place: Place) {
        let Some(text) = value.as_str() else { return };
        let closed = RESTRICTIONS.contains(&squeezed(text).as_str());
        let closed = closed.then_some(Meaning::Restricted("a restriction to a group agreed with its sender"));
        let meaning = Tlp::named(text).map(Meaning::Tlp).or(closed);
        match meaning {
            Some(meaning) => self.add(place, meaning),
            None if strict => self.restraint(value, place),
            None => {}
        }
    }

    /// Reads the sharing group of a document, by its identifier.
    fn shared_with(&mut self, value: &Value, place: Place) {
        let open = |text: &str| text.trim().is_empty() || text.eq_ignore_ascii_case(EVERYBODY) || is_open(text);
        let meaning = match value {
            Value::Null | Value::Bool(false) => None,
            Value::Number(number) if number.as_u64() == Some(0) => None,
            Value::String(text) if open(text) => None,
            Value::Array(list) => return list.iter().for_each(|value| self.shared_with(value, place)),
            Value::Object(group) => {
                let everybody =
                    group.get("id").and_then(Value::as_str).is_some_and(|id| id.eq_ignore_ascii_case(EVERYBODY));
                (!everybody && !group.is_empty()).then_some(GROUP)
            }
            _ => Some(GROUP),
        };
        meaning.into_iter().for_each(|meaning| self.add(place, meaning));
    }

    /// Reads a classification code (ISO 19115-1, B.3.4). Unless `strict`, it may be the code of something else.
    fn coded(&mut self, value: &Value, strict: bool, place: Place) {
        let unknown =
            Meaning::Unknown("a classification code that does not correspond to a mark: mark the attachment itself");
        for text in codes(value) {
            let banner = match squeezed(text).as_str() {
                "unclassified" => "UNCLASSIFIED",
                "confidential" => "CONFIDENTIAL",
                "secret" => "SECRET",
                "topsecret" => "TOP SECRET",
                "" => continue,
                "forofficialuseonly"
                | "limiteddistribution"
                | "protected"
                | "restricted"
                | "sensitivebutunclassified" => {
                    self.add(
                        place,
                        Meaning::Unknown(
                            "a classification code without an equivalent mark: mark the attachment itself",
                        ),
                    );
                    continue;
                }
                _ if strict => return self.add(place, unknown),
                _ => continue,
            };
            if let Ok(marking) = self.rules.parse_banner(banner) {
                self.add(place, Meaning::Mark(Box::new(marking)));
            }
        }
    }

    /// Reads access rights. Unless `strict`, values that no standard defines are ignored.
    fn access(&mut self, value: &Value, strict: bool, place: Place) {
        for text in codes(value) {
            // A term of a vocabulary is the last segment of its URL.
            let term = squeezed(text.rsplit(['/', '#']).find(|part| !part.is_empty()).unwrap_or_default());
            if ACCESS_CLOSED.contains(&term.as_str()) {
                self.add(
                    place,
                    Meaning::Restricted("access rights that exclude the partner: ask the originator, or remove them"),
                );
            } else if strict
                && !term.is_empty()
                && !ACCESS_OPEN.contains(&term.as_str())
                && !is_open(&term)
                && !is_open(text)
            {
                self.add(
                    place,
                    Meaning::Unknown("access rights that are not understood: write `public`, or remove them"),
                );
            }
        }
    }

    /// Reads a marking structure of STIX 1, or any object that names the Traffic Light Protocol as its scheme.
    pub(super) fn structure(&mut self, object: &Map<String, Value>, outer: &str, place: Place) {
        let named = |name: &String| ["type", "@type", "xsi:type"].iter().any(|kind| name.eq_ignore_ascii_case(kind));
        let is_structure = |text: &str| text.contains("MarkingStructure");
        let typed = || object.iter().any(|(name, value)| named(name) && value.as_str().is_some_and(is_structure));
        let outer = squeezed(outer);
        let marks = outer.starts_with("markingstructure") || typed();
        let of_tlp = !marks && !outer.starts_with("tlp") && object.values().any(speaks_of_tlp);
        if !marks && !of_tlp {
            return;
        }
        for (name, value) in object {
            match squeezed(name).as_str() {
                "color" | "colour" => self.label(value, place.member("color")),
                "statement" | "termsofuse" if marks => self.restraint(value, place.member("statement")),
                "code" | "designation" | "label" | "level" | "marking" | "name" | "value" => {
                    let label = value.as_str().and_then(Tlp::named);
                    label.into_iter().for_each(|tlp| self.add(place.member("tlp"), Meaning::Tlp(tlp)));
                }
                _ => {}
            }
        }
    }
}

/// Returns whether a value names the Traffic Light Protocol.
fn speaks_of_tlp(value: &Value) -> bool {
    let Some(text) = value.as_str().filter(|text| text.len() <= SCHEME_BYTES_MAX) else { return false };
    let text = text.trim();
    let named = text.as_bytes().windows(3).any(|letters| letters.eq_ignore_ascii_case(b"tlp"));
    text.eq_ignore_ascii_case("traffic light protocol")
        || named && (text.len() == 3 || text.to_ascii_lowercase().contains("first.org/tlp"))
}

/// Returns the strings of a value that is a code, a list of codes, or an object that contains one.
fn codes(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(list) => list.iter().flat_map(one).collect(),
        value => one(value),
    }
}

/// Returns the strings of one item of such a list.
fn one(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text.as_str()],
        Value::Object(object) => {
            let coded = object.iter().filter(|(name, _)| CODED.contains(&squeezed(name).as_str()));
            coded.filter_map(|(_, value)| value.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::says;

    #[test]
    fn restrictions_of_iodef_are_read() {
        says(r#"{"version": "2.0", "Incident": [{"purpose": "reporting", "restriction": "amber"}]}"#, &["amber"]);
        says(r#"{"restriction": "red", "ext-restriction": "need-to-know"}"#, &["red", "withholds"]);
        says(r#"{"restriction": "private", "a": {"restriction": "partner"}}"#, &["withholds"; 2]);
        says(r#"{"ext-restriction": "EXERCISE staff"}"#, &["unknown"]);
        says(r#"{"restriction": "public", "ext-restriction": "none", "a": {"restriction": "green"}}"#, &["green"]);
        says(r#"{"restriction": "4 t", "a": {"restriction": ["no parking", 3]}}"#, &[]);
    }

    #[test]
    fn groups_and_distributions_of_advisories_are_read() {
        let document = |members: &str| format!(r#"{{"document": {{"distribution": {members}}}}}"#);
        let group =
            |id: &str| document(&format!(r#"{{"sharing_group": {{"id": "{id}"}}, "tlp": {{"label": "CLEAR"}}}}"#));
        says(&group("00000000-0000-0000-0000-000000000000"), &["withholds", "clear"]);
        says(&group("8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"), &["withholds", "clear"]);
        says(&group("FFFFFFFF-ffff-ffff-ffff-ffffffffffff"), &["clear"]);
        says(
            r#"{"sharing_group": "EXERCISE", "a": {"sharingGroup": null}, "b": {"sharing_group": 0}}"#,
            &["withholds"],
        );
        says(&document(r#""Only for members of the CERT.""#), &["unknown"]);
        says(r#"{"DocumentDistribution": "Officials"}"#, &["unknown"]);
        says(&document(r#""Public.""#), &[]);
        says(r#"{"plant": {"distribution": "Coasts of EXERCISE."}, "group": "EXERCISE"}"#, &[]);
    }

    #[test]
    fn marking_structures_and_labels_by_their_scheme_are_read() {
        let header = |members: &str| format!(r#"{{"handling": [{{"marking_structures": [{{{members}}}]}}]}}"#);
        says(&header(r#""color": "RED", "marking_model_name": "Traffic Light""#), &["red"]);
        says(
            &header(r#""xsi:type": "simpleMarking:SimpleMarkingStructureType", "statement": "Only ministries""#),
            &["unknown"],
        );
        says(&header(r#""statement": "SECRET//REL TO USA, GBR""#), &["SECRET//REL TO USA, GBR"]);
        says(&header(r#""color": "WHITE", "statement": "none""#), &["clear"]);
        says(r#"{"scheme": "https://www.first.org/tlp/", "colour": "red"}"#, &["red"]);
        says(r#"{"x": {"uri": "http://www.first.org/tlp", "name": "RED"}}"#, &["red"]);
        says(r#"{"x": {"standard": "TLP", "value": "amber"}}"#, &["amber"]);
        says(r#"{"url": "https://www.first.org/tlp/", "name": "EXERCISE page"}"#, &[]);
        says(r#"{"type": "traffic light", "color": "red", "statement": "EXERCISE"}"#, &[]);
        says(r#"{"tlp": {"label": "GREEN", "url": "https://www.first.org/tlp/"}}"#, &["green"]);
    }

    #[test]
    fn codes_of_classification_and_of_access_are_read() {
        says(r#"{"MD_ClassificationCode": "secret"}"#, &["SECRET"]);
        says(r#"{"classification": {"MD_ClassificationCode": "topSecret"}}"#, &["TOP SECRET"]);
        says(
            r#"{"classification": {"codeListValue": "secret"}, "classificationCode": "confidential"}"#,
            &["SECRET", "CONFIDENTIAL"],
        );
        says(r#"{"MD_ClassificationCode": {"codeListValue": "restricted"}}"#, &["unknown"]);
        says(r#"{"MD_ClassificationCode": "EXERCISE"}"#, &["unknown"]);
        says(r#"{"MD_ClassificationCode": "unclassified"}"#, &["UNCLASSIFIED"]);
        says(r#"{"classificationCode": "A12", "roleCode": {"codeListValue": "owner"}}"#, &[]);
        says(
            r#"{"accessRights": "http://publications.europa.eu/resource/authority/access-right/NON_PUBLIC"}"#,
            &["withholds"],
        );
        says(
            r#"{"dct:accessRights": {"@id": "http://publications.europa.eu/resource/authority/access-right/PUBLIC"}}"#,
            &[],
        );
        says(r#"{"accessLevel": "non-public", "a": {"accessLevel": "restricted public"}}"#, &["withholds"; 2]);
        says(r#"{"accessConstraints": ["copyright", {"codeListValue": "restricted"}]}"#, &["withholds"]);
        says(r#"{"accessRights": "EXERCISE staff"}"#, &["unknown"]);
        says(
            r#"{"accessRights": "info:eu-repo/semantics/openAccess", "accessLevel": "read", "useConstraints": "copyright"}"#,
            &[],
        );
        says(r#"{"accessLevel": "public", "a": {"accessLevel": 3}, "b": {"accessRights": "Open"}}"#, &[]);
    }
}
