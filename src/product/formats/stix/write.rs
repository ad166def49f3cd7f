//! A product of one tearline as a STIX 2.1 bundle, in one spelling. Identifiers follow from the content alone, so the
//! same cut gives the same bundle everywhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::SOURCE;
use crate::digest::Digest;
use crate::marking::stix::statement_definition;
use crate::marking::{DocumentDate, Marking, Register, Rules};
use crate::product::Format;
use crate::product::format::NoImage;
use crate::product::model::{Item, Kind, Tearline};

/// Writes a product of one tearline.
///
/// # Errors
/// [`NoImage`] for a portion mark that no banner of the same meaning exists for.
pub(in crate::product) fn write(
    id: &str,
    date: Date,
    kind: &Kind,
    tearline: &Tearline,
    register: &Register,
) -> Result<String, NoImage> {
    let rules = Rules::new(register, DocumentDate::Known(date));
    let mut bundle = Bundle {
        id,
        time: format!("{date}T00:00:00.000Z"),
        rules: &rules,
        definitions: Vec::new(),
        objects: Vec::new(),
    };
    let report = bundle.identifier("report", 0);
    let head = tearline.head();
    let banner = bundle.marking(tearline.banner())?;
    let mut granular = Vec::new();
    let mut part = |bundle: &mut Bundle<'_, '_>, marking: &Marking, selector: String| -> Result<(), NoImage> {
        if marking != tearline.banner() {
            granular.push(json!({ "marking_ref": bundle.marking(marking)?, "selectors": [selector] }));
        }
        Ok(())
    };
    if let Some(title) = &head.title {
        part(&mut bundle, &title.marking, "name".into())?;
    }
    for (i, subject) in head.subjects.iter().enumerate() {
        part(&mut bundle, &subject.marking, format!("labels.[{i}]"))?;
    }
    let originator = head.originator.as_ref().map(|o| bundle.identity(o, 0, None)).transpose()?;
    let contact = head.contact.as_ref().map(|c| bundle.identity(c, 1, Some("contact"))).transpose()?;
    let mut refs: Vec<String> = contact.into_iter().collect();
    for (i, portion) in tearline.portions().iter().enumerate() {
        let note = bundle.identifier("note", i);
        let marking = bundle.marking(&portion.marking)?;
        bundle.objects.push(json!({
            "content": portion.text, "created": bundle.time, "id": note, "modified": bundle.time,
            "object_marking_refs": [marking], "object_refs": [report], "spec_version": "2.1", "type": "note",
        }));
        refs.push(note);
    }
    for (i, attachment) in tearline.attachments().iter().enumerate() {
        let (file, artifact) = (bundle.identifier("file", i), bundle.identifier("artifact", i));
        let marking = bundle.marking(attachment.marking())?;
        let hashes = json!({ "SHA-256": attachment.digest().to_string() });
        let mut object = json!({
            "hashes": hashes, "id": file, "mime_type": attachment.media_type(), "name": attachment.name().as_str(),
            "object_marking_refs": [marking], "size": attachment.size(), "spec_version": "2.1", "type": "file",
        });
        if let Some(bytes) = attachment.inline() {
            object["content_ref"] = artifact.clone().into();
            bundle.objects.push(json!({
                "hashes": hashes, "id": artifact, "mime_type": attachment.media_type(), "object_marking_refs": [marking],
                "payload_bin": STANDARD.encode(bytes), "spec_version": "2.1", "type": "artifact",
            }));
        }
        bundle.objects.push(object);
        refs.push(file);
    }
    let mut object = json!({
        "created": bundle.time, "external_references": [{ "external_id": id, "source_name": SOURCE }], "id": report,
        "modified": bundle.time, "name": head.title.as_ref().map(|t| &t.text), "object_marking_refs": [banner],
        "object_refs": refs, "published": bundle.time, "report_types": [kind.as_str()], "spec_version": "2.1", "type": "report",
    });
    // A list without elements is no STIX, so what there is none of is not there.
    if let Some(originator) = originator {
        object["created_by_ref"] = originator.into();
    }
    if !granular.is_empty() {
        object["granular_markings"] = granular.into();
    }
    if !head.subjects.is_empty() {
        object["labels"] = head.subjects.iter().map(|s| s.text.clone()).collect();
    }
    let whole = bundle.identifier("bundle", 0);
    let definitions = bundle.definitions.into_iter().map(|(_, _, definition)| definition);
    let objects: Vec<Value> = definitions.chain([object]).chain(bundle.objects).collect();
    let value = json!({ "id": whole, "objects": objects, "type": "bundle" });
    // INVARIANT: strings, numbers and lists are all there is to serialise.
    let mut text = serde_json::to_string_pretty(&value).expect("a bundle is plain data");
    text.push('\n');
    Ok(text)
}

struct Bundle<'c, 'r> {
    id: &'c str,
    time: String,
    rules: &'c Rules<'r>,
    /// Each marking in the order in which it is first used, its identifier and its definition.
    definitions: Vec<(Marking, String, Value)>,
    objects: Vec<Value>,
}

impl Bundle<'_, '_> {
    /// The identifier of the `number`th object of a type in this bundle.
    fn identifier(&self, kind: &str, number: usize) -> String {
        format!("{kind}--{}", uuid_of(&format!("{}\n{kind}\n{number}", self.id)))
    }

    /// The identifier of the definition that states `marking`.
    fn marking(&mut self, marking: &Marking) -> Result<String, NoImage> {
        if let Some((_, id, _)) = self.definitions.iter().find(|(known, _, _)| known == marking) {
            return Ok(id.clone());
        }
        let banner = marking.banner();
        let rules = self.rules.in_profile_of(&banner);
        if rules.parse_banner_canonical(&banner).ok().as_ref() != Some(marking) {
            return Err(NoImage { format: Format::Stix, what: "a portion mark without a banner of the same meaning" });
        }
        let uuid = uuid_of(&format!("{banner}\n{}", self.time));
        let id = format!("marking-definition--{uuid}");
        self.definitions.push((marking.clone(), id.clone(), statement_definition(marking, &uuid, &self.time)));
        Ok(id)
    }

    fn identity(&mut self, item: &Item, number: usize, role: Option<&str>) -> Result<String, NoImage> {
        let (id, marking) = (self.identifier("identity", number), self.marking(&item.marking)?);
        let mut identity = json!({
            "created": self.time, "id": id, "modified": self.time, "name": item.text, "object_marking_refs": [marking],
            "spec_version": "2.1", "type": "identity",
        });
        if let Some(role) = role {
            identity["roles"] = json!([role]);
        }
        self.objects.push(identity);
        Ok(id)
    }
}

/// A UUID that follows from `name`: the digest's bits where version 4 has random ones, for STIX 2.1 asks for that
/// version and two nodes must give one cut the same identifiers.
fn uuid_of(name: &str) -> String {
    let digest = Digest::of(format!("portcullis stix 1\n{name}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string()
}
