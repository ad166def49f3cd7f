//! A strict reader of JSON (RFC 8259) that keeps the place of every value, which faults need and ordinary readers do not
//! keep. It repairs nothing.

use std::borrow::Cow;

use crate::product::bounds::Bounds;
use crate::product::fault::{FaultCode, Faults, ProductFault};

/// One value and where it stands.
#[derive(Clone, Debug)]
pub(in crate::product) struct Value<'s> {
    pub node: Node<'s>,
    /// The byte at which it begins.
    pub at: usize,
    /// Its spelling in the source.
    pub raw: &'s str,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(in crate::product) enum Node<'s> {
    Object(Vec<Member<'s>>),
    Array(Vec<Value<'s>>),
    Text(Cow<'s, str>),
    Number,
    Bool,
    Null,
}

/// One member of an object. No two members of one object have the same key.
#[derive(Clone, Debug)]
pub(in crate::product) struct Member<'s> {
    pub key: Cow<'s, str>,
    pub key_at: usize,
    pub value: Value<'s>,
}

impl<'s> Value<'s> {
    /// The member with this key, of an object.
    pub fn member(&self, key: &str) -> Option<&Value<'s>> {
        match &self.node {
            Node::Object(members) => members.iter().find(|m| m.key == key).map(|m| &m.value),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for a message.
    pub fn kind(&self) -> &'static str {
        match &self.node {
            Node::Object(_) => "an object",
            Node::Array(_) => "an array",
            Node::Text(_) => "a string",
            Node::Number => "a number",
            Node::Bool => "true or false",
            Node::Null => "null",
        }
    }
}

/// Where lines begin, so that a byte has a line and a column.
#[derive(Debug)]
pub(in crate::product) struct LineStarts(Vec<usize>);

impl LineStarts {
    pub fn of(source: &str) -> LineStarts {
        let after = source.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        LineStarts(std::iter::once(0).chain(after).collect())
    }

    /// The line, counted from one, and the byte within it, counted from zero.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= at);
        (line, at - self.0[line - 1])
    }
}

/// Reads `source` as one JSON value. `None` where it is not JSON; repeated keys are reported and their later values
/// dropped, so that the rest can be looked at as well.
pub(in crate::product) fn read<'s>(
    source: &'s str,
    bounds: &Bounds,
    lines: &LineStarts,
    faults: &mut Faults,
) -> Option<Value<'s>> {
    // Each value of a product is at most a line of its own, so a file that stays within the bounds has no more.
    let nodes_max = bounds.lines_max.saturating_mul(4);
    let mut reader = Reader { source, at: 0, nodes_left: nodes_max, depth_max: bounds.depth_max, lines, faults };
    let read = reader.value(0).and_then(|value| {
        reader.space();
        if reader.at < source.len() {
            return Err(reader.wrong("extra characters after the end of the JSON value", "remove what follows it"));
        }
        Ok(value)
    });
    match read {
        Ok(value) => Some(value),
        Err(fault) => {
            faults.add(*fault);
            None
        }
    }
}

pub(super) struct Reader<'s, 'f> {
    pub(super) source: &'s str,
    pub(super) at: usize,
    nodes_left: usize,
    /// The deepest nesting of arrays and objects. A product needs six levels.
    depth_max: usize,
    lines: &'f LineStarts,
    faults: &'f mut Faults,
}

pub(super) type Read<T> = Result<T, Box<ProductFault>>;

