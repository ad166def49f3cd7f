//! The JSON product: the members of `docs/schema/product-1.json`, each string with its JSON pointer.

mod lexical;
pub(super) mod tree;
mod write;

use std::borrow::Cow;
use std::rc::Rc;

pub(super) use write::write;

use self::tree::{LineStarts, Member, Node, Value};
use super::draft::{Body, Draft, DraftAttachment, DraftItem, DraftTearline, Origin, Span, Spelling};
use super::fault::{FaultCode, ProductFault};
use super::lower::at_span;
use super::text::Faults;

/// The member that says that an object is a product, and in which version of the format.
pub(super) const SIGNATURE: &str = "portcullis_product";

/// The published schema of the JSON product (JSON Schema, draft 2020-12).
pub const SCHEMA: &str = include_str!("../../../docs/schema/product-1.json");

/// Finds the parts of a JSON product. Members that are missing, unknown or of another type are reported; the draft
/// holds what is there.
pub(super) fn draft<'s>(root: &Value<'s>, lines: &LineStarts, faults: &mut Faults) -> Draft<'s> {
    let mut walk = Walk { lines, faults, code: FaultCode::JsonShape };
    let path = Path::root();
    let members = ["portcullis_product", "id", "date", "kind", "tearlines"];
    walk.object(root, &path, &members, &members);
    if let Some(version) = root.member(SIGNATURE)
        && version.raw != "1"
    {
        walk.shape(version, &path.member(SIGNATURE), "another version than this gateway reads", "write `1`");
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

/// A JSON pointer (RFC 6901) under construction.
#[derive(Clone)]
pub(super) struct Path(Rc<str>);

impl Path {
    pub fn root() -> Path {
        Path(Rc::from(""))
    }

    pub fn member(&self, key: &str) -> Path {
        Path(Rc::from(format!("{}/{}", self.0, key.replace('~', "~0").replace('/', "~1"))))
    }

    pub fn element(&self, index: usize) -> Path {
        Path(Rc::from(format!("{}/{index}", self.0)))
    }
}

/// Goes through a JSON value and reports what is not as it should be.
pub(super) struct Walk<'f> {
    pub lines: &'f LineStarts,
    pub faults: &'f mut Faults,
    /// The code of what is not of the right shape.
    pub code: FaultCode,
}

