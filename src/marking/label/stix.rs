//! STIX 2.1 marking definitions: TLP 2.0 and statement markings, in and out.
//!
//! TLP says how far a recipient may share; it says nothing of classification, and a classification says nothing of
//! TLP. So the two are not translated into each other. A TLP label is written as a TLP label, and a marking as a statement
//! that holds its canonical banner and nothing else. What has no exact equivalent is refused, with the reason. An object
//! without a marking is never taken as unrestricted.

use serde_json::{Map, Value, json};

pub use super::tlp::{Sharing, Tlp};
use crate::marking::model::Marking;
use crate::marking::rules::Rules;

/// The extension definition of TLP 2.0.
pub const TLP2_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
/// When the five TLP 2.0 definitions were created; it is part of them.
const TLP2_CREATED: &str = "2022-10-01T00:00:00.000Z";
/// What a statement that holds a canonical banner begins with.
pub(crate) const BANNER_PREFIX: &str = "MARKING: ";
/// The longest statement that is read, in bytes.
const STATEMENT_LEN_MAX: usize = 4096;

/// What a marking definition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StixMarking {
    /// A TLP label.
    Tlp(Tlp),
    /// A marking of this engine, carried as a statement.
    Marking(Box<Marking>),
    /// A statement in free text. It may restrict, and grants nothing.
    Statement(String),
}

/// Why a marking definition cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StixError {
    /// The object is not what the standard says it is.
    #[error("`{field}` of a marking definition is not {expected}; correct it at its source")]
    Malformed {
        /// The property's name.
        field: &'static str,
        /// What it must be, to complete "is not …".
        expected: &'static str,
    },
    /// A definition without an exact equivalent here.
    #[error("unsupported marking definition `{kind}`; use TLP 2.0 or a statement")]
    NoImage {
        /// Its type.
        kind: &'static str,
    },
    /// A statement claims to hold a banner and does not.
    #[error("a statement contains an invalid marking: {0}")]
    Banner(#[from] crate::marking::diagnostic::Rejected),
    /// It has members besides the marking, which may be restrictions.
    #[error("{place} of a marking definition has an unknown member, which may be a restriction; remove it")]
    Unknown {
        /// The part that has the unknown member.
        place: &'static str,
    },
    /// A TLP definition whose label and identifier disagree.
    #[error("the TLP label `{label}` does not match its identifier")]
    Mismatch {
        /// The label as its text gives it.
        label: &'static str,
    },
}

/// The TLP 2.0 marking definition, exactly as published.
#[must_use]
pub fn tlp_definition(tlp: Tlp) -> Value {
    json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": tlp.id(),
        "created": TLP2_CREATED,
        "name": format!("TLP:{}", tlp.as_str().to_ascii_uppercase()),
        "extensions": { TLP2_EXTENSION: { "extension_type": "property-extension", "tlp_2_0": tlp.as_str() } },
    })
}

/// A statement marking definition that holds a marking's canonical banner. `uuid` is the UUID of its identifier, `created` its
/// time in RFC 3339 form.
#[must_use]
pub fn statement_definition(marking: &Marking, uuid: &str, created: &str) -> Value {
    json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": format!("marking-definition--{uuid}"),
        "created": created,
        "definition_type": "statement",
        "definition": { "statement": format!("{BANNER_PREFIX}{}", marking.banner()) },
    })
}

/// The TLP label of a marking.
///
/// # Errors
///
/// Always: no TLP label expresses a classification or a release list. Even of a mark that is UNCLASSIFIED and nothing else,
/// the mark does not say whether everybody may have the content.
pub fn tlp_of(_marking: &Marking) -> Result<Tlp, StixError> {
    Err(StixError::NoImage { kind: "classification" })
}

/// Reads a marking definition.
///
/// # Errors
///
/// Malformed objects, members that its kind of definition does not have, definitions without an exact equivalent (ACS,
/// TLP of unknown labels, granular extensions), and statements that claim a banner which is not canonical.
pub fn read_definition(rules: &Rules<'_>, object: &Value) -> Result<StixMarking, StixError> {
    let object = object.as_object().ok_or(StixError::Malformed { field: "object", expected: "an object" })?;
    if text(object, "type") != Some("marking-definition") {
        return Err(StixError::Malformed { field: "type", expected: "`marking-definition`" });
    }
    if text(object, "spec_version") != Some("2.1") {
        return Err(StixError::Malformed { field: "spec_version", expected: "`2.1`" });
    }
    let id = text(object, "id").filter(|id| id.starts_with("marking-definition--"));
    let id = id.ok_or(StixError::Malformed { field: "id", expected: "a marking definition's identifier" })?;
    if let Some(extensions) = object.get("extensions") {
        has_only(object, &["name", "extensions"])?;
        return read_extension(id, extensions).and_then(|tlp| named(object, tlp, false));
    }
    match text(object, "definition_type") {
        Some("statement") => {
            has_only(object, &["created_by_ref", "definition_type", "definition"])?;
            read_statement(rules, id, object)
        }
        Some("tlp") => {
            has_only(object, &["name", "definition_type", "definition"])?;
            read_tlp1(id, object).and_then(|tlp| named(object, tlp, true))
        }
        Some(_) => Err(StixError::NoImage { kind: "definition_type" }),
        None => Err(StixError::Malformed { field: "definition_type", expected: "`statement` or `tlp`" }),
    }
}