impl<'s> Reader<'s, '_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| b" \t\r\n".contains(&b)) {
            self.at += 1;
        }
    }

    pub(super) fn fault(&self, code: FaultCode, at: usize, message: &str, hint: &str) -> Box<ProductFault> {
        let (line, column) = self.lines.place(at);
        Box::new(ProductFault {
            code: code.into(),
            line,
            columns: column..column,
            message: message.into(),
            hint: hint.into(),
            rule: code.rule(),
            fix: None,
            pointer: None,
        })
    }

    pub(super) fn wrong(&self, message: &str, hint: &str) -> Box<ProductFault> {
        self.fault(FaultCode::JsonSyntax, self.at, message, hint)
    }

    fn value(&mut self, depth: usize) -> Read<Value<'s>> {
        self.space();
        let start = self.at;
        if depth > self.depth_max || self.nodes_left == 0 {
            let message = if self.nodes_left == 0 { "too many values" } else { "values nested too deeply" };
            return Err(self.fault(FaultCode::Bounds, start, message, "write the product by its schema"));
        }
        self.nodes_left -= 1;
        let node = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Node::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Node::Bool)?,
            Some(b'f') => self.word("false", Node::Bool)?,
            Some(b'n') => self.word("null", Node::Null)?,
            Some(_) => return Err(self.wrong("expected a JSON value", "write a string, number, object or array")),
            None => return Err(self.wrong("unexpected end of the file: expected a value", "send the whole file")),
        };
        Ok(Value { node, at: start, raw: &self.source[start..self.at] })
    }

    fn word(&mut self, word: &str, node: Node<'s>) -> Read<Node<'s>> {
        if self.source[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(node);
        }
        Err(self.wrong("expected a JSON value", "write a string, number, object or array"))
    }

    fn object(&mut self, depth: usize) -> Read<Node<'s>> {
        self.at += 1;
        let mut members: Vec<Member<'s>> = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::Object(members));
        }
        loop {
            self.space();
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return Err(
                    self.wrong("expected a member name", "write `\"name\": value`, without a comma after the last")
                );
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.wrong("expected a colon after a member name", "write `\"name\": value`"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            if members.iter().any(|m| m.key == key) {
                let fault = self.fault(
                    FaultCode::JsonRepeated,
                    key_at,
                    "duplicate member name",
                    "keep one of them: readers differ on which of two counts",
                );
                self.faults.add(*fault);
            } else if members.len() >= MEMBERS_MAX {
                // Every key is compared with every other: the bound keeps that from costing more than the file is worth.
                return Err(self.fault(
                    FaultCode::Bounds,
                    key_at,
                    "too many members in one object",
                    "write the product by its schema",
                ));
            } else {
                members.push(Member { key, key_at, value });
            }
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Node::Object(members));
                }
                _ => return Err(self.wrong("expected `,` or `}` after a member", "write `,` or `}` here")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Read<Node<'s>> {
        self.at += 1;
        let mut values = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::Array(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Node::Array(values));
                }
                _ => return Err(self.wrong("expected `,` or `]` after an element", "write `,` or `]` here")),
            }
        }
    }
}

/// Members of one object at most. A tearline has eight.
const MEMBERS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(source: &str) -> (bool, Vec<String>) {
        let bounds = Bounds::default();
        let mut faults = Faults::new(&bounds);
        let read = read(source, &bounds, &LineStarts::of(source), &mut faults).is_some();
        (read, faults.into_sorted().iter().map(|f| format!("{}:{}:{}", f.code, f.line, f.columns.start)).collect())
    }

    #[test]
    fn reads_what_another_reader_reads_and_refuses_what_it_refuses() {
        for source in [
            "{}",
            "[]",
            " [1, -0, 0.5e-3, 1E9]\n",
            "\"\\u00e9\\n\\/\"",
            "{\"a\": [true, false, null]}",
            "\"\\ud83d\\ude00\"",
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "'a'",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "NaN",
            "-Infinity",
            "tru",
            "{} {}",
            "\"\\x41\"",
            "\"\\u00g0\"",
            "\"\\u+0ff\"",
            "\"\\ud800\"",
            "\"\\udc00\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"a\nb\"",
            "\"\t\"",
            "[1 2]",
            "{\"a\" 1}",
            "// c\n1",
            "\u{feff}1",
            "1\u{a0}",
            "nulll",
            "\"abc",
            "[\"a\\",
        ] {
            let theirs = serde_json::from_str::<serde_json::Value>(source).is_ok();
            assert_eq!(codes(source).0, theirs, "{source:?}");
        }
    }

    #[test]
    fn refuses_repeated_names_however_they_are_spelled() {
        assert_eq!(codes("{\"a\": 1,\n \"\\u0061\": 2}"), (true, vec!["P-JSON-REPEATED:2:1".into()]));
        assert_eq!(codes("{\"a\": {\"a\": 1}}"), (true, vec![]));
    }

    #[test]
    fn refuses_depth_and_numbers_of_values_without_reading_them() {
        assert_eq!(codes(&"[".repeat(100_000)), (false, vec!["P-BOUNDS:1:17".into()]));
        assert_eq!(codes(&format!("[{}0]", "0,".repeat(700_000))).1.len(), 1);
        let many: String = (0..200).map(|n| format!("\"{n}\":0,")).collect();
        assert_eq!(codes(&format!("{{{many}\"z\":0}}")).1.len(), 1);
    }
}
