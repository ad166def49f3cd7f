//! The STIX format: a STIX 2.1 bundle as a product of one tearline. A report is the tearline, its notes the portions, its
//! files the attachments, and every marking a statement that holds a canonical banner.
//!
//! In comes the JSON of a bundle; out come a draft and the markings that it must have once read, or faults.
//! [`write()`] gives a product of one tearline as a bundle. A bundle can hold much that a product cannot. None of it is
//! dropped to make the rest fit: it is refused, with the reason.

mod objects;
mod write;

use jiff::Timestamp;

pub(super) use write::write;

use self::objects::{Object, Objects};
use super::draft::{Draft, DraftAttachment, DraftBody, DraftItem, DraftTearline, Span, fault_in};
use super::json::tree::{LineStarts, Value};
use super::json::{Pointer, Walk};
use super::text::Parts;
use crate::marking::{DocumentDate, Marking, Register, Rules};
use crate::product::fault::{FaultCode, Faults};

/// The name by which an external reference gives a product's own number.
const SOURCE: &str = "portcullis";

/// A bundle's parts, and the markings they must have once read.
pub(super) struct Bundle<'s> {
    pub draft: Draft<'s>,
    markings: Vec<Marking>,
}

/// Finds the parts of a bundle. `None` where they cannot be told; `faults` says why.
pub(super) fn draft<'s>(
    root: &Value<'s>,
    lines: &LineStarts,
    register: &Register,
    faults: &mut Faults,
) -> Option<Bundle<'s>> {
    let mut walk = Walk { lines, faults, code: FaultCode::StixObject };
    let path = Pointer::root();
    walk.object(root, &path, &["type", "id", "objects"], &["type", "id", "objects"]);
    let mut objects = Objects::of(root, &mut walk)?;
    let report = objects.only("report", &mut walk)?;
    let date = published(&report, &mut walk);
    // A report without a day is at fault already; its markings are then judged as if nothing were in their favour.
    let known = date.as_ref().and_then(|d| d.text.parse().ok());
    let rules = Rules::new(register, known.map_or(DocumentDate::Unknown, DocumentDate::Known));
    objects.read_markings(&rules, &mut walk);
    let mut reader = Reader { objects, walk, markings: Vec::new() };
    let draft = reader.report(&report, date);
    let Reader { mut objects, mut walk, markings } = reader;
    objects.report_unused(&mut walk);
    let draft = draft?;
    Some(Bundle { draft, markings })
}

impl Bundle<'_> {
    /// Reports a marking that came out as another one than the bundle states: a banner's words need not make the same
    /// portion mark.
    pub fn compare(&self, parts: &Parts, faults: &mut Faults) {
        let Some(tearline) = parts.tearlines.first() else { return };
        let read = std::iter::once(tearline.banner()).chain(tearline.marked().map(|(_, m)| m));
        if !read.eq(self.markings.iter()) {
            let whole = Span::standing_for(String::new(), &self.draft.origin);
            faults.add(fault_in(
                FaultCode::StixMarking,
                &whole,
                0..0,
                "a marking that has no portion mark of the same meaning",
                "mark the object as it would be marked in text",
            ));
        }
    }
}

struct Reader<'s, 'f> {
    objects: Objects<'s>,
    walk: Walk<'f>,
    /// The banner, and every mark in the order in which a tearline has them.
    markings: Vec<Marking>,
}