/// Parses a reference to a marking definition that need not be in the bundle: one of the fixed TLP identifiers. `None` for any
/// other.
#[must_use]
pub fn read_reference(id: &str) -> Option<Tlp> {
    Tlp::from_id(id)
}

/// Refuses members that neither every marking definition has nor this kind of it.
fn has_only(object: &Map<String, Value>, known: &[&str]) -> Result<(), StixError> {
    let common = ["type", "spec_version", "id", "created"];
    let is_known = |name: &String| common.contains(&name.as_str()) || known.contains(&name.as_str());
    if object.keys().all(is_known) { Ok(()) } else { Err(StixError::Unknown { place: "the object" }) }
}

/// The text of the one member that a definition has.
fn only<'o>(object: &'o Map<String, Value>, member: &'static str) -> Result<Option<&'o str>, StixError> {
    let definition = object.get("definition").and_then(Value::as_object);
    if definition.is_some_and(|d| d.keys().any(|name| name != member)) {
        return Err(StixError::Unknown { place: "`definition`" });
    }
    Ok(definition.and_then(|d| text(d, member)))
}

/// A label whose definition has no other name than its own; TLP 1.0 called the most open one white, and the stricter
/// amber amber.
fn named(object: &Map<String, Value>, tlp: Tlp, first: bool) -> Result<StixMarking, StixError> {
    let own = match tlp {
        Tlp::Clear if first => "white",
        Tlp::AmberStrict if first => "amber",
        tlp => tlp.as_str(),
    };
    let own = format!("TLP:{}", own.to_ascii_uppercase());
    match object.get("name") {
        Some(name) if name.as_str() != Some(&own) => Err(StixError::Mismatch { label: tlp.as_str() }),
        _ => Ok(StixMarking::Tlp(tlp)),
    }
}

fn read_extension(id: &str, extensions: &Value) -> Result<Tlp, StixError> {
    let malformed = StixError::Malformed { field: "extensions", expected: "an object with one extension" };
    let extensions = extensions.as_object().filter(|e| e.len() == 1).ok_or(malformed)?;
    let Some(body) = extensions.get(TLP2_EXTENSION) else {
        // ACS among them: what it grants depends on its defaults, and a partial reading would grant too much.
        return Err(StixError::NoImage { kind: "extension" });
    };
    let known = |name: &String| matches!(name.as_str(), "extension_type" | "tlp_2_0");
    if body.as_object().is_some_and(|b| !b.keys().all(known)) {
        return Err(StixError::Unknown { place: "`extensions`" });
    }
    let word = body.get("tlp_2_0").and_then(Value::as_str);
    let tlp = Tlp::ALL.into_iter().find(|t| Some(t.as_str()) == word);
    let tlp = tlp.ok_or(StixError::Malformed { field: "tlp_2_0", expected: "a TLP 2.0 label" })?;
    if tlp.id() != id {
        return Err(StixError::Mismatch { label: tlp.as_str() });
    }
    Ok(tlp)
}

fn read_tlp1(id: &str, object: &Map<String, Value>) -> Result<Tlp, StixError> {
    let tlp = match only(object, "tlp")? {
        Some("white") => Tlp::Clear,
        Some("green") => Tlp::Green,
        Some("amber") => Tlp::AmberStrict,
        Some("red") => Tlp::Red,
        _ => return Err(StixError::Malformed { field: "tlp", expected: "a TLP 1.0 label" }),
    };
    let published = !Tlp::ALL.into_iter().any(|t| t.id() == id) && Tlp::from_id(id) == Some(tlp);
    if published { Ok(tlp) } else { Err(StixError::Mismatch { label: tlp.as_str() }) }
}

fn read_statement(rules: &Rules<'_>, id: &str, object: &Map<String, Value>) -> Result<StixMarking, StixError> {
    if let Some(tlp) = Tlp::from_id(id) {
        return Err(StixError::Mismatch { label: tlp.as_str() });
    }
    let statement = only(object, "statement")?
        .filter(|s| s.len() <= STATEMENT_LEN_MAX)
        .ok_or(StixError::Malformed { field: "statement", expected: "a text of at most 4096 bytes" })?;
    match statement.strip_prefix(BANNER_PREFIX) {
        // What it states is a mark by itself, in whatever profile that is.
        Some(banner) => {
            let rules = rules.in_profile_of(banner);
            Ok(StixMarking::Marking(Box::new(rules.parse_banner_canonical(banner)?)))
        }
        None => Ok(StixMarking::Statement(statement.to_owned())),
    }
}

