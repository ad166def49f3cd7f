//! The JSON format: the members of `docs/schema/product-1.json`, and the JSON reader that STIX bundles use as well.
//!
//! In comes JSON; out come its strings as a draft, each with its JSON pointer (RFC 6901), or faults. Members that the
//! schema does not have, or lacks, are refused. [`write()`] gives a product of one tearline in one spelling.

pub(super) mod tree;
mod lexical;
mod pointer;
mod walk;
mod write;

pub(super) use pointer::Pointer;
pub(super) use walk::Walk;
pub(super) use write::write;

use self::tree::{LineStarts, Node, Value};
use super::draft::{Draft, DraftAttachment, DraftBody, DraftItem, DraftTearline};
use crate::product::fault::{FaultCode, Faults};

/// The member that says that an object is a product, and in which version of the format.
pub(super) const SIGNATURE: &str = "portcullis_product";

/// The published schema of the JSON product (JSON Schema, draft 2020-12).
pub const SCHEMA: &str = include_str!("../../../../docs/schema/product-1.json");

/// Finds the parts of a JSON product. Members that are missing, unknown or of another type are reported; the draft
/// holds what is there.
pub(super) fn draft<'s>(root: &Value<'s>, lines: &LineStarts, faults: &mut Faults) -> Draft<'s> {
    let mut walk = Walk { lines, faults, code: FaultCode::JsonShape };
    let path = Pointer::root();
    let members = ["portcullis_product", "id", "date", "kind", "tearlines"];
    walk.object(root, &path, &members, &members);
    if let Some(version) = root.member(SIGNATURE)
        && version.raw != "1"
    {
        walk.shape(version, &path.member(SIGNATURE), "unsupported version", "write `1`");
    }
    let mut string = |key: &str| walk.string(root.member(key)?, &path.member(key));
    let (id, date, kind) = (string("id"), string("date"), string("kind"));
    let at = path.member("tearlines");
    let tearlines = walk.array(root.member("tearlines"), &at);
    let tearlines: Vec<_> =
        tearlines.iter().enumerate().map(|(i, t)| walk.tearline(t, &at.element(i), i == 0)).collect();
    if let Some(empty) = root.member("tearlines").filter(|t| matches!(&t.node, Node::Array(a) if a.is_empty())) {
        walk.shape(empty, &at, "a product without a tearline", "write at least the source version");
    }
    Draft { origin: walk.origin(root, &path), id, date, kind, tearlines }
}

impl Walk<'_> {
    fn tearline<'s>(&mut self, value: &Value<'s>, path: &Pointer, first: bool) -> DraftTearline<'s> {
        let known = ["banner", "title", "originator", "subjects", "contact", "protected", "portions", "attachments"];
        let required: &[&str] = if first { &["banner", "title", "portions"] } else { &["banner", "portions"] };
        self.object(value, path, &known, required);
        let mut tearline = DraftTearline::at(self.origin(value, path));
        tearline.banner = value.member("banner").and_then(|v| self.string(v, &path.member("banner")));
        let mut item = |key: &str| self.item(value.member(key)?, &path.member(key), key == "originator");
        tearline.title = item("title");
        tearline.originator = item("originator");
        tearline.contact = item("contact");
        let at = path.member("subjects");
        let subjects = self.array(value.member("subjects"), &at).iter().enumerate();
        tearline.subjects = subjects.filter_map(|(i, v)| self.item(v, &at.element(i), false)).collect();
        let at = path.member("protected");
        let protected = self.array(value.member("protected"), &at).iter().enumerate();
        tearline.protected = protected.filter_map(|(i, v)| self.string(v, &at.element(i))).collect();
        let at = path.member("portions");
        let portions = self.array(value.member("portions"), &at).iter().enumerate();
        tearline.portions = portions.filter_map(|(i, v)| self.item(v, &at.element(i), false)).collect();
        let at = path.member("attachments");
        let attachments = self.array(value.member("attachments"), &at).iter().enumerate();
        tearline.attachments = attachments.filter_map(|(i, v)| self.attachment(v, &at.element(i))).collect();
        tearline
    }

    fn item<'s>(&mut self, value: &Value<'s>, path: &Pointer, mark_optional: bool) -> Option<DraftItem<'s>> {
        let required: &[&str] = if mark_optional { &["text"] } else { &["mark", "text"] };
        self.object(value, path, &["mark", "text"], required);
        let mark = value.member("mark").and_then(|v| self.string(v, &path.member("mark")));
        let text = value.member("text").and_then(|v| self.string(v, &path.member("text")))?;
        Some(DraftItem { mark, text })
    }

    fn attachment<'s>(&mut self, value: &Value<'s>, path: &Pointer) -> Option<DraftAttachment<'s>> {
        let members = ["mark", "name", "type", "size", "sha256", "data"];
        self.object(value, path, &members, &members[..5]);
        let mark = value.member("mark").and_then(|v| self.string(v, &path.member("mark")));
        let mut fields = Vec::new();
        for key in ["name", "type"] {
            fields.push(self.string(value.member(key)?, &path.member(key))?);
        }
        fields.push(self.integer(value.member("size")?, &path.member("size"))?);
        fields.push(self.string(value.member("sha256")?, &path.member("sha256"))?);
        let body = match value.member("data") {
            Some(data) => DraftBody::Base64(self.string(data, &path.member("data"))?),
            None => DraftBody::Detached,
        };
        Some(DraftAttachment { mark, fields, body })
    }
}
