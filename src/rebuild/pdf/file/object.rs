//! The objects of a PDF (ISO 32000-1, 7.3), and a reader for them.

use std::collections::BTreeMap;

use crate::rebuild::Fault;

/// A dictionary, by key without the slash.
pub(in crate::rebuild::pdf) type Dict = BTreeMap<String, Object>;

/// A PDF object. A stream is represented by its dictionary; its bytes follow in the file.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::rebuild::pdf) enum Object {
    Null,
    Bool(bool),
    Number(f64),
    Name(String),
    Text(Vec<u8>),
    List(Vec<Object>),
    Dict(Dict),
    Ref(u32),
    /// Any other token: an operator, or a keyword of the file structure.
    Keyword(String),
}

impl Object {
    /// Returns the value of a number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Object::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// Returns the value of a non-negative integer.
    pub fn count(&self) -> Option<usize> {
        self.number().filter(|n| *n >= 0.0 && n.fract() == 0.0 && *n < 1e9).map(|n| n as usize)
    }

    /// Returns a name without the slash.
    pub fn name(&self) -> Option<&str> {
        match self {
            Object::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// Returns a `pdf.form` fault.
pub(in crate::rebuild::pdf) fn form(message: &str) -> Fault {
    Fault::new("pdf.form", message)
}

/// Reads objects one after another from a byte position.
#[derive(Clone)]
pub(in crate::rebuild::pdf) struct Reader<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub depth_max: usize,
    /// Whether two integers and an `R` are a reference; they are not in page content.
    pub refs: bool,
    /// Number of values read so far, including nested ones: each takes memory, however short it is.
    pub values: usize,
}

/// Maximum values inside one object, in arrays and dictionaries at all levels.
const VALUES_OF_ONE_MAX: usize = 1 << 16;

/// Whether a byte is white space (7.2.2).
pub(in crate::rebuild::pdf) fn is_space(b: u8) -> bool {
    matches!(b, b'\0' | b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}

fn is_delimiter(b: u8) -> bool {
    matches!(b, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

impl<'a> Reader<'a> {
    /// Returns a reader of `bytes` from the position `at`, for objects nested up to `depth_max`.
    pub fn new(bytes: &'a [u8], at: usize, depth_max: usize, refs: bool) -> Reader<'a> {
        Reader { bytes, at, depth_max, refs, values: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips white space and comments.
    pub fn skip_space(&mut self) {
        while let Some(b) = self.peek() {
            if b == b'%' {
                while self.peek().is_some_and(|b| b != b'\n' && b != b'\r') {
                    self.at += 1;
                }
            } else if is_space(b) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    /// Skips white space, and returns whether nothing is left.
    pub fn at_end(&mut self) -> bool {
        self.skip_space();
        self.at >= self.bytes.len()
    }

    /// Reads exactly the keyword `word`.
    ///
    /// # Errors
    /// `pdf.form` if anything else follows.
    pub fn expect(&mut self, word: &str) -> Result<(), Fault> {
        match self.object()? {
            Object::Keyword(found) if found == word => Ok(()),
            _ => Err(form(&format!("a PDF with a missing `{word}`"))),
        }
    }

    /// Reads the next object.
    ///
    /// # Errors
    /// A [`Fault`] if it is malformed, nested too deeply or has too many values.
    pub fn object(&mut self) -> Result<Object, Fault> {
        let before = self.values;
        self.nested(0, before.saturating_add(VALUES_OF_ONE_MAX))
    }

    /// Reads the next object; a fault if more than `values_max` values have been read.
    fn nested(&mut self, depth: usize, values_max: usize) -> Result<Object, Fault> {
        self.values += 1;
        if self.values > values_max {
            return Err(Fault::new("pdf.size", "an object with too many values"));
        }
        if depth > self.depth_max {
            return Err(Fault::new("pdf.depth", "objects nested too deeply"));
        }
        self.skip_space();
        match self.peek().ok_or_else(|| form("a PDF that is truncated"))? {
            b'/' => Ok(Object::Name(self.name()?)),
            b'(' => Ok(Object::Text(self.literal()?)),
            b'<' if self.bytes.get(self.at + 1) == Some(&b'<') => self.dict(depth, values_max),
            b'<' => Ok(Object::Text(self.hex()?)),
            b'[' => {
                self.at += 1;
                let mut list = Vec::new();
                loop {
                    self.skip_space();
                    if self.peek() == Some(b']') {
                        self.at += 1;
                        return Ok(Object::List(list));
                    }
                    list.push(self.nested(depth + 1, values_max)?);
                }
            }
            b'0'..=b'9' | b'+' | b'-' | b'.' => self.number_or_ref(),
            b if is_delimiter(b) => Err(form("an unbalanced delimiter in a PDF")),
            _ => Ok(match self.word().as_str() {
                "null" => Object::Null,
                "true" => Object::Bool(true),
                "false" => Object::Bool(false),
                word => Object::Keyword(word.to_owned()),
            }),
        }
    }

    fn word(&mut self) -> String {
        let from = self.at;
        while self.peek().is_some_and(|b| !is_space(b) && !is_delimiter(b)) {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.bytes[from..self.at]).into_owned()
    }

    fn number_or_ref(&mut self) -> Result<Object, Fault> {
        let text = self.word();
        let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
        // Larger numbers are never needed to size or place anything on a page.
        let number = text.parse::<f64>().ok().filter(|n| plain && text.len() <= 24 && n.abs() < 1e10);
        let number = number.ok_or_else(|| form("an invalid number in a PDF"))?;
        if self.refs && text.bytes().all(|b| b.is_ascii_digit()) {
            let before = self.at;
            self.skip_space();
            let generation = self.word();
            self.skip_space();
            if generation.bytes().all(|b| b.is_ascii_digit()) && !generation.is_empty() && self.peek() == Some(b'R') {
                let mark = self.word();
                if mark == "R" && generation == "0" && number < 1e7 {
                    return Ok(Object::Ref(number as u32));
                }
                return Err(form("a reference to an object that was changed"));
            }
            self.at = before;
        }
        Ok(Object::Number(number))
    }

    fn name(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut name = String::new();
        while let Some(b) = self.peek().filter(|b| !is_space(*b) && !is_delimiter(*b)) {
            self.at += 1;
            let b = if b == b'#' {
                let digits = self.bytes.get(self.at..self.at + 2).and_then(|d| std::str::from_utf8(d).ok());
                self.at += 2;
                digits
                    .and_then(|d| u8::from_str_radix(d, 16).ok())
                    .ok_or_else(|| form("a name with an invalid escape"))?
            } else {
                b
            };
            if !b.is_ascii_graphic() && b != b' ' {
                return Err(form("a name with characters that are not allowed"));
            }
            name.push(char::from(b));
        }
        if name.len() > 127 {
            return Err(form("a name longer than a PDF allows"));
        }
        Ok(name)
    }

    fn dict(&mut self, depth: usize, values_max: usize) -> Result<Object, Fault> {
        self.at += 2;
        let mut dict = Dict::new();
        loop {
            self.skip_space();
            if self.bytes[self.at.min(self.bytes.len())..].starts_with(b">>") {
                self.at += 2;
                return Ok(Object::Dict(dict));
            }
            if self.peek() != Some(b'/') {
                return Err(form("a dictionary key that is not a name"));
            }
            let key = self.name()?;
            let value = self.nested(depth + 1, values_max)?;
            if dict.insert(key, value).is_some() {
                return Err(Fault::new("pdf.duplicate", "a duplicate key in a dictionary"));
            }
        }
    }

    fn literal(&mut self) -> Result<Vec<u8>, Fault> {
        self.at += 1;
        let mut out = Vec::new();
        let mut open = 1;
        loop {
            let b = self.peek().ok_or_else(|| form("an unterminated string"))?;
            self.at += 1;
            match b {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return Ok(out);
                    }
                }
                b'\\' => {
                    self.escape(&mut out)?;
                    continue;
                }
                _ => {}
            }
            out.push(b);
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let b = self.peek().ok_or_else(|| form("an unterminated string"))?;
        self.at += 1;
        out.push(match b {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'(' | b')' | b'\\' => b,
            b'0'..=b'7' => {
                let mut value = u32::from(b - b'0');
                for _ in 0..2 {
                    if let Some(digit @ b'0'..=b'7') = self.peek() {
                        value = value * 8 + u32::from(digit - b'0');
                        self.at += 1;
                    }
                }
                u8::try_from(value).map_err(|_| form("a string with an invalid escape"))?
            }
            b'\r' | b'\n' => {
                if b == b'\r' && self.peek() == Some(b'\n') {
                    self.at += 1;
                }
                return Ok(());
            }
            _ => return Err(form("a string with an invalid escape")),
        });
        Ok(())
    }

    fn hex(&mut self) -> Result<Vec<u8>, Fault> {
        self.at += 1;
        let mut digits = Vec::new();
        loop {
            let b = self.peek().ok_or_else(|| form("an unterminated string"))?;
            self.at += 1;
            match b {
                b'>' => break,
                b if is_space(b) => {}
                b => digits.push(char::from(b).to_digit(16).ok_or_else(|| form("a string that is not hexadecimal"))?),
            }
        }
        // A missing last digit is zero (7.3.4.3).
        Ok(digits.chunks(2).map(|pair| (pair[0] << 4 | pair.get(1).copied().unwrap_or(0)) as u8).collect())
    }
}