impl Walk<'_> {
    fn tearline<'s>(&mut self, value: &Value<'s>, path: &Path, first: bool) -> DraftTearline<'s> {
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

    fn item<'s>(&mut self, value: &Value<'s>, path: &Path, mark_optional: bool) -> Option<DraftItem<'s>> {
        let required: &[&str] = if mark_optional { &["text"] } else { &["mark", "text"] };
        self.object(value, path, &["mark", "text"], required);
        let mark = value.member("mark").and_then(|v| self.string(v, &path.member("mark")));
        let text = value.member("text").and_then(|v| self.string(v, &path.member("text")))?;
        Some(DraftItem { mark, text })
    }

    fn attachment<'s>(&mut self, value: &Value<'s>, path: &Path) -> Option<DraftAttachment<'s>> {
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
            Some(data) => Body::Base64(self.string(data, &path.member("data"))?),
            None => Body::Detached,
        };
        Some(DraftAttachment { mark, fields, body })
    }

    /// Reports members that are not `known`, and those `required` that are not there.
    pub fn object(&mut self, value: &Value<'_>, path: &Path, known: &[&str], required: &[&str]) {
        let Node::Object(members) = &value.node else {
            let message = format!("{} where an object should stand", value.kind());
            self.shape(value, path, &message, "write an object");
            return;
        };
        for Member { key, key_at, value } in members.iter().filter(|m| !known.contains(&m.key.as_ref())) {
            let hint = format!("remove it; the members here are {}", list(known));
            let message = match self.code {
                FaultCode::StixObject => "a property that a product has no place for",
                _ => "a member that the schema does not have",
            };
            let fault = self.fault(self.code, *key_at..value.at, &path.member(key), message, &hint);
            self.faults.add(fault);
        }
        for key in required.iter().filter(|key| value.member(key).is_none()) {
            let message = format!("an object without its member `{key}`");
            self.shape(value, path, &message, &format!("add `{key}`"));
        }
    }

    /// The elements of an array; none where there is no value.
    pub fn array<'v, 's>(&mut self, value: Option<&'v Value<'s>>, path: &Path) -> &'v [Value<'s>] {
        match value.map(|v| &v.node) {
            Some(Node::Array(elements)) => elements,
            Some(_) => {
                // INVARIANT: a node was found, so there is a value.
                let value = value.expect("there is a value");
                let message = format!("{} where an array should stand", value.kind());
                self.shape(value, path, &message, "write an array, also where it has one element");
                &[]
            }
            None => &[],
        }
    }

    pub fn string<'s>(&mut self, value: &Value<'s>, path: &Path) -> Option<Span<'s>> {
        let Node::Text(text) = &value.node else {
            self.shape(value, path, &format!("{} where a string should stand", value.kind()), "write a string");
            return None;
        };
        let (line, column) = self.lines.place(value.at);
        // The spelling between the quotation marks.
        let raw = &value.raw[1..value.raw.len() - 1];
        let origin = Origin { line, column: column + 1, raw, spelling: Spelling::Json, pointer: Some(path.0.clone()) };
        Some(Span::new(text.clone(), origin))
    }

    pub fn integer<'s>(&mut self, value: &Value<'s>, path: &Path) -> Option<Span<'s>> {
        let whole = matches!(value.node, Node::Number) && value.raw.bytes().all(|b| b.is_ascii_digit());
        if !whole {
            self.shape(
                value,
                path,
                "no whole number where one should stand",
                "write the number of bytes in decimal digits",
            );
            return None;
        }
        let origin = Origin { spelling: Spelling::Plain, ..self.origin(value, path) };
        Some(Span::new(Cow::Borrowed(value.raw), origin))
    }

    /// The place of a value as a whole.
    pub fn origin<'s>(&self, value: &Value<'s>, path: &Path) -> Origin<'s> {
        let (line, column) = self.lines.place(value.at);
        // An object's spelling may go on for many lines; its place is where it begins.
        let raw = value.raw.lines().next().unwrap_or_default();
        Origin { line, column, raw, spelling: Spelling::Whole, pointer: Some(path.0.clone()) }
    }

    pub fn shape(&mut self, value: &Value<'_>, path: &Path, message: &str, hint: &str) {
        self.at_value(self.code, value, path, message, hint);
    }

    /// Reports a fault of a value.
    pub fn at_value(&mut self, code: FaultCode, value: &Value<'_>, path: &Path, message: &str, hint: &str) {
        let width = if matches!(value.node, Node::Object(_) | Node::Array(_)) { 1 } else { value.raw.len() };
        let fault = self.fault(code, value.at..value.at + width, path, message, hint);
        self.faults.add(fault);
    }

    /// Reports a fault of what stands at `origin`.
    pub fn at(&mut self, code: FaultCode, origin: &Origin<'_>, message: &str, hint: &str) {
        let whole = Span::standing_for(String::new(), origin);
        self.faults.add(at_span(code, &whole, 0..origin.raw.len(), message, hint));
    }

    /// Reports that something is not there at all.
    pub fn nothing(&mut self, message: &str, hint: &str) {
        let fault = self.fault(self.code, 0..0, &Path::root(), message, hint);
        self.faults.add(fault);
    }

    fn fault(
        &self,
        code: FaultCode,
        at: std::ops::Range<usize>,
        path: &Path,
        message: &str,
        hint: &str,
    ) -> ProductFault {
        let (line, column) = self.lines.place(at.start);
        let (last, end) = self.lines.place(at.end);
        ProductFault {
            code: code.into(),
            line,
            columns: column..if last == line { end } else { column },
            message: message.into(),
            hint: hint.into(),
            rule: code.rule(),
            fix: None,
            pointer: Some(path.0.to_string()),
        }
    }
}

fn list(keys: &[&str]) -> String {
    keys.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
}
