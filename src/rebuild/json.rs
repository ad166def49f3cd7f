//! JSON (RFC 8259), read so strictly that no two readers can interpret it differently, and printed in one canonical
//! form.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Fault, Limits};

/// A JSON value. Numbers keep their digits as written, and members of an object are sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

/// Maximum characters of a number: enough for every double-precision value and every 128-bit integer.
const NUMBER_CHARS_MAX: usize = 40;

/// Parses a whole text as one value. Refuses what JSON readers treat differently: duplicate names in an object,
/// unpaired surrogates, numbers outside double precision, and data before or after the value.
///
/// # Errors
/// A [`Fault`] with a `json.*` code and the line.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Value, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new("json.form", "a JSON text that is not UTF-8"))?;
    let mut reader = Reader { text, at: 0, depth: 0, values: 0, limits };
    reader.space();
    let value = reader.value()?;
    reader.space();
    if reader.at != text.len() {
        return Err(reader.fault("json.trailing", "data after the end of the JSON value"));
    }
    Ok(value)
}

/// Prints a value in canonical form: one member or element on each line, indented by one space for each level, names in
/// order.
pub(super) fn print(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    print_value(value, 0, &mut out);
    out.push('\n');
    out.into_bytes()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    values: usize,
    limits: &'a Limits,
}

impl Reader<'_> {
    fn fault(&self, code: &'static str, message: &str) -> Fault {
        let line = self.text.as_bytes()[..self.at.min(self.text.len())].iter().filter(|b| **b == b'\n').count() + 1;
        Fault::new(code, format!("{message}, on line {line} of the file"))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Value, Fault> {
        self.values += 1;
        if self.values > self.limits.values_max {
            return Err(self.fault("json.size", "too many values"));
        }
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for (word, value) in [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))]
                {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.fault("json.form", "expected a JSON value"))
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Fault>) -> Result<Value, Fault> {
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            return Err(self.fault("json.depth", "values nested too deeply"));
        }
        self.at += 1;
        self.space();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn list(&mut self) -> Result<Value, Fault> {
        let mut list = Vec::new();
        if self.ends(b']') {
            return Ok(Value::List(list));
        }
        loop {
            list.push(self.value()?);
            self.space();
            if self.ends(b']') {
                return Ok(Value::List(list));
            }
            self.comma()?;
        }
    }

    fn object(&mut self) -> Result<Value, Fault> {
        let mut members = BTreeMap::new();
        if self.ends(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.fault("json.form", "a member without a name"));
            }
            let name = self.string()?;
            self.space();
            if !self.ends(b':') {
                return Err(self.fault("json.form", "a name without a colon after it"));
            }
            self.space();
            let value = self.value()?;
            if members.insert(name, value).is_some() {
                return Err(self.fault("json.duplicate", "a duplicate name in an object"));
            }
            self.space();
            if self.ends(b'}') {
                return Ok(Value::Object(members));
            }
            self.comma()?;
        }
    }

    fn ends(&mut self, with: u8) -> bool {
        let ends = self.peek() == Some(with);
        self.at += usize::from(ends);
        ends
    }

    fn comma(&mut self) -> Result<(), Fault> {
        if !self.ends(b',') {
            return Err(self.fault("json.form", "two values without a comma between them"));
        }
        self.space();
        Ok(())
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let digits = &rest[..end];
        if !is_number(digits) {
            return Err(self.fault("json.number", "an invalid JSON number"));
        }
        // Some readers turn a number outside double precision into infinity, others read it exactly.
        if digits.len() > NUMBER_CHARS_MAX || !digits.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(self.fault("json.number", "a number too large or too long for double precision"));
        }
        self.at += end;
        Ok(Value::Number(digits.to_owned()))
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut found = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(c) = rest.chars().next() else {
                return Err(self.fault("json.form", "an unterminated string"));
            };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(found),
                '\\' => found.push(self.escape()?),
                c if c.is_control() => return Err(self.fault("json.form", "a control character inside a string")),
                c => found.push(c),
            }
            if found.len() > self.limits.text_bytes_max {
                return Err(self.fault("json.size", "a string that is too long"));
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let kind = self.peek();
        self.at += 1;
        Ok(match kind {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'u') => {
                let first = self.hex()?;
                let code = if (0xD800..0xDC00).contains(&first) {
                    if !self.text[self.at.min(self.text.len())..].starts_with("\\u") {
                        return Err(self.fault("json.surrogate", "an unpaired surrogate"));
                    }
                    self.at += 2;
                    let second = self.hex()?;
                    if !(0xDC00..0xE000).contains(&second) {
                        return Err(self.fault("json.surrogate", "an unpaired surrogate"));
                    }
                    0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
                } else {
                    first
                };
                let c = char::from_u32(code).ok_or_else(|| self.fault("json.surrogate", "an unpaired surrogate"))?;
                if c.is_control() && !matches!(c, '\n' | '\t' | '\r') {
                    return Err(self.fault("json.control", "an escaped control character"));
                }
                c
            }
            Some(b'b' | b'f') => return Err(self.fault("json.control", "an escaped control character")),
            _ => return Err(self.fault("json.form", "an invalid escape sequence")),
        })
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        self.at += 4;
        value.ok_or_else(|| Fault::new("json.form", "an escape without four hexadecimal digits"))
    }
}

