//! The tokens of a Type 1 program, and the values that are written with them.

use std::collections::BTreeMap;

use super::{GLYPHS_MAX, NOTDEF, decrypt};
use crate::rebuild::pdf::file::object::is_space;

/// Reads the tokens of a program one after another.
pub(super) struct Tokens<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Tokens<'a> {
    /// Returns the next token; `None` at the end. A name includes its slash.
    pub fn next(&mut self) -> Option<&'a [u8]> {
        let delimiter = |b: u8| matches!(b, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%');
        loop {
            let b = *self.bytes.get(self.at)?;
            if is_space(b) {
                self.at += 1;
            } else if b == b'%' {
                self.skip_while(|b| !matches!(b, b'\r' | b'\n'));
            } else {
                break;
            }
        }
        let from = self.at;
        self.at += 1;
        match self.bytes.get(from)? {
            b'(' => self.skip_string()?,
            b'/' => self.skip_while(|b| !is_space(b) && !delimiter(b)),
            b if delimiter(*b) => {}
            _ => self.skip_while(|b| !is_space(b) && !delimiter(b)),
        }
        self.bytes.get(from..self.at)
    }

    /// Skips bytes as long as `more` accepts them.
    pub fn skip_while(&mut self, more: impl Fn(u8) -> bool) {
        while self.bytes.get(self.at).is_some_and(|b| more(*b)) {
            self.at += 1;
        }
    }

    /// Skips the rest of a string, up to the closing parenthesis.
    pub fn skip_string(&mut self) -> Option<()> {
        let mut open = 1;
        while open > 0 {
            match self.bytes.get(self.at)? {
                b'(' => open += 1,
                b')' => open -= 1,
                b'\\' => self.at += 1,
                _ => {}
            }
            self.at += 1;
        }
        Some(())
    }

    /// Reads a number.
    pub fn number(&mut self) -> Option<f64> {
        let text = std::str::from_utf8(self.next()?).ok()?;
        let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
        text.parse::<f64>().ok().filter(|n| plain && n.abs() < 1e6)
    }

    /// Reads an integer from 0 to `max`.
    pub fn count(&mut self, max: usize) -> Option<usize> {
        let n = self.number()?;
        (n >= 0.0 && n.fract() == 0.0 && n <= max as f64).then_some(n as usize)
    }

    /// Reads an encoding: names by code, or `None` for the standard one. Other tokens in it only initialise the array.
    pub fn encoding(&mut self) -> Option<Option<BTreeMap<u8, String>>> {
        if self.next()? == b"StandardEncoding" {
            return Some(None);
        }
        let mut names = BTreeMap::new();
        loop {
            match self.next()? {
                b"def" | b"readonly" => return Some(Some(names)),
                b"dup" => {
                    let code = u8::try_from(self.count(255)?).ok()?;
                    let name = name(self.next()?)?;
                    if self.next()? != b"put" {
                        return None;
                    }
                    if name != NOTDEF && names.insert(code, name.clone()).is_some_and(|other| other != name) {
                        return None;
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads a count and that many bytes after one space, decrypted and without the first `ahead` bytes.
    pub fn binary(&mut self, ahead: usize) -> Option<Vec<u8>> {
        let length = self.count(65_535)?;
        // The operator that reads them has a name that each program chooses.
        let word = self.next()?;
        if !matches!(word, b"RD" | b"-|") {
            return None;
        }
        let from = self.at + 1;
        let bytes = self.bytes.get(from..from + length)?;
        self.at = from + length;
        decrypt(bytes, 4330).get(ahead..).map(<[u8]>::to_vec)
    }

    /// Reads the subroutines.
    pub fn subroutines(&mut self, ahead: usize) -> Option<Vec<Vec<u8>>> {
        let count = self.count(GLYPHS_MAX)?;
        (self.next()? == b"array").then_some(())?;
        let mut parts: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        loop {
            let before = self.at;
            match self.next()? {
                b"dup" => {
                    let index = self.count(count.checked_sub(1)?)?;
                    let part = self.binary(ahead)?;
                    if parts.insert(index, part).is_some() {
                        return None;
                    }
                }
                b"ND" | b"|-" | b"def" => break,
                b"/CharStrings" => {
                    self.at = before;
                    break;
                }
                // `NP`, or the program's name for it.
                _ => {}
            }
        }
        Some((0..count).map(|index| parts.remove(&index).unwrap_or_default()).collect())
    }

    /// Reads the charstrings with their names.
    pub fn charstrings(&mut self, ahead: usize) -> Option<Vec<(String, Vec<u8>)>> {
        let count = self.count(GLYPHS_MAX)?;
        let mut drawings = Vec::new();
        loop {
            match self.next()? {
                b"end" => return Some(drawings),
                word if word.starts_with(b"/") => {
                    if drawings.len() >= count {
                        return None;
                    }
                    let drawing = self.binary(ahead)?;
                    drawings.push((name(word)?, drawing));
                }
                // `dict dup begin` before them, and `ND`, or the program's name for it, after each.
                _ => {}
            }
        }
    }
}

/// Returns the name without its slash; `None` if the token is not a name.
pub(super) fn name(word: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(word.strip_prefix(b"/")?).ok()?;
    (!name.is_empty() && name.len() <= 127 && name.bytes().all(|b| b.is_ascii_graphic())).then(|| name.to_owned())
}
