//! Reads TOML value by value, and collects every fault instead of stopping at the first.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use toml::de::{DeTable, DeValue};

use super::fault::ConfigFault;

type Span = Range<usize>;

/// A configuration text that is being read.
pub(super) struct Document {
    text: String,
    sections: BTreeMap<String, (Span, BTreeMap<String, Entry>)>,
    faults: Vec<ConfigFault>,
}

struct Entry {
    key: Span,
    value: Span,
    leaf: Leaf,
}

/// The types that a configuration value may have; for any other type, its name.
enum Leaf {
    Text(String),
    Number(Option<u64>),
    List(Vec<(Span, Option<String>)>),
    Other(&'static str),
}

/// One section of a document. Its keys are read one by one; each key that remains is a fault.
pub(super) struct Section<'d> {
    document: &'d mut Document,
    name: &'static str,
}

impl Document {
    pub(super) fn parse(text: &str) -> Document {
        let mut document = Document { text: text.to_owned(), sections: BTreeMap::new(), faults: Vec::new() };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            document.fault(error.span(), error.message().to_owned());
        }
        for (key, value) in table.get_ref().iter() {
            let name = key.get_ref().to_string();
            let Some(entries) = value.get_ref().as_table() else {
                document.fault(Some(key.span()), format!("`{name}` must be in a section such as `[node]`"));
                continue;
            };
            let entries = entries
                .iter()
                .map(|(key, value)| {
                    let entry = Entry { key: key.span(), value: value.span(), leaf: leaf(value.get_ref()) };
                    (key.get_ref().to_string(), entry)
                })
                .collect();
            document.sections.insert(name, (key.span(), entries));
        }
        document
    }

    pub(super) fn section(&mut self, name: &'static str) -> Section<'_> {
        Section { document: self, name }
    }

    /// Whether the text has at least one of the sections `known`.
    pub(super) fn has_any_section(&self, known: &[&str]) -> bool {
        known.iter().any(|name| self.sections.contains_key(*name))
    }

    /// Returns every fault, including sections other than those `known` and keys that were not read.
    pub(super) fn finish(mut self, known: &[&str]) -> Vec<ConfigFault> {
        for (name, (span, entries)) in std::mem::take(&mut self.sections) {
            if known.contains(&name.as_str()) {
                for (key, entry) in entries {
                    self.fault(Some(entry.key), format!("unknown key `{key}` in section `[{name}]`"));
                }
            } else if name == "inspection" {
                // An earlier version had this section here, where a change would not need two signatures.
                let problem = "`[inspection]` belongs to the policy, which two officers sign: put it in `inspection.toml` of a \
                               policy folder, and propose that with `portcullis change propose`";
                self.fault(Some(span), problem.to_owned());
            } else {
                self.fault(Some(span), format!("unknown section `[{name}]`"));
            }
        }
        self.faults
    }

    fn fault(&mut self, span: Option<Span>, problem: String) {
        let line = span
            .map(|s| 1 + self.text.as_bytes()[..s.start.min(self.text.len())].iter().filter(|b| **b == b'\n').count());
        self.faults.push(ConfigFault { line, problem });
    }
}

impl Section<'_> {
    /// Reads a string; `default` if the key is missing, or a fault if there is no default.
    pub(super) fn text(&mut self, key: &'static str, default: Option<&str>) -> String {
        self.parsed(key, default, |text| Ok(text.to_owned()))
    }

    /// Reads a string that `parse` accepts.
    pub(super) fn parsed<T: Default>(
        &mut self,
        key: &'static str,
        default: Option<&str>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        match self.take(key) {
            Some((span, Leaf::Text(text))) => self.or_fault(span, key, parse(&text)),
            Some((span, other)) => self.wrong(span, key, "a string", &other),
            None => match default {
                // INVARIANT: defaults are valid constants of `sections.rs`; a test parses a file without them.
                Some(text) => parse(text).unwrap_or_default(),
                None => self.missing(key),
            },
        }
    }

    /// Reads a required string that `parse` accepts; `None` only if a fault was recorded.
    pub(super) fn required<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match self.take(key) {
            Some((span, Leaf::Text(text))) => {
                let parsed = parse(&text).map(Some);
                self.or_fault(span, key, parsed)
            }
            Some((span, other)) => self.wrong(span, key, "a string", &other),
            None => self.missing(key),
        }
    }

    /// Reads an optional string that `parse` accepts.
    pub(super) fn optional<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match self.take(key)? {
            (span, Leaf::Text(text)) => {
                let parsed = parse(&text).map(Some);
                self.or_fault(span, key, parsed)
            }
            (span, other) => self.wrong(span, key, "a string", &other),
        }
    }

    /// Reads a list of strings that `parse` accepts.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        default: &[&str],
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        match self.take(key) {
            Some((span, Leaf::List(items))) => {
                let mut list = Vec::new();
                for (item, text) in items {
                    match text.as_deref().map(&parse) {
                        Some(Ok(value)) => list.push(value),
                        Some(Err(problem)) => self.document.fault(Some(item), format!("`{key}` {problem}")),
                        None => self.wrong(span.clone(), key, "a list of strings", &Leaf::Other("another list")),
                    }
                }
                list
            }
            Some((span, other)) => self.wrong(span, key, "a list of strings", &other),
            None => default.iter().filter_map(|text| parse(text).ok()).collect(),
        }
    }

    /// Reads a whole number within `range`.
    pub(super) fn number(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        match self.take(key) {
            Some((span, Leaf::Number(number))) => {
                let number = number.filter(|n| range.contains(n));
                let problem = format!("must be a whole number from {} to {}", range.start(), range.end());
                self.or_fault(span, key, number.ok_or(problem))
            }
            Some((span, other)) => self.wrong(span, key, "a whole number", &other),
            None => default,
        }
    }

    fn take(&mut self, key: &str) -> Option<(Span, Leaf)> {
        let (_, entries) = self.document.sections.get_mut(self.name)?;
        entries.remove(key).map(|entry| (entry.value, entry.leaf))
    }

    fn or_fault<T: Default>(&mut self, span: Span, key: &str, parsed: Result<T, String>) -> T {
        parsed.unwrap_or_else(|problem| {
            self.document.fault(Some(span), format!("`{key}` {problem}"));
            T::default()
        })
    }

    fn wrong<T: Default>(&mut self, span: Span, key: &str, expected: &str, found: &Leaf) -> T {
        let found = match found {
            Leaf::Text(_) => "a string",
            Leaf::Number(_) => "a number",
            Leaf::List(_) => "a list",
            Leaf::Other(kind) => kind,
        };
        self.or_fault(span, key, Err(format!("must be {expected}, found {found}")))
    }

    fn missing<T: Default>(&mut self, key: &str) -> T {
        let problem = format!("`{key}` is missing from section `[{}]`", self.name);
        self.document.faults.push(ConfigFault { line: None, problem });
        T::default()
    }
}

fn leaf(value: &DeValue<'_>) -> Leaf {
    match value {
        DeValue::String(text) => Leaf::Text(text.to_string()),
        DeValue::Integer(digits) => Leaf::Number(u64::from_str_radix(digits.as_str(), digits.radix()).ok()),
        DeValue::Array(items) => {
            Leaf::List(items.iter().map(|i| (i.span(), i.get_ref().as_str().map(str::to_owned))).collect())
        }
        other => Leaf::Other(other.type_str()),
    }
}