fn is_number(text: &str) -> bool {
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, part) = match mantissa.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (mantissa, None),
    };
    all_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && part.is_none_or(all_digits)
        && exponent.is_none_or(|e| all_digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

fn print_value(value: &Value, level: usize, out: &mut String) {
    let newline = |out: &mut String, level: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', level));
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(digits) => out.push_str(digits),
        Value::Text(text) => print_text(text, out),
        Value::List(list) => {
            out.push('[');
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                newline(out, level + 1);
                print_value(value, level + 1, out);
            }
            if !list.is_empty() {
                newline(out, level);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                newline(out, level + 1);
                print_text(name, out);
                out.push_str(": ");
                print_value(value, level + 1, out);
            }
            if !members.is_empty() {
                newline(out, level);
            }
            out.push('}');
        }
    }
}

fn print_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends every string and member name in a value to `out`, as a reader of the data sees them.
pub(super) fn collect_text(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(text) | Value::Text(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Value::List(list) => list.iter().for_each(|v| collect_text(v, out)),
        Value::Object(members) => {
            for (name, value) in members {
                out.push_str(name);
                out.push('\n');
                collect_text(value, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        read(text.as_bytes(), &Limits::default()).map_or_else(|f| f.code, |_| "pass")
    }

    #[test]
    fn prints_one_form_that_reads_as_itself() {
        let one = read(br#" { "b" : [1, 2.50, "\u0041\n\""], "a":{} , "c":[]}"#, &Limits::default()).unwrap();
        let printed = print(&one);
        assert_eq!(
            String::from_utf8_lossy(&printed),
            "{\n \"a\": {},\n \"b\": [\n  1,\n  2.50,\n  \"A\\n\\\"\"\n ],\n \"c\": []\n}\n"
        );
        assert_eq!(read(&printed, &Limits::default()).unwrap(), one);
    }

    #[test]
    fn refuses_what_two_readers_would_read_differently() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        for (text, expected) in [
            (r#"{"a":1,"a":2}"#, "json.duplicate"),
            (r#"{"a":1,"\u0061":2}"#, "json.duplicate"),
            ("{} {}", "json.trailing"),
            ("{}\0", "json.trailing"),
            ("NaN", "json.form"),
            ("-Infinity", "json.number"),
            ("1e999", "json.number"),
            ("01", "json.number"),
            ("1.", "json.number"),
            ("+1", "json.form"),
            ("[1,]", "json.form"),
            ("{'a':1}", "json.form"),
            ("// x\n{}", "json.form"),
            ("\u{feff}{}", "json.form"),
            (r#""\ud800""#, "json.surrogate"),
            (r#""\udc00\ud800""#, "json.surrogate"),
            (r#""\u0000""#, "json.control"),
            (r#""\x""#, "json.form"),
            ("\"a\nb\"", "json.form"),
            ("\"a", "json.form"),
            ("\"\\u00", "json.form"),
            ("", "json.form"),
            (&deep, "json.depth"),
            ("[1, -2.5e3, true, null]", "pass"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }
}
