//! Numbers and strings of JSON.

use std::borrow::Cow;

use super::tree::{Node, Read, Reader};
use crate::product::fault::FaultCode;

impl<'s> Reader<'s, '_> {
    pub(super) fn number(&mut self) -> Read<Node<'s>> {
        let rest = &self.source.as_bytes()[self.at..];
        let digits = |from: usize| rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = usize::from(rest[0] == b'-');
        let whole = digits(end);
        let padded = whole > 1 && rest[end] == b'0';
        end += whole;
        let mut ok = whole > 0 && !padded;
        if rest.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            ok &= fraction > 0;
            end += 1 + fraction;
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            end += 1 + usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end);
            ok &= exponent > 0;
            end += exponent;
        }
        if !ok {
            return Err(self.wrong("invalid JSON number", "write it in decimal, without a leading zero"));
        }
        self.at += end;
        Ok(Node::Number)
    }

    pub(super) fn string(&mut self) -> Read<Cow<'s, str>> {
        let start = self.at + 1;
        let rest = &self.source.as_bytes()[start..];
        let plain = rest.iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f)).count();
        self.at = start + plain;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.source[start..start + plain]));
        }
        let mut text = self.source[start..self.at].to_owned();
        loop {
            let rest = &self.source.as_bytes()[self.at..];
            let plain = rest.iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f)).count();
            text.push_str(&self.source[self.at..self.at + plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => {
                    return Err(
                        self.wrong("a control character inside a string", "write a line break as `\\n`, and no other")
                    );
                }
                None => return Err(self.wrong("the file ends inside a string", "send the whole file")),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let simple = match self.source.as_bytes().get(self.at + 1) {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(*c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wrong("invalid JSON escape", "write the character itself")),
        };
        self.at += 2;
        Ok(simple)
    }

    fn unicode(&mut self) -> Read<char> {
        let half = |at: usize| -> Option<u32> {
            let digits = self.source.get(at..at + 6)?.strip_prefix("\\u")?;
            let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
            hexadecimal.then(|| u32::from_str_radix(digits, 16).ok())?
        };
        let Some(first) = half(self.at) else {
            return Err(self.wrong(
                "an escape without four hexadecimal digits",
                "write `\\u` and four digits, or the character itself",
            ));
        };
        let second = if (0xD800..0xDC00).contains(&first) { half(self.at + 6) } else { None };
        let (code, length) = match second {
            Some(second @ 0xDC00..0xE000) => (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), 12),
            _ => (first, 6),
        };
        let Some(c) = char::from_u32(code) else {
            return Err(self.fault(
                FaultCode::Unicode,
                self.at,
                "half of a surrogate pair",
                "write the character itself, or both halves",
            ));
        };
        self.at += length;
        Ok(c)
    }
}