impl<'s> Reader<'s, '_> {
    fn report(&mut self, report: &Object<'s>, date: Option<Span<'s>>) -> Option<Draft<'s>> {
        const KNOWN: [&str; 14] = [
            "type",
            "spec_version",
            "id",
            "created",
            "modified",
            "published",
            "name",
            "report_types",
            "object_refs",
            "object_marking_refs",
            "granular_markings",
            "labels",
            "created_by_ref",
            "external_references",
        ];
        report.has(&mut self.walk, &KNOWN, &["name", "report_types", "object_refs"]);
        let (banner, at) = self.objects.marking_of(report, &mut self.walk)?;
        let mut tearline = DraftTearline::at(report.origin(&self.walk));
        tearline.banner = Some(Span::standing_for(banner.banner(), &at));
        let mut granular = self.objects.granular(report, &mut self.walk);
        let title = self.walk.string(report.member("name")?, &report.path("name"))?;
        let title_mark = granular.remove("name").map_or_else(|| banner.clone(), |g| g.marking);
        self.markings.push(banner.clone());
        self.markings.push(title_mark.clone());
        tearline.title = Some(item(&title_mark, title));
        let refs = self.objects.references(report, "object_refs", &mut self.walk);
        if let Some(originator) = report.member("created_by_ref") {
            let path = report.path("created_by_ref");
            let identity = self.objects.refer(originator, &path, &["identity"], &mut self.walk)?;
            let text = self.identity(&identity, &["identity_class"])?;
            let marking = if identity.member("object_marking_refs").is_some() {
                let (marking, _) = self.objects.marking_of(&identity, &mut self.walk)?;
                self.markings.push(marking.clone());
                Some(marking)
            } else {
                None
            };
            tearline.originator = Some(match &marking {
                Some(marking) => item(marking, text),
                None => DraftItem { mark: None, text },
            });
        }
        let labels = report.path("labels");
        for (i, label) in self.walk.array(report.member("labels"), &labels).iter().enumerate() {
            let mark = granular.remove(&format!("labels.[{i}]")).map_or_else(|| banner.clone(), |g| g.marking);
            let text = self.walk.string(label, &labels.element(i))?;
            self.markings.push(mark.clone());
            tearline.subjects.push(item(&mark, text));
        }
        if let Some(other) = granular.values().next() {
            let hint = "mark the object as a whole; only the name and single labels of a report can be marked apart";
            self.walk.at(FaultCode::StixMarking, &other.at, "a granular marking that a product cannot hold", hint);
        }
        self.contact(&refs, &mut tearline)?;
        for (object, _) in refs.iter().filter(|(o, _)| o.kind == "note") {
            let portion = self.note(object, report)?;
            tearline.portions.push(portion);
        }
        for (object, _) in refs.iter().filter(|(o, _)| o.kind == "file") {
            let attachment = self.file(object)?;
            tearline.attachments.push(attachment);
        }
        let origin = report.origin(&self.walk);
        Some(Draft { origin, id: self.number(report), date, kind: self.kind(report), tearlines: vec![tearline] })
    }

    /// The product's own number where the report gives one, or else the report's identifier.
    fn number(&mut self, report: &Object<'s>) -> Option<Span<'s>> {
        let Some(references) = report.member("external_references") else {
            return self.walk.string(report.member("id")?, &report.path("id"));
        };
        let path = report.path("external_references");
        let [reference] = self.walk.array(Some(references), &path) else {
            let hint = "give the product's number alone, under the source name `portcullis`";
            self.walk.shape(references, &path, "references to something outside the bundle", hint);
            return None;
        };
        let path = path.element(0);
        self.walk.object(reference, &path, &["source_name", "external_id"], &["source_name", "external_id"]);
        if reference.member("source_name").and_then(Value::text) != Some(SOURCE) {
            let hint = "give the product's number alone, under the source name `portcullis`";
            self.walk.shape(reference, &path, "a reference to something outside the bundle", hint);
        }
        self.walk.string(reference.member("external_id")?, &path.member("external_id"))
    }

    fn kind(&mut self, report: &Object<'s>) -> Option<Span<'s>> {
        let (value, path) = (report.member("report_types")?, report.path("report_types"));
        match self.walk.array(Some(value), &path) {
            [kind] => self.walk.string(kind, &path.element(0)),
            _ => {
                let hint = "name one: it is the product's kind";
                self.walk.shape(value, &path, "a report of no type, or of several", hint);
                None
            }
        }
    }

    fn contact(&mut self, refs: &[(Object<'s>, Pointer)], tearline: &mut DraftTearline<'s>) -> Option<()> {
        let mut identities = refs.iter().filter(|(o, _)| o.kind == "identity");
        let Some((identity, _)) = identities.next() else { return Some(()) };
        if let Some((second, path)) = identities.next() {
            let hint = "refer to the one identity that is to be asked, with the role `contact`";
            self.walk.shape(second.value(), path, "a second identity that the report refers to", hint);
        }
        let role = identity.member("roles");
        let path = identity.path("roles");
        let is_contact = matches!(self.walk.array(role, &path), [one] if one.text() == Some("contact"));
        if !is_contact {
            let hint = "give it the one role `contact` if it is to be asked, or remove the reference";
            self.walk.shape(identity.value(), &path, "an identity without the role `contact`", hint);
        }
        let text = self.identity(identity, &["identity_class", "roles"])?;
        let (marking, _) = self.objects.marking_of(identity, &mut self.walk)?;
        self.markings.push(marking.clone());
        tearline.contact = Some(item(&marking, text));
        Some(())
    }

    fn identity(&mut self, identity: &Object<'s>, more: &[&str]) -> Option<Span<'s>> {
        let known = ["type", "spec_version", "id", "created", "modified", "name", "object_marking_refs"];
        identity.has(&mut self.walk, &[&known[..], more].concat(), &["name"]);
        self.walk.string(identity.member("name")?, &identity.path("name"))
    }

    fn note(&mut self, note: &Object<'s>, report: &Object<'s>) -> Option<DraftItem<'s>> {
        const KNOWN: [&str; 9] = [
            "type",
            "spec_version",
            "id",
            "created",
            "modified",
            "created_by_ref",
            "content",
            "object_refs",
            "object_marking_refs",
        ];
        note.has(&mut self.walk, &KNOWN, &["content", "object_refs"]);
        let path = note.path("object_refs");
        let about = self.walk.array(note.member("object_refs"), &path);
        if !matches!(about, [one] if one.text() == Some(&report.id)) {
            let hint = "let the note refer to the bundle's report and to nothing else";
            self.walk.at_value(
                FaultCode::StixReference,
                note.value(),
                &path,
                "a note about something else than the report",
                hint,
            );
        }
        let by = |o: &Object<'s>| o.member("created_by_ref").and_then(Value::text).map(str::to_owned);
        if by(note).is_some() && by(note) != by(report) {
            let hint = "let note and report have the same author, or leave the note's out";
            self.walk.at_value(
                FaultCode::StixReference,
                note.value(),
                &note.path("created_by_ref"),
                "a note by another author than the report's",
                hint,
            );
        }
        let (marking, _) = self.objects.marking_of(note, &mut self.walk)?;
        let text = self.walk.string(note.member("content")?, &note.path("content"))?;
        self.markings.push(marking.clone());
        Some(item(&marking, text))
    }

    fn file(&mut self, file: &Object<'s>) -> Option<DraftAttachment<'s>> {
        const KNOWN: [&str; 9] =
            ["type", "spec_version", "id", "name", "mime_type", "size", "hashes", "content_ref", "object_marking_refs"];
        const REQUIRED: [&str; 4] = ["name", "mime_type", "size", "hashes"];
        file.has(&mut self.walk, &KNOWN, &REQUIRED);
        let (marking, at) = self.objects.marking_of(file, &mut self.walk)?;
        let name = self.walk.string(file.member("name")?, &file.path("name"))?;
        let media_type = self.walk.string(file.member("mime_type")?, &file.path("mime_type"))?;
        let size = self.walk.integer(file.member("size")?, &file.path("size"))?;
        let digest = self.digest(file)?;
        let fields = vec![name, media_type, size, digest];
        let body = match file.member("content_ref") {
            Some(content) => self.content(file, content, &marking, &fields)?,
            None => DraftBody::Detached,
        };
        self.markings.push(marking.clone());
        let mark = Some(Span::standing_for(marking.portion(), &at));
        Some(DraftAttachment { mark, fields, body })
    }

    /// The bytes of a file, from the artifact it refers to, which must say nothing else than the file does.
    fn content(
        &mut self,
        file: &Object<'s>,
        content: &Value<'s>,
        marking: &Marking,
        fields: &[Span<'s>],
    ) -> Option<DraftBody<'s>> {
        let artifact = self.objects.refer(content, &file.path("content_ref"), &["artifact"], &mut self.walk)?;
        let known = ["type", "spec_version", "id", "mime_type", "payload_bin", "hashes", "object_marking_refs"];
        artifact.has(&mut self.walk, &known, &["payload_bin"]);
        let (of_artifact, _) = self.objects.marking_of(&artifact, &mut self.walk)?;
        if of_artifact != *marking {
            let hint = "give both the marking of the attachment";
            self.walk.at_value(
                FaultCode::StixMarking,
                artifact.value(),
                &artifact.path("object_marking_refs"),
                "a file and its content under two markings",
                hint,
            );
        }
        let other_type = artifact.member("mime_type").is_some_and(|t| t.text() != Some(&fields[1].text));
        let other_digest =
            artifact.member("hashes").is_some() && self.digest(&artifact).is_none_or(|d| d.text != fields[3].text);
        if other_type || other_digest {
            let hint = "let both say the same, or leave it to the file";
            self.walk.shape(
                artifact.value(),
                &artifact.path(""),
                "content that is described differently from its file",
                hint,
            );
        }
        Some(DraftBody::Base64(self.walk.string(artifact.member("payload_bin")?, &artifact.path("payload_bin"))?))
    }

    fn digest(&mut self, object: &Object<'s>) -> Option<Span<'s>> {
        let (hashes, path) = (object.member("hashes")?, object.path("hashes"));
        self.walk.object(hashes, &path, &["SHA-256"], &["SHA-256"]);
        self.walk.string(hashes.member("SHA-256")?, &path.member("SHA-256"))
    }
}

fn item<'s>(marking: &Marking, text: Span<'s>) -> DraftItem<'s> {
    DraftItem { mark: Some(Span::standing_for(marking.portion(), &text.origin)), text }
}

/// The day of a report. Its time of day is not carried: a product says only the day.
fn published<'s>(report: &Object<'s>, walk: &mut Walk<'_>) -> Option<Span<'s>> {
    let Some(value) = report.member("published") else {
        walk.shape(report.value(), &report.path(""), "an object without its member `published`", "add `published`");
        return None;
    };
    let path = report.path("published");
    let span = walk.string(value, &path)?;
    if span.text.parse::<Timestamp>().is_err()
        || !span.text.ends_with('Z')
        || span.text.as_bytes().get(10) != Some(&b'T')
    {
        walk.shape(
            value,
            &path,
            "no time in UTC where one should stand",
            "write a time such as `2026-11-20T00:00:00Z`",
        );
        return None;
    }
    Some(Span::standing_for(span.text[..10].to_owned(), &span.origin))
}