fn text<'o>(object: &'o Map<String, Value>, field: &str) -> Option<&'o str> {
    object.get(field).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::{DocumentDate, Register};

    fn rules() -> Rules<'static> {
        Rules::new(Register::compiled_in(), DocumentDate::Unknown)
    }

    #[test]
    fn reads_back_every_tlp_label_and_refuses_one_under_another_identifier() {
        for tlp in Tlp::ALL {
            let mut definition = tlp_definition(tlp);
            assert_eq!(read_definition(&rules(), &definition), Ok(StixMarking::Tlp(tlp)));
            let other = if tlp == Tlp::Clear { Tlp::Red } else { Tlp::Clear };
            definition["id"] = other.id().into();
            assert!(matches!(read_definition(&rules(), &definition), Err(StixError::Mismatch { .. })));
        }
    }

    #[test]
    fn reads_tlp_1_amber_as_the_stricter_heir() {
        let amber = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82";
        assert_eq!(read_reference(amber), Some(Tlp::AmberStrict));
        assert_eq!(read_reference("marking-definition--00000000-0000-4000-8000-000000000000"), None);
    }

    #[test]
    fn carries_a_marking_as_a_statement_and_refuses_one_that_is_not_canonical() {
        let marking = rules().parse_banner("SECRET//REL TO USA, GBR").expect("valid");
        let uuid = "6a4f6c1e-0000-4000-8000-000000000001";
        let mut definition = statement_definition(&marking, uuid, "2026-01-01T00:00:00Z");
        assert_eq!(read_definition(&rules(), &definition), Ok(StixMarking::Marking(Box::new(marking.clone()))));
        for banner in ["MARKING: SECRET//REL TO GBR", "MARKING: SECRET//NF", "MARKING: "] {
            definition["definition"]["statement"] = banner.into();
            assert!(matches!(read_definition(&rules(), &definition), Err(StixError::Banner(_))), "{banner}");
        }
        assert!(tlp_of(&marking).is_err());
    }

    #[test]
    fn refuses_whatever_a_definition_says_beside_its_marking() {
        let marking = rules().parse_banner("SECRET//REL TO USA, GBR").expect("valid");
        let statement = statement_definition(&marking, "6a4f6c1e-0000-4000-8000-000000000001", "2026-01-01T00:00:00Z");
        let white = json!({"type": "marking-definition", "spec_version": "2.1", "created": "2017-01-20T00:00:00.000Z",
            "id": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "name": "TLP:WHITE",
            "definition_type": "tlp", "definition": {"tlp": "white"}});
        for (sound, pointer, member) in [
            (&statement, "", "x_note"),
            (&statement, "/definition", "caveat"),
            (&white, "", "description"),
            (&white, "/definition", "caveat"),
            (&tlp_definition(Tlp::Clear), "", "definition_type"),
        ] {
            assert!(read_definition(&rules(), sound).is_ok(), "{sound}");
            let mut more = sound.clone();
            more.pointer_mut(pointer).expect("is there")[member] = "NOFORN".into();
            assert!(matches!(read_definition(&rules(), &more), Err(StixError::Unknown { .. })), "{more}");
        }
        for sound in [white, tlp_definition(Tlp::Green)] {
            let mut other = sound.clone();
            other["name"] = "TLP:RED".into();
            assert!(matches!(read_definition(&rules(), &other), Err(StixError::Mismatch { .. })), "{other}");
        }
    }

    #[test]
    fn only_what_everybody_or_the_community_may_have_goes_on_to_a_partner() {
        let on: Vec<Tlp> = Tlp::ALL.into_iter().filter(|tlp| tlp.may_be_shared_with_partners()).collect();
        assert_eq!(on, [Tlp::Clear, Tlp::Green]);
        for tlp in Tlp::ALL {
            assert_eq!(Tlp::named(tlp.as_str()), Some(tlp));
            assert_eq!(Tlp::named(&format!("TLP: {}", tlp.as_str().to_uppercase())), Some(tlp));
        }
    }

    #[test]
    fn refuses_definitions_without_a_faithful_reading() {
        let acs = json!({"type": "marking-definition", "spec_version": "2.1",
            "id": "marking-definition--6a4f6c1e-0000-4000-8000-000000000002",
            "extensions": {"extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce": {}}});
        assert_eq!(read_definition(&rules(), &acs), Err(StixError::NoImage { kind: "extension" }));
        assert!(read_definition(&rules(), &json!({"type": "indicator"})).is_err());
        assert!(read_definition(&rules(), &json!([])).is_err());
    }
}
