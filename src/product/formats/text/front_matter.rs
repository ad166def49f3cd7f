//! The `Key: value` lines of a front block and of a tearline's head.

use jiff::civil::Date;

use super::lines::Line;
use crate::product::fault::{FaultCode, Faults, InvalidValue};

pub(in crate::product) const FRONT_KEYS: [&str; 8] =
    ["Id", "Title", "Originator", "Date", "Kind", "Subjects", "Contact", "Protected"];
pub(in crate::product) const HEAD_KEYS: [&str; 5] = ["Title", "Originator", "Subjects", "Contact", "Protected"];

/// One `Key: value` line.
#[derive(Clone, Copy)]
pub(in crate::product) struct Entry<'t> {
    pub line: Line<'t>,
    pub key: &'t str,
    pub value: &'t str,
}

impl Entry<'_> {
    pub fn parse<T: std::str::FromStr<Err = InvalidValue>>(&self, faults: &mut Faults) -> Option<T> {
        self.value.parse().map_err(|e: InvalidValue| self.wrong(e.0, faults)).ok()
    }

    pub fn date(&self, faults: &mut Faults) -> Option<Date> {
        let date = self.value.parse::<Date>().ok().filter(|d| d.to_string() == self.value && d.year() >= 1900);
        if date.is_none() {
            self.wrong("a day such as `2026-11-20`, and no time", faults);
        }
        date
    }

    fn wrong(&self, expected: &str, faults: &mut Faults) {
        let at = self.line.column_of(self.value);
        faults.at(
            FaultCode::FrontValue,
            self.line.number,
            at..at + self.value.len(),
            format!("invalid value of `{}`", self.key),
            format!("write {expected}"),
        );
    }

    pub fn without_mark(&self) -> String {
        let text = match self.value.find(')') {
            Some(close) if self.value.starts_with('(') => &self.value[close + 1..],
            _ => self.value,
        };
        tidy(text)
    }
}

pub(in crate::product) fn entries<'t>(lines: &[Line<'t>], keys: &[&str], faults: &mut Faults) -> Vec<Entry<'t>> {
    let mut found: Vec<Entry<'t>> = Vec::new();
    for line in lines {
        let Some((key, value)) = key_value(line.text, keys) else {
            faults.at(
                FaultCode::FrontLine,
                line.number,
                0..line.text.len(),
                "unexpected line",
                format!("write `Key: value`, with one of the keys {}; a blank line ends the block", keys.join(", ")),
            );
            continue;
        };
        if let Some(earlier) = found.iter().find(|e| e.key == key) {
            let first = earlier.line.number;
            faults.at(
                FaultCode::FrontRepeated,
                line.number,
                0..key.len(),
                format!("duplicate `{key}`: it stands on line {first} already"),
                "keep one of them",
            );
            continue;
        }
        if value.is_empty() {
            faults.at(
                FaultCode::FrontValue,
                line.number,
                line.text.len()..line.text.len(),
                format!("`{key}` has no value"),
                "give it one, or remove the line",
            );
            continue;
        }
        found.push(Entry { line: *line, key, value });
    }
    found
}

pub(in crate::product) fn key_value<'t>(text: &'t str, keys: &[&str]) -> Option<(&'t str, &'t str)> {
    let (key, value) = text.split_once(':')?;
    let value = value.strip_prefix(' ').or(value.is_empty().then_some(""))?;
    keys.contains(&key).then_some((key, value.trim_matches(' ')))
}

pub(in crate::product) fn find<'e, 't>(entries: &'e [Entry<'t>], key: &str) -> Option<&'e Entry<'t>> {
    entries.iter().find(|e| e.key == key)
}

pub(in crate::product) fn required<'e, 't>(
    entries: &'e [Entry<'t>],
    key: &str,
    line: usize,
    faults: &mut Faults,
) -> Option<&'e Entry<'t>> {
    let found = find(entries, key);
    if found.is_none() {
        faults.at(
            FaultCode::FrontMissing,
            line,
            0..0,
            format!("the front block has no readable `{key}`"),
            format!("add a line `{key}: ...` to the front block"),
        );
    }
    found
}

/// A line's words with single spaces between them: outer and doubled spaces could carry what nobody reads.
pub(in crate::product) fn tidy(text: &str) -> String {
    text.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}
