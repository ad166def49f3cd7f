//! Reading test vectors: files that state what is expected of them.
//!
//! A vector is `key: value` lines, a line `===`, and the body. In the body `\u{...}` is a character, `\x..` a byte, `\n`
//! a line end and `\\` a backslash, so that what cannot be seen can be read.

#![allow(dead_code)] // Each test binary uses another part of it.

use std::collections::BTreeMap;
use std::path::Path;

/// One test vector.
pub struct Vector {
    /// The file's name without its extension.
    pub name: String,
    head: BTreeMap<String, String>,
    /// The body with its escapes resolved.
    pub body: Vec<u8>,
}

impl Vector {
    /// The value of a key of the head; empty if it is not there.
    pub fn value(&self, key: &str) -> &str {
        self.head.get(key).map_or("", String::as_str)
    }

    /// The words of `expect`; none for `pass`.
    pub fn expected(&self) -> Vec<String> {
        self.value("expect").split_whitespace().filter(|w| *w != "pass").map(str::to_owned).collect()
    }
}

/// The lines of a list under `tests/vectors`, with their escapes resolved; without blank ones and those that begin
/// with `#`.
pub fn lines(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let kept = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    kept.map(|line| String::from_utf8(unescape(line)).unwrap()).collect()
}

/// Every vector under `tests/vectors/<folder>`, by name.
pub fn read_all(folder: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&path).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "txt"));
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vector {
    let text = std::fs::read_to_string(file).unwrap();
    let (head, body) = text.split_once("===\n").unwrap_or_else(|| panic!("{} has no `===`", file.display()));
    let head = head.lines().filter_map(|l| l.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    Vector { name: file.file_stem().unwrap().to_string_lossy().into_owned(), head, body: unescape(body) }
}

fn unescape(body: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        out.extend(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let taken = match escape.as_bytes()[0] {
            b'\\' => {
                out.push(b'\\');
                1
            }
            b'n' => {
                out.push(b'\n');
                1
            }
            b'x' => {
                out.push(u8::from_str_radix(&escape[1..3], 16).unwrap());
                3
            }
            b'u' => {
                let end = escape.find('}').unwrap();
                let c = char::from_u32(u32::from_str_radix(&escape[2..end], 16).unwrap()).unwrap();
                out.extend(c.to_string().as_bytes());
                end + 1
            }
            other => panic!("unknown escape `\\{}`", char::from(other)),
        };
        rest = &escape[taken..];
    }
    out.extend(rest.as_bytes());
    out
}
