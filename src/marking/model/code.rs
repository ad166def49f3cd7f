//! Country and organisation codes, and canonical lists of them.

use std::fmt;

/// The longest code the register accepts, in bytes (`AUSTRALIA_GROUP` has fifteen).
pub const CODE_LEN_MAX: usize = 15;

/// A country trigraph or an organisation code, as text, held in sixteen bytes.
///
/// The value says nothing about membership or validity: the [`Register`](crate::marking::Register) decides that, and never
/// by the length of a code (`EU` and `NSG` are organisations).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code {
    len: u8,
    bytes: [u8; CODE_LEN_MAX],
}

impl Code {
    /// The United States, never a partner.
    pub const USA: Self = Self::literal("USA");
    /// The North Atlantic Treaty Organization.
    pub const NATO: Self = Self::literal("NATO");

    /// The code `text`; `None` unless it has the form of a code: 1 to 15 bytes of `A-Z`, `0-9`, `_`, `-` and `:`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let shaped = |b: &u8| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b':');
        if text.is_empty() || text.len() > CODE_LEN_MAX || !text.as_bytes().iter().all(shaped) {
            return None;
        }
        Some(Self::literal(text))
    }

    /// The code's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // INVARIANT: `new` admits ASCII only, so every prefix is UTF-8.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("a code is ASCII")
    }

    const fn literal(text: &str) -> Self {
        let source = text.as_bytes();
        let mut bytes = [0; CODE_LEN_MAX];
        let mut i = 0;
        while i < source.len() {
            bytes[i] = source[i];
            i += 1;
        }
        Self { len: source.len() as u8, bytes }
    }
}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Code {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A list of codes in canonical order, stored as the text that it prints as: one small allocation, none when empty.
///
/// INVARIANT: built only from a list that was checked for order and duplicates, so equal text is equal content.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeList(Box<str>);

impl CodeList {
    /// Joins codes that are already in canonical order.
    pub(in crate::marking) fn from_ordered<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = String::new();
        for code in codes {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(code);
        }
        Self(text.into_boxed_str())
    }

    /// Accepts a text of codes in canonical order, separated by single spaces.
    pub(in crate::marking) fn from_canonical(text: String) -> Self {
        Self(text.into_boxed_str())
    }

    /// The codes in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|c| !c.is_empty())
    }

    /// True when the list has no code.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when `code` is named literally.
    #[must_use]
    pub fn contains(&self, code: &str) -> bool {
        self.iter().any(|c| c == code)
    }

    /// The codes separated by single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
