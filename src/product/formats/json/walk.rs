//! A walk through a JSON value, which reports what does not have the expected shape.

use std::borrow::Cow;
use std::ops::Range;

use super::pointer::Pointer;
use super::tree::{LineStarts, Member, Node, Value};
use crate::product::fault::{FaultCode, Faults, ProductFault};
use crate::product::formats::draft::{Origin, Span, Spelling, fault_in};

/// Goes through a JSON value and reports what is not as it should be.
pub(in crate::product) struct Walk<'f> {
    pub lines: &'f LineStarts,
    pub faults: &'f mut Faults,
    /// The code of what is not of the right shape.
    pub code: FaultCode,
}

impl Walk<'_> {
    /// Reports members that are not `known`, and those `required` that are not there.
    pub fn object(&mut self, value: &Value<'_>, path: &Pointer, known: &[&str], required: &[&str]) {
        let Node::Object(members) = &value.node else {
            let message = format!("expected an object, found {}", value.kind());
            self.shape(value, path, &message, "write an object");
            return;
        };
        for Member { key, key_at, value } in members.iter().filter(|m| !known.contains(&m.key.as_ref())) {
            let hint = format!("remove it; the allowed members are {}", list(known));
            let message = match self.code {
                FaultCode::StixObject => "a property that a product cannot hold",
                _ => "unknown member",
            };
            let fault = self.fault(self.code, *key_at..value.at, &path.member(key), message, &hint);
            self.faults.add(fault);
        }
        for key in required.iter().filter(|key| value.member(key).is_none()) {
            let message = format!("missing member `{key}`");
            self.shape(value, path, &message, &format!("add `{key}`"));
        }
    }

    /// The elements of an array; none where there is no value.
    pub fn array<'v, 's>(&mut self, value: Option<&'v Value<'s>>, path: &Pointer) -> &'v [Value<'s>] {
        match value.map(|v| &v.node) {
            Some(Node::Array(elements)) => elements,
            Some(_) => {
                // INVARIANT: a node was found, so there is a value.
                let value = value.expect("there is a value");
                let message = format!("expected an array, found {}", value.kind());
                self.shape(value, path, &message, "write an array, also where it has one element");
                &[]
            }
            None => &[],
        }
    }

    pub fn string<'s>(&mut self, value: &Value<'s>, path: &Pointer) -> Option<Span<'s>> {
        let Node::Text(text) = &value.node else {
            self.shape(value, path, &format!("expected a string, found {}", value.kind()), "write a string");
            return None;
        };
        let (line, column) = self.lines.place(value.at);
        // The spelling between the quotation marks.
        let raw = &value.raw[1..value.raw.len() - 1];
        let origin = Origin { line, column: column + 1, raw, spelling: Spelling::Json, pointer: Some(path.0.clone()) };
        Some(Span::new(text.clone(), origin))
    }

    pub fn integer<'s>(&mut self, value: &Value<'s>, path: &Pointer) -> Option<Span<'s>> {
        let whole = matches!(value.node, Node::Number) && value.raw.bytes().all(|b| b.is_ascii_digit());
        if !whole {
            self.shape(value, path, "expected a whole number", "write the number of bytes in decimal digits");
            return None;
        }
        let origin = Origin { spelling: Spelling::Plain, ..self.origin(value, path) };
        Some(Span::new(Cow::Borrowed(value.raw), origin))
    }

    /// The place of a value as a whole.
    pub fn origin<'s>(&self, value: &Value<'s>, path: &Pointer) -> Origin<'s> {
        let (line, column) = self.lines.place(value.at);
        // An object's spelling may go on for many lines; its place is where it begins.
        let raw = value.raw.lines().next().unwrap_or_default();
        Origin { line, column, raw, spelling: Spelling::Whole, pointer: Some(path.0.clone()) }
    }

    pub fn shape(&mut self, value: &Value<'_>, path: &Pointer, message: &str, hint: &str) {
        self.at_value(self.code, value, path, message, hint);
    }

    /// Reports a fault of a value.
    pub fn at_value(&mut self, code: FaultCode, value: &Value<'_>, path: &Pointer, message: &str, hint: &str) {
        let width = if matches!(value.node, Node::Object(_) | Node::Array(_)) { 1 } else { value.raw.len() };
        let fault = self.fault(code, value.at..value.at + width, path, message, hint);
        self.faults.add(fault);
    }

    /// Reports a fault of what stands at `origin`.
    pub fn at(&mut self, code: FaultCode, origin: &Origin<'_>, message: &str, hint: &str) {
        let whole = Span::standing_for(String::new(), origin);
        self.faults.add(fault_in(code, &whole, 0..origin.raw.len(), message, hint));
    }

    /// Reports that something is not there at all.
    pub fn nothing(&mut self, message: &str, hint: &str) {
        let fault = self.fault(self.code, 0..0, &Pointer::root(), message, hint);
        self.faults.add(fault);
    }

    fn fault(&self, code: FaultCode, at: Range<usize>, path: &Pointer, message: &str, hint: &str) -> ProductFault {
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
